//! A test with all that is needed to run it.

use super::masking::mask;
use super::scan::WhyAlone;
use super::steps::Maker;
use super::{KeptIn, PlannedTest, TestText, Verdict};
use crate::compile::own_tests::{failing_row, value_list};
use crate::compile::{column_sql, is_ephemeral, reading_name};
use crate::diagnostics::Diagnostic;
use crate::graph::Node;
use crate::node::{NodeId, NodeKind, Relation, RelationKind, StoreFailures, TestSeverity};
use crate::parse::check::{Check, OwnCheck};
use crate::parse::threshold::Threshold;
use crate::parse::{Body, DataTest, GenericTest, TestKind};

/// How many failing rows are shown if nothing else is said.
const SAMPLE_ROWS: usize = 5;

/// Macros around the query of a test, of which a project may have its own forms.
const AROUND: [&str; 4] = ["get_test_sql", "get_limit_sql", "get_limit_subquery_sql", "get_where_subquery"];

impl Maker<'_> {
    pub(super) fn planned(&mut self, id: NodeId) -> PlannedTest {
        let node = self.graph.node(id);
        let compiled = self.compiled.nodes.remove(&id).unwrap_or_default();
        let sql = match self.compiled.faults.get(&id) {
            Some(fault) => TestText::Broken(Box::new(fault.clone())),
            None if self.compiled.late.contains(&id) => TestText::Late,
            None => TestText::Ready(compiled.sql),
        };
        let verdict = Verdict {
            severity: node.config.severity,
            warn_if: node.config.warn_if,
            error_if: node.config.error_if,
        };
        let mut planned = PlannedTest {
            verdict,
            kept_in: self.kept_in(node),
            limit: node.config.limit,
            fail_calc: node.config.fail_calc.clone(),
            has_own_fail_calc: node.config.fail_calc.is_some(),
            sample_rows: self.options.sample_rows.or(node.config.sample_rows).unwrap_or(SAMPLE_ROWS),
            mask: mask(self.graph, node),
            alone: Some(WhyAlone::Singular),
            ..self.bare(id, sql)
        };
        match &node.body {
            Body::Test(DataTest { kind: TestKind::Generic(test), .. }) => {
                let check = compiled.check.map_or_else(|| test.check.clone(), |it| *it);
                self.add_meaning(&mut planned, node, test, check);
            }
            _ => self.add_count_of_parent(&mut planned, node),
        }
        if verdict.needs_rows()
            && let Some(fault) = self.no_share(node, &planned)
        {
            planned.sql = TestText::Broken(Box::new(fault));
        }
        planned
    }

    /// A test of which nothing is known but its query.
    fn bare(&self, id: NodeId, sql: TestText) -> PlannedTest {
        let (warn_if, error_if) = (Threshold::default(), Threshold::default());
        PlannedTest {
            node: id,
            sql,
            sample_sql: None,
            check: Check::Query,
            column: None,
            tested: None,
            where_: None,
            verdict: Verdict { severity: TestSeverity::Error, warn_if, error_if },
            kept_in: None,
            limit: None,
            fail_calc: None,
            has_own_fail_calc: false,
            alone: None,
            count_sql: None,
            sample_rows: self.options.sample_rows.unwrap_or(SAMPLE_ROWS),
            mask: None,
        }
    }

    fn kept_in(&self, node: &Node) -> Option<KeptIn> {
        let by_flag = self.options.store_failures.then_some(StoreFailures::In(RelationKind::Table));
        match node.config.store_failures.or(by_flag)? {
            StoreFailures::In(kind) => Some(KeptIn { relation: node.relation.clone()?, kind }),
            StoreFailures::Nowhere => None,
        }
    }

    fn add_meaning(&self, planned: &mut PlannedTest, node: &Node, test: &GenericTest, check: Check) {
        let owner = match &test.owner {
            crate::parse::Owner::Ref(call) => node.refs.get(call),
            crate::parse::Owner::Source(call) => node.sources.get(call),
        };
        let Some(owner) = owner.map(|id| self.graph.node(*id)) else { return };
        if let (Check::Own(own), None) = (&check, &planned.fail_calc) {
            planned.fail_calc = own.fail_calc().map(str::to_owned);
        }
        planned.alone = self.why_alone(node, owner, &check, test);
        planned.check = check;
        if !planned.check.is_about_rows() {
            // There are no failing rows to keep.
            planned.kept_in = None;
        }
        let column = test.arguments.iter().find(|(name, _)| name == "column_name");
        planned.column = column.and_then(|(_, value)| value.as_str()).map(column_sql);
        if let Check::Freshness { column, .. } = &mut planned.check {
            *column = column_sql(column);
        }
        if matches!(planned.check, Check::SchemaDrift(_))
            && (is_ephemeral(owner) || node.config.where_.is_some())
        {
            planned.sql = TestText::Broken(Box::new(schema_of_a_part(node)));
        }
        planned.where_.clone_from(&node.config.where_);
        let tested = reading_name(owner);
        if !is_ephemeral(owner) {
            planned.sample_sql = sample_sql(planned, &tested);
            planned.count_sql = Some(count(&tested, planned.where_.as_deref()));
        }
        planned.tested = Some(tested);
    }

    /// What is known beforehand of a test that cannot share a query.
    fn why_alone(&self, node: &Node, owner: &Node, check: &Check, test: &GenericTest) -> Option<WhyAlone> {
        let is_own = |name: &str| self.graph.templates.override_of(&node.package, name).is_some();
        if *check == Check::Query {
            let package = test.namespace.as_ref().map(|it| format!("{it}.")).unwrap_or_default();
            return Some(WhyAlone::Macro(format!("{package}{}", test.name)));
        }
        if is_ephemeral(owner) {
            return Some(WhyAlone::Ephemeral);
        }
        if node.parents.iter().any(|id| is_ephemeral(self.graph.node(*id))) {
            return Some(WhyAlone::ReadsEphemeral);
        }
        AROUND.into_iter().find(|it| is_own(it)).map(WhyAlone::OwnMacro)
    }

    /// Why a share of the rows cannot be judged, if it cannot.
    fn no_share(&self, node: &Node, test: &PlannedTest) -> Option<Diagnostic> {
        let is_own = |name: &str| self.graph.templates.override_of(&node.package, name).is_some();
        let why = if !test.check.is_about_rows() {
            "this test judges one value, so there are no failing rows to take a share of"
        } else if test.limit.is_some() {
            "`limit` cuts the number of failing rows, so their share is not known"
        } else if is_own("get_test_sql") {
            "the project's own `get_test_sql` judges, and it is SQL"
        } else if test.count_sql.is_none() {
            "it is not known which rows are tested"
        } else {
            return None;
        };
        Some(share_of_nothing(node, test, why))
    }

    /// A singular test is about the rows of the one relation that it reads.
    fn add_count_of_parent(&self, planned: &mut PlannedTest, node: &Node) {
        let is_read = |it: &&NodeId| self.graph.node(**it).kind != NodeKind::Function;
        let read: Vec<&NodeId> = node.parents.iter().filter(is_read).collect();
        if let [id] = read[..]
            && let Some(relation) = &self.graph.node(*id).relation
        {
            planned.count_sql = Some(count(relation, None));
        }
    }
}

