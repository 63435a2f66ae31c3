//! Models that a macro makes: a materialization of the project's own, or a built-in one with parts of its own.

use super::step::{Failure, Worker};
use crate::compile::IsIncremental;
use crate::compile::faults;
use crate::node::{NodeKind, RelationKind};
use crate::plan::ByMacro;
use crate::template::Rendered;
use crate::warehouse::{Effect, Warehouse as _, WarehouseError};

impl Worker<'_> {
    /// Calls the macro in the step's transaction. What it says about transactions is heard and has no effect.
    pub(super) fn by_macro(&mut self, made: &ByMacro) -> Result<Effect, Failure> {
        let is_there = self.exists_as() == Some(RelationKind::Table) && !made.is_full_refresh;
        let (query, is_incremental) = match &made.update {
            Some(update) if is_there => (update, IsIncremental::Yes),
            _ => (&made.whole, IsIncremental::No),
        };
        let sql = self.query_text(query, is_incremental)?;
        self.drop_former_function()?;
        let id = self.step.node;
        let mut failed = None;
        let connection = self.warehouse.clone();
        let seed = match self.node.kind {
            NodeKind::Seed => Some(self.seed_file()?),
            _ => None,
        };
        let result = self.late_making(seed, |late| {
            let made = late.materialize(id, &made.macro_id, &sql, is_incremental, (true, true));
            failed = connection.failed();
            made
        });
        result.map_err(|failure| self.at_the_query(failure, failed, &sql))?;
        Ok(Effect { rows_written: self.rows_of_table()?, rows_scanned: None })
    }

    /// An error in a statement that has the model's query in it is shown in the model, with the macros behind.
    fn at_the_query(
        &self,
        failure: Failure,
        failed: Option<(WarehouseError, String)>,
        sql: &Rendered,
    ) -> Failure {
        let Some((error, statement)) = failed else { return failure };
        let Some(prefix) = statement.find(&sql.text).filter(|_| !sql.text.trim().is_empty()) else {
            return failure;
        };
        if !error.position.is_some_and(|it| (prefix..prefix + sql.text.len()).contains(&it)) {
            return failure;
        }
        let mut fault = faults::sql(self.node, sql, prefix, &error);
        if let Some(place) = failure.fault.primary {
            fault = fault.and_at(place.span, "in this statement");
        }
        for label in failure.fault.secondary {
            fault = fault.and_at(label.span, label.text);
        }
        Failure { kind: failure.kind, fault }
    }

    /// The rows of what was made, if it is a table under the node's own name.
    fn rows_of_table(&mut self) -> Result<Option<u64>, Failure> {
        let Some(relation) = &self.step.relation else { return Ok(None) };
        let entries =
            self.warehouse.catalog(&[]).map_err(|error| self.failure(&Rendered::default(), 0, &error))?;
        let is_this = |it: &crate::node::Relation| it.render().eq_ignore_ascii_case(&relation.render());
        if !entries.iter().any(|it| it.kind == RelationKind::Table && is_this(&it.relation)) {
            return Ok(None);
        }
        let sql = format!("select count(*) from {}", relation.render());
        let row =
            self.warehouse.scalars(&sql).map_err(|error| self.failure(&Rendered::default(), 0, &error))?;
        Ok(row.first().and_then(crate::warehouse::Value::as_i64).and_then(|it| u64::try_from(it).ok()))
    }
}
