//! Entries of the hooks of runs, which are nodes of the kind `operation` in dbt.

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

use super::entry::Context;
use crate::node::NodeKind;
use crate::parse::run_hooks::{Moment, RunHook};

/// The hooks by unique id.
pub(super) fn entries(context: &Context<'_>) -> Vec<(String, Json)> {
    let mut entries: Vec<(String, Json)> =
        context.graph.run_hooks.iter().map(|it| (it.unique_id(), entry(context, it))).collect();
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    entries
}

fn entry(context: &Context<'_>, hook: &RunHook) -> Json {
    let name = hook.name();
    let target = &context.project.target;
    let sources = hook.sources.iter().map(|it| json!([it.value.source, it.value.table]));
    let refs = hook
        .refs
        .iter()
        .map(|it| json!({ "name": it.value.name, "package": it.value.package, "version": it.value.version }));
    let checksum = Sha256::digest(hook.sql.text.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let file = &context.sources.get(hook.text.span.file).path;
    json!({
        "database": target.database,
        "schema": target.schema,
        "name": name,
        "resource_type": "operation",
        "package_name": hook.package,
        "path": format!("hooks/{name}.sql"),
        "original_file_path": file,
        "unique_id": hook.unique_id(),
        "fqn": [hook.package, "hooks", name],
        "alias": name,
        "checksum": { "name": "sha256", "checksum": checksum },
        "config": { "enabled": true, "materialized": "view", "tags": [], "meta": {} },
        "tags": [if hook.moment == Moment::Start { "on-run-start" } else { "on-run-end" }],
        "description": "",
        "columns": {},
        "meta": {},
        "docs": { "show": true, "node_color": null },
        "created_at": context.created_at,
        "relation_name": null,
        "raw_code": &*hook.sql.text,
        "language": "sql",
        "refs": refs.collect::<Vec<_>>(),
        "sources": sources.collect::<Vec<_>>(),
        "metrics": [],
        "functions": [],
        "depends_on": { "macros": hook.macros, "nodes": parents(context, hook) },
        "index": hook.index + 1,
    })
}

/// Unique ids of what a hook reads, in order.
pub(super) fn parents(context: &Context<'_>, hook: &RunHook) -> Vec<String> {
    let mut ids = Vec::new();
    for (_, node) in context.graph.nodes() {
        let is_read = match node.kind {
            NodeKind::Model | NodeKind::Seed | NodeKind::Snapshot => {
                let is_meant = |package: Option<&str>| package.is_none_or(|it| it == node.package);
                let mut refs = hook.refs.iter().map(|it| &it.value);
                refs.any(|it| it.name == node.name && is_meant(it.package.as_deref()))
            }
            NodeKind::Source => {
                let id = |it: &crate::template::SourceCall| format!(".{}.{}", it.source, it.table);
                hook.sources.iter().any(|it| node.unique_id.as_str().ends_with(&id(&it.value)))
            }
            _ => false,
        };
        if is_read {
            ids.push(node.unique_id.as_str().to_owned());
        }
    }
    ids
}
