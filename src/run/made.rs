//! Snapshots and functions, made in their step's transaction.

use serde_json::Value as Json;

use super::incremental::Store;
use super::snapshot::{self, CustomStrategy, Snapshot};
use super::step::{Failure, Worker};
use crate::compile::{IsIncremental, MacroStatement, macro_statement};
use crate::diagnostics::Diagnostic;
use crate::node::{RelationKind, quote_literal};
use crate::parse::Body;
use crate::parse::functions::FunctionKind;
use crate::parse::properties::texts;
use crate::parse::snapshot_settings::{HardDeletes, SnapshotStrategy};
use crate::plan::Query;
use crate::template::Rendered;
use crate::warehouse::{Effect, ErrorKind, Value, Warehouse as _};

impl Worker<'_> {
    /// Compares the query's rows with the versions that hold.
    pub(super) fn take_snapshot(&mut self, query: &Query) -> Result<Effect, Failure> {
        let Body::Snapshot(body) = &self.node.body else { return Ok(Effect::default()) };
        let (Some(settings), Some(relation)) = (&body.settings, &self.step.relation) else {
            return Ok(Effect::default());
        };
        let settings = &self.snapshot_settings(settings);
        if self.files_settings().is_some() {
            let is_there = self.has_rows();
            self.begin_files(relation, None, is_there)?;
        }
        let sql = self.query_text(&query.sql, IsIncremental::No)?;
        for hook in &query.pre_hooks {
            self.hook("pre-hook", hook)?;
        }
        let is_there = match self.exists_as() {
            _ if self.in_files.is_some() => self.has_rows(),
            None => false,
            Some(RelationKind::Table) => true,
            Some(RelationKind::View) => {
                let message = format!("{} is a view, and a snapshot is a table", relation.short());
                let fault = Diagnostic::error("wrong-relation", message).at(self.node.span, "");
                let help = "drop the view, or give the snapshot another `alias`; if its history is in files, say \
                            where by `location`";
                return Err(misfit(fault.help(help)));
            }
        };
        let now = self.time_of_run()?;
        let custom = match &settings.strategy {
            SnapshotStrategy::Custom { macro_name } => Some(self.strategy(macro_name, &sql, is_there)?),
            SnapshotStrategy::Timestamp { .. } | SnapshotStrategy::Check { .. } => None,
        };
        let node = self.node;
        let asked = Snapshot { node, relation, query: &sql, settings, now, custom, is_there };
        let mut in_files = self.in_files.take();
        let mut store = match &mut in_files {
            Some(files) => Store::Files(files),
            None => Store::Table(relation),
        };
        let taken = snapshot::take(self.warehouse, &asked, &mut store);
        self.in_files = in_files;
        let taken = taken.map_err(|refusal| self.refused(refusal, &sql))?;
        self.warnings.extend(taken.warnings);
        if self.in_files.is_some() {
            self.comment("view")?;
            return Ok(taken.effect);
        }
        if !is_there {
            self.make_indexes(relation)?;
        }
        self.comment("table")?;
        for hook in &query.post_hooks {
            self.hook("post-hook", hook)?;
        }
        Ok(taken.effect)
    }

    /// One time for all snapshots of a run: when it began, as the session's time zone writes it.
    fn time_of_run(&mut self) -> Result<String, Failure> {
        let id = self.step.node;
        if let Some(own) = self.late(|late| late.snapshot_time(id))? {
            return Ok(own);
        }
        let started = quote_literal(&self.shared.around.project.settings.globals.run_started_at);
        let sql = format!("select cast(cast({started} as timestamptz)::timestamp as varchar)");
        let row = self.warehouse.scalars(&sql).map_err(|it| self.failure(&Rendered::default(), 0, &it))?;
        match row.into_iter().next() {
            Some(Value::Text(time)) => Ok(format!("timestamp {}", quote_literal(&time))),
            _ => Ok("now()::timestamp".to_owned()),
        }
    }

    fn strategy(
        &mut self,
        macro_name: &str,
        sql: &Rendered,
        is_there: bool,
    ) -> Result<CustomStrategy, Failure> {
        let id = self.step.node;
        let returned = self.late(|late| late.snapshot_strategy(id, macro_name, sql, is_there))?;
        let missing = |key: &str| {
            let message = format!("the strategy `{macro_name}` returns no `{key}`");
            let help = "it returns a dictionary with `unique_key`, `updated_at`, `row_changed` and `scd_id`";
            misfit(Diagnostic::error("invalid-strategy", message).at(self.node.span, "").help(help))
        };
        let text = |key: &str| {
            let found = returned.get(key).and_then(Json::as_str).map(str::trim).filter(|it| !it.is_empty());
            found.map(str::to_owned).ok_or_else(|| missing(key))
        };
        let hard_deletes = match returned.get("hard_deletes").and_then(Json::as_str) {
            Some("invalidate") => Some(HardDeletes::Invalidate),
            Some("new_record") => Some(HardDeletes::NewRecord),
            Some("ignore") => Some(HardDeletes::Ignore),
            _ => match returned.get("invalidate_hard_deletes") {
                Some(Json::Bool(true)) => Some(HardDeletes::Invalidate),
                _ => None,
            },
        };
        Ok(CustomStrategy {
            unique_key: returned.get("unique_key").map(texts).filter(|it| !it.is_empty()),
            updated_at: text("updated_at")?,
            row_changed: text("row_changed")?,
            scd_id: text("scd_id")?,
            hard_deletes,
        })
    }

    /// Makes a function anew, as a macro of the engine.
    pub(super) fn create_function(&mut self, query: &Query) -> Result<Effect, Failure> {
        let sql = self.query_text(&query.sql, IsIncremental::No)?;
        for hook in &query.pre_hooks {
            self.hook("pre-hook", hook)?;
        }
        let Body::Function(function) = &self.node.body else { return Ok(Effect::default()) };
        let Some(relation) = &self.step.relation else { return Ok(Effect::default()) };
        let name = relation.render();
        // A macro that gives values and one that gives a table can have the same name.
        let other = match function.kind {
            FunctionKind::Scalar | FunctionKind::Aggregate => "macro table",
            FunctionKind::Table => "macro",
        };
        self.execute(&format!("drop {other} if exists {name}"))?;
        let MacroStatement { prefix, statement } = macro_statement(function, relation, &sql.text);
        self.warehouse.execute(&statement).map_err(|error| self.failure(&sql, prefix, &error))?;
        self.comment(match function.kind {
            FunctionKind::Scalar | FunctionKind::Aggregate => "macro",
            FunctionKind::Table => "macro table",
        })?;
        for hook in &query.post_hooks {
            self.hook("post-hook", hook)?;
        }
        Ok(Effect::default())
    }
}

fn misfit(fault: Diagnostic) -> Failure {
    Failure { kind: ErrorKind::Sql, fault }
}
