//! What a unit test of a model needs: the inputs with the columns that the model uses, and the rows it makes.
//!
//! Which columns are used is tried: one without which the query can no longer be bound, or has other columns, is.

use serde_json::{Value as Json, json};

use super::model::{Input, ModelTrial};
use super::open;
use super::scratch::Scratch;
use super::values::Guess;
use crate::compile::{Late, TestGround, stand_in};
use crate::diagnostics::{Diagnostic, Spanned};
use crate::graph::{Graph, Node};
use crate::node::{Materialization, NodeId, NodeKind};
use crate::parse::Body;
use crate::parse::properties::{FixtureFormat, Overrides};
use crate::parse::unit_tests::{
    Fixture, FixtureCell, FixtureRow, Given, Input as InputCall, ModelTest, Rows as Written,
};
use crate::plan::{PlannedInput, PlannedUnitTest, UnitTestSubject};
use crate::run::{OpenScratch, Surroundings};
use crate::template::RefCall;
use crate::warehouse::{Column, Rows};

/// A unit test to be written.
pub struct Scaffold {
    /// A name for it.
    pub name: String,
    /// The model, with its version if it has one.
    pub model: String,
    /// The version that is meant.
    pub version: Option<String>,
    /// What `is_incremental()` is to say, where the model asks.
    pub is_incremental: Option<bool>,
    /// Its inputs.
    pub inputs: Vec<ScaffoldInput>,
    /// The rows that the model makes of them.
    pub expect: Rows,
}

/// An input and a row for it.
pub struct ScaffoldInput {
    /// `ref(...)`, `source(...)` or `this`.
    pub text: String,
    /// The columns that the model uses, with values that fit; a type that is not known is left out.
    pub columns: Vec<(String, Option<String>, Json)>,
}

/// Finds out what tests of a model need: two tests for an incremental model, one for each of its queries.
pub fn find(
    graph: &Graph,
    (around, scratch): (&Surroundings<'_>, &OpenScratch<'_>),
    ground: &TestGround,
    model: NodeId,
) -> Result<Vec<Scaffold>, Diagnostic> {
    let node = graph.node(model);
    let Body::Model { sql, materialized, .. } = &node.body else {
        let message = format!("`{}` is a {}, and unit tests are for models", node.name, node.kind);
        return Err(Diagnostic::error("wrong-kind", message).at(node.span, ""));
    };
    let asks = *materialized == Materialization::Incremental && sql.text.contains("is_incremental()");
    let ways: &[Option<bool>] = if asks { &[Some(false), Some(true)] } else { &[None] };
    let mut scratch = open(around, scratch, &ground.definitions)?;
    let late = Late::new(around.project, graph, Some(scratch.connection.engine()));
    let finder = Finder { graph, around, ground, late: &late, node, model };
    ways.iter().map(|it| finder.one(&mut scratch, *it)).collect()
}

struct Finder<'a> {
    graph: &'a Graph,
    around: &'a Surroundings<'a>,
    ground: &'a TestGround,
    late: &'a Late<'a>,
    node: &'a Node,
    model: NodeId,
}

