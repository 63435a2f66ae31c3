//! Config by precedence, variables, and the two dialects' rules.

use serde_json::json;

use crate::phases::{Checked, check_error, phases};

fn config(checked: &Checked, model: &str, key: &str) -> serde_json::Value {
    checked.shows("");
    checked.node(model).config.values.get(key).map_or(serde_json::Value::Null, |it| it.value.clone())
}

#[test]
fn sql_is_over_properties_is_over_the_project_file() {
    let checked = phases(
        "
        //- project.yml
        name: shop
        models:
          +materialized: view
          +alias: from_project
          shop:
            +alias: from_package
            marts:
              +alias: from_folder
        //- models/plain.sql
        select 1
        //- models/marts/in_folder.sql
        select 1
        //- models/marts/described.sql
        select 1
        //- models/marts/in_sql.sql
        {{ config(alias='from_sql') }}
        select 1
        //- models/s.yml
        models:
          - {name: described, config: {alias: from_properties}}
          - {name: in_sql, config: {alias: from_properties_too}}
        ",
    )
    .check();
    for (model, alias) in [
        ("plain", "from_package"),
        ("in_folder", "from_folder"),
        ("described", "from_properties"),
        ("in_sql", "from_sql"),
    ] {
        assert_eq!(config(&checked, model, "alias"), json!(alias), "{model}");
    }
}

#[test]
fn tags_add_up_and_meta_is_merged() {
    let checked = phases(
        "
        //- project.yml
        name: shop
        models:
          shop:
            +tags: daily
            marts: {+tags: [marts, daily], +meta: {owner: ann, team: sales}}
        //- models/marts/a.sql
        {{ config(tags=['sql'], meta={'team': 'finance'}) }}
        select 1
        //- models/s.yml
        models: [{name: a, config: {tags: yaml, meta: {since: 2026}}}]
        ",
    )
    .check();
    assert_eq!(config(&checked, "a", "tags"), json!(["daily", "marts", "yaml", "sql"]));
    assert_eq!(config(&checked, "a", "meta"), json!({"owner": "ann", "team": "finance", "since": 2026}));
}

#[test]
fn a_schema_is_its_name_in_a_project_file_of_ours() {
    let checked = phases(
        "
        //- models/a.sql
        {{ config(schema='marts') }} select 1
        ",
    )
    .check();
    assert_eq!(checked.node("a").relation.as_ref().expect("a relation").render(), "\"shop\".\"marts\".\"a\"");
}

#[test]
fn a_schema_is_put_behind_the_targets_in_a_dbt_project() {
    let checked = phases(
        "
        //- dbt_project.yml
        name: shop
        profile: shop
        //- profiles.yml
        shop: {target: dev, outputs: {dev: {type: duckdb, path: shop.duckdb, schema: ann}}}
        //- models/a.sql
        {{ config(schema='marts') }} select 1
        ",
    )
    .check();
    assert_eq!(
        checked.node("a").relation.as_ref().expect("a relation").render(),
        "\"shop\".\"ann_marts\".\"a\""
    );
}

#[test]
fn failing_rows_are_stored_in_a_schema_of_each_dialect() {
    const MODEL: &str = "
        //- models/a.sql
        select 1 as id
        //- models/s.yml
        models: [{name: a, columns: [{name: id, data_tests: [unique]}]}]
        ";
    const DBT: &str = "
        //- dbt_project.yml
        name: shop
        profile: shop
        //- profiles.yml
        shop: {target: dev, outputs: {dev: {type: duckdb, path: shop.duckdb, schema: ann}}}";
    for (text, schema) in
        [(MODEL.to_owned(), "dbt_test__audit"), (format!("{DBT}{MODEL}"), "ann_dbt_test__audit")]
    {
        let checked = phases(&text).check();
        let relation = checked.node("unique_a_id").relation.clone().expect("a relation");
        assert_eq!(relation.schema.as_deref(), Some(schema));
    }
}

#[test]
fn a_config_folder_without_models_is_a_warning() {
    check_error(
        "
        //- project.yml
        name: shop
        models:
          shop:
            staging: {+materialized: view}
            mart: {+materialized: table}
            materialized: {x: view}
        //- models/marts/a.sql
        select 1
        //- models/staging/b.sql
        select 1
        ",
        "
        warning[unused-config]: no model is in `shop/mart`, so this config applies to nothing
         --> project.yml:5:5
          |
        5 |     mart: {+materialized: table}
          |     ^^^^ no folder of this name here
          |
        help: did you mean `marts`?

        warning[unused-config]: no model is in `shop/materialized`, so this config applies to nothing
         --> project.yml:6:5
          |
        6 |     materialized: {x: view}
          |     ^^^^^^^^^^^^ no folder of this name here
          |
        help: to set the config `materialized` write `+materialized`
        ",
    );
}

