//! The built-in tests: results equal to dbt's, and what only Tidemill has.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::project::{TestProject, project};

/// Status and failures of all tests, by name.
pub(crate) fn results(project: &TestProject, arguments: &str) -> BTreeMap<String, String> {
    let outcome = project.run(&format!("{arguments} --log-format json"));
    let events = outcome.stdout.lines().map(|it| serde_json::from_str::<Json>(it).expect("a JSON line"));
    events
        .filter(|it| it["event"] == "test_finished")
        .map(|it| {
            let failures = it["failures"].as_u64().map_or("-".to_owned(), |it| it.to_string());
            let status = it["status"].as_str().unwrap_or_default();
            (it["label"].as_str().unwrap_or_default().to_owned(), format!("{status} {failures}"))
        })
        .collect()
}

/// What dbt-core 1.11.16 with dbt-duckdb 1.10.1 gave for the project below (`dbt run`, `dbt test`).
const OF_DBT: &[(&str, &str)] = &[
    ("av_bool", "fail 1"),
    ("av_bool_quoted", "fail 1"),
    ("av_calc", "fail 3"),
    ("av_floats", "fail 1"),
    ("av_limit", "warn 2"),
    ("av_null_in_list", "error -"),
    ("av_numbers", "pass 0"),
    ("av_numbers_quoted", "fail 1"),
    ("av_quote_in_value", "error -"),
    ("av_text", "fail 2"),
    ("av_text_all", "pass 0"),
    ("av_where", "fail 1"),
    ("nn", "fail 2"),
    ("nn_between", "fail 2"),
    ("nn_calc", "error -"),
    ("nn_error_if_met", "fail 2"),
    ("nn_error_if_more", "warn 2"),
    ("nn_limit", "fail 1"),
    ("nn_limit_error_if", "warn 1"),
    ("nn_neither", "pass 0"),
    ("nn_warn", "warn 2"),
    ("nn_warn_error_if", "pass 0"),
    ("nn_where", "fail 1"),
    ("nn_where_none", "pass 0"),
    ("nn_x", "fail 1"),
    ("rel", "fail 2"),
    ("rel_error_if", "warn 2"),
    ("rel_limit", "warn 1"),
    ("rel_no_column", "error -"),
    ("rel_where", "pass 0"),
    ("uq", "fail 2"),
    ("uq_calc", "fail 4"),
    ("uq_limit", "fail 1"),
    ("uq_text", "fail 1"),
    ("uq_warn_if", "warn 2"),
    ("uq_where", "fail 1"),
];

#[test]
fn results_are_those_of_dbt() {
    let project = project(
        r#"
        //- models/data.sql
        {{ config(materialized='table') }}
        select * from (values
          (1, 'a', 1.5, true,  10),
          (1, 'b', 2.5, false, 20),
          (2, 'a', 1.5, null,  30),
          (2, 'c', null, true, null),
          (null, null, 9.0, true, 40),
          (null, 'A', 1.5, false, 10)
        ) t(id, s, x, b, fk)
        //- models/dim.sql
        select * from (values (10), (20), (null)) t(k)
        //- models/schema.yml
        models:
          - name: data
            columns:
              - name: id
                data_tests:
                  - not_null: {name: nn}
                  - not_null: {name: nn_where, config: {where: "s = 'A'"}}
                  - not_null: {name: nn_where_none, config: {where: "s is not null and s <> 'A'"}}
                  - not_null: {name: nn_limit, config: {limit: 1}}
                  - not_null: {name: nn_warn, config: {severity: warn}}
                  - not_null: {name: nn_error_if_more, config: {error_if: "> 2"}}
                  - not_null: {name: nn_error_if_met, config: {error_if: ">= 2", warn_if: "> 5"}}
                  - not_null: {name: nn_neither, config: {error_if: "> 5", warn_if: "> 3"}}
                  - not_null: {name: nn_between, config: {error_if: "between 1 and 2"}}
                  - not_null: {name: nn_limit_error_if, config: {limit: 1, error_if: "> 1"}}
                  - not_null: {name: nn_warn_error_if, config: {severity: warn, error_if: "> 0", warn_if: "> 10"}}
                  - not_null: {name: nn_calc, config: {fail_calc: "sum(x)"}}
                  - unique: {name: uq}
                  - unique: {name: uq_where, config: {where: "s <> 'b'"}}
                  - unique: {name: uq_limit, config: {limit: 1}}
                  - unique: {name: uq_calc, config: {fail_calc: "sum(n_records)", error_if: "> 3"}}
                  - unique: {name: uq_warn_if, config: {error_if: "> 2", warn_if: "= 2"}}
                  - accepted_values: {name: av_numbers, arguments: {values: [1, 2], quote: false}}
                  - accepted_values: {name: av_numbers_quoted, arguments: {values: [1, 3]}}
                  - accepted_values: {name: av_null_in_list, arguments: {values: [1, null], quote: false}}
              - name: s
                data_tests:
                  - unique: {name: uq_text}
                  - accepted_values: {name: av_text, arguments: {values: [a, b]}}
                  - accepted_values: {name: av_text_all, arguments: {values: [a, b, c, A]}}
                  - accepted_values: {name: av_where, arguments: {values: [a]}, config: {where: "id = 2"}}
                  - accepted_values: {name: av_limit, arguments: {values: [a]}, config: {limit: 2, warn_if: "> 1", error_if: "> 2"}}
                  - accepted_values: {name: av_calc, arguments: {values: [a]}, config: {fail_calc: "sum(n_records)"}}
                  - accepted_values: {name: av_quote_in_value, arguments: {values: ["a'b"], quote: false}}
              - name: x
                data_tests:
                  - accepted_values: {name: av_floats, arguments: {values: [1.5, 2.5], quote: false}}
                  - not_null: {name: nn_x}
              - name: b
                data_tests:
                  - accepted_values: {name: av_bool, arguments: {values: [true], quote: false}}
                  - accepted_values: {name: av_bool_quoted, arguments: {values: [true]}}
              - name: fk
                data_tests:
                  - relationships: {name: rel, arguments: {to: ref('dim'), field: k}}
                  - relationships: {name: rel_where, arguments: {to: ref('dim'), field: k}, config: {where: "fk < 25"}}
                  - relationships: {name: rel_limit, arguments: {to: ref('dim'), field: k}, config: {limit: 1, severity: warn}}
                  - relationships: {name: rel_error_if, arguments: {to: ref('dim'), field: k}, config: {error_if: "> 2"}}
                  - relationships: {name: rel_no_column, arguments: {to: ref('dim'), field: nope}}
        "#,
    );
    project.run("run").exit(0);
    let expected: BTreeMap<String, String> =
        OF_DBT.iter().map(|(name, result)| ((*name).to_owned(), (*result).to_owned())).collect();
    assert_eq!(results(&project, "test"), expected);
    // Inside the transaction that is rolled back: the same.
    assert_eq!(results(&project, "build --no-check"), expected);
}

