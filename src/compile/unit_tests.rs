//! Unit tests: the query of the model that is tested, as it is with rows in place of its inputs; and macros.
//!
//! An input keeps its name, in a database where it is nothing but the rows given for it. So what a template asks of
//! its inputs (their columns, their values) is answered by these rows too.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::Value as Json;

use super::host::CompileHost;
use super::run_hook::in_yaml;
use super::shapes::KnownShape;
use super::{Compiled, Compiler, IsIncremental, Late, macro_statement, query_fault};
use crate::diagnostics::{Diagnostic, Span};
use crate::graph::{Graph, Node};
use crate::node::{IdentifierStyle, NodeId, Relation, quote_identifier};
use crate::parse::Body;
use crate::parse::properties::Overrides;
use crate::parse::run_hooks::Moment;
use crate::parse::unit_tests::{Fixture, Given, Input, MacroTest, ModelTest, Rows, UnitTest};
use crate::project::Project;
use crate::sql::{self, WithClause, with_clause};
use crate::template::{
    Context, MacroCall, NEEDS_WAREHOUSE, Rendered, TemplateError, TemplateSource, TemplateValue,
};

/// A unit test's SQL.
#[derive(Clone, Debug, Default)]
pub struct CompiledUnitTest {
    /// The model's query; `None` if its template asks for what is in its inputs, or for a macro.
    pub query: Option<Rendered>,
    /// What stands in for the inputs that the model may read.
    pub inputs: Vec<CompiledInput>,
    /// The query of the rows expected, where it is one.
    pub expect: Option<Rendered>,
}

/// What stands in for an input.
#[derive(Clone, Debug)]
pub struct CompiledInput {
    /// Its index in the test's `given`; `None` for the rows that a macro's SQL is tried on.
    pub index: Option<usize>,
    /// The input.
    pub node: Option<NodeId>,
    /// Its name while the test runs.
    pub relation: Relation,
    /// The query of its rows, where it is one.
    pub query: Option<Rendered>,
}

/// What unit tests find around the rows that they are given.
#[derive(Clone, Debug, Default)]
pub struct TestGround {
    /// The columns of inputs, as far as they are known.
    pub columns: BTreeMap<NodeId, KnownShape>,
    /// What defines functions and macros of the engine that models call.
    pub definitions: Vec<Definition>,
}

/// A statement that defines something for queries to call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its name, where it has one with a schema.
    pub relation: Option<Relation>,
    /// The statement.
    pub sql: String,
}

/// The nodes whose columns matter to unit tests: their inputs.
pub fn inputs_of_tests(graph: &Graph, tests: &BTreeSet<NodeId>) -> BTreeSet<NodeId> {
    let mut inputs = BTreeSet::new();
    for id in tests {
        let node = graph.node(*id);
        let Body::UnitTest(test) = &node.body else { continue };
        for given in test.of_model().into_iter().flat_map(|it| &it.given) {
            inputs.extend(match &given.input {
                Input::Ref(call) => node.refs.get(call).copied(),
                Input::Source(call) => node.sources.get(call).copied(),
                Input::This => graph.parents(*id).first().copied(),
            });
        }
    }
    inputs
}

/// What the project's functions and the hooks `on-run-start` define, as far as templates can tell it without the
/// warehouse. A hook that does more than define is left out: it is for the warehouse.
pub fn definitions(project: &Project, graph: &Graph, compiled: &Compiled) -> Vec<Definition> {
    let late = Late::new(project, graph, None);
    let mut all = Vec::new();
    for hook in graph.run_hooks.iter().filter(|it| it.moment == Moment::Start) {
        let Ok(rendered) = late.run_hook(hook, &[]) else { continue };
        if let sql::Definitions::Only(statements) = sql::definitions(&rendered.text) {
            all.extend(statements.into_iter().map(|sql| Definition { relation: None, sql }));
        }
    }
    for id in graph.order() {
        let node = graph.node(*id);
        if let (Body::Function(function), Some(relation), Some(own)) =
            (&node.body, &node.relation, compiled.nodes.get(id))
        {
            let made = macro_statement(function, relation, &own.sql.text);
            all.push(Definition { relation: Some(relation.clone()), sql: made.statement });
        }
    }
    all
}

