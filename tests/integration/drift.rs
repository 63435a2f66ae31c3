//! Tests against the history: row counts, sums, columns, and jumps that are accepted.

use super::project::{TestProject, project};

/// A model of `n` rows a region, by variables, with one test.
fn with_test(test: &str) -> TestProject {
    project(&format!(
        "
        //- models/m.sql
        {{{{ config(materialized='table') }}}}
        select region, amount from (values
          {{% for region, n in var('regions', {{'all': var('rows', 0)}}).items() %}}('{{{{ region }}}}', {{{{ n }}}}){{{{ ',' if not loop.last }}}}{{% endfor %}}
        ) t(region, n), lateral (select {{{{ var('amount', 1) }}}} as amount from range(n)) lines
        //- models/schema.yml
        models:
          - name: m
            data_tests:
              - {test}
        "
    ))
}

/// Builds with so many rows; gives status and message.
fn build(project: &TestProject, rows: u32) -> String {
    build_with(project, &format!("{{rows: {rows}}}"))
}

fn build_with(project: &TestProject, vars: &str) -> String {
    project.run(&format!("build --vars '{vars}'"));
    project.query("select status, message from tidemill.test_runs order by finished_at desc limit 1")
}

/// Moves all that the history knows back in time.
fn age(project: &TestProject, days: u32) {
    for (table, column) in [
        ("node_runs", "finished_at"),
        ("test_runs", "finished_at"),
        ("drift_measures", "finished_at"),
        ("drift_accepted", "accepted_at"),
        ("drift_accepted", "used_at"),
    ] {
        project.execute(&format!("update tidemill.{table} set {column} = {column} - interval {days} day"));
    }
}

#[test]
fn a_jump_is_accepted_once_and_no_other() {
    let project = with_test("row_count_drift: {arguments: {max_decrease: 10%, max_increase: 50%}}");
    build(&project, 10);
    project.run("accept m").exit(2).stderr_has(
        "error[nothing-to-accept]: the drift tests of `m` refused no jump when they were run last",
    );
    let refused = "10 rows before, 100 rows now (+900.0%); the limit is 50% more";
    assert_eq!(build(&project, 100), format!("fail | {refused}"));
    let outcome = project.run("accept m --reason 'a new shop'");
    outcome.exit(0);
    let (said, rest) = outcome.stdout.split_once(" (refused 20").expect("when it was refused");
    assert_eq!(
        said,
        format!(
            "accepted for the next version of m, and for this jump only:\n  row_count_drift_m_10___50_: {refused}"
        )
    );
    assert!(rest.ends_with(" UTC)\nreason: a new shop\n"), "{rest}");
    // Another jump is not what was accepted.
    assert!(build(&project, 300).starts_with("fail | 10 rows before, 300 rows now"));
    // That jump is, also if the number moved a little since.
    let passed = build(&project, 105);
    assert!(
        passed.starts_with(
            "pass | 10 rows before, 105 rows now (+950.0%); the limit is 50% more; accepted: a new shop ("
        ),
        "{passed}"
    );
    assert_eq!(build(&project, 101), "pass | NULL");
    // It was for once.
    assert!(build(&project, 10).starts_with("fail | 101 rows before, 10 rows now"));
    assert_eq!(
        project.query("select reason, value, used_run_id is not null from tidemill.drift_accepted"),
        "a new shop | 100.0 | true"
    );
}

#[test]
fn what_was_accepted_and_not_needed_is_over_with_the_next_version() {
    let project = with_test("row_count_drift: {arguments: {max_increase: 50%}}");
    build(&project, 10);
    build(&project, 100);
    project.run("accept m").exit(0);
    assert_eq!(build(&project, 11), "pass | NULL");
    assert!(build(&project, 100).starts_with("fail | 11 rows before, 100 rows now"));
}

