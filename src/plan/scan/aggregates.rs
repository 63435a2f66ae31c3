//! Each test as aggregates over its relation, where it is one.

use super::{FusedValue, WhyAlone, newest_and_age};
use crate::compile::own_tests::{disagreement, failing_row, recency, value_list};
use crate::parse::check::{Check, Measure, OwnCheck};
use crate::plan::{PlannedTest, TestText};

/// A test as a part of a larger query.
pub(super) struct Aggregate {
    pub(super) expressions: Vec<String>,
    pub(super) value: FusedValue,
    /// Whether it remembers the values it has seen, which takes memory.
    pub(super) keeps_values: bool,
}

impl Aggregate {
    fn of(expression: String, value: FusedValue) -> Self {
        Self { expressions: vec![expression], value, keeps_values: false }
    }

    fn failures(expression: String) -> Self {
        Self::of(expression, FusedValue::Failures)
    }

    /// One failure if a condition holds.
    fn one_if(condition: &str) -> Self {
        Self::failures(format!("case when {condition} then 1 else 0 end"))
    }

    /// All values but the distinct ones.
    fn repeated(expression: String) -> Self {
        Self { expressions: vec![expression], value: FusedValue::ZeroIfNone, keeps_values: true }
    }
}

/// `filter (...)` for the rows that a test is about.
pub(super) fn filter(condition: Option<&str>, more: Option<String>) -> String {
    let parts: Vec<String> = condition.map(|it| format!("({it})")).into_iter().chain(more).collect();
    if parts.is_empty() { String::new() } else { format!(" filter (where {})", parts.join(" and ")) }
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
            Aggregate::failures(format!("count(*){}", filter(Some(format!("{} is null", column()?)))))
        }
        Check::Unique => {
            let (column, filter) = (column()?, filter(None));
            Aggregate::repeated(format!("count({column}){filter} - count(distinct {column}){filter}"))
        }
        Check::AcceptedValues { values, quote } => {
            let (column, list) = (column()?, value_list(values, *quote));
            let wrong = filter(Some(format!("{column} not in ({list})")));
            Aggregate::failures(format!("count(distinct {column}){wrong}"))
        }
        Check::Relationships { to, field } => {
            let column = column()?;
            let is_name = |it: &str| it.chars().all(|it| it.is_alphanumeric() || it == '_');
            // A bare name that the other relation lacks would mean the tested relation's column.
            if !is_name(field.trim_matches('"')) {
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
            Aggregate { expressions, value: FusedValue::NewestAndAge, keeps_values: false }
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
            Aggregate::failures(format!("count(distinct {column}){wrong}"))
        }
        OwnCheck::UniqueCombination { columns } => {
            let (columns, filter) = (columns.join(", "), filter(None));
            Aggregate::repeated(format!("{count} - count(distinct row({columns})){filter}"))
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
