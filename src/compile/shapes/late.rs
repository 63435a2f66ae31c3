//! Templates that ask for columns, answered from shapes. A query that reads no table is answered too, such as
//! that of how many days a calendar has; what asks for rows of tables stays unanswered.

use std::sync::{Mutex, PoisonError};

use crate::node::{Relation, RelationKind};
use crate::sql::lineage::reads_nothing;
use crate::template::{Engine, HostError, NEEDS_WAREHOUSE};
use crate::warehouse::binder::Binder;
use crate::warehouse::{CatalogEntry, Column, Rows};

/// The empty tables as templates ask them.
pub(super) struct EmptyTables {
    binder: Mutex<Box<dyn Binder>>,
    tables: Vec<(Relation, RelationKind)>,
}

impl EmptyTables {
    pub(super) fn new(binder: Box<dyn Binder>, tables: Vec<(Relation, RelationKind)>) -> Self {
        Self { binder: Mutex::new(binder), tables }
    }
}

fn needs_rows() -> HostError {
    HostError {
        code: NEEDS_WAREHOUSE,
        message: "its template asks for rows of the database".to_owned(),
        help: None,
    }
}

impl Engine for EmptyTables {
    fn is_trial(&self) -> bool {
        true
    }

    fn query(&self, sql: &str) -> Result<Rows, HostError> {
        let mut binder = self.binder.lock().unwrap_or_else(PoisonError::into_inner);
        let tree = binder.syntax(sql).map_err(|_| needs_rows())?;
        if !reads_nothing(&tree) {
            return Err(needs_rows());
        }
        binder.rows(sql).map_err(|_| needs_rows())
    }

    fn describe(&self, sql: &str) -> Result<Vec<Column>, HostError> {
        let mut binder = self.binder.lock().unwrap_or_else(PoisonError::into_inner);
        binder.describe(sql).map_err(|_| needs_rows())
    }

    fn catalog(&self) -> Result<Vec<CatalogEntry>, HostError> {
        let entry = |(relation, kind): &(Relation, RelationKind)| CatalogEntry {
            relation: relation.clone(),
            kind: *kind,
            estimated_rows: None,
        };
        Ok(self.tables.iter().map(entry).collect())
    }
}