#[test]
fn accept_names_what_there_is() {
    let project =
        with_test("row_count_drift: {name: rows_of_m, arguments: {max_increase: 50%, min_rows: 5}}");
    project.run("accept m").exit(2).stderr_has("error[missing-database]");
    build(&project, 3);
    project.run("accept m").exit(2).stderr_has(
        "note: `min_rows` and `min_value` are fixed limits: they are changed in the file, not accepted",
    );
    project.run("accept m --test row_of_m").exit(2).stderr_has("help: did you mean `rows_of_m`?");
    project.run("accept nope").exit(2);
    project.write("models/schema.yml", "");
    project.run("accept m").exit(2).stderr_has("error[nothing-to-accept]: `m` has no drift test");
}

#[test]
fn every_group_is_judged_by_itself() {
    let project = with_test(
        "row_count_drift: {arguments: {max_decrease: 10%, max_increase: 100%, group_by: region, ignore_groups_below: 3}}",
    );
    assert_eq!(
        build_with(&project, "{regions: {north: 10, south: 10, tiny: 2}}"),
        "pass | first version: 3 groups, nothing to compare with"
    );
    // The whole grows, but one of its parts is lost.
    let outcome = project.run("build --vars '{regions: {north: 2, south: 19, tiny: 1}}'");
    outcome
        .exit(1)
        .stdout_has("row_count_drift on `m`: 1 of 2 groups: `north`: 10 rows before, 2 rows now (-80.0%); the limit is 10% less")
        .stdout_has("  versions, this one last: █▂  10, 2\n")
        .stdout_has("    region  before  now  change\n    ------  ------  ---  ------\n    north       10    2  -80.0%");
    assert_eq!(
        build_with(&project, "{regions: {north: 10, tiny: 2}}"),
        "fail | 1 of 2 groups: `south`: 10 rows before, 0 rows now (-100.0%), gone"
    );
    // A new group is not compared with anything.
    assert_eq!(build_with(&project, "{regions: {north: 10, south: 10, west: 50}}"), "pass | NULL");
    project.run("accept m").exit(2);
    assert!(
        build_with(&project, "{regions: {north: 10, south: 1, west: 5}}")
            .starts_with("fail | 2 of 3 groups: ")
    );
    project.run("accept m").exit(0);
    assert!(
        build_with(&project, "{regions: {north: 10, south: 1, west: 5}}")
            .starts_with("pass | 2 of 3 groups: ")
    );
}

#[test]
fn groups_that_come_and_go_can_be_allowed_or_refused() {
    let project = with_test(
        "row_count_drift: {arguments: {max_decrease: 0%, group_by: [region], vanished_groups: allow, new_groups: warn}}",
    );
    build_with(&project, "{regions: {a: 3, b: 4}}");
    assert_eq!(build_with(&project, "{regions: {b: 4}}"), "pass | NULL");
    assert_eq!(
        build_with(&project, "{regions: {b: 4, c: 1}}"),
        "warn | 1 of 2 groups: `c`: 0 rows before, 1 row now, new"
    );
}

#[test]
fn a_median_is_not_moved_by_one_version() {
    let test = "row_count_drift: {arguments: {max_decrease: 20%, max_increase: 20%, against: median_of_5}}";
    let project = with_test(test);
    assert_eq!(build(&project, 100), "pass | first version: 100 rows, nothing to compare with");
    assert_eq!(
        build(&project, 500),
        "pass | only 1 version before, and 3 are needed: 500 rows, nothing to compare with"
    );
    assert_eq!(
        build(&project, 102),
        "pass | only 2 versions before, and 3 are needed: 102 rows, nothing to compare with"
    );
    assert_eq!(build(&project, 104), "pass | NULL");
    assert_eq!(
        build(&project, 60),
        "fail | 103 rows in the median of 5 versions, 60 rows now (-41.7%); the limit is 20% less"
    );
    // What was accepted is a new level: the versions before it are no measure of it.
    project.run("accept m").exit(0);
    assert!(build(&project, 60).starts_with("pass | 103 rows in the median"));
    assert_eq!(
        build(&project, 61),
        "pass | only 1 version before, and 3 are needed: 61 rows, nothing to compare with"
    );
}

