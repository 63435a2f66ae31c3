//! Each test as aggregates over its relation, where it is one.

use super::{FusedValue, WhyAlone, newest_and_age};
use crate::compile::own_tests::{disagreement, failing_row, recency, value_list};
use crate::parse::check::{Check, Measure, OwnCheck};
use crate::plan::{PlannedTest, TestText};

/// A test as a part of a larger query.
pub(super) struct Aggregate {
    pub(super) expressions: Vec<String>,
    pub(super) value: FusedValue,
    /// What it costs and needs.
    pub(super) demand: Demand,
}

/// What an aggregate asks of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Demand {
    /// Counts of a column's values: the engine knows them of a table without reading it.
    Counts,
    /// A look at every row.
    Look,
    /// A look at every row, and values are told apart by their bytes.
    Bytes,
    /// A memory of all values that were seen, by their hashes.
    Memory,
}

impl Demand {
    /// Whether it takes for different what a collation takes for the same.
    pub(super) fn ignores_collations(self) -> bool {
        match self {
            Demand::Counts | Demand::Look => false,
            Demand::Bytes | Demand::Memory => true,
        }
    }
}

impl Aggregate {
    fn of(expression: String, value: FusedValue) -> Self {
        Self { expressions: vec![expression], value, demand: Demand::Look }
    }

    fn failures(expression: String) -> Self {
        Self::of(expression, FusedValue::Failures)
    }

    /// One failure if a condition holds.
    fn one_if(condition: &str) -> Self {
        Self::failures(format!("case when {condition} then 1 else 0 end"))
    }

    /// How many different values fail.
    fn values(column: &str, wrong: &str) -> Self {
        Self { demand: Demand::Bytes, ..Self::failures(format!("count(distinct {column}){wrong}")) }
    }

    /// All rows but one of each value. Two values of one hash are no fault: their own query finds nothing.
    fn repeated(count: &str, columns: &str, filter: &str) -> Self {
        let expression = format!("{count} - count(distinct hash({columns})){filter}");
        Self { demand: Demand::Memory, ..Self::of(expression, FusedValue::ZeroIfNone) }
    }
}

/// `filter (...)` for the rows that a test is about.
pub(super) fn filter(condition: Option<&str>, more: Option<String>) -> String {
    let parts: Vec<String> = condition.map(|it| format!("({it})")).into_iter().chain(more).collect();
    if parts.is_empty() { String::new() } else { format!(" filter (where {})", parts.join(" and ")) }
}

/// Whether a column is named and not an expression.
fn is_name(column: &str) -> bool {
    column.trim_matches('"').chars().all(|it| it.is_alphanumeric() || it == '_')
}

/// The test as aggregates, or why it is none.
pub(super) fn aggregate(test: &PlannedTest) -> Result<Aggregate, WhyAlone> {
    if let Some(why) = &test.alone {
        return Err(why.clone());
    }
    match test.sql {
        TestText::Ready(_) => {}
        TestText::Late => return Err(WhyAlone::Late),
        TestText::Broken(_) => return Err(WhyAlone::Broken),
    }
    if test.limit.is_some() {
        return Err(WhyAlone::Limit);
    }
    if test.has_own_fail_calc {
        return Err(WhyAlone::FailCalc);
    }
    let condition = test.where_.as_deref();
    let filter = |more: Option<String>| filter(condition, more);
    // What is about a column has one; else its own query says what is wrong.
    let column = || test.column.as_deref().ok_or(WhyAlone::Broken);
    Ok(match &test.check {
        Check::Query => return Err(WhyAlone::Singular),
        Check::NotNull => {
            let column = column()?;
            if condition.is_none() && is_name(column) {
                let missing = format!("count(*) - count({column})");
                Aggregate { demand: Demand::Counts, ..Aggregate::failures(missing) }
            } else {
                Aggregate::failures(format!("count(*){}", filter(Some(format!("{column} is null")))))
            }
        }
        Check::Unique => {
            let column = column()?;
            let there = filter(Some(format!("{column} is not null")));
            Aggregate::repeated(&format!("count(*){there}"), column, &there)
        }
        Check::AcceptedValues { values, quote } => {
            let (column, list) = (column()?, value_list(values, *quote));
            let wrong = filter(Some(format!("{column} not in ({list})")));
            Aggregate::values(column, &wrong)
        }
        Check::Relationships { to, field } => {
            let column = column()?;
            // A bare name that the other relation lacks would mean the tested relation's column.
            if !is_name(field) {
                return Err(WhyAlone::FieldExpression);
            }
            let field = format!("parent.{}", crate::compile::column_sql(field));
            let orphans = format!(
                "{column} is not null and {column} not in \
                 (select {field} from {to} as parent where {field} is not null)"
            );
            Aggregate::failures(format!("count(*){}", filter(Some(orphans))))
        }
        Check::Freshness { column, rule } => {
            let more = rule.filter.as_ref().map(|it| format!("({it})"));
            let expressions = newest_and_age(&format!("max({column}){}", filter(more)));
            Aggregate { expressions, value: FusedValue::NewestAndAge, demand: Demand::Look }
        }
        Check::Drift(drift) if !drift.group_by.is_empty() => return Err(WhyAlone::Groups),
        Check::Drift(drift) => match &drift.measure {
            Measure::Rows => Aggregate::of(format!("count(*){}", filter(None)), FusedValue::Measure),
            Measure::Sql(_) if condition.is_some() => return Err(WhyAlone::MeasureOfAPart),
            Measure::Sql(measure) => Aggregate::of(format!("cast({measure} as double)"), FusedValue::Measure),
        },
        Check::SchemaDrift(_) => return Err(WhyAlone::Columns),
        Check::Own(own) => return own_aggregate(own, test.column.as_deref(), condition),
    })
}

