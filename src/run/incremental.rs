//! Taking up new rows: the query's result goes to a temporary table, and from there into the model's table.
//!
//! All of it happens in the step's transaction. Whether the columns fit is decided before any row is read.

use crate::batch::Batch;
use crate::diagnostics::Diagnostic;
use crate::graph::Node;
use crate::node::{Relation, quote_identifier};
use crate::parse::incremental::{Incremental, OnSchemaChange, Strategy};
use crate::template::Rendered;
use crate::warehouse::{Column, Effect, Warehouse, WarehouseError};

use super::in_files::{self, InFiles, Touched, rewrites_all};
use super::{masked, merge};
use crate::compile::faults;

/// Why new rows were not taken up.
pub(super) enum Refusal {
    /// The engine said no.
    Engine {
        /// What it said; its position is in `prefix` bytes and then the query.
        error: WarehouseError,
        /// Bytes before the query.
        prefix: usize,
    },
    /// The rows or columns do not fit.
    Misfit(Box<Diagnostic>),
}

impl From<WarehouseError> for Refusal {
    fn from(error: WarehouseError) -> Self {
        // A statement of ours has no place in the model's file.
        Refusal::Engine { error: WarehouseError { position: None, ..error }, prefix: 0 }
    }
}

/// Name of the temporary table that holds the new rows; a connection has one at a time.
const NEW_ROWS: &str = "temp.main.tidemill_new_rows";

/// Adds the query's rows to a table that exists.
pub(super) fn update(
    warehouse: &mut dyn Warehouse,
    node: &Node,
    relation: &Relation,
    query: &Rendered,
) -> Result<Effect, Refusal> {
    let rows = NewRows { query, staged: None };
    let effect = take_up(warehouse, node, &mut Store::Table(relation), rows, None)?;
    Ok(Effect { rows_written: count(warehouse, relation)?, ..effect })
}

/// The rows of a table.
pub(super) fn count(
    warehouse: &mut dyn Warehouse,
    relation: &Relation,
) -> Result<Option<u64>, WarehouseError> {
    let count = warehouse.query(&format!("select count(*) from {}", relation.render()), None)?;
    let rows = count.rows.first().and_then(|row| row.first()).and_then(crate::warehouse::Value::as_i64);
    Ok(rows.and_then(|it| u64::try_from(it).ok()))
}

/// Where the rows of an incremental model or a snapshot are.
pub(super) enum Store<'a> {
    /// In a table.
    Table(&'a Relation),
    /// In files.
    Files(&'a mut InFiles),
}

/// Rows that a query gave before its turn came.
#[derive(Clone, Debug)]
pub(super) struct StagedRows {
    /// The database that holds them and nothing else.
    pub(super) database: String,
    /// The table that they are in.
    pub(super) table: String,
    /// The query's columns.
    pub(super) columns: Vec<Column>,
    /// What the query did.
    pub(super) effect: Effect,
}

/// The rows to take up: a query, and its rows if it was run already.
#[derive(Clone, Copy)]
pub(super) struct NewRows<'a> {
    pub(super) query: &'a Rendered,
    pub(super) staged: Option<&'a StagedRows>,
}

impl NewRows<'_> {
    /// The columns, without a row being read.
    pub(super) fn columns(&self, warehouse: &mut dyn Warehouse) -> Result<Vec<Column>, Refusal> {
        if let Some(staged) = self.staged {
            return Ok(staged.columns.clone());
        }
        warehouse.describe(&self.query.text).map_err(|error| Refusal::Engine { error, prefix: 0 })
    }

    /// Runs the query, if nobody has: what it did, and the table that its rows are in then.
    fn fetch(&self, warehouse: &mut dyn Warehouse) -> Result<(Effect, &str), Refusal> {
        if let Some(staged) = self.staged {
            return Ok((staged.effect, &staged.table));
        }
        let prefix = format!("create or replace temp table {NEW_ROWS} as (");
        let effect = warehouse
            .execute(&format!("{prefix}{}\n)", self.query.text))
            .map_err(|error| Refusal::Engine { error, prefix: prefix.len() })?;
        Ok((effect, NEW_ROWS))
    }
}

