//! External models: the query's rows become files, and a view reads them.
//!
//! Files of this machine are written beside their place. The view reads them there while the tests run; then
//! they take their place by renaming, and the view is pointed at it, before the transaction ends. So a failing
//! test leaves the old files as they were. Elsewhere (`s3://...`) nothing can be renamed: there, and where a
//! contract holds the rows to constraints, the tests read a table, which is copied out when they have passed.

use serde_json::Value as Json;

use super::event::Outcome;
use super::step::{Failure, StepOutcome, Tried, Worker};
use crate::compile::IsIncremental;
use crate::node::{Relation, RelationKind, quote_identifier, quote_literal};
use crate::parse::duckdb_config::{External, READERS};
use crate::plan::{Action, Query};
use crate::template::Rendered;
use crate::warehouse::{Column, Effect, Replacement, Warehouse as _};

/// Files between being written and being published.
pub(super) struct Files {
    place: Place,
    columns: Vec<Column>,
    is_empty: bool,
    state: State,
}

enum State {
    /// Rows are in a table, to be copied.
    InTable,
    /// Written beside their place.
    Staged(String),
    /// In their place; the old ones can be brought back.
    Placed(Option<Box<dyn Replacement>>),
}

/// Where and how the files of a model are written and read.
#[derive(Clone)]
struct Place {
    location: String,
    /// The options of `copy`.
    options: Vec<(String, String)>,
    /// The function that reads.
    reader: &'static str,
    read_options: Vec<(String, String)>,
}

impl Worker<'_> {
    /// Writes the files of an external model, and makes its relation such that tests read them.
    pub(super) fn write_files(&mut self, query: &Query) -> Result<Effect, Failure> {
        let sql = self.query_text(&query.sql, IsIncremental::No)?;
        for hook in &query.pre_hooks {
            self.hook("pre-hook", hook)?;
        }
        let Some(relation) = &self.step.relation else { return Ok(Effect::default()) };
        self.drop_files();
        let place = self.place(relation);
        if place.is_remote() || self.contract().is_some() {
            self.drop_other_kind(&relation.render(), RelationKind::Table)?;
            let effect = self.make_relation(relation, &sql, RelationKind::Table)?;
            let is_empty = effect.rows_written == Some(0);
            let columns = self.describe(&format!("select * from {}", relation.render()))?;
            self.files = Some(Files { place, columns, is_empty, state: State::InTable });
            return Ok(effect);
        }
        self.header()?;
        self.drop_other_kind(&relation.render(), RelationKind::View)?;
        let staged = self
            .warehouse
            .stage_files(&place.location, place.keeps_old())
            .map_err(|error| self.failure(&Rendered::default(), 0, &error))?;
        let mut files =
            Files { place, columns: Vec::new(), is_empty: false, state: State::Staged(staged.clone()) };
        let after = format!(") to {} ({})", quote_literal(&staged), files.place.copy_options());
        let written = self.execute_around("copy (", &sql, &after);
        let made = written.and_then(|effect| {
            files.is_empty = effect.rows_written == Some(0);
            if files.is_empty {
                files.columns = self.describe(&sql.text)?;
                self.write_nulls(&files, &staged)?;
            }
            self.point_view_at(relation, &files, &staged)?;
            Ok(effect)
        });
        self.files = Some(files);
        made
    }

    /// Publishes the files of a version that passed its tests; still in its transaction.
    pub(super) fn place_files(&mut self, tried: Tried) -> Result<Tried, Failure> {
        if tried.outcome != StepOutcome::Done(Outcome::Success) {
            return Ok(tried);
        }
        let Some(mut files) = self.files.take() else { return Ok(tried) };
        let placed = self.place_now(&mut files);
        self.files = Some(files);
        placed.map(|()| tried)
    }

    fn place_now(&mut self, files: &mut Files) -> Result<(), Failure> {
        let (Some(relation), Action::WriteFiles(query)) = (&self.step.relation, &self.step.action) else {
            return Ok(());
        };
        let location = files.place.location.clone();
        if matches!(files.state, State::InTable) {
            let staged = if files.place.is_remote() {
                location.clone()
            } else {
                let staged = self.warehouse.stage_files(&location, files.place.keeps_old());
                staged.map_err(|error| self.failure(&Rendered::default(), 0, &error))?
            };
            let (name, options) = (relation.render(), files.place.copy_options());
            self.execute(&format!("copy {name} to {} ({options})", quote_literal(&staged)))?;
            if files.is_empty {
                self.write_nulls(files, &staged)?;
            }
            self.execute(&format!("drop table {name}"))?;
            files.state = State::Staged(staged);
        }
        if let State::Staged(staged) = &files.state
            && !files.place.is_remote()
        {
            let replaced = self.warehouse.replace_files(staged, &location);
            let replaced = replaced.map_err(|error| self.failure(&Rendered::default(), 0, &error))?;
            files.state = State::Placed(Some(replaced));
        }
        self.point_view_at(relation, files, &location)?;
        self.comment("view")?;
        for hook in &query.post_hooks {
            self.hook("post-hook", hook)?;
        }
        Ok(())
    }

    /// After the commit: what was there before is not needed any more.
    pub(super) fn keep_files(&mut self) {
        if let Some(Files { state: State::Placed(Some(replaced)), .. }) = self.files.take() {
            replaced.keep();
        }
        if let Some(files) = self.in_files.take() {
            files.keep();
        }
    }

    /// After a rollback: what was there before is there again.
    pub(super) fn drop_files(&mut self) {
        self.in_files = None;
        match self.files.take() {
            Some(Files { state: State::Placed(Some(replaced)), .. }) => replaced.undo(),
            Some(Files { state: State::Staged(staged), place, .. }) if !place.is_remote() => {
                self.warehouse.discard_files(&staged);
            }
            _ => {}
        }
    }

    fn place(&self, relation: &Relation) -> Place {
        let root = &self.shared.around.project.target.external_root;
        Place::new(&self.node.config.duckdb.external, root, &relation.identifier)
    }

    fn describe(&mut self, sql: &str) -> Result<Vec<Column>, Failure> {
        self.warehouse.describe(sql).map_err(|error| self.failure(&Rendered::default(), 0, &error))
    }

    /// A file without rows does not tell its columns: one row of nulls does, which the view leaves out.
    fn write_nulls(&mut self, files: &Files, location: &str) -> Result<(), Failure> {
        if files.place.is_folder() && !files.place.is_remote() {
            self.warehouse.discard_files(location);
        }
        let null = |it: &Column| format!("null::{} as {}", it.data_type, quote_identifier(&it.name));
        let nulls = files.columns.iter().map(null).collect::<Vec<_>>().join(", ");
        let options = files.place.copy_options();
        self.execute(&format!("copy (select {nulls}) to {} ({options})", quote_literal(location))).map(drop)
    }

    fn point_view_at(&mut self, relation: &Relation, files: &Files, location: &str) -> Result<(), Failure> {
        let mut sql = format!("select * from {}", files.place.read(location));
        if files.is_empty {
            let is_there = |it: &Column| format!("{} is not null", quote_identifier(&it.name));
            sql.push_str(" where ");
            sql.push_str(&files.columns.iter().map(is_there).collect::<Vec<_>>().join(" and "));
        }
        self.execute(&format!("create or replace view {} as ({sql})", relation.render())).map(drop)
    }
}

