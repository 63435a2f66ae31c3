//! `hard-coded-relation`: a table by its own name, which the graph cannot know of.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::lint::facts::Known;
use crate::lint::finding::{Finding, Model};
use crate::lint::rules::Rule;
use crate::lint::tree::{Part, location};
use crate::node::NodeKind;
use crate::sql::lineage::json::text;

/// Schemas and beginnings of names of the engine itself.
const SYSTEM_SCHEMAS: [&str; 3] = ["information_schema", "pg_catalog", "system"];
const SYSTEM_NAMES: [&str; 4] = ["duckdb_", "pragma_", "sqlite_", "pg_"];

pub(super) fn check(model: &Model<'_>, known: &Known<'_>, found: &mut Vec<Finding>) {
    let ctes: BTreeSet<String> =
        model.parts.iter().flat_map(Part::ctes).map(|it| it.0.to_lowercase()).collect();
    for part in &model.parts {
        for table in part.from().map(tables).unwrap_or_default() {
            let name = text(table, "table_name").to_lowercase();
            let schema = text(table, "schema_name").to_lowercase();
            let is_cte = schema.is_empty() && (ctes.contains(&name) || name.starts_with("__dbt__cte__"));
            let is_system = SYSTEM_SCHEMAS.contains(&schema.as_str())
                || SYSTEM_NAMES.iter().any(|it| name.starts_with(it));
            if !is_cte && !is_system {
                found.extend(finding(model, known, table));
            }
        }
    }
}

/// The tables in a `from`, those of sub-queries left out.
pub(super) fn tables(from: &Json) -> Vec<&Json> {
    match text(from, "type") {
        "BASE_TABLE" => vec![from],
        _ => ["left", "right", "source"].iter().filter_map(|it| from.get(it)).flat_map(tables).collect(),
    }
}

fn finding(model: &Model<'_>, known: &Known<'_>, table: &Json) -> Option<Finding> {
    let offset = location(table)?;
    let range = model.piece_at(offset);
    if range.is_empty() || !model.is_written(&range) {
        return None;
    }
    let parts = ["catalog_name", "schema_name", "table_name"].map(|it| text(table, it));
    let name = parts.into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join(".");
    let message = format!("`{}` reads `{name}` by its own name", model.node.name);
    let mut finding = model.at(
        Rule::HardCodedRelation,
        offset,
        message,
        "nothing knows that this has to be there before",
    )?;
    let node = known.node_of(table).map(|it| model.world.input.graph.node(it));
    let help = match node {
        Some(node) if node.kind == NodeKind::Source => {
            let source = node.unique_id.as_str().rsplit('.').nth(1).unwrap_or_default();
            format!("write {{{{ source('{source}', '{}') }}}}", node.name)
        }
        Some(node) => format!("write {{{{ ref('{}') }}}}", node.name),
        None => "declare it under `sources:` of a properties file, and read it with source()".to_owned(),
    };
    finding.diagnostic = finding.diagnostic.help(help);
    Some(finding)
}
