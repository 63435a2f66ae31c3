//! `tidemill history`: what the history tables tell about earlier runs.

use crate::project::{TestProject, project};

/// A model whose rows and faults are decided by variables.
fn shop() -> TestProject {
    project(
        "
        //- models/orders.sql
        {{ config(materialized='table') }}
        select case when i < {{ var('bad', 0) }} then null else i end as id
        from range({{ var('rows', 3) }}) as t(i)
        //- models/orders.yml
        models:
          - name: orders
            columns: [{name: id, data_tests: [not_null]}]
        ",
    )
}

/// A run with values of its own, and with a time that cannot be mistaken.
fn build(project: &TestProject, vars: &str, exit: i32) {
    project.run(&format!("build --vars '{vars}'")).exit(exit);
}

/// Lines of CSV without the columns that differ from run to run.
fn without_times(project: &TestProject, arguments: &str) -> Vec<String> {
    let outcome = project.run(arguments);
    let mut reader = csv::Reader::from_reader(outcome.stdout.as_bytes());
    let header = reader.headers().expect("a header").clone();
    let is_kept = |index: usize| !["started_at", "finished_at", "seconds"].contains(&&header[index]);
    let line = |record: &csv::StringRecord| {
        let kept = record.iter().enumerate().filter(|(index, _)| is_kept(*index));
        kept.map(|(_, field)| field).collect::<Vec<_>>().join(",")
    };
    let records: Vec<_> = reader.records().map(|it| it.expect("a record")).collect();
    std::iter::once(&header).chain(&records).map(line).collect()
}

#[test]
fn runs_are_listed_newest_first() {
    let project = shop();
    build(&project, "{}", 0);
    build(&project, "{bad: 1}", 1);
    assert_eq!(
        without_times(&project, "history --output csv"),
        [
            "command,target,status,nodes,nodes_failed,tests,tests_warned,tests_failed",
            "build,dev,error,1,1,1,0,1",
            "build,dev,success,1,0,1,0,0"
        ]
    );
}

#[test]
fn a_node_shows_its_rows_and_its_tests() {
    let project = shop();
    for rows in [3, 4, 8] {
        build(&project, &format!("{{rows: {rows}}}"), 0);
    }
    let outcome = project.run("history orders");
    outcome.exit(0).stdout_has("model.shop.orders\n  rows       ▄▅█  3 -> 8\n").stdout_has(
        "tests:\n\
         test                                     last  passed  results\n\
         ---------------------------------------  ----  ------  -------\n\
         test.shop.not_null_orders_id.84ef11d8fe  pass       3        3\n",
    );
}

#[test]
fn a_test_shows_its_failures() {
    let project = shop();
    build(&project, "{bad: 1}", 1);
    build(&project, "{bad: 3}", 1);
    project.run("history not_null_orders_id").exit(0).stdout_has("  failures   ▃█  1 -> 3\n");
    assert_eq!(
        without_times(&project, "history not_null_orders_id --output csv"),
        ["status,failures,message", "fail,3,3 failures", "fail,1,1 failure"]
    );
}

#[test]
fn a_test_that_changes_back_and_forth_is_flaky() {
    let project = shop();
    for bad in [0, 1, 0, 0, 1] {
        build(&project, &format!("{{bad: {bad}}}"), i32::from(bad > 0));
    }
    project
        .run("history --flaky --output csv")
        .exit(0)
        .stdout("test,changes,failed,results\ntest.shop.not_null_orders_id.84ef11d8fe,3,2,5\n");
    // One incident and its repair are not yet a habit.
    project.run("history --flaky --output csv --limit 3").exit(0).stdout("test,changes,failed,results\n");
}

#[test]
fn an_unknown_name_is_refused_with_the_one_that_was_meant() {
    let project = shop();
    build(&project, "{}", 0);
    project
        .run("history ordes")
        .exit(2)
        .stderr_has("error[unknown-node]: the history has no `ordes`\nhelp: did you mean `orders`?\n");
}

#[test]
fn without_a_run_there_is_no_history() {
    let project = shop();
    project
        .run("history")
        .exit(2)
        .stderr_has("error[missing-database]: the database `shop.duckdb` does not exist yet");
    project.execute("create table something (x integer)");
    project.run("history").exit(2).stderr_has("error[no-history]: `shop.duckdb` has no history yet");
}
