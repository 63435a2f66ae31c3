//! `compile --with-map`: the way back from compiled SQL for other programs.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value as Json;

use crate::project::{TestProject, project};

fn map(project: &TestProject, file: &str) -> Json {
    serde_json::from_str(&project.read(&format!("target/compiled/shop/{file}.map.json"))).unwrap()
}

/// Stretches as `compiled text <- file:line:column kind`.
fn told(project: &TestProject, file: &str) -> Vec<String> {
    let sql = project.read(&format!("target/compiled/shop/{file}"));
    let map = map(project, file);
    let number = |it: &Json| usize::try_from(it.as_u64().unwrap()).unwrap();
    let segment = |it: &Json| {
        let compiled = &it["compiled"];
        let text = &sql[number(&compiled["start"])..number(&compiled["end"])];
        let source = &it["source"];
        format!(
            "{text:?} <- {}:{}:{} {}",
            it["file"].as_str().unwrap(),
            source["line"],
            source["column"],
            it["kind"]
        )
    };
    map["segments"].as_array().unwrap().iter().map(segment).collect()
}

#[test]
fn every_stretch_has_its_place_in_the_projects_files() {
    let project = project(
        "
        //- macros/m.sql
        {% macro cents(column) %}{{ column }} / 100{% endmacro %}
        //- models/a.sql
        select 1 as price
        //- models/b.sql
        select
            {{ cents('price') }} as euros
        from {{ ref('a') }}
        ",
    );
    project.run("compile --with-map").exit(0);
    assert_eq!(
        told(&project, "models/b.sql"),
        [
            "\"select\\n    \" <- models/b.sql:1:1 \"copied\"",
            "\"price\" <- macros/m.sql:1:29 \"computed\"",
            "\" / 100\" <- macros/m.sql:1:38 \"copied\"",
            "\" as euros\\nfrom \" <- models/b.sql:2:25 \"copied\"",
            "\"\\\"shop\\\".\\\"main\\\".\\\"a\\\"\" <- models/b.sql:3:9 \"computed\"",
        ]
    );
    let map = map(&project, "models/b.sql");
    assert_eq!((&map["version"], &map["node"]), (&1.into(), &"model.shop.b".into()));
    assert_eq!(map["segments"][1]["compiled"]["line"], 2);
    assert_eq!(map["segments"][1]["calls"][0]["text"], "in macro `cents`, called here");
    assert_eq!(map["segments"][1]["calls"][0]["source"]["line"], 2);
}

#[test]
fn there_are_no_maps_unless_asked_for() {
    let project = project(
        "
        //- models/a.sql
        select 1 as price
        ",
    );
    project.run("compile").exit(0);
    assert!(!project.dir().join("target/compiled/shop/models/a.sql.map.json").exists());
}

#[test]
fn sql_with_a_hidden_secret_has_no_map() {
    let project = project(
        "
        //- models/a.sql
        select '{{ env_var('TIDEMILL_ENV_SECRET_KEY') }}' as key
        //- models/b.sql
        select 1 as x
        ",
    )
    .env("TIDEMILL_ENV_SECRET_KEY", "hunter-and-gatherer");
    project.run("compile --with-map");
    assert!(!project.dir().join("target/compiled/shop/models/a.sql.map.json").exists());
    assert!(project.dir().join("target/compiled/shop/models/b.sql.map.json").exists());
}

#[test]
fn a_test_of_which_nobody_wrote_the_query_has_no_map() {
    let project = project(
        "
        //- models/a.sql
        select 1 as x
        //- models/a.yml
        models:
          - name: a
            columns:
              - {name: x, data_tests: [not_null]}
        //- tests/own.sql
        select x from {{ ref('a') }} where false
        ",
    );
    project.run("compile --with-map").exit(0);
    let compiled = project.dir().join("target/compiled/shop");
    assert!(compiled.join("models/a.yml/not_null_a_x.sql").exists());
    assert!(!compiled.join("models/a.yml/not_null_a_x.sql.map.json").exists());
    assert!(compiled.join("tests/own.sql.map.json").exists());
}
