//! Rows that are kept in Parquet files: the next version of the files, and what is written into it.
//!
//! Files are never changed. Those with rows that change are *touched*: their rows go to a temporary table, are
//! changed there as the rows of any table, and are written to new files. All others stay as they are.
//! The relation is a view of the next version until it is published, so that queries of the node, tests and
//! checks see all of it.

mod worker;

use super::external::literal;
use crate::diagnostics::Diagnostic;
use crate::graph::Node;
use crate::node::{Relation, quote_identifier, quote_literal};
use crate::parse::incremental::{Incremental, OnSchemaChange, Strategy};
use crate::parse::merge::Clause;
use crate::parse::parquet_files::ParquetFiles;
use crate::warehouse::{Column, FilesPlace, NextFiles, Value, Warehouse, WarehouseError};

use super::incremental::Refusal;
use super::masked;

/// The rows of touched files and new rows; a connection has one such table at a time.
pub(super) const ROWS: &str = "temp.main.tidemill_file_rows";

/// The column that says which file a row is from.
const FILE: &str = "tidemill_file";

/// The folder of rows whose partition is null, as DuckDB and Hive call it.
const NULL_PARTITION: &str = "__HIVE_DEFAULT_PARTITION__";

/// The next version of a node's files.
pub(super) struct InFiles {
    settings: ParquetFiles,
    next: Box<dyn NextFiles>,
    /// Types of the columns that the files are partitioned by: the files' names do not tell them.
    partitions: Vec<Column>,
    /// Files whose rows are in [`ROWS`].
    touched: Vec<String>,
    /// Whether the files are in their place.
    pub(super) is_published: bool,
}

/// Which files a change touches.
pub(super) enum Touched {
    /// None: rows are only added.
    None,
    /// All.
    All,
    /// Those with a row for which this holds.
    With(String),
    /// The same, and none of their rows stays.
    Replaced(String),
}

/// The place of a node's files.
pub(super) fn place(settings: &ParquetFiles) -> FilesPlace {
    FilesPlace {
        location: settings.location.clone(),
        is_folder: settings.is_folder(),
        depth: settings.partition_by.len(),
        ending: ".parquet".to_owned(),
    }
}

impl InFiles {
    pub(super) fn new(settings: &ParquetFiles, next: Box<dyn NextFiles>) -> Self {
        let settings = settings.clone();
        Self { settings, next, partitions: Vec::new(), touched: Vec::new(), is_published: false }
    }

    /// Whether there is no version yet.
    pub(super) fn is_empty(&self) -> bool {
        self.next.is_empty()
    }

    /// The call that reads all files of the next version.
    pub(super) fn read(&self) -> String {
        let pattern = if self.is_published { self.next.published_pattern() } else { self.next.pattern() };
        self.call(&quote_literal(&pattern), None)
    }

    /// The call that reads some files, perhaps with a column that says from which file a row is.
    fn call(&self, files: &str, name: Option<&str>) -> String {
        let own = |key: &str| self.settings.read_options.keys().any(|it| it.eq_ignore_ascii_case(key));
        let mut options: Vec<(String, String)> =
            self.settings.read_options.iter().map(|(key, value)| (key.clone(), literal(value))).collect();
        let mut add = |key: &str, value: String| {
            if !own(key) {
                options.push((key.to_owned(), value));
            }
        };
        // Files of earlier versions may have fewer columns.
        add("union_by_name", "true".to_owned());
        add("hive_partitioning", (!self.settings.partition_by.is_empty()).to_string());
        if !self.partitions.is_empty() {
            let types = self
                .partitions
                .iter()
                .map(|it| format!("{}: {}", quote_literal(&it.name), quote_literal(&it.data_type)));
            add("hive_types", format!("{{{}}}", types.collect::<Vec<_>>().join(", ")));
        }
        if let Some(name) = name {
            add("filename", quote_literal(name));
        }
        let options = options.iter().map(|(key, value)| format!(", {key}={value}"));
        format!("read_parquet({files}{})", options.collect::<String>())
    }

    fn is_partition(&self, column: &str) -> bool {
        self.settings.partition_by.iter().any(|it| it.eq_ignore_ascii_case(column))
    }

    /// Remembers the types of partitions.
    pub(super) fn learn_partitions(&mut self, columns: &[Column]) {
        self.partitions = columns.iter().filter(|it| self.is_partition(&it.name)).cloned().collect();
    }

    /// Columns of the rows that are there.
    pub(super) fn columns(&self, warehouse: &mut dyn Warehouse) -> Result<Vec<Column>, WarehouseError> {
        warehouse.describe(&format!("select * from {}", self.read()))
    }

