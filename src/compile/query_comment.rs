//! `query-comment`: what the project wants to stand beside every statement.

use std::sync::Arc;

use serde_json::Value as Json;

use super::{Late, context, run_hook::in_yaml};
use crate::diagnostics::Diagnostic;
use crate::node::NodeId;
use crate::template::{TemplateSource, TemplateValue};

/// A comment that is ready to be put beside a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// Its text with the signs around it.
    pub text: String,
    /// Whether it stands after the statement.
    pub is_after: bool,
}

impl Late<'_> {
    /// The comment for the statements of a node, or for those that belong to none; `None` if the project wants none.
    pub fn query_comment(&self, id: Option<NodeId>) -> Result<Option<Comment>, Diagnostic> {
        let compiler = &self.compiler;
        let Some(wanted) = &compiler.project.config.query_comment else { return Ok(None) };
        let (text, span) = (&wanted.comment.value, wanted.comment.span);
        if text.trim().is_empty() {
            return Ok(None);
        }
        let source = TemplateSource {
            package: compiler.project.config.name.value.clone(),
            file: span.file,
            text: Arc::from(text.as_str()),
            offset: span.start as usize,
        };
        let node = id.map(|id| compiler.graph.node(id));
        let name = node.map_or("master", |it| it.unique_id.as_str());
        let shown = node.map_or(Json::Null, |it| context::model(compiler.project, compiler.graph, it));
        let mut context = compiler.inline_context();
        context.locals = vec![
            ("connection_name".to_owned(), TemplateValue::Json(Json::from(name))),
            ("node".to_owned(), TemplateValue::Json(shown)),
        ];
        let rendered = compiler.graph.templates.render(&source, &context);
        let rendered = rendered.map_err(|error| in_yaml(error, span).into_diagnostic())?;
        let comment = rendered.text.trim();
        if comment.contains("*/") {
            return Err(Diagnostic::error(
                "invalid-value",
                "the `query-comment` holds `*/`, which would end it",
            )
            .at(span, "this becomes a comment of SQL")
            .note(format!("it was rendered as: {comment}")));
        }
        let text = format!("/* {comment} */");
        Ok((!comment.is_empty()).then_some(Comment { text, is_after: wanted.append }))
    }
}

impl Comment {
    /// A statement with the comment, and how many bytes stand before it.
    pub fn beside(&self, sql: &str) -> (String, usize) {
        if self.is_after {
            let sql = sql.trim_end();
            let (sql, end) = sql.strip_suffix(';').map_or((sql, ""), |it| (it, ";"));
            return (format!("{sql}\n{}{end}", self.text), 0);
        }
        (format!("{}\n{sql}", self.text), self.text.len() + 1)
    }
}
