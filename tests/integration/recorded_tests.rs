//! Every result of a test is in the history: of all kinds, of all commands, whatever became of the node.

use std::fs;

use crate::project::{TestProject, project};

/// A model with a unit test; `expected` decides on its result.
fn tested() -> TestProject {
    project(
        "
        //- models/prices.sql
        select 250 as cents
        //- models/orders.sql
        select cents / 100 as amount from {{ ref('prices') }}
        //- models/orders.yml
        unit_tests:
          - name: cents_are_hundredths
            model: orders
            given: [{input: ref('prices'), rows: [{cents: 100}]}]
            expect: {rows: [{amount: \"{{ var('expected', 1) }}\"}]}
        ",
    )
}

/// What the history has of tests, without hashes and times.
fn recorded(project: &TestProject) -> String {
    project.query(
        "select regexp_extract(test_id, '^[a-z_]+\\.shop\\.([a-z_.]+?)(\\.[0-9a-f]{10})?$', 1) as test, \
         split_part(node_id, '.', -1) as node, status, failures, \
         split_part(message, chr(10), 1) as message from tidemill.test_runs order by finished_at, test",
    )
}

#[test]
fn a_build_records_tests_of_every_kind_and_fate() {
    let project = project(
        "
        //- models/sources.yml
        sources:
          - name: raw
            schema: main
            tables:
              - name: sales
                columns: [{name: id, data_tests: [not_null]}]
        //- models/good.sql
        select id from {{ source('raw', 'sales') }}
        //- models/bad.sql
        select id from {{ ref('good') }}
        //- models/after_bad.sql
        select id from {{ ref('bad') }}
        //- models/broken.sql
        select error('no such luck') as id
        //- models/beside.sql
        select 1 as id
        //- models/all.yml
        models:
          - name: good
            columns: [{name: id, data_tests: [unique, {accepted_values: {values: [1], config: {severity: warn}}}]}]
          - {name: bad, columns: [{name: id, data_tests: [{accepted_values: {values: [1]}}, not_null]}]}
          - {name: after_bad, columns: [{name: id, data_tests: [not_null]}]}
          - {name: broken, config: {materialized: table}, columns: [{name: id, data_tests: [not_null]}]}
        unit_tests:
          - name: ids_stay
            model: good
            given: [{input: \"source('raw', 'sales')\", rows: [{id: 7}]}]
            expect: {rows: [{id: 7}]}
        //- tests/alone.sql
        select 1 from {{ ref('good') }} as g, {{ ref('beside') }} as b where g.id > 100
        ",
    );
    project.execute("create table sales as select i as id from range(1, 4) as t(i)");
    project.run("build --threads 1 --no-check").exit(1);
    assert_eq!(
        project.query(
            "select regexp_replace(split_part(test_id, '.shop.', -1), '\\.[0-9a-f]{10}$', ''), \
             regexp_replace(node_id, '^([a-z]+)\\.shop\\.', '\\1 '), status, failures, message \
             from tidemill.test_runs order by 1"
        ),
        "\
accepted_values_bad_id__1 | model bad | fail | 2 | 2 failures
accepted_values_good_id__1 | model good | warn | 2 | 2 failures
alone | NULL | pass | 0 | NULL
good.ids_stay | model good | pass | 0 | NULL
not_null_after_bad_id | model after_bad | skipped | NULL | bad failed
not_null_bad_id | model bad | pass | 0 | NULL
not_null_broken_id | model broken | skipped | NULL | broken failed
source_not_null_raw_sales_id | source raw.sales | pass | 0 | NULL
unique_good_id | model good | pass | 0 | NULL"
    );
    // Skipped tests are no failures of the run, and the counts of `history` agree with its report.
    project.run("history --output csv --limit 1").stdout_has(",2,7,1,1\n");
    project.run("test --threads 1").exit(1);
    assert_eq!(
        project.query(
            "select command, list(test_runs.status order by test_id) from tidemill.runs \
             join tidemill.test_runs using (run_id) where command = 'test' group by command"
        ),
        "test | [error, warn, pass, error, error, error, pass, pass, pass]"
    );
}

#[test]
fn a_build_has_the_unit_tests_of_its_run_with_their_differences() {
    let project = tested();
    project.run("build --vars '{expected: 2}'").exit(1);
    assert_eq!(
        project.query("select node_id, status, failures, seconds > 0, message from tidemill.test_runs"),
        "model.shop.orders | fail | 1 | true | actual differs from expected:\n\n@@ ,amount\n→  ,2.0→1.0\n"
    );
    assert_eq!(project.query("select count(*), any_value(command) from tidemill.runs"), "1 | build");
}

#[test]
fn unit_tests_alone_are_recorded_if_there_is_a_database() {
    let project = tested();
    project.run("test -s test_type:unit").exit(0);
    assert!(!project.dir().join("shop.duckdb").exists(), "tests in memory make no database");
    project.run("run").exit(0);
    project.run("test -s test_type:unit").exit(0).stdout(
        "
        testing 1 unit test in shop.duckdb (target dev, 2 threads)

        test succeeded in [time]: 1 test passed
        ",
    );
    project.run("test -s test_type:unit --vars '{expected: 2}'").exit(1);
    assert_eq!(
        recorded(&project),
        "orders.cents_are_hundredths | orders | pass | 0 | NULL\n\
         orders.cents_are_hundredths | orders | fail | 1 | actual differs from expected:"
    );
    assert_eq!(
        project.query(
            "select command, status, finished_at >= started_at from tidemill.runs order by started_at"
        ),
        "run | success | true\ntest | success | true\ntest | error | true"
    );
}

#[test]
fn the_history_shows_unit_tests_and_flaky_ones() {
    let project = tested();
    project.execute("create table customers as select 1 as id");
    for expected in [1, 2, 1, 2] {
        project.run(&format!("test -s test_type:unit --vars '{{expected: {expected}}}'"));
    }
    project.run("history cents_are_hundredths").exit(0).stdout_has(
        "unit_test.shop.orders.cents_are_hundredths\n  of         model.shop.orders\n  failures   ▁█▁█  0 -> 1\n",
    );
    project.run("history orders").exit(0).stdout(
        "
        model.shop.orders

        tests:
        test                                        last  passed  results
        ------------------------------------------  ----  ------  -------
        unit_test.shop.orders.cents_are_hundredths  fail       2        4
        ",
    );
    project
        .run("history --flaky --output csv")
        .exit(0)
        .stdout("test,changes,failed,results\nunit_test.shop.orders.cents_are_hundredths,3,2,4\n");
}

#[test]
fn a_database_in_use_is_told_and_fails_no_unit_test() {
    let project = tested();
    project.run("run").exit(0);
    let holder = project.hold();
    let outcome = project.run("test -s test_type:unit --wait 60s");
    outcome
        .exit(0)
        .stdout_has("1 test passed")
        .stderr_has("the history in shop.duckdb has no word of these unit tests: it is in use by ");
    drop(holder);
    assert_eq!(recorded(&project), "");
}

#[test]
fn a_file_that_is_no_database_is_told_and_left_alone() {
    let project = tested();
    project.write("shop.duckdb", "my shopping list: bread, butter and a good deal of patience");
    project
        .run("test -s test_type:unit")
        .exit(0)
        .stderr_has("the history in shop.duckdb has no word of these unit tests: ");
    assert!(project.read("shop.duckdb").starts_with("my shopping list"));
}

#[test]
fn a_file_that_is_published_as_a_whole_takes_them_by_a_copy_while_it_is_read() {
    let project = tested();
    project.run("run --publish run").exit(0);
    let reader = project.open();
    project.run("test -s test_type:unit --publish run").exit(0).stdout(
        "
        testing 1 unit test in shop.duckdb (target dev, 2 threads)

        test succeeded in [time]: 1 test passed
        ",
    );
    drop(reader);
    assert_eq!(recorded(&project), "orders.cents_are_hundredths | orders | pass | 0 | NULL");
    let names = fs::read_dir(project.dir()).expect("a folder").filter_map(Result::ok);
    let mut names: Vec<String> = names
        .map(|it| it.file_name().to_string_lossy().into_owned())
        .filter(|it| it.contains("duckdb"))
        .collect();
    names.sort();
    assert_eq!(names, ["shop.duckdb"]);
}

#[test]
fn tests_that_were_not_begun_are_recorded_as_skipped() {
    let project = tested();
    project.write(
        "models/more.yml",
        "models:\n  - {name: prices, columns: [{name: cents, data_tests: [not_null, unique]}]}\n",
    );
    project.run("build --fail-fast --threads 1 --vars '{expected: 2}'").exit(1);
    assert_eq!(
        recorded(&project),
        "orders.cents_are_hundredths | orders | fail | 1 | actual differs from expected:\n\
         not_null_prices_cents | prices | skipped | NULL | stopped after the first failure\n\
         unique_prices_cents | prices | skipped | NULL | stopped after the first failure"
    );
}
