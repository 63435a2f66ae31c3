//! `store_failures`: failing rows in a relation of their own, also of a version that was rolled back.

use crate::project::project;

const ORDERS: &str = "
    //- models/orders.sql
    {{ config(materialized='table') }}
    select 1 as id, 10::hugeint as amount union all select null, 20 union all select null, 30
";

fn with_test(config: &str) -> String {
    format!(
        "{ORDERS}
    //- models/properties.yml
    models:
      - name: orders
        columns:
          - name: id
            data_tests:
              - not_null: {{name: no_id, config: {config}}}
"
    )
}

#[test]
fn rows_of_a_rolled_back_version_are_kept() {
    let project = project(&with_test("{store_failures: true}"));
    project
        .run("build")
        .exit(1)
        .stdout_has("rolled back")
        .stdout_has("  to see all of them:\n    select * from \"shop\".\"dbt_test__audit\".\"no_id\"\n");
    assert_eq!(
        project.query("select id, amount, typeof(amount) from dbt_test__audit.no_id order by amount"),
        "NULL | 20 | HUGEINT\nNULL | 30 | HUGEINT"
    );
    assert_eq!(project.query("select count(*) from duckdb_tables() where table_name = 'orders'"), "0");
}

#[test]
fn a_view_of_a_rolled_back_version_is_kept_as_a_table() {
    let project = project(&with_test("{store_failures_as: view}"));
    project.run("build").exit(1);
    assert_eq!(project.query("select count(*) from dbt_test__audit.no_id"), "2");
    // What is published later can be looked at as it is: a view again.
    project.run("run").exit(0);
    project.run("test").exit(1);
    let kind = "select table_type from information_schema.tables where table_name = 'no_id'";
    assert_eq!(project.query(kind), "VIEW");
}

#[test]
fn rows_of_a_warning_are_kept_with_the_version() {
    let project = project(&with_test("{store_failures: true, severity: warn}"));
    project.run("build").exit(0);
    assert_eq!(project.query("select count(*) from dbt_test__audit.no_id"), "2");
    assert_eq!(project.query("select count(*) from orders"), "3");
}

#[test]
fn a_passed_test_leaves_an_empty_table() {
    let project = project(&with_test("{store_failures: true}"));
    project.run("build").exit(1);
    project.write(
        "models/orders.sql",
        "{{ config(materialized='table') }} select 1 as id, 5::hugeint as amount",
    );
    project.run("build").exit(0);
    assert_eq!(project.query("select count(*) from dbt_test__audit.no_id"), "0");
}

#[test]
fn the_flag_is_for_all_tests_but_those_that_say_otherwise() {
    let on = project(&with_test("{tags: [a]}"));
    on.run("build --store-failures").exit(1);
    assert_eq!(on.query("select count(*) from dbt_test__audit.no_id"), "2");
    let off = project(&with_test("{store_failures: false}"));
    off.run("build --store-failures").exit(1);
    assert_eq!(off.query("select count(*) from duckdb_tables() where table_name = 'no_id'"), "0");
    let ephemeral = project(&with_test("{store_failures: true, store_failures_as: ephemeral}"));
    ephemeral.run("build").exit(1);
    assert_eq!(ephemeral.query("select count(*) from duckdb_tables() where table_name = 'no_id'"), "0");
}

#[test]
fn an_unknown_way_to_keep_them_is_an_error_with_its_place() {
    project(&with_test("{store_failures_as: file}")).run("parse").exit(2).stderr(
        "
        error[wrong-type]: the config `store_failures_as` must be `table`, `view` or `ephemeral`
         --> models/properties.yml:6:46
          |
        6 |           - not_null: {name: no_id, config: {store_failures_as: file}}
          |                                              ^^^^^^^^^^^^^^^^^ set here

        stopped: 1 error
        ",
    );
}

#[test]
fn the_schema_follows_the_rules_of_a_dbt_project() {
    let project = project(&format!(
        "
    //- dbt_project.yml
    name: shop
    profile: shop
    //- profiles.yml
    shop:
      target: dev
      outputs:
        dev: {{type: duckdb, path: shop.duckdb}}
    {}",
        with_test("{store_failures: true}")
    ));
    project.run("build").exit(1);
    assert_eq!(project.query("select count(*) from main_dbt_test__audit.no_id"), "2");
}

#[test]
fn rows_of_a_refused_version_in_files_are_kept() {
    for config in [
        "materialized='external', location='out/m.csv'",
        "materialized='incremental', incremental_strategy='append', location='out/m'",
    ] {
        let project = project(&format!(
            "
            //- models/m.sql
            {{{{ config({config}) }}}} select 7 as id, nullif({{{{ var('v', 1) }}}}, 2) as v
            //- models/m.yml
            models:
              - name: m
                columns: [{{name: v, data_tests: [not_null]}}]
            "
        ));
        for publish in ["model", "run"] {
            project.run("build").exit(0);
            project
                .run(&format!("build --store-failures --publish {publish} --vars '{{v: 2}}'"))
                .exit(1)
                .stdout_has("rolled back");
            let table = project.query(
                "select table_schema || '.' || table_name from information_schema.tables where table_name like 'not_null%'",
            );
            assert_eq!(
                project.query(&format!("select id, v from {table}")),
                "7 | NULL",
                "{config} {publish}"
            );
        }
    }
}
