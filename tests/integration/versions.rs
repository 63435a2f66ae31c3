//! Versions of models, and models that will be gone.

use tidemill::parse::Body;

use crate::phases::{Checked, check_error, phases};
use crate::project::{TestProject, project};

fn columns(checked: &Checked, id: &str) -> String {
    let node = checked.graph().nodes().find(|(_, it)| it.unique_id.as_str() == id).expect("a node").1;
    node.columns.iter().map(|it| it.name.value.as_str()).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_version_takes_the_columns_that_it_includes_and_its_own() {
    let checked = phases(
        "
        //- models/s.yml
        models:
          - name: orders
            latest_version: 2
            columns: [{name: id, data_tests: [unique]}, {name: amount}, {name: day}]
            versions:
              - {v: 1, columns: [{include: all, exclude: [day]}, {name: extra}]}
              - {v: 2}
              - {v: 3, columns: [{include: [id]}]}
              - {v: 4, defined_in: fourth.sql, columns: [{name: amount, data_type: integer}]}
        //- models/orders_v1.sql
        select 1 as id
        //- models/orders.sql
        select 1 as id
        //- models/orders_v3.sql
        select 1 as id
        //- models/fourth.sql
        select 1 as id
        //- models/child.sql
        select * from {{ ref('orders') }} union all select * from {{ ref('orders', v=1) }}
        ",
    )
    .check();
    checked.shows("");
    assert_eq!(columns(&checked, "model.shop.orders.v1"), "id amount extra");
    assert_eq!(columns(&checked, "model.shop.orders.v2"), "id amount day");
    assert_eq!(columns(&checked, "model.shop.orders.v3"), "id");
    assert_eq!(columns(&checked, "model.shop.orders.v4"), "id amount day");
    let parents: Vec<&str> = {
        let graph = checked.graph();
        let child = graph.nodes().find(|(_, it)| it.name == "child").expect("child").1;
        child.parents.iter().map(|it| graph.node(*it).unique_id.as_str()).collect()
    };
    assert_eq!(parents, ["model.shop.orders.v2", "model.shop.orders.v1"]);
    let latest =
        checked.graph().nodes().find(|(_, it)| it.path.as_str() == "models/orders.sql").expect("v2").1;
    assert!(
        matches!(&latest.body, Body::Model { version: Some(it), .. } if it.version == "2" && it.is_latest)
    );
}

#[test]
fn a_list_of_versions_must_make_sense() {
    check_error(
        "
        //- models/s.yml
        models:
          - name: orders
            latest_version: 4
            columns: [{name: id}]
            versions:
              - {v: 1, columns: [{include: all, exclude: [idd]}]}
              - {v: 1}
        //- models/orders_v1.sql
        select 1 as id
        ",
        "
        error[unknown-version]: `latest_version` of `orders` is not one of its versions
         --> models/s.yml:3:21
          |
        3 |     latest_version: 4
          |                     ^ versions: 1, 1

        warning[unknown-column]: the model has no column `idd` to include or leave out
         --> models/s.yml:6:51
          |
        6 |       - {v: 1, columns: [{include: all, exclude: [idd]}]}
          |                                                   ^^^ not among the model's `columns`

        error[duplicate-version]: the version 1 of `orders` is listed twice
         --> models/s.yml:7:13
          |
        6 |       - {v: 1, columns: [{include: all, exclude: [idd]}]}
          |             - first here
        7 |       - {v: 1}
          |             ^ again here
        ",
    );
}

#[test]
fn a_model_that_will_be_gone_is_said_to_its_readers() {
    phases(
        "
        //- models/s.yml
        models:
          - name: orders
            versions: [{v: 1, deprecation_date: 2025-06-30}, {v: 2}]
          - {name: old, deprecation_date: 2030-01-01 12:00:00+02:00}
          - {name: odd, deprecation_date: soon}
        //- models/orders_v1.sql
        select 1 as id
        //- models/orders_v2.sql
        select 1 as id
        //- models/old.sql
        select 1 as id
        //- models/odd.sql
        select 1 as id
        //- models/child.sql
        select * from {{ ref('orders', v=1) }} union all select * from {{ ref('old') }}
        ",
    )
    .check()
    .shows(
        "
        error[invalid-date]: `soon` is not a date
         --> models/s.yml:5:35
          |
        5 |   - {name: odd, deprecation_date: soon}
          |                                   ^^^^ write it as 2026-12-31

        warning[deprecated-ref]: model `child` refers to `orders` version 1, which was to be gone by 2025-06-30
         --> models/child.sql:1:22
          |
        1 | select * from {{ ref('orders', v=1) }} union all select * from {{ ref('old') }}
          |                      ^^^^^^^^
          |
         ::: models/s.yml:3:41
          |
        3 |     versions: [{v: 1, deprecation_date: 2025-06-30}, {v: 2}]
          |                                         ---------- its date
          |
        help: its latest version is 2: write `ref('orders', v=2)`

        warning[deprecated-ref]: model `child` refers to `old`, which will be gone by 2030-01-01
         --> models/child.sql:1:71
          |
        1 | select * from {{ ref('orders', v=1) }} union all select * from {{ ref('old') }}
          |                                                                       ^^^^^
          |
         ::: models/s.yml:4:35
          |
        4 |   - {name: old, deprecation_date: 2030-01-01 12:00:00+02:00}
          |                                   ------------------------- its date

        warning[deprecated-model]: `orders` version 1 was to be gone by 2025-06-30
         --> models/s.yml:3:41
          |
        3 |     versions: [{v: 1, deprecation_date: 2025-06-30}, {v: 2}]
          |                                         ^^^^^^^^^^ this date is past
          |
        help: remove the model, or give it a later date
        ",
    );
}

/// A model with two versions.
fn customers(config: &str) -> TestProject {
    project(&format!(
        "
        //- models/customers_v1.sql
        select 1 as id
        //- models/customers_v2.sql
        select 1 as id, 'Ann' as name
        //- models/customers.yml
        models:
          - name: customers
            latest_version: 2
            config: {config}
            versions: [{{v: 1}}, {{v: 2}}]
        "
    ))
}

#[test]
fn a_view_shows_the_latest_version() {
    let project = customers("{materialized: table, latest_version_pointer: true}");
    project.run("build").exit(0);
    assert_eq!(project.query("from customers"), "1 | Ann");
    project.write("models/customers_v2.sql", "select 2 as id, 'Bob' as name, 5 as age\n");
    project.run("build -s customers.v2").exit(0).stderr("");
    assert_eq!(project.query("from customers"), "2 | Bob | 5");
    let views = "select view_name from duckdb_views() where not internal";
    assert_eq!(project.query(views), "customers");
}

#[test]
fn the_view_may_have_another_name_and_be_switched_on_for_all() {
    let project = customers("{latest_version_pointer: {alias: newest}}");
    let file = crate::project::PROJECT_FILE.to_owned();
    project.write("project.yml", file + "flags: {latest_version_pointer_enabled_by_default: true}\n");
    project.run("build").exit(0);
    assert_eq!(project.query("from newest"), "1 | Ann");
    let project = customers("{materialized: view}");
    project.run("build").exit(0);
    let views = "select view_name from duckdb_views() where not internal order by all";
    assert_eq!(project.query(views), "customers_v1\ncustomers_v2");
}

#[test]
fn the_view_follows_only_versions_that_pass_their_tests() {
    let project = customers("{materialized: table, latest_version_pointer: true}");
    project.run("build").exit(0);
    let tests = "data_tests: [{accepted_values: {column_name: id, arguments: {values: [1]}}}]";
    let yaml = project.read("models/customers.yml");
    project.write("models/customers.yml", yaml.trim_end().to_owned() + "\n    " + tests + "\n");
    project.write("models/customers_v2.sql", "select 2 as id\n");
    project.run("build").exit(1);
    assert_eq!(project.query("from customers"), "1 | Ann");
}

#[test]
fn the_view_takes_no_name_that_is_taken() {
    let project = customers("{latest_version_pointer: true}");
    project.write("seeds/customers.csv", "id\n1\n");
    project.run("build").exit(2).stderr_has(
        "error[duplicate-relation]: the view of the latest version of `customers` would have the name of `customers`, main.customers",
    );
    let project = customers("{latest_version_pointer: {enable: true}}");
    project
        .run("parse")
        .exit(2)
        .stderr_has("error[wrong-type]: `latest_version_pointer` has no key `enable`");
}
