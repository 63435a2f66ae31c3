//! The queries of the tests that Tidemill writes itself: each gives the rows, groups or values that fail.

use std::fmt::Write as _;

use super::column_sql;
use crate::node::{quote_identifier, quote_literal};
use crate::parse::check::{Check, Drift, Gaps, Limit, OwnCheck};

/// The query of a test of Tidemill's own; `relation` is what it reads, `where` included.
pub(super) fn query(check: &OwnCheck, relation: &str, column: Option<&str>) -> String {
    let column = column.unwrap_or("null");
    match check {
        OwnCheck::NotAcceptedValues { values, quote } => {
            let list = value_list(values, *quote);
            format!("select distinct {column} as value_field\nfrom {relation}\nwhere {column} in ({list})")
        }
        OwnCheck::AcceptedRange { .. }
        | OwnCheck::NotEmptyString { .. }
        | OwnCheck::ExpressionIsTrue { .. }
        | OwnCheck::MatchesRegex { .. } => {
            let condition = failing_row(check, Some(column)).unwrap_or_default();
            format!("select *\nfrom {relation}\nwhere {condition}")
        }
        OwnCheck::UniqueCombination { columns } => {
            let columns = columns.join(", ");
            format!(
                "select {columns}, count(*) as n_records\nfrom {relation}\ngroup by {columns}\nhaving count(*) > 1"
            )
        }
        OwnCheck::EqualRowcount { other, group_by } => {
            row_counts(relation, other, group_by, "abs(row_count - compared_row_count)")
        }
        OwnCheck::FewerRowsThan { other, group_by } => row_counts(
            relation,
            other,
            group_by,
            "case when row_count >= compared_row_count \
             then greatest(row_count - compared_row_count, 1) else 0 end",
        ),
        OwnCheck::AtLeastOne { group_by } => {
            grouped(relation, group_by, "count(*) as n_records", &format!("count({column}) = 0"))
        }
        OwnCheck::NotConstant { group_by } => grouped(
            relation,
            group_by,
            &format!("min({column}) as only_value, count(*) as n_records"),
            &format!("count(distinct {column}) = 1"),
        ),
        OwnCheck::SequentialValues { .. } => sequential_values(check, relation, column),
        OwnCheck::MutuallyExclusiveRanges { .. } => ranges(check, relation),
        OwnCheck::Recency { group_by, .. } => {
            let (newest, condition) = recency(check, "").unwrap_or_default();
            grouped(relation, group_by, &format!("{newest} as most_recent"), &condition)
        }
        OwnCheck::ColumnTypes { columns, is_exhaustive } => column_types(relation, columns, *is_exhaustive),
        OwnCheck::ReconcilesWith { .. } => reconciliation(check, relation),
    }
}

/// The query that measures what a drift test compares.
pub(super) fn measure(drift: &Drift, relation: &str) -> String {
    let name = if drift.is_rows() { "row_count" } else { "measure" };
    let measure = drift.measure.sql();
    if drift.group_by.is_empty() {
        return format!("select {measure} as {name} from {relation}");
    }
    let groups: Vec<String> = drift.group_by.iter().map(|it| format!("cast({it} as varchar)")).collect();
    format!(
        "select {}, cast({measure} as double) as {name}\nfrom {relation}\ngroup by all",
        groups.join(", ")
    )
}

/// The condition under which one row by itself fails; `None` if the test is not about single rows.
pub fn failing_row(check: &OwnCheck, column: Option<&str>) -> Option<String> {
    match check {
        OwnCheck::AcceptedRange { min, max, is_inclusive } => {
            let (column, or_equal) = (column?, if *is_inclusive { "=" } else { "" });
            let lower = min.iter().map(|it| format!("not {column} >{or_equal} {it}"));
            let upper = max.iter().map(|it| format!("not {column} <{or_equal} {it}"));
            let parts: Vec<String> = lower.chain(upper).collect();
            Some(parts.join(" or "))
        }
        OwnCheck::NotEmptyString { trims: true } => Some(format!("trim({}) = ''", column?)),
        OwnCheck::NotEmptyString { trims: false } => Some(format!("{} = ''", column?)),
        OwnCheck::ExpressionIsTrue { expression } => {
            let column = column.filter(|it| *it != "null").map(|it| format!("{it} ")).unwrap_or_default();
            Some(format!("not({column}{expression})"))
        }
        OwnCheck::MatchesRegex { regex, flags, is_full } => {
            let function = if *is_full { "regexp_full_match" } else { "regexp_matches" };
            let flags = flags.as_ref().map(|it| format!(", {}", quote_literal(it))).unwrap_or_default();
            Some(format!("not {function}(cast({} as varchar), {}{flags})", column?, quote_literal(regex)))
        }
        _ => None,
    }
}

