//! What the manifest says about config as it is written, tags of tests and contracts, and how states are compared by it.

use serde_json::{Value as Json, json};

use crate::project::{TestProject, project};

fn manifest(project: &TestProject) -> Json {
    serde_json::from_str(&project.read("target/manifest.json")).expect("JSON")
}

fn configured() -> TestProject {
    project(
        "
        //- project.yml
        name: shop
        targets:
          dev: {type: duckdb, path: shop.duckdb}
          prod: {type: duckdb, path: shop.duckdb, schema: prod}
        target: dev
        models:
          +materialized: \"{{ 'table' if target.name == 'prod' else 'view' }}\"
          +tags: [of_project, \"{{ target.name }}\"]
          shop: {sub: {+schema: \"{{ target.name }}_s\"}}
        //- models/m.sql
        select 1 as id
        //- models/sub/n.sql
        {{ config(tags='z') }} select 1 as id
        //- models/m.yml
        models:
          - name: m
            config: {contract: {enforced: true}, tags: [b, a]}
            constraints: [{type: check, expression: \"id > '0'\", name: c}]
            columns:
              - name: id
                data_type: integer
                tags: [of_column]
                constraints: [{type: not_null}]
                data_tests: [{unique: {config: {tags: [own]}}}, not_null]
        sources:
          - name: raw
            schema: \"{{ target.name }}_raw\"
            tables: [{name: t}]
        ",
    )
}

#[test]
fn config_is_kept_as_the_strongest_place_writes_it() {
    let project = configured();
    project.run("parse").exit(0);
    let manifest = manifest(&project);
    let nodes = &manifest["nodes"];
    let materialized = "{{ 'table' if target.name == 'prod' else 'view' }}";
    assert_eq!(nodes["model.shop.m"]["unrendered_config"]["materialized"], materialized);
    assert_eq!(nodes["model.shop.m"]["unrendered_config"]["tags"], json!(["b", "a"]));
    assert_eq!(nodes["model.shop.m"]["config"]["tags"], json!(["of_project", "dev", "b", "a"]));
    assert_eq!(nodes["model.shop.n"]["unrendered_config"]["schema"], "{{ target.name }}_s");
    assert_eq!(nodes["model.shop.n"]["config"]["schema"], "dev_s");
    let source = &manifest["sources"]["source.shop.raw.t"];
    assert_eq!(source["unrendered_schema"], "{{ target.name }}_raw");
    assert_eq!(source["schema"], "dev_raw");
}

#[test]
fn a_test_has_the_tags_of_its_column_but_not_in_its_config() {
    let project = configured();
    project.run("parse").exit(0);
    let manifest = manifest(&project);
    let nodes = manifest["nodes"].as_object().expect("a mapping");
    let unique = nodes.iter().find(|it| it.0.starts_with("test.shop.unique_")).expect("a test").1;
    assert_eq!(unique["tags"], json!(["of_column", "own"]));
    assert_eq!(unique["config"]["tags"], json!(["own"]));
    let not_null = nodes.iter().find(|it| it.0.starts_with("test.shop.not_null_")).expect("a test").1;
    assert_eq!(not_null["tags"], json!(["of_column"]));
    assert_eq!(not_null["config"]["tags"], json!([]));
    project.run("list -s tag:of_column").exit(0).stdout_has("unique_m_id");
}

/// The checksums are those that dbt 1.11 gives for the same project.
#[test]
fn a_contract_has_dbts_checksum() {
    let project = configured();
    project.run("parse").exit(0);
    let checksum =
        |project: &TestProject| manifest(project)["nodes"]["model.shop.m"]["contract"]["checksum"].clone();
    assert_eq!(checksum(&project), "7735e3d074499916ef01e210f0db94dbc0d31b496ca908b1bae21940a7f29690");
    project.run("parse --target prod").exit(0);
    assert_eq!(checksum(&project), "dfdbb9f9b8026a2b08636854fd50af0c90ae988248148030c506c6f54b6ee5aa");
}

#[test]
fn a_changed_contract_is_found_and_another_target_is_no_change() {
    let project = configured();
    project.run("parse --target prod").exit(0);
    std::fs::rename(project.dir().join("target"), project.dir().join("before")).expect("a folder");
    let select =
        |select: &str| project.run(&format!("list --resource-type model --state before -s {select}"));
    // A contract on a table promises more than one on a view.
    select("state:modified").stdout("shop.m\n");
    select("state:modified.configs").stdout("");
    project.run("parse").exit(0);
    std::fs::remove_dir_all(project.dir().join("before")).expect("a folder");
    std::fs::rename(project.dir().join("target"), project.dir().join("before")).expect("a folder");
    select("state:modified").stdout("");
    let text = project.read("models/m.yml").replace("data_type: integer", "data_type: bigint");
    project.write("models/m.yml", text);
    select("state:modified.contract").exit(0).stdout("shop.m\n");
    select("state:modified.body").stdout("");
}
