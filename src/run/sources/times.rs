//! When sources were loaded: one query for all of a database, and one each if that fails.

use std::collections::BTreeMap;

use crate::node::Relation;
use crate::warehouse::{Value, Warehouse, WarehouseError};

/// What to ask of one source.
#[derive(Clone, Debug)]
pub(super) struct Question<K> {
    /// Whom the answer is for.
    pub key: K,
    /// The source's relation.
    pub relation: Relation,
    /// A query of one value: the time.
    pub newest: String,
}

/// When a source was loaded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadedAt {
    /// As the engine writes it; `None` if there is no value.
    pub written: Option<String>,
    /// RFC 3339 in UTC.
    pub at: Option<String>,
    /// How many seconds ago; less than nothing for a time that is still to come.
    pub age: Option<f64>,
    /// When it was asked, RFC 3339 in UTC.
    pub asked_at: String,
}

/// Asks for all, database by database.
pub(super) fn ask<K: Ord + Copy>(
    warehouse: &mut dyn Warehouse,
    questions: &[Question<K>],
) -> BTreeMap<K, Result<LoadedAt, WarehouseError>> {
    let mut of_database: BTreeMap<Option<&str>, Vec<&Question<K>>> = BTreeMap::new();
    for question in questions {
        of_database.entry(question.relation.database.as_deref()).or_default().push(question);
    }
    let mut answers = BTreeMap::new();
    for questions in of_database.into_values() {
        let together = match questions.as_slice() {
            [_] => None,
            several => all(warehouse, several).ok(),
        };
        match together {
            Some(found) => answers.extend(found.into_iter().map(|(key, it)| (key, Ok(it)))),
            // One of them cannot be answered: each by itself tells which.
            None => {
                for question in questions {
                    let found = all(warehouse, &[question]);
                    let found = found.map(|it| it.into_values().next().unwrap_or_default());
                    answers.insert(question.key, found);
                }
            }
        }
    }
    answers
}

fn all<K: Ord + Copy>(
    warehouse: &mut dyn Warehouse,
    questions: &[&Question<K>],
) -> Result<BTreeMap<K, LoadedAt>, WarehouseError> {
    let parts: Vec<String> = questions.iter().enumerate().map(|(index, it)| one(index, &it.newest)).collect();
    let rows = warehouse.query(&parts.join("\nunion all\n"), None)?.rows;
    let mut answers = BTreeMap::new();
    for row in rows {
        let index = row.first().and_then(Value::as_i64).and_then(|it| usize::try_from(it).ok());
        if let Some(question) = index.and_then(|it| questions.get(it)) {
            answers.insert(question.key, answer(&row));
        }
    }
    Ok(answers)
}

/// A time without a zone is UTC, as in dbt.
fn one(index: usize, newest: &str) -> String {
    let in_utc = "case when typeof(newest) = 'TIMESTAMP WITH TIME ZONE' \
                  then cast(newest as timestamptz) at time zone 'UTC' else cast(newest as timestamp) end";
    let iso = |time: &str| format!("strftime({time}, '%Y-%m-%dT%H:%M:%S.%fZ')");
    format!(
        "select {index}, cast(newest as varchar), {}, epoch(now()) - epoch({in_utc}), {} \
         from (select ({newest}\n) as newest)",
        iso(in_utc),
        iso("now() at time zone 'UTC'")
    )
}

fn answer(row: &[Value]) -> LoadedAt {
    let text = |index: usize| match row.get(index) {
        Some(Value::Text(text)) => Some(text.clone()),
        _ => None,
    };
    let age = match row.get(3) {
        Some(Value::Float(age)) => Some(*age),
        _ => None,
    };
    LoadedAt { written: text(1), at: text(2), age, asked_at: text(4).unwrap_or_default() }
}