impl Finder<'_> {
    fn one(&self, scratch: &mut Scratch, is_incremental: Option<bool>) -> Result<Scaffold, Diagnostic> {
        let inputs = self.inputs(is_incremental == Some(true));
        let subject = UnitTestSubject::Untested { is_incremental: is_incremental == Some(true) };
        let planned = self.planned(&inputs, subject);
        let test = self.test(&inputs, &vec![Vec::new(); inputs.len()]);
        let trial = self.trial(&test, &planned);
        let mut open = trial.inputs();
        let baseline = trial.rows(scratch, &mut open)?.1.columns;
        let all: Vec<Vec<Column>> = open.iter().map(all_columns).collect();
        let question = Question { planned: &planned, test: &test, baseline: &baseline, all: &all };
        let used: Vec<Vec<Column>> = (0..all.len()).map(|it| self.used(scratch, &question, it)).collect();
        scratch.clear();
        let columns: Vec<Vec<(String, Option<String>, Json)>> = used
            .into_iter()
            .map(|columns| {
                let column = |it: Column| {
                    let is_known = it.data_type != UNKNOWN;
                    let value = placeholder(&it.data_type);
                    (it.name, is_known.then_some(it.data_type), value)
                };
                columns.into_iter().map(column).collect()
            })
            .collect();
        let test = self.test(&inputs, &columns);
        let trial = self.trial(&test, &planned);
        let (_, expect) = trial.rows(scratch, &mut trial.inputs())?;
        scratch.clear();
        let (suffix, version) = (
            match is_incremental {
                None => "makes_rows",
                Some(false) => "makes_all_rows",
                Some(true) => "adds_rows",
            },
            match &self.node.body {
                Body::Model { version: Some(version), .. } => Some(version.version.clone()),
                _ => None,
            },
        );
        let inputs = inputs.into_iter().zip(columns);
        Ok(Scaffold {
            name: format!("{}_{suffix}", self.node.name),
            model: self.node.name.clone(),
            version,
            is_incremental,
            inputs: inputs.map(|((text, ..), columns)| ScaffoldInput { text, columns }).collect(),
            expect,
        })
    }

    /// What the model reads: as it is written in a test, and the node.
    fn inputs(&self, with_this: bool) -> Vec<(String, InputCall, NodeId)> {
        let mut inputs: Vec<(String, InputCall, NodeId)> = Vec::new();
        for id in self.graph.parents(self.model) {
            if self.graph.node(*id).kind == NodeKind::Function {
                continue;
            }
            let by_ref = self.node.refs.iter().find(|it| it.1 == id);
            let by_source = self.node.sources.iter().find(|it| it.1 == id);
            inputs.extend(match (by_ref, by_source) {
                (Some((call, _)), _) => Some((ref_text(call), InputCall::Ref(call.clone()), *id)),
                (None, Some((call, _))) => {
                    let text = format!("source('{}', '{}')", call.source, call.table);
                    Some((text, InputCall::Source(call.clone()), *id))
                }
                (None, None) => None,
            });
        }
        if with_this {
            inputs.push(("this".to_owned(), InputCall::This, self.model));
        }
        inputs
    }

    fn planned(&self, inputs: &[(String, InputCall, NodeId)], subject: UnitTestSubject) -> PlannedUnitTest {
        let planned = inputs.iter().enumerate().map(|(index, (_, _, id))| {
            let shape = self.ground.columns.get(id);
            PlannedInput {
                index: Some(index),
                node: Some(*id),
                relation: stand_in(self.around.project, self.graph.node(*id)),
                query: None,
                columns: shape.map(|it| it.columns.clone()).unwrap_or_default(),
                is_whole: shape.is_some_and(|it| it.guess.is_none()),
            }
        });
        PlannedUnitTest { subject, inputs: planned.collect(), expect: None }
    }

    /// A test with one row for every input that has columns.
    fn test(
        &self,
        inputs: &[(String, InputCall, NodeId)],
        columns: &[Vec<(String, Option<String>, Json)>],
    ) -> ModelTest {
        let span = self.node.span;
        let cell = |(name, _, value): &(String, Option<String>, Json)| FixtureCell {
            column: Spanned::new(name.clone(), span),
            value: value.clone(),
            span,
        };
        let given = inputs.iter().zip(columns).map(|((text, input, _), columns)| {
            let row = FixtureRow { cells: columns.iter().map(cell).collect(), span };
            let rows = if columns.is_empty() { Vec::new() } else { vec![row] };
            Given {
                text: Spanned::new(text.clone(), span),
                input: input.clone(),
                fixture: Fixture {
                    format: FixtureFormat::Dict,
                    file: None,
                    rows: Written::Values(rows),
                    span,
                },
            }
        });
        ModelTest {
            model: Spanned::new(self.node.name.clone(), span),
            tested: RefCall { package: None, name: self.node.name.clone(), version: None },
            given: given.collect(),
            expect: Fixture {
                format: FixtureFormat::Dict,
                file: None,
                rows: Written::Values(Vec::new()),
                span,
            },
            overrides: Overrides::default(),
            versions: None,
        }
    }

    fn trial<'t>(&'t self, test: &'t ModelTest, planned: &'t PlannedUnitTest) -> ModelTrial<'t> {
        ModelTrial {
            graph: self.graph,
            files: self.around.files,
            late: self.late,
            node: self.node,
            id: self.model,
            tested: self.model,
            test,
            planned,
        }
    }

    /// The columns of an input that the query cannot do without.
    fn used(&self, scratch: &mut Scratch, question: &Question<'_>, index: usize) -> Vec<Column> {
        let all = &question.all[index];
        let mut attempt = question.planned.clone();
        for (input, columns) in attempt.inputs.iter_mut().zip(question.all) {
            input.columns.clone_from(columns);
            input.is_whole = true;
        }
        let mut used = Vec::new();
        for column in all {
            attempt.inputs[index].columns = all.iter().filter(|it| *it != column).cloned().collect();
            let trial = self.trial(question.test, &attempt);
            let is_made = trial.make(scratch, &mut trial.inputs()[index], Guess::ByLook).is_ok();
            let query = trial.query().ok().filter(|_| is_made);
            let columns = query.and_then(|it| scratch.describe(&it.text).ok());
            if columns.as_deref() != Some(question.baseline) {
                used.push(column.clone());
            }
        }
        // The input as it was, for the questions about the others.
        attempt.inputs[index].columns.clone_from(all);
        let trial = self.trial(question.test, &attempt);
        let _ = trial.make(scratch, &mut trial.inputs()[index], Guess::ByLook);
        // A query that only counts rows needs something to count.
        if used.is_empty() { all.iter().take(1).cloned().collect() } else { used }
    }
}

