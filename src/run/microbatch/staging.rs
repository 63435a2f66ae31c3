//! Queries that are run ahead, on threads and connections of their own, each into a table of a database in memory.
//!
//! Every query has a database of its own, because the node's connection is in a transaction: it sees of a database what was
//! committed when it looks at it first. Tables in Parquet files would do without that, but do not have all of DuckDB's types.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::run::Stop;
use crate::run::connection::{Connection, Statement};
use crate::run::incremental::StagedRows;
use crate::run::slots::Slot;
use crate::run::workers::STACK_SIZE;
use crate::warehouse::{AHEAD, ErrorKind, Interrupt, Warehouse as _, WarehouseError};

/// How long to wait before what is running is interrupted once more: a statement that begins just then has not heard of it.
const PAUSE: Duration = Duration::from_millis(5);

/// How often it is tried to remove a database, should that be interrupted.
const TRIES: usize = 20;

/// Connections that run queries ahead, kept for the next step that wants help.
#[derive(Clone, Default)]
pub(in crate::run) struct Helpers {
    idle: Arc<Mutex<Vec<Connection>>>,
    databases: Arc<AtomicUsize>,
}

impl Helpers {
    fn idle(&self) -> Option<Connection> {
        self.lock().pop()
    }

    fn give_back(&self, connection: Connection) {
        self.lock().push(connection);
    }

