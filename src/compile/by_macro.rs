//! Macros that are called by themselves: those of materializations, with what they are given, and operations.

use serde_json::{Value as Json, json};

use super::{IsIncremental, Late};
use crate::diagnostics::Diagnostic;
use crate::node::{NodeId, Relation};
use crate::parse::node_config::NodeHook;
use crate::template::{MacroCall, Rendered, TemplateError, TemplateValue};

impl Late<'_> {
    /// Calls the macro that makes a model of its query. It runs its statements and hooks itself; whether those
    /// before and those after are among them is said, since batches share them.
    pub fn materialize(
        &self,
        id: NodeId,
        macro_id: &str,
        sql: &Rendered,
        is_incremental: IsIncremental,
        (has_pre_hooks, has_post_hooks): (bool, bool),
    ) -> Result<Vec<Relation>, Diagnostic> {
        let node = self.compiler.graph.node(id);
        let mut context = self.compiler.node_context(id, is_incremental);
        if let Some(Json::Object(model)) = &mut context.model {
            for key in ["compiled_code", "compiled_sql"] {
                model.insert(key.to_owned(), Json::from(sql.text.as_str()));
            }
            model.insert("compiled".to_owned(), Json::Bool(true));
            model.insert("language".to_owned(), Json::from("sql"));
        }
        let text = |text: &str| TemplateValue::Json(Json::from(text));
        context.locals.extend([
            ("sql".to_owned(), text(&sql.text)),
            ("compiled_code".to_owned(), text(&sql.text)),
            ("pre_hooks".to_owned(), hooks(if has_pre_hooks { &node.config.pre_hooks } else { &[] })),
            ("post_hooks".to_owned(), hooks(if has_post_hooks { &node.config.post_hooks } else { &[] })),
        ]);
        let call = MacroCall { macro_id, package: &node.package, place: node.span };
        self.compiler.graph.templates.materialize(call, &context).map_err(|mut error| {
            let name = macro_id.rsplit_once('.').map_or(macro_id, |it| it.1);
            error.trace.push((node.span, format!("in macro `{name}`, which makes this model")));
            error.into_diagnostic()
        })
    }
}

impl Late<'_> {
    /// Calls a macro that belongs to no node and gives what it returned, or else the text that it wrote.
    pub fn operation(
        &self,
        call: MacroCall<'_>,
        arguments: &[(String, Json)],
    ) -> Result<TemplateValue, Diagnostic> {
        let arguments: Vec<(&str, TemplateValue)> = arguments
            .iter()
            .map(|(name, value)| (name.as_str(), TemplateValue::Json(value.clone())))
            .collect();
        let context = self.compiler.inline_context();
        let called = self.compiler.graph.templates.call_macro(call, &arguments, &context);
        called.map_err(TemplateError::into_diagnostic)
    }
}

/// A node's hooks as dbt's macros take them: as they are written. Those outside of the transaction are not the
/// macro's affair.
fn hooks(hooks: &[NodeHook]) -> TemplateValue {
    let inside = hooks.iter().filter(|it| it.in_transaction).enumerate();
    let hook = |(index, hook): (usize, &NodeHook)| json!({ "sql": hook.sql.value, "transaction": true, "index": index + 1 });
    TemplateValue::Json(inside.map(hook).collect())
}
