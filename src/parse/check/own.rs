//! Tests whose queries Tidemill writes. Names and arguments are those of `dbt_utils` where it has the test.

use super::drift::Limit;

/// A test whose query Tidemill writes. Texts are SQL.
#[derive(Clone, Debug, PartialEq)]
pub enum OwnCheck {
    /// None of these values.
    NotAcceptedValues {
        /// The values.
        values: Vec<String>,
        /// Whether they are written as texts.
        quote: bool,
    },
    /// Values between two bounds.
    AcceptedRange {
        /// The lower bound.
        min: Option<String>,
        /// The upper bound.
        max: Option<String>,
        /// Whether the bounds themselves are allowed.
        is_inclusive: bool,
    },
    /// No empty texts.
    NotEmptyString {
        /// Whether white space counts as nothing.
        trims: bool,
    },
    /// A condition on every row.
    ExpressionIsTrue {
        /// The condition; the column stands before it if there is one.
        expression: String,
    },
    /// No combination of values twice; nulls are equal.
    UniqueCombination {
        /// The columns.
        columns: Vec<String>,
    },
    /// As many rows as another relation, in each group.
    EqualRowcount {
        /// The other relation.
        other: String,
        /// Columns that both have.
        group_by: Vec<String>,
    },
    /// Fewer rows than another relation, in each group.
    FewerRowsThan {
        /// The other relation.
        other: String,
        /// Columns that both have.
        group_by: Vec<String>,
    },
    /// At least one value that is not null, in each group.
    AtLeastOne {
        /// Columns.
        group_by: Vec<String>,
    },
    /// More than one value, in each group.
    NotConstant {
        /// Columns.
        group_by: Vec<String>,
    },
    /// Every value follows the one before by the same step.
    SequentialValues {
        /// The step.
        interval: String,
        /// Its unit, for times.
        datepart: Option<&'static str>,
        /// Columns.
        group_by: Vec<String>,
    },
    /// Ranges that do not overlap.
    MutuallyExclusiveRanges {
        /// Where a range begins.
        lower: String,
        /// Where it ends.
        upper: String,
        /// What the ranges belong to.
        partition_by: Option<String>,
        /// What is between two of them.
        gaps: Gaps,
        /// Whether a range may be empty.
        allows_empty: bool,
    },
    /// The newest value is young enough, in each group.
    Recency {
        /// The column with the time.
        field: String,
        /// Unit of the interval.
        datepart: &'static str,
        /// How old it may be.
        interval: String,
        /// Whether only dates are compared.
        by_date: bool,
        /// Columns.
        group_by: Vec<String>,
    },
    /// Values match a pattern, nulls aside.
    MatchesRegex {
        /// The pattern.
        regex: String,
        /// The engine's flags.
        flags: Option<String>,
        /// Whether the whole value has to match.
        is_full: bool,
    },
    /// Columns have these types.
    ColumnTypes {
        /// Columns and types.
        columns: Vec<(String, String)>,
        /// Whether there may be no others.
        is_exhaustive: bool,
    },
    /// A measure equals that of another relation, in each group.
    ReconcilesWith {
        /// An aggregate of this relation.
        measure: String,
        /// The other relation.
        other: String,
        /// An aggregate of the other relation.
        other_measure: String,
        /// Which rows of the other relation count.
        other_where: Option<String>,
        /// How far the two may differ.
        tolerance: Limit,
        /// Columns.
        group_by: Vec<String>,
        /// The same of the other relation.
        other_group_by: Vec<String>,
    },
}

/// What is between one range and the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gaps {
    /// Something or nothing.
    Allowed,
    /// Nothing.
    NotAllowed,
    /// Something.
    Required,
}

impl OwnCheck {
    /// What counts as failures of its query's rows, if it is not their number.
    pub fn fail_calc(&self) -> Option<&'static str> {
        match self {
            OwnCheck::EqualRowcount { .. } | OwnCheck::FewerRowsThan { .. } => Some("sum(row_difference)"),
            _ => None,
        }
    }

    /// The texts that are SQL.
    pub(super) fn map_sql<E>(&mut self, map: &mut dyn FnMut(&str) -> Result<String, E>) -> Result<(), E> {
        for text in self.sql_mut() {
            *text = map(text)?;
        }
        Ok(())
    }

    fn sql_mut(&mut self) -> Vec<&mut String> {
        match self {
            OwnCheck::NotAcceptedValues { values, .. } => values.iter_mut().collect(),
            OwnCheck::AcceptedRange { min, max, .. } => min.iter_mut().chain(max).collect(),
            OwnCheck::NotEmptyString { .. } | OwnCheck::ColumnTypes { .. } => Vec::new(),
            OwnCheck::ExpressionIsTrue { expression } => vec![expression],
            OwnCheck::UniqueCombination { columns } => columns.iter_mut().collect(),
            OwnCheck::EqualRowcount { other, group_by } | OwnCheck::FewerRowsThan { other, group_by } => {
                std::iter::once(other).chain(group_by).collect()
            }
            OwnCheck::AtLeastOne { group_by } | OwnCheck::NotConstant { group_by } => {
                group_by.iter_mut().collect()
            }
            OwnCheck::SequentialValues { interval, group_by, .. } => {
                std::iter::once(interval).chain(group_by).collect()
            }
            OwnCheck::MutuallyExclusiveRanges { lower, upper, partition_by, .. } => {
                [lower, upper].into_iter().chain(partition_by).collect()
            }
            OwnCheck::Recency { field, interval, group_by, .. } => {
                [field, interval].into_iter().chain(group_by).collect()
            }
            OwnCheck::MatchesRegex { regex, flags, .. } => std::iter::once(regex).chain(flags).collect(),
            OwnCheck::ReconcilesWith {
                measure,
                other,
                other_measure,
                other_where,
                group_by,
                other_group_by,
                ..
            } => [measure, other, other_measure]
                .into_iter()
                .chain(other_where)
                .chain(group_by)
                .chain(other_group_by)
                .collect(),
        }
    }
}
