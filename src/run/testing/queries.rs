//! The queries that are sent for one test, and the numbers in their rows.

use super::Measured;
use crate::node::Relation;
use crate::parse::check::Check;
use crate::plan::{PlannedTest, scan};
use crate::template::Rendered;
use crate::warehouse::Value;

/// The test's query inside the one that counts, and how long the part before it is.
pub(super) fn own_query(test: &PlannedTest, sql: &Rendered) -> (String, usize) {
    match &test.check {
        Check::Freshness { column, rule } => {
            let relation = test.tested.as_ref().map(Relation::render).unwrap_or_default();
            let conditions: Vec<String> =
                rule.filter.iter().chain(&test.where_).map(|it| format!("({it})")).collect();
            let condition = if conditions.is_empty() {
                String::new()
            } else {
                format!(" where {}", conditions.join(" and "))
            };
            let values = scan::newest_and_age(&format!("max({column})"));
            (format!("select {} from {relation}{condition}", values.join(", ")), 0)
        }
        Check::Drift(_) | Check::SchemaDrift(_) => (sql.text.clone(), 0),
        Check::Query
        | Check::NotNull
        | Check::Unique
        | Check::AcceptedValues { .. }
        | Check::Relationships { .. }
        | Check::Own(_) => {
            let calculation = test.fail_calc.as_deref().unwrap_or("count(*)");
            let limit = test.limit.map(|it| format!(" limit {it}")).unwrap_or_default();
            let prefix = format!("select {calculation} as failures from (");
            let inner = if limit.is_empty() {
                format!("{prefix}{}\n) as failing_rows", sql.text)
            } else {
                format!("{prefix}select * from ({}\n){limit}) as failing_rows", sql.text)
            };
            let extra = if limit.is_empty() { 0 } else { "select * from (".len() };
            (inner, prefix.len() + extra)
        }
    }
}

/// A number of failures or rows.
pub(in crate::run) fn count(row: &[Value], index: usize) -> Option<u64> {
    match row.get(index)? {
        Value::Bool(it) => Some(u64::from(*it)),
        Value::Int(it) => u64::try_from(*it).ok(),
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a fail_calc such as sum() may be a float"
        )]
        Value::Float(it) => (*it >= 0.0).then_some(*it as u64),
        Value::Text(it) => it.parse::<f64>().ok().and_then(|it| count(&[Value::Float(it)], 0)),
        Value::Null => None,
    }
}

/// A measure; one of no rows is nothing, which is taken as zero.
#[expect(clippy::cast_precision_loss, reason = "what is compared in percent need not be exact")]
pub(in crate::run) fn number(value: Option<&Value>) -> Option<f64> {
    match value? {
        Value::Bool(it) => Some(f64::from(u8::from(*it))),
        Value::Int(it) => Some(*it as f64),
        Value::Float(it) => Some(*it),
        Value::Text(it) => it.parse().ok(),
        Value::Null => Some(0.0),
    }
}

pub(super) fn newest(row: &[Value], index: usize) -> Measured {
    let at = row.get(index).and_then(|it| match it {
        Value::Text(text) => Some(text.clone()),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => None,
    });
    Measured::Newest { at, age: row.get(index + 1).and_then(Value::as_i64) }
}
