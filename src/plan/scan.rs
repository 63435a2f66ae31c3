//! Many tests of one relation as one query.
//!
//! Every test that is an aggregate becomes a column of one `select` over the relation. The result says
//! exactly how a test went, except for `unique`: there, and for sample rows, a failing test's own query is
//! asked as well.

use crate::node::Relation;
use crate::parse::check::Check;

use super::{PlannedTest, TestText};

/// One query for several tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FusedScan {
    /// The query: one row; the first column is the relation's row count.
    pub sql: String,
    /// Tests by their index in the list given, in the order of the query's columns.
    pub columns: Vec<FusedColumn>,
}

/// One test's part of the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FusedColumn {
    /// The test's index in the list given.
    pub test: usize,
    /// The column that holds its value.
    pub index: usize,
    /// What the value is.
    pub value: FusedValue,
}

/// What a value of the scan means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FusedValue {
    /// The number of failures, as the test's own query would give it.
    Failures,
    /// Zero exactly if there are no failures.
    ZeroIfNone,
    /// The newest time as text; the next column is its age in seconds.
    NewestAndAge,
    /// A row count to be compared with the version before.
    RowCount,
}

/// Joins those tests that can be; `None` if there are none.
pub fn fuse(relation: &Relation, tests: &[PlannedTest]) -> Option<FusedScan> {
    let mut selected = vec!["count(*)".to_owned()];
    let mut columns = Vec::new();
    for (test, planned) in tests.iter().enumerate() {
        let Some((expressions, value)) = aggregate(planned) else { continue };
        columns.push(FusedColumn { test, index: selected.len(), value });
        selected.extend(expressions);
    }
    if columns.is_empty() {
        return None;
    }
    let sql = format!("select\n    {}\nfrom {}", selected.join(",\n    "), relation.render());
    Some(FusedScan { sql, columns })
}

fn aggregate(test: &PlannedTest) -> Option<(Vec<String>, FusedValue)> {
    if test.limit.is_some() || test.fail_calc.is_some() || !matches!(test.sql, TestText::Ready(_)) {
        return None;
    }
    let condition = test.where_.as_deref();
    let filter = |more: Option<String>| {
        let parts: Vec<String> = condition.map(|it| format!("({it})")).into_iter().chain(more).collect();
        if parts.is_empty() { String::new() } else { format!(" filter (where {})", parts.join(" and ")) }
    };
    let column = test.column.as_deref();
    match &test.check {
        Check::NotNull => {
            let column = column?;
            Some((
                vec![format!("count(*){}", filter(Some(format!("{column} is null"))))],
                FusedValue::Failures,
            ))
        }
        Check::Unique => {
            let (column, filter) = (column?, filter(None));
            let expression = format!("count({column}){filter} - count(distinct {column}){filter}");
            Some((vec![expression], FusedValue::ZeroIfNone))
        }
        Check::AcceptedValues { values, quote } => {
            let column = column?;
            let wrong = filter(Some(format!("{column} not in ({})", accepted_list(values, *quote))));
            Some((vec![format!("count(distinct {column}){wrong}")], FusedValue::Failures))
        }
        Check::Freshness { column, rule } => {
            let more = rule.filter.as_ref().map(|it| format!("({it})"));
            Some((newest_and_age(&format!("max({column}){}", filter(more))), FusedValue::NewestAndAge))
        }
        Check::RowCountDrift(_) => Some((vec![format!("count(*){}", filter(None))], FusedValue::RowCount)),
        Check::Query => None,
    }
}

/// The values as the test's own query writes them: dbt puts quotes around a value and nothing else, so that
/// projects double the quotes inside one themselves.
pub(super) fn accepted_list(values: &[String], quote: bool) -> String {
    let written: Vec<String> =
        values.iter().map(|it| if quote { format!("'{it}'") } else { it.clone() }).collect();
    written.join(", ")
}

/// The newest time as text and its age in seconds. A time without zone is UTC, as in dbt.
pub fn newest_and_age(newest: &str) -> Vec<String> {
    let epoch = format!(
        "case when typeof({newest}) = 'TIMESTAMP WITH TIME ZONE' then epoch(cast({newest} as timestamptz)) \
         else epoch(cast({newest} as timestamp)) end"
    );
    vec![format!("cast({newest} as varchar)"), format!("cast(round(epoch(now()) - {epoch}) as bigint)")]
}