/// The newest value, and the condition under which it is too old; only for `recency`. `filter` stands behind
/// the aggregate.
pub fn recency(check: &OwnCheck, filter: &str) -> Option<(String, String)> {
    let OwnCheck::Recency { field, datepart, interval, by_date, .. } = check else { return None };
    let field = column_sql(field);
    let (newest, kind) = if *by_date {
        (format!("cast(max({field}){filter} as date)"), "date")
    } else {
        (format!("max({field}){filter}"), "timestamp")
    };
    let threshold = format!("cast(now() - to_{datepart}s({interval}) as {kind})");
    let condition = format!("{newest} < {threshold} or {newest} is null");
    Some((newest, condition))
}

/// The condition under which two measures disagree.
pub fn disagreement(ours: &str, theirs: &str, tolerance: Limit) -> String {
    let allowed = match tolerance {
        Limit::Amount(amount) => format!("{amount}"),
        Limit::Percent(percent) => format!("abs(cast({theirs} as double)) * {percent} / 100"),
    };
    if tolerance == Limit::Amount(0.0) {
        return format!("{ours} is distinct from {theirs}");
    }
    format!("coalesce(abs({ours} - {theirs}) > {allowed}, {ours} is distinct from {theirs})")
}

/// The values as `accepted_values` writes them.
pub fn value_list(values: &[String], quote: bool) -> String {
    let written: Vec<String> =
        values.iter().map(|it| if quote { format!("'{it}'") } else { it.clone() }).collect();
    written.join(", ")
}

/// Groups that fail, or one row for the whole.
fn grouped(relation: &str, group_by: &[String], selected: &str, failing: &str) -> String {
    let groups: String = group_by.iter().fold(String::new(), |mut text, it| {
        let _ = write!(text, "{it}, ");
        text
    });
    let by = if group_by.is_empty() { String::new() } else { format!("\ngroup by {}", group_by.join(", ")) };
    format!("select {groups}{selected}\nfrom {relation}{by}\nhaving {failing}")
}

/// Row counts of two relations side by side; a group that one of them lacks has none there.
fn row_counts(relation: &str, other: &str, group_by: &[String], difference: &str) -> String {
    let names = group_names(group_by);
    format!(
        "select *, {difference} as row_difference\nfrom (\n    \
         select {}coalesce(ours.row_count, 0) as row_count, \
         coalesce(theirs.compared_row_count, 0) as compared_row_count\n    \
         from ({}) as ours\n    full join ({}) as theirs on {}\n) as counts\nwhere {difference} <> 0",
        keys(&names),
        side(relation, group_by, &names, "count(*) as row_count"),
        side(other, group_by, &names, "count(*) as compared_row_count"),
        join_condition(&names),
    )
}

/// What groups are called in results: a column by its name, an expression by its number.
fn group_names(group_by: &[String]) -> Vec<String> {
    let is_name = |it: &str| !it.is_empty() && it.chars().all(|it| it.is_alphanumeric() || it == '_');
    let name = |(index, it): (usize, &String)| {
        if is_name(it) { quote_identifier(it) } else { format!("group_{}", index + 1) }
    };
    group_by.iter().enumerate().map(name).collect()
}

fn side(relation: &str, group_by: &[String], names: &[String], measure: &str) -> String {
    let columns = group_by.iter().zip(names).fold(String::new(), |mut text, (it, name)| {
        let _ = write!(text, "{it} as {name}, ");
        text
    });
    let by = if group_by.is_empty() { String::new() } else { format!(" group by {}", group_by.join(", ")) };
    format!("select {columns}{measure} from {relation}{by}")
}

fn keys(names: &[String]) -> String {
    names.iter().fold(String::new(), |mut text, it| {
        let _ = write!(text, "coalesce(ours.{it}, theirs.{it}) as {it}, ");
        text
    })
}

fn join_condition(names: &[String]) -> String {
    let equal = |it: &String| format!("ours.{it} is not distinct from theirs.{it}");
    let parts: Vec<String> = names.iter().map(equal).collect();
    if parts.is_empty() { "true".to_owned() } else { parts.join(" and ") }
}

