//! What the measures of one query say: how much it reads, where rows multiply, where they are dropped late.

use std::time::Duration;

use super::MANY_ROWS;
use super::tables::Tables;
use crate::node::NodeId;
use crate::warehouse::profile::{Operator, OperatorKind, Profile, Scan};

/// A join multiplies if it makes so many times the rows of its larger input.
const FAN_OUT: u64 = 2;

/// Nearly all rows: all but one in so many.
pub(super) const NEARLY_ALL: u64 = 10;

/// What one query does.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Rows that its scans look at.
    pub rows_in: u64,
    /// Bytes of the rows that its scans hand on: of the columns that are read, after the scan's own filters.
    pub bytes_in: u64,
    /// What it reads, each scan.
    pub reads: Vec<Read>,
    /// Its joins.
    pub joins: Vec<Joined>,
    /// Filters that drop nearly all rows after a join.
    pub late_filters: Vec<LateFilter>,
    /// Whether it does more than take rows and columns: join, aggregate, sort, look around.
    pub is_work: bool,
}

/// A scan, with the filter right above it.
#[derive(Clone, Debug)]
pub struct Read {
    /// What is read, as people call it.
    pub of: String,
    /// The node whose table it is.
    pub node: Option<NodeId>,
    /// Columns, filters, rows looked at.
    pub scan: Scan,
    /// Rows that are kept.
    pub kept: u64,
    /// What all threads worked on it.
    pub busy: Duration,
    /// What becomes of the rows further up.
    pub aggregated: Option<Aggregated>,
}

/// An aggregation above something.
#[derive(Clone, Debug)]
pub struct Aggregated {
    /// Rows that it makes.
    pub rows: u64,
    /// By what; names as far as they are known.
    pub groups: Vec<String>,
}

/// A join with its sizes.
#[derive(Clone, Debug)]
pub struct Joined {
    /// The conditions; none if every row meets every row.
    pub on: Vec<String>,
    /// Rows of its inputs.
    pub inputs: [u64; 2],
    /// What is read for each of its inputs.
    pub tables: [Vec<String>; 2],
    /// Rows that it makes.
    pub rows: u64,
    /// What all threads worked on it and on its rows, up to where they are aggregated.
    pub busy: Duration,
    /// The next aggregation above it.
    pub aggregated: Option<Aggregated>,
    /// Whether its rows can be more than those of its inputs.
    pub is_filter: bool,
}

/// A filter on the rows of a join.
#[derive(Clone, Debug)]
pub struct LateFilter {
    /// Which rows it keeps.
    pub condition: String,
    /// Rows before.
    pub rows_in: u64,
    /// Rows after.
    pub rows: u64,
    /// The conditions of the join.
    pub on: Vec<String>,
    /// What all threads worked on the join.
    pub busy: Duration,
}

impl Joined {
    /// Rows that it makes for each row of its larger input.
    pub fn fan_out(&self) -> f64 {
        ratio(self.rows, self.inputs[0].max(self.inputs[1]))
    }

    /// Whether it makes many rows of few.
    pub fn multiplies(&self) -> bool {
        let largest = self.inputs[0].max(self.inputs[1]);
        !self.is_filter && self.rows >= MANY_ROWS && self.rows >= largest.saturating_mul(FAN_OUT)
    }

    /// Whether many rows are looked up among few, for no more than to be aggregated.
    pub fn comes_too_early(&self) -> bool {
        let [first, second] = self.inputs;
        let (large, small) = (first.max(second), first.min(second));
        let is_lookup = large >= MANY_ROWS && small.saturating_mul(NEARLY_ALL) <= large;
        let shrinks = |it: &Aggregated| it.rows.saturating_mul(NEARLY_ALL) <= self.rows;
        !self.is_filter && !self.multiplies() && is_lookup && self.aggregated.as_ref().is_some_and(shrinks)
    }
}

/// How many times as many.
#[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
pub fn ratio(rows: u64, of: u64) -> f64 {
    rows as f64 / of.max(1) as f64
}

