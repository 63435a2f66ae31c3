//! What microbatch models read: their batches are cheap only if that is cut by time too.

use super::Node;
use crate::diagnostics::{Diagnostic, Diagnostics};

/// Warns of models all of whose inputs are read as a whole in every batch, and of an `event_time` that is no
/// name.
pub(super) fn report(diags: &mut Diagnostics, nodes: &[Node]) {
    for node in nodes.iter().filter(|it| it.config.incremental.microbatch.is_some()) {
        let inputs = node.refs.values().chain(node.sources.values()).map(|it| &nodes[it.index()]);
        let mut is_cut = false;
        for input in inputs {
            let Some(event_time) = input.config.values.get("event_time").filter(|it| !it.value.is_null())
            else {
                continue;
            };
            is_cut = true;
            if !event_time.value.is_string() {
                diags.push(
                    Diagnostic::error("wrong-type", "the config `event_time` must be the name of a column")
                        .at(event_time.span, "set here")
                        .note(format!("the microbatch model `{}` reads `{}` by it", node.name, input.name)),
                );
            }
        }
        if !is_cut {
            let message = format!(
                "every batch of `{}` reads all rows: nothing it reads has an `event_time`",
                node.name
            );
            diags.push(
                Diagnostic::warning("uncut-batches", message)
                    .at(node.span, "")
                    .help("set `event_time` on the models and sources that it reads"),
            );
        }
    }
}