/// Adds the query's rows to rows that are there, or to a batch of them; does not count them.
pub(super) fn take_up(
    warehouse: &mut dyn Warehouse,
    node: &Node,
    store: &mut Store<'_>,
    rows: NewRows<'_>,
    batch: Option<&Batch>,
) -> Result<Effect, Refusal> {
    let settings = &node.config.incremental;
    let mut wanted = rows.columns(warehouse)?;
    let (table, existing) = match store {
        Store::Table(relation) => {
            let table = relation.render();
            let existing = warehouse.describe(&format!("select * from {table}"))?;
            (table, existing)
        }
        Store::Files(files) => {
            wanted = files.as_stored(warehouse, &wanted)?;
            (in_files::ROWS.to_owned(), files.columns(warehouse)?)
        }
    };
    let change = Change::between(&existing, &wanted);
    let statements_of_change = change.statements(node, &table, settings.on_schema_change)?;
    if let Store::Table(_) = store {
        for statement in &statements_of_change {
            warehouse.execute(statement)?;
        }
    }
    let columns = columns_to_write(&existing, &change, settings.on_schema_change);

    let (effect, new_rows) = rows.fetch(warehouse)?;
    if settings.strategy == Strategy::Merge {
        let using = &settings.merge.using;
        let keys = if using.is_empty() { &settings.unique_key } else { using };
        refuse_duplicates(warehouse, node, new_rows, keys)?;
    }
    if matches!(store, Store::Table(_)) && node.config.duckdb.indexes.iter().any(|it| it.is_unique) {
        // DuckDB 1.5.5 reads an index from the file when rows are inserted. Rows that are deleted before stay in it, and the same
        // keys could not be inserted again.
        warehouse.execute(&format!("insert into {table} select * from {table} where false"))?;
    }
    if let Store::Files(files) = store {
        let in_batch = batch.zip(settings.microbatch.as_ref()).map(|(it, of)| it.condition(&of.event_time));
        let touched = if rewrites_all(settings.on_schema_change, change.is_more_than_new()) {
            Touched::All
        } else {
            files.touched_by(settings, in_batch, new_rows)
        };
        files.open(warehouse, &touched)?;
        for statement in &statements_of_change {
            warehouse.execute(statement)?;
        }
    }
    let partitions = node.config.duckdb.files.as_ref().map_or(&[][..], |it| &it.partition_by);
    for statement in statements(&table, &columns, (settings, partitions), (new_rows, batch)) {
        warehouse.execute(&statement)?;
    }
    if rows.staged.is_none() {
        warehouse.execute(&format!("drop table {NEW_ROWS}"))?;
    }
    if let Store::Files(files) = store {
        files.close(warehouse, node)?;
    }
    Ok(Effect { rows_written: None, ..effect })
}

/// How the query's columns differ from the table's.
struct Change {
    added: Vec<Column>,
    missing: Vec<Column>,
    /// Name, type in the table, type in the query.
    retyped: Vec<(String, String, String)>,
}

impl Change {
    fn between(existing: &[Column], wanted: &[Column]) -> Self {
        let find =
            |list: &[Column], name: &str| list.iter().find(|it| it.name.eq_ignore_ascii_case(name)).cloned();
        let retyped = existing.iter().filter_map(|old| {
            let new = find(wanted, &old.name).filter(|it| it.data_type != old.data_type)?;
            Some((old.name.clone(), old.data_type.clone(), new.data_type))
        });
        Self {
            added: wanted.iter().filter(|it| find(existing, &it.name).is_none()).cloned().collect(),
            missing: existing.iter().filter(|it| find(wanted, &it.name).is_none()).cloned().collect(),
            retyped: retyped.collect(),
        }
    }

    /// Whether columns are gone, or have other types.
    fn is_more_than_new(&self) -> bool {
        !self.missing.is_empty() || !self.retyped.is_empty()
    }

    fn is_none(&self) -> bool {
        self.added.is_empty() && self.missing.is_empty() && self.retyped.is_empty()
    }

    /// Statements that make the table fit, or why it does not.
    fn statements(&self, node: &Node, table: &str, rule: OnSchemaChange) -> Result<Vec<String>, Refusal> {
        let add = || {
            self.added.iter().map(|it| {
                format!("alter table {table} add column {} {}", quote_identifier(&it.name), it.data_type)
            })
        };
        match rule {
            OnSchemaChange::Ignore if self.missing.is_empty() => Ok(Vec::new()),
            OnSchemaChange::Fail if self.is_none() => Ok(Vec::new()),
            OnSchemaChange::Ignore | OnSchemaChange::Fail => Err(Refusal::Misfit(Box::new(self.fault(node)))),
            OnSchemaChange::AppendNewColumns => Ok(add().collect()),
            OnSchemaChange::SyncAllColumns => {
                let drop = self
                    .missing
                    .iter()
                    .map(|it| format!("alter table {table} drop column {}", quote_identifier(&it.name)));
                let retype = self.retyped.iter().map(|(name, _, to)| {
                    format!("alter table {table} alter column {} set data type {to}", quote_identifier(name))
                });
                Ok(add().chain(drop).chain(retype).collect())
            }
        }
    }

    fn fault(&self, node: &Node) -> Diagnostic {
        let message = format!("the columns of incremental model `{}` are not those of its table", node.name);
        let mut diagnostic = Diagnostic::error("schema-changed", message).at(node.span, "");
        for column in &self.added {
            diagnostic = diagnostic.note(format!("new: {} {}", column.name, column.data_type));
        }
        for column in &self.missing {
            diagnostic = diagnostic.note(format!("missing: {} {}", column.name, column.data_type));
        }
        for (name, from, to) in &self.retyped {
            diagnostic = diagnostic.note(format!("retyped: {name} from {from} to {to}"));
        }
        diagnostic.help(
            "make it anew with `--full-refresh`, or set `on_schema_change` to `append_new_columns` or `sync_all_columns`",
        )
    }
}

