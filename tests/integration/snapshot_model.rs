//! Snapshots against a model of them in Rust: random inserts, updates, deletes and returns, for every strategy
//! and every rule for deletes, with times that go forward, back and beyond the run's own. The same history is
//! kept in a table, in one Parquet file and in partitions.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::*;

use tidemill::warehouse::Warehouse;

use crate::project::{TestProject, project};

/// A value, and the day on which it changed.
type Row = (i64, i64);

/// The rows that are there at one time, by key.
type Rows = BTreeMap<i64, Row>;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Strategy {
    Timestamp,
    Check,
    /// `check` with the row's own time of change.
    CheckWithTime,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Deletes {
    Ignore,
    Invalidate,
    NewRecord,
}

const STRATEGIES: [(&str, Strategy, &str); 3] = [
    ("ts", Strategy::Timestamp, "strategy='timestamp', updated_at='changed'"),
    ("ck", Strategy::Check, "strategy='check', check_cols='all'"),
    ("ct", Strategy::CheckWithTime, "strategy='check', check_cols=['v'], updated_at='changed'"),
];

const DELETES: [(&str, Deletes); 3] =
    [("ignore", Deletes::Ignore), ("invalidate", Deletes::Invalidate), ("new_record", Deletes::NewRecord)];

/// Where a history is kept: nothing for a table.
const STORES: [(&str, &str); 3] = [
    ("table", ""),
    ("file", ", location='lake/NAME.parquet'"),
    ("files", ", location='lake/NAME', partition_by='v'"),
];

#[derive(Clone, Debug)]
struct Version {
    key: i64,
    value: i64,
    since: i64,
    until: Option<i64>,
    updated_at: i64,
    is_deleted: bool,
}

#[derive(Default)]
struct History(Vec<Version>);

impl History {
    /// The day before which no version of the key can begin.
    fn boundary(&self, key: i64) -> Option<i64> {
        let of_key = self.0.iter().filter(|it| it.key == key);
        of_key.map(|it| it.until.unwrap_or(it.since)).max()
    }

    fn open(&mut self, key: i64) -> Option<&mut Version> {
        self.0.iter_mut().find(|it| it.key == key && it.until.is_none())
    }

    fn take(&mut self, rows: &Rows, now: i64, strategy: Strategy, deletes: Deletes) {
        for (key, (value, changed)) in rows {
            let updated_at = if strategy == Strategy::Check { now } else { *changed };
            let begin = match self.boundary(*key) {
                Some(boundary) if updated_at < boundary => boundary.max(now),
                _ => updated_at,
            };
            if let Some(open) = self.open(*key) {
                let is_new = match strategy {
                    Strategy::Timestamp => open.updated_at < updated_at,
                    Strategy::Check | Strategy::CheckWithTime => open.value != *value,
                };
                if !is_new && !open.is_deleted {
                    continue;
                }
                open.until = Some(begin);
            }
            let (key, value) = (*key, *value);
            self.0.push(Version { key, value, since: begin, until: None, updated_at, is_deleted: false });
        }
        if deletes == Deletes::Ignore {
            return;
        }
        let mut noted = Vec::new();
        for open in self.0.iter_mut().filter(|it| it.until.is_none() && !rows.contains_key(&it.key)) {
            if open.is_deleted {
                continue;
            }
            let end = open.since.max(now);
            open.until = Some(end);
            if deletes == Deletes::NewRecord {
                noted.push(Version {
                    since: end,
                    until: None,
                    updated_at: now,
                    is_deleted: true,
                    ..open.clone()
                });
            }
        }
        self.0.append(&mut noted);
    }

    fn text(&self) -> String {
        let line = |it: &Version| {
            let until = it.until.map_or_else(|| "NULL".to_owned(), |it| it.to_string());
            format!(
                "{} | {} | {} | {until} | {} | {}",
                it.key, it.value, it.since, it.updated_at, it.is_deleted
            )
        };
        let mut lines: Vec<String> = self.0.iter().map(line).collect();
        lines.sort();
        lines.join("\n")
    }
}

/// All snapshots in one project, so that one run takes them all; a macro says which day it is.
fn snapshots() -> TestProject {
    let project = project(
        "
        //- macros/time.sql
        {% macro snapshot_get_time() %}(timestamp '2026-01-01' + to_days({{ var('now') }})){% endmacro %}
        //- models/rows.sql
        {{ config(materialized='table') }}
        select id, v, timestamp '2026-01-01' + to_days(day) as changed
        from (values {{ var('rows') }}) as t(id, v, day) where id is not null
        ",
    );
    let mut text = String::new();
    for (name, strategy, config) in STRATEGIES {
        for ((rule, _), (store, place)) in DELETES.into_iter().flat_map(|it| STORES.map(|store| (it, store)))
        {
            let name = format!("{name}_{rule}_{store}");
            let lake = project.dir().join("lake").display().to_string();
            let place = place.replace("lake", &lake).replace("NAME", &name);
            let query = match strategy {
                Strategy::Check => "select id, v from",
                Strategy::Timestamp | Strategy::CheckWithTime => "select * from",
            };
            let _ = writeln!(
                text,
                "{{% snapshot {name} %}}{{{{ config({config}, hard_deletes='{rule}', unique_key='id'{place}) }}}}\n\
                 {query} {{{{ ref('rows') }}}}{{% endsnapshot %}}"
            );
        }
    }
    project.write("snapshots/all.sql", text);
    project
}

fn found(database: &mut dyn Warehouse, name: &str, deletes: Deletes) -> String {
    let deleted = if deletes == Deletes::NewRecord { "dbt_is_deleted = 'True'" } else { "false" };
    let day = |column: &str| format!("date_diff('day', timestamp '2026-01-01', {column})");
    let sql = format!(
        "select id, v, {}, {}, {}, {deleted} from {name}",
        day("dbt_valid_from"),
        day("dbt_valid_to"),
        day("dbt_updated_at")
    );
    let rows = database.query(&sql, None).unwrap_or_else(|error| panic!("{sql}: {error}")).rows;
    let line = |row: &Vec<_>| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ");
    let mut lines: Vec<String> = rows.iter().map(line).collect();
    lines.sort_unstable();
    lines.join("\n")
}

/// Rows at some times: any of five keys may be there, with a few values and days.
fn times() -> impl proptest::strategy::Strategy<Value = Vec<Rows>> {
    let rows = prop::collection::btree_map(0_i64..5, (0_i64..3, 0_i64..60), 0..5);
    prop::collection::vec(rows, 2..5)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn histories_are_those_of_the_model(times in times()) {
        let project = snapshots();
        let mut histories: BTreeMap<String, History> = BTreeMap::new();
        for (index, rows) in times.iter().enumerate() {
            let now = 10 * i64::try_from(index).unwrap() + 5;
            let mut values = "(null, null, null)".to_owned();
            for (key, (value, day)) in rows {
                let _ = write!(values, ", ({key}, {value}, {day})");
            }
            project.run(&format!("build --vars '{{now: {now}, rows: \"{values}\"}}'")).exit(0);
            let mut database = project.open();
            for (name, strategy, _) in STRATEGIES {
                for (rule, deletes) in DELETES {
                    let name = format!("{name}_{rule}");
                    let history = histories.entry(name.clone()).or_default();
                    history.take(rows, now, strategy, deletes);
                    for (store, _) in STORES {
                        prop_assert_eq!(
                            found(database.as_mut(), &format!("{name}_{store}"), deletes),
                            history.text(),
                            "{} in {} after run {} of {:?}", name, store, index, times
                        );
                    }
                }
            }
        }
    }
}
