//! Entries of `groups` and `group_map`.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::entry::Context;
use super::kinds;
use crate::node::NodeKind;

/// All groups by id.
pub(super) fn groups(context: &Context<'_>) -> BTreeMap<String, Json> {
    let mut groups = BTreeMap::new();
    for group in &context.graph.groups {
        let id = format!("group.{}.{}", group.package, group.name.value);
        let mut owner = json!({ "email": null, "name": null });
        if let Json::Object(map) = &mut owner {
            map.extend(group.owner.0.iter().map(|(key, it)| (key.clone(), it.clone())));
        }
        let entry = json!({
            "name": group.name.value,
            "resource_type": "group",
            "package_name": group.package,
            "path": group.path.inside(&group.folder).unwrap_or(group.path.as_str()),
            "original_file_path": group.path.as_str(),
            "unique_id": id,
            "owner": owner,
            "description": group.description,
            "config": { "meta": group.meta },
        });
        groups.insert(id, entry);
    }
    groups
}

/// The ids of a group's nodes, by its name.
pub(super) fn group_map<'a>(context: &Context<'a>) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut map: BTreeMap<&str, Vec<&str>> =
        context.graph.groups.iter().map(|it| (it.name.value.as_str(), Vec::new())).collect();
    for entry in &context.entries {
        let has_group =
            !matches!(entry.parsed.kind, NodeKind::Source | NodeKind::Exposure | NodeKind::UnitTest);
        if has_group
            && let Some(group) = kinds::group(context, entry)
            && let Some(ids) = map.get_mut(group)
        {
            ids.push(entry.parsed.unique_id.as_str());
        }
    }
    map
}
