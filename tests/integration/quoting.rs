//! `quoting`: which parts of names are written in quotes.

use serde_json::Value as Json;

use crate::project::{TestProject, project};

const TARGETS: &str = "name: shop\ntargets:\n  dev: {type: duckdb, path: shop.duckdb}\ntarget: dev\n";

fn relation_name(project: &TestProject, key: &str, id: &str) -> String {
    let manifest: Json = serde_json::from_str(&project.read("target/manifest.json")).expect("JSON");
    manifest[key][id]["relation_name"].as_str().unwrap_or("nothing").to_owned()
}

#[test]
fn names_are_written_as_the_project_wants_them() {
    let project = project(&format!(
        "
//- project.yml
{TARGETS}quoting: {{database: false, schema: false}}
//- models/a.sql
{{{{ config(materialized='table') }}}}
select 1 as id, '{{{{ this }}}}' as name
//- models/b.sql
{{{{ config(materialized='table') }}}}
select '{{{{ ref('a') }}}}' as a, '{{{{ api.Relation.create(schema='s', identifier='i') }}}}' as b,
    '{{{{ api.Relation.create(schema='s', identifier='i').quote(schema=true) }}}}' as c,
    '{{{{ adapter.quote_as_configured('x', 'schema') }}}} {{{{ adapter.quote_as_configured('x', 'identifier') }}}}' as d,
    '{{{{ adapter.get_columns_in_relation(ref('a')) | map(attribute='name') | join(' ') }}}}' as e
from {{{{ ref('a') }}}}
"
    ));
    project.run("build").exit(0);
    assert_eq!(project.query("select name from a"), r#"shop.main."a""#);
    assert_eq!(project.query("select * from b"), r#"shop.main."a" | s."i" | "s"."i" | x "x" | id name"#);
    assert_eq!(relation_name(&project, "nodes", "model.shop.a"), r#"shop.main."a""#);
    let manifest: Json = serde_json::from_str(&project.read("target/manifest.json")).expect("JSON");
    assert_eq!(manifest["metadata"]["quoting"]["database"], false);
    // What is there already is found by its name, however it is written.
    project.run("build").exit(0);
}

#[test]
fn a_source_says_for_itself_how_it_is_written() {
    let project = project(&format!(
        "
//- project.yml
{TARGETS}quoting: {{database: false}}
//- models/sources.yml
sources:
  - name: raw
    schema: main
    quoting: {{schema: false}}
    tables:
      - name: orders
        columns: [{{name: id, data_tests: [unique]}}]
      - name: numbers
        identifier: numbers_to(3)
        quoting: {{identifier: false, schema: true}}
//- models/a.sql
{{{{ config(materialized='table') }}}}
select '{{{{ source('raw', 'orders') }}}}' as o, '{{{{ source('raw', 'numbers') }}}}' as n from {{{{ source('raw', 'orders') }}}}
"
    ));
    project.execute("create table orders as select 1 as id");
    project.execute("create macro numbers_to(n) as table select unnest(range(n)) as i");
    project.run("build").exit(0);
    assert_eq!(project.query("select * from a"), r#""shop".main."orders" | "shop"."main".numbers_to(3)"#);
    // In the manifest the project's word counts too, as in dbt.
    assert_eq!(relation_name(&project, "sources", "source.shop.raw.orders"), r#"shop.main."orders""#);
}

#[test]
fn a_keyword_can_be_built_all_the_same() {
    let project = project(&format!(
        "
//- project.yml
{TARGETS}quoting: {{identifier: false}}
//- models/order.sql
{{{{ config(materialized='table') }}}}
select 1 as id
//- models/order.yml
models: [{{name: order, columns: [{{name: id, data_tests: [not_null, unique]}}]}}]
"
    ));
    project.run("build").exit(0);
    assert_eq!(project.query("select count(*) from \"order\""), "1");
}

#[test]
fn quoting_that_is_no_truth_value_is_an_error() {
    let project = project(&format!("//- project.yml\n{TARGETS}quoting: {{schema: maybe}}\n"));
    project.run("parse").exit(2).stderr_has("error[wrong-type]: `schema` must be `true` or `false`");
}
