//! Tests that are built in under the names that `dbt_utils` gave them, and Tidemill's own that need no history.

use std::collections::BTreeMap;

use super::builtin_tests::results;
use super::project::{TestProject, project};

/// What dbt-core 1.11.16 with dbt-duckdb 1.11.1 and `dbt_utils` 1.4.1 gave for the project below, with
/// `dbt_utils.` before the names of the tests (`dbt build`).
const OF_DBT_UTILS: &[(&str, &str)] = &[
    ("al", "pass 0"),
    ("al_g", "fail 1"),
    ("al_none", "fail 1"),
    ("al_some", "pass 0"),
    ("ar", "fail 2"),
    ("ar_excl", "fail 3"),
    ("ar_expr", "fail 2"),
    ("ar_max", "pass 0"),
    ("ar_warn", "warn 1"),
    ("ar_where", "pass 0"),
    ("er", "fail 1"),
    ("er_g", "fail 1"),
    ("er_same", "pass 0"),
    ("ex", "fail 1"),
    ("ex_col", "fail 2"),
    ("ex_ok", "pass 0"),
    ("ex_pct", "fail 1"),
    ("ex_where", "pass 0"),
    ("fr", "pass 0"),
    ("fr_g", "fail 1"),
    ("fr_more", "fail 3"),
    ("fr_same", "fail 1"),
    ("me", "fail 3"),
    ("me_gap", "fail 5"),
    ("me_nogap", "fail 3"),
    ("me_part", "fail 3"),
    ("me_zero", "fail 2"),
    ("na", "fail 2"),
    ("na_num", "fail 1"),
    ("na_ok", "pass 0"),
    ("na_where", "fail 1"),
    ("nc", "pass 0"),
    ("nc_null", "pass 0"),
    ("nc_one", "fail 1"),
    ("nc_one_g", "fail 2"),
    ("ne", "fail 2"),
    ("ne_raw", "fail 1"),
    ("rc", "pass 0"),
    ("rc_date", "pass 0"),
    ("rc_g", "fail 1"),
    ("rc_none", "fail 1"),
    ("rc_old", "fail 1"),
    ("rc_where", "fail 1"),
    ("sv", "pass 0"),
    ("sv_day", "fail 5"),
    ("sv_group", "fail 2"),
    ("sv_null", "fail 1"),
    ("sv_two", "fail 5"),
    ("uc", "fail 1"),
    ("uc_ok", "pass 0"),
    ("uc_one", "fail 2"),
    ("uc_q", "fail 1"),
];

