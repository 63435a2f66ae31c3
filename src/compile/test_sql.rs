//! The query of a generic test.

use std::sync::Arc;

use serde_json::Value as Json;

use super::batches::NO_ROWS;
use super::{CompiledNode, Compiler, IsIncremental, Late, own_tests, reading_name};
use crate::batch::RowsRead;
use crate::diagnostics::{Diagnostic, Span};
use crate::graph::Node;
use crate::node::{NodeId, Relation, quote_identifier};
use crate::parse::check::Check;
use crate::parse::{GenericTest, Owner, argument_template};
use crate::template::{MacroCall, Rendered, TemplateError, TemplateSource, TemplateValue, TestVerdict};

/// Renders a generic test: its macro with the arguments, or Tidemill's own query for a test without one.
pub(super) fn generic(
    compiler: &Compiler<'_>,
    id: NodeId,
    node: &Node,
    test: &GenericTest,
) -> Result<CompiledNode, TemplateError> {
    let Some(tested) = tested_relation(compiler, id, node, test)? else {
        return Ok(CompiledNode::default());
    };
    let mut check = test.check.clone();
    check.map_sql(&mut |text| argument_sql(compiler, id, node.span, text))?;
    let column = test.arguments.iter().find(|(name, _)| name == "column_name");
    let column = column.and_then(|(_, value)| value.as_str()).map(column_sql);
    let sql = match &check {
        Check::Freshness { column, rule } => plain(freshness_query(&tested, column, rule.filter.as_deref())),
        _ => match own_tests::of_check(&check, &tested.render(), column.as_deref()) {
            Some(text) => plain(text),
            None => by_macro(compiler, id, node, test, tested)?,
        },
    };
    Ok(CompiledNode { sql, check: Some(Box::new(check)), ..CompiledNode::default() })
}

