//! The versions that a measure is compared with.

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, Values, uses_node_history, wanted};
use crate::parse::check::{Against, Drift};
use crate::plan::PlannedTest;
use crate::run::Shared;
use crate::run::connection::Connection;
use crate::run::event::TestStatus;
use crate::run::history::Published;
use crate::run::testing::explaining::owner_of;
use crate::warehouse::{Value, Warehouse as _, WarehouseError};

/// Versions that were published, newest first.
pub(super) struct Past {
    versions: Vec<Values>,
    /// Whether a version was published whose rows nobody counted.
    has_uncounted: bool,
}

/// A jump that somebody accepted.
pub(super) struct Accepted {
    pub(super) values: Values,
    reason: Option<String>,
    at: String,
}

impl Accepted {
    /// Why and when it was accepted.
    pub(super) fn why(&self) -> String {
        let reason = self.reason.as_ref().map(|it| format!("{it} ")).unwrap_or_default();
        format!("{reason}({})", self.at)
    }
}

impl Past {
    /// Reads as much of the history as the test compares with.
    pub(super) fn read(
        shared: &Shared<'_>,
        warehouse: &mut Connection,
        test: &PlannedTest,
        drift: &Drift,
    ) -> Result<Self, WarehouseError> {
        let node = shared.graph.node(test.node);
        let test_id = node.unique_id.as_str();
        let owner = owner_of(node).map(|id| shared.graph.node(id).unique_id.as_str()).unwrap_or_default();
        let by_weekday = drift.against == Against::SameWeekday;
        let n = wanted(drift.against);
        let of_nodes = uses_node_history(shared, test, drift);
        let sql = if of_nodes {
            shared.history.row_counts(owner, test_id, n, by_weekday)
        } else {
            shared.history.measures(test_id, n, by_weekday)
        };
        let mut versions: Vec<(String, Values)> = Vec::new();
        for row in warehouse.query(&sql, None)?.rows {
            let [Value::Text(run), group, value] = &row[..] else { continue };
            if versions.last().is_none_or(|(last, _)| last != run) {
                versions.push((run.clone(), Values::new()));
            }
            let group = match group {
                Value::Text(text) => text.clone(),
                _ => String::new(),
            };
            if let (Some((_, values)), Value::Float(value)) = (versions.last_mut(), value) {
                values.insert(group, *value);
            }
        }
        let published = shared.published.get(owner);
        let has_uncounted = of_nodes && matches!(published, Some(Published { rows: None, .. }));
        let versions: Vec<Values> = versions.into_iter().map(|(_, values)| values).collect();
        Ok(Self { versions, has_uncounted })
    }

    /// What the new version is compared with; `None` if there is too little.
    pub(super) fn baseline(&self, drift: &Drift) -> Option<Values> {
        if self.versions.len() < drift.min_history.max(1) {
            return None;
        }
        match drift.against {
            // The version before is the one before, even if nobody counted it.
            Against::Previous if self.has_uncounted => None,
            Against::Previous | Against::SameWeekday => self.versions.first().cloned(),
            Against::MedianOf(n) => Some(median(&self.versions[..n.min(self.versions.len())])),
        }
    }

    /// Why there is nothing to compare with.
    pub(super) fn why_none(&self, drift: &Drift) -> String {
        let n = self.versions.len();
        if self.has_uncounted {
            "the version before was not counted".to_owned()
        } else if drift.against == Against::SameWeekday && n == 0 {
            "no version of an earlier day of this weekday".to_owned()
        } else if n == 0 {
            "first version".to_owned()
        } else {
            let noun = if n == 1 { "version" } else { "versions" };
            format!("only {n} {noun} before, and {} are needed", drift.min_history)
        }
    }

    /// The whole's values, oldest first, and the new one.
    pub(super) fn trend(&self, now: f64) -> Vec<f64> {
        self.trend_of_group("", now)
    }

