//! A model tried on made-up inputs.

use super::expected::{self, Made, invalid_query, invalid_value};
use super::fixture::{FixtureQuery, columns_of, query, unknown_column};
use super::learning::{Learnt, Search};
use super::scratch::Scratch;
use super::values::Guess;
use super::{Tried, Verdict};
use crate::compile::faults;
use crate::compile::{Late, self_contained};
use crate::diagnostics::Diagnostic;
use crate::graph::{Graph, Node};
use crate::node::{NodeId, NodeKind, Relation};
use crate::parse::properties::FixtureFormat;
use crate::parse::unit_tests::{Given, ModelTest, Rows as Written};
use crate::plan::{PlannedInput, PlannedUnitTest, UnitTestSubject};
use crate::project::files::Files;
use crate::template::Rendered;
use crate::warehouse::seed::{SeedOptions, infer_seed, seed_sql};
use crate::warehouse::{Rows, Warehouse as _, WarehouseError};

/// How many columns may be asked for that nothing is known of.
const MAX_UNKNOWN: usize = 256;

/// What a test of a model is run with.
pub(super) struct ModelTrial<'a> {
    pub(super) graph: &'a Graph,
    pub(super) files: &'a dyn Files,
    pub(super) late: &'a Late<'a>,
    pub(super) node: &'a Node,
    pub(super) id: NodeId,
    pub(super) tested: NodeId,
    pub(super) test: &'a ModelTest,
    pub(super) planned: &'a PlannedUnitTest,
}

/// An input while the test runs.
pub(super) struct Input<'a> {
    pub(super) planned: &'a PlannedInput,
    pub(super) given: &'a Given,
    /// What was found out about columns that nothing says.
    pub(super) learnt: Learnt,
    made: FixtureQuery,
}

impl Input<'_> {
    /// Whether a column may be there although no row has it.
    pub(super) fn may_have_more(&self) -> bool {
        !self.planned.is_whole && matches!(self.given.fixture.rows, Written::Values(_))
    }

    pub(super) fn has(&self, column: &str) -> bool {
        let Written::Values(rows) = &self.given.fixture.rows else { return false };
        rows.iter().any(|it| it.get(column).is_some())
            || self.planned.columns.iter().any(|it| it.name.eq_ignore_ascii_case(column))
            || self.learnt.also.iter().any(|it| it.eq_ignore_ascii_case(column))
    }
}

impl<'a> ModelTrial<'a> {
    /// Runs the test; the database is as it was afterwards.
    pub(super) fn run(&self, scratch: &mut Scratch) -> Tried {
        let mut inputs = self.inputs();
        let mut tried = Tried::default();
        tried.verdict = match self.attempt(scratch, &mut inputs, &mut tried) {
            Ok(None) => Verdict::Pass,
            Ok(Some(diff)) => Verdict::Differs(diff),
            Err(fault) => Verdict::Error(fault),
        };
        scratch.clear();
        tried
    }

