//! Models that a macro makes: a materialization of the project's own, or a built-in one with parts of its own.

use super::step::{Failure, Worker};
use crate::compile::IsIncremental;
use crate::node::RelationKind;
use crate::plan::ByMacro;
use crate::template::Rendered;
use crate::warehouse::{Effect, Warehouse as _};

impl Worker<'_> {
    /// Calls the macro in the step's transaction. What it says about transactions is heard and has no effect.
    pub(super) fn by_macro(&mut self, made: &ByMacro) -> Result<Effect, Failure> {
        let is_there = self.exists_as() == Some(RelationKind::Table) && !made.is_full_refresh;
        let (query, is_incremental) = match &made.update {
            Some(update) if is_there => (update, IsIncremental::Yes),
            _ => (&made.whole, IsIncremental::No),
        };
        let sql = self.query_text(query, is_incremental)?;
        let id = self.step.node;
        self.late(|late| late.materialize(id, &made.macro_id, &sql, is_incremental))?;
        Ok(Effect { rows_written: self.rows_of_table()?, rows_scanned: None })
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
