//! Tests whose queries Tidemill writes. Names and arguments are those of dbt_utils where it has the test.

use super::arguments::Arguments;
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

const DATEPARTS: [&str; 9] =
    ["day", "hour", "week", "month", "minute", "second", "quarter", "year", "millisecond"];

/// The arguments of these tests; `None` for others.
pub(super) fn known_arguments(test: &str) -> Option<&'static [&'static str]> {
    Some(match test {
        "not_accepted_values" => &["values", "quote"],
        "accepted_range" => &["min_value", "max_value", "inclusive"],
        "not_empty_string" => &["trim_whitespace"],
        "expression_is_true" => &["expression"],
        "unique_combination_of_columns" => &["combination_of_columns", "quote_columns"],
        "equal_rowcount" | "fewer_rows_than" => &["compare_model", "group_by_columns"],
        "at_least_one" | "not_constant" => &["group_by_columns"],
        "sequential_values" => &["interval", "datepart", "group_by_columns"],
        "mutually_exclusive_ranges" => {
            &["lower_bound_column", "upper_bound_column", "partition_by", "gaps", "zero_length_range_allowed"]
        }
        "recency" => &["field", "datepart", "interval", "ignore_time_component", "group_by_columns"],
        "matches_regex" => &["regex", "flags", "full"],
        "column_types" => &["columns", "type", "exhaustive"],
        "reconciles_with" => {
            &["to", "measure", "to_measure", "to_where", "tolerance", "group_by", "to_group_by"]
        }
        _ => return None,
    })
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

impl Arguments<'_> {
    /// Reads one of the tests of [`known_arguments`].
    pub(super) fn own(&mut self) -> Option<OwnCheck> {
        match self.name {
            "not_accepted_values" => self.not_accepted_values(),
            "accepted_range" => self.accepted_range(),
            "not_empty_string" => {
                let trims = self.bool("trim_whitespace", true);
                self.has_column().then_some(OwnCheck::NotEmptyString { trims: trims? })
            }
            "expression_is_true" => {
                let expression = self.needed("expression", "expression: amount > 0")?;
                Some(OwnCheck::ExpressionIsTrue { expression })
            }
            "unique_combination_of_columns" => self.unique_combination(),
            "equal_rowcount" => {
                let (other, group_by) = self.compared()?;
                Some(OwnCheck::EqualRowcount { other, group_by })
            }
            "fewer_rows_than" => {
                let (other, group_by) = self.compared()?;
                Some(OwnCheck::FewerRowsThan { other, group_by })
            }
            "at_least_one" => {
                let group_by = self.texts("group_by_columns");
                self.has_column().then_some(OwnCheck::AtLeastOne { group_by: group_by? })
            }
            "not_constant" => {
                let group_by = self.texts("group_by_columns");
                self.has_column().then_some(OwnCheck::NotConstant { group_by: group_by? })
            }
            "sequential_values" => self.sequential_values(),
            "mutually_exclusive_ranges" => self.ranges(),
            "recency" => self.recency(),
            "matches_regex" => {
                let regex = self.needed("regex", "regex: '^[A-Z]{2}[0-9]+$'");
                let (flags, is_full) = (self.text("flags"), self.bool("full", false)?);
                self.has_column().then_some(OwnCheck::MatchesRegex { regex: regex?, flags, is_full })
            }
            "column_types" => self.column_types(),
            _ => self.reconciles_with(),
        }
    }

    fn not_accepted_values(&mut self) -> Option<OwnCheck> {
        let values = self.values().ok()?;
        if values.is_none() {
            self.wrong("values", "a list of values", "values: [a, b]");
        }
        let quote = self.quote();
        self.has_column().then_some(OwnCheck::NotAcceptedValues { values: values?, quote })
    }

    fn accepted_range(&mut self) -> Option<OwnCheck> {
        let is_inclusive = self.bool("inclusive", true);
        let (min, max) = (self.bound("min_value"), self.bound("max_value"));
        if min.is_none() && max.is_none() {
            self.missing("min_value", "min_value: 0");
            return None;
        }
        self.has_column().then_some(OwnCheck::AcceptedRange { min, max, is_inclusive: is_inclusive? })
    }

    /// A bound as SQL. What YAML shows as a date is meant as one: pasted as it is, it would be a difference.
    fn bound(&mut self, key: &str) -> Option<String> {
        let text = self.text(key)?;
        let digits = |it: &str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit());
        let parts: Vec<&str> = text.split('-').collect();
        let is_date = matches!(parts[..], [year, month, day]
            if year.len() == 4 && digits(year) && month.len() == 2 && digits(month) && day.len() == 2 && digits(day));
        Some(if is_date { format!("date '{text}'") } else { text })
    }

    fn unique_combination(&mut self) -> Option<OwnCheck> {
        let columns = self.texts("combination_of_columns")?;
        if columns.is_empty() {
            self.missing("combination_of_columns", "combination_of_columns: [order_id, line_no]");
            return None;
        }
        let quotes = self.bool("quote_columns", false)?;
        let quoted = |it: String| if quotes { crate::node::quote_identifier(&it) } else { it };
        Some(OwnCheck::UniqueCombination { columns: columns.into_iter().map(quoted).collect() })
    }

    fn compared(&mut self) -> Option<(String, Vec<String>)> {
        let other = self.needed("compare_model", "compare_model: ref('orders')");
        let group_by = self.texts("group_by_columns")?;
        Some((other?, group_by))
    }

    fn datepart(&mut self) -> Option<Option<&'static str>> {
        match self.get("datepart") {
            None => Some(None),
            Some(_) => self.word("datepart", &DATEPARTS).map(Some),
        }
    }

    fn sequential_values(&mut self) -> Option<OwnCheck> {
        let interval = self.text("interval").unwrap_or_else(|| "1".to_owned());
        let (datepart, group_by) = (self.datepart()?, self.texts("group_by_columns")?);
        self.has_column().then_some(OwnCheck::SequentialValues { interval, datepart, group_by })
    }

    fn ranges(&mut self) -> Option<OwnCheck> {
        let lower = self.needed("lower_bound_column", "lower_bound_column: valid_from");
        let upper = self.needed("upper_bound_column", "upper_bound_column: valid_to");
        let gaps = match self.get("gaps") {
            None => Gaps::Allowed,
            Some(_) => match self.word("gaps", &["allowed", "not_allowed", "required"])? {
                "not_allowed" => Gaps::NotAllowed,
                "required" => Gaps::Required,
                _ => Gaps::Allowed,
            },
        };
        Some(OwnCheck::MutuallyExclusiveRanges {
            lower: lower?,
            upper: upper?,
            partition_by: self.text("partition_by"),
            gaps,
            allows_empty: self.bool("zero_length_range_allowed", false)?,
        })
    }

    fn recency(&mut self) -> Option<OwnCheck> {
        let Some(field) = self.text("field").or_else(|| self.column()) else {
            self.missing("field", "field: loaded_at");
            return None;
        };
        if self.get("datepart").is_none() {
            self.missing("datepart", "datepart: day");
            return None;
        }
        let interval = self.needed("interval", "interval: 1");
        let datepart = self.datepart()??;
        let by_date = self.bool("ignore_time_component", false)?;
        let group_by = self.texts("group_by_columns")?;
        Some(OwnCheck::Recency { field, datepart, interval: interval?, by_date, group_by })
    }

    fn column_types(&mut self) -> Option<OwnCheck> {
        let is_exhaustive = self.bool("exhaustive", false)?;
        if let (Some(column), Some(data_type)) = (self.column(), self.text("type")) {
            return Some(OwnCheck::ColumnTypes { columns: vec![(column, data_type)], is_exhaustive });
        }
        let Some(yaml) = self.get("columns") else {
            let is_on_column = self.column().is_some();
            let (key, example) =
                if is_on_column { ("type", "type: bigint") } else { ("columns", "columns: {id: bigint}") };
            self.missing(key, example);
            return None;
        };
        let entries = yaml.as_map().map(|entries| {
            let text = |it| crate::yaml::fields::scalar_text(it);
            entries.iter().map(|(key, it)| Some((key.value.clone(), text(it)?))).collect::<Option<Vec<_>>>()
        });
        let Some(Some(columns)) = entries.filter(|it| it.as_ref().is_none_or(|it| !it.is_empty())) else {
            self.wrong("columns", "a mapping of columns to types", "columns: {id: bigint}");
            return None;
        };
        Some(OwnCheck::ColumnTypes { columns, is_exhaustive })
    }

    fn reconciles_with(&mut self) -> Option<OwnCheck> {
        let other = self.needed("to", "to: ref('orders')")?;
        let of_column = self.column().map(|it| format!("sum({it})"));
        let measure = self.text("measure").or(of_column).unwrap_or_else(|| "count(*)".to_owned());
        let other_measure = self.text("to_measure").unwrap_or_else(|| measure.clone());
        let tolerance = match self.get("tolerance") {
            None => Limit::Amount(0.0),
            Some(_) => self.limit("tolerance")?,
        };
        let group_by = self.texts("group_by")?;
        let mut other_group_by = self.texts("to_group_by")?;
        if other_group_by.is_empty() {
            other_group_by.clone_from(&group_by);
        }
        if group_by.len() != other_group_by.len() {
            self.wrong("to_group_by", "as long as `group_by`", "to_group_by: [region]");
            return None;
        }
        let other_where = self.text("to_where");
        Some(OwnCheck::ReconcilesWith {
            measure,
            other,
            other_measure,
            other_where,
            tolerance,
            group_by,
            other_group_by,
        })
    }
}