fn by_macro(
    compiler: &Compiler<'_>,
    id: NodeId,
    node: &Node,
    test: &GenericTest,
    tested: Relation,
) -> Result<Rendered, TemplateError> {
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

/// An argument as SQL: what its template gives, or its text.
fn argument_sql(
    compiler: &Compiler<'_>,
    id: NodeId,
    span: Span,
    text: &str,
) -> Result<String, TemplateError> {
    let Some(template) = argument_template(text) else { return Ok(text.to_owned()) };
    Ok(match rendered_argument(compiler, id, span, template)? {
        TemplateValue::Json(Json::String(text)) => text,
        TemplateValue::Json(value) => value.to_string(),
        TemplateValue::Relation(relation) => relation.render(),
    })
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
fn tested_relation(
    compiler: &Compiler<'_>,
    id: NodeId,
    node: &Node,
    test: &GenericTest,
) -> Result<Option<Relation>, TemplateError> {
    let owner = match &test.owner {
        Owner::Ref(call) => node.refs.get(call),
        Owner::Source(call) => node.sources.get(call),
    };
    let Some(owner) = owner else { return Ok(None) };
    let relation = reading_name(compiler.graph.node(*owner));
    let argument = [("relation", TemplateValue::Relation(relation.clone()))];
    let (asked, context) =
        ((node.package.as_str(), "get_where_subquery"), compiler.node_context(id, IsIncremental::No));
    if let Some(own) = compiler.graph.templates.call_own(asked, &argument, &context, node.span) {
        return own.map(|it| match it {
            TemplateValue::Relation(relation) => Some(relation),
            TemplateValue::Json(text) => Some(Relation::verbatim(text.as_str().unwrap_or_default().trim())),
        });
    }
    if compiler.project.rows_read == RowsRead::Empty {
        return Ok(Some(Relation::verbatim(format!(
            "(select * from {} where {NO_ROWS}) dbt_subquery",
            relation.render()
        ))));
    }
    Ok(Some(match &node.config.where_ {
        Some(condition) => Relation::verbatim(format!(
            "(select * from {} where {condition}) dbt_subquery",
            relation.render()
        )),
        None => relation,
    }))
}

impl Late<'_> {
    /// The query around a test's own that a project's `get_test_sql` or `get_limit_subquery_sql` makes: one row
    /// of the number of failures, whether to warn and whether to fail. `None` if the project has no such macro.
    pub fn judged_test(&self, id: NodeId, sql: &Rendered) -> Option<Result<JudgedTest, Diagnostic>> {
        if let Some(macro_id) = &self.compiler.graph.node_macros.tests {
            return Some(self.judged_by_macro(id, sql, macro_id));
        }
        let (templates, node) = (&self.compiler.graph.templates, self.compiler.graph.node(id));
        let package = node.package.as_str();
        if !self.has_judge(id) {
            return None;
        }
        let context = self.compiler.node_context(id, IsIncremental::No);
        let call = |name: &str, arguments: &[(&str, TemplateValue)]| {
            let macro_id =
                templates.find_macro(package, name).map(|it| format!("macro.{}.{name}", it.package));
            let macro_id = macro_id.unwrap_or_default();
            let call = MacroCall { macro_id: &macro_id, package, place: node.span };
            let called = templates.call_macro(call, arguments, &context)?;
            Ok::<_, TemplateError>(match called {
                TemplateValue::Json(text) => text.as_str().unwrap_or_default().to_owned(),
                TemplateValue::Relation(relation) => relation.written(),
            })
        };
        let json = |value: Json| TemplateValue::Json(value);
        let configured = |key: &str, default: &str| {
            let value = node.config.values.get(key).and_then(|it| it.value.as_str());
            json(Json::from(value.unwrap_or(default)))
        };
        let text = sql.text.as_str();
        let limited = call(
            "get_limit_subquery_sql",
            &[("sql", json(text.into())), ("limit", json(node.config.limit.into()))],
        );
        let judged = limited.and_then(|main_sql| {
            call(
                "get_test_sql",
                &[
                    ("main_sql", json(main_sql.into())),
                    ("fail_calc", configured("fail_calc", "count(*)")),
                    ("warn_if", configured("warn_if", "!= 0")),
                    ("error_if", configured("error_if", "!= 0")),
                    ("limit", json(Json::Null)),
                ],
            )
        });
        Some(judged.map(JudgedTest::Query).map_err(TemplateError::into_diagnostic))
    }

    /// Whether a macro of the project decides how a test is run.
    pub fn has_judge(&self, id: NodeId) -> bool {
        let (graph, package) = (self.compiler.graph, self.compiler.graph.node(id).package.as_str());
        let is_own = |name: &&str| graph.templates.override_of(package, name).is_some();
        graph.node_macros.tests.is_some() || TEST_QUERIES.iter().any(is_own)
    }

    /// The project's own materialization of tests runs its queries itself.
    fn judged_by_macro(&self, id: NodeId, sql: &Rendered, macro_id: &str) -> Result<JudgedTest, Diagnostic> {
        let node = self.compiler.graph.node(id);
        let mut context = self.compiler.node_context(id, IsIncremental::No);
        for name in ["sql", "compiled_code"] {
            context.locals.push((name.to_owned(), TemplateValue::Json(Json::from(sql.text.as_str()))));
        }
        let call = MacroCall { macro_id, package: &node.package, place: node.span };
        let judged = self.compiler.graph.templates.judge_by_macro(call, &context);
        judged.map(JudgedTest::Verdict).map_err(TemplateError::into_diagnostic)
    }
}

/// What macros around a test give.
#[derive(Clone, Debug)]
pub enum JudgedTest {
    /// A query to run.
    Query(String),
    /// The verdict.
    Verdict(TestVerdict),
}

/// Macros around a test's query.
const TEST_QUERIES: [&str; 3] = ["get_test_sql", "get_limit_subquery_sql", "get_limit_sql"];

/// An argument's value; a text that is a template, or a bare `ref(...)`, is rendered with its type.
fn argument(
    compiler: &Compiler<'_>,
    id: NodeId,
    span: Span,
    name: &str,
    value: &Json,
) -> Result<TemplateValue, TemplateError> {
    if name == "column_name" {
        return Ok(TemplateValue::Json(value.clone()));
    }
    match value.as_str().map(argument_template) {
        Some(Some(template)) => rendered_argument(compiler, id, span, template),
        Some(None) => Ok(TemplateValue::Json(value.clone())),
        None => Ok(TemplateValue::Json(rendered_inside(compiler, id, span, value)?)),
    }
}

/// A list or dictionary with the texts in it rendered; a relation among them is its name.
fn rendered_inside(
    compiler: &Compiler<'_>,
    id: NodeId,
    span: Span,
    value: &Json,
) -> Result<Json, TemplateError> {
    Ok(match value {
        Json::Array(items) => {
            let items = items.iter().map(|it| rendered_inside(compiler, id, span, it));
            Json::Array(items.collect::<Result<_, _>>()?)
        }
        Json::Object(entries) => {
            let entries =
                entries.iter().map(|(key, it)| Ok((key.clone(), rendered_inside(compiler, id, span, it)?)));
            Json::Object(entries.collect::<Result<_, _>>()?)
        }
        Json::String(text) => match argument_template(text) {
            None => value.clone(),
            Some(template) => match rendered_argument(compiler, id, span, template)? {
                TemplateValue::Json(value) => value,
                TemplateValue::Relation(relation) => Json::from(relation.written()),
            },
        },
        Json::Null | Json::Bool(_) | Json::Number(_) => value.clone(),
    })
}

fn rendered_argument(
    compiler: &Compiler<'_>,
    id: NodeId,
    span: Span,
    template: String,
) -> Result<TemplateValue, TemplateError> {
    let node = compiler.graph.node(id);
    let source = TemplateSource {
        package: node.package.clone(),
        file: span.file,
        text: Arc::from(template),
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