fn reconciliation(check: &OwnCheck, relation: &str) -> String {
    let OwnCheck::ReconcilesWith {
        measure,
        other,
        other_measure,
        other_where,
        tolerance,
        group_by,
        other_group_by,
    } = check
    else {
        return String::new();
    };
    let other = match other_where {
        Some(condition) => format!("(select * from {other} where {condition}) as compared"),
        None => other.clone(),
    };
    let names = group_names(group_by);
    format!(
        "select *\nfrom (\n    select {}ours.measure as measure, theirs.compared_measure as compared_measure\n    \
         from ({}) as ours\n    full join ({}) as theirs on {}\n) as measures\nwhere {}",
        keys(&names),
        side(relation, group_by, &names, &format!("{measure} as measure")),
        side(&other, other_group_by, &names, &format!("{other_measure} as compared_measure")),
        join_condition(&names),
        disagreement("measure", "compared_measure", *tolerance),
    )
}

fn sequential_values(check: &OwnCheck, relation: &str, column: &str) -> String {
    let OwnCheck::SequentialValues { interval, datepart, group_by } = check else { return String::new() };
    let groups: String = group_by.iter().fold(String::new(), |mut text, it| {
        let _ = write!(text, "{it}, ");
        text
    });
    let partition =
        if group_by.is_empty() { String::new() } else { format!("partition by {} ", group_by.join(", ")) };
    let expected = match datepart {
        Some(part) => {
            format!("cast(value as timestamp) = cast(previous_value + to_{part}s({interval}) as timestamp)")
        }
        None => format!("value = previous_value + {interval}"),
    };
    format!(
        "select *\nfrom (\n    select {groups}{column} as value, \
         lag({column}) over ({partition}order by {column}) as previous_value\n    from {relation}\n) as steps\n\
         where not({expected})"
    )
}

fn ranges(check: &OwnCheck, relation: &str) -> String {
    let OwnCheck::MutuallyExclusiveRanges { lower, upper, partition_by, gaps, allows_empty } = check else {
        return String::new();
    };
    let before_next = match gaps {
        Gaps::Allowed => "<=",
        Gaps::NotAllowed => "=",
        Gaps::Required => "<",
    };
    let before_end = if *allows_empty { "<=" } else { "<" };
    let (key, partition) = match partition_by {
        Some(partition) => {
            (format!("{partition} as partition_by_col, "), format!("partition by {partition} "))
        }
        None => (String::new(), String::new()),
    };
    format!(
        "select *\nfrom (\n    select {key}{lower} as lower_bound, {upper} as upper_bound,\n        \
         lead({lower}) over ({partition}order by {lower}, {upper}) as next_lower_bound,\n        \
         row_number() over ({partition}order by {lower} desc, {upper} desc) = 1 as is_last_record\n    \
         from {relation}\n) as ranges\n\
         where not(\n    coalesce(lower_bound {before_end} upper_bound, false)\n    \
         and coalesce(upper_bound {before_next} next_lower_bound, is_last_record, false)\n)"
    )
}

fn column_types(relation: &str, columns: &[(String, String)], is_exhaustive: bool) -> String {
    let expected: Vec<String> = columns
        .iter()
        .map(|(name, data_type)| {
            format!("({}, cast(typeof(cast(null as {data_type})) as varchar))", quote_literal(name))
        })
        .collect();
    let (join, also) =
        if is_exhaustive { ("full join", " or expected.name is null") } else { ("left join", "") };
    format!(
        "select coalesce(expected.name, found.column_name) as column_name, expected.type as expected_type, \
         found.column_type as found_type\n\
         from (values {}) as expected(name, type)\n\
         {join} (describe select * from {relation}) as found on lower(found.column_name) = lower(expected.name)\n\
         where found.column_type is distinct from expected.type{also}",
        expected.join(", ")
    )
}

/// The query of any test that Tidemill writes by itself, except for that of `freshness`.
pub(super) fn of_check(check: &Check, relation: &str, column: Option<&str>) -> Option<String> {
    match check {
        Check::Own(own) => Some(query(own, relation, column)),
        Check::Drift(drift) => Some(measure(drift, relation)),
        Check::SchemaDrift(_) => Some(format!("describe select * from {relation}")),
        Check::Query
        | Check::NotNull
        | Check::Unique
        | Check::AcceptedValues { .. }
        | Check::Relationships { .. }
        | Check::Freshness { .. } => None,
    }
}
