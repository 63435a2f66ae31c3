//! What drift tests measured, and the jumps that somebody accepted.
//!
//! `drift_measures` has a row for each version and group. Those with the status `published` are of versions that
//! readers saw; `rejected` is a jump that was refused. `drift_accepted` holds the jumps that are wanted: one
//! waits until its node is published again, whether it was needed for that or not.

use super::{History, text};
use crate::node::quote_literal;
use crate::run::drift::Measurement;

/// What a test measured.
pub(in crate::run) struct MeasureRows<'a> {
    pub(in crate::run) test_id: &'a str,
    pub(in crate::run) node_id: &'a str,
    /// The measure in SQL, or `columns`.
    pub(in crate::run) measure: &'a str,
    pub(in crate::run) measured: &'a [Measurement],
}

/// Days between a version and now, in UTC.
const DAYS_AGO: &str = "date_diff('day', cast(finished_at at time zone 'UTC' as date), \
                        cast(now() at time zone 'UTC' as date))";

impl History {
    /// The statements that make the tables, if they are not there.
    pub(super) fn set_up_measures(&self) -> Vec<String> {
        vec![
            self.measures_table(),
            format!(
                "create table if not exists {} (accepted_at timestamptz, node_id varchar, test_id varchar, \
                 measure varchar, \"group\" varchar, value double, columns varchar, reason varchar, \
                 rejected_run_id varchar, used_run_id varchar, used_at timestamptz)",
                self.table("drift_accepted")
            ),
        ]
    }

    pub(super) fn measures_table(&self) -> String {
        format!(
            "create table if not exists {} (run_id varchar, node_id varchar, test_id varchar, \
             measure varchar, \"group\" varchar, value double, columns varchar, status varchar, \
             finished_at timestamptz)",
            self.table("drift_measures")
        )
    }

    /// Writes what a test measured.
    pub(in crate::run) fn measured(&self, rows: &MeasureRows<'_>, is_published: bool) -> String {
        let status = if is_published { "published" } else { "rejected" };
        let value = |it: &Measurement| {
            format!(
                "({}, {}, {}, {}, {}, {}, {}, {}, now())",
                quote_literal(&self.run_id),
                quote_literal(rows.node_id),
                quote_literal(rows.test_id),
                quote_literal(rows.measure),
                text(it.group.as_deref()),
                it.value.map_or_else(|| "null".to_owned(), |it| format!("{it:e}")),
                text(it.text.as_deref()),
                quote_literal(status)
            )
        };
        let values: Vec<String> = rows.measured.iter().map(value).collect();
        format!(
            "insert into {} (run_id, node_id, test_id, measure, \"group\", value, columns, status, finished_at) \
             values {}",
            self.table("drift_measures"),
            values.join(", ")
        )
    }

    /// Notes that a version was published because of what was accepted.
    pub(in crate::run) fn used(&self, test_id: &str) -> String {
        format!(
            "update {} set used_run_id = {}, used_at = now() where test_id = {} and used_run_id is null",
            self.table("drift_accepted"),
            quote_literal(&self.run_id),
            quote_literal(test_id)
        )
    }

    /// Row counts of a node's published versions, newest first, since the last jump that was accepted: run,
    /// group (null) and value. Versions that were made of a part of the rows are no measure of others.
    pub(in crate::run) fn row_counts(
        &self,
        node_id: &str,
        test_id: &str,
        n: usize,
        by_weekday: bool,
    ) -> String {
        format!(
            "select run_id, null as grp, cast(rows as double) as value from {} \
             where node_id = {} and status = 'success' and reads is null and rows is not null and {}{} \
             order by finished_at desc limit {n}",
            self.table("node_runs"),
            quote_literal(node_id),
            self.since_acceptance(test_id),
            weekday(by_weekday),
        )
    }

    /// The same of a test's own measures, with groups.
    pub(in crate::run) fn measures(&self, test_id: &str, n: usize, by_weekday: bool) -> String {
        let measures = self.table("drift_measures");
        let test = format!("test_id = {} and status = 'published'", quote_literal(test_id));
        format!(
            "with versions as (\
             select run_id, max(finished_at) as finished_at from {measures} where {test} and {} group by run_id), \
             wanted as (\
             select run_id, finished_at from versions where true{} order by finished_at desc limit {n}) \
             select wanted.run_id, it.\"group\", it.value from {measures} as it join wanted using (run_id) \
             where it.{test} order by wanted.finished_at desc, wanted.run_id, it.\"group\"",
            self.since_acceptance(test_id),
            weekday(by_weekday),
        )
    }

    /// The columns of the last published version.
    pub(in crate::run) fn last_columns(&self, test_id: &str) -> String {
        format!(
            "select arg_max(columns, finished_at) from {} where test_id = {} and status = 'published'",
            self.table("drift_measures"),
            quote_literal(test_id)
        )
    }

    /// What was accepted since a node was published last: group, value, columns, reason, time.
    pub(in crate::run) fn pending(&self, test_id: &str, node_id: &str) -> String {
        let node = quote_literal(node_id);
        format!(
            "select \"group\", value, columns, reason, \
             strftime(accepted_at at time zone 'UTC', '%Y-%m-%d %H:%M:%S UTC') from {} \
             where test_id = {} and used_run_id is null and accepted_at > greatest(\
             coalesce((select max(finished_at) from {} where node_id = {node} and status = 'success'), \
             '-infinity'::timestamptz), \
             coalesce((select max(finished_at) from {} where node_id = {node} and status = 'published'), \
             '-infinity'::timestamptz)) \
             qualify accepted_at = max(accepted_at) over ()",
            self.table("drift_accepted"),
            quote_literal(test_id),
            self.table("node_runs"),
            self.table("drift_measures"),
        )
    }

    /// A jump that was accepted begins a new level: what was before it is no measure of what comes after.
    fn since_acceptance(&self, test_id: &str) -> String {
        format!(
            "finished_at >= coalesce((select max(used_at) from {} where test_id = {}), \
             '-infinity'::timestamptz)",
            self.table("drift_accepted"),
            quote_literal(test_id)
        )
    }
}

/// The last version of each earlier day of today's weekday.
fn weekday(by_weekday: bool) -> String {
    if !by_weekday {
        return String::new();
    }
    format!(
        " and {DAYS_AGO} > 0 and {DAYS_AGO} % 7 = 0 \
         qualify row_number() over (partition by {DAYS_AGO} order by finished_at desc) = 1"
    )
}
