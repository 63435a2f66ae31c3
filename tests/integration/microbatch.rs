//! Microbatch models: which batches there are, what their templates see, and what readers see when one fails.

use crate::phases::check_error;
use crate::project::{TestProject, project};

/// Four events, one a year, and a model of them in batches of years.
fn yearly(config: &str, query: &str) -> TestProject {
    project(&format!(
        "
        //- models/events.sql
        {{{{ config(materialized='table', event_time='ts') }}}}
        select 2020 + i as id, make_timestamp(2020 + i, 6, 1, 0, 0, 0) as ts, '{{{{ var('v', 'a') }}}}' as v
        from range(4) t(i)
        //- models/yearly.sql
        {{{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='ts',
                  begin='2020-01-01', batch_size='year' {config}) }}}}
        {query}
        //- models/schema.yml
        models:
          - name: yearly
            columns:
              - name: v
                data_tests: [not_null]
        "
    ))
}

const ALL: &str = "select * from {{ ref('events') }}";

/// Fails in the batch of 2022, unless a variable says otherwise.
const BROKEN: &str =
    "select id, ts, v, case when id = 2022 and not {{ var('good', false) }} then error('no') end as e
        from {{ ref('events') }}";

#[test]
fn a_new_table_is_made_from_the_beginning_in_batches() {
    let project = yearly(
        "",
        "select id, ts, v, '{{ model.batch.id }}' as batch, {{ is_incremental() }} as is_incremental,
           '{{ model.batch.event_time_start }}' as s, '{{ model.batch.event_time_end.strftime(\"%d.%m.%Y\") }}' as e
         from {{ ref('events') }}",
    );
    project.run("build").exit(0).stdout_has("incremental main.yearly");
    assert_eq!(
        project.query("select id, batch, is_incremental, s, e from yearly order by all limit 2"),
        "2020 | 2020 | false | 2020-01-01 00:00:00+00:00 | 01.01.2021\n\
         2021 | 2021 | true | 2021-01-01 00:00:00+00:00 | 01.01.2022"
    );
    assert_eq!(project.query("select count(*) from yearly"), "4");
}

#[test]
fn only_the_rows_of_the_window_are_replaced() {
    let project = yearly("", ALL);
    project.run("build").exit(0);
    let window = "--event-time-start 2021-03-01 --event-time-end 2022-02-01T10:00:00";
    project.run(&format!("build --vars '{{v: b}}' {window}")).exit(0);
    assert_eq!(
        project.query("select id, v from yearly order by all"),
        "2020 | a\n2021 | b\n2022 | b\n2023 | a"
    );
    // Once more is the same.
    project.run(&format!("build --vars '{{v: b}}' {window}")).exit(0);
    assert_eq!(project.query("select count(*), count(distinct id) from yearly"), "4 | 4");
}

#[test]
fn the_newest_batches_are_those_that_lookback_says() {
    // The newest year has no rows: nothing is replaced but what lookback reaches.
    let years = "datediff('year', date '2022-01-01', current_date)";
    let project = yearly(", lookback=var('lookback', 1)", ALL);
    project.run("build").exit(0);
    project.run("build --vars '{v: b}'").exit(0);
    assert_eq!(project.query("select count(*) from yearly where v = 'b'"), "0");
    let lookback = project.query(&format!("select {years}"));
    project.run(&format!("build --vars '{{v: b, lookback: {lookback}}}'")).exit(0);
    assert_eq!(project.query("select id from yearly where v = 'b' order by all"), "2022\n2023");
}

#[test]
fn a_full_refresh_is_made_from_the_beginning_or_from_where_the_window_says() {
    let project = yearly("", ALL);
    project.run("build").exit(0);
    project.run("build --full-refresh --vars '{v: b}'").exit(0);
    assert_eq!(project.query("select count(*) from yearly where v = 'b'"), "4");
    project.run("build --full-refresh --event-time-start 2022-01-01 --event-time-end 2023-01-01").exit(0);
    assert_eq!(project.query("select id, v from yearly"), "2022 | a");
}

