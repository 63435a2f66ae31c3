//! What is said of a profile.

use std::fmt::Write as _;
use std::time::Duration;

use super::{factor, time};
use crate::profile::{Form, Growth, Joined, LateFilter, Measured, What, WhyLeftOut};
use crate::report::numbers::{count, plural, thousands};
use crate::warehouse::profile::{Operator, OperatorKind};

/// How many names a sentence has.
const NAMED: usize = 4;

/// How a model is made, and which of its queries was run.
pub(super) fn made_as(measured: &Measured) -> String {
    match measured.form {
        Form::Whole => measured.made_as.clone(),
        Form::Update => format!("{} (update)", measured.made_as),
        Form::Batch => format!("{} (batch)", measured.made_as),
    }
}

/// A step of a query: `hash join on a = b`.
pub(super) fn step(operator: &Operator) -> String {
    let name = &operator.name;
    let by = |words: &[String]| words.join(", ");
    match &operator.kind {
        OperatorKind::Scan(scan) if scan.filters.is_empty() => format!("scan of {}", scan.of),
        OperatorKind::Scan(scan) => format!("scan of {} where {}", scan.of, scan.filters.join(" and ")),
        OperatorKind::Join { on, .. } if on.is_empty() => name.clone(),
        OperatorKind::Join { on, .. } => format!("{name} on {}", on.join(" and ")),
        OperatorKind::Filter { condition } => format!("filter {condition}"),
        OperatorKind::Aggregate { groups } if groups.is_empty() => name.clone(),
        OperatorKind::Aggregate { groups } => format!("{name} {}", by(groups)),
        OperatorKind::Sort { by: columns } if !columns.is_empty() => format!("sort by {}", by(columns)),
        OperatorKind::Project { computed } if !computed.is_empty() => format!("computing {}", by(computed)),
        OperatorKind::Project { .. }
        | OperatorKind::Sort { .. }
        | OperatorKind::Window
        | OperatorKind::Other => name.clone(),
    }
}

/// `500,000 -> 1,200`, or one number where nothing changes.
pub(super) fn rows_through(operator: &Operator) -> String {
    let rows_in: Vec<u64> = match &operator.kind {
        OperatorKind::Scan(scan) => vec![scan.looked_at],
        _ => operator.inputs.iter().map(|it| it.rows).collect(),
    };
    let shown: Vec<String> = rows_in.iter().map(|it| thousands(*it)).collect();
    match rows_in[..] {
        [] => thousands(operator.rows),
        [one] if one == operator.rows || one == 0 => thousands(operator.rows),
        _ => format!("{} -> {}", shown.join(" + "), thousands(operator.rows)),
    }
}

/// `16.0 MB`.
pub(super) fn bytes(n: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let size = n as f64;
    match n {
        0..1_000 => format!("{n} B"),
        1_000..1_000_000 => format!("{:.1} kB", size / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", size / 1e6),
        _ => format!("{:.1} GB", size / 1e9),
    }
}

/// The finding's kind, for programs.
pub(super) fn code(what: &What) -> &'static str {
    match what {
        What::JoinMultiplies { .. } => "join-multiplies",
        What::AggregateBeforeJoin { .. } => "aggregate-before-join",
        What::LateFilter { .. } => "late-filter",
        What::FilterEarlier { .. } => "filter-earlier",
        What::AggregateEarlier { .. } => "aggregate-earlier",
        What::SameFilter { .. } => "same-filter",
        What::ComputedAgain { .. } => "computed-again",
        What::UnusedColumns { .. } => "unused-columns",
        What::Spilled { .. } => "spilled",
    }
}

/// What was found, in a sentence.
pub(super) fn message(what: &What) -> String {
    match what {
        What::JoinMultiplies { model, join } => join_multiplies(model, join),
        What::AggregateBeforeJoin { model, join } => {
            let [first, second] = join.inputs;
            let rows = join.aggregated.as_ref().map_or(0, |it| it.rows);
            format!(
                "in `{model}`, {} looks up {} rows among {}, to aggregate them to {}",
                the_join(&join.on),
                thousands(first.max(second)),
                thousands(first.min(second)),
                thousands(rows)
            )
        }
        What::LateFilter { model, filter } => {
            let LateFilter { condition, rows_in, rows, on, .. } = filter;
            format!(
                "in `{model}`, the filter `{condition}` keeps {} of {} rows after {}",
                thousands(*rows),
                thousands(*rows_in),
                the_join(on)
            )
        }
        What::FilterEarlier { model, rows, kept, readers, filters } => format!(
            "`{model}` has {} rows, and of these {} {} at most {}: {}",
            thousands(*rows),
            listed(readers),
            if readers.len() == 1 { "keeps" } else { "keep each" },
            thousands(*kept),
            quoted(filters)
        ),
        What::AggregateEarlier { model, rows, at_most, readers } => format!(
            "`{model}` stores {} rows, and all that {} them, {}, aggregates them to {} at most",
            thousands(*rows),
            if readers.len() == 1 { "reads" } else { "read" },
            listed(readers),
            count(usize::try_from(*at_most).unwrap_or(usize::MAX), "row")
        ),
        What::SameFilter { of, filters, looked_at, kept, readers } => format!(
            "{} look each at {} rows of `{of}` and keep {} by the same filter: {}",
            listed(readers),
            thousands(*looked_at),
            thousands(*kept),
            quoted(filters)
        ),
        What::ComputedAgain { model, made_as, rows_in, rows, elapsed, readers } => format!(
            "{made_as} `{model}` is computed anew by {} models, {}: each time {} rows are read to make {}, in {}",
            readers.len(),
            listed(readers),
            thousands(*rows_in),
            thousands(*rows),
            time(*elapsed)
        ),
        What::UnusedColumns { model, columns, of, rows } => format!(
            "{} of {of} columns of `{model}` ({} rows) are read by no model: {}",
            columns.len(),
            thousands(*rows),
            listed(columns)
        ),
        What::Spilled { model, bytes: n } => {
            format!("`{model}` does not fit into memory: {} were on the disk at once", bytes(*n))
        }
    }
}

