//! Rules about one query: each looks at the queries inside it and at their expressions.

mod columns;
mod ctes;
mod dates;
mod joins;
mod lists;
mod nulls;
mod order;
mod rates;
mod relations;
mod unions;
mod values;

use super::facts::{Known, Looked};
use super::finding::{Finding, Model};

/// All findings of one query.
pub(super) fn check(model: &Model<'_>, looked: &Looked, known: &Known<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    values::check(model, &mut found);
    lists::check(model, &mut found);
    rates::check(model, &mut found);
    dates::check(model, &mut found);
    relations::check(model, known, &mut found);
    columns::check(model, known, &mut found);
    joins::check(model, &looked.joins, &mut found);
    unions::check(model, &mut found);
    nulls::check(model, looked, &mut found);
    order::check(model, &mut found);
    ctes::check(model, &mut found);
    found
}
