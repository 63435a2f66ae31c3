//! `model`: a node as templates see it.

use serde_json::{Map, Value as Json, json};

use crate::graph::Node;

/// The node's names, place, description and config under dbt's keys.
pub(super) fn model(node: &Node) -> Json {
    let relation = node.relation.as_ref();
    let columns: Map<String, Json> = node
        .columns
        .iter()
        .map(|column| {
            let description = column.description.as_ref().map_or("", |it| it.value.as_str());
            let value = json!({
                "name": column.name.value,
                "description": description,
                "data_type": column.data_type,
                "meta": column.meta,
                "tags": column.tags,
            });
            (column.name.value.clone(), value)
        })
        .collect();
    let config: Map<String, Json> =
        node.config.values.iter().map(|(key, it)| (key.clone(), it.value.clone())).collect();
    json!({
        "unique_id": node.unique_id.as_str(),
        "name": node.name,
        "alias": relation.map(|it| it.identifier.clone()),
        "database": relation.and_then(|it| it.database.clone()),
        "schema": relation.and_then(|it| it.schema.clone()),
        "resource_type": node.kind.as_str(),
        "package_name": node.package,
        "original_file_path": node.path.as_str(),
        "path": node.path.inside(&node.folder).unwrap_or(node.path.as_str()),
        "fqn": node.fqn,
        "tags": node.config.tags,
        "description": node.description,
        "columns": columns,
        "config": config,
    })
}