    /// A name for a database that no other has in this run.
    fn name(&self) -> String {
        format!("{AHEAD}{}", self.databases.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The queries of one node that are run ahead, by number. Dropped, it stops them and removes their rows.
pub(super) struct Ahead {
    node: Connection,
    helpers: Helpers,
    board: Arc<Board>,
    threads: Vec<JoinHandle<()>>,
}

/// What the node and its helpers know of each other.
#[derive(Default)]
struct Board {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: BTreeMap<usize, String>,
    running: BTreeMap<usize, Arc<dyn Interrupt>>,
    /// `None` for a query that failed.
    done: BTreeMap<usize, Option<StagedRows>>,
    /// Databases whose rows are written.
    used: Vec<String>,
    statements: Vec<Statement>,
    n_helpers: usize,
    /// Whether nothing more is to begin.
    is_over: bool,
}

impl Ahead {
    /// For a node that is made on this connection.
    pub(super) fn new(node: &Connection, helpers: &Helpers) -> Self {
        let (node, helpers) = (node.clone(), helpers.clone());
        Self { node, helpers, board: Arc::default(), threads: Vec::new() }
    }

    /// How many helpers are at work.
    pub(super) fn n_helpers(&self) -> usize {
        self.board.lock().n_helpers
    }

    /// Whether a query failed: then no more of them are run ahead.
    pub(super) fn is_over(&self) -> bool {
        self.board.lock().is_over
    }

    /// Lets a query be run ahead, if a helper comes to it before the node does.
    pub(super) fn offer(&self, index: usize, sql: String) {
        self.board.lock().waiting.insert(index, sql);
    }

    /// One more helper. It begins with the first query that waits, and works until nothing is left to do or a step needs its slot.
    pub(super) fn hire(&mut self, slot: Slot, stop: &Stop) -> Result<(), WarehouseError> {
        let connection = if let Some(idle) = self.helpers.idle() {
            idle
        } else {
            let new = self.node.another()?;
            stop.register(new.interrupt_handle());
            new
        };
        connection.set_comment_of(&self.node);
        let interrupt = connection.interrupt_handle();
        let (board, helpers) = (Arc::clone(&self.board), self.helpers.clone());
        self.board.lock().n_helpers += 1;
        let mut helper = Helper { connection, interrupt, board, helpers, at: None, is_counted: true, slot };
        let first = helper.next();
        self.threads.retain(|it| !it.is_finished());
        let thread = std::thread::Builder::new().stack_size(STACK_SIZE);
        // A thread that cannot be had is help that does not come.
        self.threads.extend(thread.spawn(move || helper.work(first)));
        Ok(())
    }

    /// The rows of a query, if a helper has begun to run it and that went well. Otherwise the node runs it itself.
    pub(super) fn take(&self, index: usize) -> Option<StagedRows> {
        let mut state = self.board.lock();
        state.waiting.remove(&index);
        while state.running.contains_key(&index) {
            state = self.board.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.done.remove(&index).flatten()
    }

    /// The rows that were taken are written: they can go.
    pub(super) fn forget(&self, rows: StagedRows) {
        self.board.lock().used.push(rows.database);
    }

    /// What helpers sent since the last call.
    pub(super) fn take_statements(&self) -> Vec<Statement> {
        std::mem::take(&mut self.board.lock().statements)
    }

    /// Stops what is running, and removes all rows.
    pub(super) fn stop(&mut self) {
        let mut state = self.board.lock();
        state.is_over = true;
        state.waiting.clear();
        while state.n_helpers > 0 {
            state.running.values().for_each(|it| it.interrupt());
            let waited = self.board.changed.wait_timeout(state, PAUSE);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let done = std::mem::take(&mut state.done).into_values().flatten().map(|it| it.database);
        let mut databases = std::mem::take(&mut state.used);
        databases.extend(done);
        drop(state);
        for thread in self.threads.drain(..) {
            // One that panicked has told so itself, and its query counts as failed.
            let _ = thread.join();
        }
        if let (false, Ok(mut connection)) = (databases.is_empty(), self.node.another()) {
            connection.set_comment_of(&self.node);
            remove(&mut connection, &databases);
            self.board.lock().statements.extend(connection.take_statements());
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread that runs queries ahead.
struct Helper {
    connection: Connection,
    interrupt: Arc<dyn Interrupt>,
    board: Arc<Board>,
    helpers: Helpers,
    /// The query that it is at.
    at: Option<usize>,
    is_counted: bool,
    /// It goes when the connection has been given back.
    slot: Slot,
}

impl Helper {
    fn work(mut self, first: Option<(String, Vec<String>)>) {
        let mut next = first;
        while let Some((sql, used)) = next {
            remove(&mut self.connection, &used);
            let rows = self.stage(&sql);
            self.finish(rows.ok());
            next = self.next();
        }
    }

    /// The next query, and databases to remove before it.
    fn next(&mut self) -> Option<(String, Vec<String>)> {
        let mut state = self.board.lock();
        let next = if state.is_over || self.slot.is_wanted() { None } else { state.waiting.pop_first() };
        let Some((index, sql)) = next else {
            // At once, so that nobody counts on it.
            state.n_helpers -= 1;
            self.is_counted = false;
            return None;
        };
        self.at = Some(index);
        state.running.insert(index, Arc::clone(&self.interrupt));
        Some((sql, std::mem::take(&mut state.used)))
    }

    /// Runs a query into a database of its own.
    fn stage(&mut self, sql: &str) -> Result<StagedRows, WarehouseError> {
        let database = self.helpers.name();
        self.connection.execute(&format!("attach ':memory:' as {database}"))?;
        let table = format!("{database}.main.new_rows");
        let made = self.connection.describe(sql).and_then(|columns| {
            let effect = self.connection.execute(&format!("create table {table} as ({sql}\n)"))?;
            Ok((columns, effect))
        });
        match made {
            Ok((columns, effect)) => Ok(StagedRows { database, table, columns, effect }),
            Err(error) => {
                remove(&mut self.connection, &[database]);
                Err(error)
            }
        }
    }

    fn finish(&mut self, rows: Option<StagedRows>) {
        let statements = self.connection.take_statements();
        let mut state = self.board.lock();
        state.statements.extend(statements);
        let Some(index) = self.at.take() else { return };
        state.running.remove(&index);
        if rows.is_none() {
            state.is_over = true;
            state.waiting.clear();
        }
        state.done.insert(index, rows);
        self.board.changed.notify_all();
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.finish(None);
        self.helpers.give_back(self.connection.clone());
        if self.is_counted {
            self.board.lock().n_helpers -= 1;
        }
        self.board.changed.notify_all();
    }
}

/// Removes databases with their rows. A transaction that reads some keeps them until it ends.
fn remove(connection: &mut Connection, databases: &[String]) {
    for database in databases {
        for _ in 0..TRIES {
            match connection.execute(&format!("detach {database}")) {
                Err(error) if error.kind == ErrorKind::Interrupted => std::thread::sleep(PAUSE),
                _ => break,
            }
        }
    }
}
