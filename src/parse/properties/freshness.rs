//! How old data may be.

use crate::diagnostics::{Diagnostic, Diagnostics, Severity};
use crate::yaml::Yaml;
use crate::yaml::fields::Fields;

/// How old data may be before it is reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreshnessRule {
    /// Older than this is a warning.
    pub warn_after: Option<Age>,
    /// Older than this is an error.
    pub error_after: Option<Age>,
    /// Which rows are looked at.
    pub filter: Option<String>,
}

/// A span of time in dbt's units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Age {
    /// How many.
    pub count: u32,
    /// Of which unit.
    pub period: Period,
}

/// A unit of [`Age`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// 60 seconds.
    Minute,
    /// 60 minutes.
    Hour,
    /// 24 hours.
    Day,
}

impl Age {
    /// The span in seconds.
    pub fn seconds(self) -> i64 {
        let unit = match self.period {
            Period::Minute => 60,
            Period::Hour => 3_600,
            Period::Day => 86_400,
        };
        i64::from(self.count) * unit
    }

    /// The unit's word in YAML and artifacts.
    pub fn unit(self) -> &'static str {
        match self.period {
            Period::Minute => "minute",
            Period::Hour => "hour",
            Period::Day => "day",
        }
    }
}

/// Reads `{warn_after: {count, period}, error_after: ..., filter: ...}`.
pub fn freshness(diags: &mut Diagnostics, yaml: &Yaml, unknown: Severity) -> Option<FreshnessRule> {
    let mut fields = Fields::new(diags, yaml, "freshness")?;
    let warn_after = fields.get("warn_after").and_then(|it| age(diags, it, unknown));
    let error_after = fields.get("error_after").and_then(|it| age(diags, it, unknown));
    let filter = fields.string(diags, "filter").map(|it| it.value);
    fields.accept(&["build_after"]);
    fields.finish(diags, unknown);
    Some(FreshnessRule { warn_after, error_after, filter })
}

/// Reads `{count: 12, period: hour}`.
pub fn age(diags: &mut Diagnostics, yaml: &Yaml, unknown: Severity) -> Option<Age> {
    let mut fields = Fields::new(diags, yaml, "an age")?;
    let count = fields.string(diags, "count");
    let period = fields.string(diags, "period");
    fields.finish(diags, unknown);
    let (Some(count), Some(period)) = (count, period) else {
        // An age without both parts (or with nulls, as dbt's own templates write it) says nothing.
        return None;
    };
    let period = match period.value.as_str() {
        "minute" => Period::Minute,
        "hour" => Period::Hour,
        "day" => Period::Day,
        other => {
            diags.push(
                Diagnostic::error("invalid-period", format!("`{other}` is not a period"))
                    .at(period.span, "write `minute`, `hour` or `day`"),
            );
            return None;
        }
    };
    if let Ok(count) = count.value.parse() {
        Some(Age { count, period })
    } else {
        diags.push(
            Diagnostic::error("wrong-type", "`count` must be a whole number")
                .at(count.span, "this is not one"),
        );
        None
    }
}