    pub(super) fn inputs(&self) -> Vec<Input<'a>> {
        let inputs = self.planned.inputs.iter().filter_map(|planned| {
            let given = self.test.given.get(planned.index?)?;
            Some(Input { planned, given, learnt: Learnt::default(), made: FixtureQuery::default() })
        });
        inputs.collect()
    }

    fn attempt(
        &self,
        scratch: &mut Scratch,
        inputs: &mut [Input<'a>],
        tried: &mut Tried,
    ) -> Result<Option<crate::run::event::RowDiff>, Diagnostic> {
        for input in inputs.iter() {
            if let (true, Written::Values(rows)) = (input.planned.is_whole, &input.given.fixture.rows)
                && let Some(fault) =
                    unknown_column(rows, &input.planned.columns, &format!("`{}`", input.given.text.value))
            {
                return Err(fault);
            }
        }
        let (sql, rows) = self.rows(scratch, inputs)?;
        tried.sql = Some(Self::shown(&sql, inputs));
        let by = format!("the model `{}`", self.test.model.value);
        let made = Made { by: &by, sql: &sql.text, rows };
        expected::compare(scratch, &made, &self.test.expect, self.planned.expect.as_ref())
    }

    /// The rows that the model makes. Where the types of inputs had to be guessed, texts are tried as texts too.
    pub(super) fn rows(
        &self,
        scratch: &mut Scratch,
        inputs: &mut [Input<'a>],
    ) -> Result<(Rendered, Rows), Diagnostic> {
        let first = self.rows_with(scratch, inputs, Guess::ByLook);
        let is_guessed = inputs.iter().any(Input::may_have_more);
        match first {
            Err(fault) if is_guessed => {
                for input in inputs.iter_mut() {
                    input.learnt = Learnt::default();
                }
                self.rows_with(scratch, inputs, Guess::Texts).map_err(|_| fault)
            }
            done => done,
        }
    }

    fn rows_with(
        &self,
        scratch: &mut Scratch,
        inputs: &mut [Input<'a>],
        guess: Guess,
    ) -> Result<(Rendered, Rows), Diagnostic> {
        for input in inputs.iter_mut() {
            self.make(scratch, input, guess)?;
        }
        let mut search = Search::default();
        for _ in 0..MAX_UNKNOWN {
            let sql = self.query()?;
            let error = match scratch.rows(&sql.text) {
                Ok(rows) => return Ok((sql, rows)),
                Err(error) => error,
            };
            let missing = scratch.connection.missing_column(&error);
            let changed = search.learn(inputs, missing, &sql.text, &error);
            if changed.is_empty() {
                return Err(self.fault(scratch, inputs, &sql, &error));
            }
            for index in changed {
                self.make(scratch, &mut inputs[index], guess)?;
            }
        }
        Err(Diagnostic::error("unknown-columns", "the columns of this test's inputs are not known")
            .at(self.node.span, "")
            .help("declare them with `data_type` in YAML"))
    }

    pub(super) fn query(&self) -> Result<Rendered, Diagnostic> {
        match &self.planned.subject {
            UnitTestSubject::Query(sql) => Ok(sql.clone()),
            UnitTestSubject::Late => self.late.unit_test(self.id),
            UnitTestSubject::Untested { is_incremental } => self.late.untested(self.id, *is_incremental),
            UnitTestSubject::Macro => Ok(Rendered::default()),
            UnitTestSubject::Broken(fault) => Err((**fault).clone()),
        }
    }

    /// Puts an input's rows under its name.
    pub(super) fn make(
        &self,
        scratch: &mut Scratch,
        input: &mut Input<'a>,
        guess: Guess,
    ) -> Result<(), Diagnostic> {
        let relation = &input.planned.relation;
        let fixture = &input.given.fixture;
        let name = format!("`{}`", input.given.text.value);
        match &fixture.rows {
            Written::OfSeed => return self.make_seed(scratch, input, relation),
            Written::Query(_) => {
                let Some(sql) = &input.planned.query else { return Ok(()) };
                let (before, made) = scratch.view(relation, &sql.text);
                made.map_err(|error| {
                    let position = error.position.and_then(|it| it.checked_sub(before));
                    invalid_query(&name, &WarehouseError { position, ..error }, fixture, sql)
                })?;
                input.made = FixtureQuery { sql: sql.text.clone(), places: Vec::new() };
            }
            Written::Values(rows) => {
                let is_csv = fixture.format == FixtureFormat::Csv;
                let known = &input.planned.columns;
                let columns = columns_of(known, rows, &input.learnt, is_csv, guess);
                input.made = query(&columns, rows);
                let (before, made) = scratch.view(relation, &input.made.sql);
                made.map_err(|error| {
                    let offset = error.position.and_then(|it| it.checked_sub(before));
                    let place = offset.and_then(|it| input.made.place_of(it));
                    invalid_value(&name, &error, place.unwrap_or(fixture.span))
                })?;
            }
        }
        Ok(())
    }

    fn make_seed(
        &self,
        scratch: &mut Scratch,
        input: &Input<'_>,
        relation: &Relation,
    ) -> Result<(), Diagnostic> {
        let seed = input.planned.node.map(|it| self.graph.node(it));
        let Some(seed) = seed.filter(|it| it.kind == NodeKind::Seed) else {
            let message = format!("`{}` has no rows", input.given.text.value);
            return Err(Diagnostic::error("invalid-fixture", message)
                .at(input.given.text.span, "only a seed has rows of its own")
                .help("add `rows:`"));
        };
        let fail = |why: String| {
            let message = format!("the seed `{}` cannot be loaded: {why}", seed.name);
            Diagnostic::error("invalid-seed", message)
                .at(input.given.text.span, "its own rows are given here")
        };
        let options = SeedOptions {
            delimiter: seed.config.delimiter.as_deref().and_then(|it| it.chars().next()).unwrap_or(','),
            column_types: seed.config.column_types.clone(),
        };
        let reader = self.files.open(&seed.path).map_err(|error| fail(error.to_string()))?;
        let shape = infer_seed(reader, &options).map_err(|error| fail(error.message))?;
        let statement = seed_sql(relation, &self.files.locate(&seed.path), &shape, &options);
        scratch.table(relation, &statement).map_err(|error| fail(error.message))
    }

    /// Why the query cannot be run: a value of an input that does not fit, or the query itself.
    fn fault(
        &self,
        scratch: &mut Scratch,
        inputs: &[Input<'_>],
        sql: &Rendered,
        error: &WarehouseError,
    ) -> Diagnostic {
        for input in inputs.iter().filter(|it| !it.made.sql.is_empty()) {
            if let Err(error) = scratch.rows(&input.made.sql) {
                let name = format!("`{}`", input.given.text.value);
                let place = error.position.and_then(|it| input.made.place_of(it));
                return invalid_value(&name, &error, place.unwrap_or(input.given.fixture.span));
            }
        }
        let mut fault = faults::sql(self.graph.node(self.tested), sql, 0, error);
        if self.tested != self.id {
            fault = fault.and_at(self.node.span, "in this unit test");
        }
        let unknown: Vec<String> = inputs
            .iter()
            .filter(|it| it.may_have_more())
            .map(|it| format!("`{}`", it.given.text.value))
            .collect();
        if !unknown.is_empty() {
            fault = fault
                .note(format!("the types of {} are not known: they are those that the rows seem to have", unknown.join(", ")))
                .help("declare the input's columns with `data_type` in YAML, or give its rows with `format: sql`");
        }
        fault
    }

    /// The query with its inputs in it, to be read and pasted.
    fn shown(sql: &Rendered, inputs: &[Input<'_>]) -> String {
        let inputs: Vec<(&Relation, &str)> = inputs
            .iter()
            .filter(|it| !it.made.sql.is_empty())
            .map(|it| (&it.planned.relation, it.made.sql.as_str()))
            .collect();
        self_contained(&sql.text, &inputs)
    }
}
