//! `publish: run`: readers see all of a run at once or nothing of it, and the history says what happened.

use std::fs;

use crate::project::{TestProject, project};

/// A table, a view of it, a seed and a test that a variable makes fail.
fn shop(publish: &str) -> TestProject {
    let project = project(
        "
        //- models/orders.sql
        {{ config(materialized='table') }}
        select {{ var('x', 1) }} as x
        //- models/doubled.sql
        select x * 2 as y from {{ ref('orders') }}
        //- models/last.sql
        {{ config(materialized='table') }}
        select case when {{ var('good', true) }} then y end as y from {{ ref('doubled') }}
        //- models/schema.yml
        models:
          - name: last
            columns: [{name: y, data_tests: [not_null]}]
        ",
    );
    project
        .write("project.yml", format!("{}\npublish: {publish}\n", crate::project::PROJECT_FILE.trim_end()));
    project
}

/// The files beside the database.
fn files(project: &TestProject) -> Vec<String> {
    let entries = fs::read_dir(project.dir()).expect("the project's folder can be read");
    let mut names: Vec<String> =
        entries.map(|it| it.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.retain(|it| it.starts_with("shop.duckdb"));
    names.sort();
    names
}

#[test]
fn a_run_that_went_well_is_published_at_once() {
    let project = shop("run");
    project
        .run("build")
        .exit(0)
        .stdout_has("published as a whole")
        .stdout_has("made         table main.orders")
        .stdout_has("3 models made; 1 test passed")
        .stderr("published shop.duckdb: all of this run at once\n");
    assert_eq!(project.query("select y from last"), "2");
    assert_eq!(project.query("select status from tidemill.runs"), "success");
    assert_eq!(project.query("select distinct status from tidemill.node_runs"), "success");
    assert_eq!(files(&project), ["shop.duckdb"]);
}

#[test]
fn of_a_run_that_failed_nothing_is_published_but_word_of_it() {
    let project = shop("run");
    project.run("build").exit(0);
    project
        .run("build --vars '{x: 5, good: false}'")
        .exit(1)
        .stdout_has("rolled back")
        .stderr_has("nothing of this run is published: in shop.duckdb readers see what they saw before");
    assert_eq!(project.query("select x from orders"), "1");
    assert_eq!(project.query("select status from tidemill.runs order by started_at"), "success\nerror");
    assert_eq!(
        project
            .query("select node_id, status from tidemill.node_runs where status <> 'success' order by all"),
        "model.shop.doubled | not published\nmodel.shop.last | rolled back\nmodel.shop.orders | not published"
    );
    assert_eq!(project.query("select count(*) from tidemill.test_runs where status = 'fail'"), "1");
    assert_eq!(files(&project), ["shop.duckdb"]);
    let results = project.read("target/run_results.json");
    assert!(results.contains("made, but nothing of this run was published"), "{results}");
}

#[test]
fn a_first_run_may_make_a_part_of_the_project() {
    let project = shop("run");
    project.run("build -s orders").exit(0).stderr("published shop.duckdb: all of this run at once\n");
    assert_eq!(project.query("select x from orders"), "1");
    project.run("build").exit(0);
}

/// An attached database is no part of the copy, so what was made there is published, whatever becomes of the run.
#[test]
fn what_is_in_another_database_is_published_and_the_history_says_so() {
    let project = shop("run");
    let file = project
        .read("project.yml")
        .replace("path: shop.duckdb}", "path: shop.duckdb, attach: [{path: other.duckdb, alias: other}]}");
    project.write("project.yml", file);
    project.write(
        "models/there.sql",
        "{{ config(materialized='table', database='other') }} select {{ var('x', 1) }} as x",
    );
    project.run("build --vars '{x: 5, good: false}'").exit(1);
    assert_eq!(
        project.query(
            "select node_id, status from tidemill.node_runs where status <> 'rolled back' order by all"
        ),
        "model.shop.doubled | not published\nmodel.shop.orders | not published\nmodel.shop.there | success"
    );
    // The version that is there is the one that a later failure speaks of.
    project.write(
        "models/there.sql",
        "{{ config(materialized='table', database='other') }} select 1 + 'x' as x",
    );
    project.run("build -s there --no-check").exit(1).stdout_has("kept the version of 2");
}

#[test]
fn a_first_run_that_fails_leaves_its_history() {
    let project = shop("run");
    project
        .run("build --vars '{good: false}'")
        .exit(1)
        .stderr_has("nothing of this run is published: in shop.duckdb there is nothing to see yet");
    assert_eq!(project.query("select status from tidemill.runs"), "error");
    assert_eq!(project.query("select count(*) from duckdb_tables() where schema_name = 'main'"), "0");
}

#[test]
fn failing_rows_that_are_kept_outlive_the_run() {
    let project = shop("run");
    project.run("build").exit(0);
    project.run("build --store-failures --vars '{x: 5, good: false}'").exit(1);
    let table = project.query("select table_schema || '.' || table_name from information_schema.tables where table_name like 'not_null%'");
    assert_eq!(project.query(&format!("select count(*) from {table}")), "1");
    assert_eq!(project.query("select x from orders"), "1");
}

#[test]
fn retry_makes_all_of_a_run_that_was_not_published() {
    let project = shop("run");
    project.run("build --vars '{x: 5, good: false}'").exit(1);
    project.run("retry --vars '{x: 6}'").exit(0);
    assert_eq!(project.query("select y from last"), "12");
}

#[test]
fn what_was_not_selected_is_carried_over() {
    let project = shop("run");
    project.run("build").exit(0);
    project.run("build -s last --vars '{x: 9}'").exit(0);
    assert_eq!(project.query("select x from orders"), "1");
}

#[test]
fn a_view_that_would_break_stops_the_publication() {
    let project = shop("run");
    project.run("build").exit(0);
    let config = project.read("project.yml");
    project.write("project.yml", config + "on-run-end: create or replace table orders as select 1 as z\n");
    project
        .run("build -s orders")
        .exit(1)
        .stderr_has("error[not-published]: the run went well, but `shop.duckdb` was not replaced")
        .stderr_has("main.doubled cannot be read in the new version");
    assert_eq!(project.query("select y from doubled"), "2");
    assert_eq!(files(&project), ["shop.duckdb"]);
}

#[test]
fn readers_are_neither_in_the_way_nor_disturbed() {
    let project = shop("run");
    project.run("build").exit(0);
    // Who holds the file for reading would make any other way of writing to it fail.
    let mut reader = project.open();
    assert_eq!(reader.query("select x from orders", None).expect("a row").rows[0][0].to_string(), "1");
    project.run("build --vars '{x: 7}'").exit(0);
    assert_eq!(reader.query("select x from orders", None).expect("a row").rows[0][0].to_string(), "1");
    assert_eq!(project.query("select x from orders"), "7");
}

#[test]
fn old_versions_are_kept_and_can_be_brought_back() {
    let project = shop("{mode: run, keep: 2}");
    for x in 1..=4 {
        project.run(&format!("build --vars '{{x: {x}}}'")).exit(0);
    }
    let list = project.run("rollback --list");
    list.exit(0);
    assert_eq!(list.stdout.lines().count(), 2, "{}", list.stdout);
    project.run("rollback").exit(0).stderr_has("the one before is kept");
    assert_eq!(project.query("select x from orders"), "3");
    // The runs since then are known, and so is the way back.
    assert_eq!(
        project.query("select command, count(*) from tidemill.runs group by all order by all"),
        "build | 4\nrollback | 1"
    );
    project.run("rollback 20000101T000000Z").exit(2).stderr_has("error[unknown-version]");
}

#[test]
fn without_old_versions_there_is_nothing_to_go_back_to() {
    let project = shop("run");
    project.run("build").exit(0);
    project
        .run("rollback")
        .exit(2)
        .stderr_has("error[unknown-version]: no old version of `shop.duckdb` is kept")
        .stderr_has("`publish: {mode: run, keep: 3}` in the project file keeps three");
}

#[test]
fn the_copy_of_a_failed_run_is_kept_on_request() {
    let project = shop("{mode: run, keep_failed: true}");
    project
        .run("build --vars '{good: false}'")
        .exit(1)
        .stderr_has("the copy that this run worked in is ")
        .stderr_has("shop.duckdb.tidemill-failed");
    assert_eq!(files(&project), ["shop.duckdb", "shop.duckdb.tidemill-failed"]);
}

#[test]
fn the_command_line_wins() {
    let project = shop("run");
    project.run("build --publish model").exit(0).stdout_has("3 models published");
    let project = shop("model").env("TIDEMILL_PUBLISH", "run");
    project.run("build").exit(0).stdout_has("3 models made");
    project.run("build --publish all").exit(2).stderr_has("`all` is neither `model` nor `run`");
}

#[test]
fn other_commands_are_published_as_a_whole_too() {
    let project = shop("run");
    project.run("run").exit(0).stdout_has("3 models built");
    project.run("test").exit(0);
    assert_eq!(project.query("select command from tidemill.runs order by started_at"), "run\ntest");
}

#[test]
fn a_database_in_memory_cannot_be_published_as_a_whole() {
    project(
        "
        //- project.yml
        name: shop
        target: dev
        targets: {dev: {path: ':memory:'}}
        publish: run
        //- models/a.sql
        select 1 as x
        ",
    )
    .run("build")
    .exit(2)
    .stderr_has("error[unsupported-publish]: `:memory:` cannot be published as a whole");
}

#[test]
fn faults_in_the_config_have_their_place() {
    shop("all").run("parse").exit(2).stderr_has("error[wrong-type]: `publish` must be `model` or `run`");
    shop("{mode: run, keep: many}").run("parse").exit(2).stderr_has("`keep` must be a number of versions");
    shop("{mode: run, keeps: 3}").run("parse").exit(2).stderr_has("did you mean `keep`?");
}
