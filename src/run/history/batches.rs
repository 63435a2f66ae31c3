//! Batches of microbatch models that are published one by one: which are still to be made.

use jiff::civil::DateTime;

use super::History;
use crate::batch::Batch;
use crate::node::quote_literal;

/// Batches that one statement writes.
const BATCHES_AT_ONCE: usize = 1_000;

impl History {
    /// The statement that makes the table, if it is not there.
    pub(super) fn batches_table(&self) -> String {
        format!(
            "create table if not exists {} (node_id varchar, batch_start timestamp, batch_end timestamp, \
             status varchar, run_id varchar, finished_at timestamptz)",
            self.table("batches")
        )
    }

    /// The batches of a node that were announced and not made.
    pub(in crate::run) fn owed_batches(&self, node_id: &str) -> String {
        let (table, node) = (self.table("batches"), quote_literal(node_id));
        let time = |column: &str| format!("strftime({column}, '%Y-%m-%d %H:%M:%S')");
        let (start, end) = (time("batch_start"), time("batch_end"));
        format!(
            "select {start}, {end} from {table} where node_id = {node} and status <> 'success' order by all"
        )
    }

    /// Says which batches will be made one after the other; of a new table, no others are known.
    pub(in crate::run) fn announce_batches(
        &self,
        node_id: &str,
        batches: &[Batch],
        is_there: bool,
    ) -> Vec<String> {
        let mut statements = Vec::new();
        if !is_there {
            statements.push(self.forget_batches(node_id));
        }
        let (table, node, run) = (self.table("batches"), quote_literal(node_id), quote_literal(&self.run_id));
        for some in batches.chunks(BATCHES_AT_ONCE) {
            let time = |it| format!("timestamp '{it}'");
            let times: Vec<(String, String)> = some.iter().map(|it| (time(it.start), time(it.end))).collect();
            let keys: Vec<String> = times.iter().map(|(start, end)| format!("({start}, {end})")).collect();
            statements.push(format!(
                "delete from {table} where node_id = {node} and (batch_start, batch_end) in ({})",
                keys.join(", ")
            ));
            let rows: Vec<String> = times
                .iter()
                .map(|(start, end)| format!("({node}, {start}, {end}, 'pending', {run}, null)"))
                .collect();
            statements.push(format!("insert into {table} values {}", rows.join(", ")));
        }
        statements
    }

    /// Says that what was announced from one moment to another is made.
    pub(in crate::run) fn batches_done(&self, node_id: &str, start: DateTime, end: DateTime) -> String {
        format!(
            "update {} set status = 'success', run_id = {}, finished_at = now() where node_id = {} \
             and batch_start >= timestamp '{start}' and batch_end <= timestamp '{end}' and status <> 'success'",
            self.table("batches"),
            quote_literal(&self.run_id),
            quote_literal(node_id)
        )
    }

    /// Nothing of a node is still to be made.
    pub(in crate::run) fn forget_batches(&self, node_id: &str) -> String {
        format!("delete from {} where node_id = {}", self.table("batches"), quote_literal(node_id))
    }
}