const PROJECT: &str = r#"
    //- models/data.sql
    {{ config(materialized='table') }}
    select * from (values
      (1, 'a', 10.0, 'x', date '2026-01-01', date '2026-01-05', 'k', 1),
      (2, 'b', 20.0, '', date '2026-01-05', date '2026-01-09', 'k', 2),
      (3, 'a', -5.0, '  ', date '2026-01-08', date '2026-01-12', 'k', 4),
      (4, null, 30.0, null, date '2026-01-12', date '2026-01-12', 'k', 5),
      (5, 'c', null, 'y', date '2026-02-01', null, 'l', 6),
      (6, 'a', 10.0, 'x', date '2026-02-03', date '2026-02-04', 'l', null)
    ) t(id, code, amount, txt, begins, ends, kind, step)
    //- models/other.sql
    {{ config(materialized='table') }}
    select * from (values ('k'), ('k'), ('k'), ('k'), ('k'), ('l'), ('l')) t(kind)
    //- models/consts.sql
    {{ config(materialized='table') }}
    select 'k' as kind, 1 as one, null::int as none, now()::timestamp - interval 3 day as seen union all select 'k', 1, null, now()::timestamp - interval 1 hour union all select 'l', 1, 7, now()::timestamp - interval 5 day
    //- models/schema.yml
    models:
      - name: data
        data_tests:
          - expression_is_true: {name: ex, arguments: {expression: "amount > 0"}}
          - expression_is_true: {name: ex_ok, arguments: {expression: "id > 0"}}
          - expression_is_true: {name: ex_where, arguments: {expression: "amount > 0"}, config: {where: "kind = 'l'"}}
          - expression_is_true: {name: ex_pct, arguments: {expression: "id < 6"}}
          - unique_combination_of_columns: {name: uc, arguments: {combination_of_columns: [code, amount]}}
          - unique_combination_of_columns: {name: uc_one, arguments: {combination_of_columns: [kind]}}
          - unique_combination_of_columns: {name: uc_ok, arguments: {combination_of_columns: [id, code]}}
          - unique_combination_of_columns: {name: uc_q, arguments: {combination_of_columns: [txt], quote_columns: true}}
          - equal_rowcount: {name: er, arguments: {compare_model: ref('other')}}
          - equal_rowcount: {name: er_g, arguments: {compare_model: ref('other'), group_by_columns: [kind]}}
          - equal_rowcount: {name: er_same, arguments: {compare_model: ref('data')}}
          - fewer_rows_than: {name: fr, arguments: {compare_model: ref('other')}}
          - fewer_rows_than: {name: fr_g, arguments: {compare_model: ref('other'), group_by_columns: [kind]}}
          - fewer_rows_than: {name: fr_same, arguments: {compare_model: ref('data')}}
          - fewer_rows_than: {name: fr_more, arguments: {compare_model: ref('consts')}}
          - mutually_exclusive_ranges: {name: me, arguments: {lower_bound_column: begins, upper_bound_column: ends}}
          - mutually_exclusive_ranges: {name: me_part, arguments: {lower_bound_column: begins, upper_bound_column: ends, partition_by: kind}}
          - mutually_exclusive_ranges: {name: me_zero, arguments: {lower_bound_column: begins, upper_bound_column: ends, partition_by: kind, zero_length_range_allowed: true}}
          - mutually_exclusive_ranges: {name: me_nogap, arguments: {lower_bound_column: begins, upper_bound_column: ends, gaps: not_allowed}}
          - mutually_exclusive_ranges: {name: me_gap, arguments: {lower_bound_column: begins, upper_bound_column: ends, gaps: required, partition_by: kind}}
        columns:
          - name: id
            data_tests:
              - sequential_values: {name: sv}
              - sequential_values: {name: sv_two, arguments: {interval: 2}}
              - accepted_range: {name: ar_expr, arguments: {max_value: "length(kind) + 3"}}
              - expression_is_true: {name: ex_col, arguments: {expression: "< 5"}}
              - not_accepted_values: {name: na_num, arguments: {values: [1, 9], quote: false}}
          - name: code
            data_tests:
              - not_accepted_values: {name: na, arguments: {values: [a, b]}}
              - not_accepted_values: {name: na_ok, arguments: {values: [z]}}
              - not_accepted_values: {name: na_where, arguments: {values: [a, b]}, config: {where: "id > 2"}}
              - at_least_one: {name: al}
              - not_constant: {name: nc}
          - name: amount
            data_tests:
              - accepted_range: {name: ar, arguments: {min_value: 0, max_value: 20}}
              - accepted_range: {name: ar_excl, arguments: {min_value: 10, inclusive: false}}
              - accepted_range: {name: ar_max, arguments: {max_value: 30}}
              - accepted_range: {name: ar_where, arguments: {min_value: 0}, config: {where: "kind = 'l'"}}
              - accepted_range: {name: ar_warn, arguments: {min_value: 0}, config: {severity: warn}}
          - name: txt
            data_tests:
              - not_empty_string: {name: ne}
              - not_empty_string: {name: ne_raw, arguments: {trim_whitespace: false}}
          - name: begins
            data_tests:
              - sequential_values: {name: sv_day, arguments: {interval: 1, datepart: day}}
              - sequential_values: {name: sv_group, arguments: {interval: 4, datepart: day, group_by_columns: [kind]}}
          - name: step
            data_tests:
              - sequential_values: {name: sv_null}
      - name: consts
        data_tests:
          - recency: {name: rc, arguments: {field: seen, datepart: day, interval: 1}}
          - recency: {name: rc_old, arguments: {field: seen, datepart: minute, interval: 5}}
          - recency: {name: rc_g, arguments: {field: seen, datepart: day, interval: 2, group_by_columns: [kind]}}
          - recency: {name: rc_where, arguments: {field: seen, datepart: day, interval: 2}, config: {where: "kind = 'l'"}}
          - recency: {name: rc_none, arguments: {field: seen, datepart: day, interval: 2}, config: {where: "kind = 'zz'"}}
          - recency: {name: rc_date, arguments: {field: seen, datepart: day, interval: 3, ignore_time_component: true}}
        columns:
          - name: one
            data_tests:
              - not_constant: {name: nc_one}
              - not_constant: {name: nc_one_g, arguments: {group_by_columns: [kind]}}
          - name: none
            data_tests:
              - at_least_one: {name: al_some}
              - at_least_one: {name: al_g, arguments: {group_by_columns: [kind]}}
              - at_least_one: {name: al_none, config: {where: "kind = 'k'"}}
              - not_constant: {name: nc_null, config: {where: "kind = 'k'"}}
    "#;

