//! `warn_if` and `error_if`: comparisons with a number of failures, or with their share of the rows tested.

use std::fmt;

/// A comparison such as `> 10`, `between 1 and 5` or `> 0.5%`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    comparison: Comparison,
    /// Whether it compares per cent of the rows tested.
    is_percent: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Comparison {
    Less(f64),
    LessOrEqual(f64),
    Greater(f64),
    GreaterOrEqual(f64),
    Equal(f64),
    NotEqual(f64),
    Between(f64, f64),
}

impl Default for Threshold {
    /// `!= 0`, dbt's default for both.
    fn default() -> Self {
        Self { comparison: Comparison::NotEqual(0.0), is_percent: false }
    }
}

impl Threshold {
    /// Reads a comparison; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        type Make = fn(f64) -> Comparison;
        const OPERATORS: [(&str, Make); 8] = [
            (">=", Comparison::GreaterOrEqual),
            ("<=", Comparison::LessOrEqual),
            ("!=", Comparison::NotEqual),
            ("<>", Comparison::NotEqual),
            ("==", Comparison::Equal),
            ("=", Comparison::Equal),
            (">", Comparison::Greater),
            ("<", Comparison::Less),
        ];
        let text = text.trim();
        for (operator, make) in OPERATORS {
            if let Some(rest) = text.strip_prefix(operator) {
                let (number, is_percent) = number(rest)?;
                return Some(Self { comparison: make(number), is_percent });
            }
        }
        let lower = text.to_lowercase();
        let (low, high) = lower.strip_prefix("between ")?.split_once(" and ")?;
        let ((low, low_percent), (high, is_percent)) = (number(low)?, number(high)?);
        // `between 1 and 5%` can only mean one thing.
        let is_one_unit = is_percent || !low_percent;
        is_one_unit.then_some(Self { comparison: Comparison::Between(low, high), is_percent })
    }

    /// Whether it compares a share of the rows tested, which then have to be counted.
    pub fn is_percent(self) -> bool {
        self.is_percent
    }

    /// Whether so many failures meet it, of so many rows.
    #[expect(clippy::cast_precision_loss, reason = "counts of failures are far below 2^52")]
    #[expect(clippy::float_cmp, reason = "both sides are whole numbers unless the user wrote a fraction")]
    pub fn holds(self, failures: u64, rows: Option<u64>) -> bool {
        let failures = if self.is_percent { percent(failures, rows.unwrap_or(0)) } else { failures as f64 };
        match self.comparison {
            Comparison::Less(it) => failures < it,
            Comparison::LessOrEqual(it) => failures <= it,
            Comparison::Greater(it) => failures > it,
            Comparison::GreaterOrEqual(it) => failures >= it,
            Comparison::Equal(it) => failures == it,
            Comparison::NotEqual(it) => failures != it,
            Comparison::Between(low, high) => (low..=high).contains(&failures),
        }
    }
}

/// A number, and whether it is one of per cent.
fn number(text: &str) -> Option<(f64, bool)> {
    let text = text.trim();
    let (digits, is_percent) = text.strip_suffix('%').map_or((text, false), |it| (it, true));
    Some((digits.trim().parse().ok()?, is_percent))
}

/// The share of rows that fail. Where no row was tested, a failure is all there is.
#[expect(clippy::cast_precision_loss, reason = "row counts are far below 2^52")]
pub fn percent(failures: u64, rows: u64) -> f64 {
    match (failures, rows) {
        (0, _) => 0.0,
        (_, 0) => 100.0,
        _ => failures as f64 * 100.0 / rows as f64,
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = if self.is_percent { "%" } else { "" };
        match self.comparison {
            Comparison::Less(it) => write!(f, "< {it}{unit}"),
            Comparison::LessOrEqual(it) => write!(f, "<= {it}{unit}"),
            Comparison::Greater(it) => write!(f, "> {it}{unit}"),
            Comparison::GreaterOrEqual(it) => write!(f, ">= {it}{unit}"),
            Comparison::Equal(it) => write!(f, "= {it}{unit}"),
            Comparison::NotEqual(it) => write!(f, "!= {it}{unit}"),
            Comparison::Between(low, high) => write!(f, "between {low}{unit} and {high}{unit}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_are_read_and_hold() {
        for (text, holding, not_holding) in [
            ("> 10", 11, 10),
            (">=10", 10, 9),
            ("!= 0", 1, 0),
            ("<>0", 1, 0),
            ("==3", 3, 4),
            ("between 1 and 5", 5, 6),
            ("> 1%", 3, 2),
            (">= 0.5 %", 1, 0),
            ("between 1% and 5%", 2, 11),
            ("between 1 and 5%", 10, 1),
        ] {
            let threshold = Threshold::parse(text).unwrap();
            assert!(threshold.holds(holding, Some(200)), "{text}");
            assert!(!threshold.holds(not_holding, Some(200)), "{text}");
        }
    }

    #[test]
    fn of_no_rows_a_failure_is_all() {
        assert!(Threshold::parse("> 50%").unwrap().holds(1, Some(0)));
        assert!(!Threshold::parse("> 50%").unwrap().holds(0, Some(0)));
    }

    #[test]
    fn what_is_no_comparison_is_refused() {
        for text in ["", "10", "> ten", "> %", "between 1", "between 1% and 5", "failures > 3"] {
            assert_eq!(Threshold::parse(text), None, "{text}");
        }
    }
}