/// What a macro came to.
#[derive(Clone, Debug, PartialEq)]
pub enum MacroOutcome {
    /// It returned this, or wrote this text.
    Value(Json),
    /// It refused.
    Refused(Diagnostic),
}

/// The name of the rows that a macro's SQL is tried on.
pub const GIVEN: &str = "given";

impl Compiler<'_> {
    /// What can be rendered of a unit test without its inputs being there.
    pub(super) fn unit_test(&self, id: NodeId) -> Result<CompiledUnitTest, Diagnostic> {
        let node = self.graph.node(id);
        let Body::UnitTest(test) = &node.body else { return Ok(CompiledUnitTest::default()) };
        match test.as_ref() {
            UnitTest::OfModel(test) => self.model_test(id, test),
            UnitTest::OfMacro(test) => self.macro_test(id, test),
        }
    }

    fn model_test(&self, id: NodeId, test: &ModelTest) -> Result<CompiledUnitTest, Diagnostic> {
        let context = self.test_context(id, test);
        let query = match self.tested_query(id, &context) {
            Ok(query) => Some(query),
            Err(error) if error.code == NEEDS_WAREHOUSE => None,
            Err(error) => return Err(self.test_fault(id, error)),
        };
        if let Some(fault) = query.as_ref().and_then(|it| query_fault(self.graph.node(self.tested(id)?), it))
        {
            return Err(fault);
        }
        let mut inputs = Vec::new();
        for (index, given) in test.given.iter().enumerate() {
            let Some(node) = self.input(id, given).filter(|it| self.may_be_read(id, *it)) else { continue };
            let relation = self.stand_in(node);
            let query = self.fixture_query(&given.fixture, &context)?;
            inputs.push(CompiledInput { index: Some(index), node: Some(node), relation, query });
        }
        let expect = self.fixture_query(&test.expect, &context)?;
        Ok(CompiledUnitTest { query, inputs, expect })
    }

    fn macro_test(&self, id: NodeId, test: &MacroTest) -> Result<CompiledUnitTest, Diagnostic> {
        let context = self.macro_context(id, &test.overrides);
        let mut inputs = Vec::new();
        if let Some(rows) = &test.rows {
            let query = self.fixture_query(rows, &context)?;
            let relation = Relation::verbatim(GIVEN);
            inputs.push(CompiledInput { index: None, node: None, relation, query });
        }
        let expect = match &test.expect {
            crate::parse::unit_tests::MacroExpect::Rows(rows) => self.fixture_query(rows, &context)?,
            _ => None,
        };
        Ok(CompiledUnitTest { query: None, inputs, expect })
    }

    /// The model that a test is about.
    fn tested(&self, id: NodeId) -> Option<NodeId> {
        self.graph.parents(id).first().copied()
    }

    fn tested_query(&self, id: NodeId, context: &Context) -> Result<Rendered, TemplateError> {
        let tested = self.tested(id).map(|it| self.graph.node(it));
        match tested.map(|it| &it.body) {
            Some(Body::Model { details, .. }) if details.is_python => {
                Err(super::python_model(self.graph.node(self.tested(id).unwrap_or(id))))
            }
            Some(Body::Model { sql, .. }) => self.graph.templates.render(sql, context),
            _ => Ok(Rendered::default()),
        }
    }

    /// The node that rows are given for.
    fn input(&self, id: NodeId, given: &Given) -> Option<NodeId> {
        let node = self.graph.node(id);
        match &given.input {
            Input::Ref(call) => node.refs.get(call).copied(),
            Input::Source(call) => node.sources.get(call).copied(),
            Input::This => self.tested(id),
        }
    }

    fn may_be_read(&self, id: NodeId, input: NodeId) -> bool {
        let Some(tested) = self.tested(id) else { return false };
        input == tested || self.graph.parents(tested).contains(&input)
    }

    /// How an input is written where it is read: by its own name, if it has one.
    fn stand_in(&self, input: NodeId) -> Relation {
        stand_in(self.project, self.graph.node(input))
    }

    fn fixture_query(&self, fixture: &Fixture, context: &Context) -> Result<Option<Rendered>, Diagnostic> {
        let Rows::Query(source) = &fixture.rows else { return Ok(None) };
        let rendered = self.graph.templates.render(source, context).map_err(|error| match &fixture.file {
            Some(_) => error.into_diagnostic(),
            None => in_yaml(error, fixture.span).into_diagnostic(),
        })?;
        Ok(Some(if fixture.file.is_some() {
            rendered
        } else {
            without_places(rendered, source, fixture.span)
        }))
    }

    fn test_context(&self, id: NodeId, test: &ModelTest) -> Context {
        let tested = self.tested(id).unwrap_or(id);
        let given: BTreeSet<NodeId> = test.given.iter().filter_map(|it| self.input(id, it)).collect();
        let model = self.graph.node(tested);
        let stand_ins: BTreeMap<NodeId, Relation> =
            given.into_iter().map(|it| (it, self.stand_in(it))).collect();
        let host =
            CompileHost::for_node(self.project, self.graph, tested, IsIncremental::No, Arc::clone(&self.log));
        let name = format!("the unit test `{}`", self.graph.node(id).name);
        let host = host.with_stand_ins(model, &stand_ins, name).overridden(&test.overrides);
        self.context(Some(tested), host)
    }

    fn macro_context(&self, id: NodeId, overrides: &Overrides) -> Context {
        let host = CompileHost::inline(self.project, self.graph, Arc::clone(&self.log));
        let settings = self.project.settings_of(&self.graph.node(id).package).clone();
        self.context(None, host.with_settings(settings).overridden(overrides))
    }

    /// A fault of a template, with the test that led to it.
    fn test_fault(&self, id: NodeId, error: TemplateError) -> Diagnostic {
        let node = self.graph.node(id);
        if error.code != MISSING_INPUT {
            return error.into_diagnostic().and_at(node.span, "in this unit test");
        }
        let diagnostic = Diagnostic::error(error.code, error.message).at(node.span, "tested here");
        let diagnostic = error.span.into_iter().fold(diagnostic, |it, span| it.and_at(span, "read here"));
        diagnostic.help_opt(error.help)
    }
}

