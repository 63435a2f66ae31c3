//! `tidemill accept`: a jump that a drift test refused is wanted, for once.

use super::{History, text};
use crate::diagnostics::scrub::Scrubber;
use crate::node::quote_literal;
use crate::warehouse::{Value, Warehouse, WarehouseError};

/// A jump that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The test's unique id.
    pub test_id: String,
    /// What it said when it refused.
    pub message: String,
    /// When that was.
    pub refused_at: String,
}

/// Why nothing could be accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AcceptError {
    /// None of the tests refused a jump when it was run last.
    NothingRefused,
    /// The history cannot be read or written.
    Warehouse(WarehouseError),
}

impl From<WarehouseError> for AcceptError {
    fn from(error: WarehouseError) -> Self {
        AcceptError::Warehouse(error)
    }
}

/// Accepts what tests refused when they were run last. The tests are given by their ids.
pub fn accept(
    warehouse: &mut dyn Warehouse,
    tests: &[&str],
    reason: Option<&str>,
    invocation_id: &str,
    scrubber: &Scrubber,
) -> Result<Vec<Accepted>, AcceptError> {
    let history = History::new(warehouse.database(), invocation_id, scrubber.clone());
    for statement in history.set_up() {
        warehouse.execute(&statement)?;
    }
    let mut accepted = Vec::new();
    for test in tests {
        let rows = warehouse.query(&history.last_refusal(test), None)?.rows;
        let Some([Value::Text(run_id), message, Value::Text(refused_at)]) = rows.first().map(Vec::as_slice)
        else {
            continue;
        };
        let message = match message {
            Value::Text(message) => message.clone(),
            _ => String::new(),
        };
        warehouse.execute(&history.accept(test, run_id, reason))?;
        accepted.push(Accepted { test_id: (*test).to_owned(), message, refused_at: refused_at.clone() });
    }
    if accepted.is_empty() { Err(AcceptError::NothingRefused) } else { Ok(accepted) }
}

impl History {
    /// The run in which a test refused a jump, if it did so when it was run last: run, message, time.
    fn last_refusal(&self, test_id: &str) -> String {
        let test = quote_literal(test_id);
        format!(
            "select run_id, message, strftime(finished_at at time zone 'UTC', '%Y-%m-%d %H:%M:%S UTC') \
             from (select * from {} where test_id = {test} order by finished_at desc limit 1) \
             where status = 'fail' and run_id in \
             (select run_id from {} where test_id = {test} and status = 'rejected')",
            self.table("test_runs"),
            self.table("drift_measures"),
        )
    }

    fn accept(&self, test_id: &str, run_id: &str, reason: Option<&str>) -> String {
        format!(
            "insert into {} (accepted_at, node_id, test_id, measure, \"group\", value, columns, reason, \
             rejected_run_id) \
             select now(), node_id, test_id, measure, \"group\", value, columns, {}, run_id from {} \
             where test_id = {} and run_id = {} and status = 'rejected'",
            self.table("drift_accepted"),
            text(reason.map(|it| self.scrubber.hide(it)).as_deref()),
            self.table("drift_measures"),
            quote_literal(test_id),
            quote_literal(run_id)
        )
    }
}
