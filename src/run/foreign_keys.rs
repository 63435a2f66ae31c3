//! Tables that others point to with foreign keys: the engine neither replaces nor drops them as long as
//! these are there.
//!
//! A table that points to the one that is made anew becomes a plain copy of itself, in the same transaction.
//! It gets its keys back when its own turn comes; so it must be a table that this run makes later.

use std::collections::BTreeSet;

use super::connection::Connection;
use super::event::{LogLevel, RunEvent};
use super::step::{Failure, Worker};
use super::{RunResults, Shared, Status};
use crate::diagnostics::Diagnostic;
use crate::graph::Depth;
use crate::node::{Materialization, NodeId, Relation, quote_literal};
use crate::parse::Body;
use crate::plan::Action;
use crate::template::Rendered;
use crate::warehouse::{ErrorKind, Value, Warehouse as _};

/// Warns of tables that lost their keys to this run and were not made anew: they have the rows that they had.
pub(super) fn warn(
    shared: &Shared<'_>,
    results: &RunResults,
    warehouse: &mut Connection,
    on_event: &mut dyn FnMut(&RunEvent),
) {
    let Ok(freed) = shared.freed.lock() else { return };
    let is_made =
        |id: &NodeId| results.results.iter().any(|it| it.node == *id && it.status == Status::Success);
    // Of a run that is published as a whole nothing is published then.
    for (id, parent) in freed.iter().filter(|it| !shared.is_staged && !is_made(it.0)) {
        let Some(relation) = &shared.graph.node(*id).relation else { continue };
        let keys = warehouse.scalars(&keys_of(relation));
        if keys.is_ok_and(|it| it.first().and_then(Value::as_i64) == Some(0)) {
            let message = format!(
                "table {} has its rows, but no foreign keys since {parent} was published, because it was not made anew",
                relation.short()
            );
            on_event(&RunEvent::Log { level: LogLevel::Warning, message });
        }
    }
}

/// How many keys to other tables a table has.
fn keys_of(relation: &Relation) -> String {
    let part = |it: &Option<String>| quote_literal(it.as_deref().unwrap_or_default());
    format!(
        "select count(*) from duckdb_constraints() where constraint_type = 'FOREIGN KEY' \
         and lower(database_name) = lower({}) and lower(schema_name) = lower({}) and lower(table_name) = lower({})",
        part(&relation.database),
        part(&relation.schema),
        quote_literal(&relation.identifier)
    )
}

impl Worker<'_> {
    /// Takes the foreign keys away that point to a table which is about to be replaced.
    pub(super) fn free_from_foreign_keys(&mut self, relation: &Relation) -> Result<(), Failure> {
        if self.exists_as().is_none() {
            return Ok(());
        }
        for table in self.pointing_to(relation)? {
            let dependent = Relation { identifier: table, ..relation.clone() };
            let owner = self.check_made_later(&dependent)?;
            if let Ok(mut freed) = self.shared.freed.lock() {
                freed.insert(owner, self.node.name.clone());
            }
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
    fn check_made_later(&self, dependent: &Relation) -> Result<NodeId, Failure> {
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
        if let (true, Some(owner)) = (is_made, owner) {
            return Ok(*owner);
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