#[test]
fn a_test_macro_of_the_project_replaces_a_built_in_test() {
    let project = project(
        "
        //- macros/tests.sql
        {% test not_null(model, column_name) %}
        select 1 as a union all select 2 union all select 3
        {% endtest %}
        //- models/a.sql
        select 1 as id
        //- models/schema.yml
        models:
          - name: a
            columns: [{name: id, data_tests: [not_null]}]
        ",
    );
    assert_eq!(results(&project, "build")["not_null_a_id"], "fail 3");
}

#[test]
fn freshness_looks_at_the_newest_row() {
    let project = project(
        "
        //- models/times.sql
        {{ config(materialized='table') }}
        select now()::timestamp - interval 90 minute as plain, now() - interval 90 minute as zoned,
            (now() at time zone 'UTC')::timestamp - interval 90 minute as utc,
            current_date as day, 1 as kind, '2020-01-01 00:00:00' as txt, now() - interval 3 minute as at
        union all
        select '2020-01-01', '2020-01-01', '2020-01-01', '2020-01-01', 2, '2020-01-01 00:00:00', '2020-01-01'
        //- models/nothing.sql
        select current_date as day where false
        //- models/schema.yml
        models:
          - name: nothing
            data_tests:
              - freshness: {name: of_nothing, arguments: {column: day, warn_after: {count: 1, period: day}}}
          - name: times
            columns:
              - name: utc
                data_tests:
                  - freshness: {name: passes, arguments: {error_after: {count: 2, period: hour}}}
                  - freshness: {name: warns, arguments: {warn_after: {count: 1, period: hour}, error_after: {count: 2, period: hour}}}
                  - freshness: {name: fails, arguments: {warn_after: {count: 10, period: minute}, error_after: {count: 1, period: hour}}}
                  - freshness: {name: fails_softly, arguments: {error_after: {count: 1, period: hour}}, config: {severity: warn}}
                  - freshness: {name: filtered, arguments: {filter: kind = 2, error_after: {count: 2, period: hour}}}
                  - freshness: {name: where, arguments: {error_after: {count: 2, period: hour}}, config: {where: kind = 2}}
              - name: zoned
                data_tests:
                  - freshness: {name: zoned_passes, arguments: {error_after: {count: 2, period: hour}}}
                  - freshness: {name: zoned_fails, arguments: {error_after: {count: 1, period: hour}}}
              - name: day
                data_tests:
                  - freshness: {name: day_passes, arguments: {error_after: {count: 2, period: day}}}
              - name: txt
                data_tests:
                  - freshness: {name: text_fails, arguments: {error_after: {count: 2, period: day}}}
              # A word of the engine's own.
              - name: at
                data_tests:
                  - freshness: {name: at_passes, arguments: {error_after: {count: 1, period: hour}}}
        ",
    );
    let expected = [
        ("at_passes", "pass 0"),
        ("day_passes", "pass 0"),
        ("fails", "fail 1"),
        ("fails_softly", "warn 1"),
        ("filtered", "fail 1"),
        ("of_nothing", "fail 1"),
        ("passes", "pass 0"),
        ("text_fails", "fail 1"),
        ("warns", "warn 1"),
        ("where", "fail 1"),
        ("zoned_fails", "fail 1"),
        ("zoned_passes", "pass 0"),
    ];
    let expected: BTreeMap<String, String> =
        expected.into_iter().map(|(name, result)| (name.to_owned(), result.to_owned())).collect();
    assert_eq!(results(&project, "build"), expected);
}

