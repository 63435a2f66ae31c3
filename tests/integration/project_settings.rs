//! Keys of the project file that are about more than nodes, and files that are left out.

use crate::phases::{check_error, phases};

#[test]
fn a_project_says_which_versions_it_is_written_for() {
    let with = |range: &str| {
        phases(&format!("//- dbt_project.yml\nname: shop\nprofile: p\nrequire-dbt-version: {range}\n//- profiles.yml\np: {{target: d, outputs: {{d: {{type: duckdb}}}}}}\n"))
            .check()
    };
    with("[\">=1.8.0\", \"<2.0.0\"]").shows("");
    with("\">=1.8.0,<2.0.0\"").shows("");
    with("\">=1.8.0\"\nflags: {version_check: true}").shows("");
    with("\">=2.0.0\"\nflags: {version_check: false}").shows("");
    with("\">=2.0.0\"").shows(
        "
        error[dbt-version]: `shop` is not written for dbt 1.11.16
         --> dbt_project.yml:3:22
          |
        3 | require-dbt-version: \">=2.0.0\"
          |                      ^^^^^^^^^ it wants >=2.0.0
          |
        note: tidemill behaves as dbt 1.11.16 does
        help: change `require-dbt-version`, or go on all the same with `--no-version-check`
        ",
    );
    with("latest").has_faults(&["error[invalid-version]: `latest` is not a range of versions"]);
}

#[test]
fn files_can_be_left_out() {
    let checked = phases(
        "
        //- .dbtignore
        # drafts, but for one
        models/drafts/*
        !models/drafts/good.sql
        *.wip.sql
        old/
        //- models/a.sql
        select 1
        //- models/b.wip.sql
        {{ broken
        //- models/drafts/x.sql
        {{ broken
        //- models/drafts/good.sql
        select 1
        //- models/old/y.sql
        {{ broken
        ",
    )
    .check();
    checked.shows("");
    let names: Vec<&str> = checked.graph().nodes().map(|(_, it)| it.name.as_str()).collect();
    assert_eq!(names, ["a", "good"]);
}

#[test]
fn the_project_file_may_ask_for_the_target() {
    let checked = phases(
        "
        //- project.yml
        name: shop
        targets: {dev: {type: duckdb}, prod: {type: duckdb}}
        target: dev
        models:
          +materialized: \"{{ 'table' if target.name == 'prod' else 'view' }}\"
        //- models/a.sql
        select 1
        ",
    )
    .target("prod")
    .check();
    checked.shows("");
    assert_eq!(checked.node("a").config.values["materialized"].value, serde_json::json!("table"));
}

#[test]
fn settings_are_checked() {
    check_error(
        "
        //- project.yml
        name: shop
        config-version: 1
        query-comment: [a]
        flags: {fial_fast: true}
        quoting: {database: maybe}
        dbt-cloud: 5
        ",
        "
        error[invalid-value]: `config-version` cannot be 1
         --> project.yml:2:17
          |
        2 | config-version: 1
          |                 ^ write `2`, or leave it out

        error[wrong-type]: `dbt-cloud` must be a mapping
         --> project.yml:6:12
          |
        6 | dbt-cloud: 5
          |            ^ this is a number

        error[wrong-type]: `database` must be `true` or `false`
         --> project.yml:5:21
          |
        5 | quoting: {database: maybe}
          |                     ^^^^^ this is a text

        error[wrong-type]: `query-comment` must be a text or a mapping with `comment`
         --> project.yml:3:16
          |
        3 | query-comment: [a]
          |                ^ this is a list

        warning[unknown-flag]: there is no flag `fial_fast`
         --> project.yml:4:9
          |
        4 | flags: {fial_fast: true}
          |         ^^^^^^^^^ nothing reads this flag
          |
        help: did you mean `fail_fast`?
        ",
    );
}

#[test]
fn config_by_folder_reaches_every_kind_of_node() {
    let checked = phases(
        "
        //- project.yml
        name: shop
        exposures: {shop: {+meta: {a: 1}}}
        unit_tests: {shop: {+tags: [quick]}}
        semantic-models: {shop: {+meta: {b: 1}}}
        metrics: {shop: {+enabled: false}}
        saved-queries: {+meta: {c: 1}}
        //- models/m.sql
        select 1 as id
        //- models/s.yml
        exposures: [{name: board, type: dashboard, owner: {name: Ann}}]
        unit_tests: [{name: check, model: m, given: [], expect: {rows: []}}]
        semantic_models: [{name: sem, model: ref('m')}]
        metrics: [{name: off, label: Off, type: simple, type_params: {measure: nope}}]
        saved_queries: [{name: ask, query_params: {metrics: []}}]
        ",
    )
    .check();
    checked.shows("");
    assert_eq!(checked.node("board").config.meta, serde_json::json!({"a": 1}));
    assert_eq!(checked.node("check").config.tags, ["quick"]);
    assert_eq!(checked.node("sem").config.meta, serde_json::json!({"b": 1}));
    assert_eq!(checked.node("ask").config.meta, serde_json::json!({"c": 1}));
    assert!(checked.graph().nodes().all(|(_, it)| it.name != "off"));
}
