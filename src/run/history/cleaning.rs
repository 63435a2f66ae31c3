//! Word of relations that were dropped because no node owns them any more.

use super::{History, NodeRow, RunRow};
use crate::diagnostics::scrub::Scrubber;
use crate::node::Relation;

/// What `clean --orphans --drop` leaves in the history.
pub struct Cleaning(History);

impl Cleaning {
    /// In the history of this database, under this id.
    pub fn new(database: &str, run_id: &str, scrubber: Scrubber) -> Self {
        Self(History::new(database, run_id, scrubber))
    }

    /// Statements for the beginning.
    pub fn started(&self, project: &str, target: &str) -> Vec<String> {
        let mut statements = self.0.set_up();
        statements.push(self.0.run_started(RunRow { command: "clean", target, project }));
        statements
    }

    /// The statement for a relation that is dropped, made for the node of this id.
    pub fn dropped(&self, node_id: &str, relation: &Relation) -> String {
        self.0.node(&NodeRow {
            node_id,
            kind: node_id.split('.').next().unwrap_or_default(),
            relation: Some(relation),
            made: None,
            status: "dropped",
            rows: None,
            rows_in: None,
            seconds: 0.0,
            message: Some("no node owns it any more"),
            fingerprint: None,
            columns: None,
            reads: None,
        })
    }

    /// The statement for the end.
    pub fn finished(&self, is_good: bool) -> String {
        self.0.run_finished(if is_good { "success" } else { "error" })
    }
}
