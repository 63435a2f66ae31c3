//! Unit tests of models: run first, in memory, with dbt's meaning.

use serde_json::{Value as Json, json};

use crate::project::{TestProject, project};

const ORDERS: &str = "
    //- models/raw_orders.sql
    select 1::bigint as order_id, 'de' as country, 250 as cents, date '2024-01-01' as day, [1] as tags,
        {'a': 1} as info, '{}'::json as doc, true as is_paid, 0.5::double as ratio
    //- models/orders.sql
    select *, cents / 100.0 as amount, date_trunc('month', day) as month from {{ ref('raw_orders') }}
    ";

/// A project with one unit test of `orders`, as the rest of its entry.
fn orders(entry: &str) -> TestProject {
    let entry = entry.trim_start_matches('\n');
    let indent = entry.len() - entry.trim_start().len();
    let lines: Vec<String> = entry
        .lines()
        .map(|it| if it.trim().is_empty() { String::new() } else { format!("        {}", &it[indent..]) })
        .collect();
    project(&format!(
        "{ORDERS}
    //- models/u.yml
    unit_tests:
      - name: x
        model: orders
{}
",
        lines.join("\n")
    ))
}

fn results(project: &TestProject) -> Vec<(String, String)> {
    let results: Json = serde_json::from_str(&project.read("target/run_results.json")).expect("JSON");
    let text = |it: &Json, key: &str| it[key].as_str().unwrap_or_default().to_owned();
    let list = results["results"].as_array().expect("a list");
    list.iter().map(|it| (text(it, "unique_id"), text(it, "status"))).collect()
}

