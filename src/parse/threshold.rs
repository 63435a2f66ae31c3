//! `warn_if` and `error_if`: comparisons with a number of failures.

use std::fmt;

/// A comparison such as `> 10`, or `between 1 and 5`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    comparison: Comparison,
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
        Self { comparison: Comparison::NotEqual(0.0) }
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
        let number = |it: &str| it.trim().parse::<f64>().ok();
        for (operator, make) in OPERATORS {
            if let Some(rest) = text.strip_prefix(operator) {
                return number(rest).map(|it| Self { comparison: make(it) });
            }
        }
        let lower = text.to_lowercase();
        let (low, high) = lower.strip_prefix("between ")?.split_once(" and ")?;
        Some(Self { comparison: Comparison::Between(number(low)?, number(high)?) })
    }

    /// Whether so many failures meet it.
    #[expect(clippy::cast_precision_loss, reason = "counts of failures are far below 2^52")]
    #[expect(clippy::float_cmp, reason = "both sides are whole numbers unless the user wrote a fraction")]
    pub fn holds(self, failures: u64) -> bool {
        let failures = failures as f64;
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

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.comparison {
            Comparison::Less(it) => write!(f, "< {it}"),
            Comparison::LessOrEqual(it) => write!(f, "<= {it}"),
            Comparison::Greater(it) => write!(f, "> {it}"),
            Comparison::GreaterOrEqual(it) => write!(f, ">= {it}"),
            Comparison::Equal(it) => write!(f, "= {it}"),
            Comparison::NotEqual(it) => write!(f, "!= {it}"),
            Comparison::Between(low, high) => write!(f, "between {low} and {high}"),
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
        ] {
            let threshold = Threshold::parse(text).unwrap();
            assert!(threshold.holds(holding), "{text}");
            assert!(!threshold.holds(not_holding), "{text}");
        }
    }

    #[test]
    fn what_is_no_comparison_is_refused() {
        for text in ["", "10", "> ten", "> 1%", "between 1", "failures > 3"] {
            assert_eq!(Threshold::parse(text), None, "{text}");
        }
    }
}
