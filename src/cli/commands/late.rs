//! Templates that ask the warehouse, for commands that only read it.

use crate::cli::commands::run::report_log;
use crate::cli::session::{Loaded, Session, Stopped};
use crate::compile::{Compiled, IsIncremental, Late};
use crate::graph::Graph;
use crate::run::Connection;

/// Renders what had to wait for a warehouse. Opens the database only if something did.
pub(super) fn render(
    session: &mut Session,
    loaded: &Loaded,
    graph: &Graph,
    compiled: &mut Compiled,
) -> Result<(), Stopped> {
    if compiled.late.is_empty() {
        return Ok(());
    }
    let connection = connect(session, loaded)?;
    render_with(session, loaded, graph, compiled, &connection);
    Ok(())
}

/// Renders what had to wait, with a connection that is open.
pub(super) fn render_with(
    session: &mut Session,
    loaded: &Loaded,
    graph: &Graph,
    compiled: &mut Compiled,
    connection: &Connection,
) {
    let late = Late::new(&loaded.project, graph, Some(connection.engine()));
    for id in std::mem::take(&mut compiled.late) {
        match late.query(id, IsIncremental::No) {
            Ok(node) => drop(compiled.nodes.insert(id, node)),
            Err(fault) => drop(compiled.faults.insert(id, fault)),
        }
    }
    report_log(session, &late.take_log());
}

/// A connection that only reads, for templates to ask.
pub(super) fn connect(session: &mut Session, loaded: &Loaded) -> Result<Connection, Stopped> {
    let warehouse = session.connect(loaded, true)?;
    Ok(Connection::new(warehouse, session.clock.clone(), false))
}