fn own_aggregate(
    check: &OwnCheck,
    column: Option<&str>,
    condition: Option<&str>,
) -> Result<Aggregate, WhyAlone> {
    let filter = |more: Option<String>| filter(condition, more);
    if let Some(failing) = failing_row(check, column) {
        return Ok(Aggregate::failures(format!("count(*){}", filter(Some(format!("({failing})"))))));
    }
    let count = format!("count(*){}", filter(None));
    let column = column.unwrap_or("null");
    Ok(match check {
        OwnCheck::NotAcceptedValues { values, quote } => {
            let list = value_list(values, *quote);
            let wrong = filter(Some(format!("{column} in ({list})")));
            Aggregate::values(column, &wrong)
        }
        OwnCheck::UniqueCombination { columns } => {
            Aggregate::repeated(&count, &columns.join(", "), &filter(None))
        }
        OwnCheck::EqualRowcount { group_by, .. }
        | OwnCheck::FewerRowsThan { group_by, .. }
        | OwnCheck::AtLeastOne { group_by }
        | OwnCheck::NotConstant { group_by }
        | OwnCheck::Recency { group_by, .. }
        | OwnCheck::ReconcilesWith { group_by, .. }
            if !group_by.is_empty() =>
        {
            return Err(WhyAlone::Groups);
        }
        OwnCheck::EqualRowcount { other, .. } => {
            Aggregate::failures(format!("abs({count} - (select count(*) from {other}))"))
        }
        OwnCheck::FewerRowsThan { other, .. } => {
            let other = format!("(select count(*) from {other})");
            Aggregate::failures(format!(
                "case when {count} >= {other} then greatest({count} - {other}, 1) else 0 end"
            ))
        }
        OwnCheck::AtLeastOne { .. } => Aggregate::one_if(&format!("count({column}){} = 0", filter(None))),
        OwnCheck::NotConstant { .. } => {
            let filter = filter(None);
            Aggregate::one_if(&format!(
                "count({column}){filter} > 0 and \
                 min({column}){filter} is not distinct from max({column}){filter}"
            ))
        }
        OwnCheck::Recency { .. } => {
            let (_, too_old) = recency(check, &filter(None)).unwrap_or_default();
            Aggregate::one_if(&too_old)
        }
        OwnCheck::ReconcilesWith { .. } if condition.is_some() => return Err(WhyAlone::MeasureOfAPart),
        OwnCheck::ReconcilesWith { measure, other, other_measure, other_where, tolerance, .. } => {
            let only = other_where.as_ref().map(|it| format!(" where {it}")).unwrap_or_default();
            let theirs = format!("(select {other_measure} from {other}{only})");
            Aggregate::one_if(&disagreement(&format!("({measure})"), &theirs, *tolerance))
        }
        OwnCheck::SequentialValues { .. } | OwnCheck::MutuallyExclusiveRanges { .. } => {
            return Err(WhyAlone::Neighbours);
        }
        OwnCheck::ColumnTypes { .. } => return Err(WhyAlone::Columns),
        // These are about single rows; without a column their own query says what is wrong.
        OwnCheck::AcceptedRange { .. }
        | OwnCheck::NotEmptyString { .. }
        | OwnCheck::ExpressionIsTrue { .. }
        | OwnCheck::MatchesRegex { .. } => return Err(WhyAlone::Broken),
    })
}
