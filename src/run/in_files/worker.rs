//! Making nodes whose rows are kept in files, inside their step's transaction.

use super::{InFiles, ROWS, place};
use crate::compile::IsIncremental;
use crate::diagnostics::Diagnostic;
use crate::node::{Relation, RelationKind};
use crate::parse::parquet_files::ParquetFiles;
use crate::plan::{Query, QueryText};
use crate::run::incremental::{self, NewRows, Refusal, Store};
use crate::run::step::{Failure, Worker};
use crate::template::Rendered;
use crate::warehouse::{Column, Effect, ErrorKind, Warehouse as _};

impl<'a> Worker<'a> {
    /// The files that the node's rows are kept in, if they are in no table.
    pub(in crate::run) fn files_settings(&self) -> Option<&'a ParquetFiles> {
        self.node.config.duckdb.files.as_ref()
    }

    /// Whether rows are there that an incremental model adds to.
    pub(in crate::run) fn has_rows(&self) -> bool {
        if self.exists_as() == Some(RelationKind::Table) {
            return true;
        }
        self.files_settings().is_some_and(|it| self.warehouse.has_files(&place(it)))
    }

    /// Makes or updates an incremental model in files.
    pub(in crate::run) fn update_files(
        &mut self,
        whole: &Query,
        update: &Query,
        is_full_refresh: bool,
    ) -> Result<Effect, Failure> {
        let is_there = self.has_rows() && !is_full_refresh;
        let Some(relation) = &self.step.relation else { return Ok(Effect::default()) };
        self.begin_files(relation, Some(whole), is_there)?;
        let (query, is_incremental) =
            if is_there { (update, IsIncremental::Yes) } else { (whole, IsIncremental::No) };
        let sql = self.query_text(&query.sql, is_incremental)?;
        for hook in &query.pre_hooks {
            self.hook("pre-hook", hook)?;
        }
        let effect = self.write_rows(relation, NewRows { query: &sql, staged: None }, is_incremental)?;
        self.comment("view")?;
        let counted = incremental::count(self.warehouse, relation);
        let rows_written = counted.map_err(|error| self.failure(&Rendered::default(), 0, &error))?;
        Ok(Effect { rows_written, ..effect })
    }

    /// Begins the next version of the files and lets the relation read it; with `is_there`, it has the rows that
    /// are there. Rows of a table that was there before are taken over.
    pub(in crate::run) fn begin_files(
        &mut self,
        relation: &Relation,
        whole: Option<&Query>,
        is_there: bool,
    ) -> Result<(), Failure> {
        self.in_files = None;
        let Some(settings) = self.files_settings() else { return Ok(()) };
        self.warn_of_constraints();
        let kind = self.exists_as();
        let name = relation.render();
        let next = self.warehouse.next_files(&place(settings), is_there);
        let next = next.map_err(|error| self.failure(&Rendered::default(), 0, &error))?;
        let mut files = InFiles::new(settings, next);
        if is_there && !settings.partition_by.is_empty() {
            // The names of folders do not tell types: the relation knows them, or else the query.
            let known = match (kind, whole.map(|it| &it.sql)) {
                (Some(_), _) => self.describe_or_start_again(&format!("select * from {name}"))?,
                (None, Some(QueryText::Ready(sql))) => self.describe_or_start_again(&sql.text)?,
                (None, _) => Vec::new(),
            };
            files.learn_partitions(&known);
        }
        if kind == Some(RelationKind::Table) {
            if is_there && !files.is_empty() {
                let message =
                    format!("{} is a table, and there are files in its `location`", relation.short());
                let fault = Diagnostic::error("two-versions", message).at(self.node.span, "");
                let help = "only one of them can be what is added to: drop the table, or move the files away";
                return Err(Failure { kind: ErrorKind::Sql, fault: fault.help(help) });
            }
            if is_there {
                let copy = format!("create or replace temp table {ROWS} as select * from {name}");
                self.execute(&copy)?;
                let closed = files.close(self.warehouse, self.node);
                closed.map_err(|refusal| self.refused(refusal, &Rendered::default()))?;
            }
            self.execute(&format!("drop table {name}"))?;
        }
        let is_empty = files.is_empty();
        self.in_files = Some(files);
        if is_empty { Ok(()) } else { self.read_files(relation) }
    }

    /// The columns of a query, none if it cannot be bound. That ends a transaction, in which nothing is done yet.
    fn describe_or_start_again(&mut self, sql: &str) -> Result<Vec<Column>, Failure> {
        if let Ok(columns) = self.warehouse.describe(sql) {
            return Ok(columns);
        }
        self.warehouse.rollback();
        self.begin()?;
        Ok(Vec::new())
    }

    /// Writes the query's rows into the next version.
    pub(in crate::run) fn write_rows(
        &mut self,
        relation: &Relation,
        rows: NewRows<'_>,
        is_incremental: IsIncremental,
    ) -> Result<Effect, Failure> {
        self.header()?;
        self.check_contract_of(rows)?;
        let Some(mut files) = self.in_files.take() else { return Ok(Effect::default()) };
        let written = match is_incremental {
            IsIncremental::Yes => {
                let store = &mut Store::Files(&mut files);
                incremental::take_up(self.warehouse, self.node, store, rows, self.batch.as_ref())
            }
            IsIncremental::No => self.write_first(&mut files, rows.query),
        };
        self.in_files = Some(files);
        let effect = written.map_err(|refusal| self.refused(refusal, rows.query))?;
        self.read_files(relation)?;
        Ok(effect)
    }

    fn write_first(&mut self, files: &mut InFiles, sql: &Rendered) -> Result<Effect, Refusal> {
        let before = format!("create or replace temp table {ROWS} as (");
        let effect = self.warehouse.execute(&format!("{before}{}\n)", sql.text));
        let effect = effect.map_err(|error| Refusal::Engine { error, prefix: before.len() })?;
        files.close(self.warehouse, self.node)?;
        Ok(effect)
    }

    /// Lets the relation read the files where they are now.
    pub(in crate::run) fn read_files(&mut self, relation: &Relation) -> Result<(), Failure> {
        let view = self.in_files.as_ref().map(|it| it.view(relation));
        view.map_or(Ok(()), |it| self.execute(&it).map(drop))
    }

    pub(in crate::run) fn refused(&self, refusal: Refusal, sql: &Rendered) -> Failure {
        let kind = match &refusal {
            Refusal::Engine { error, .. } => error.kind.clone(),
            Refusal::Misfit(_) => ErrorKind::Sql,
        };
        Failure { kind, fault: refusal.into_diagnostic(self.node, sql) }
    }

    fn warn_of_constraints(&mut self) {
        let has_some = self.contract().is_some_and(|details| {
            !details.constraints.is_empty() || self.node.columns.iter().any(|it| !it.constraints.is_empty())
        });
        if has_some {
            let name = &self.node.name;
            self.warnings.push(format!("constraints of {name} are not enforced: files have none; use tests"));
        }
    }
}