/// Reads the measures of a query.
pub(super) fn facts(profile: &Profile, tables: &Tables<'_>) -> Facts {
    let mut facts = Facts::default();
    visit(&mut facts, tables, &profile.root, &Above::default());
    facts.rows_in = facts.reads.iter().map(|it| it.scan.looked_at).sum();
    facts
}

/// What stands above an operator.
#[derive(Clone, Default)]
struct Above {
    aggregated: Option<Aggregated>,
    /// What was worked since then.
    busy: Duration,
    /// A filter right above: its condition, and the rows it keeps.
    filter: Option<(String, u64)>,
}

fn visit(facts: &mut Facts, tables: &Tables<'_>, operator: &Operator, above: &Above) {
    let mut below = Above { busy: above.busy + operator.busy, filter: None, ..above.clone() };
    match &operator.kind {
        OperatorKind::Scan(scan) => {
            let mut scan = scan.clone();
            let (condition, kept) = above.filter.clone().unzip();
            scan.filters.extend(condition);
            facts.bytes_in += operator.bytes;
            let node = if scan.is_table { tables.node(&scan.of) } else { None };
            facts.reads.push(Read {
                of: said(&scan, tables),
                node,
                scan,
                kept: kept.unwrap_or(operator.rows),
                busy: operator.busy,
                aggregated: above.aggregated.clone(),
            });
        }
        OperatorKind::Join { on, is_filter } => {
            facts.is_work = true;
            if let [first, second] = &operator.inputs[..] {
                facts.joins.push(Joined {
                    on: on.clone(),
                    inputs: [first.rows, second.rows],
                    tables: [first, second].map(|it| read_below(it, tables)),
                    rows: operator.rows,
                    busy: below.busy,
                    aggregated: above.aggregated.clone(),
                    is_filter: *is_filter,
                });
            }
        }
        OperatorKind::Filter { condition } => {
            facts.late_filters.extend(late_filter(operator, condition));
            below.filter = Some((condition.clone(), operator.rows));
        }
        OperatorKind::Aggregate { groups } => {
            facts.is_work = true;
            let aggregated = Some(Aggregated { rows: operator.rows, groups: groups.clone() });
            below = Above { aggregated, busy: Duration::ZERO, filter: None };
        }
        OperatorKind::Window | OperatorKind::Sort { .. } => facts.is_work = true,
        OperatorKind::Project { .. } => below.filter.clone_from(&above.filter),
        OperatorKind::Other => {}
    }
    for input in &operator.inputs {
        visit(facts, tables, input, &below);
    }
}

fn late_filter(operator: &Operator, condition: &str) -> Option<LateFilter> {
    let input = operator.inputs.first()?;
    if input.rows < MANY_ROWS || operator.rows.saturating_mul(NEARLY_ALL) > input.rows {
        return None;
    }
    let mut below = input;
    while let (OperatorKind::Project { .. }, Some(next)) = (&below.kind, below.inputs.first()) {
        below = next;
    }
    let OperatorKind::Join { on, .. } = &below.kind else { return None };
    // Put beside one value, such as the newest row that is there already, rows are not joined in earnest.
    if below.inputs.iter().any(|it| it.rows <= 1) {
        return None;
    }
    Some(LateFilter {
        condition: condition.to_owned(),
        rows_in: input.rows,
        rows: operator.rows,
        on: on.clone(),
        busy: operator.busy + below.busy,
    })
}

/// What is read below an operator, each once.
fn read_below(operator: &Operator, tables: &Tables<'_>) -> Vec<String> {
    let mut read: Vec<String> = Vec::new();
    for operator in operator.walk() {
        if let OperatorKind::Scan(scan) = &operator.kind {
            let name = said(scan, tables);
            if !read.contains(&name) {
                read.push(name);
            }
        }
    }
    read
}

/// What is read, as people call it.
pub(super) fn said(scan: &Scan, tables: &Tables<'_>) -> String {
    if scan.is_table { tables.name(&scan.of) } else { scan.of.clone() }
}