#[test]
fn hooks_may_be_empty() {
    check_error(
        "
        //- project.yml
        name: shop
        on-run-start: ['', null, \"{% if false %}select 1{% endif %}\", select 1]
        on-run-end:
        models: {+pre-hook: ['', null], +post-hook: ''}
        //- models/a.sql
        select 1
        ",
        "",
    );
}

#[test]
fn a_broken_hook_is_shown_in_the_project_file() {
    check_error(
        "
        //- project.yml
        name: shop
        on-run-start: \"{{ nothing_like_it() }}\"
        //- models/a.sql
        select 1
        ",
        r#"
        error[unknown-macro]: no macro or function is named `nothing_like_it`
         --> project.yml:2:15
          |
        2 | on-run-start: "{{ nothing_like_it() }}"
          |               ^^^^^^^^^^^^^^^^^^^^^^^^^
        "#,
    );
}

#[test]
fn variables_of_the_command_line_are_over_those_of_the_project() {
    let checked = phases(
        "
        //- project.yml
        name: shop
        vars: {start: 2025, shop: {region: north}, zone: a}
        //- models/a.sql
        select '{{ var('start') }} {{ var('region') }} {{ var('zone') }} {{ var('other', 'none') }}'
        ",
    )
    .var("zone", "b")
    .check();
    assert_eq!(checked.sql("a").trim(), "select '2025 north b none'");
}

#[test]
fn a_variable_that_is_nearly_known_is_shown() {
    check_error(
        "
        //- project.yml
        name: shop
        vars: {start_date: 2025}
        //- models/a.sql
        select '{{ var('startdate') }}'
        ",
        "
        error[unknown-var]: the variable `startdate` is not set and has no default
         --> models/a.sql:1:12
          |
        1 | select '{{ var('startdate') }}'
          |            ^^^^^^^^^^^^^^^^
          |
        help: did you mean `start_date`?
        ",
    );
}

#[test]
fn yaml_values_may_be_templates() {
    let checked = phases(
        "
        //- project.yml
        name: shop
        models: {+schema: \"{{ env_var('LAYER') }}\"}
        //- models/a.sql
        select 1
        //- models/s.yml
        models: [{name: a, config: {enabled: \"{{ var('on', true) }}\"}}]
        sources: [{name: raw, schema: \"{{ target.name }}_raw\", tables: [{name: sales}]}]
        ",
    )
    .env("LAYER", "gold")
    .check();
    assert_eq!(config(&checked, "a", "schema"), json!("gold"));
    assert_eq!(checked.node("sales").relation.as_ref().expect("a relation").short(), "default_raw.sales");
}

#[test]
fn a_broken_template_in_yaml_is_shown_at_its_value() {
    check_error(
        "
        //- project.yml
        name: shop
        models: {+schema: \"{{ env_var('LAYER') }}\"}
        //- models/a.sql
        select 1
        ",
        r#"
        error[unknown-env-var]: the environment variable `LAYER` is not set and has no default
         --> project.yml:2:19
          |
        2 | models: {+schema: "{{ env_var('LAYER') }}"}
          |                   ^^^^^^^^^^^^^^^^^^^^^^^^
          |
        help: set it, or give a default: `env_var('LAYER', '...')`
        "#,
    );
}

#[test]
fn a_quoted_column_is_quoted_in_its_tests() {
    // The ids are dbt-core 1.11's.
    let checked = phases(
        "
        //- models/a.sql
        select 1 as \"Order Id\"
        //- models/s.yml
        models:
          - name: a
            columns:
              - name: Order Id
                quote: true
                data_tests: [not_null, {accepted_values: {arguments: {values: [a, b]}}}]
        ",
    )
    .check();
    checked.shows("");
    let ids: Vec<&str> = checked.graph().nodes().map(|(_, node)| node.unique_id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "model.shop.a",
            "test.shop.accepted_values_a__Order_Id___a__b.cca5f5fb0a",
            "test.shop.not_null_a__Order_Id_.3678c6f630",
        ]
    );
}

#[test]
fn a_singular_test_may_be_described() {
    let checked = phases(
        "
        //- tests/assert_x.sql
        select 1 where false
        //- tests/s.yml
        data_tests:
          - name: assert_x
            description: x holds
            config: {severity: warn, tags: daily}
        ",
    )
    .check();
    assert_eq!(config(&checked, "assert_x", "severity"), json!("warn"));
    let test = checked.node("assert_x");
    assert_eq!(
        (test.description.as_str(), test.config.tags.as_slice()),
        ("x holds", &["daily".to_owned()][..])
    );
    assert_eq!(
        test.patch_path.as_ref().map(tidemill::project::files::ProjectPath::as_str),
        Some("tests/s.yml")
    );
}

#[test]
fn a_description_of_a_singular_test_that_is_not_there_is_an_error() {
    check_error(
        "
        //- tests/assert_x.sql
        select 1 where false
        //- tests/s.yml
        data_tests: [{name: asert_x}, {name: assert_x}, {name: assert_x}]
        ",
        "
        error[duplicate-properties]: the singular test `assert_x` is described twice
         --> tests/s.yml:1:56
          |
        1 | data_tests: [{name: asert_x}, {name: assert_x}, {name: assert_x}]
          |                                      --------          ^^^^^^^^ again here
          |                                      |
          |                                      first here
          |
        help: join the two entries

        error[unknown-node]: there is no singular test `asert_x`
         --> tests/s.yml:1:21
          |
        1 | data_tests: [{name: asert_x}, {name: assert_x}, {name: assert_x}]
          |                     ^^^^^^^ described here, but no file has this name
          |
        help: did you mean `assert_x`?
        ",
    );
}
