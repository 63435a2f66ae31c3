//! Reading the arguments of the tests whose queries Tidemill writes.

use super::arguments::Arguments;
use super::drift::Limit;
use super::own::{Gaps, OwnCheck};

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

    #[expect(clippy::option_option, reason = "a wrong word and no word are different things")]
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