    /// The columns with the types that they come back with: Parquet does not have all of DuckDB's.
    pub(super) fn as_stored(
        &mut self,
        warehouse: &mut dyn Warehouse,
        columns: &[Column],
    ) -> Result<Vec<Column>, WarehouseError> {
        let null = |it: &Column| format!("null::{} as {}", it.data_type, quote_identifier(&it.name));
        let nulls = columns.iter().map(null).collect::<Vec<_>>().join(", ");
        let file = format!("{}/types.tidemill-new", self.next.scratch()?);
        let file = quote_literal(&file);
        warehouse.execute(&format!("copy (select {nulls} limit 0) to {file} (format parquet)"))?;
        let stored =
            warehouse.describe(&format!("select * from read_parquet({file}, hive_partitioning=false)"))?;
        let pairs = columns.iter().zip(stored);
        let kept = |(column, stored): (&Column, Column)| {
            if self.is_partition(&column.name) { column.clone() } else { stored }
        };
        Ok(pairs.map(kept).collect())
    }

    /// The files that hold rows which new rows stand in for.
    pub(super) fn touched_by(
        &self,
        settings: &Incremental,
        in_batch: Option<String>,
        new_rows: &str,
    ) -> Touched {
        let keys_of_new = |keys: &[String]| {
            let keys = keys.join(", ");
            Touched::With(format!("({keys}) in (select ({keys}) from {new_rows})"))
        };
        match settings.strategy {
            Strategy::Append | Strategy::Custom => Touched::None,
            Strategy::DeleteInsert if settings.unique_key.is_empty() => Touched::None,
            Strategy::DeleteInsert => keys_of_new(&settings.unique_key),
            Strategy::Merge => {
                // Rows that no new row has the key of may be anywhere.
                let is_of_others = |it: &Clause| it.by.is_some_and(|by| by.eq_ignore_ascii_case("source"));
                let keys = if settings.merge.using.is_empty() {
                    &settings.unique_key
                } else {
                    &settings.merge.using
                };
                if settings.merge.not_matched.iter().any(is_of_others) {
                    Touched::All
                } else if keys.is_empty() {
                    Touched::None
                } else {
                    keys_of_new(keys)
                }
            }
            Strategy::Microbatch => in_batch.map_or(Touched::None, Touched::With),
            Strategy::InsertOverwrite => {
                let same = self.partitions.iter().map(|it| {
                    let name = quote_identifier(&it.name);
                    format!("files.{name} is not distinct from cast(fresh.{name} as {})", it.data_type)
                });
                let same = same.collect::<Vec<_>>().join(" and ");
                Touched::Replaced(format!("exists (select 1 from {new_rows} as fresh where {same})"))
            }
        }
    }

    /// Moves the rows of the files that a change touches to [`ROWS`], which has these columns.
    pub(super) fn open(
        &mut self,
        warehouse: &mut dyn Warehouse,
        touched: &Touched,
    ) -> Result<(), WarehouseError> {
        let read = self.read();
        warehouse.execute(&format!("create or replace temp table {ROWS} as select * from {read} limit 0"))?;
        let pattern = quote_literal(&self.next.pattern());
        let with_name = self.call(&pattern, Some(FILE));
        // A file without rows only says which columns there are.
        let empty =
            format!("select file_name as {FILE} from parquet_file_metadata({pattern}) where num_rows = 0");
        // One file is always written as a whole.
        let touched = if self.settings.is_folder() { touched } else { &Touched::All };
        let found = match touched {
            Touched::None => empty,
            Touched::All => format!("select file_name as {FILE} from parquet_file_metadata({pattern})"),
            Touched::With(condition) | Touched::Replaced(condition) => {
                format!("select {FILE} from {with_name} as files where {condition} union {empty}")
            }
        };
        let found = warehouse.query(&format!("select distinct {FILE} from ({found}) order by all"), None)?;
        self.touched = found.rows.into_iter().flatten().map(|it| it.to_string()).collect();
        if self.touched.is_empty() || matches!(touched, Touched::None | Touched::Replaced(_)) {
            return Ok(());
        }
        let files = self.call(&list(&self.touched), None);
        warehouse.execute(&format!("insert into {ROWS} by name select * from {files}")).map(drop)
    }

    /// Writes [`ROWS`] to new files, which stand in for those that were touched.
    pub(super) fn close(&mut self, warehouse: &mut dyn Warehouse, node: &Node) -> Result<(), Refusal> {
        let columns = warehouse.describe(&format!("select * from {ROWS}"))?;
        self.learn_partitions(&columns);
        if let Some(missing) = self
            .settings
            .partition_by
            .iter()
            .find(|it| !self.partitions.iter().any(|have| have.name.eq_ignore_ascii_case(it)))
        {
            let message = format!("the query of `{}` has no column `{missing}`", node.name);
            let fault = Diagnostic::error("unknown-column", message).at(node.span, "named in `partition_by`");
            return Err(Refusal::Misfit(Box::new(fault)));
        }
        let count = count(warehouse, ROWS)?;
        let touched = std::mem::take(&mut self.touched);
        self.next.remove(&touched)?;
        if count > 0 {
            self.write(warehouse, &format!("select * from {ROWS}"))?;
            let added = self.next.add()?;
            self.check(warehouse, node, &added, count)?;
        } else if self.next.is_empty() {
            self.write_empty(warehouse, &columns)?;
        }
        warehouse.execute(&format!("drop table {ROWS}"))?;
        Ok(())
    }