/// What is known before columns are left out.
struct Question<'a> {
    planned: &'a PlannedUnitTest,
    test: &'a ModelTest,
    /// The columns of the model.
    baseline: &'a [Column],
    /// All columns of the inputs.
    all: &'a [Vec<Column>],
}

/// The engine's name for the type of what is nothing but null.
const UNKNOWN: &str = "\"NULL\"";

/// The columns that an input is known to have, and those that the query asked for.
fn all_columns(input: &Input<'_>) -> Vec<Column> {
    let also = input.learnt.also.iter().map(|it| Column {
        name: it.clone(),
        data_type: input.learnt.type_of(it).unwrap_or(UNKNOWN).to_owned(),
    });
    input.planned.columns.iter().cloned().chain(also).collect()
}

fn ref_text(call: &RefCall) -> String {
    let package = call.package.as_ref().map(|it| format!("'{it}', ")).unwrap_or_default();
    let version = call.version.as_ref().map(|it| format!(", v={it}")).unwrap_or_default();
    format!("ref({package}'{}'{version})", call.name)
}

/// A value of a type, the same for all columns of the type, so that keys meet.
fn placeholder(data_type: &str) -> Json {
    let upper = data_type.to_ascii_uppercase();
    let is = |kinds: &[&str]| kinds.iter().any(|it| upper.starts_with(it));
    if upper.ends_with("[]") {
        json!([])
    } else if is(&["STRUCT", "UNION", "MAP", "\"NULL\""]) || upper.ends_with(']') {
        Json::Null
    } else if is(&["INTERVAL"]) {
        json!("1 day")
    } else if is(&[
        "TINYINT",
        "SMALLINT",
        "INT",
        "BIGINT",
        "HUGEINT",
        "UTINYINT",
        "USMALLINT",
        "UINT",
        "UBIGINT",
        "UHUGEINT",
    ]) {
        json!(1)
    } else if is(&["DECIMAL", "DOUBLE", "FLOAT", "REAL"]) {
        json!(0.5)
    } else if is(&["BOOLEAN"]) {
        json!(true)
    } else if is(&["DATE"]) {
        json!("2024-01-01")
    } else if is(&["TIMESTAMP"]) {
        json!("2024-01-01 00:00:00")
    } else if is(&["TIME"]) {
        json!("00:00:00")
    } else if is(&["UUID"]) {
        json!("00000000-0000-0000-0000-000000000000")
    } else if is(&["JSON"]) {
        json!("{}")
    } else if is(&["ENUM"]) {
        data_type.split('\'').nth(1).map_or(Json::Null, Json::from)
    } else if is(&["VARCHAR", "BLOB"]) {
        json!("a")
    } else {
        Json::Null
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_a_value_that_fits() {
        for (data_type, value) in [
            ("BIGINT", json!(1)),
            ("INTERVAL", json!("1 day")),
            ("DECIMAL(18,3)", json!(0.5)),
            ("TIMESTAMP WITH TIME ZONE", json!("2024-01-01 00:00:00")),
            ("INTEGER[]", json!([])),
            ("STRUCT(a INTEGER)", json!(null)),
            ("ENUM('small', 'large')", json!("small")),
            ("\"NULL\"", json!(null)),
        ] {
            assert_eq!(placeholder(data_type), value, "{data_type}");
        }
    }
}
