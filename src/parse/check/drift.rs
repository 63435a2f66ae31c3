//! Tests that compare a version with those published before it.

use std::fmt;

use super::arguments::Arguments;
use crate::diagnostics::{Diagnostic, suggest};
use crate::yaml::fields::scalar_text;

/// How far a measure may move between published versions.
#[derive(Clone, Debug, PartialEq)]
pub struct Drift {
    /// What is measured.
    pub measure: Measure,
    /// How much may go.
    pub max_decrease: Option<Limit>,
    /// How much may come.
    pub max_increase: Option<Limit>,
    /// The least that must be there, whatever was before.
    pub least: Option<f64>,
    /// Which versions it is compared with.
    pub against: Against,
    /// With fewer versions than this, nothing is compared.
    pub min_history: usize,
    /// Columns or expressions that divide the rows into groups, each judged by itself.
    pub group_by: Vec<String>,
    /// A group that was there and is not.
    pub vanished_groups: Reaction,
    /// A group that was not there and is.
    pub new_groups: Reaction,
    /// Groups that were and are smaller than this are not judged.
    pub ignore_groups_below: Option<f64>,
}

/// What a drift test measures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Measure {
    /// The number of rows.
    Rows,
    /// An aggregate in SQL.
    Sql(String),
}

impl Measure {
    /// The aggregate in SQL.
    pub fn sql(&self) -> &str {
        match self {
            Measure::Rows => "count(*)",
            Measure::Sql(sql) => sql,
        }
    }
}

/// The version, or versions, that a measure is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Against {
    /// The last one.
    Previous,
    /// The median of the last so many.
    MedianOf(usize),
    /// The last one of the same day of the week, today's aside.
    SameWeekday,
}

/// A change, absolute or relative to what was before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// Per cent of what was before.
    Percent(f64),
    /// In the measure's own unit.
    Amount(f64),
}

/// What a test does about a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reaction {
    /// Nothing.
    Allow,
    /// Warns.
    Warn,
    /// Fails.
    Fail,
}

/// What a change of columns does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaDrift {
    /// A column is gone.
    pub removed: Reaction,
    /// A column has another type.
    pub retyped: Reaction,
    /// A column is new.
    pub added: Reaction,
    /// Columns stand in another order.
    pub reordered: Reaction,
}

impl Limit {
    /// The limit as an amount, for what was before.
    pub fn amount(self, before: f64) -> f64 {
        match self {
            Limit::Percent(percent) => before.abs() * percent / 100.0,
            Limit::Amount(amount) => amount,
        }
    }

    /// Reads `10%`, `500` or `500 rows`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let number = |it: &str| it.trim().replace('_', "").parse::<f64>().ok().filter(|it| *it >= 0.0);
        match text.strip_suffix('%') {
            Some(percent) => number(percent).map(Limit::Percent),
            None => number(text.trim_end_matches("rows")).map(Limit::Amount),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::Percent(percent) => write!(f, "{percent}%"),
            Limit::Amount(amount) => write!(f, "{amount}"),
        }
    }
}

impl fmt::Display for Against {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Against::Previous => f.write_str("before"),
            Against::MedianOf(n) => write!(f, "in the median of {n} versions"),
            Against::SameWeekday => f.write_str("on the same weekday"),
        }
    }
}

impl Drift {
    /// Whether it is about the number of rows.
    pub fn is_rows(&self) -> bool {
        self.measure == Measure::Rows
    }

    pub(super) fn map_sql<E>(&mut self, map: &mut dyn FnMut(&str) -> Result<String, E>) -> Result<(), E> {
        if let Measure::Sql(sql) = &mut self.measure {
            *sql = map(sql)?;
        }
        for column in &mut self.group_by {
            *column = map(column)?;
        }
        Ok(())
    }
}

