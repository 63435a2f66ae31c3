//! What stays of a run that is not published, and what goes along with an old version: rows of some tables.

use std::fs;
use std::path::{Path, PathBuf};

use ::duckdb::{AccessMode, Config, Connection};

use super::{Scratch, connect, copy, run, with_suffix};
use crate::diagnostics::scrub::Scrubber;
use crate::node::{Relation, quote_identifier, quote_literal};
use crate::warehouse::duckdb::failure;
use crate::warehouse::{Carried, WarehouseError};

/// What is added to the name of a copy for the rows that outlive it.
pub(super) const NOTES: &str = ".notes";

/// What is added to the name of a copy for a copy of the published file.
pub(super) const OTHER: &str = ".other";

/// The name that the database has where the rows are read.
const FROM: &str = "tidemill_from";

/// The name of the database that holds the rows in between.
const BETWEEN: &str = "tidemill_between";

impl Carried {
    fn name(&self, database: &str) -> String {
        let schema = self.table.schema.as_deref().unwrap_or("main");
        Relation::new(database, schema, self.table.identifier.as_str()).render()
    }

    fn query(&self) -> String {
        let columns = self.replaced.as_ref().map_or_else(String::new, |it| format!(" replace ({it})"));
        let rows = self.where_.as_ref().map_or_else(String::new, |it| format!(" where {it}"));
        format!("select *{columns} from {}{rows}", self.name(FROM))
    }

    fn is_there(&self, connection: &Connection) -> Result<bool, WarehouseError> {
        let sql = format!(
            "select count(*) from duckdb_tables() where database_name = {} and lower(schema_name) = lower({}) \
             and lower(table_name) = lower({})",
            quote_literal(FROM),
            quote_literal(self.table.schema.as_deref().unwrap_or("main")),
            quote_literal(&self.table.identifier)
        );
        let count = connection.query_row(&sql, [], |row| row.get::<_, i64>(0));
        count.map(|it| it > 0).map_err(|error| failure::from_opening(error, &Scrubber::default()))
    }

    /// Statements that put the rows into the database that is open.
    fn import(&self, index: usize) -> Vec<String> {
        let rows = format!("{BETWEEN}.main.t{index}");
        let (database, schema) = (self.table.database.as_deref(), self.table.schema.as_deref());
        let schema =
            [database, schema].into_iter().flatten().map(quote_identifier).collect::<Vec<_>>().join(".");
        let name = self.table.render();
        let schema = format!("create schema if not exists {schema}");
        match &self.set_up {
            Some(set_up) => {
                let new =
                    self.key.as_ref().map(|key| format!(" where {key} not in (select {key} from {name})"));
                let insert =
                    format!("insert into {name} by name select * from {rows}{}", new.unwrap_or_default());
                vec![schema, set_up.clone(), insert]
            }
            None => vec![schema, format!("create or replace table {name} as from {rows}")],
        }
    }
}

impl Scratch {
    /// Instead of the copy, publishes what was there before with some of the copy's rows: word of a run that failed.
    /// The copy is dropped, or kept as [`Scratch::give_up`] does; gives its name then.
    pub fn publish_only(self, carried: &[Carried], keep: bool) -> Result<Option<PathBuf>, WarehouseError> {
        let notes = with_suffix(&self.file, NOTES);
        let rewritten = take(&self.file, &notes, carried).and_then(|taken| {
            let kept = self.put_away(keep);
            if let Some(guard) = &self.guard {
                copy(&guard.file, &self.published, &self.file, &|| true)?;
            }
            put(&self.file, &notes, (carried, &taken), &[])?;
            Ok(kept)
        });
        drop(fs::remove_file(&notes));
        let kept = rewritten?;
        self.refuse_log()?;
        self.publish(0)?;
        Ok(kept)
    }

    /// Puts rows of the published file into the copy, and runs these statements.
    pub fn take_from_published(&self, carried: &[Carried], also: &[String]) -> Result<(), WarehouseError> {
        let Some(guard) = &self.guard else { return Ok(()) };
        // Through a copy: where the engine closes the file, the hold on it would be gone.
        let (notes, other) = (with_suffix(&self.file, NOTES), with_suffix(&self.file, OTHER));
        let copied = copy(&guard.file, &self.published, &other, &|| true);
        let taken = copied.and_then(|()| take(&other, &notes, carried));
        drop(fs::remove_file(&other));
        let done = taken.and_then(|taken| put(&self.file, &notes, (carried, &taken), also));
        drop(fs::remove_file(&notes));
        done
    }
}

/// Copies rows of a file into a small one; gives the positions of those whose table is there.
fn take(from: &Path, notes: &Path, carried: &[Carried]) -> Result<Vec<usize>, WarehouseError> {
    let connection = in_memory()?;
    run(&connection, &format!("attach {} as {FROM} (read_only)", literal(from)))?;
    run(&connection, &format!("attach {} as {BETWEEN}", literal(notes)))?;
    let mut taken = Vec::new();
    for (index, it) in carried.iter().enumerate() {
        if it.is_there(&connection)? {
            run(&connection, &format!("create table {BETWEEN}.main.t{index} as {}", it.query()))?;
            taken.push(index);
        }
    }
    close(connection)?;
    Ok(taken)
}

/// Puts the rows of the small file into another, in one transaction; afterwards that has no log.
fn put(
    into: &Path,
    notes: &Path,
    (carried, taken): (&[Carried], &[usize]),
    also: &[String],
) -> Result<(), WarehouseError> {
    let connection = connect(into, AccessMode::ReadWrite)?;
    run(&connection, &format!("attach {} as {BETWEEN} (read_only)", literal(notes)))?;
    run(&connection, "begin")?;
    for index in taken {
        for statement in carried[*index].import(*index) {
            run(&connection, &statement)?;
        }
    }
    also.iter().try_for_each(|it| run(&connection, it))?;
    run(&connection, "commit")?;
    run(&connection, &format!("detach {BETWEEN}"))?;
    run(&connection, "checkpoint")?;
    close(connection)
}

fn in_memory() -> Result<Connection, WarehouseError> {
    let open = || {
        let config = Config::default().with("threads", "2")?;
        Connection::open_in_memory_with_flags(config.with("autoinstall_known_extensions", "false")?)
    };
    open().map_err(|error| failure::from_opening(error, &Scrubber::default()))
}

fn close(connection: Connection) -> Result<(), WarehouseError> {
    connection.close().map_err(|(_, error)| failure::from_opening(error, &Scrubber::default()))
}

fn literal(path: &Path) -> String {
    quote_literal(&path.to_string_lossy())
}