#[test]
fn render_reads_all_rows() {
    let project = yearly("", "select {{ model.batch.id }} as id, make_timestamp({{ model.batch.id }}, 1, 1, 0, 0, 0) as ts,
        'x' as v, (select count(*) from {{ ref('events') }}) as n, (select count(*) from {{ ref('events').render() }}) as all_rows");
    project.run("build").exit(0);
    assert_eq!(project.query("select n, all_rows from yearly where id = 2021"), "1 | 4");
}

#[test]
fn a_failing_batch_leaves_everything_as_it_was() {
    let project = yearly("", BROKEN);
    project.run("build --vars '{good: true}'").exit(0);
    let window = "--event-time-start 2021-01-01 --event-time-end 2023-01-01";
    project
        .run(&format!("build --vars '{{v: b}}' {window}"))
        .exit(1)
        .stdout_has("in the batch 2022, which is 2 of 2")
        .stdout_has("models/yearly.sql:1:1: no");
    assert_eq!(project.query("select distinct v from yearly"), "a");
    let results = project.read("target/run_results.json");
    assert!(
        results.contains(r#""failed":[["2021-01-01T00:00:00+00:00","2022-01-01T00:00:00+00:00"],"#),
        "{results}"
    );
}

#[test]
fn tests_see_the_whole_table_and_a_failing_one_takes_all_batches_out_again() {
    let project = yearly(
        "",
        "select id, ts, case when id = 2021 and '{{ var('v', 'a') }}' = 'b' then null else v end as v
        from {{ ref('events') }}",
    );
    project.run("build").exit(0);
    project
        .run("build --vars '{v: b}' --event-time-start 2021-01-01 --event-time-end 2023-01-01")
        .exit(1)
        .stdout_has("rolled back");
    assert_eq!(
        project.query("select id, v from yearly order by all"),
        "2020 | a\n2021 | a\n2022 | a\n2023 | a"
    );
}

#[test]
fn batches_published_one_by_one_stay_and_the_next_run_goes_on() {
    let project = yearly(", publish_batches='each'", BROKEN);
    project
        .run("build")
        .exit(1)
        .stdout_has("published 2 of")
        .stdout_has("batches; the next run goes on with 2022");
    assert_eq!(project.query("select id from yearly order by all"), "2020\n2021");
    let results = project.read("target/run_results.json");
    assert!(results.contains(r#""status":"partial success""#), "{results}");
    assert!(
        results
            .contains(r#""successful":[["2020-01-01T00:00:00+00:00","2021-01-01T00:00:00+00:00"],["2021-"#),
        "{results}"
    );
    let owed =
        "select count(*) from tidemill.batches where status = 'pending' and batch_start >= '2022-01-01'";
    assert_ne!(project.query(owed), "0");

    project.run("build -s yearly --vars '{good: true, v: b}'").exit(0);
    assert_eq!(project.query("select id from yearly order by all"), "2020\n2021\n2022\n2023");
    assert_eq!(project.query(owed), "0");
}

#[test]
fn a_failing_test_takes_out_its_batch_only_where_batches_are_published_one_by_one() {
    let project = yearly(
        ", publish_batches='each'",
        "select id, ts, case when id = 2021 and not {{ var('good', false) }}
        then null else v end as v from {{ ref('events') }}",
    );
    project.run("build").exit(1).stdout_has("rolled back").stdout_has("published 1 of");
    assert_eq!(project.query("select id from yearly"), "2020");
    project.run("build --vars '{good: true}'").exit(0);
    assert_eq!(project.query("select count(*) from yearly"), "4");
}

#[test]
fn a_table_that_is_made_anew_is_published_as_a_whole() {
    let project = yearly(", publish_batches='each'", BROKEN);
    project.run("build --vars '{good: true}'").exit(0);
    project.run("build --full-refresh --vars '{v: b}'").exit(1);
    assert_eq!(project.query("select count(*) from yearly where v = 'a'"), "4");
}

#[test]
fn retry_makes_what_was_left() {
    let project = yearly(", publish_batches='each'", BROKEN);
    project.write("models/child.sql", "select id from {{ ref('yearly') }}");
    project.run("build").exit(1).stdout_has("skipped");
    project.run("retry").exit(1);
    project
        .run("retry --vars '{good: true}'")
        .exit(0)
        .stderr_has("retrying `build` for what did not go well in the last run")
        .stdout_has("main.child");
    assert_eq!(project.query("select count(*) from child"), "4");
    project.run("retry").exit(0).stderr("nothing to retry: all of the last run went well\n");
}

#[test]
fn retry_tests_what_it_makes_with_all_tests_it_had() {
    let project = project(
        "
        //- models/a.sql
        {{ config(materialized='table') }}
        select {{ var('x', 'null') }}::int as x, 1 as y
        //- models/schema.yml
        models:
          - name: a
            columns:
              - {name: x, data_tests: [not_null]}
              - {name: y, data_tests: [{accepted_values: {arguments: {values: [1]}}}]}
        ",
    );
    project.run("build").exit(1);
    project.write("models/a.sql", "{{ config(materialized='table') }} select 1 as x, 2 as y");
    project.run("retry").exit(1).stdout_has("accepted_values");
}

#[test]
fn retry_needs_a_run() {
    let project = yearly("", ALL);
    project.run("retry").exit(2).stderr_has("error[missing-run-results]: there is no run to retry");
    project.run("compile").exit(0);
    project.run("list").exit(0);
}

#[test]
fn hooks_run_before_the_first_batch_and_after_the_last() {
    let project = yearly(
        ", pre_hook=\"create table if not exists log as select 'before {{ model.batch.id }}' as w\",
           post_hook=\"insert into log values ('after ' || (select count(*) from {{ this }}))\"",
        ALL,
    );
    project.run("build").exit(0);
    assert_eq!(project.query("select w from log order by all"), "after 4\nbefore 2020");
}

#[test]
fn new_columns_are_taken_up_as_the_config_says() {
    let project = yearly(
        ", on_schema_change='append_new_columns'",
        "select id, ts, v {% if var('more', false) %}, 1 as more {% endif %} from {{ ref('events') }}",
    );
    project.run("build").exit(0);
    project
        .run("build --vars '{more: true}' --event-time-start 2022-01-01 --event-time-end 2023-01-01")
        .exit(0);
    assert_eq!(project.query("select id from yearly where more = 1"), "2022");
}

#[test]
fn a_strategy_that_is_dispatched_to_gets_batches() {
    let project = yearly("", ALL);
    project.write(
        "macros/strategy.sql",
        "{% macro duckdb__get_incremental_microbatch_sql(arg_dict) %}
           {% do return('insert into ' ~ arg_dict['target_relation'] ~ ' select 1, null, ' ~ \"'\" ~ model.batch.id ~ \"'\") %}
         {% endmacro %}",
    );
    project.run("run").exit(0);
    assert_eq!(
        project.query("select v from yearly where id = 1 and v < '2024' order by all"),
        "2021\n2022\n2023"
    );
}

#[test]
fn batches_are_the_same_when_the_macros_make_them() {
    let project = yearly("", ALL);
    project.write(
        "macros/tables.sql",
        "{% macro get_quoted_csv(names) %}{% do return(names | join(', ')) %}{% endmacro %}",
    );
    project.run("build").exit(0);
    let window = "--event-time-start 2021-03-01 --event-time-end 2022-02-01T10:00:00";
    project.run(&format!("build --vars '{{v: b}}' {window}")).exit(0);
    assert_eq!(
        project.query("select id, v from yearly order by all"),
        "2020 | a\n2021 | b\n2022 | b\n2023 | a"
    );
    project.run("build --full-refresh --vars '{v: c}'").exit(0);
    assert_eq!(project.query("select count(*) from yearly where v = 'c'"), "4");
}

#[test]
fn a_strategy_in_place_of_dbts_gets_no_batches() {
    let project = yearly("", ALL);
    project.write(
        "macros/strategy.sql",
        "{% macro get_incremental_microbatch_sql(arg_dict) %}
           {% do return('insert into ' ~ arg_dict['target_relation'] ~ ' select * from ' ~ arg_dict['temp_relation']) %}
         {% endmacro %}",
    );
    project.run("run").exit(0);
    project.run("run").exit(0);
    assert_eq!(project.query("select count(*) from yearly"), "8");
}

#[test]
fn the_window_has_a_start_and_an_end() {
    let project = yearly("", ALL);
    project
        .run("run --event-time-start 2021-01-01")
        .exit(2)
        .stderr_has("--event-time-start and --event-time-end go together");
    project
        .run("run --event-time-start 2021-01-01 --event-time-end 2020-01-01")
        .exit(2)
        .stderr_has("--event-time-start must be before --event-time-end");
    project
        .run("run --event-time-start soon --event-time-end 2020-01-01")
        .exit(2)
        .stderr_has("`soon` is not a time such as `2026-01-31`");
}

fn faulty(config: &str) -> String {
    format!(
        "
        //- models/a.sql
        {{{{ config(materialized='incremental', incremental_strategy='microbatch', {config}) }}}}
        select 1 as id
        "
    )
}

#[test]
fn what_batches_need_is_asked_for() {
    check_error(
        &faulty("event_time='ts', batch_size='day'"),
        "
        error[missing-config]: the strategy `microbatch` needs the config `begin`
         --> models/a.sql:1:39
          |
        1 | {{ config(materialized='incremental', incremental_strategy='microbatch', event_time='ts', bat...
          |                                       ^^^^^^^^^^^^^^^^^^^^ set here
          |
        help: say when the first row happened: begin: '2024-01-01'
        ",
    );
}

#[test]
fn what_batches_cannot_use_is_an_error() {
    let all = "event_time='ts', begin='2024-01-01', batch_size='day'";
    for (config, fault) in [
        ("begin='2024-01-01', batch_size='day'".to_owned(), "needs the config `event_time`"),
        ("begin='2024-01-01', event_time='ts'".to_owned(), "needs the config `batch_size`"),
        (
            "event_time='ts', begin='2024-01-01', batch_size='days'".to_owned(),
            "`days` is not a value of `batch_size`",
        ),
        (
            "event_time='ts', begin='some day', batch_size='day'".to_owned(),
            "`some day` is not a value of `begin`",
        ),
        (
            "event_time=['ts'], begin='2024-01-01', batch_size='day'".to_owned(),
            "`event_time` must be the name of a column",
        ),
        (format!("{all}, lookback=-1"), "`lookback` must be a whole number, 0 or more"),
        (format!("{all}, lookback='two'"), "`lookback` must be a whole number, 0 or more"),
        (format!("{all}, concurrent_batches='yes'"), "`concurrent_batches` must be `true` or `false`"),
        (format!("{all}, unique_key='id'"), "`unique_key` does not go with the strategy `microbatch`"),
        (format!("{all}, publish_batches='all'"), "`all` is not a value of `publish_batches`"),
    ] {
        project(&faulty(&config)).run("parse").exit(2).stderr_has(fault);
    }
}

#[test]
fn batches_that_read_everything_are_warned_of() {
    project(&faulty("event_time='ts', begin='2024-01-01', batch_size='year'"))
        .run("parse")
        .exit(0)
        .stderr_has(
            "warning[uncut-batches]: every batch of `a` reads all rows: nothing it reads has an `event_time`",
        );
}
