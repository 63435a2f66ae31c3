//! Groups of nodes, each with an owner.

use serde_json::json;

use super::{FileProperties, Group, Parser};
use crate::diagnostics::{Diagnostic, Diagnostics};

/// Every group of a package.
pub(super) fn read(
    parser: &Parser<'_>,
    diags: &mut Diagnostics,
    properties: &[FileProperties],
) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (file, properties) in properties {
        for entry in &properties.groups {
            if let Some(first) = groups.iter().find(|it| it.name.value == entry.name.value) {
                diags.push(
                    Diagnostic::error(
                        "duplicate-name",
                        format!("there are two groups `{}`", entry.name.value),
                    )
                    .at(entry.name.span, "again here")
                    .and_at(first.name.span, "first here"),
                );
                continue;
            }
            let description = entry.description.as_ref();
            groups.push(Group {
                package: parser.package.to_owned(),
                name: entry.name.clone(),
                description: description.map(|it| parser.description(diags, Some(it))),
                owner: entry.owner.clone(),
                meta: entry.config.get("meta").unwrap_or_else(|| json!({})),
                path: file.path.clone(),
                folder: file.folder.clone(),
            });
        }
    }
    groups
}