fn join_multiplies(model: &str, join: &Joined) -> String {
    let [first, second] = join.inputs.map(thousands);
    let mut text = format!(
        "in `{model}`, {} makes {} rows of {first} and {second} ({})",
        the_join(&join.on),
        thousands(join.rows),
        factor(join.fan_out())
    );
    if let Some(aggregated) = &join.aggregated {
        let rows = format!("{} {}", thousands(aggregated.rows), plural(aggregated.rows, "row"));
        let _ = write!(text, ", which become {rows} when they are aggregated later");
    }
    text
}

/// What to do about it.
pub(super) fn help(what: &What) -> String {
    match what {
        What::JoinMultiplies { join, .. } => {
            let smaller = usize::from(join.inputs[1] <= join.inputs[0]);
            let small = match &join.tables[smaller][..] {
                [] => "the smaller input".to_owned(),
                tables => listed(tables),
            };
            match (&join.aggregated, join.on.is_empty()) {
                (_, true) => {
                    "give the join a condition, or compute what is the same for all rows once".to_owned()
                }
                (Some(_), false) => {
                    format!("aggregate before the join, so that {small} has one row for each key")
                }
                (None, false) => format!(
                    "the key of {small} is not unique: if it should be, a `unique` test finds the rows; if not, \
                     aggregate it first"
                ),
            }
        }
        What::AggregateBeforeJoin { .. } => {
            "aggregate by the join's key first, and join the few rows that are left".to_owned()
        }
        What::LateFilter { .. } => {
            "filter each input before the join, or put the condition into the join".to_owned()
        }
        What::FilterEarlier { model, .. } => format!("put the filter into `{model}`"),
        What::AggregateEarlier { model, .. } => format!(
            "aggregate in `{model}` already; if people do not read its rows, a view or an ephemeral model spares the table"
        ),
        What::SameFilter { .. } => "let one model, stored as a table, filter for all of them".to_owned(),
        What::ComputedAgain { model, .. } => format!("store it once: `materialized: table` for `{model}`"),
        What::UnusedColumns { .. } => "leave them out, if nobody reads them in the table itself".to_owned(),
        What::Spilled { .. } => {
            "aggregate or filter earlier, select fewer columns, or raise `memory_limit`".to_owned()
        }
    }
}

/// What changed, and whether the rows explain it.
pub(super) fn growth(grown: &Growth) -> &'static str {
    let is_counted = grown.rows_in_before.is_some() && grown.rows_in.is_some();
    match (grown.is_slower, grown.reads_more) {
        (true, true) => "slower, and reads more",
        (true, false) if is_counted => "slower, though it does not read more",
        (true, false) => "slower",
        (false, _) => "reads more",
    }
}

/// Why a node was not measured.
pub(super) fn why_left_out(why: &WhyLeftOut, model: &str) -> String {
    match why {
        WhyLeftOut::NotBuilt { nodes, sources } => {
            let mut parts = Vec::new();
            if !nodes.is_empty() {
                parts.push(format!(
                    "it reads {}, which {} not built: tidemill build -s +{model}",
                    listed(nodes),
                    if nodes.len() == 1 { "is" } else { "are" }
                ));
            }
            if !sources.is_empty() {
                let verb = if sources.len() == 1 { "is" } else { "are" };
                parts.push(format!(
                    "the {} {} {verb} not there",
                    plural(sources.len() as u64, "source"),
                    listed(sources)
                ));
            }
            parts.join("; ")
        }
        WhyLeftOut::NotExplained => {
            "the engine does not measure such a statement: a `pivot` whose columns come from the data"
                .to_owned()
        }
        WhyLeftOut::TableFunction => {
            "a table function is called with arguments, and measured in the models that call it".to_owned()
        }
    }
}

fn the_join(on: &[String]) -> String {
    if on.is_empty() {
        "a join without condition".to_owned()
    } else {
        format!("the join on `{}`", on.join(" and "))
    }
}

/// `a`, `a and b`, `a, b and 3 more`.
fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(NAMED).map(|it| format!("`{it}`")).collect();
    let more = names.len().saturating_sub(NAMED);
    match (&shown[..], more) {
        ([], _) => String::new(),
        ([one], 0) => one.clone(),
        ([others @ .., last], 0) => format!("{} and {last}", others.join(", ")),
        (all, more) => format!("{} and {more} more", all.join(", ")),
    }
}

fn quoted(filters: &[String]) -> String {
    filters.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")
}

/// Seconds for programs.
pub(super) fn as_seconds(elapsed: Duration) -> f64 {
    (elapsed.as_secs_f64() * 1e6).round() / 1e6
}
