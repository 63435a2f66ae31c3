//! Resources that stand in YAML: constraints and contracts, sources, exposures, unit tests, the semantic layer.

use serde_json::{Value as Json, json};

use crate::phases::{check_error, phases};
use crate::project::{TestProject, project};

fn manifest(project: &TestProject) -> Json {
    project.run("parse").exit(0);
    serde_json::from_str(&project.read("target/manifest.json")).expect("a manifest")
}

#[test]
fn constraints_are_carried_and_foreign_keys_are_edges() {
    let project = project(
        "
        //- models/s.yml
        models:
          - name: customers
          - name: orders
            config: {materialized: table, contract: {enforced: true}}
            constraints:
              - {type: primary_key, columns: [id]}
              - {type: check, expression: amount > 0, name: positive, warn_unsupported: false}
            columns:
              - {name: id, data_type: integer, constraints: [{type: not_null}]}
              - {name: amount, data_type: integer}
              - name: customer_id
                data_type: integer
                constraints: [{type: foreign_key, to: ref('customers'), to_columns: [id]}]
        //- models/customers.sql
        select 1 as id
        //- models/orders.sql
        select 1 as id, 1 as amount, 1 as customer_id
        ",
    );
    let manifest = manifest(&project);
    let orders = &manifest["nodes"]["model.shop.orders"];
    assert_eq!(orders["depends_on"]["nodes"], json!(["model.shop.customers"]));
    assert_eq!(orders["primary_key"], json!(["id"]));
    assert_eq!(
        orders["constraints"][1],
        json!({
            "type": "check", "name": "positive", "expression": "amount > 0", "warn_unenforced": true,
            "warn_unsupported": false, "to": null, "to_columns": [], "columns": [],
        })
    );
    assert_eq!(orders["columns"]["customer_id"]["constraints"][0]["to"], json!("ref('customers')"));
}

#[test]
fn a_contract_must_say_all_that_it_enforces() {
    phases(
        "
        //- models/s.yml
        models:
          - name: orders
            config: {contract: {enforced: true}}
            columns: [{name: id, constraints: [{type: primery_key}]}, {name: b, data_type: integer}]
          - name: bare
            config: {contract: {enforced: true}}
        //- models/orders.sql
        select 1 as id
        //- models/bare.sql
        {{ config(materialized='incremental') }}
        select 1 as id
        ",
    )
    .check()
    .has_faults(&[
        "error[unknown-constraint]: `primery_key` is not a type of constraint",
        "error[incomplete-contract]: the contract of `orders` does not say the type of the column `id`",
        "error[incomplete-contract]: the contract of `bare` lists no columns",
        "error[invalid-contract]: the contract of the incremental model `bare` could be broken by a change of columns",
    ]);
}

#[test]
fn a_table_has_one_primary_key() {
    check_error(
        "
        //- models/s.yml
        models:
          - name: orders
            constraints: [{type: primary_key, columns: [id]}]
            columns: [{name: id, constraints: [{type: primary_key}]}]
        //- models/orders.sql
        select 1 as id
        ",
        "
        error[invalid-constraint]: `orders` has two primary keys
         --> models/s.yml:3:26
          |
        3 |     constraints: [{type: primary_key, columns: [id]}]
          |                          ^^^^^^^^^^^ another one
        4 |     columns: [{name: id, constraints: [{type: primary_key}]}]
          |                                               ----------- the first one
          |
        help: keep one of the two
        ",
    );
}

#[test]
fn freshness_of_a_source_is_merged_place_by_place() {
    let project = project(
        "
        //- project.yml
        name: shop
        sources: {shop: {+loaded_at_field: at}}
        //- models/s.yml
        sources:
          - name: lake
            meta: {team: core}
            quoting: {identifier: true}
            freshness: {warn_after: {count: 1, period: day}, filter: id > 0}
            tables:
              - {name: both, freshness: {error_after: {count: 2, period: day}}, external: {location: s3}}
              - {name: off, freshness: null}
              - {name: no_warning, config: {freshness: {warn_after: null, error_after: {count: 3, period: hour}}}}
              - {name: other, loaded_at_query: select max(at) from x, config: {meta: {team: own}}}
        ",
    );
    let manifest = manifest(&project);
    let source = |name: &str| manifest["sources"][format!("source.shop.lake.{name}")].clone();
    let (day, none) = (json!({"count": 1, "period": "day"}), json!({"count": null, "period": null}));
    assert_eq!(
        source("both")["freshness"],
        json!({"warn_after": day, "error_after": {"count": 2, "period": "day"}, "filter": "id > 0"})
    );
    assert_eq!(source("off")["freshness"], Json::Null);
    assert_eq!(
        source("no_warning")["freshness"],
        json!({"warn_after": none, "error_after": {"count": 3, "period": "hour"}, "filter": "id > 0"})
    );
    assert_eq!(source("other")["loaded_at_query"], json!("select max(at) from x"));
    assert_eq!(source("both")["loaded_at_field"], json!("at"));
    assert_eq!(source("both")["external"]["location"], json!("s3"));
    assert_eq!(source("both")["quoting"]["identifier"], json!(true));
    assert_eq!(source("other")["source_meta"], json!({"team": "core"}));
    assert_eq!(source("other")["meta"], json!({"team": "own"}));
}

