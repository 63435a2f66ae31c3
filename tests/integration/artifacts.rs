//! Artifacts as other tools find them in `target/`.

use std::fs;
use std::path::Path;

use serde_json::{Value as Json, json};

use crate::project::project;

const SHOP: &str = "
//- project.yml
name: shop
//- seeds/countries.csv
code
nl
//- models/orders.sql
{{ config(materialized='table') }}
select 1 as id, 'nl' as country from {{ ref('countries') }}
//- models/report.sql
select count(*) as orders from {{ ref('orders') }}
//- models/schema.yml
models:
  - name: orders
    columns:
      - name: id
        data_tests: [unique, not_null]
";

fn read_json(dir: &Path, name: &str) -> Json {
    let text = fs::read_to_string(dir.join("target").join(name)).expect(name);
    serde_json::from_str(&text).expect(name)
}

/// Status and unique id of every result, sorted: workers end in any order.
fn statuses(results: &Json) -> Vec<(String, String)> {
    let text = |it: &Json, key: &str| it[key].as_str().expect(key).to_owned();
    let results = results["results"].as_array().expect("a list");
    let mut all: Vec<_> = results.iter().map(|it| (text(it, "unique_id"), text(it, "status"))).collect();
    all.sort();
    all
}

/// The value without what is different in every run of the program.
fn without_invocation(value: &mut Json) {
    const KEYS: [&str; 5] =
        ["created_at", "generated_at", "invocation_id", "invocation_started_at", "run_started_at"];
    match value {
        Json::Object(entries) => {
            entries.retain(|key, _| !KEYS.contains(&key.as_str()));
            entries.values_mut().for_each(without_invocation);
        }
        Json::Array(items) => items.iter_mut().for_each(without_invocation),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

#[test]
fn build_writes_manifest_run_results_and_compiled_sql() {
    let shop = project(SHOP);
    shop.run("build").exit(0);
    let manifest = read_json(shop.dir(), "manifest.json");
    assert_eq!(
        manifest["metadata"]["dbt_schema_version"],
        "https://schemas.getdbt.com/dbt/manifest/v12.json"
    );
    assert_eq!(manifest["metadata"]["adapter_type"], "duckdb");
    assert_eq!(manifest["parent_map"]["model.shop.report"], json!(["model.shop.orders"]));
    let report = &manifest["nodes"]["model.shop.report"];
    let compiled = fs::read_to_string(shop.dir().join(report["compiled_path"].as_str().expect("a path")));
    assert_eq!(report["compiled_code"], compiled.expect("compiled SQL"));

    let results = read_json(shop.dir(), "run_results.json");
    assert_eq!(results["metadata"]["invocation_id"], manifest["metadata"]["invocation_id"]);
    assert_eq!(results["args"]["which"], "build");
    let words: Vec<String> = statuses(&results).into_iter().map(|(_, status)| status).collect();
    assert_eq!(words, ["success", "success", "success", "pass", "pass"]);
}

#[test]
fn every_result_is_about_a_node_of_the_manifest() {
    let shop = project(SHOP);
    shop.run("build").exit(0);
    let (manifest, results) =
        (read_json(shop.dir(), "manifest.json"), read_json(shop.dir(), "run_results.json"));
    for (id, _) in statuses(&results) {
        assert!(manifest["nodes"].get(&id).is_some(), "{id}");
    }
}

#[test]
fn a_failing_test_and_what_it_stops_are_in_the_results() {
    let shop = project(&SHOP.replace("select 1 as id", "select null as id"));
    shop.run("build").exit(1);
    let results = read_json(shop.dir(), "run_results.json");
    let found = statuses(&results);
    let status = |start: &str| {
        let (_, status) = found.iter().find(|(id, _)| id.starts_with(start)).expect(start);
        status.as_str()
    };
    assert_eq!(status("test.shop.not_null_orders_id."), "fail");
    assert_eq!(status("test.shop.unique_orders_id."), "pass");
    assert_eq!(status("model.shop.orders"), "error");
    assert_eq!(status("model.shop.report"), "skipped");
    let results = results["results"].as_array().expect("a list");
    let failed = results.iter().find(|it| it["status"] == "fail").expect("a failure");
    assert_eq!(failed["failures"], 1);
}

#[test]
fn artifacts_are_the_same_in_every_folder_but_for_the_invocation() {
    let (one, two) = (project(SHOP), project(SHOP));
    for shop in [&one, &two] {
        shop.run("compile").exit(0);
    }
    let manifest = |dir: &Path| {
        let mut manifest = read_json(dir, "manifest.json");
        without_invocation(&mut manifest);
        manifest.to_string()
    };
    assert_eq!(manifest(one.dir()), manifest(two.dir()));
}

#[test]
fn artifacts_hold_no_absolute_path_and_no_secret() {
    let shop = project(SHOP).env("DBT_ENV_SECRET_TOKEN", "hunter2");
    shop.run("build").exit(0);
    for name in ["manifest.json", "run_results.json"] {
        let text = read_json(shop.dir(), name).to_string();
        assert!(!text.contains(&*shop.dir().to_string_lossy()), "{name} holds the project's folder");
        assert!(!text.contains("hunter2"), "{name} holds a secret");
    }
}

#[test]
fn nothing_temporary_is_left() {
    let shop = project(SHOP);
    shop.run("build").exit(0);
    let names = fs::read_dir(shop.dir().join("target")).expect("a folder");
    let mut names: Vec<String> =
        names.map(|it| it.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    assert_eq!(names, ["compiled", "manifest.json", "run_results.json"]);
}

#[test]
fn a_target_folder_that_cannot_be_made_is_named() {
    let shop = project(SHOP);
    fs::write(shop.dir().join("target"), "").expect("a file in the way");
    shop.run("parse").exit(2).stderr_has("cannot create the folder");
}
