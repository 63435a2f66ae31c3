//! Some rows of relations whose config asks for it: `meta: {docs_sample_rows: 5}`.
//!
//! Nothing is shown that was not asked for, and no value of a column with `meta: {sensitive: true}`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value as Json;

use crate::graph::{Graph, Node};
use crate::node::NodeKind;
use crate::warehouse::{Value, Warehouse};
use crate::yaml::fields::truth;

/// More rows are no sample.
const MAX_ROWS: u64 = 100;
/// Longer values are cut.
const MAX_LENGTH: usize = 200;
/// What stands for a value that must not be shown.
const HIDDEN: &str = "•••";

/// The rows of each relation, by unique id.
pub type Samples = BTreeMap<String, Sample>;

/// Some rows of a relation.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Sample {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Values as the engine writes them; `None` is null.
    pub rows: Vec<Vec<Option<String>>>,
}

/// Reads the samples that nodes ask for. A relation that is not there has none.
pub fn read(warehouse: &mut dyn Warehouse, graph: &Graph) -> Samples {
    let mut samples = Samples::new();
    for (_, node) in graph.nodes() {
        let Some(limit) = wanted(node) else { continue };
        let Some(relation) = &node.relation else { continue };
        let sql = format!("select * from {}", relation.render());
        let Ok(rows) = warehouse.query(&sql, Some(limit)) else { continue };
        let columns: Vec<String> = rows.columns.into_iter().map(|it| it.name).collect();
        let is_hidden: Vec<bool> = columns.iter().map(|it| is_sensitive(node, it)).collect();
        let shown = |row: Vec<Value>| {
            let values = row.into_iter().zip(&is_hidden);
            values
                .map(|(value, is_hidden)| if *is_hidden { Some(HIDDEN.to_owned()) } else { text(&value) })
                .collect()
        };
        let rows = rows.rows.into_iter().map(shown).collect();
        samples.insert(node.unique_id.as_str().to_owned(), Sample { columns, rows });
    }
    samples
}

/// How many rows the node's config asks for.
fn wanted(node: &Node) -> Option<usize> {
    let has_rows =
        matches!(node.kind, NodeKind::Model | NodeKind::Seed | NodeKind::Snapshot | NodeKind::Source);
    let asked = node.config.meta.get("docs_sample_rows").and_then(Json::as_u64).filter(|_| has_rows)?;
    usize::try_from(asked.min(MAX_ROWS)).ok().filter(|it| *it > 0)
}

fn is_sensitive(node: &Node, column: &str) -> bool {
    let declared = node.columns.iter().find(|it| it.name.value.eq_ignore_ascii_case(column));
    match declared.and_then(|it| it.meta.get("sensitive")) {
        Some(Json::Bool(it)) => *it,
        Some(Json::String(it)) => truth(it).unwrap_or(false),
        _ => false,
    }
}

fn text(value: &Value) -> Option<String> {
    if *value == Value::Null {
        return None;
    }
    let text = value.to_string();
    let cut: String = text.chars().take(MAX_LENGTH).collect();
    Some(if cut.len() < text.len() { format!("{cut}…") } else { cut })
}
