//! The query of a generic test.

use std::sync::Arc;

use serde_json::Value as Json;

use super::{Compiler, IsIncremental, reading_name};
use crate::diagnostics::Span;
use crate::graph::Node;
use crate::node::{NodeId, Relation, quote_identifier};
use crate::parse::check::Check;
use crate::parse::{GenericTest, Owner, argument_template};
use crate::template::{Rendered, TemplateError, TemplateSource, TemplateValue};

/// Renders a generic test: its macro with the arguments, or Tidemill's own query for a test without one.
pub(super) fn generic(
    compiler: &Compiler<'_>,
    id: NodeId,
    node: &Node,
    test: &GenericTest,
) -> Result<Rendered, TemplateError> {
    let Some(tested) = tested_relation(compiler, node, test) else { return Ok(Rendered::default()) };
    match &test.check {
        Check::Freshness { column, rule } => {
            Ok(plain(freshness_query(&tested, column, rule.filter.as_deref())))
        }
        Check::RowCountDrift(_) => {
            Ok(plain(format!("select count(*) as row_count from {}", tested.render())))
        }
        Check::Query | Check::NotNull | Check::Unique | Check::AcceptedValues { .. } => {
            let mut arguments = vec![("model".to_owned(), TemplateValue::Relation(tested))];
            for (name, value) in &test.arguments {
                let value = argument(compiler, id, node.span, name, value)?;
                arguments.push((name.clone(), value));
            }
            let package = test.namespace.as_deref().unwrap_or(&node.package);
            let macro_name = format!("test_{}", test.name);
            let context = compiler.node_context(id, IsIncremental::No);
            compiler.graph.templates.call_test(package, &macro_name, &arguments, &context, node.span)
        }
    }
}

/// The newest value of a column.
pub fn freshness_query(relation: &Relation, column: &str, filter: Option<&str>) -> String {
    let condition = filter.map(|it| format!(" where {it}")).unwrap_or_default();
    let column = column_sql(column);
    format!("select max({column}) as max_loaded_at from {}{condition}", relation.render())
}

fn plain(text: String) -> Rendered {
    Rendered { text, segments: Vec::new() }
}

/// What the test reads: the node's relation, or those of its rows that `where` picks.
fn tested_relation(compiler: &Compiler<'_>, node: &Node, test: &GenericTest) -> Option<Relation> {
    let owner = match &test.owner {
        Owner::Ref(call) => node.refs.get(call),
        Owner::Source(call) => node.sources.get(call),
    }?;
    let relation = reading_name(compiler.graph.node(*owner));
    Some(match &node.config.where_ {
        Some(condition) => Relation::verbatim(format!(
            "(select * from {} where {condition}) dbt_subquery",
            relation.render()
        )),
        None => relation,
    })
}

/// An argument's value; a text that is a template, or a bare `ref(...)`, is rendered with its type.
fn argument(
    compiler: &Compiler<'_>,
    id: NodeId,
    span: Span,
    name: &str,
    value: &Json,
) -> Result<TemplateValue, TemplateError> {
    let text = value.as_str().filter(|_| name != "column_name");
    let Some(text) = text.and_then(argument_template) else { return Ok(TemplateValue::Json(value.clone())) };
    let node = compiler.graph.node(id);
    let source = TemplateSource {
        package: node.package.clone(),
        file: span.file,
        text: Arc::from(text),
        offset: span.start as usize,
    };
    compiler.graph.templates.render_value(&source, &compiler.node_context(id, IsIncremental::No)).map_err(
        |mut error| {
            error.span = Some(span);
            error
        },
    )
}

/// A column's name as SQL: as it is if it is an expression or quoted already, else quoted.
pub fn column_sql(column: &str) -> String {
    let plain = column.chars().all(|it| it.is_alphanumeric() || it == '_');
    if plain { quote_identifier(column) } else { column.to_owned() }
}
