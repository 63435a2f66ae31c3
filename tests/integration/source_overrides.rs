//! `overrides:`: a project changes a source of a package.

use serde_json::Value as Json;

use crate::project::{TestProject, project};

fn with(overrides: &str) -> TestProject {
    project(&format!(
        "
//- project.yml
name: shop
targets:
  dev: {{type: duckdb, path: shop.duckdb}}
target: dev
//- dbt_packages/lake/dbt_project.yml
name: lake
//- dbt_packages/lake/models/sources.yml
sources:
  - name: raw
    schema: of_package
    description: of the package
    loader: a loader
    tags: [of_package]
    config: {{event_time: at}}
    quoting: {{schema: false}}
    tables:
      - name: orders
        identifier: orders_of_package
        description: kept
        columns: [{{name: id, data_tests: [unique]}}]
      - name: other
        quoting: {{identifier: false}}
//- dbt_packages/lake/models/from_lake.sql
select * from {{{{ source('raw', 'orders') }}}}
//- models/mine.sql
select * from {{{{ source('raw', 'orders') }}}}
//- models/sources.yml
{overrides}"
    ))
}

const OVERRIDE: &str = "sources:
  - name: raw
    overrides: lake
    schema: main
    description: of the project
    tables:
      - name: orders
        identifier: orders_of_project
        columns: [{name: id, data_tests: [not_null]}]
";

#[test]
fn a_project_moves_the_source_of_a_package() {
    let project = with(OVERRIDE);
    project.execute("create table orders_of_project as select 7 as id");
    project.run("build").exit(0);
    assert_eq!(project.query("select id from from_lake union all select id from mine"), "7\n7");
    let manifest: Json = serde_json::from_str(&project.read("target/manifest.json")).expect("JSON");
    let ids: Vec<&String> = manifest["sources"].as_object().expect("a mapping").keys().collect();
    assert_eq!(ids, ["source.lake.raw.orders", "source.lake.raw.other"]);
    let orders = &manifest["sources"]["source.lake.raw.orders"];
    assert_eq!(orders["relation_name"], r#""shop".main."orders_of_project""#);
    assert_eq!(orders["source_description"], "of the project");
    assert_eq!(orders["description"], "kept");
    assert_eq!(orders["loader"], "a loader");
    assert_eq!(orders["tags"], serde_json::json!(["of_package"]));
    // As in dbt, the source's config goes.
    assert_eq!(orders["config"]["event_time"], Json::Null);
    let tests: Vec<&String> = manifest["nodes"]
        .as_object()
        .expect("a mapping")
        .keys()
        .filter(|it| it.starts_with("test."))
        .collect();
    assert_eq!(tests, ["test.lake.source_not_null_raw_orders_id.f232a64478"]);
}

#[test]
fn an_override_of_nothing_is_told() {
    let project = with(&format!("{OVERRIDE}      - name: orderz\n  - name: rav\n    overrides: lake\n"));
    project
        .run("parse")
        .exit(0)
        .stderr_has("warning[unused-override]: the source `raw` of `lake` has no table `orderz`")
        .stderr_has("help: did you mean `orders`?")
        .stderr_has(
            "warning[unused-override]: `overrides` names the source `rav` of `lake`, which is not there",
        );
}

#[test]
fn a_source_is_overridden_once() {
    let project = with(&format!("{OVERRIDE}  - name: raw\n    overrides: lake\n"));
    project
        .run("parse")
        .exit(2)
        .stderr_has("error[duplicate-name]: the source `raw` of `lake` is overridden twice");
}

#[test]
fn faults_of_an_override_are_found_once() {
    let project = with("sources: [{name: raw, overrides: lake, tables: [{name: orders, colums: []}]}]\n");
    project.run("parse").exit(2).stderr(
        "
        error[unknown-key]: `colums` is not a key of a table of a source
         --> models/sources.yml:1:64
          |
        1 | sources: [{name: raw, overrides: lake, tables: [{name: orders, colums: []}]}]
          |                                                                ^^^^^^ nothing reads this key
          |
        help: did you mean `columns`?

        stopped: 1 error
        ",
    );
}