#[test]
fn values_of_all_kinds_are_what_their_columns_are() {
    orders(
        "
        given:
          - input: ref('raw_orders')
            rows:
              - {order_id: 1, cents: 199, day: 2024-02-15, tags: [1, 2], info: {a: 5}, doc: {k: [1]}, is_paid: true}
              - {order_id: 2, cents: null, country: \"it's\", ratio: 0.1}
        expect:
          rows:
            - {order_id: 2, amount: null, country: \"it's\", ratio: 0.1, month: null, tags: null, info: null, doc: null, is_paid: null}
            - {month: 2024-02-01, tags: [1, 2], info: {a: 5}, doc: '{\"k\":[1]}', is_paid: true, order_id: 1, amount: 1.99, country: null, ratio: null}
        ",
    )
    .run("test -s test_type:unit")
    .exit(0)
    .stdout(
        "
        testing 1 unit test in shop.duckdb (target dev, 2 threads)

        test succeeded in [time]: 1 test passed
        ",
    );
}

#[test]
fn rows_are_given_in_four_ways() {
    let project = orders(
        "
        given:
          - {input: ref('raw_orders'), format: csv, fixture: some_orders}
        expect:
          format: sql
          rows: |
            select *, 2.5 as amount, null as month from {{ ref('raw_orders') }}
        ",
    );
    project.write("tests/fixtures/some_orders.csv", "order_id,cents,is_paid\n1,250,true\n");
    project.write("tests/fixtures/expected_orders.sql", "select 3 as order_id, 3.0 as amount\n");
    project.run("test -s unit_test:x").exit(0);
    project.write(
        "models/u.yml",
        "
unit_tests:
  - name: x
    model: amounts
    given:
      - input: ref('raw_orders')
        format: sql
        rows: select 3 as order_id, 300 as cents
    expect: {format: sql, fixture: expected_orders}
",
    );
    project
        .write("models/amounts.sql", "select order_id, cents / 100 as amount from {{ ref('raw_orders') }}");
    project.run("test -s unit_test:x").exit(0);
}

#[test]
fn a_difference_is_shown_as_a_table() {
    let project = orders(
        "
        given:
          - input: ref('raw_orders')
            rows: [{order_id: 1, cents: 100}, {order_id: 2, cents: 200}, {order_id: 3, cents: 300}]
        expect:
          rows: [{order_id: 1, amount: 1}, {order_id: 2, amount: 2.5}, {order_id: 4, amount: 4}]
        ",
    );
    project.run("test -s test_type:unit").exit(1).stdout(
        "
        testing 1 unit test in shop.duckdb (target dev, 2 threads)
             failed unit test orders::x

        1 test failed

        error[unit-test-failed]: `orders` does not make the rows that `x` expects: 1 row differs, 1 row is missing, 1 row is too many
         --> models/u.yml:2:11
          |
        2 |   - name: x
          |           ^ this unit test
             order_id  amount
             --------  ----------
          ~         2  2.5 -> 2.0
          -         4  4.0
          +         3  3.0
          (1 row is as expected)

        next: tidemill test -s unit_test:x
        test failed in [time]: 1 test failed
        ",
    );
    let results: Json = serde_json::from_str(&project.read("target/run_results.json")).expect("JSON");
    let result = &results["results"][0];
    assert_eq!(result["failures"], json!(1));
    assert_eq!(result["compiled"], json!(true));
    assert_eq!(
        result["message"],
        json!("actual differs from expected:\n\n@@ ,order_id,amount\n→  ,2,2.5→2.0\n---,4,4.0\n+++,3,3.0\n")
    );
    let sql = project.read("target/compiled/shop/models/u.yml/models/x.sql");
    assert!(sql.starts_with("with __dbt__cte__raw_orders as ("), "{sql}");
    assert!(sql.trim_end().ends_with("from __dbt__cte__raw_orders"), "{sql}");
}

#[test]
fn the_warehouse_is_neither_made_nor_locked() {
    let project = orders("given: [{input: ref('raw_orders'), rows: []}]\nexpect: {rows: []}");
    project.run("test -s test_type:unit").exit(0);
    assert!(!project.dir().join("shop.duckdb").exists());
    // A file that is no database would be found by anyone who opens it.
    project.write("shop.duckdb", "this is no database at all, and long enough to be looked at");
    project.run("test -s test_type:unit").exit(0);
    project.run("test").exit(0);
    project.run("build").exit(2).stderr_has("error[database-corrupt]");
}

#[test]
fn a_build_skips_the_models_of_tests_that_fail() {
    let project = project(
        "
        //- models/a.sql
        select 1 as id
        //- models/b.sql
        {{ config(materialized='ephemeral') }}
        select id + 1 as id from {{ ref('a') }}
        //- models/c.sql
        select * from {{ ref('b') }}
        //- models/u.yml
        unit_tests:
          - {name: good, model: a, given: [], expect: {rows: [{id: 1}]}}
          - {name: bad, model: b, given: [{input: ref('a'), rows: [{id: 1}]}], expect: {rows: [{id: 3}]}}
        ",
    );
    project
        .run("build --threads 1")
        .exit(1)
        .stdout_has(
            "     failed unit test b::bad\n     1 unit test passed, 1 failed\n1/2  published    view main.a",
        )
        .stdout_has("2/2  skipped      view main.c                           (test unit_test:bad failed)");
    let expected = [
        ("unit_test.shop.a.good", "pass"),
        ("unit_test.shop.b.bad", "fail"),
        ("model.shop.a", "success"),
        ("model.shop.c", "skipped"),
    ];
    assert_eq!(results(&project), expected.map(|(id, status)| (id.to_owned(), status.to_owned())));
    project.run("build --exclude-resource-type unit_test").exit(0);
    project.run("run").exit(0);
    project.run("test").exit(1);
}

#[test]
fn the_first_failure_can_stop_the_rest() {
    let tests: Vec<String> = (0..40)
        .map(|it| format!("          - {{name: t{it}, model: a, given: [], expect: {{rows: [{{id: 2}}]}}}}"))
        .collect();
    project(&format!(
        "
        //- models/a.sql
        select 1 as id
        //- models/b.sql
        select 1 as id
        //- models/u.yml
        unit_tests:
{}
        ",
        tests.join("\n")
    ))
    .run("build --fail-fast --threads 1")
    .exit(1)
    .stdout_has("build failed in [time]: 1 test failed, 41 skipped");
}

#[test]
fn overrides_stand_in_for_macros_variables_and_environment() {
    project(
        "
        //- macros/m.sql
        {% macro inner() %}'inner'{% endmacro %}
        {% macro outer() %}{{ inner() }}{% endmacro %}
        {% macro with_args(a, b) %}{{ a + b }}{% endmacro %}
        //- models/m.sql
        select {{ outer() }} as text, {{ var('n', 1) }} as n, '{{ env_var(\"PLACE\", \"home\") }}' as place,
            {{ with_args(1, 2) }} as sum, {{ dbt.current_timestamp() }} as now, {{ current_timestamp() }} as now_2,
            '{{ invocation_id }}' as run
        //- models/u.yml
        unit_tests:
          - name: without
            model: m
            given: []
            expect: {rows: [{text: inner, n: 1, place: home, sum: 3}]}
          - name: with
            model: m
            overrides:
              macros: {inner: \"'other'\", with_args: 7, dbt.current_timestamp: \"timestamp '2024-01-01'\", invocation_id: abc}
              vars: {n: 5}
              env_vars: {PLACE: away}
            given: []
            expect:
              rows: [{text: other, n: 5, place: away, sum: 7, now: 2024-01-01, now_2: 2024-01-01 00:00:00, run: abc}]
        ",
    )
    .run("test")
    .exit(0);
}

#[test]
fn both_queries_of_an_incremental_model_are_tested() {
    let project = project(
        "
        //- models/raw.sql
        select 1 as id, timestamp '2024-01-01' as loaded
        //- models/inc.sql
        {{ config(materialized='incremental') }}
        select id, loaded from {{ ref('raw') }}
        {% if is_incremental() %} where loaded > (select max(loaded) from {{ this }}) {% endif %}
        //- models/u.yml
        unit_tests:
          - name: all_rows
            model: inc
            overrides: {macros: {is_incremental: false}}
            given: [{input: ref('raw'), rows: [{id: 1, loaded: 2024-01-01}, {id: 2, loaded: 2024-01-02 03:04:05}]}]
            expect: {rows: [{id: 1}, {id: 2}]}
          - name: new_rows
            model: inc
            overrides: {macros: {is_incremental: true}}
            given:
              - {input: ref('raw'), rows: [{id: 1, loaded: 2024-01-01}, {id: 2, loaded: 2024-01-02 03:04:05}]}
              - {input: this, rows: [{loaded: 2024-01-01}]}
            expect: {rows: [{id: 2}]}
        ",
    );
    project.run("build").exit(0);
    project.run("build").exit(0);
}

#[test]
fn inputs_are_sources_seeds_versions_ephemeral_models_and_snapshots() {
    project(
        "
        //- seeds/rates.csv
        code,rate,since
        de,1.5,2020-01-01
        at,,2021-01-01
        //- models/eph.sql
        {{ config(materialized='ephemeral') }}
        select 1 as id
        //- models/v_v1.sql
        select 1 as id
        //- models/v_v2.sql
        select 2 as id, 'x' as more
        //- snapshots/snap.sql
        {% snapshot snap %}
        {{ config(unique_key='id', strategy='check', check_cols='all') }}
        select 1 as id, 'a' as name
        {% endsnapshot %}
        //- models/all.sql
        select r.rate, year(r.since) as since, e.id as e, v1.id as v1, v.more as v2, s.name, t.id as t, l.n
        from {{ ref('rates') }} r, {{ ref('eph') }} e, {{ ref('v', v=1) }} v1, {{ ref('v') }} v, {{ ref('snap') }} s,
            {{ source('lake', 'things') }} t, {{ source('files', 'lines') }} l
        where r.code = 'de'
        //- models/s.yml
        models:
          - {name: v, latest_version: 2, versions: [{v: 1}, {v: 2}]}
        sources:
          - {name: lake, tables: [{name: things}]}
          - {name: files, tables: [{name: lines, config: {external_location: \"read_csv('nowhere.csv')\"}}]}
        //- models/u.yml
        unit_tests:
          - name: reads_all
            model: all
            given:
              - input: ref('rates')
              - {input: ref('eph'), rows: [{id: 10}]}
              - {input: \"ref('v', v=1)\", rows: [{id: 11}]}
              - {input: ref('v'), rows: [{more: z}]}
              - {input: ref('snap'), rows: [{name: n, dbt_valid_to: 2024-01-01}]}
              - {input: \"source('lake', 'things')\", rows: [{id: 12}]}
              - {input: \"source('files', 'lines')\", rows: [{n: 13}]}
            expect: {rows: [{rate: 1.5, since: 2020, e: 10, v1: 11, v2: z, name: n, t: 12, n: 13}]}
          - name: of_versions
            model: v
            given: []
            expect: {rows: [{id: 2}]}
        ",
    )
    .run("test")
    .exit(1)
    .stdout_has("failed unit test v::of_versions_v1")
    .stdout_has("test failed in [time]: 1 test failed");
}

#[test]
fn inputs_of_which_nothing_is_known_take_what_the_query_asks_for() {
    project(
        "
        //- models/m.sql
        with o as (select * from {{ source('lake', 'orders') }}), c as (select * from {{ source('lake', 'customers') }})
        select o.id, upper(c.name) as name, date_trunc('month', o.day) as month, o.note, date_part('year', c.since) as y
        from o left join c on o.customer_id = c.id
        //- models/u.yml
        sources: [{name: lake, tables: [{name: orders}, {name: customers}]}]
        unit_tests:
          - name: x
            model: m
            given:
              - {input: \"source('lake', 'orders')\", rows: [{id: 1, day: 2024-03-05}]}
              - {input: \"source('lake', 'customers')\", format: csv, rows: \"id,since\\n,\"}
            expect: {rows: [{id: 1, name: null, month: 2024-03-01, note: null, y: null}]}
        ",
    )
    .run("test")
    .exit(0);
}

#[test]
fn what_a_template_asks_of_its_inputs_is_answered_by_their_rows() {
    project(
        "
        //- models/raw.sql
        select 1 as id, 'a' as kind
        //- models/pivoted.sql
        {% set kinds = run_query('select distinct kind from ' ~ ref('raw') ~ ' order by 1').columns[0].values() %}
        select {% for kind in kinds %}count(*) filter (kind = '{{ kind }}') as n_{{ kind }}{{ ', ' if not loop.last }}{% endfor %},
            {{ adapter.get_columns_in_relation(ref('raw')) | length }} as n_columns
        from {{ ref('raw') }}
        //- models/u.yml
        unit_tests:
          - name: x
            model: pivoted
            given: [{input: ref('raw'), rows: [{kind: x}, {kind: y}, {kind: y}]}]
            expect: {rows: [{n_x: 1, n_y: 2, n_columns: 2}]}
        ",
    )
    .run("test")
    .exit(0);
}

#[test]
fn functions_and_macros_of_hooks_can_be_called() {
    project(
        "
        //- project.yml
        name: shop
        on-run-start: [\"create or replace macro twice(x) as x * 2; create or replace macro thrice(x) as x * 3\"]
        //- functions/add_tax.sql
        price * 1.2
        //- functions/f.yml
        functions:
          - name: add_tax
            arguments: [{name: price, data_type: double}]
            returns: {data_type: double}
        //- models/raw.sql
        select 1 as id
        //- models/m.sql
        select twice(id) as a, thrice(id) as b, {{ function('add_tax') }}(id) as c from {{ ref('raw') }}
        //- models/u.yml
        unit_tests:
          - name: x
            model: m
            given: [{input: ref('raw'), rows: [{id: 10}]}]
            expect: {rows: [{a: 20, b: 30, c: 12}]}
        ",
    )
    .run("test")
    .exit(0);
}

#[test]
fn tests_are_selected_by_name_tag_model_and_kind() {
    let project = project(
        "
        //- models/a.sql
        select 1 as id
        //- models/b.sql
        select * from {{ ref('a') }}
        //- models/u.yml
        unit_tests:
          - {name: first, model: a, given: [], expect: {rows: [{id: 1}]}, config: {tags: [quick]}}
          - {name: second, model: b, given: [{input: ref('a'), rows: []}], expect: {rows: []}}
          - {name: off, model: b, given: [], expect: {rows: []}, config: {enabled: false}}
        ",
    );
    let listed =
        |selector: &str| project.run(&format!("list --resource-type unit_test -s {selector}")).stdout.clone();
    assert_eq!(listed("test_type:unit"), "unit_test:shop.first\nunit_test:shop.second\n");
    assert_eq!(listed("tag:quick"), "unit_test:shop.first\n");
    assert_eq!(listed("b"), "unit_test:shop.second\n");
    assert_eq!(listed("unit_test:f*"), "unit_test:shop.first\n");
    assert_eq!(listed("test_type:unit --exclude a"), "unit_test:shop.second\n");
    project.run("test -s a").exit(0).stdout_has("test succeeded in [time]: 1 test passed");
}

#[test]
fn json_lines_show_the_difference() {
    let project = orders("given: [{input: ref('raw_orders'), rows: []}]\nexpect: {rows: [{order_id: 1}]}");
    let run = project.run("test --log-format json");
    let events = run.stdout.lines().map(|it| serde_json::from_str::<Json>(it).expect("JSON"));
    let finished = events.into_iter().find(|it| it["event"] == "test_finished").expect("a test");
    assert_eq!(finished["kind"], "unit_test");
    assert_eq!(finished["status"], "fail");
    assert_eq!(
        finished["diff"],
        json!({"equal_rows": 0, "rows": [{"expected": {"order_id": 1}, "actual": null}]})
    );
}

#[test]
fn reports_for_ci_show_the_difference() {
    let project =
        orders("given: [{input: ref('raw_orders'), rows: []}]\nexpect: {rows: [{order_id: 1, cents: 2}]}");
    project.run("test --report junit=junit.xml").exit(1);
    let report = project.read("junit.xml");
    assert!(report.contains("   order_id  cents\n   --------  -----\n-         1      2\n"), "{report}");
}

#[test]
fn a_package_brings_its_tests() {
    project(
        "
        //- models/own.sql
        select 1 as id
        //- packages.yml
        packages: [{local: ../pack}]
        //- dbt_packages/pack/dbt_project.yml
        name: pack
        version: 1.0.0
        //- dbt_packages/pack/models/theirs.sql
        select id * 2 as id from {{ ref('base') }}
        //- dbt_packages/pack/models/base.sql
        select 1 as id
        //- dbt_packages/pack/models/u.yml
        unit_tests:
          - name: doubles
            model: theirs
            given: [{input: ref('base'), rows: [{id: 4}]}]
            expect: {rows: [{id: 8}]}
        ",
    )
    .run("test")
    .exit(0)
    .stdout_has("1 test passed");
}
