//! A macro that is run by itself: `run-operation`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value as Json;

use super::Status;
use super::connection::Connection;
use super::event::{LogLevel, RunEvent};
use super::{Surroundings, template_log};
use crate::compile::Late;
use crate::diagnostics::Diagnostic;
use crate::graph::Graph;
use crate::template::{Engine, HostError, MacroCall, TemplateValue};
use crate::warehouse::{CatalogEntry, Column, Rows, Warehouse, WarehouseError};

/// How often what a macro logs is passed on while it runs.
const LOG_INTERVAL: Duration = Duration::from_millis(20);

/// Stack of the thread that renders: templates call each other.
const STACK_SIZE: usize = 16 * 1024 * 1024;

/// A macro to run, with its arguments by name.
#[derive(Clone, Copy, Debug)]
pub struct Operation<'a> {
    /// The macro.
    pub call: MacroCall<'a>,
    /// Its arguments.
    pub arguments: &'a [(String, Json)],
}

/// What became of something that is no node: an operation, or one of the project's own hooks.
#[derive(Clone, Debug)]
pub struct OperationResult {
    /// Its unique id.
    pub unique_id: String,
    /// How it ended.
    pub status: Status,
    /// What to say about it.
    pub message: Option<String>,
    /// When work on it began, RFC 3339; empty if it did not.
    pub started_at: String,
    /// When it was done.
    pub completed_at: String,
    /// How long it took.
    pub elapsed: Duration,
}

/// Runs a macro. As in dbt, `statement` begins a transaction that `adapter.commit()` ends; what was not
/// committed is rolled back. `run_query` is committed at once where no transaction is open.
pub fn operation(
    graph: &Graph,
    around: &Surroundings<'_>,
    connection: Connection,
    operation: Operation<'_>,
    on_event: &mut dyn FnMut(&RunEvent),
) -> (OperationResult, Option<Diagnostic>) {
    let (started_at, started) = (around.clock.now(), around.clock.monotonic());
    around.stop.register(connection.interrupt_handle());
    let engine = Arc::new(OwnTransactions { connection, is_open: Mutex::new(false) });
    let late = Late::new(around.project, graph, Some(Arc::<OwnTransactions>::clone(&engine)));
    let comment = Late::new(around.project, graph, None).query_comment(None);
    let called = comment.and_then(|comment| {
        engine.connection.set_comment(comment);
        call(&late, operation, on_event)
    });
    let is_lost = engine.roll_back();
    if is_lost && called.is_ok() {
        let message = "the operation ended in a transaction that was never committed, so what it did since \
                       its last `adapter.commit()` was rolled back"
            .to_owned();
        on_event(&RunEvent::Log { level: LogLevel::Warning, message });
    }
    let result = OperationResult {
        unique_id: operation.call.macro_id.to_owned(),
        status: if called.is_ok() { Status::Success } else { Status::Error },
        message: called.as_ref().err().map(|it| it.message.clone()),
        started_at,
        completed_at: around.clock.now(),
        elapsed: around.clock.monotonic().saturating_sub(started),
    };
    (result, called.err())
}

/// On a thread of its own, so that what the macro logs can be shown meanwhile.
fn call(
    late: &Late<'_>,
    operation: Operation<'_>,
    on_event: &mut dyn FnMut(&RunEvent),
) -> Result<TemplateValue, Diagnostic> {
    let mut pass_on = || late.take_log().iter().for_each(|line| on_event(&template_log(line)));
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_SIZE);
        let work = || late.operation(operation.call, operation.arguments);
        let handle = thread.spawn_scoped(scope, work).map_err(|error| {
            Diagnostic::error("no-thread", "a thread for the macro could not be started")
                .note(error.to_string())
        })?;
        while !handle.is_finished() {
            std::thread::park_timeout(LOG_INTERVAL);
            pass_on();
        }
        let called = handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        pass_on();
        called
    })
}

/// A connection whose transactions are the macro's own affair.
struct OwnTransactions {
    connection: Connection,
    is_open: Mutex<bool>,
}

impl OwnTransactions {
    /// Rolls back what is open; gives whether something was.
    fn roll_back(&self) -> bool {
        let mut is_open = self.is_open.lock().unwrap_or_else(PoisonError::into_inner);
        let was_open = std::mem::take(&mut *is_open);
        if was_open {
            self.connection.clone().rollback();
        }
        was_open
    }

    fn change(
        &self,
        wanted: bool,
        change: impl FnOnce(&mut Connection) -> Result<(), WarehouseError>,
    ) -> Result<(), HostError> {
        let mut is_open = self.is_open.lock().unwrap_or_else(PoisonError::into_inner);
        if *is_open != wanted {
            change(&mut self.connection.clone()).map_err(|error| self.connection.refuse(error, ""))?;
            *is_open = wanted;
        }
        Ok(())
    }
}

impl Engine for OwnTransactions {
    fn query(&self, sql: &str) -> Result<Rows, HostError> {
        Engine::query(&self.connection, sql)
    }

    fn describe(&self, sql: &str) -> Result<Vec<Column>, HostError> {
        Engine::describe(&self.connection, sql)
    }

    fn catalog(&self) -> Result<Vec<CatalogEntry>, HostError> {
        Engine::catalog(&self.connection)
    }

    fn begin_transaction(&self) -> Result<(), HostError> {
        self.change(true, Warehouse::begin)
    }

    fn commit_transaction(&self) -> Result<(), HostError> {
        self.change(false, Warehouse::commit)
    }
}