/// Results of the project, all models published.
fn of_project(text: &str, flags: &str) -> BTreeMap<String, String> {
    let project = project(text);
    project.run("run").exit(0);
    results(&project, &format!("test {flags}"))
}

#[test]
fn results_are_those_of_dbt_utils() {
    let expected: BTreeMap<String, String> =
        OF_DBT_UTILS.iter().map(|(name, result)| ((*name).to_owned(), (*result).to_owned())).collect();
    assert_eq!(of_project(PROJECT, ""), expected);
    // Each by itself: the same.
    assert_eq!(of_project(PROJECT, "--no-fuse-tests"), expected);
}

#[test]
fn an_empty_relation_is_no_equal_of_a_full_one() {
    // dbt_utils passes all of these: an empty table, or a group that one side lacks, has no count to compare.
    let expected = [
        ("equal", "fail 3"),
        ("equal_group", "fail 3"),
        ("fewer", "fail 3"),
        ("fewer_empty", "fail 1"),
        ("fewer_group", "fail 1"),
    ];
    let expected: BTreeMap<String, String> =
        expected.into_iter().map(|(name, it)| (name.to_owned(), it.to_owned())).collect();
    let found = of_project(
        "
        //- models/full.sql
        select range as id, range % 2 as kind from range(3)
        //- models/half.sql
        select range as id, 1 as kind from range(2)
        //- models/nothing.sql
        select 1 as id, 1 as kind where false
        //- models/schema.yml
        models:
          - name: nothing
            data_tests:
              - equal_rowcount: {name: equal, arguments: {compare_model: ref('full')}}
              - fewer_rows_than: {name: fewer_empty, arguments: {compare_model: ref('nothing')}}
          - name: full
            data_tests:
              - fewer_rows_than: {name: fewer, arguments: {compare_model: ref('nothing')}}
              - equal_rowcount: {name: equal_group, arguments: {compare_model: ref('half'), group_by_columns: [kind]}}
          - name: half
            data_tests:
              - fewer_rows_than: {name: fewer_group, arguments: {compare_model: ref('full'), group_by_columns: [kind]}}
        ",
        "",
    );
    assert_eq!(found, expected);
}

const OWN: &str = r"
    //- models/orders.sql
    {{ config(materialized='table') }}
    select * from (values
      (1, 'A-1', 'north', 10.5), (2, 'A-22', 'north', 20.0), (3, 'b-3', 'south', 30.0), (4, null, 'south', 40.0)
    ) t(id, code, region, amount)
    //- models/by_region.sql
    select region, sum(amount) as total, count(*) as n from {{ ref('orders') }} where region = 'north' group by 1
    union all select 'south', 69, 2 union all select 'west', 2, 0
    //- models/schema.yml
    models:
      - name: orders
        data_tests:
          - reconciles_with: {name: sums, arguments: {to: ref('by_region'), measure: sum(amount), to_measure: sum(total)}}
          - reconciles_with: {name: near, arguments: {to: ref('by_region'), measure: sum(amount), to_measure: sum(total), tolerance: 1%}}
          - reconciles_with: {name: absolute, arguments: {to: ref('by_region'), measure: sum(amount), to_measure: sum(total), tolerance: 0.5}}
          - reconciles_with: {name: groups, arguments: {to: ref('by_region'), measure: sum(amount), to_measure: sum(total), group_by: region}}
          - reconciles_with: {name: some, arguments: {to: ref('by_region'), measure: sum(amount), to_measure: sum(total), group_by: region, to_where: region <> 'west', tolerance: 2%}}
          - reconciles_with: {name: part, arguments: {to: ref('by_region'), to_measure: sum(n)}, config: {where: id > 0}}
          - column_types: {name: types, arguments: {columns: {id: int, CODE: text, amount: double, gone: date}}}
          - column_types: {name: exact, arguments: {columns: {id: int, code: varchar, region: varchar, amount: 'decimal(3,1)'}, exhaustive: true}}
          - column_types: {name: more, arguments: {columns: {id: int}, exhaustive: true}}
        columns:
          - name: id
            data_tests:
              - column_types: {name: type, arguments: {type: integer}}
          - name: code
            data_tests:
              - matches_regex: {name: regex, arguments: {regex: '[A-Z]-[0-9]'}}
              - matches_regex: {name: regex_full, arguments: {regex: '[A-Z]-[0-9]', full: true}}
              - matches_regex: {name: regex_flags, arguments: {regex: '[A-Z]-[0-9]', flags: i}}
          - name: amount
            data_tests:
              - reconciles_with: {name: column, arguments: {to: ref('by_region'), to_measure: sum(total)}}
    ";

