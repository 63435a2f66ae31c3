//! What is said about a test that found something: rows, a query, the place.

use std::collections::BTreeSet;

use super::{TestOutcome, Tester};
use crate::compile::faults;
use crate::diagnostics::Diagnostic;
use crate::graph::Node;
use crate::node::{NodeId, Relation};
use crate::parse::check::Check;
use crate::parse::{Body, DataTest, TestKind};
use crate::plan::{Mask, PlannedTest, TestText};
use crate::run::event::TestStatus;
use crate::run::masked::MASKED;
use crate::run::{Shared, declared_at};
use crate::template::Rendered;
use crate::warehouse::{Rows, Value, Warehouse as _};

/// Columns that tests of known meaning count in, which tell nothing of any row.
const COUNTS: [&str; 4] = ["n_records", "row_count", "compared_row_count", "row_difference"];

impl Tester<'_> {
    /// Adds sample rows, a query to paste and the place of the test.
    pub(super) fn explain(&mut self, test: &PlannedTest, sql: &Rendered, outcome: &mut TestOutcome) {
        if test.check.is_about_rows() {
            let query = test.sample_sql.clone().unwrap_or_else(|| sql.text.trim().to_owned());
            if test.sample_rows > 0 {
                match self.warehouse.query(&query, Some(test.sample_rows)) {
                    Ok(rows) => outcome.samples = Some(self.shown(test, rows)),
                    Err(error) => self.note_end(&error, &self.shared.graph.node(test.node).name),
                }
            }
            outcome.is_kept = test.kept_in.is_some();
            let kept = test.kept_in.as_ref().map(|it| format!("select * from {}", it.relation.render()));
            outcome.query = Some(self.shared.scrubber.hide(&kept.unwrap_or(query)));
        }
        outcome.fault = Some(Box::new(self.fault(test, outcome)));
    }

    /// Rows as they may be shown: without secrets, and without the values of sensitive columns.
    fn shown(&mut self, test: &PlannedTest, mut rows: Rows) -> Rows {
        if let Some(mask) = &test.mask {
            let hidden = self.hidden(test, mask, &rows);
            for row in &mut rows.rows {
                for (value, is_hidden) in row.iter_mut().zip(&hidden) {
                    if *is_hidden && *value != Value::Null {
                        *value = Value::Text(MASKED.to_owned());
                    }
                }
            }
        }
        // A report may cut a long value, and what is left of a secret then is no longer known as one.
        if !self.shared.scrubber.is_empty() {
            for value in rows.rows.iter_mut().flatten() {
                if let Value::Text(text) = value {
                    *text = self.shared.scrubber.hide(text);
                }
            }
        }
        rows
    }

    /// Which columns of a result must not be shown. What cannot be told from a sensitive column is taken for one.
    fn hidden(&mut self, test: &PlannedTest, mask: &Mask, rows: &Rows) -> Vec<bool> {
        let is_known = test.check != Check::Query;
        let read: BTreeSet<String> = mask.relations.iter().flat_map(|it| self.columns_of(it)).collect();
        let names = rows.columns.iter().map(|it| it.name.to_lowercase());
        names
            .map(|name| {
                if mask.columns.contains(&name) {
                    return true;
                }
                let is_count = is_known && COUNTS.contains(&name.as_str());
                let is_computed = is_known && !mask.is_about_them;
                !(is_count || is_computed || read.contains(&name))
            })
            .collect()
    }

    fn columns_of(&mut self, relation: &Relation) -> Vec<String> {
        let columns = self.warehouse.describe(&format!("select * from {}", relation.render()));
        columns.unwrap_or_default().into_iter().map(|it| it.name.to_lowercase()).collect()
    }

    fn fault(&self, test: &PlannedTest, outcome: &TestOutcome) -> Diagnostic {
        let node = self.shared.graph.node(test.node);
        let message = outcome.message.clone().unwrap_or_default();
        let headline = format!("{}: {message}", describe(self.shared, node, test));
        let diagnostic = match outcome.status {
            TestStatus::Warn => Diagnostic::warning("test-warned", headline),
            _ => Diagnostic::error("test-failed", headline),
        };
        let can_be_accepted = outcome.status == TestStatus::Fail && !outcome.measured.is_empty();
        let owner = owner_of(node).map(|id| self.shared.graph.node(id)).filter(|_| can_be_accepted);
        diagnostic.at(declared_at(node), "declared here").help_opt(owner.map(|owner| {
            let name = match &owner.body {
                Body::Source(source) => format!("source:{}.{}", source.source, owner.name),
                _ => owner.name.clone(),
            };
            format!(
                "if this is right, accept it for the next build: \
                 tidemill accept {name} --reason \"why it is right\""
            )
        }))
    }
}

/// The node that a generic test is declared on.
pub(in crate::run) fn owner_of(node: &Node) -> Option<NodeId> {
    match &node.body {
        Body::Test(DataTest { kind: TestKind::Generic(test), .. }) => match &test.owner {
            crate::parse::Owner::Ref(call) => node.refs.get(call).copied(),
            crate::parse::Owner::Source(call) => node.sources.get(call).copied(),
        },
        _ => None,
    }
}

/// `not_null on customers.customer_id`, or the test's name.
pub(super) fn describe(shared: &Shared<'_>, node: &Node, test: &PlannedTest) -> String {
    match &node.body {
        Body::Test(DataTest { kind: TestKind::Generic(_), .. }) => faults::test_name(shared.graph, node),
        Body::Source(source) => format!("freshness of source `{}.{}`", source.source, node.name),
        _ => format!(
            "{} `{}`",
            if matches!(test.sql, TestText::Broken(_)) { "broken test" } else { "test" },
            node.name
        ),
    }
}