impl Place {
    fn new(external: &External, root: &str, name: &str) -> Self {
        let has =
            |options: &[(String, String)], key: &str| options.iter().any(|it| it.0.eq_ignore_ascii_case(key));
        let mut options = external.options.clone();
        let location = external.location.clone().unwrap_or_else(|| {
            let extension = external.format.as_ref().map_or("parquet", |it| it.value.as_str());
            let is_folder = has(&options, "partition_by");
            if is_folder { format!("{root}/{name}") } else { format!("{root}/{name}.{extension}") }
        });
        if !has(&options, "format") {
            let (format, compression) = format_of(&location, has(&options, "delimiter"));
            options.push(("format".to_owned(), format));
            if let (Some(compression), false) = (compression, has(&options, "compression")) {
                options.push(("compression".to_owned(), compression.to_owned()));
            }
        }
        let get = |options: &[(String, String)], key: &str| {
            options.iter().find(|it| it.0.eq_ignore_ascii_case(key)).map(|it| it.1.to_lowercase())
        };
        let format = get(&options, "format").unwrap_or_default();
        if format == "csv" && !has(&options, "header") {
            options.push(("header".to_owned(), "1".to_owned()));
        }
        let reader = READERS.iter().find(|it| it.0 == format).map_or("parquet", |it| it.0);
        let compression = get(&options, "compression").filter(|_| reader != "parquet");
        let read_options = read_options(external, reader, compression);
        Self { location, options, reader, read_options }
    }

    fn option(&self, key: &str) -> Option<&str> {
        self.options.iter().find(|it| it.0.eq_ignore_ascii_case(key)).map(|it| it.1.as_str())
    }

    fn is_on(&self, key: &str) -> bool {
        self.option(key).is_some_and(|it| !matches!(it.to_lowercase().as_str(), "false" | "0"))
    }

