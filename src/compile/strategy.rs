//! What a snapshot asks macros: the time of the run, and a strategy of the project's own.

use std::sync::Arc;

use serde_json::Value as Json;

use super::{IsIncremental, Late};
use crate::diagnostics::Diagnostic;
use crate::node::NodeId;
use crate::template::{Rendered, TemplateSource, TemplateValue};

impl Late<'_> {
    /// SQL for the time of the run, if the project has a macro of its own for it.
    pub fn snapshot_time(&self, id: NodeId) -> Result<Option<String>, Diagnostic> {
        let graph = self.compiler.graph;
        let names = [
            "snapshot_get_time",
            "duckdb__snapshot_get_time",
            "current_timestamp",
            "duckdb__current_timestamp",
        ];
        let root = self.compiler.project.config.name.value.as_str();
        let is_own =
            |name: &&str| graph.templates.find_macro(root, name).is_some_and(|it| it.package == root);
        if !names.iter().any(is_own) {
            return Ok(None);
        }
        let value = self.expression(id, "snapshot_get_time()", None)?;
        Ok(value.as_str().map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()))
    }

    /// What the macro of a strategy returns: SQL under the names that dbt gives it.
    pub fn snapshot_strategy(
        &self,
        id: NodeId,
        macro_name: &str,
        sql: &Rendered,
        is_there: bool,
    ) -> Result<Json, Diagnostic> {
        let call =
            format!("{macro_name}(model, 'snapshotted_data', 'source_data', model.config, {is_there})");
        self.expression(id, &call, Some(sql))
    }

    fn expression(&self, id: NodeId, call: &str, sql: Option<&Rendered>) -> Result<Json, Diagnostic> {
        let node = self.compiler.graph.node(id);
        let mut context = self.compiler.node_context(id, IsIncremental::No);
        if let (Some(Json::Object(model)), Some(sql)) = (&mut context.model, sql) {
            for key in ["compiled_code", "compiled_sql"] {
                model.insert(key.to_owned(), Json::from(sql.text.as_str()));
            }
        }
        let source = TemplateSource {
            package: node.package.clone(),
            file: node.span.file,
            text: Arc::from(format!("{{{{ {call} }}}}")),
            offset: node.span.start as usize,
        };
        match self.compiler.graph.templates.render_value(&source, &context) {
            Ok(TemplateValue::Json(value)) => Ok(value),
            Ok(TemplateValue::Relation(relation)) => Ok(Json::from(relation.written())),
            Err(mut error) => {
                // The call stands in no file: the snapshot's name is the place.
                let is_in_file = |it: crate::diagnostics::Span| it.file != node.span.file;
                error.span = error.span.filter(|it| is_in_file(*it)).or(Some(node.span));
                error.trace.retain(|(place, _)| is_in_file(*place));
                error.trace.push((node.span, format!("for the snapshot `{}`", node.name)));
                Err(error.into_diagnostic())
            }
        }
    }
}