#[test]
fn patterns_types_and_reconciliations() {
    let expected = [
        ("absolute", "fail 1"),
        ("column", "fail 1"),
        ("exact", "pass 0"),
        ("groups", "fail 2"),
        ("more", "fail 3"),
        ("near", "pass 0"),
        ("part", "pass 0"),
        ("regex", "fail 1"),
        ("regex_flags", "pass 0"),
        ("regex_full", "fail 2"),
        ("some", "pass 0"),
        ("sums", "fail 1"),
        ("type", "pass 0"),
        ("types", "fail 2"),
    ];
    let expected: BTreeMap<String, String> =
        expected.into_iter().map(|(name, it)| (name.to_owned(), it.to_owned())).collect();
    assert_eq!(of_project(OWN, ""), expected);
    assert_eq!(of_project(OWN, "--no-fuse-tests"), expected);
}

#[test]
fn a_failing_reconciliation_shows_both_measures() {
    let project = project(OWN);
    project.run("run").exit(0);
    project.run("test -s groups --threads 1").exit(1).stdout_has(
        "  for example:
    region  measure  compared_measure
    ------  -------  ----------------
    south      70.0              69.0
    west       NULL               2.0
",
    );
}

#[test]
fn a_share_of_the_rows_can_decide() {
    let text = r#"
        //- macros/tests.sql
        {% test own(model, column_name) %} select * from {{ model }} where {{ column_name }} is null {% endtest %}
        //- models/data.sql
        {{ config(materialized='table') }}
        select range as id, case when range >= 10 then 1 end as v, range % 2 as kind from range(1000)
        //- tests/lone.sql
        {{ config(error_if='> 1%', warn_if='>= 0.5%') }}
        select * from {{ ref('data') }} where id < 6
        //- models/schema.yml
        models:
          - name: data
            columns:
              - name: v
                data_tests:
                  - not_null: {name: at_limit, config: {error_if: "> 1%", warn_if: "> 1%"}}
                  - not_null: {name: above, config: {error_if: "> 0.99%"}}
                  - not_null: {name: warned, config: {error_if: "> 5%", warn_if: "> 0%"}}
                  - not_null: {name: of_part, config: {where: "id < 100", error_if: ">= 10%"}}
                  - not_null: {name: between, config: {where: "id < 100", error_if: "between 11% and 20%", warn_if: "> 10%"}}
                  - own: {name: by_macro, config: {where: "id < 50", error_if: "> 19.9%"}}
                  - unique: {name: uniq, config: {error_if: "> 50%"}}
        "#;
    let expected = [
        ("above", "fail 10"),
        ("at_limit", "pass 0"),
        ("between", "pass 0"),
        ("by_macro", "fail 10"),
        ("lone", "warn 6"),
        ("of_part", "fail 10"),
        ("uniq", "warn 1"),
        ("warned", "warn 10"),
    ];
    let expected: BTreeMap<String, String> =
        expected.into_iter().map(|(name, it)| (name.to_owned(), it.to_owned())).collect();
    assert_eq!(of_project(text, ""), expected);
    assert_eq!(of_project(text, "--no-fuse-tests"), expected);
    let project = project(text);
    project
        .run("build")
        .exit(1)
        .stdout_has("not_null on `data.v`: 10 failures of 1000 rows, 1% (error_if: > 0.99%)")
        .stdout_has("own on `data.v`: 10 failures of 50 rows, 20% (error_if: > 19.9%)")
        .stdout_has("test `lone`: 6 failures of 1000 rows, 0.6% (warn_if: >= 0.5%)");
}