    /// A location with a scheme is of a file system that the engine reaches by itself.
    fn is_remote(&self) -> bool {
        self.location.contains("://")
    }

    /// Whether the location is a folder of files.
    fn is_folder(&self) -> bool {
        self.option("partition_by").is_some()
            || self.is_on("per_thread_output")
            || self.option("file_size_bytes").is_some()
    }

    /// Whether files that are there stay, unless they are written over.
    fn keeps_old(&self) -> bool {
        self.is_folder() && ["append", "overwrite_or_ignore"].iter().any(|it| self.is_on(it))
    }

    fn copy_options(&self) -> String {
        let written = self.options.iter().map(|(key, value)| match key.to_lowercase().as_str() {
            "delimiter" | "delim" | "quote" | "escape" | "null" | "nullstr" if !value.starts_with('\'') => {
                format!("{key} {}", quote_literal(value))
            }
            "partition_by" if value.contains(',') && !value.starts_with('(') => format!("{key} ({value})"),
            _ => format!("{key} {value}"),
        });
        written.collect::<Vec<_>>().join(", ")
    }

    /// The call that reads what was written to a location.
    fn read(&self, location: &str) -> String {
        let mut path = location.to_owned();
        if self.is_folder() {
            let partitions = self.option("partition_by").map_or(0, |it| it.split(',').count());
            path =
                format!("{path}/{}*.{}", "*/".repeat(partitions), self.option("format").unwrap_or("parquet"));
        }
        let options = self.read_options.iter().map(|(key, value)| format!(", {key}={value}"));
        format!("read_{}({}{})", self.reader, quote_literal(&path), options.collect::<String>())
    }
}

/// What a file's name says: the format, and how it is compressed.
fn format_of(location: &str, has_delimiter: bool) -> (String, Option<&'static str>) {
    let name = location.rsplit(['/', '\\']).next().unwrap_or(location).to_lowercase();
    let found = [(".gz", "gzip"), (".zst", "zstd")].into_iter().find(|it| name.ends_with(it.0));
    let stem = found.map_or(name.as_str(), |it| &name[..name.len() - it.0.len()]);
    match stem.rsplit_once('.').filter(|it| !it.0.is_empty() && !it.1.is_empty()) {
        Some((_, extension)) => (extension.to_owned(), found.map(|it| it.1)),
        None if has_delimiter => ("csv".to_owned(), None),
        None => ("parquet".to_owned(), None),
    }
}

fn read_options(external: &External, reader: &str, compression: Option<String>) -> Vec<(String, String)> {
    let mut options: Vec<(String, String)> = match external.read_options.get(reader) {
        Some(given) => given.iter().map(|(key, value)| (key.clone(), literal(value))).collect(),
        None if reader == "parquet" => vec![("union_by_name".to_owned(), "false".to_owned())],
        None => vec![("auto_detect".to_owned(), "true".to_owned())],
    };
    if let Some(compression) = compression.filter(|_| !options.iter().any(|it| it.0 == "compression")) {
        options.push(("compression".to_owned(), quote_literal(&compression)));
    }
    options
}

/// A value as an argument of a reading function.
pub(super) fn literal(value: &Json) -> String {
    match value {
        Json::String(text) => quote_literal(text),
        Json::Array(items) => format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", ")),
        Json::Object(entries) => {
            let entries =
                entries.iter().map(|(key, value)| format!("{}: {}", quote_literal(key), literal(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, format_of};
    use crate::parse::duckdb_config::External;

    #[test]
    fn a_files_name_tells_its_format() {
        let check = |name: &str, has_delimiter: bool, format: &str, compression: Option<&str>| {
            assert_eq!(format_of(name, has_delimiter), (format.to_owned(), compression), "{name}");
        };
        check("a/b.CSV.GZ", false, "csv", Some("gzip"));
        check("s3://x/y.json.zst", false, "json", Some("zstd"));
        check("out/.hidden", false, "parquet", None);
        check("out", true, "csv", None);
        check("out.d/x", false, "parquet", None);
    }

    #[test]
    fn partitions_are_read_below_their_folders() {
        let options = vec![("partition_by".to_owned(), "a, b".to_owned())];
        let place = Place::new(&External { options, ..External::default() }, "out", "sales");
        assert_eq!(place.location, "out/sales");
        assert_eq!(place.copy_options(), "partition_by (a, b), format parquet");
        assert_eq!(place.read("out/sales"), "read_parquet('out/sales/*/*/*.parquet', union_by_name=false)");
    }
}
