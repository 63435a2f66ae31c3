//! Tests that compare a version with those published before it: what was measured, what it is compared
//! with, what may change.
//!
//! In: a measure of the new version, and the history. Out: a verdict, and what the history is to remember.
//! Only versions that were published are compared with, and jumps that somebody accepted.

mod columns;
mod versions;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use md5::{Digest as _, Md5};

use self::versions::Past;
use self::words::{amount, group_name, n_groups, said, table};
use super::Shared;
use super::connection::Connection;
use super::event::TestStatus;
use super::limited::why_not_compared;
use super::masked::MASKED;
use super::testing::explaining::owner_of;
use super::testing::judging::{Judgement, bad, reacting};
use super::testing::queries::number;
use crate::node::TestSeverity;
use crate::parse::check::{Against, Check, Drift, Limit};
use crate::plan::{Mask, PlannedTest};
use crate::warehouse::{Column, Rows, Value, WarehouseError};

/// With more groups than this, a column that is no group was named.
pub(super) const MAX_GROUPS: usize = 10_000;

/// A measure of one version, or of one of its groups.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Measurement {
    /// Values of the columns that make the group, as a JSON array; `None` for the whole.
    pub(super) group: Option<String>,
    /// The number.
    pub(super) value: Option<f64>,
    /// What is no number: the columns of a relation, as JSON.
    pub(super) text: Option<String>,
}

impl Measurement {
    /// Of all rows.
    pub(super) fn whole(value: f64) -> Self {
        Self { group: None, value: Some(value), text: None }
    }

    /// Names and types of columns.
    pub(super) fn columns(columns: &[Column]) -> Self {
        Self { group: None, value: None, text: Some(columns::to_json(columns)) }
    }
}

/// What became of a comparison.
pub(super) struct Judged {
    pub(super) judgement: Judgement,
    /// What to remember: the version, or the jump if it is refused.
    pub(super) measured: Vec<Measurement>,
    pub(super) uses_acceptance: bool,
    /// Oldest first, this version last.
    pub(super) trend: Vec<f64>,
    pub(super) samples: Option<Rows>,
}

/// Measures by group; the whole has the empty name.
type Values = BTreeMap<String, f64>;

/// The groups of a measure. Values of sensitive columns are told apart, but not kept.
pub(super) fn groups(rows: &Rows, drift: &Drift, mask: Option<&Mask>) -> Vec<Measurement> {
    let n = drift.group_by.len();
    let is_hidden: Vec<bool> =
        drift.group_by.iter().map(|it| mask.is_some_and(|mask| hides(mask, it))).collect();
    let key = |row: &Vec<Value>| {
        let values = row.iter().take(n).zip(&is_hidden).map(|(value, is_hidden)| match value {
            Value::Null => serde_json::Value::Null,
            value if *is_hidden => format!("{MASKED}{}", digest(&value.to_string())).into(),
            value => value.to_string().into(),
        });
        serde_json::Value::Array(values.collect()).to_string()
    };
    let measured = rows.rows.iter().map(|row| Measurement {
        group: Some(key(row)),
        value: Some(number(row.get(n)).unwrap_or_default()),
        text: None,
    });
    let mut measured: Vec<Measurement> = measured.collect();
    if measured.is_empty() {
        // A version without groups is a version.
        measured.push(Measurement { group: None, value: None, text: None });
    }
    measured
}

fn hides(mask: &Mask, expression: &str) -> bool {
    let lower = expression.to_lowercase();
    let mut words = lower.split(|it: char| !it.is_alphanumeric() && it != '_');
    words.any(|it| mask.columns.contains(it))
}

