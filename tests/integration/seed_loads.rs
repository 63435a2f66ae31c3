//! Seeds as commands load them: what is not loaded again, and what is said about files that cannot be loaded.

use crate::project::{TestProject, project};

fn people() -> TestProject {
    project(
        "
        //- seeds/people.csv
        id,name
        1,Ann
        2,Bob
        //- seeds/seeds.yml
        seeds:
          - name: people
            columns:
              - name: id
                data_tests: [unique]
        ",
    )
}

fn loads(project: &TestProject) -> String {
    project.query("select status from tidemill.node_runs order by finished_at, status")
}

#[test]
fn a_seed_that_did_not_change_is_not_loaded_again() {
    let project = people();
    project.run("build --threads 1").exit(0).stdout(
        "
        building 1 seed, 1 test in shop.duckdb (target dev, 1 thread)
        1/1  published    seed main.people                      2 rows [time]
             1 test passed

        build succeeded in [time]: 1 seed published; 1 test passed
        ",
    );
    let again = project.run("build --threads 1");
    again.exit(0).stdout_has("1/1  unchanged    seed main.people                      since 2");
    again.stdout_has("build succeeded in [time]: 1 seed unchanged; 1 test passed");
    assert_eq!(loads(&project), "success\nunchanged");
    assert_eq!(project.query("select count(*) from tidemill.test_runs where status = 'pass'"), "2");
    let results = project.read("target/run_results.json");
    assert!(results.contains(r#""status":"success""#), "{results}");
    assert!(results.contains("UNCHANGED since "), "{results}");
    assert!(!results.contains("rows_affected"), "{results}");
}

#[test]
fn whatever_decides_on_the_table_makes_a_seed_be_loaded() {
    let project = people();
    project.run("seed").exit(0);
    project.run("seed --full-refresh").exit(0);
    assert_eq!(loads(&project), "success\nsuccess");
    project.write("seeds/people.csv", "id,name\n1,Ann\n2,Eve\n");
    project.run("seed").exit(0);
    project.write("seeds/more.yml", "seeds: []\n");
    project.run("seed").exit(0);
    assert_eq!(loads(&project), "success\nsuccess\nsuccess\nunchanged");
    let config = "name: shop\nseeds: {+column_types: {id: bigint}}\n\
                  targets: {dev: {type: duckdb, path: shop.duckdb}}\ntarget: dev\n";
    project.write("project.yml", config);
    project.run("seed").exit(0);
    assert_eq!(project.query("select typeof(id) from people limit 1"), "BIGINT");
}

#[test]
fn a_table_that_somebody_changed_is_loaded_again() {
    let project = people();
    project.run("seed").exit(0);
    for change in
        ["delete from people where id = 1", "alter table people add column note varchar", "drop table people"]
    {
        project.execute(change);
        project.run("seed").exit(0);
        assert_eq!(project.query("select id, name from people order by id"), "1 | Ann\n2 | Bob", "{change}");
        assert_eq!(project.query("select count(*) from duckdb_columns() where table_name = 'people'"), "2");
    }
}

#[test]
fn hooks_of_a_seed_are_run_every_time() {
    let project = people();
    let config = "name: shop\nseeds: {+post-hook: \"insert into people values (3, 'Cy')\"}\n\
                  targets: {dev: {type: duckdb, path: shop.duckdb}}\ntarget: dev\n";
    project.write("project.yml", config);
    project.run("seed").exit(0);
    project.run("seed").exit(0);
    assert_eq!(loads(&project), "success\nsuccess");
}

#[test]
fn a_test_that_fails_on_an_unchanged_seed_is_told_as_any_other() {
    let project = people();
    project.write("seeds/people.csv", "id,name\n1,Ann\n1,Bob\n");
    // `seed` runs no tests.
    project.run("seed").exit(0);
    project.run("build --threads 1").exit(1).stdout_has("1/1  rolled back  seed main.people");
    assert_eq!(loads(&project), "success\nrolled back");
}

#[test]
fn a_version_that_was_rolled_back_is_tried_again() {
    let project = people();
    project.run("build").exit(0);
    project.write("seeds/people.csv", "id,name\n1,Ann\n1,Bob\n");
    project.run("build").exit(1);
    project.run("build").exit(1);
    project.write("seeds/people.csv", "id,name\n1,Ann\n2,Bob\n");
    project.run("build").exit(0);
    assert_eq!(loads(&project), "success\nrolled back\nrolled back\nunchanged");
}

#[test]
fn a_run_that_is_not_published_leaves_no_fingerprint() {
    let project = people();
    project.write("models/broken.sql", "select nope\n");
    project.run("build --publish run --no-check").exit(1);
    project.write("models/broken.sql", "select 1 as id\n");
    project.run("build --publish run --threads 1").exit(0).stdout_has("made         seed main.people");
    project.run("build --publish run --threads 1").exit(0).stdout_has("unchanged    seed main.people");
}

#[test]
fn columns_that_changed_are_named() {
    let project = people();
    project.run("seed").exit(0);
    project.write("seeds/people.csv", "id,town\nx,Rome\n");
    project.run("seed").exit(0).stderr(
        "warning: the columns of seed people changed: id is VARCHAR, was INTEGER; added town VARCHAR; dropped name\n",
    );
}

#[test]
fn a_type_for_a_column_that_is_not_there_is_named() {
    let project = people();
    project.write("seeds/seeds.yml", "seeds: [{name: people, config: {column_types: {nam: text}}}]\n");
    project.run("seed").exit(0).stderr(
        "warning: `column_types` of seed people names `nam`, which its file has not (did you mean `name`?)\n",
    );
}

#[track_caller]
fn check_fault(csv: &[u8], expected: &str) {
    let project = people();
    project.write("seeds/seeds.yml", "seeds: [{name: people, config: {column_types: {id: integer}}}]\n");
    project.write("seeds/people.csv", csv);
    let fault = format!(
        "error[invalid-seed]: the seed `people` cannot be loaded: {}",
        crate::project::dedent(expected)
    );
    project.run("seed").exit(1).stdout_has(fault.trim_end());
}

#[test]
fn a_ragged_line_is_shown() {
    check_fault(
        b"id,name\n1,Ann\n\n2\n",
        "
        1 value for 2 columns
         --> seeds/people.csv:4:1
          |
        4 | 2
          | ^
        ",
    );
}

#[test]
fn a_byte_that_is_no_text_is_shown() {
    check_fault(
        b"id,name\r\n1,Ann\r\n2,\"B\r\no\xe9\"\r\n",
        "
        the text is not UTF-8: there is a byte 0xe9
         --> seeds/people.csv:4:2
          |
        4 | o\u{fffd}\"
          |  ^ byte 2 of the line
          |
        help: save the file as UTF-8
        ",
    );
}

#[test]
fn a_value_that_the_engine_cannot_convert_is_shown() {
    check_fault(
        b"id,name\n1,Ann\nx,Bob\n",
        "
        Error when converting column \"id\". Could not convert string \"x\" to 'INTEGER'
         --> seeds/people.csv:3:1
          |
        3 | x,Bob
          | ^^^^^
        ",
    );
}

#[test]
fn a_quote_that_is_never_closed_costs_no_memory() {
    let mut csv = b"id,name\n1,\"Ann\n".to_vec();
    csv.extend(std::iter::repeat_n(b"2,Bob\n", 400_000).flatten());
    check_fault(
        &csv,
        "
        a line of more than 2,000,000 bytes begins here; is a quote missing that ends a value?
         --> seeds/people.csv:2:1
          |
        2 | 1,\"Ann
          | ^^^^^^
        ",
    );
}

#[test]
fn a_quote_inside_of_a_value_begins_none() {
    let project = people();
    project.write("seeds/people.csv", "id,name\n1,5\" pipe\n2,x\n");
    project.run("seed").exit(0);
    assert_eq!(project.query("select name from people order by id"), "5\" pipe\nx");
}

#[test]
fn an_empty_file_and_a_header_alone_are_told_apart() {
    check_fault(b"", "the file is empty; a seed begins with a header\n --> seeds/people.csv:1:1\n");
    let project = people();
    project.write("seeds/people.csv", "\u{feff}\"id\",name\r\n");
    project.run("build").exit(0);
    assert_eq!(
        project.query("select column_name from duckdb_columns() where table_name = 'people'"),
        "id\nname"
    );
    project.run("build --threads 1").exit(0).stdout_has("unchanged    seed main.people");
}