/// The columns that both sides have when the statements of the change are done.
fn columns_to_write(existing: &[Column], change: &Change, rule: OnSchemaChange) -> Vec<String> {
    let is_missing = |it: &&Column| !change.missing.iter().any(|missing| missing.name == it.name);
    let kept = existing.iter().filter(is_missing);
    let added = change.added.iter();
    let takes_new = matches!(rule, OnSchemaChange::AppendNewColumns | OnSchemaChange::SyncAllColumns);
    let added = added.filter(|_| takes_new);
    kept.chain(added).map(|it| quote_identifier(&it.name)).collect()
}

fn statements(
    table: &str,
    columns: &[String],
    (settings, partitions): (&Incremental, &[String]),
    (new_rows, batch): (&str, Option<&Batch>),
) -> Vec<String> {
    let list = columns.join(", ");
    let insert = format!("insert into {table} ({list}) select {list} from {new_rows}");
    match settings.strategy {
        // A strategy of the project's own is run by its macro.
        Strategy::Append | Strategy::Custom => vec![insert],
        Strategy::InsertOverwrite => vec![overwritten(table, new_rows, partitions), insert],
        Strategy::DeleteInsert if settings.unique_key.is_empty() => vec![insert],
        Strategy::DeleteInsert => vec![delete(table, new_rows, settings), insert],
        Strategy::Merge => vec![merge::statement(table, new_rows, columns, settings)],
        Strategy::Microbatch => match (batch, &settings.microbatch) {
            (Some(batch), Some(microbatch)) => {
                let is_in_batch = batch.condition(&microbatch.event_time);
                let predicates = settings.predicates.iter().map(|it| format!(" and ({it})"));
                let also: String = predicates.collect();
                vec![
                    format!("delete from {table} where {is_in_batch}{also}"),
                    format!("{insert} where {is_in_batch}"),
                ]
            }
            _ => vec![insert],
        },
    }
}

/// Rows of partitions that new rows are in.
fn overwritten(table: &str, new_rows: &str, partitions: &[String]) -> String {
    let same = partitions.iter().map(|it| {
        let name = quote_identifier(it);
        format!("{table}.{name} is not distinct from fresh.{name}")
    });
    let same = same.collect::<Vec<_>>().join(" and ");
    format!("delete from {table} using {new_rows} as fresh where {same}")
}

/// Rows of the table whose key a new row has; a key with a null is no key, as in dbt.
fn delete(table: &str, new_rows: &str, settings: &Incremental) -> String {
    let keys = settings.unique_key.join(", ");
    let key = format!("({keys}) in (select ({keys}) from {new_rows})");
    let conditions: Vec<String> = std::iter::once(key).chain(settings.predicates.iter().cloned()).collect();
    format!("delete from {table} where {}", conditions.join(" and "))
}

/// A merge cannot say which of two new rows with one key is meant. A key with a null matches nothing.
fn refuse_duplicates(
    warehouse: &mut dyn Warehouse,
    node: &Node,
    new_rows: &str,
    keys: &[String],
) -> Result<(), Refusal> {
    if keys.is_empty() {
        return Ok(());
    }
    let is_key = keys.iter().map(|key| format!("{key} is not null")).collect::<Vec<_>>().join(" and ");
    let (columns, keys) = (keys, keys.join(", "));
    let sql = format!(
        "select {keys}, count(*) as n from {new_rows} where {is_key} group by {keys} having count(*) > 1 order by all"
    );
    let found = warehouse.query(&sql, Some(5))?;
    if found.rows.is_empty() {
        return Ok(());
    }
    let message =
        format!("the new rows of `{}` have the same key more than once, so nothing was merged", node.name);
    let mut diagnostic = Diagnostic::error("duplicate-key", message).at(node.span, "");
    for row in &found.rows {
        let (values, n) = row.split_at(row.len() - 1);
        let values = masked::key(node, columns, values);
        let times = n.first().map(ToString::to_string).unwrap_or_default();
        diagnostic = diagnostic.note(format!("{keys} = {values}: {times} rows"));
    }
    Err(Refusal::Misfit(Box::new(
        diagnostic.help("aggregate or deduplicate in the model, or extend `unique_key`"),
    )))
}

impl Refusal {
    /// The refusal as the user sees it.
    pub(super) fn into_diagnostic(self, node: &Node, query: &Rendered) -> Diagnostic {
        match self {
            Refusal::Engine { error, prefix } => faults::sql(node, query, prefix, &error),
            Refusal::Misfit(diagnostic) => *diagnostic,
        }
    }
}