fn digest(text: &str) -> String {
    Md5::digest(text.as_bytes()).iter().take(6).fold(String::new(), |mut hex, byte| {
        use std::fmt::Write as _;
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Compares what was measured with the history.
pub(super) fn judge(
    shared: &Shared<'_>,
    warehouse: &mut Connection,
    test: &PlannedTest,
    measured: &[Measurement],
) -> Result<Judged, WarehouseError> {
    match &test.check {
        Check::Drift(drift) => {
            let owner = owner_of(shared.graph.node(test.node));
            match why_not_compared(shared, owner) {
                Some(why) => Ok(Judged::passing(Some(why), &[])),
                None => judge_values(shared, warehouse, test, drift, measured),
            }
        }
        Check::SchemaDrift(rules) => columns::judge(shared, warehouse, test, *rules, measured),
        Check::Query
        | Check::NotNull
        | Check::Unique
        | Check::AcceptedValues { .. }
        | Check::Relationships { .. }
        | Check::Freshness { .. }
        | Check::Own(_) => Ok(Judged::passing(None, measured)),
    }
}

impl Judged {
    fn passing(message: Option<String>, measured: &[Measurement]) -> Self {
        Self {
            judgement: (TestStatus::Pass, 0, message),
            measured: measured.to_vec(),
            uses_acceptance: false,
            trend: Vec::new(),
            samples: None,
        }
    }
}

fn judge_values(
    shared: &Shared<'_>,
    warehouse: &mut Connection,
    test: &PlannedTest,
    drift: &Drift,
    measured: &[Measurement],
) -> Result<Judged, WarehouseError> {
    let severity = test.verdict.severity;
    let now = by_group(measured);
    if now.len() > MAX_GROUPS {
        let message = format!("more than {MAX_GROUPS} groups; `group_by` is for columns with few values");
        let judgement = (bad(severity), 1, Some(message));
        return Ok(Judged { judgement, measured: Vec::new(), ..Judged::passing(None, &[]) });
    }
    if let Some(message) = too_few(drift, &now) {
        // A fixed limit is changed in the file, not accepted.
        let judgement = (bad(severity), 1, Some(message));
        return Ok(Judged { judgement, measured: Vec::new(), ..Judged::passing(None, &[]) });
    }
    let past = Past::read(shared, warehouse, test, drift)?;
    let whole = now.get("").copied();
    let mut judged = Judged::passing(None, measured);
    judged.trend = whole.map(|it| past.trend(it)).unwrap_or_default();
    let Some(before) = past.baseline(drift) else {
        let what = whole.map_or_else(|| n_groups(now.len()), |it| amount(drift, it));
        let why = past.why_none(drift);
        judged.judgement.2 = Some(format!("{why}: {what}, nothing to compare with"));
        return Ok(judged);
    };
    let changes = changes(drift, &before, &now, severity);
    let status = changes.iter().map(|it| it.status).max().unwrap_or(TestStatus::Pass);
    if status == TestStatus::Pass {
        judged.judgement.2 = unjudged(drift, &before, &now);
        return Ok(judged);
    }
    if let Some(accepted) = versions::accepted(shared, warehouse, test)? {
        let left = self::changes(drift, &accepted.values, &now, severity);
        if left.iter().all(|it| it.status == TestStatus::Pass) {
            judged.uses_acceptance = true;
            judged.judgement.2 = Some(format!("{}; accepted: {}", said(drift, &changes), accepted.why()));
            return Ok(judged);
        }
    }
    let bad = changes.iter().filter(|it| it.status != TestStatus::Pass);
    judged.judgement = (status, bad.count() as u64, Some(said(drift, &changes)));
    if !drift.group_by.is_empty() {
        judged.samples = Some(table(drift, &changes, test.sample_rows));
        judged.trend = past.trend_of(&changes, &now);
    }
    Ok(judged)
}

fn by_group(measured: &[Measurement]) -> Values {
    let pairs = measured.iter().filter_map(|it| Some((it.group.clone().unwrap_or_default(), it.value?)));
    pairs.collect()
}

fn too_few(drift: &Drift, now: &Values) -> Option<String> {
    let least = drift.least?;
    let few: Vec<(&String, f64)> =
        now.iter().filter(|(_, it)| **it < least).map(|(group, it)| (group, *it)).collect();
    let (group, value) = few.first()?;
    let whose = if group.is_empty() { String::new() } else { format!("{}: ", group_name(group)) };
    let more = if few.len() > 1 { format!(" (and {} more groups)", few.len() - 1) } else { String::new() };
    Some(format!(
        "{whose}{} now, and at least {} must be there{more}",
        amount(drift, *value),
        amount(drift, least)
    ))
}

/// What changed in one group, and what that comes to.
struct Change {
    group: String,
    before: f64,
    now: f64,
    /// The limit that was passed, and in which direction.
    limit: Option<(Limit, &'static str)>,
    what: &'static str,
    status: TestStatus,
}

/// Every group that is judged.
fn changes(drift: &Drift, before: &Values, now: &Values, severity: TestSeverity) -> Vec<Change> {
    let groups: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let is_large = |it: Option<&f64>| {
        drift.ignore_groups_below.is_none_or(|least| it.copied().unwrap_or_default() >= least)
    };
    groups
        .into_iter()
        .filter(|group| group.is_empty() || is_large(before.get(*group)) || is_large(now.get(*group)))
        .map(|group| change(drift, group, before.get(group).copied(), now.get(group).copied(), severity))
        .collect()
}

fn change(
    drift: &Drift,
    group: &str,
    before: Option<f64>,
    now: Option<f64>,
    severity: TestSeverity,
) -> Change {
    let mut change = Change {
        group: group.to_owned(),
        before: before.unwrap_or_default(),
        now: now.unwrap_or_default(),
        limit: None,
        what: "",
        status: TestStatus::Pass,
    };
    if before.is_none() {
        change.what = "new";
        change.status = reacting(drift.new_groups, severity);
        return change;
    }
    if now.is_none() && !group.is_empty() {
        change.what = "gone";
        change.status = reacting(drift.vanished_groups, severity);
        return change;
    }
    let difference = change.now - change.before;
    match (drift.max_decrease, drift.max_increase) {
        (Some(limit), _) if difference < 0.0 && -difference > limit.amount(change.before) => {
            change.limit = Some((limit, "less"));
            change.status = bad(severity);
        }
        // Nothing has no percentage: without this, an empty table could never be filled again.
        (_, Some(Limit::Percent(_))) if change.before == 0.0 => {}
        (_, Some(limit)) if difference > 0.0 && difference > limit.amount(change.before) => {
            change.limit = Some((limit, "more"));
            change.status = bad(severity);
        }
        _ => {}
    }
    change
}

/// What is said of a version that passes without being judged.
fn unjudged(drift: &Drift, before: &Values, now: &Values) -> Option<String> {
    let (before, now) = (*before.get("")?, *now.get("")?);
    let is_percent = matches!(drift.max_increase, Some(Limit::Percent(_)));
    (is_percent && before == 0.0 && now > 0.0)
        .then(|| format!("the version before was empty: {}, nothing to compare with", amount(drift, now)))
}

/// Whether the row counts of published versions are those of the test: then any publication counts.
fn uses_node_history(shared: &Shared<'_>, test: &PlannedTest, drift: &Drift) -> bool {
    let node = shared.graph.node(test.node);
    let is_source =
        owner_of(node).is_none_or(|id| shared.graph.node(id).kind == crate::node::NodeKind::Source);
    drift.is_rows() && drift.group_by.is_empty() && test.where_.is_none() && !is_source
}

/// How many versions a trend shows.
const TREND: usize = 12;

/// How many versions are read.
fn wanted(against: Against) -> usize {
    match against {
        Against::Previous | Against::SameWeekday => TREND,
        Against::MedianOf(n) => n.max(TREND),
    }
}