fn count(relation: &Relation, condition: Option<&str>) -> String {
    let condition = condition.map(|it| format!(" where {it}")).unwrap_or_default();
    format!("select count(*) from {}{condition}", relation.render())
}

/// A share of the rows that cannot be judged.
fn share_of_nothing(node: &Node, test: &PlannedTest, why: &str) -> Diagnostic {
    let key = if test.verdict.error_if.is_percent() { "error_if" } else { "warn_if" };
    let span = node.config.values.get(key).map_or(node.span, |it| it.span);
    Diagnostic::error("share-of-nothing", format!("`{key}` in percent cannot be judged here"))
        .at(span, why)
        .help(format!("compare a number of failures: {key}: \"> 10\""))
}

/// A part of a table has the table's columns, and an ephemeral model has none that were published.
fn schema_of_a_part(node: &Node) -> Diagnostic {
    Diagnostic::error(
        "schema-of-a-part",
        "`schema_drift` compares the columns of a whole relation, so it takes no `where` and no ephemeral model",
    )
    .at(node.span, "declared here")
}

/// Whole rows for tests whose own query shows one column.
fn sample_sql(test: &PlannedTest, tested: &Relation) -> Option<String> {
    let column = test.column.as_deref()?;
    let relation = tested.render();
    let also = test.where_.as_ref().map(|it| format!(" and ({it})")).unwrap_or_default();
    let condition = match &test.check {
        Check::NotNull => format!("{column} is null"),
        Check::AcceptedValues { values, quote } => {
            format!("{column} not in ({})", value_list(values, *quote))
        }
        Check::Own(OwnCheck::NotAcceptedValues { values, quote }) => {
            format!("{column} in ({})", value_list(values, *quote))
        }
        Check::Own(own) => format!("({})", failing_row(own, Some(column))?),
        Check::Unique
        | Check::Query
        | Check::Relationships { .. }
        | Check::Freshness { .. }
        | Check::Drift(_)
        | Check::SchemaDrift(_) => return None,
    };
    Some(format!("select * from {relation} where {condition}{also}"))
}