#[test]
fn a_share_of_nothing_is_refused() {
    let project = project(
        r#"
        //- models/a.sql
        select 1 as id
        //- models/b.sql
        select 1 as id
        //- tests/both.sql
        {{ config(error_if='> 1%') }}
        select a.id from {{ ref('a') }} a join {{ ref('b') }} b using (id)
        //- models/schema.yml
        models:
          - name: a
            columns:
              - name: id
                data_tests:
                  - not_null: {config: {limit: 5, warn_if: "> 1%"}}
        "#,
    );
    project
        .run("build --threads 1")
        .exit(1)
        .stdout_has(
            "error[share-of-nothing]: `warn_if` in percent cannot be judged here
 --> models/schema.yml:6:43
  |
6 |           - not_null: {config: {limit: 5, warn_if: \"> 1%\"}}
  |                                           ^^^^^^^ `limit` cuts the number of failing rows, so their share is not known",
        )
        .stdout_has("skipped      test both                             (a failed)");
    project.run("run").exit(0);
    project.run("test -s both").exit(1).stdout_has("it is not known which rows are tested");
}

#[test]
fn arguments_that_cannot_be_meant_are_reported_at_their_places() {
    let project = project(
        "
        //- models/a.sql
        select 1 as id
        //- models/schema.yml
        models:
          - name: a
            data_tests:
              - accepted_range: {arguments: {min_value: 1}}
              - dbt_utils.accepted_range: {arguments: {column_name: id, min_value: 1}}
              - mutually_exclusive_ranges: {arguments: {lower_bound_column: a, upper_bound_column: b, gaps: alowed}}
              - recency: {arguments: {field: at, interval: 1}}
              - row_count_drift: {arguments: {max_decrease: 1%, against: median_of_1}}
              - sum_drift: {arguments: {max_decrease: 1%}}
              - schema_drift: {arguments: {removed: ignore}}
            columns:
              - name: id
                data_tests:
                  - accepted_range
                  - accepted_range: {arguments: {min_valeu: 1}}
                  - not_accepted_values: {arguments: {values: 3}}
                  - at_least_one: {arguments: {group_by_columns: {a: b}}}
                  - matches_regex
                  - column_types
        ",
    );
    let outcome = project.run("parse");
    outcome.exit(2);
    let faults: Vec<&str> = outcome.stderr.lines().filter(|it| it.starts_with("error[")).collect();
    assert_eq!(
        faults,
        [
            "error[missing-argument]: the test `accepted_range` needs the argument `column_name`",
            "error[unknown-test]: there is no test `dbt_utils.accepted_range`",
            "error[invalid-value]: `gaps` of the test `mutually_exclusive_ranges` cannot be `alowed`",
            "error[missing-argument]: the test `recency` needs the argument `datepart`",
            "error[invalid-value]: `against` cannot be `median_of_1`",
            "error[missing-argument]: the test `sum_drift` needs the argument `measure`",
            "error[invalid-value]: `removed` of the test `schema_drift` cannot be `ignore`",
            "error[missing-argument]: the test `accepted_range` needs the argument `min_value`",
            "error[unknown-argument]: the test `accepted_range` has no argument `min_valeu`",
            "error[wrong-type]: `values` must be a list of values",
            "error[wrong-type]: `group_by_columns` must be a list of columns",
            "error[missing-argument]: the test `matches_regex` needs the argument `regex`",
            "error[missing-argument]: the test `column_types` needs the argument `type`",
        ],
        "{}",
        outcome.stderr
    );
    outcome.stderr_has("`accepted_range` is built in: write it without its package");
}

#[test]
fn a_test_macro_of_the_project_or_a_package_comes_first() {
    let text = "
        //- models/a.sql
        select 5 as id
        //- models/schema.yml
        models:
          - name: a
            columns:
              - name: id
                data_tests:
                  - accepted_range: {name: t, arguments: {min_value: 1}}
        ";
    assert_eq!(of_project(text, "")["t"], "pass 0");
    let own = format!(
        "{text}
        //- macros/t.sql
        {{% test accepted_range(model, column_name, min_value) %}} select 1 union all select 2 {{% endtest %}}
        "
    );
    assert_eq!(of_project(&own, "")["t"], "fail 2");
    let of_package = format!(
        "{text}
        //- packages.yml
        packages: [{{local: kit}}]
        //- kit/dbt_project.yml
        name: kit
        //- kit/macros/t.sql
        {{% test accepted_range(model, column_name, min_value) %}} select 1 union all select 2 union all select 3 {{% endtest %}}
        "
    );
    let project = project(&of_package);
    project.run("deps").exit(0);
    assert_eq!(results(&project, "build")["t"], "fail 3");
}

#[test]
fn what_shares_a_query_is_explained() {
    let project = project(
        "
        //- models/eph.sql
        {{ config(materialized='ephemeral') }}
        select 1 as id
        //- models/a.sql
        select 1 as id, 'x' as code
        //- models/b.sql
        select * from {{ ref('a') }}
        //- tests/lone.sql
        select * from {{ ref('a') }} where id > 1
        //- macros/t.sql
        {% test positive(model, column_name) %} select * from {{ model }} where {{ column_name }} < 0 {% endtest %}
        //- models/schema.yml
        models:
          - name: eph
            columns: [{name: id, data_tests: [unique: {name: t0}]}]
          - name: a
            data_tests:
              - equal_rowcount: {name: t1, arguments: {compare_model: ref('b')}}
              - row_count_drift: {name: t2, arguments: {max_decrease: 1%, group_by: code}}
              - schema_drift: {name: t3}
              - expression_is_true: {name: t4, arguments: {expression: id > 0}}
            columns:
              - name: id
                data_tests:
                  - not_null: {name: t5}
                  - unique: {name: t6, config: {limit: 10}}
                  - positive: {name: t7}
                  - relationships: {name: t8, arguments: {to: ref('eph'), field: id}}
                  - sequential_values: {name: t9}
        ",
    );
    project.run("test --explain-tests").exit(0).stdout(
        "view main.a
  in one query:
    t4
    t5
  each by itself:
    lone: a query in a file
    t2: it judges groups
    t3: it looks at columns, not at rows
    t6: it has a `limit`
    t7: the macro `positive` writes its query
    t8: it reads an ephemeral model
    t9: it compares rows with their neighbours
ephemeral eph
  each by itself:
    t0: its model is ephemeral
t1
  each by itself:
    t1: it waits for nodes that are made from each other
2 in shared queries, 9 by themselves
",
    );
    project.run("test -s t5 --explain-tests --no-fuse-tests").exit(0).stdout_has("t5: --no-fuse-tests");
}

#[test]
fn the_number_of_rows_shown_can_be_set() {
    let text = "
        //- models/a.sql
        select range as id, null as v from range(20)
        //- models/schema.yml
        models:
          - name: a
            columns:
              - name: v
                data_tests: [not_null: {name: t, config: {sample_rows: 2}}]
        ";
    let shown = |project: &TestProject, flags: &str| {
        let outcome = project.run(&format!("build {flags} --log-format json"));
        let event = outcome.stdout.lines().find(|it| it.contains("\"test_finished\"")).expect("a test");
        let event: serde_json::Value = serde_json::from_str(event).expect("a JSON line");
        event["samples"].as_array().map_or(0, Vec::len)
    };
    let project = project(text);
    assert_eq!(shown(&project, ""), 2);
    assert_eq!(shown(&project, "--sample-rows 7"), 7);
    assert_eq!(shown(&project, "--sample-rows 0"), 0);
    project.run("build --sample-rows 0").exit(1).stdout_has("found before the rollback by:");
    project.write("project.yml", format!("{}data_tests:\n  +sample_rows: 3\n", super::project::PROJECT_FILE));
    project.write(
        "models/schema.yml",
        "models: [{name: a, columns: [{name: v, data_tests: [not_null: {name: t}]}]}]\n",
    );
    assert_eq!(shown(&project, ""), 3);
}

#[test]
fn keys_of_another_type_are_compared_as_in_a_join() {
    let text = "
        //- models/customers.sql
        select range as id from range(3)
        //- models/orders.sql
        select * from (values ('1', 'a'), ('02', 'b'), ('7', null)) t(customer_id, code)
        //- models/schema.yml
        models:
          - name: orders
            columns:
              - name: customer_id
                data_tests:
                  - relationships: {name: rel, arguments: {to: ref('customers'), field: id}}
                  - unique: {name: uniq}
              - name: code
                data_tests: [not_null: {name: nulls}]
        ";
    let expected = [("nulls", "fail 1"), ("rel", "fail 1"), ("uniq", "pass 0")];
    let expected: BTreeMap<String, String> =
        expected.into_iter().map(|(name, it)| (name.to_owned(), it.to_owned())).collect();
    assert_eq!(of_project(text, ""), expected);
    assert_eq!(of_project(text, "--no-fuse-tests"), expected);
}

#[test]
fn a_column_of_the_child_is_not_taken_for_one_of_the_parent() {
    let text = "
        //- models/customers.sql
        select 1 as id
        //- models/orders.sql
        select 5 as customer_id
        //- models/schema.yml
        models:
          - name: orders
            columns:
              - name: customer_id
                data_tests:
                  - relationships: {name: rel, arguments: {to: ref('customers'), field: customer_id}}
        ";
    assert_eq!(of_project(text, "")["rel"], "error -");
}