/// Code of the fault of a model that reads what a test gives no rows for.
pub(super) const MISSING_INPUT: &str = "missing-input";

/// How an input is written where it is read: by its own name, if it has one.
pub fn stand_in(project: &Project, node: &Node) -> Relation {
    match &node.relation {
        Some(relation) if relation.style == IdentifierStyle::Quoted && relation.schema.is_some() => {
            relation.clone()
        }
        _ => {
            let name = match &node.body {
                Body::Source(source) => format!("{CTE}{}__{}", source.source, node.name),
                _ => format!("{CTE}{}", node.name),
            };
            Relation::new(project.target.database.as_str(), project.target.schema.as_str(), name)
        }
    }
}

/// A query with the inputs that it reads in front of it, as it could be run anywhere.
pub fn self_contained(query: &str, inputs: &[(&Relation, &str)]) -> String {
    let mut text = query.to_owned();
    let mut ctes = String::new();
    for (relation, sql) in inputs {
        let name = if relation.identifier.starts_with(CTE) {
            relation.identifier.clone()
        } else {
            format!("{CTE}{}", relation.identifier)
        };
        let name = if name.chars().all(|it| it.is_alphanumeric() || it == '_') {
            name
        } else {
            quote_identifier(&name)
        };
        text = text.replace(&relation.render(), &name);
        let comma = if ctes.is_empty() { "" } else { ", " };
        let _ = write!(ctes, "{comma}{name} as (\n{sql}\n)");
    }
    if ctes.is_empty() {
        return text;
    }
    match with_clause(&text) {
        WithClause::At(offset) => format!("{} {ctes},{}", &text[..offset], &text[offset..]),
        WithClause::Absent => format!("with {ctes}\n{text}"),
    }
}

