//! Models that will be gone, and who still reads them.

use super::Node;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::parse::Body;
use crate::parse::model_details::Deprecation;

/// Warns of models past their date, and of references to models that have one.
pub(super) fn report(diags: &mut Diagnostics, nodes: &[Node]) {
    for node in nodes {
        let Body::Model { details, .. } = &node.body else { continue };
        if let Some(deprecation) = details.deprecation.as_ref().filter(|it| it.is_past) {
            diags.push(
                Diagnostic::warning(
                    "deprecated-model",
                    format!("{} was to be gone by {}", described(node), day(deprecation)),
                )
                .at(deprecation.span, "this date is past")
                .help("remove the model, or give it a later date"),
            );
        }
        for call in &node.parsed.refs {
            let Some(id) = node.refs.get(&call.value) else { continue };
            let target = &nodes[id.index()];
            let Body::Model { details, version, .. } = &target.body else { continue };
            let Some(deprecation) = &details.deprecation else { continue };
            let when = if deprecation.is_past { "was to be gone by" } else { "will be gone by" };
            let newer = version.as_ref().filter(|it| !it.is_latest);
            diags.push(
                Diagnostic::warning(
                    "deprecated-ref",
                    format!(
                        "model `{}` refers to {}, which {when} {}",
                        node.name,
                        described(target),
                        day(deprecation)
                    ),
                )
                .at(call.span, "")
                .and_at(deprecation.span, "its date")
                .help_opt(newer.map(|it| {
                    format!("its latest version is {0}: write `ref('{1}', v={0})`", it.latest, target.name)
                })),
            );
        }
    }
}

fn described(node: &Node) -> String {
    match &node.body {
        Body::Model { version: Some(it), .. } => format!("`{}` version {}", node.name, it.version),
        _ => format!("`{}`", node.name),
    }
}

fn day(deprecation: &Deprecation) -> &str {
    deprecation.date.split('T').next().unwrap_or(&deprecation.date)
}