/// Every test twice: as it is, so that it shares a scan, and with a limit that changes nothing but that.
#[test]
fn a_shared_scan_gives_what_each_test_gives_alone() {
    use std::fmt::Write as _;

    const MODELS: u32 = 24;
    let project = project("//- models/schema.yml\nmodels: []\n");
    let mut yaml = String::from("models:\n");
    for n in 0..MODELS {
        // Few values, so that some repeat and some do not, and nulls in every column.
        let value = |salt: u32| format!("hash(range * 7919 + {n} * 104729 + {salt})");
        let sql = format!(
            "{{{{ config(materialized='table') }}}}\nselect\n\
             case when {} % 5 > 0 then {} % {} end as number,\n\
             case when {} % 6 > 0 then ['a', 'A', 'it''s', '', 'null'][({} % 5)::int + 1] end as word,\n\
             case when {} % 7 > 0 then (['0', '-0', 'nan', '1.5', 'inf']::double[])[({} % 5)::int + 1] end as real,\n\
             {} % 3 as kind\nfrom range({})\n",
            value(1),
            value(2),
            n % 9 + 1,
            value(3),
            value(4),
            value(5),
            value(6),
            value(7),
            n % 8,
        );
        project.write(&format!("models/m{n}.sql"), sql);
        let _ = writeln!(yaml, "  - name: m{n}\n    columns:");
        for (column, values) in [
            ("number", "{values: [0, 1, 3], quote: false}"),
            ("word", "{values: [a, \"it''s\", 'null']}"),
            ("real", "{values: [0, 1.5], quote: false}"),
        ] {
            let _ = writeln!(yaml, "      - name: {column}\n        data_tests:");
            for (test, arguments) in [("not_null", "{}"), ("unique", "{}"), ("accepted_values", values)] {
                for (w, condition) in ["", "kind = 1", "number > 0 or kind = 2"].into_iter().enumerate() {
                    let condition =
                        if condition.is_empty() { String::new() } else { format!("where: {condition}, ") };
                    for (way, limit) in [("scan", ""), ("alone", "limit: 1000")] {
                        let name = format!("{test}_m{n}_{column}_{w}_{way}");
                        let limits = ["", "error_if: '> 1', "][(n % 2) as usize];
                        let _ = writeln!(
                            yaml,
                            "          - {test}: {{name: {name}, arguments: {arguments}, \
                             config: {{{condition}{limits}{limit}}}}}"
                        );
                    }
                }
            }
        }
    }
    project.write("models/schema.yml", yaml);
    let results = results(&project, "build");
    let pairs: Vec<_> =
        results.iter().filter_map(|(name, it)| Some((name.strip_suffix("_scan")?, it))).collect();
    assert_eq!(pairs.len(), MODELS as usize * 27);
    let differ: Vec<_> =
        pairs.iter().filter(|(name, scan)| results[&format!("{name}_alone")] != **scan).collect();
    assert!(differ.is_empty(), "{differ:?}");
    for status in ["pass 0", "fail 1", "warn 1", "fail 2"] {
        assert!(pairs.iter().any(|(_, it)| *it == status), "{status} is never met");
    }
}

/// Sources of which one is fresh, one is old enough for a warning, one too old, one not there.
const SOURCES: &str = "
    //- models/sources.yml
    sources:
      - name: raw
        schema: raw
        freshness: {warn_after: {count: 1, period: hour}, error_after: {count: 1, period: day}}
        loaded_at_field: at
        tables: [{name: fresh}, {name: late}, {name: old}]
      - name: other
        schema: raw
        tables:
          - name: gone
            columns: [{name: id, data_tests: [not_null]}]
    //- models/of_fresh.sql
    select * from {{ source('raw', 'fresh') }}
    //- models/of_late.sql
    select * from {{ source('raw', 'late') }}
    //- models/of_old.sql
    select * from {{ source('raw', 'old') }}
    //- models/of_that.sql
    select * from {{ ref('of_old') }}
    //- models/of_gone.sql
    select * from {{ source('other', 'gone') }}
    ";