/// What the names of common table expressions begin with.
const CTE: &str = "__dbt__cte__";

/// A text in YAML has other offsets than its value: the value as a whole is its place.
fn without_places(mut rendered: Rendered, source: &TemplateSource, span: Span) -> Rendered {
    if rendered.segments.is_empty() || source.text.contains('\n') {
        rendered.segments.clear();
    }
    for segment in rendered.segments.iter_mut().filter(|it| it.source.file == span.file) {
        segment.source = span;
        segment.kind = crate::template::SegmentKind::Expression;
    }
    rendered
}

impl Late<'_> {
    /// The query of a unit test whose template asks for what is in its inputs.
    pub fn unit_test(&self, id: NodeId) -> Result<Rendered, Diagnostic> {
        let compiler = &self.compiler;
        let Body::UnitTest(test) = &compiler.graph.node(id).body else { return Ok(Rendered::default()) };
        let Some(test) = test.of_model() else { return Ok(Rendered::default()) };
        let context = compiler.test_context(id, test);
        let query = compiler.tested_query(id, &context).map_err(|error| compiler.test_fault(id, error))?;
        match compiler.tested(id).and_then(|it| query_fault(compiler.graph.node(it), &query)) {
            Some(fault) => Err(fault),
            None => Ok(query),
        }
    }

    /// The query of a model with stand-ins for all that it reads, for a test that is yet to be written.
    pub fn untested(&self, model: NodeId, is_incremental: bool) -> Result<Rendered, Diagnostic> {
        let compiler = &self.compiler;
        let node = compiler.graph.node(model);
        let Body::Model { sql, .. } = &node.body else { return Ok(Rendered::default()) };
        let parents = compiler.graph.parents(model).iter().map(|it| (*it, compiler.stand_in(*it)));
        let log = Arc::clone(&compiler.log);
        let when = if is_incremental { IsIncremental::Yes } else { IsIncremental::No };
        let host = CompileHost::for_node(compiler.project, compiler.graph, model, when, log);
        let host = host.with_stand_ins(node, &parents.collect(), format!("the model `{}`", node.name));
        let context = compiler.context(Some(model), host);
        compiler.graph.templates.render(sql, &context).map_err(TemplateError::into_diagnostic)
    }

    /// What the macro of a unit test comes to.
    pub fn tested_macro(&self, id: NodeId) -> MacroOutcome {
        let compiler = &self.compiler;
        let node = compiler.graph.node(id);
        let Body::UnitTest(test) = &node.body else { return MacroOutcome::Value(Json::Null) };
        let UnitTest::OfMacro(test) = test.as_ref() else { return MacroOutcome::Value(Json::Null) };
        let context = compiler.macro_context(id, &test.overrides);
        let arguments: Vec<(&str, TemplateValue)> = test
            .arguments
            .iter()
            .map(|(name, value)| (name.as_str(), TemplateValue::Json(value.clone())))
            .collect();
        let call =
            MacroCall { macro_id: &test.macro_id, package: &node.package, place: test.macro_name.span };
        match compiler.graph.templates.call_macro(call, &arguments, &context) {
            Ok(TemplateValue::Json(value)) => MacroOutcome::Value(value),
            Ok(TemplateValue::Relation(relation)) => MacroOutcome::Value(Json::from(relation.render())),
            Err(error) => {
                MacroOutcome::Refused(error.into_diagnostic().and_at(node.span, "in this unit test"))
            }
        }
    }
}
