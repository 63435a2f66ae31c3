//! Tables that others point to with foreign keys: the engine neither replaces nor drops them as long as
//! these are there.
//!
//! A table that points to the one that is made anew becomes a plain copy of itself, in the same transaction.
//! It gets its keys back when its own turn comes; so it must be a table that this run makes later.

use std::collections::BTreeSet;

use super::step::{Failure, Worker};
use crate::diagnostics::Diagnostic;
use crate::graph::Depth;
use crate::node::{Materialization, Relation, quote_literal};
use crate::parse::Body;
use crate::plan::Action;
use crate::template::Rendered;
use crate::warehouse::{ErrorKind, Warehouse as _};

impl Worker<'_> {
    /// Takes the foreign keys away that point to a table which is about to be replaced.
    pub(super) fn free_from_foreign_keys(&mut self, relation: &Relation) -> Result<(), Failure> {
        if self.exists_as().is_none() {
            return Ok(());
        }
        for table in self.pointing_to(relation)? {
            let dependent = Relation { identifier: table, ..relation.clone() };
            self.check_made_later(&dependent)?;
            let copy = Relation {
                identifier: format!("{}__dbt_fk_backup", dependent.identifier),
                ..relation.clone()
            };
            let (name, copy_name) = (dependent.render(), copy.render());
            self.execute(&format!("create or replace table {copy_name} as from {name}"))?;
            self.execute(&format!("drop table {name}"))?;
            let old = crate::node::quote_identifier(&dependent.identifier);
            self.execute(&format!("alter table {copy_name} rename to {old}"))?;
        }
        Ok(())
    }

    /// Tables with keys to this one, and those with keys to these; the outermost first.
    fn pointing_to(&mut self, relation: &Relation) -> Result<Vec<String>, Failure> {
        let part = |it: &Option<String>| quote_literal(it.as_deref().unwrap_or_default());
        let sql = format!(
            "with recursive keys as (
                 select table_name, referenced_table from duckdb_constraints()
                 where constraint_type = 'FOREIGN KEY' and lower(table_name) <> lower(referenced_table)
                   and lower(database_name) = lower({}) and lower(schema_name) = lower({})
             ), pointing(name, depth) as (
                 select table_name, 1 from keys where lower(referenced_table) = lower({})
                 union
                 select keys.table_name, depth + 1 from keys join pointing on lower(referenced_table) = lower(name)
             )
             select name from pointing group by name order by max(depth) desc, name",
            part(&relation.database),
            part(&relation.schema),
            quote_literal(&relation.identifier)
        );
        let found = self.warehouse.query(&sql, None);
        let rows = found.map_err(|error| self.failure(&Rendered::default(), 0, &error))?.rows;
        Ok(rows.into_iter().flatten().map(|it| it.to_string()).collect())
    }

    /// Without its keys a table is only left if this run makes it anew afterwards.
    fn check_made_later(&self, dependent: &Relation) -> Result<(), Failure> {
        let graph = self.shared.graph;
        let descendants: BTreeSet<_> = graph.descendants(self.step.node, Depth::All);
        let name = dependent.render();
        let owner = descendants.iter().find(|id| {
            graph.node(**id).relation.as_ref().is_some_and(|it| it.render().eq_ignore_ascii_case(&name))
        });
        let step = owner.and_then(|id| self.shared.plan.steps.iter().find(|it| it.node == *id));
        let is_made = step.is_some_and(|it| match &it.action {
            Action::CreateTable(_) => true,
            Action::UpdateTable { is_full_refresh, .. } => *is_full_refresh,
            _ => false,
        });
        if is_made {
            return Ok(());
        }
        let short = dependent.short();
        let is_incremental = owner.is_some_and(|id| {
            matches!(graph.node(*id).body, Body::Model { materialized: Materialization::Incremental, .. })
        });
        let help = match owner {
            Some(_) if is_incremental => "build with `--full-refresh`".to_owned(),
            Some(_) => format!("build it too: `tidemill build -s {}+`", self.node.name),
            None => format!("drop {short}, or its foreign key"),
        };
        let message =
            format!("`{}` cannot be replaced: a foreign key of {short} points to it", self.node.name);
        let fault = Diagnostic::error("foreign-key", message)
            .at(self.node.span, "")
            .note("the engine keeps a table as long as others point to it")
            .help(help);
        Err(Failure { kind: ErrorKind::Sql, fault })
    }
}