#[test]
fn a_source_is_dated_by_a_field_or_by_a_query() {
    check_error(
        "
        //- models/s.yml
        sources: [{name: lake, tables: [{name: a, loaded_at_field: at, loaded_at_query: select 1}]}]
        ",
        "
        error[invalid-source]: the time of loading is told by a field or by a query, not by both
         --> models/s.yml:1:81
          |
        1 | sources: [{name: lake, tables: [{name: a, loaded_at_field: at, loaded_at_query: select 1}]}]
          |                                                            -- and a field       ^^^^^^^^ a query
        ",
    );
}

const UNIT_TESTS: &str = "
    //- models/a.sql
    select 1 as id
    //- models/b.sql
    select * from {{ ref('a') }} join {{ source('lake', 't') }} using (id)
    //- models/s.yml
    sources: [{name: lake, tables: [{name: t}]}]
    ";

#[test]
fn unit_tests_are_in_the_manifest() {
    let project = project(&format!(
        "{UNIT_TESTS}
    //- models/u.yml
    unit_tests:
      - name: joins
        description: it joins
        model: b
        given:
          - {{input: ref('a'), rows: [{{id: 1}}]}}
          - {{input: \"source('lake', 't')\", format: csv, fixture: rows}}
        expect: {{format: sql, rows: select 1 as id}}
        overrides: {{vars: {{x: 1}}, macros: {{is_incremental: false}}}}
        config: {{tags: [quick]}}
      - {{name: second, model: a, given: [], expect: {{format: csv, rows: \"id,name\\n1,\\n\"}}}}
    //- tests/fixtures/rows.csv
    id
    1
    "
    ));
    let manifest = manifest(&project);
    let test = &manifest["unit_tests"]["unit_test.shop.b.joins"];
    assert_eq!(test["depends_on"]["nodes"], json!(["model.shop.b"]));
    assert_eq!(test["fqn"], json!(["shop", "b", "joins"]));
    assert_eq!(test["given"][1]["rows"], json!([{"id": "1"}]));
    assert_eq!(test["given"][1]["fixture"], json!("rows"));
    assert_eq!(test["expect"], json!({"rows": "select 1 as id", "format": "sql", "fixture": null}));
    assert_eq!(test["overrides"]["vars"], json!({"x": 1}));
    let second = &manifest["unit_tests"]["unit_test.shop.a.second"];
    assert_eq!(second["expect"]["rows"], json!([{"id": "1", "name": null}]));
    project
        .run("list --resource-type unit_test")
        .exit(0)
        .stdout("unit_test:shop.joins\nunit_test:shop.second");
}

#[test]
fn a_unit_test_must_make_sense() {
    let with = |entry: &str| {
        phases(&format!("{UNIT_TESTS}\n    //- models/u.yml\n    unit_tests:\n      - {entry}\n")).check()
    };
    for (entry, fault) in [
        (
            "{name: x, model: bb, given: [], expect: {rows: []}}",
            "error[unknown-ref]: unit_test `x` refers to `bb`, which is not in this project",
        ),
        (
            "{name: x, model: b, given: [{input: ref('c'), rows: []}], expect: {rows: []}}",
            "error[unknown-ref]: unit_test `x` refers to `c`, which is not in this project",
        ),
        (
            "{name: x, model: b, given: [{input: c, rows: []}], expect: {rows: []}}",
            "error[invalid-unit-test]: `c` is not an input of a model",
        ),
        ("{name: x, model: b, given: []}", "error[missing-key]: the unit test `x` has no `expect`"),
        (
            "{name: x, model: b, given: [], expect: {rows: id}}",
            "error[invalid-fixture]: rows of the format `dict` must be a list of mappings from columns to values",
        ),
        (
            "{name: x, model: b, given: [], expect: {format: csv, fixture: nowhere}}",
            "error[unknown-fixture]: there is no fixture `nowhere`",
        ),
        (
            "{name: x, model: b, given: [], expect: {format: cvs, rows: []}}",
            "error[invalid-value]: `cvs` is not allowed as `format`",
        ),
        (
            "{name: x, model: b, given: [], expect: {rows: []}, versions: {include: [1]}}",
            "error[invalid-unit-test]: the unit test `x` picks versions of a model that has none",
        ),
    ] {
        with(entry).has_faults(&[fault]);
    }
}

#[test]
fn a_unit_test_of_an_incremental_model_says_which_query_it_means() {
    let with = |overrides: &str| {
        phases(&format!(
            "
            //- models/m.sql
            {{{{ config(materialized='incremental') }}}}
            select 1 as id {{% if is_incremental() %}} where true {{% endif %}}
            //- models/u.yml
            unit_tests: [{{name: x, model: m, given: [], expect: {{rows: []}}{overrides}}}]
            "
        ))
        .check()
    };
    with("").has_faults(&["does not say which query of an incremental model it tests"]);
    with(", overrides: {macros: {is_incremental: true}}")
        .has_faults(&["gives no rows for the table as it is"]);
    with(", overrides: {macros: {is_incremental: false}}").shows("");
}

const SEMANTIC: &str = "
    //- models/orders.sql
    select 1 as id, date '2026-01-01' as day, 5 as amount
    //- models/s.yml
    semantic_models:
      - name: orders
        model: ref('orders')
        defaults: {agg_time_dimension: ordered_at}
        entities: [{name: order, type: primary, expr: id}]
        dimensions: [{name: ordered_at, expr: day, type: time, type_params: {time_granularity: day}}]
        measures:
          - {name: revenue, agg: sum, expr: amount}
          - {name: orders_made, agg: count, expr: 1, create_metric: true}
    ";

#[test]
fn the_semantic_layer_is_carried() {
    let project = project(&format!(
        "{SEMANTIC}
    metrics:
      - {{name: total, label: Total, type: simple, type_params: {{measure: revenue}}, filter: \"{{{{ Dimension('order__x') }}}} = 1\"}}
      - {{name: per_order, label: Per order, type: ratio, type_params: {{numerator: total, denominator: orders_made}}}}
      - {{name: week, label: Week, type: cumulative, type_params: {{measure: {{name: revenue, fill_nulls_with: 0}}, window: 7 days}}}}
    saved_queries:
      - name: weekly
        query_params: {{metrics: [week, per_order], where: \"{{{{ Dimension('order__x') }}}} = 1\"}}
        exports: [{{name: out, config: {{export_as: table}}}}]
    exposures:
      - {{name: board, type: dashboard, owner: {{name: Ann, email: [a@example.com]}}, depends_on: [metric('total')]}}
    "
    ));
    let manifest = manifest(&project);
    let metric = |name: &str| manifest["metrics"][format!("metric.shop.{name}")].clone();
    assert_eq!(metric("total")["depends_on"]["nodes"], json!(["semantic_model.shop.orders"]));
    assert_eq!(
        metric("total")["filter"],
        json!({"where_filters": [{"where_sql_template": "{{ Dimension('order__x') }} = 1"}]})
    );
    assert_eq!(
        metric("per_order")["depends_on"]["nodes"],
        json!(["metric.shop.total", "metric.shop.orders_made"])
    );
    assert_eq!(metric("per_order")["type_params"]["input_measures"][1]["name"], json!("orders_made"));
    assert_eq!(
        metric("week")["type_params"]["cumulative_type_params"]["window"],
        json!({"count": 7, "granularity": "day"})
    );
    let query = &manifest["saved_queries"]["saved_query.shop.weekly"];
    assert_eq!(query["depends_on"]["nodes"], json!(["metric.shop.week", "metric.shop.per_order"]));
    assert_eq!(query["exports"][0]["config"]["alias"], json!("out"));
    let model = &manifest["semantic_models"]["semantic_model.shop.orders"];
    assert_eq!(model["node_relation"]["alias"], json!("orders"));
    assert_eq!(manifest["exposures"]["exposure.shop.board"]["metrics"], json!([["total"]]));
    project.run("build").exit(0).stdout_has("no-op").stdout_has("saved_query weekly");
}

#[test]
fn the_semantic_layer_is_checked() {
    let with = |rest: &str| phases(&format!("{SEMANTIC}\n    {rest}\n")).check();
    for (rest, fault) in [
        (
            "metrics: [{name: x, label: X, type: simple, type_params: {measure: revenu}}]",
            "error[unknown-measure]: metric `x` is made from the measure `revenu`, which is not there",
        ),
        (
            "metrics: [{name: x, label: X, type: derived, type_params: {metrics: [y], expr: y}}]",
            "error[unknown-metric]: metric `x` refers to the metric `y`, which is not in this project",
        ),
        (
            "metrics: [{name: x, label: X, type: simpel, type_params: {measure: revenue}}]",
            "error[invalid-value]: `simpel` is not allowed as `type`",
        ),
        (
            "metrics: [{name: x, type: ratio, type_params: {numerator: orders_made}}]",
            "error[missing-key]: a metric has no `label`",
        ),
        (
            "metrics: [{name: 1x, label: X, type: simple, type_params: {measure: revenue}}]",
            "error[invalid-name]: `1x` cannot be a metric's name",
        ),
        (
            "metrics: [{name: x, label: X, type: simple, type_params: {measure: revenue}, filtr: x}]",
            "error[unknown-key]: `filtr` is not a key of a metric",
        ),
        (
            "saved_queries: [{name: x, query_params: {metrics: [nope]}}]",
            "error[unknown-metric]: saved_query `x` refers to the metric `nope`, which is not in this project",
        ),
    ] {
        with(rest).has_faults(&[fault]);
    }
}

#[test]
fn a_python_model_is_known_but_not_run() {
    let project = project(
        "
        //- models/a.sql
        select 1 as id
        //- models/py.py
        def model(dbt, session):
            return dbt.ref('a')
        //- models/reader.sql
        select * from {{ ref('py') }}
        //- models/free.sql
        select * from {{ ref('a') }}
        ",
    );
    project
        .run("parse")
        .exit(0)
        .stderr_has("warning[python-model]: `py` is a Python model, which cannot be run");
    project.run("list --output name -s +reader").exit(0).stdout("a\npy\nreader");
    project
        .run("build")
        .exit(1)
        .stdout_has("error[python-model]: `py` is a Python model, which cannot be run")
        .stdout_has("skipped")
        .stdout_has("2 models published");
    project.run("build --exclude py+").exit(0).stdout_has("2 models published");
    let manifest: Json = serde_json::from_str(&project.read("target/manifest.json")).expect("a manifest");
    assert_eq!(manifest["nodes"]["model.shop.py"]["language"], json!("python"));
}

#[test]
fn macros_are_compared_with_their_entries_where_asked() {
    let with = |flag: bool| {
        phases(&format!(
            "
            //- dbt_project.yml
            name: shop
            profile: shop
            flags: {{validate_macro_args: {flag}}}
            //- profiles.yml
            shop: {{target: dev, outputs: {{dev: {{type: duckdb, path: shop.duckdb}}}}}}
            //- macros/m.sql
            {{% macro plus(a, b) %}}{{{{ a }}}} + {{{{ b }}}}{{% endmacro %}}
            //- macros/m.yml
            macros:
              - name: plus
                arguments: [{{name: a, type: integer}}, {{name: c, type: text}}]
              - {{name: minus}}
            "
        ))
        .check()
    };
    with(false).has_faults(&["warning[unknown-macro]: there is no macro `minus`"]);
    with(true).has_faults(&[
        "warning[macro-arguments]: the macro `plus` has an argument `b` where `c` is described",
        "warning[macro-arguments]: `text` is not a type of argument",
        "warning[unknown-macro]: there is no macro `minus`",
    ]);
}

#[test]
fn templates_in_properties_know_variables_and_the_target() {
    let project = project(
        "
        //- project.yml
        name: shop
        vars: {team: core}
        //- models/s.yml
        models:
          - name: \"{{ var('team') }}_orders\"
            columns: [{name: id, data_type: \"{{ 'integer' if target.type == 'duckdb' else 'text' }}\"}]
        exposures:
          - name: board
            type: dashboard
            url: \"https://example.com/{{ var('team') }}\"
            owner: {name: \"{{ var('team') }}\"}
        //- models/core_orders.sql
        select 1 as id
        ",
    );
    let manifest = manifest(&project);
    let model = &manifest["nodes"]["model.shop.core_orders"];
    assert_eq!(model["columns"]["id"]["data_type"], json!("integer"));
    let board = &manifest["exposures"]["exposure.shop.board"];
    assert_eq!(
        (&board["url"], &board["owner"]["name"]),
        (&json!("https://example.com/core"), &json!("core"))
    );
}
