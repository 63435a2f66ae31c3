//! `store_failures`: the rows that fail a test, kept in a relation that can be queried.
//!
//! What passes or warns is kept in the transaction of its node. If the node is rolled back, its failing rows
//! are of a version that nobody will see again: they are taken out of the transaction first and written
//! after the rollback.

use super::Shared;
use super::connection::Connection;
use super::event::TestStatus;
use super::testing::Tested;
use crate::node::RelationKind;
use crate::plan::{KeptIn, PlannedTest, TestText};
use crate::template::Rendered;
use crate::warehouse::{Stash, Warehouse as _, WarehouseError};

/// Rows that wait for the rollback.
pub(super) struct Waiting {
    kept_in: KeptIn,
    stash: Stash,
}

/// Writes the failing rows of all tests that keep them, those of passed tests too: then there are none.
pub(super) fn write(
    shared: &Shared<'_>,
    warehouse: &mut Connection,
    tests: &[PlannedTest],
    tested: &Tested,
) -> Result<(), WarehouseError> {
    for (kept_in, sql) in wanted(tests, tested) {
        make_room(shared, warehouse, kept_in, kept_in.kind)?;
        let (kind, name) = (kept_in.kind.as_str(), kept_in.relation.render());
        warehouse.execute(&format!("create or replace {kind} {name} as (\n{}\n)", sql.text))?;
    }
    Ok(())
}

/// Takes the failing rows out of the transaction, as far as they can be had.
pub(super) fn stash(warehouse: &mut Connection, tests: &[PlannedTest], tested: &Tested) -> Vec<Waiting> {
    let stash = |(kept_in, sql): (&KeptIn, &Rendered)| {
        // A row that cannot be kept must not hide the failure itself.
        Some(Waiting { kept_in: kept_in.clone(), stash: warehouse.stash(&sql.text).ok()? })
    };
    wanted(tests, tested).filter_map(stash).collect()
}

/// Writes what was taken out. A view would show the version that was kept, so it is a table too.
pub(super) fn write_stashed(
    shared: &Shared<'_>,
    warehouse: &mut Connection,
    waiting: Vec<Waiting>,
) -> Result<(), WarehouseError> {
    for Waiting { kept_in, stash } in waiting {
        make_room(shared, warehouse, &kept_in, RelationKind::Table)?;
        warehouse.unstash(&stash, &kept_in.relation)?;
    }
    Ok(())
}

/// Tests that keep rows and could be run, with their queries.
fn wanted<'t>(
    tests: &'t [PlannedTest],
    tested: &'t Tested,
) -> impl Iterator<Item = (&'t KeptIn, &'t Rendered)> {
    tests.iter().filter_map(|test| {
        let kept_in = test.kept_in.as_ref()?;
        let outcome = tested.outcomes.iter().find(|it| it.node == test.node)?;
        if !is_written(outcome.status) {
            return None;
        }
        match &test.sql {
            TestText::Ready(sql) => Some((kept_in, sql)),
            TestText::Late => Some((kept_in, &tested.compiled.get(&test.node)?.sql)),
            TestText::Broken(_) => None,
        }
    })
}

/// Whether a test that keeps rows has written them: it could be run.
pub(super) fn is_written(status: TestStatus) -> bool {
    match status {
        TestStatus::Pass | TestStatus::Warn | TestStatus::Fail => true,
        TestStatus::Error | TestStatus::Skipped => false,
    }
}

/// A view cannot be replaced by a table or the other way round.
fn make_room(
    shared: &Shared<'_>,
    warehouse: &mut Connection,
    kept_in: &KeptIn,
    kind: RelationKind,
) -> Result<(), WarehouseError> {
    let existing = shared.existing(&kept_in.relation).filter(|it| *it != kind);
    let Some(existing) = existing else { return Ok(()) };
    warehouse
        .execute(&format!("drop {} if exists {}", existing.as_str(), kept_in.relation.render()))
        .map(|_| ())
}
