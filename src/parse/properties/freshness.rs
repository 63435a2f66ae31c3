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

/// What is said about freshness at one place or, merged, at several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Freshness {
    /// Nothing.
    #[default]
    Unsaid,
    /// `freshness: null`: what is said for more than this does not hold here.
    Off,
    /// A rule, perhaps in part.
    Rule(PartialRule),
}

/// A rule of which parts may be said elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartialRule {
    warn_after: Part,
    error_after: Part,
    filter: Option<String>,
}

/// A threshold at one place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Unsaid,
    Off,
    Age(Age),
}

impl Part {
    fn under(self, stronger: Part) -> Part {
        if stronger == Part::Unsaid { self } else { stronger }
    }

    fn age(self) -> Option<Age> {
        match self {
            Part::Age(age) => Some(age),
            Part::Unsaid | Part::Off => None,
        }
    }
}

impl Freshness {
    /// This, with what a stronger place says over it: threshold by threshold.
    #[must_use]
    pub fn under(self, stronger: Freshness) -> Freshness {
        match (self, stronger) {
            (this, Freshness::Unsaid) => this,
            (Freshness::Rule(this), Freshness::Rule(stronger)) => Freshness::Rule(PartialRule {
                warn_after: this.warn_after.under(stronger.warn_after),
                error_after: this.error_after.under(stronger.error_after),
                filter: stronger.filter.or(this.filter),
            }),
            (_, stronger) => stronger,
        }
    }

    /// The rule, if there is one.
    pub fn rule(&self) -> Option<FreshnessRule> {
        let Freshness::Rule(rule) = self else { return None };
        let (warn_after, error_after) = (rule.warn_after.age(), rule.error_after.age());
        Some(FreshnessRule { warn_after, error_after, filter: rule.filter.clone() })
    }
}

/// Reads `{warn_after: {count, period}, error_after: ..., filter: ...}`, or nothing, which switches it off.
pub fn freshness(diags: &mut Diagnostics, yaml: &Yaml, unknown: Severity) -> Freshness {
    if yaml.is_null() {
        return Freshness::Off;
    }
    let Some(mut fields) = Fields::new(diags, yaml, "freshness") else { return Freshness::Unsaid };
    let mut part = |key: &'static str| {
        fields.accept(&[key]);
        match yaml.get(key) {
            None => Part::Unsaid,
            Some(value) if value.is_null() => Part::Off,
            Some(value) => age(diags, value, unknown).map_or(Part::Unsaid, Part::Age),
        }
    };
    let (warn_after, error_after) = (part("warn_after"), part("error_after"));
    let filter = fields.string(diags, "filter").map(|it| it.value);
    fields.accept(&["build_after"]);
    fields.finish(diags, unknown);
    Freshness::Rule(PartialRule { warn_after, error_after, filter })
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
