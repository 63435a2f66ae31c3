//! `schema_drift`: columns and types against those of the last published version.

use super::versions::accepted_rows;
use super::{Judged, Measurement};
use crate::parse::check::{Reaction, SchemaDrift};
use crate::plan::PlannedTest;
use crate::run::Shared;
use crate::run::connection::Connection;
use crate::run::event::TestStatus;
use crate::run::testing::judging::reacting;
use crate::warehouse::{Column, Rows, Value, Warehouse as _, WarehouseError};

/// Name and type of a column.
type Named = (String, String);

/// How many changes a message names.
const NAMED: usize = 4;

pub(super) fn to_json(columns: &[Column]) -> String {
    let pairs: Vec<(&str, &str)> =
        columns.iter().map(|it| (it.name.as_str(), it.data_type.as_str())).collect();
    serde_json::to_string(&pairs).unwrap_or_default()
}

fn of_json(text: &str) -> Vec<Named> {
    serde_json::from_str(text).unwrap_or_default()
}

/// Compares the columns that were found with those of the last version.
pub(super) fn judge(
    shared: &Shared<'_>,
    warehouse: &mut Connection,
    test: &PlannedTest,
    rules: SchemaDrift,
    measured: &[Measurement],
) -> Result<Judged, WarehouseError> {
    let node = shared.graph.node(test.node);
    let found = measured.first().and_then(|it| it.text.as_deref()).unwrap_or_default();
    let now = of_json(found);
    let mut judged = Judged::passing(None, measured);
    let last = warehouse.scalars(&shared.history.last_columns(node.unique_id.as_str()))?;
    let Some(Value::Text(before)) = last.first() else {
        let noun = if now.len() == 1 { "column" } else { "columns" };
        judged.judgement.2 = Some(format!("first version: {} {noun}, nothing to compare with", now.len()));
        return Ok(judged);
    };
    let changes = changes(&of_json(before), &now, rules);
    let status = |it: &Change| reacting(it.reaction, test.verdict.severity);
    let worst = changes.iter().map(status).max().unwrap_or(TestStatus::Pass);
    if changes.is_empty() {
        return Ok(judged);
    }
    if worst == TestStatus::Pass {
        judged.judgement.2 = Some(said(&changes));
        return Ok(judged);
    }
    let accepted = accepted_rows(shared, warehouse, test)?.into_iter().next();
    if let Some(accepted) = accepted.filter(|it| it.text.as_deref() == Some(found)) {
        judged.uses_acceptance = true;
        judged.judgement.2 = Some(format!("{}; accepted: {}", said(&changes), accepted.why()));
        return Ok(judged);
    }
    let bad: Vec<&Change> = changes.iter().filter(|it| status(it) != TestStatus::Pass).collect();
    judged.judgement = (worst, bad.len() as u64, Some(said(&changes)));
    judged.samples = Some(table(&bad, test.sample_rows));
    Ok(judged)
}

/// One difference between two versions.
struct Change {
    column: String,
    before: Option<String>,
    now: Option<String>,
    text: String,
    reaction: Reaction,
}

fn changes(before: &[Named], now: &[Named], rules: SchemaDrift) -> Vec<Change> {
    let find = |columns: &[Named], name: &str| {
        columns.iter().find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, kind)| kind.clone())
    };
    let mut changes = Vec::new();
    for (name, was) in before {
        let (is, reaction, text) = match find(now, name) {
            None => (None, rules.removed, format!("`{name}` is gone")),
            Some(is) if is != *was => {
                let text = format!("`{name}` was {was} and is {is}");
                (Some(is), rules.retyped, text)
            }
            Some(_) => continue,
        };
        changes.push(Change { column: name.clone(), before: Some(was.clone()), now: is, text, reaction });
    }
    for (name, is) in now.iter().filter(|(name, _)| find(before, name).is_none()) {
        let gone = before.iter().filter(|(name, was)| was == is && find(now, name).is_none());
        let renamed = crate::diagnostics::suggest::nearest(name, gone.map(|(name, _)| name.as_str()));
        let text = match renamed {
            Some(old) => format!("`{name}` is new: perhaps `{old}` was renamed"),
            None => format!("`{name}` is new"),
        };
        changes.push(Change {
            column: name.clone(),
            before: None,
            now: Some(is.clone()),
            text,
            reaction: rules.added,
        });
    }
    let names = |columns: &[Named]| columns.iter().map(|(name, _)| name.to_lowercase()).collect::<Vec<_>>();
    let (mut old, mut new) = (names(before), names(now));
    let both = |name: &String| find(before, name).is_some() && find(now, name).is_some();
    old.retain(both);
    new.retain(both);
    if let Some((name, _)) = new.iter().zip(&old).find(|(new, old)| new != old) {
        let text = format!("the columns are in another order, from `{name}` on");
        changes.push(Change {
            column: name.clone(),
            before: None,
            now: None,
            text,
            reaction: rules.reordered,
        });
    }
    changes
}

fn said(changes: &[Change]) -> String {
    let named: Vec<&str> = changes.iter().take(NAMED).map(|it| it.text.as_str()).collect();
    let more = changes.len().saturating_sub(NAMED);
    let more = if more > 0 { format!("; and {more} more changes") } else { String::new() };
    format!("{}{more}", named.join("; "))
}

fn table(changes: &[&Change], limit: usize) -> Rows {
    let column = |name: &str| Column { name: name.to_owned(), data_type: "VARCHAR".to_owned() };
    let text = |it: &Option<String>| it.clone().map_or(Value::Null, Value::Text);
    let row = |it: &&Change| vec![Value::Text(it.column.clone()), text(&it.before), text(&it.now)];
    Rows {
        columns: vec![column("column"), column("before"), column("now")],
        rows: changes.iter().take(limit).map(row).collect(),
    }
}
