//! Whether a source is fresh enough, and what follows if it is not.

use super::measure::TimeFault;
use super::times::LoadedAt;
use crate::diagnostics::Diagnostic;
use crate::graph::Node;
use crate::parse::Body;
use crate::parse::properties::FreshnessRule;
use crate::parse::source_rules::OnStale;
use crate::run::event::TestStatus;
use crate::run::testing::judging::span_of_time;

/// A time that lies so many seconds ahead is no matter of two clocks that differ a little.
const AHEAD: f64 = 300.0;

/// How old a source is, against its rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// Within all limits.
    Fresh,
    /// Older than `warn_after`.
    Late,
    /// Older than `error_after`, or without any time.
    Stale,
}

/// dbt's rule: a limit is exceeded if the age is greater.
pub(super) fn age_of(loaded: &LoadedAt, rule: &FreshnessRule) -> Age {
    let Some(age) = loaded.age else { return Age::Stale };
    #[expect(clippy::cast_precision_loss, reason = "limits are far below 2^52 seconds")]
    let exceeds =
        |limit: Option<crate::parse::properties::Age>| limit.is_some_and(|it| age > it.seconds() as f64);
    match (exceeds(rule.error_after), exceeds(rule.warn_after)) {
        (true, _) => Age::Stale,
        (false, true) => Age::Late,
        (false, false) => Age::Fresh,
    }
}

/// What a check of freshness came to.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    pub(super) status: TestStatus,
    pub(super) is_stale: bool,
    /// Whether what reads the source is skipped without a failure.
    pub(super) holds_back: bool,
    pub(super) message: Option<String>,
}

/// Judges what was measured.
pub(super) fn judge(loaded: &LoadedAt, rule: &FreshnessRule, on_stale: OnStale) -> Verdict {
    let age = age_of(loaded, rule);
    let message = match age {
        Age::Fresh => return fresh(loaded),
        Age::Late | Age::Stale => said(loaded, rule, age),
    };
    let (status, holds_back, message) = match (age, on_stale) {
        (_, OnStale::UseAnyway) => (TestStatus::Pass, false, format!("{message}; used anyway")),
        (Age::Stale, OnStale::Error) => (TestStatus::Fail, false, message),
        (Age::Stale, OnStale::SkipDownstream) => (TestStatus::Warn, true, message),
        _ => (TestStatus::Warn, false, message),
    };
    Verdict { status, is_stale: age == Age::Stale, holds_back, message: Some(message) }
}

/// Within all limits; but what lies ahead is no age.
fn fresh(loaded: &LoadedAt) -> Verdict {
    let ahead = loaded.age.map(|it| -it).filter(|it| *it > AHEAD);
    let message = ahead.map(|ahead| {
        let at = loaded.written.as_deref().unwrap_or_default();
        let ahead = span_of_time(whole(ahead));
        format!("the newest row is of {at}, which is {ahead} ahead: is its time zone right?")
    });
    let status = if message.is_some() { TestStatus::Warn } else { TestStatus::Pass };
    Verdict { status, is_stale: false, holds_back: false, message }
}

/// What is wrong with the age, for people.
pub(super) fn said(loaded: &LoadedAt, rule: &FreshnessRule, age: Age) -> String {
    let (Some(at), Some(seconds)) = (&loaded.written, loaded.age) else {
        return "there is no row that says how fresh it is".to_owned();
    };
    let limit = match age {
        Age::Stale => rule.error_after,
        Age::Fresh | Age::Late => rule.warn_after,
    };
    let limit = limit.map(|it| format!("; the limit is {}", span_of_time(it.seconds()))).unwrap_or_default();
    format!("the newest row is of {at}, {} ago{limit}", span_of_time(whole(seconds)))
}

#[expect(clippy::cast_possible_truncation, reason = "an age in seconds is far below 2^63")]
pub(super) fn whole(seconds: f64) -> i64 {
    seconds.round() as i64
}

/// The finding with its place.
pub(super) fn fault(node: &Node, verdict: &Verdict) -> Option<Diagnostic> {
    let message = verdict.message.as_deref()?;
    let headline = format!("freshness of {}: {message}", described(node));
    let fault = match verdict.status {
        TestStatus::Fail => Diagnostic::error("test-failed", headline),
        TestStatus::Warn => Diagnostic::warning("test-warned", headline),
        TestStatus::Pass | TestStatus::Error | TestStatus::Skipped => return None,
    };
    let fault = fault.at(node.span, "declared here");
    let note = "what reads it is skipped, because its `on_stale` is `skip_downstream`";
    Some(if verdict.holds_back { fault.note(note) } else { fault })
}

/// It is not known when the source was loaded.
pub(super) fn unknown(node: &Node, why: &TimeFault) -> Diagnostic {
    match why {
        TimeFault::Template(fault) => (**fault).clone(),
        TimeFault::Engine(error) => {
            let headline = format!("freshness of {}: {}", described(node), why.message());
            let fault = Diagnostic::error("test-error", headline).at(node.span, "declared here");
            let rest = error.message.lines().skip(1).map(str::trim).filter(|it| !it.is_empty());
            rest.fold(fault, Diagnostic::note)
        }
    }
}

/// A source as messages name it, its name in backticks.
pub(super) fn described(node: &Node) -> String {
    match &node.body {
        Body::Source(source) => format!("source `{}.{}`", source.source, node.name),
        _ => format!("`{}`", node.name),
    }
}