    /// The same for the group that changed most.
    pub(super) fn trend_of(&self, changes: &[Change], now: &Values) -> Vec<f64> {
        let bad = changes.iter().filter(|it| it.status != TestStatus::Pass);
        let size = |it: &&Change| (it.now - it.before).abs();
        let most = bad.max_by(|a, b| size(a).total_cmp(&size(b)).then_with(|| b.group.cmp(&a.group)));
        most.map(|it| self.trend_of_group(&it.group, now.get(&it.group).copied().unwrap_or_default()))
            .unwrap_or_default()
    }

    fn trend_of_group(&self, group: &str, now: f64) -> Vec<f64> {
        let before = self.versions.iter().take(super::TREND).rev();
        let before = before.map(|it| it.get(group).copied().unwrap_or_default());
        before.chain(std::iter::once(now)).collect()
    }
}

/// The jump that waits for this version, if somebody accepted one.
pub(super) fn accepted(
    shared: &Shared<'_>,
    warehouse: &mut Connection,
    test: &PlannedTest,
) -> Result<Option<Accepted>, WarehouseError> {
    accepted_rows(shared, warehouse, test).map(|rows| {
        let values: Values =
            rows.iter().filter_map(|it| Some((it.group.clone().unwrap_or_default(), it.value?))).collect();
        let first = rows.into_iter().next()?;
        Some(Accepted { values, reason: first.reason, at: first.at })
    })
}

/// One row of what was accepted.
pub(super) struct AcceptedRow {
    group: Option<String>,
    value: Option<f64>,
    pub(super) text: Option<String>,
    reason: Option<String>,
    at: String,
}

impl AcceptedRow {
    /// Why and when it was accepted.
    pub(super) fn why(self) -> String {
        Accepted { values: BTreeMap::new(), reason: self.reason, at: self.at }.why()
    }
}

/// What was accepted for a test since its node was published last.
pub(super) fn accepted_rows(
    shared: &Shared<'_>,
    warehouse: &mut Connection,
    test: &PlannedTest,
) -> Result<Vec<AcceptedRow>, WarehouseError> {
    let node = shared.graph.node(test.node);
    let owner = owner_of(node).map(|id| shared.graph.node(id).unique_id.as_str()).unwrap_or_default();
    let rows = warehouse.query(&shared.history.pending(node.unique_id.as_str(), owner), None)?.rows;
    let text = |value: &Value| match value {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    };
    let accepted = rows.iter().filter_map(|row| {
        let [group, value, columns, reason, at] = &row[..] else { return None };
        let value = match value {
            Value::Float(it) => Some(*it),
            _ => None,
        };
        let at = text(at).unwrap_or_default();
        Some(AcceptedRow { group: text(group), value, text: text(columns), reason: text(reason), at })
    });
    Ok(accepted.collect())
}

/// The median of each group; a version that lacks a group has none of it.
fn median(versions: &[Values]) -> Values {
    let groups: BTreeSet<&String> = versions.iter().flat_map(BTreeMap::keys).collect();
    let mut medians = Values::new();
    for group in groups {
        let mut values: Vec<f64> =
            versions.iter().map(|it| it.get(group).copied().unwrap_or_default()).collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let is_even = values.len().is_multiple_of(2);
        let median = if is_even { f64::midpoint(values[middle - 1], values[middle]) } else { values[middle] };
        // A group that most versions lack is no group of theirs.
        if median != 0.0 || values.iter().filter(|it| **it != 0.0).count() > middle || group.is_empty() {
            medians.insert(group.clone(), median);
        }
    }
    medians
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(values: &[(&str, f64)]) -> Values {
        values.iter().map(|(group, it)| ((*group).to_owned(), *it)).collect()
    }

    #[test]
    fn the_median_is_of_each_group() {
        let versions = [
            version(&[("a", 10.0), ("b", 1.0)]),
            version(&[("a", 30.0)]),
            version(&[("a", 20.0)]),
            version(&[("a", 40.0)]),
        ];
        assert_eq!(median(&versions), version(&[("a", 25.0)]));
        assert_eq!(median(&versions[..1]), version(&[("a", 10.0), ("b", 1.0)]));
        assert_eq!(median(&versions[..3]), version(&[("a", 20.0)]));
    }
}
