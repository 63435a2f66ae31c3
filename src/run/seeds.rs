//! Seeds: a file that did not change is not loaded again; any other is, as a whole.
//!
//! What was loaded is known by its fingerprint: the file's bytes and all config that decides on the table, as the history
//! has it of the version that is published.

use std::io;

use sha2::{Digest, Sha256};

use super::columns_changed;
use super::event::Outcome;
use super::history::columns_text;
use super::step::{Failure, StepOutcome, Tried, Worker};
use super::testing::Scan;
use crate::diagnostics::{Diagnostic, LineOfFile, suggest};
use crate::node::{Relation, RelationKind};
use crate::plan::SeedLoad;
use crate::template::{Rendered, SeedFile};
use crate::warehouse::seed::{
    Hashing, SeedError, SeedOptions, SeedShape, content_hash, hexadecimal, infer_seed, line_of,
    seed_rows_sql, seed_sql,
};
use crate::warehouse::{Effect, ErrorKind, Value, Warehouse as _, WarehouseError};

/// What is remembered of a seed's version.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    pub(super) fingerprint: String,
    pub(super) columns: String,
}

impl Worker<'_> {
    /// Loads a seed, unless its table is what loading it would make.
    pub(super) fn seed(&mut self, load: &SeedLoad) -> Tried {
        if let Some(rows) = self.rows_if_unchanged(load)
            && let Some(tried) = self.leave_unchanged(rows)
        {
            return tried;
        }
        self.publish_with_hooks()
    }

    /// The row count of the published version, if it was loaded from the same bytes with the same config, and the table
    /// still has its rows and columns. Hooks may do anything, so they are run.
    fn rows_if_unchanged(&mut self, load: &SeedLoad) -> Option<u64> {
        let has_hooks = !load.hooks.pre.is_empty() || !load.hooks.post.is_empty();
        let has_outer_hooks = !self.step.before.is_empty() || !self.step.after_commit.is_empty();
        if load.is_full_refresh || has_hooks || has_outer_hooks || !self.is_beside_history() {
            return None;
        }
        let relation = self.step.relation.as_ref()?;
        let published = self.shared.published.get(self.node.unique_id.as_str())?;
        let fingerprint = published.fingerprint.as_ref()?;
        if self.exists_as() != Some(RelationKind::Table) {
            return None;
        }
        let content = content_hash(self.shared.around.files.open(&self.node.path).ok()?).ok()?;
        if self.fingerprint(relation, &content) != *fingerprint {
            return None;
        }
        // Somebody may have changed the table. That it has as many rows and the same columns is all that can be known at no cost.
        let name = relation.render();
        let counted = self.warehouse.scalars(&format!("select count(*) from {name}")).ok()?;
        let rows = counted.first().and_then(Value::as_i64).and_then(|it| u64::try_from(it).ok())?;
        let columns = self.warehouse.describe(&format!("select * from {name}")).ok()?;
        let is_same = Some(rows) == published.rows && Some(columns_text(&columns)) == published.columns;
        is_same.then_some(rows)
    }

    /// Tests what is published. If that fails, the seed is loaded after all, so that the failure is told as any other.
    fn leave_unchanged(&mut self, rows: u64) -> Option<Tried> {
        if self.shared.around.stop.is_requested() {
            return Some(Tried::interrupted());
        }
        let published_at = self.shared.published.get(self.node.unique_id.as_str())?.at.clone();
        let tested = self.run_tests(Scan::Together, Some(rows));
        if self.shared.around.stop.is_requested() {
            return Some(Tried::interrupted());
        }
        if tested.is_broken || tested.failed() > 0 {
            return None;
        }
        let mut warnings = Vec::new();
        if let Err(Failure { fault, .. }) = self.keep_failures(&tested) {
            warnings.push(format!("failing rows of {} could not be kept: {}", self.node.name, fault.message));
        }
        self.record_unchanged(&tested, rows);
        let outcome = StepOutcome::Done(Outcome::Unchanged { published_at });
        Some(Tried { outcome, tested, rows: Some(rows), rows_in: None, fault: None, warnings })
    }

    /// All that decides on what the table is.
    fn fingerprint(&self, relation: &Relation, content: &str) -> String {
        let (config, node) = (&self.node.config, self.node);
        let comments = config.duckdb.comments_on_relation || config.duckdb.comments_on_columns;
        let columns = node.columns.iter().filter(|_| comments);
        let described: Vec<_> = columns
            .map(|it| (it.name.value.as_str(), it.description.as_ref().map(|it| it.value.as_str())))
            .collect();
        let inherited: Vec<_> =
            self.shared.plan.inherited.of_node(self.step.node).filter(|_| comments).collect();
        let indexes: Vec<_> = config.duckdb.indexes.iter().map(|it| (&it.columns, it.is_unique)).collect();
        let decides = format!(
            "{}\n{}\n{:?}\n{:?}\n{indexes:?}\n{:?}\n{:?}\n{described:?}\n{inherited:?}\n{content}",
            env!("CARGO_PKG_VERSION"),
            relation.render(),
            config.delimiter,
            config.column_types,
            (config.duckdb.comments_on_relation, config.duckdb.comments_on_columns),
            comments.then_some(&node.description),
        );
        hexadecimal(&Sha256::digest(decides))
    }

    pub(super) fn load_seed(&mut self, load: &SeedLoad) -> Result<Effect, Failure> {
        for hook in &load.hooks.pre {
            self.hook("pre-hook", hook)?;
        }
        let Some(relation) = &self.step.relation else { return Ok(Effect::default()) };
        let options = self.seed_options();
        let (shape, content) = self.seed_shape(&options)?;
        let name = relation.render();
        let described = format!("select * from {name}");
        let before = self.exists_as().and_then(|_| self.warehouse.describe(&described).ok());
        self.drop_other_kind(&name, RelationKind::Table)?;
        let statement = seed_sql(relation, &self.seed_path(), &shape, &options);
        let mut effect = self.warehouse.execute(&statement).map_err(|error| self.not_loaded(&error))?;
        self.warn_of_unknown_columns(&shape);
        effect.rows_scanned = None;
        let rows = *effect.rows_written.get_or_insert(shape.rows);
        if rows != shape.rows {
            return Err(self.changed_meanwhile(shape.rows, rows));
        }
        let after = self
            .warehouse
            .describe(&described)
            .map_err(|error| self.failure(&Rendered::default(), 0, &error))?;
        if let Some(changes) = before.and_then(|it| columns_changed::between(&it, &after)) {
            self.warnings.push(format!("the columns of seed {} changed: {changes}", self.node.name));
        }
        let fingerprint = self.fingerprint(relation, &content);
        self.loaded = Some(Loaded { fingerprint, columns: columns_text(&after) });
        self.make_indexes(relation)?;
        self.comment("table")?;
        for hook in &load.hooks.post {
            self.hook("post-hook", hook)?;
        }
        Ok(effect)
    }

    /// Types of columns that the file does not have.
    fn warn_of_unknown_columns(&mut self, shape: &SeedShape) {
        let names = || shape.columns.iter().map(|it| it.name.as_str());
        for (name, _) in self.node.config.column_types.iter().filter(|it| !names().any(|name| name == it.0)) {
            let meant = suggest::did_you_mean(name, names()).map(|it| format!(" ({it})")).unwrap_or_default();
            let seed = &self.node.name;
            self.warnings
                .push(format!("`column_types` of seed {seed} names `{name}`, which its file has not{meant}"));
        }
    }

    /// The engine cannot read the file as it was understood. It tells the line with its first words.
    fn not_loaded(&self, error: &WarehouseError) -> Failure {
        if error.kind != ErrorKind::Sql {
            return self.failure(&Rendered::default(), 0, error);
        }
        let mut lines = error.message.lines().map(str::trim);
        let first = lines.next().unwrap_or_default();
        let line = first.strip_prefix("CSV Error on Line: ").and_then(|it| it.parse::<u64>().ok());
        let original = lines.clone().find_map(|it| it.strip_prefix("Original Line: "));
        let (Some(line), Some(original)) = (line, original) else {
            let message = format!("the seed `{}` cannot be loaded: {first}", self.node.name);
            let fault = Diagnostic::error("invalid-seed", message).note(self.node.path.as_str());
            let fault = lines.filter(|it| !it.is_empty()).take(4).fold(fault, Diagnostic::note);
            return Failure { kind: ErrorKind::Sql, fault };
        };
        let why = lines.find(|it| !it.starts_with("Original Line: ")).unwrap_or(first).to_owned();
        let mut fault = self.invalid_seed(&SeedError { message: why, line });
        // Lines are counted otherwise if a value has line breaks in it.
        if fault.line.as_ref().is_none_or(|it| !it.text.starts_with(original)) {
            fault.line = None;
            fault = fault.note(format!("{}: {original}", self.node.path.as_str()));
        }
        Failure { kind: ErrorKind::Sql, fault }
    }

    /// The file was read twice, for types and for rows, and was not the same.
    fn changed_meanwhile(&self, counted: u64, loaded: u64) -> Failure {
        let message = format!("the seed `{}` changed while it was loaded", self.node.name);
        let fault = Diagnostic::error("invalid-seed", message)
            .note(format!("{}: {counted} rows were counted, and {loaded} loaded", self.node.path.as_str()))
            .help("run the command again when nothing writes to the file");
        Failure { kind: ErrorKind::Sql, fault }
    }

    /// The seed's file for macros that load it: what has a type of its own is read as text, as in dbt.
    pub(super) fn seed_file(&self) -> Result<SeedFile, Failure> {
        let mut options = self.seed_options();
        options.column_types.iter_mut().for_each(|it| "VARCHAR".clone_into(&mut it.1));
        let (shape, _) = self.seed_shape(&options)?;
        let path = self.seed_path();
        Ok(SeedFile { rows: seed_rows_sql(&path, &shape, &options), path })
    }

    fn seed_options(&self) -> SeedOptions {
        let config = &self.node.config;
        SeedOptions {
            delimiter: config.delimiter.as_deref().and_then(|it| it.chars().next()).unwrap_or(','),
            column_types: config.column_types.clone(),
        }
    }

    fn seed_path(&self) -> String {
        self.shared.around.files.locate(&self.node.path)
    }

    /// What is in the file, and what its bytes hash to.
    fn seed_shape(&self, options: &SeedOptions) -> Result<(SeedShape, String), Failure> {
        let path = &self.node.path;
        let unreadable = |error: io::Error| {
            let fault = Diagnostic::error("unreadable-file", format!("cannot read `{}`", path.as_str()));
            Failure { kind: ErrorKind::Unavailable, fault: fault.note(error.to_string()) }
        };
        let mut reader = Hashing::new(self.shared.around.files.open(path).map_err(unreadable)?);
        match infer_seed(&mut reader, options) {
            Ok(shape) => Ok((shape, reader.hash())),
            Err(error) => Err(Failure { kind: ErrorKind::Sql, fault: self.invalid_seed(&error) }),
        }
    }

    /// A fault in the file, with the line that it is in.
    fn invalid_seed(&self, error: &SeedError) -> Diagnostic {
        let path = self.node.path.as_str();
        let message = format!("the seed `{}` cannot be loaded: {}", self.node.name, error.message);
        let fault = Diagnostic::error("invalid-seed", message);
        let line = self.shared.around.files.open(&self.node.path).and_then(|it| line_of(it, error.line));
        let Ok(bytes) = line else { return fault.note(format!("{path}:{}", error.line)) };
        // A byte that is no text is shown as such; only the first one is meant.
        let good = std::str::from_utf8(&bytes).map_or_else(|it| it.valid_up_to(), str::len);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (range, label) = match bytes.get(good) {
            Some(_) => {
                let end = good + char::REPLACEMENT_CHARACTER.len_utf8();
                (good..end, format!("byte {} of the line", good + 1))
            }
            None => (0..text.len(), String::new()),
        };
        let number = usize::try_from(error.line).unwrap_or(usize::MAX);
        let fault = fault.in_line(LineOfFile { path: path.to_owned(), number, text, range, label });
        if good < bytes.len() { fault.help("save the file as UTF-8") } else { fault }
    }
}
