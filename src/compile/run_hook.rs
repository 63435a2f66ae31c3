//! The hooks of runs: checked before anything runs, rendered when their turn has come.

use std::sync::Arc;

use serde_json::Value as Json;

use super::host::CompileHost;
use super::{Late, context};
use crate::diagnostics::{Diagnostic, Diagnostics, Span};
use crate::graph::{Graph, Node};
use crate::parse::run_hooks::RunHook;
use crate::project::Project;
use crate::template::{Host, Rendered, TemplateError, TemplateValue};

/// Reports hooks that refer to what is not there.
pub fn check_run_hooks(diags: &mut Diagnostics, project: &Project, graph: &Graph) {
    if graph.run_hooks.is_empty() {
        return;
    }
    let host = CompileHost::inline(project, graph, Arc::default());
    for hook in &graph.run_hooks {
        let refs = hook.refs.iter().map(|it| host.reference(&it.value));
        let sources = hook.sources.iter().map(|it| host.source(&it.value));
        for error in refs.chain(sources).filter_map(Result::err) {
            let fault = Diagnostic::error(error.code, error.message).at(hook.text.span, "");
            diags.push(fault.help_opt(error.help));
        }
    }
}

impl Late<'_> {
    /// The SQL of one of the hooks of a run, which sees these variables besides the usual ones.
    pub fn run_hook(&self, hook: &RunHook, variables: &[(String, Json)]) -> Result<Rendered, Diagnostic> {
        let compiler = &self.compiler;
        let host = CompileHost::inline(compiler.project, compiler.graph, Arc::clone(&compiler.log));
        let settings = compiler.project.settings_of(&hook.package).clone();
        let mut context = compiler.context(None, host.with_settings(settings));
        let variable = |(name, value): &(String, Json)| (name.clone(), TemplateValue::Json(value.clone()));
        context.locals = variables.iter().map(variable).collect();
        let rendered = compiler.graph.templates.render(&hook.sql, &context);
        rendered
            .map(|it| placed(it, hook.text.span))
            .map_err(|error| in_yaml(error, hook.text.span).into_diagnostic())
    }
}

/// A node as templates see it.
pub fn node_as_json(project: &Project, graph: &Graph, node: &Node) -> Json {
    context::model(project, graph, node)
}

/// The SQL of a hook; what its macros made leads back to the hook as a whole, for the same reason as below.
pub(super) fn placed(mut sql: Rendered, hook: Span) -> Rendered {
    for (place, _) in sql.segments.iter_mut().flat_map(|it| &mut it.calls).filter(|it| it.0.file == hook.file)
    {
        *place = hook;
    }
    sql
}

/// An error of a template in YAML, where a quoted or folded text has other offsets than its value; what
/// happened inside a macro keeps its place.
pub(super) fn in_yaml(mut error: TemplateError, hook: Span) -> TemplateError {
    if error.span.is_none_or(|it| it.file == hook.file) {
        error.span = Some(hook);
    }
    for (place, _) in error.trace.iter_mut().filter(|it| it.0.file == hook.file) {
        *place = hook;
    }
    error
}
