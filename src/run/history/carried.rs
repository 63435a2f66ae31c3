//! What of the history goes from one file of a database to another: word of a run that is not published, and of
//! later runs into an older version.

use super::{History, RunRow, SCHEMA};
use crate::diagnostics::scrub::Scrubber;
use crate::node::{Relation, quote_identifier, quote_literal};
use crate::warehouse::Carried;

/// Rows about a run whose results are dropped, with the tables of failing rows that it kept.
pub fn of_failed_run(database: &str, run_id: &str, kept: &[Relation]) -> Vec<Carried> {
    let history = History::new(database, run_id, Scrubber::default());
    let of_run = format!("run_id = {}", quote_literal(run_id));
    let rows = |name: &str, set_up: String| Carried {
        table: Relation::new(database, SCHEMA, name),
        set_up: Some(set_up),
        key: Some("run_id".to_owned()),
        replaced: None,
        where_: Some(of_run.clone()),
    };
    let mut carried = vec![
        rows("runs", history.runs_table()),
        Carried {
            // What went well was not published either, but for what is in other databases: they are no part of the copy.
            replaced: Some(format!(
                "case when status = 'success' and coalesce(starts_with(lower(relation), lower({})), true) \
                 then 'not published' else status end as status",
                quote_literal(&format!("{}.", quote_identifier(database)))
            )),
            ..rows("node_runs", history.node_runs_table())
        },
        rows("test_runs", history.test_runs_table()),
        rows("source_runs", history.source_runs_table()),
        Carried {
            // Jumps that were refused can be accepted; others were not published.
            where_: Some(format!("{of_run} and status = 'rejected'")),
            ..rows("drift_measures", history.measures_table())
        },
    ];
    carried.extend(kept.iter().map(|table| Carried {
        table: table.clone(),
        set_up: None,
        key: None,
        replaced: None,
        where_: None,
    }));
    carried
}

/// Rows about all runs that an older version knows nothing of, and the statements that record its return.
pub fn of_later_runs(
    database: &str,
    run_id: &str,
    (project, target): (&str, &str),
) -> (Vec<Carried>, Vec<String>) {
    let history = History::new(database, run_id, Scrubber::default());
    let runs = Carried {
        table: Relation::new(database, SCHEMA, "runs"),
        set_up: Some(history.runs_table()),
        key: Some("run_id".to_owned()),
        replaced: None,
        where_: None,
    };
    let started = history.run_started(RunRow { command: "rollback", target, project });
    (vec![runs], vec![started, history.run_finished("success")])
}
