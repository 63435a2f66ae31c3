//! Making a node inside its step's transaction: views, tables, new rows of incremental models, seeds, hooks.

use std::borrow::Cow;

use super::incremental::{self, Refusal};
use super::step::{Failure, Worker};
use crate::compile::{Hook, IsIncremental, Late};
use crate::diagnostics::Diagnostic;
use crate::node::RelationKind;
use crate::plan::{Hooks, Query, QueryText};
use crate::template::{Rendered, SeedFile};
use crate::warehouse::seed::{SeedOptions, SeedShape, infer_seed, seed_rows_sql, seed_sql};
use crate::warehouse::{Effect, ErrorKind, Warehouse as _};

impl Worker<'_> {
    pub(super) fn create(&mut self, query: &Query, kind: RelationKind) -> Result<Effect, Failure> {
        let sql = self.query_text(&query.sql, IsIncremental::No)?;
        for hook in &query.pre_hooks {
            self.hook("pre-hook", hook)?;
        }
        let Some(relation) = &self.step.relation else { return Ok(Effect::default()) };
        self.drop_other_kind(&relation.render(), kind)?;
        let effect = self.make_relation(relation, &sql, kind)?;
        self.comment(kind.as_str())?;
        for hook in &query.post_hooks {
            self.hook("post-hook", hook)?;
        }
        Ok(match kind {
            RelationKind::Table => effect,
            RelationKind::View => Effect::default(),
        })
    }

    /// Adds new rows to a table that is there.
    pub(super) fn update(&mut self, query: &Query) -> Result<Effect, Failure> {
        let sql = self.query_text(&query.sql, IsIncremental::Yes)?;
        for hook in &query.pre_hooks {
            self.hook("pre-hook", hook)?;
        }
        let Some(relation) = &self.step.relation else { return Ok(Effect::default()) };
        self.header()?;
        self.check_contract(&sql)?;
        let updated = incremental::update(self.warehouse, self.node, relation, &sql);
        let effect = updated.map_err(|refusal| {
            let kind = match &refusal {
                Refusal::Engine { error, .. } => error.kind.clone(),
                Refusal::Misfit(_) => ErrorKind::Sql,
            };
            self.broken(Failure { kind, fault: refusal.into_diagnostic(self.node, &sql) })
        })?;
        self.comment("table")?;
        for hook in &query.post_hooks {
            self.hook("post-hook", hook)?;
        }
        Ok(effect)
    }

    /// The query, rendered now if it had to wait; hooks that wait see the same `is_incremental()`.
    pub(super) fn query_text<'q>(
        &mut self,
        query: &'q QueryText,
        is_incremental: IsIncremental,
    ) -> Result<Cow<'q, Rendered>, Failure> {
        self.is_incremental = is_incremental;
        match query {
            QueryText::Ready(sql) => Ok(Cow::Borrowed(sql)),
            QueryText::Late => {
                let id = self.step.node;
                let compiled = self.late(|late| late.query(id, is_incremental))?;
                let sql = compiled.sql.clone();
                self.compiled.insert(id, compiled);
                Ok(Cow::Owned(sql))
            }
        }
    }

    /// Renders with this connection to ask.
    pub(super) fn late<T>(
        &mut self,
        render: impl FnOnce(&Late<'_>) -> Result<T, Diagnostic>,
    ) -> Result<T, Failure> {
        self.late_making(None, render)
    }

    /// The same while a seed is made.
    pub(super) fn late_making<T>(
        &mut self,
        seed: Option<SeedFile>,
        render: impl FnOnce(&Late<'_>) -> Result<T, Diagnostic>,
    ) -> Result<T, Failure> {
        let around = &self.shared.around;
        let mut late = Late::new(around.project, self.shared.graph, Some(self.warehouse.engine()));
        if let Some(batch) = self.batch {
            late = late.for_batch(self.step.node, batch);
        }
        if let Some(seed) = seed {
            late = late.with_seed(seed);
        }
        let rendered = render(&late);
        self.log.append(&mut late.take_log());
        let error = self.warehouse.take_error();
        rendered.map_err(|fault| Failure { kind: error.map_or(ErrorKind::Sql, |it| it.kind), fault })
    }

    pub(super) fn hook(&mut self, which: &str, hook: &Hook) -> Result<(), Failure> {
        let sql = match hook {
            Hook::Ready(sql) => Cow::Borrowed(sql),
            Hook::Late(hook) => {
                let (id, is_incremental) = (self.step.node, self.is_incremental);
                Cow::Owned(self.late(|late| late.hook(id, hook, is_incremental))?)
            }
        };
        // A hook may be the call of a macro that does its work itself.
        if sql.text.trim().is_empty() {
            return Ok(());
        }
        let result = self.warehouse.execute(&sql.text);
        result.map(|_| ()).map_err(|error| match error.kind {
            ErrorKind::Sql => {
                let fault = super::hook_failed(&format!("{which} of `{}`", self.node.name), &sql, &error);
                Failure { kind: ErrorKind::Sql, fault }
            }
            _ => self.failure(&sql, 0, &error),
        })
    }

    /// A view cannot be replaced by a table or the other way round: what is there goes first.
    pub(super) fn drop_other_kind(&mut self, name: &str, kind: RelationKind) -> Result<(), Failure> {
        let Some(existing) = self.exists_as().filter(|it| *it != kind) else { return Ok(()) };
        if self.step.relation.as_ref().is_some_and(|it| self.is_foreign(it)) {
            return Ok(());
        }
        let statement = format!("drop {} if exists {name}", existing.as_str());
        let result = self.warehouse.execute(&statement);
        result.map(|_| ()).map_err(|error| self.failure(&Rendered::default(), 0, &error))
    }

    pub(super) fn load_seed(&mut self, hooks: &Hooks) -> Result<Effect, Failure> {
        for hook in &hooks.pre {
            self.hook("pre-hook", hook)?;
        }
        let Some(relation) = &self.step.relation else { return Ok(Effect::default()) };
        let options = self.seed_options();
        let shape = self.seed_shape(&options)?;
        self.drop_other_kind(&relation.render(), RelationKind::Table)?;
        let statement = seed_sql(relation, &self.seed_path(), &shape, &options);
        let mut effect = self
            .warehouse
            .execute(&statement)
            .map_err(|error| self.failure(&Rendered::default(), 0, &error))?;
        self.make_indexes(relation)?;
        self.comment("table")?;
        effect.rows_written = effect.rows_written.or(Some(shape.rows));
        effect.rows_scanned = None;
        for hook in &hooks.post {
            self.hook("post-hook", hook)?;
        }
        Ok(effect)
    }

    /// The seed's file for macros that load it: what has a type of its own is read as text, as in dbt.
    pub(super) fn seed_file(&self) -> Result<SeedFile, Failure> {
        let mut options = self.seed_options();
        options.column_types.iter_mut().for_each(|it| "VARCHAR".clone_into(&mut it.1));
        let shape = self.seed_shape(&options)?;
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

    fn seed_shape(&self, options: &SeedOptions) -> Result<SeedShape, Failure> {
        let path = &self.node.path;
        let reader = self.shared.around.files.open(path).map_err(|error| {
            let fault = Diagnostic::error("unreadable-file", format!("cannot read `{}`", path.as_str()));
            Failure { kind: ErrorKind::Unavailable, fault: fault.note(error.to_string()) }
        })?;
        infer_seed(reader, options).map_err(|error| {
            let message = format!("the seed `{}` cannot be loaded: {}", self.node.name, error.message);
            let fault =
                Diagnostic::error("invalid-seed", message).note(format!("{}:{}", path.as_str(), error.line));
            Failure { kind: ErrorKind::Sql, fault }
        })
    }
}
