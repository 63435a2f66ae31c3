//! Making a node inside its step's transaction: views, tables, new rows of incremental models, seeds, hooks.

use std::borrow::Cow;
use std::sync::Arc;

use super::incremental::{self, Refusal};
use super::step::{Failure, Worker};
use crate::compile::{Hook, IsIncremental, Late};
use crate::diagnostics::Diagnostic;
use crate::node::RelationKind;
use crate::plan::{Query, QueryText};
use crate::template::{Engine, Rendered, SeedFile};
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

    /// The same with these answers to what templates ask.
    pub(super) fn late_asking<T>(
        &mut self,
        engine: Arc<dyn Engine>,
        render: impl FnOnce(&Late<'_>) -> Result<T, Diagnostic>,
    ) -> Result<T, Failure> {
        self.late_with((engine, None), render)
    }

    /// The same while a seed is made.
    pub(super) fn late_making<T>(
        &mut self,
        seed: Option<SeedFile>,
        render: impl FnOnce(&Late<'_>) -> Result<T, Diagnostic>,
    ) -> Result<T, Failure> {
        self.late_with((self.warehouse.engine(), seed), render)
    }

    fn late_with<T>(
        &mut self,
        (engine, seed): (Arc<dyn Engine>, Option<SeedFile>),
        render: impl FnOnce(&Late<'_>) -> Result<T, Diagnostic>,
    ) -> Result<T, Failure> {
        let around = &self.shared.around;
        let mut late = Late::new(around.project, self.shared.graph, Some(engine));
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
        self.drop_former_function()?;
        let Some(existing) = self.exists_as().filter(|it| *it != kind) else { return Ok(()) };
        if self.step.relation.as_ref().is_some_and(|it| self.is_foreign(it)) {
            return Ok(());
        }
        let statement = format!("drop {} if exists {name}", existing.as_str());
        let result = self.warehouse.execute(&statement);
        result.map(|_| ()).map_err(|error| self.failure(&Rendered::default(), 0, &error))
    }
}
