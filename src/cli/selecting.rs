//! From the flags of selection to the nodes selected.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::args::command::SelectionArgs;
use super::session::{Loaded, Session, Stopped};
use crate::artifacts::{ManifestInput, Stamp, manifest, read_state};
use crate::diagnostics::{Diagnostic, Diagnostics, Severity};
use crate::graph::Graph;
use crate::graph::select::state::State;
use crate::graph::select::{self, Selection, SelectorFault};
use crate::node::NodeId;

impl Session {
    /// The nodes that the flags select; what matches nothing is a warning, unless nothing at all is left.
    pub(super) fn select(
        &mut self,
        loaded: &Loaded,
        graph: &Graph,
        args: &SelectionArgs,
    ) -> Result<BTreeSet<NodeId>, Stopped> {
        let selection = Selection {
            select: args.select.clone(),
            exclude: args.exclude.clone(),
            selector: args.selector.clone(),
            selectors: loaded.project.selectors.clone(),
            indirect: args.indirect_selection.map(Into::into).unwrap_or_default(),
            state: self.state(loaded, graph, args)?,
        };
        let selected = select::select(graph, &selection);
        let is_asked = !args.select.is_empty() || args.selector.is_some();
        let is_fatal = selected.nodes.is_empty() && is_asked;
        let mut diags = Diagnostics::default();
        for fault in selected.faults {
            diags.push(selector_diagnostic(fault, is_fatal));
        }
        self.report(diags)?;
        show_selection(graph, &selected.nodes);
        Ok(selected.nodes)
    }

    /// The earlier state that `--state` names.
    fn state(
        &mut self,
        loaded: &Loaded,
        graph: &Graph,
        args: &SelectionArgs,
    ) -> Result<Option<State>, Stopped> {
        let Some(dir) = &args.state else { return Ok(None) };
        let stamp = Stamp {
            generated_at: self.started_at.clone(),
            invocation_id: self.invocation_id.clone(),
            args: serde_json::Value::Null,
        };
        let input = ManifestInput {
            project: &loaded.project,
            graph,
            compiled: None,
            sources: &self.sources,
            files: &loaded.disk,
        };
        let state = read_state(dir, &self.target_dir(loaded), &manifest(&input, &stamp));
        state.map(Some).map_err(|error| {
            let fault = Diagnostic::error("missing-state", error.to_string()).note(error.cause.to_string());
            self.fail(fault.help("`--state` names the folder `target` of an earlier run, or a copy of it"))
        })
    }
}

fn selector_diagnostic(fault: SelectorFault, is_fatal: bool) -> Diagnostic {
    let is_wrong = ["invalid-selector", "unknown-selector", "missing-state"].contains(&fault.code);
    let severity = if is_fatal || is_wrong { Severity::Error } else { Severity::Warning };
    let diagnostic = match severity {
        Severity::Error => Diagnostic::error(fault.code, fault.message),
        Severity::Warning => Diagnostic::warning(fault.code, fault.message),
    };
    diagnostic.help_opt(fault.help)
}

/// Makes these nodes the ones that templates see as selected.
pub(super) fn show_selection(graph: &Graph, nodes: &BTreeSet<NodeId>) {
    let mut ids: Vec<String> = nodes.iter().map(|it| graph.node(*it).unique_id.as_str().to_owned()).collect();
    ids.sort();
    graph.shown.selected.get_or_init(|| Arc::new(ids));
}