/// Eight weeks with a build a day: a thousand rows on workdays, a tenth on Saturdays and Sundays.
fn weeks(against: &str) -> Vec<String> {
    let test = format!(
        "row_count_drift: {{arguments: {{max_decrease: 20%, max_increase: 25%, against: {against}}}}}"
    );
    let project = with_test(&test);
    build(&project, 1000);
    // As if day 55 before today had been a Monday: only distances of seven days matter.
    project.execute("delete from tidemill.node_runs");
    project.execute(
        "insert into tidemill.node_runs (run_id, node_id, kind, relation, status, finished_at, rows) \
         select 'run' || d, 'model.shop.m', 'model', 'm', 'success', now() - to_days(56 - d), \
         case when d % 7 in (5, 6) then 100 else 1000 end + d % 3 from range(56) t(d)",
    );
    let mut said = Vec::new();
    for day in 0..7 {
        let rows = if day % 7 >= 5 { 103 } else { 1010 };
        said.push(build(&project, rows));
        age(&project, 1);
    }
    said
}

#[test]
fn a_weekly_season_does_not_cry_wolf() {
    assert_eq!(weeks("same_weekday"), vec!["pass | NULL"; 7]);
    let alarms = weeks("previous").iter().filter(|it| it.starts_with("fail")).count();
    assert!(alarms >= 2, "against the version before, the weekend and Monday are alarms");
}

#[test]
fn half_of_a_weekday_is_noticed() {
    let project = with_test("row_count_drift: {arguments: {max_decrease: 20%, against: same_weekday}}");
    assert_eq!(
        build(&project, 1000),
        "pass | no version of an earlier day of this weekday: 1000 rows, nothing to compare with"
    );
    // Another version of the same day is not what it is compared with.
    assert!(build(&project, 10).starts_with("pass | no version of an earlier day of this weekday"));
    age(&project, 4);
    build(&project, 900);
    age(&project, 3);
    assert_eq!(
        build(&project, 5),
        "fail | 10 rows on the same weekday, 5 rows now (-50.0%); the limit is 20% less"
    );
}

#[test]
fn baselines_are_of_versions_that_were_published() {
    let project =
        with_test("sum_drift: {arguments: {measure: sum(amount), max_decrease: 10%, max_increase: 10%}}");
    assert_eq!(
        build_with(&project, "{rows: 4, amount: 2.5}"),
        "pass | first version: 10, nothing to compare with"
    );
    // Cents instead of euros; a refused version is no measure of the next.
    for _ in 0..2 {
        assert_eq!(
            build_with(&project, "{rows: 4, amount: 250}"),
            "fail | 10 before, 1000 now (+9900.0%); the limit is 10% more"
        );
    }
    assert_eq!(build_with(&project, "{rows: 4, amount: 2.6}"), "pass | NULL");
    assert_eq!(
        project.query("select status, measure, value from tidemill.drift_measures order by finished_at"),
        "published | sum(amount) | 10.0\nrejected | sum(amount) | 1000.0\nrejected | sum(amount) | 1000.0\n\
         published | sum(amount) | 10.4"
    );
    assert_eq!(
        build_with(&project, "{rows: 0}"),
        "fail | 10.4 before, 0 now (-100.0%); the limit is 10% less"
    );
}

#[test]
fn a_sum_of_a_part_and_of_groups() {
    let project = with_test(
        "sum_drift: {arguments: {column_name: amount, max_decrease: 5, min_value: 1, group_by: region}, config: {where: region <> 'x'}}",
    );
    build_with(&project, "{regions: {a: 10, b: 10, x: 10}}");
    assert_eq!(
        build_with(&project, "{regions: {a: 4, b: 6, x: 1}}"),
        "fail | 1 of 2 groups: `a`: 10 before, 4 now (-60.0%); the limit is 5 less"
    );
    assert_eq!(
        build_with(&project, "{amount: 0.01, regions: {a: 10}}"),
        "fail | `a`: 0.1 now, and at least 1 must be there"
    );
}

