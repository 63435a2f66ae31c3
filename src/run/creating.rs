//! The statements that make a relation: header, `create or replace`, partitions of DuckLake, indexes.

use super::step::{Failure, Worker};
use crate::compile::{Hook, IsIncremental, table_function};
use crate::diagnostics::Diagnostic;
use crate::node::{Relation, RelationKind, quote_identifier};
use crate::plan::Query;
use crate::template::{Rendered, has_template_syntax};
use crate::warehouse::{Effect, ErrorKind, Warehouse as _, WarehouseError};

impl Worker<'_> {
    /// Makes a table or a view of the query; nothing of the other kind has its name.
    pub(super) fn make_relation(
        &mut self,
        relation: &Relation,
        sql: &Rendered,
        kind: RelationKind,
    ) -> Result<Effect, Failure> {
        self.header()?;
        self.check_contract(sql)?;
        let name = relation.render();
        let effect = match kind {
            RelationKind::View if self.is_foreign(relation) && self.exists_as().is_some() => {
                // Not every database replaces a view.
                self.execute(&format!("drop view if exists {name}"))?;
                self.execute_around(&format!("create view {name} as ("), sql, ")")?
            }
            RelationKind::View => {
                self.execute_around(&format!("create or replace view {name} as ("), sql, ")")?
            }
            RelationKind::Table => {
                self.free_from_foreign_keys(relation)?;
                if self.contract().is_some() {
                    self.make_by_contract(relation, sql)?
                } else if self.is_arranged(relation) {
                    self.make_arranged(relation, sql)?
                } else {
                    self.execute_around(&format!("create or replace table {name} as ("), sql, ")")?
                }
            }
        };
        if kind == RelationKind::Table {
            self.make_indexes(relation)?;
        }
        Ok(effect)
    }

    /// Runs a statement with the query in it. The query's end may be a comment, so what follows it stands on
    /// a line of its own.
    pub(super) fn execute_around(
        &mut self,
        before: &str,
        sql: &Rendered,
        after: &str,
    ) -> Result<Effect, Failure> {
        let statement = format!("{before}{}\n{after}", sql.text);
        self.warehouse.execute(&statement).map_err(|error| self.failure(sql, before.len(), &error))
    }

    /// Runs a statement of ours, which has no place in the model's file.
    pub(super) fn execute(&mut self, statement: &str) -> Result<Effect, Failure> {
        self.warehouse.execute(statement).map_err(|error| {
            self.failure(&Rendered::default(), 0, &WarehouseError { position: None, ..error })
        })
    }

    /// `sql_header`: statements before the one that makes the relation.
    pub(super) fn header(&mut self) -> Result<(), Failure> {
        let Some(header) = self.node.config.duckdb.sql_header.clone() else { return Ok(()) };
        if has_template_syntax(&header.value) {
            return self.hook("sql_header", &Hook::Late(header));
        }
        let result = self.warehouse.execute(&header.value);
        result.map(drop).map_err(|error| {
            let message = error.message.lines().next().unwrap_or_default();
            let fault =
                Diagnostic::error("hook-failed", format!("sql_header of `{}`: {message}", self.node.name));
            Failure { kind: error.kind, fault: fault.at(header.span, "set here") }
        })
    }

    /// Whether a DuckLake is to arrange the table's files; elsewhere that is said to have no effect.
    pub(super) fn is_arranged(&mut self, relation: &Relation) -> bool {
        let config = &self.node.config.duckdb;
        if config.partitioned_by.is_empty() && config.sorted_by.is_empty() {
            return false;
        }
        let database = relation.database.as_deref().unwrap_or_default();
        let is_lake = self.shared.around.project.target.is_lake(database);
        if !is_lake {
            self.warnings.push(format!(
                "`partitioned_by` and `sorted_by` of {} have no effect: only tables of a DuckLake have them",
                self.node.name
            ));
        }
        is_lake
    }

    /// An empty table with its partitions, then the rows: a DuckLake arranges only what comes after.
    fn make_arranged(&mut self, relation: &Relation, sql: &Rendered) -> Result<Effect, Failure> {
        let name = relation.render();
        self.execute_around(
            &format!("create or replace table {name} as (select * from ("),
            sql,
            ") as model_subq limit 0)",
        )?;
        self.arrange(&name)?;
        self.execute_around(&format!("insert into {name} select * from ("), sql, ") as model_subq")
    }

    pub(super) fn arrange(&mut self, name: &str) -> Result<(), Failure> {
        let config = &self.node.config.duckdb;
        let partitions = config.partitioned_by.join(", ");
        let columns = config.sorted_by.iter().map(|it| quote_identifier(it)).collect::<Vec<_>>().join(", ");
        if !partitions.is_empty() {
            self.execute(&format!("alter table {name} set partitioned by ({partitions})"))?;
        }
        if !columns.is_empty() {
            self.execute(&format!("alter table {name} set sorted by ({columns})"))?;
        }
        Ok(())
    }

    /// Whether the relation is in an attached database that is none of the engine's own. There, views may be
    /// listed as tables.
    pub(super) fn is_foreign(&self, relation: &Relation) -> bool {
        let attached = self.shared.around.project.target.attach.iter();
        let mut kinds =
            attached.filter(|it| it.alias == relation.database).filter_map(|it| it.kind.as_deref());
        kinds.any(|it| !matches!(it.to_ascii_lowercase().as_str(), "duckdb" | "ducklake"))
    }

    /// `indexes`. The name of each tells its table and columns, and is a new one in each run: an attached database
    /// may remember the index of a table that was replaced.
    pub(super) fn make_indexes(&mut self, relation: &Relation) -> Result<(), Failure> {
        for index in &self.node.config.duckdb.indexes {
            let kind = if index.is_unique { "unique index" } else { "index" };
            let id = &self.shared.around.project.settings.globals.invocation_id;
            let run = id.split('-').next().unwrap_or_default();
            let name = format!("{}__{}__{run}", relation.identifier, index.columns.join("_"));
            let statement = format!(
                "create {kind} {} on {} ({})",
                quote_identifier(&name),
                relation.render(),
                index.columns.join(", ")
            );
            self.warehouse.execute(&statement).map_err(|error| {
                let message = error.message.lines().next().unwrap_or_default().to_owned();
                let what = format!("the index on `{}` of `{}`", index.columns.join(", "), self.node.name);
                let fault = Diagnostic::error("sql-error", format!("{what} cannot be made: {message}"));
                Failure { kind: error.kind, fault: fault.at(index.span, "declared here") }
            })?;
        }
        Ok(())
    }

    /// Why a transaction could not be committed: a unique index is held against the rows only then.
    pub(super) fn not_committed(&self, error: &WarehouseError) -> Failure {
        let unique = self.node.config.duckdb.indexes.iter().find(|it| it.is_unique);
        match unique {
            Some(index) if error.kind == ErrorKind::Sql && error.message.contains("UNIQUE constraint") => {
                let fault = Diagnostic::error("constraint-failed", error.message.clone())
                    .at(index.span, format!("a unique index of `{}`", self.node.name));
                Failure { kind: ErrorKind::Sql, fault }
            }
            _ => self.failure(&Rendered::default(), 0, error),
        }
    }

    /// A function that gives the query's rows.
    pub(super) fn table_function(&mut self, query: &Query) -> Result<Effect, Failure> {
        let sql = self.query_text(&query.sql, IsIncremental::No)?;
        for hook in &query.pre_hooks {
            self.hook("pre-hook", hook)?;
        }
        let Some(relation) = &self.step.relation else { return Ok(Effect::default()) };
        self.header()?;
        if let Some(existing) = self.exists_as() {
            // What the model was before it became a function would be read with its old rows.
            self.execute(&format!("drop {} if exists {}", existing.as_str(), relation.render()))?;
        }
        let made = table_function(&self.node.config.duckdb.parameters, relation, &sql.text);
        self.warehouse.execute(&made.statement).map_err(|error| self.failure(&sql, made.prefix, &error))?;
        self.comment("macro table")?;
        for hook in &query.post_hooks {
            self.hook("post-hook", hook)?;
        }
        Ok(Effect::default())
    }
}
