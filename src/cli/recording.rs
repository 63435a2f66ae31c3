//! Results of unit tests that ran alone, into the history of the database: afterwards, without waiting, and only if
//! there is a database. What stands in the way is told and fails nothing.

use std::path::PathBuf;
use std::time::Duration;

use super::publishing;
use super::session::{Loaded, Session};
use crate::graph::Graph;
use crate::plan::Plan;
use crate::run::{self, RunOptions, Tested};
use crate::warehouse::duckdb;
use crate::warehouse::duckdb::publishing::{Scratch, bytes};
use crate::warehouse::{ConnectOptions, ErrorKind, WarehouseError};

/// A file that is published as a whole is copied for every change; more bytes than these are not, for a few rows.
const MAX_COPY: u64 = 1024 * 1024 * 1024;

impl Session {
    /// Records them, or says why not.
    pub(super) fn record_unit_tests(
        &mut self,
        loaded: &Loaded,
        (graph, plan): (&Graph, &Plan),
        options: &RunOptions,
        tested: &Tested,
    ) {
        // Without a database there is no history; tests in memory are no reason to begin one.
        let Some(file) = loaded.project.target.file(loaded.base()).filter(|it| it.is_file()) else { return };
        if self.stop.is_requested() {
            return;
        }
        let of = (graph, plan, loaded.project.config.name.value.as_str());
        let done = if publishing::is_by_run(self, loaded) {
            self.record_in_copy(file, of, options, tested)
        } else {
            record(&self.bare(file), of, options, tested)
        };
        if let Err(error) = done {
            let path = &loaded.project.target.path;
            let why = match &error.kind {
                ErrorKind::Locked { holder } => {
                    let who = holder.as_ref().map(|it| format!(" by {it}")).unwrap_or_default();
                    format!("it is in use{who}")
                }
                _ => error.message.lines().next().unwrap_or_default().to_owned(),
            };
            self.info(&format!("the history in {path} has no word of these unit tests: {why}"));
        }
    }

    /// The file as it is: nothing attached, nothing loaded, no wait.
    fn bare(&self, file: PathBuf) -> ConnectOptions {
        let (path, schema) = (Some(file), "main".to_owned());
        let is_offline = self.globals.offline.unwrap_or(false);
        ConnectOptions { path, schema, workers: 1, is_offline, wait: Duration::ZERO, ..Default::default() }
    }

    /// With `publish: run` readers are never locked out: not for these rows either.
    fn record_in_copy(
        &self,
        file: PathBuf,
        of: (&Graph, &Plan, &str),
        options: &RunOptions,
        tested: &Tested,
    ) -> Result<(), WarehouseError> {
        let size = file.metadata().map_or(0, |it| it.len());
        if size > MAX_COPY {
            let size = bytes(size);
            let message = format!("a copy of {size} is too much for them (`publish: run`)");
            return Err(WarehouseError { kind: ErrorKind::Unavailable, message, position: None });
        }
        let stop = || !self.stop.is_requested();
        let scratch = Scratch::begin(&self.bare(file), &self.invocation_id, &mut |_| false, &stop)?;
        record(scratch.options(), of, options, tested)?;
        scratch.check(&[])?;
        scratch.publish(0)
    }
}

fn record(
    database: &ConnectOptions,
    (graph, plan, project): (&Graph, &Plan, &str),
    options: &RunOptions,
    tested: &Tested,
) -> Result<(), WarehouseError> {
    let mut warehouse = duckdb::open(database)?;
    run::record_unit_tests(plan, (graph, project), options, tested, warehouse.as_mut())
}