#[test]
fn columns_are_compared_with_the_last_version() {
    let project = project(
        "
        //- models/m.sql
        select {{ var('columns') }}
        //- models/schema.yml
        models:
          - name: m
            data_tests:
              - schema_drift
        ",
    );
    let build = |columns: &str| build_with(&project, &format!("{{columns: \"{columns}\"}}"));
    assert_eq!(
        build("1 as id, 2 as customer_no, 3 as c"),
        "pass | first version: 3 columns, nothing to compare with"
    );
    assert_eq!(build("1 as ID, 2 as customer_no, 3 as c"), "pass | NULL");
    assert_eq!(
        build("3 as c, 1 as id, 2 as customer_no, 4 as more"),
        "pass | `more` is new; the columns are in another order, from `c` on"
    );
    let outcome = project.run("build --vars '{columns: \"1.5 as id, 2 as customer_nr, 3 as c, 4 as more\"}'");
    outcome
        .exit(1)
        .stdout_has(
            "schema_drift on `m`: `id` was INTEGER and is DECIMAL(2,1); `customer_no` is gone; \
             `customer_nr` is new: perhaps `customer_no` was renamed",
        )
        .stdout_has("    column       before   now\n")
        .stdout_has("    customer_no  INTEGER  NULL");
    project.run("accept m --reason 'the new system'").exit(0);
    let said = build("1.5 as id, 2 as customer_nr, 3 as c, 4 as more");
    assert!(
        said.starts_with("pass | `id` was INTEGER") && said.contains("accepted: the new system ("),
        "{said}"
    );
    assert_eq!(build("1.5 as id, 2 as customer_nr, 3 as c, 4 as more"), "pass | NULL");
    assert!(build("2 as customer_nr, 3 as c, 4 as more").starts_with("fail | `id` is gone"));
}

#[test]
fn a_source_is_compared_with_what_was_read_last() {
    let project = project(
        "
        //- models/sources.yml
        sources:
          - name: raw
            schema: raw
            tables:
              - name: sales
                data_tests:
                  - row_count_drift: {arguments: {max_decrease: 10%}}
                  - schema_drift
        //- models/m.sql
        {{ config(materialized='table') }}
        select count(*) as n from {{ source('raw', 'sales') }}
        ",
    );
    project.execute("create schema raw");
    project.execute("create table raw.sales as select range as id from range(100)");
    project.run("build").exit(0);
    project.execute("create or replace table raw.sales as select range as id from range(50)");
    project
        .run("build")
        .exit(1)
        .stdout_has(
            "row_count_drift on `sales`: 100 rows before, 50 rows now (-50.0%); the limit is 10% less",
        )
        .stdout_has("tidemill accept source:raw.sales --reason");
    assert_eq!(project.query("select n from m"), "100");
    project.run("accept source:raw.sales").exit(0);
    project.run("build").exit(0);
    assert_eq!(project.query("select n from m"), "50");
    project.run("build").exit(0);
    project.execute("alter table raw.sales rename id to sale_id");
    project.run("build").exit(1).stdout_has("schema_drift on `sales`: `id` is gone");
}

#[test]
fn a_plain_report_is_ascii() {
    let project = with_test("row_count_drift: {arguments: {max_decrease: 10%}}");
    build(&project, 100);
    let outcome = project.run("build --plain --vars '{rows: 50}'");
    outcome.exit(1).stdout_has("  versions, this one last: #=  100, 50\n");
    assert!(outcome.stdout.is_ascii(), "{}", outcome.stdout);
}

#[test]
fn a_history_of_an_earlier_version_is_taken_over() {
    let project = with_test("row_count_drift: {arguments: {max_decrease: 10%}}");
    build(&project, 100);
    project.execute("drop table tidemill.drift_measures");
    project.execute("drop table tidemill.drift_accepted");
    project.execute("alter table tidemill.test_runs drop column samples");
    assert_eq!(build(&project, 50), "fail | 100 rows before, 50 rows now (-50.0%); the limit is 10% less");
}