fn load_sources(project: &TestProject) {
    project.write(
        "load/project.yml",
        "name: load\ntargets:\n  dev: {type: duckdb, path: ../shop.duckdb, schema: raw}\ntarget: dev\n",
    );
    for (name, age) in [("fresh", "1 minute"), ("late", "2 hour"), ("old", "2 day")] {
        let sql = format!("{{{{ config(materialized='table') }}}}\nselect now() - interval {age} as at\n");
        project.write(&format!("load/models/{name}.sql"), sql);
    }
    project.run("run --project-dir load").exit(0);
}

#[test]
fn a_source_that_is_too_old_blocks_what_reads_it() {
    let project = project(SOURCES);
    load_sources(&project);
    let outcome = project.run("build --threads 1");
    outcome
        .exit(1)
        .stdout_has("skipped      view main.of_old                      (source:raw.old is stale)")
        .stdout_has("skipped      view main.of_that                     (source:raw.old is stale)")
        .stdout_has("skipped      view main.of_gone                     (source:other.gone is missing)")
        .stdout_has("error[missing-source]: the source table raw.gone does not exist")
        .stdout_has("error[test-failed]: freshness of source `raw.old`: the newest row is of ")
        .stdout_has("2 models published; 1 test passed, 1 warned, 1 failed");
    assert!(!outcome.stdout.contains("nothing is published"), "{}", outcome.stdout);
}

#[test]
fn in_a_dbt_project_an_old_source_only_warns() {
    let project = project(&format!(
        "{SOURCES}
    //- dbt_project.yml
    name: shop
    version: '1.0'
    profile: shop
    //- profiles.yml
    shop:
      target: dev
      outputs:
        dev: {{type: duckdb, path: shop.duckdb}}
    "
    ));
    load_sources(&project);
    project
        .run("build --threads 1")
        .exit(1)
        .stdout_has("4 models published; 1 test passed, 2 warned")
        .stdout_has("skipped      view main.of_gone                     (source:other.gone is missing)");
}

/// Builds a model with so many rows, one build a number; gives exit statuses and what drift said.
fn drift(arguments: &str, rows: &[u32]) -> String {
    let project = project(&format!(
        "
        //- models/m.sql
        {{{{ config(materialized='table') }}}}
        select * from range({{{{ var('rows') }}}})
        //- models/schema.yml
        models:
          - name: m
            data_tests:
              - row_count_drift: {{arguments: {{{arguments}}}}}
        "
    ));
    for n in rows {
        project.run(&format!("build --vars '{{rows: {n}}}'"));
    }
    project.query("select status, message from tidemill.test_runs order by finished_at")
}

#[test]
fn drift_is_measured_against_the_last_version_that_was_published() {
    let percent = drift("max_decrease: 10%, max_increase: 50%", &[100, 90, 80, 81, 200, 121]);
    assert_eq!(
        percent,
        "pass | first version: 100 rows, nothing to compare with\npass | NULL\nfail | 90 rows before, 80 rows now (-11.1%); the limit is 10% less\npass | NULL\nfail | 81 rows before, 200 rows now (+146.9%); the limit is 50% more\npass | NULL"
    );
    assert_eq!(
        drift("max_decrease: 5, max_increase: 5, against: previous", &[0, 5, 11, 0]),
        "pass | first version: 0 rows, nothing to compare with\npass | NULL\nfail | 5 rows before, 11 rows now (+120.0%); the limit is 5 rows more\npass | NULL"
    );
    assert_eq!(
        drift("min_rows: 1", &[0, 1, 0]),
        "fail | 0 rows now, and at least 1 row must be there\npass | first version: 1 row, nothing to compare with\nfail | 0 rows now, and at least 1 row must be there"
    );
    // An empty table can be filled again.
    assert_eq!(
        drift("max_increase: 50%", &[0, 3, 4]),
        "pass | first version: 0 rows, nothing to compare with\n\
         pass | the version before was empty: 3 rows, nothing to compare with\npass | NULL"
    );
}

#[test]
fn a_run_without_tests_is_a_version_too() {
    let project = project(
        "
        //- models/m.sql
        select * from range({{ var('rows') }})
        //- models/schema.yml
        models:
          - name: m
            data_tests: [{row_count_drift: {arguments: {max_increase: 50%}}}]
        ",
    );
    project.run("build --vars '{rows: 2}'").exit(0);
    project.run("build --vars '{rows: 20}'").exit(1);
    project.run("run --vars '{rows: 20}'").exit(0);
    project
        .run("build --vars '{rows: 21}'")
        .exit(0)
        .stdout_has("the version before was not counted: 21 rows");
    project.run("build --vars '{rows: 50}'").exit(1).stdout_has("21 rows before, 50 rows now (+138.1%)");
}