    fn write(&mut self, warehouse: &mut dyn Warehouse, rows: &str) -> Result<(), WarehouseError> {
        let mut scratch = self.next.scratch()?;
        let mut options = vec!["format parquet".to_owned()];
        options.extend(self.settings.options.iter().map(|(key, value)| format!("{key} {value}")));
        if !self.settings.partition_by.is_empty() {
            let columns = self.partitions.iter().map(|it| quote_identifier(&it.name));
            options.push(format!("partition_by ({})", columns.collect::<Vec<_>>().join(", ")));
        }
        if self.settings.has_several_files() {
            options.push("file_extension 'tidemill-new'".to_owned());
        } else {
            scratch.push_str("/rows.tidemill-new");
        }
        let to = quote_literal(&scratch);
        warehouse.execute(&format!("copy ({rows}) to {to} ({})", options.join(", "))).map(drop)
    }

    /// A file without rows, so that the columns are known; its partitions are null.
    fn write_empty(
        &mut self,
        warehouse: &mut dyn Warehouse,
        columns: &[Column],
    ) -> Result<(), WarehouseError> {
        let kept = columns.iter().filter(|it| !self.is_partition(&it.name));
        let kept = kept.map(|it| quote_identifier(&it.name)).collect::<Vec<_>>().join(", ");
        let rows = format!("select {kept} from {ROWS} limit 0");
        let several = std::mem::take(&mut self.settings.partition_by);
        let options = std::mem::take(&mut self.settings.options);
        let written = self.write(warehouse, &rows);
        (self.settings.partition_by, self.settings.options) = (several, options);
        written?;
        let folders: Vec<String> =
            self.settings.partition_by.iter().map(|it| format!("{it}={NULL_PARTITION}")).collect();
        self.next.add_below(&folders)?;
        Ok(())
    }

    /// Whether the files hold the rows that were written: as many, in the same partitions.
    fn check(
        &self,
        warehouse: &mut dyn Warehouse,
        node: &Node,
        added: &[String],
        expected: u64,
    ) -> Result<(), Refusal> {
        let read = self.call(&list(added), None);
        let found = count(warehouse, &read)?;
        if found != expected {
            let message = format!(
                "{expected} rows of `{}` were written to files, and {found} can be read from them",
                node.name
            );
            return Err(Refusal::Misfit(Box::new(
                Diagnostic::error("broken-files", message).at(node.span, ""),
            )));
        }
        if self.partitions.is_empty() {
            return Ok(());
        }
        let columns: Vec<String> = self.partitions.iter().map(|it| quote_identifier(&it.name)).collect();
        let names = columns.join(", ");
        let (rows, files) =
            (format!("select distinct {names} from {ROWS}"), format!("select distinct {names} from {read}"));
        let changed = warehouse.query(&format!("({rows} except {files}) order by all"), Some(3))?;
        if changed.rows.is_empty() {
            return Ok(());
        }
        let message = format!("partitions of `{}` cannot be told from the names of folders", node.name);
        let mut fault = Diagnostic::error("broken-partition", message).at(node.span, "");
        for row in changed.rows {
            let values = masked::key(node, &columns, &row);
            fault = fault.note(format!("{names} = {values} comes back as another value"));
        }
        let help = "a text `NULL` is read as null in the name of a folder: give such rows another value";
        Err(Refusal::Misfit(Box::new(fault.help(help))))
    }

    /// Lets all files reach the disk; [`InFiles::publish`] is next.
    pub(super) fn announce(&mut self, note: &str) -> Result<(), WarehouseError> {
        self.next.announce(note)
    }

    /// Gives the files their place.
    pub(super) fn publish(&mut self) -> Result<(), WarehouseError> {
        self.next.publish()?;
        self.is_published = true;
        Ok(())
    }

    /// The statement that lets the relation read the files where they are now.
    pub(super) fn view(&self, relation: &Relation) -> String {
        format!("create or replace view {} as (select * from {})", relation.render(), self.read())
    }

    /// The transaction is committed.
    pub(super) fn keep(self) {
        self.next.keep();
    }
}

/// Whether a change of columns is one of all files: new columns are not.
pub(super) fn rewrites_all(rule: OnSchemaChange, is_more_than_new: bool) -> bool {
    rule == OnSchemaChange::SyncAllColumns && is_more_than_new
}

fn list(files: &[String]) -> String {
    format!("[{}]", files.iter().map(|it| quote_literal(it)).collect::<Vec<_>>().join(", "))
}

fn count(warehouse: &mut dyn Warehouse, from: &str) -> Result<u64, WarehouseError> {
    let row = warehouse.scalars(&format!("select count(*) from {from}"))?;
    Ok(row.first().and_then(Value::as_i64).and_then(|it| u64::try_from(it).ok()).unwrap_or(0))
}
