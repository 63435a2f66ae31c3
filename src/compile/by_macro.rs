//! Macros that are called by themselves: those of materializations, with what they are given, and operations.

use serde_json::{Value as Json, json};

use super::{IsIncremental, Late};
use crate::diagnostics::Diagnostic;
use crate::graph::Node;
use crate::node::{NodeId, Relation};
use crate::template::{MacroCall, Rendered, TemplateError, TemplateValue};

impl Late<'_> {
    /// Calls the macro that makes a model of its query. It runs its statements and hooks itself.
    pub fn materialize(
        &self,
        id: NodeId,
        macro_id: &str,
        sql: &Rendered,
        is_incremental: IsIncremental,
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
            ("pre_hooks".to_owned(), hooks(node, "pre-hook")),
            ("post_hooks".to_owned(), hooks(node, "post-hook")),
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
    pub fn operation(&self, call: MacroCall<'_>, arguments: &[(String, Json)]) -> Result<Json, Diagnostic> {
        let called =
            self.compiler.graph.templates.call_macro(call, arguments, &self.compiler.inline_context());
        called.map_err(TemplateError::into_diagnostic)
    }
}

/// A node's hooks as dbt's macros take them: their text as it is written, and whether they belong to the
/// transaction.
fn hooks(node: &Node, key: &str) -> TemplateValue {
    let written = node.config.values.get(key).map(|it| it.value.clone()).unwrap_or_default();
    let list = match written {
        Json::Array(list) => list,
        Json::Null => Vec::new(),
        one => vec![one],
    };
    let hook = |(index, hook): (usize, Json)| match hook {
        Json::Object(mut hook) => {
            hook.entry("transaction").or_insert(Json::Bool(true));
            hook.insert("index".to_owned(), Json::from(index));
            Json::Object(hook)
        }
        other => {
            let sql = other.as_str().unwrap_or_default();
            // `before_begin(..)` and its kin write such a text.
            match serde_json::from_str::<Json>(sql) {
                Ok(Json::Object(hook)) if hook.contains_key("sql") => Json::Object(hook),
                _ => json!({ "sql": sql, "transaction": true, "index": index }),
            }
        }
    };
    TemplateValue::Json(list.into_iter().enumerate().map(hook).collect())
}