impl Arguments<'_> {
    pub(super) fn row_count_drift(&mut self) -> Option<Drift> {
        self.drift(Measure::Rows, "min_rows")
    }

    pub(super) fn sum_drift(&mut self) -> Option<Drift> {
        let of_column = self.column().map(|it| format!("sum({it})"));
        let Some(measure) = self.text("measure").or(of_column) else {
            self.missing("measure", "measure: sum(amount)");
            return None;
        };
        self.drift(Measure::Sql(measure), "min_value")
    }

    fn drift(&mut self, measure: Measure, least_key: &'static str) -> Option<Drift> {
        let against = self.against()?;
        let max_decrease = self.limit("max_decrease");
        let max_increase = self.limit("max_increase");
        let least = match self.limit(least_key) {
            Some(Limit::Amount(amount)) => Some(amount),
            Some(Limit::Percent(_)) => {
                self.missing(least_key, &format!("{least_key}: 1"));
                return None;
            }
            None => None,
        };
        if max_decrease.is_none() && max_increase.is_none() && least.is_none() {
            self.missing("max_decrease", "max_decrease: 10%");
            return None;
        }
        let enough = match against {
            Against::Previous | Against::SameWeekday => 1,
            Against::MedianOf(n) => n.min(3),
        };
        let min_history = match self.amount("min_history")? {
            Some(n) => whole(n),
            None => enough,
        };
        Some(Drift {
            measure,
            max_decrease,
            max_increase,
            least,
            against,
            min_history,
            group_by: self.texts("group_by")?,
            vanished_groups: self.reaction("vanished_groups", Reaction::Fail)?,
            new_groups: self.reaction("new_groups", Reaction::Allow)?,
            ignore_groups_below: self.amount("ignore_groups_below")?,
        })
    }

    pub(super) fn schema_drift(&mut self) -> Option<SchemaDrift> {
        Some(SchemaDrift {
            removed: self.reaction("removed", Reaction::Fail)?,
            retyped: self.reaction("retyped", Reaction::Fail)?,
            added: self.reaction("added", Reaction::Allow)?,
            reordered: self.reaction("reordered", Reaction::Allow)?,
        })
    }

    fn reaction(&mut self, key: &'static str, default: Reaction) -> Option<Reaction> {
        if self.get(key).is_none() {
            return Some(default);
        }
        Some(match self.word(key, &["fail", "warn", "allow"])? {
            "fail" => Reaction::Fail,
            "warn" => Reaction::Warn,
            _ => Reaction::Allow,
        })
    }

    fn against(&mut self) -> Option<Against> {
        let Some(yaml) = self.get("against") else { return Some(Against::Previous) };
        let text = scalar_text(yaml).unwrap_or_default();
        let found = match text.as_str() {
            "previous" => Some(Against::Previous),
            "same_weekday" => Some(Against::SameWeekday),
            other => {
                let n = other.strip_prefix("median_of_").and_then(|it| it.parse().ok());
                n.filter(|n| (2..=1000).contains(n)).map(Against::MedianOf)
            }
        };
        if found.is_none() {
            let words = ["previous", "same_weekday", "median_of_7"];
            self.diags.push(
                Diagnostic::error("invalid-value", format!("`against` cannot be `{text}`"))
                    .at(yaml.span, "`previous`, `same_weekday` or `median_of_N`, N at least 2")
                    .help_opt(suggest::did_you_mean(&text, words)),
            );
        }
        found
    }

    /// A number that is not negative, where there is one.
    #[expect(clippy::option_option, reason = "a wrong number and no number are different things")]
    fn amount(&mut self, key: &'static str) -> Option<Option<f64>> {
        match self.limit(key) {
            Some(Limit::Amount(amount)) => Some(Some(amount)),
            Some(Limit::Percent(_)) => {
                self.wrong(key, "a number", &format!("{key}: 10"));
                None
            }
            None => Some(None),
        }
    }

    pub(super) fn limit(&mut self, key: &'static str) -> Option<Limit> {
        let yaml = self.get(key)?;
        let limit = Limit::parse(&scalar_text(yaml).unwrap_or_default());
        if limit.is_none() {
            let unit = if self.name == "row_count_drift" { "a number of rows" } else { "a number" };
            self.diags.push(
                Diagnostic::error("wrong-type", format!("`{key}` must be {unit} or a percentage"))
                    .at(yaml.span, "write `10%` or `500`, say"),
            );
        }
        limit
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number, not negative")]
fn whole(number: f64) -> usize {
    number as usize
}
