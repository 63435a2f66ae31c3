//! The view that shows the latest version of a model, made in the transaction that publishes it.

use super::step::{Failure, Worker};
use crate::node::RelationKind;
use crate::parse::version_pointer::{self, FLAG};

impl Worker<'_> {
    /// Points the view at the version that was just made, if this is the latest.
    pub(super) fn point_to_latest(&mut self) -> Result<(), Failure> {
        let Some(relation) = &self.step.relation else { return Ok(()) };
        let config = &self.shared.around.project.config;
        let is_default = config.flag(FLAG).and_then(serde_json::Value::as_bool).unwrap_or(false);
        let Some(pointer) = version_pointer::of(self.node, is_default) else { return Ok(()) };
        let name = pointer.render();
        if self.shared.existing(&pointer) == Some(RelationKind::Table) {
            // The table of a time when the model had no versions.
            self.execute(&format!("drop table if exists {name}"))?;
        }
        self.execute(&format!("create or replace view {name} as (select * from {})", relation.render()))?;
        Ok(())
    }
}
