//! From a number of failures, or an age, to a verdict.

use crate::node::TestSeverity;
use crate::parse::check::Reaction;
use crate::parse::properties::{Age, FreshnessRule};
use crate::parse::threshold::{Threshold, percent};
use crate::plan::Verdict;
use crate::run::event::TestStatus;

/// A status, a number of failures and what to say.
pub(in crate::run) type Judgement = (TestStatus, u64, Option<String>);

/// dbt's rule: an error if `error_if` holds and the severity is error, else a warning if `warn_if` holds.
pub(super) fn failures(failures: u64, rows: Option<u64>, verdict: Verdict) -> Judgement {
    let said = |key: &str, threshold: Threshold| {
        let noun = if failures == 1 { "failure" } else { "failures" };
        let share = rows.map_or_else(String::new, |rows| {
            let noun = if rows == 1 { "row" } else { "rows" };
            format!(" of {rows} {noun}, {}%", rounded(percent(failures, rows)))
        });
        if threshold == Threshold::default() {
            format!("{failures} {noun}{share}")
        } else {
            format!("{failures} {noun}{share} ({key}: {threshold})")
        }
    };
    if verdict.severity == TestSeverity::Error && verdict.error_if.holds(failures, rows) {
        (TestStatus::Fail, failures, Some(said("error_if", verdict.error_if)))
    } else if verdict.warn_if.holds(failures, rows) {
        (TestStatus::Warn, failures, Some(said("warn_if", verdict.warn_if)))
    } else {
        // As dbt has it: what passes has no failures.
        let allowed = (failures > 0).then(|| format!("{failures} failing rows, which the limits allow"));
        (TestStatus::Pass, 0, allowed)
    }
}

/// Two digits after the point, or as many as it takes to be more than nothing.
fn rounded(percent: f64) -> String {
    let text = if percent >= 0.01 { format!("{percent:.2}") } else { format!("{percent:.6}") };
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text.is_empty() { "0".to_owned() } else { text.to_owned() }
}

/// What a failure comes to.
pub(in crate::run) fn bad(severity: TestSeverity) -> TestStatus {
    match severity {
        TestSeverity::Error => TestStatus::Fail,
        TestSeverity::Warn => TestStatus::Warn,
    }
}

/// What a reaction comes to.
pub(in crate::run) fn reacting(reaction: Reaction, severity: TestSeverity) -> TestStatus {
    match reaction {
        Reaction::Allow => TestStatus::Pass,
        Reaction::Warn => TestStatus::Warn,
        Reaction::Fail => bad(severity),
    }
}

/// How fresh the newest row is.
pub(super) fn age(at: Option<&str>, age: Option<i64>, rule: &FreshnessRule, verdict: Verdict) -> Judgement {
    let (Some(at), Some(age)) = (at, age) else {
        return (bad(verdict.severity), 1, Some("there is no row that says how fresh it is".to_owned()));
    };
    let words = |limit: Age| {
        format!(
            "the newest row is of {at}, {} ago; the limit is {}",
            span_of_time(age),
            span_of_time(limit.seconds())
        )
    };
    match (rule.error_after, rule.warn_after) {
        (Some(limit), _) if age > limit.seconds() => (bad(verdict.severity), 1, Some(words(limit))),
        (_, Some(limit)) if age > limit.seconds() => (TestStatus::Warn, 1, Some(words(limit))),
        _ => (TestStatus::Pass, 0, None),
    }
}

/// `3 days 4 hours`, in the two largest units.
pub(in crate::run) fn span_of_time(seconds: i64) -> String {
    const UNITS: [(i64, &str); 4] = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let mut rest = seconds.max(0);
    let mut parts = Vec::new();
    for (size, unit) in UNITS {
        let count = rest / size;
        rest %= size;
        if count > 0 && parts.len() < 2 {
            parts.push(format!("{count} {unit}{}", if count == 1 { "" } else { "s" }));
        }
    }
    if parts.is_empty() { "0 seconds".to_owned() } else { parts.join(" ") }
}
