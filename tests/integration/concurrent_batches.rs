//! `concurrent_batches`: batches whose queries are run ahead, and when they are not. Whatever is computed where, the same is made,
//! the same is said of what fails, and nothing is left behind.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use crate::project::{Outcome, TestProject, project};

/// Six events, one a year, with types that Parquet lacks, and a model of them in batches of years.
fn yearly(config: &str, query: &str) -> TestProject {
    project(&format!(
        "
        //- models/events.sql
        {{{{ config(materialized='table', event_time='ts') }}}}
        select 2020 + i as id, make_timestamp(2020 + i, 6, 1, 0, 0, 0) as ts, '{{{{ var('v', 'a') }}}}' as v,
            (if(i % 2 = 0, 'even', 'odd'))::enum('even', 'odd') as e,
            170141183460469231731687303715884105727::hugeint - i as h,
            {{'n': i, 'list': [i, null]}} as s
        from range(6) t(i)
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

/// All years of the events.
const WINDOW: &str = "--event-time-start 2020-01-01 --event-time-end 2026-01-01";

/// Fails in the batch of 2023, unless a variable says otherwise.
const BROKEN: &str = "select id, ts, v,
          case when id = 2023 and not {{ var('good', false) }} then error('no') end as e
        from {{ ref('events') }}";

/// How many batches were computed ahead.
fn staged(run: &Outcome) -> usize {
    run.stderr.matches("attach ':memory:' as tidemill_ahead_").count()
}

/// Statements that wrote rows which were computed ahead.
fn written(run: &Outcome) -> usize {
    run.stderr.matches(".main.new_rows where").count()
}

/// All that are computed ahead are removed again; an interrupted attempt may be repeated.
#[track_caller]
fn nothing_is_left(run: &Outcome) {
    for number in 1..=staged(run) {
        let removed = format!("detach tidemill_ahead_{number}\n");
        assert!(run.stderr.contains(&removed), "{removed} is missing:\n{}", run.stderr);
    }
}

#[track_caller]
fn is_staged(project: &TestProject, arguments: &str) -> Outcome {
    let run = project.run(&format!("build -s yearly {WINDOW} --debug --threads 3 {arguments}"));
    assert!(staged(&run) > 0, "{}", run.stderr);
    nothing_is_left(&run);
    run
}

#[track_caller]
fn is_plain(project: &TestProject, arguments: &str) -> Outcome {
    let run = project.run(&format!("build -s yearly {WINDOW} --debug --threads 3 {arguments}"));
    assert_eq!(staged(&run), 0, "{}", run.stderr);
    run
}

#[test]
fn the_same_table_is_made_whatever_the_config_says() {
    for publish in ["together", "each"] {
        for files in ["", ", location='rows', options={'partition_by': 'v'}"] {
            let config = format!(", publish_batches='{publish}', concurrent_batches=var('c', none){files}");
            let query = if files.is_empty() { ALL } else { "select * exclude (h) from {{ ref('events') }}" };
            let project = yearly(&config, query);
            project.run("build -s events").exit(0);
            let select = "select * from yearly order by all";
            let mut found = Vec::new();
            for concurrent in ["true", "false", "null"] {
                let arguments = format!("--full-refresh --vars '{{c: {concurrent}}}'");
                let run = if concurrent == "true" {
                    is_staged(&project, &arguments)
                } else {
                    project.run(&format!("build -s yearly {WINDOW} {arguments}"))
                };
                run.exit(0);
                // A table that is made anew is published together; this one is there.
                let again = project
                    .run(&format!("build -s yearly {WINDOW} --threads 3 --vars '{{c: {concurrent}}}'"));
                again.exit(0).stdout_has("6 rows");
                if files.is_empty() {
                    found.push(project.query(select));
                } else {
                    found.push(
                        project
                            .run(
                                "show --inline 'select * from {{ ref(\"yearly\") }} order by all' --limit 50",
                            )
                            .exit(0)
                            .stdout
                            .clone(),
                    );
                }
            }
            assert_eq!(found[0], found[1], "{publish} {files}");
            assert_eq!(found[0], found[2], "{publish} {files}");
            assert!(found[0].contains("2025"), "{}", found[0]);
        }
    }
}

#[test]
fn types_that_files_lack_are_kept() {
    let project = yearly(", concurrent_batches=true", ALL);
    project.run("build -s events").exit(0);
    let run = is_staged(&project, "");
    run.exit(0).stdout_has("6 rows");
    assert!(written(&run) > 0, "{}", run.stderr);
    assert_eq!(
        project.query("select column_type from (describe yearly) offset 3"),
        "ENUM('even', 'odd')\nHUGEINT\nSTRUCT(n BIGINT, list BIGINT[])"
    );
    assert_eq!(
        project.query("select id, e, h, s from yearly where id > 2023 order by id"),
        "2024 | even | 170141183460469231731687303715884105723 | {'n': 4, 'list': [4, NULL]}\n\
         2025 | odd | 170141183460469231731687303715884105722 | {'n': 5, 'list': [5, NULL]}"
    );
}

#[test]
fn rows_read_are_counted_where_they_are_read() {
    let project = yearly(", concurrent_batches=var('c')", ALL);
    project.run("build -s events --vars '{c: true}'").exit(0);
    project.run(&format!("run -s yearly {WINDOW} --vars '{{c: true}}' --threads 3")).exit(0);
    project.run(&format!("run -s yearly {WINDOW} --vars '{{c: false}}'")).exit(0);
    let rows =
        "select rows_in, rows from tidemill.node_runs where node_id like '%yearly' order by finished_at";
    assert_eq!(project.query(rows), "36 | 6\n36 | 6");
}

#[test]
fn a_failing_batch_says_the_same_and_leaves_the_same() {
    for publish in ["together", "each"] {
        let config = format!(", publish_batches='{publish}', concurrent_batches=var('c', none)");
        let mut told = Vec::new();
        for concurrent in ["true", "false"] {
            let project = yearly(&config, BROKEN);
            project.run("build -s events").exit(0);
            let arguments = format!("--vars '{{c: {concurrent}}}'");
            let run = if concurrent == "true" {
                is_staged(&project, &arguments)
            } else {
                is_plain(&project, &arguments)
            };
            run.exit(1)
                .stdout_has("in the batch 2023, which is 4 of 6")
                .stdout_has("models/yearly.sql:1:1: no");
            let shown = project.run(&format!("build -s yearly {WINDOW} --threads 3 {arguments}"));
            told.push(shown.exit(1).stdout.clone());
            let there = "select count(*) from duckdb_tables() where table_name = 'yearly'";
            match publish {
                "together" => assert_eq!(project.query(there), "0"),
                _ => assert_eq!(project.query("select id from yearly order by all"), "2020\n2021\n2022"),
            }
            // The next run makes what is owed.
            project
                .run(&format!("build -s yearly --threads 3 --vars '{{c: {concurrent}, good: true}}'"))
                .exit(0);
            if publish == "each" {
                let ids = "select string_agg(id, ' ' order by id) from yearly";
                assert_eq!(project.query(ids), "2020 2021 2022 2023 2024 2025");
            }
        }
        let without_times = |it: &str| it.replace(char::is_numeric, "").replace(' ', "");
        assert_eq!(without_times(&told[0]), without_times(&told[1]));
    }
}

#[test]
fn a_fault_in_the_query_is_shown_at_its_line() {
    let project = yearly(
        ", concurrent_batches=true, publish_batches='each'",
        "select id, ts,\n          {% if model.batch.id == '2024' %} nope {% else %} v {% endif %} as v\n        from {{ ref('events') }}",
    );
    project.run("build -s events").exit(0);
    let run = is_staged(&project, "");
    run.exit(1).stdout_has("models/yearly.sql:4:37").stdout_has("in the batch 2024, which is 5 of 6");
    assert_eq!(project.query("select count(*) from yearly"), "4");
}

#[test]
fn a_failing_test_takes_out_what_was_computed_ahead() {
    let query = "select id, ts, if(id = 2022 and not {{ var('good', false) }}, null, v) as v from {{ ref('events') }}";
    let project = yearly(", concurrent_batches=true", query);
    project.run("build -s events").exit(0);
    is_staged(&project, "").exit(1).stdout_has("rolled back");
    assert_eq!(project.query("select count(*) from duckdb_tables() where table_name = 'yearly'"), "0");

    let project = yearly(", concurrent_batches=true, publish_batches='each'", query);
    project.run("build -s events").exit(0);
    is_staged(&project, "").exit(1).stdout_has("rolled back").stdout_has("published 2 of 6 batches");
    assert_eq!(project.query("select id from yearly order by all"), "2020\n2021");
    is_staged(&project, "--vars '{good: true}'").exit(0);
    assert_eq!(project.query("select count(*) from yearly"), "6");
}

#[test]
fn batches_that_read_the_table_are_made_one_after_the_other_unless_the_config_says_otherwise() {
    let query = "select id, ts, v, {% if is_incremental() %} (select count(*) from {{ this }}) {% else %} 0 {% endif %} as n
        from {{ ref('events') }}";
    let project = yearly(", concurrent_batches=var('c', none)", query);
    project.run("build -s events").exit(0);
    is_plain(&project, "").exit(0);
    let n = "select string_agg(n, ' ' order by id) from yearly";
    assert_eq!(project.query(n), "0 1 2 3 4 5");
    // Each batch that is computed ahead sees the table as it was before the run.
    let run = is_staged(&project, "--vars '{c: true}'");
    run.exit(0);
    assert_eq!(project.query("select count(*) from yearly where n = 6"), "6");
    // A macro's questions count too.
    project.write(
        "macros/rows.sql",
        "{% macro rows() %}{% if execute %}{{ return(run_query('select count(*) from main.yearly').columns[0].values()[0]) }}{% endif %}{% endmacro %}",
    );
    let config = "{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='ts', begin='2020-01-01', batch_size='year') }}";
    project.write(
        "models/yearly.sql",
        format!("{config} select id, ts, v, {{{{ rows() }}}} as n from {{{{ ref('events') }}}}"),
    );
    is_plain(&project, "").exit(0);
}

#[test]
fn what_only_the_models_connection_has_makes_batches_plain() {
    let sure = ", concurrent_batches=true";
    for config in [
        ", concurrent_batches=false",
        ", concurrent_batches=true, pre_hook='set variable x = 1'",
        ", concurrent_batches=true, sql_header='set variable x = 1;'",
    ] {
        let project = yearly(config, ALL);
        project.run("build -s events").exit(0);
        is_plain(&project, "").exit(0);
        assert_eq!(project.query("select count(*) from yearly"), "6");
    }
    let project = yearly(
        sure,
        "{% do run_query('set variable x = ' ~ model.batch.id) %} select id, ts, v, getvariable('x') as x from {{ ref('events') }}",
    );
    project.run("build -s events").exit(0);
    is_plain(&project, "").exit(0);
    assert_eq!(project.query("select count(*) from yearly where x = id"), "6");

    let project = yearly(sure, ALL);
    project.write(
        "macros/strategy.sql",
        "{% macro duckdb__get_incremental_microbatch_sql(arg_dict) %}
           {% do return('insert into ' ~ arg_dict['target_relation'] ~ ' select * from ' ~ arg_dict['temp_relation']) %}
         {% endmacro %}",
    );
    project.run("build -s events").exit(0);
    is_plain(&project, "").exit(0);
}

#[test]
fn one_thread_runs_one_query_at_a_time() {
    let project = yearly(", concurrent_batches=true", ALL);
    let run = project.run(&format!("build {WINDOW} --debug --threads 1"));
    run.exit(0);
    assert_eq!(staged(&run), 0, "{}", run.stderr);
    assert_eq!(project.query("select count(*) from yearly"), "6");
}

#[test]
fn new_columns_are_taken_up_from_rows_that_were_computed_ahead() {
    for (rule, expected) in [
        ("append_new_columns", "2020 | NULL\n2021 | NULL\n2022 | 1\n2023 | 1\n2024 | 1\n2025 | 1"),
        ("sync_all_columns", "2020 | NULL\n2021 | NULL\n2022 | 1\n2023 | 1\n2024 | 1\n2025 | 1"),
    ] {
        let project = yearly(
            &format!(", concurrent_batches=true, on_schema_change='{rule}'"),
            "select id, ts, v {% if var('more', false) and model.batch.id > '2021' %}, 1 as more {% endif %} from {{ ref('events') }}",
        );
        project.run("build -s events").exit(0);
        is_staged(&project, "").exit(0);
        let window = "--event-time-start 2022-01-01 --event-time-end 2026-01-01";
        let run =
            project.run(&format!("build -s yearly {window} --debug --threads 3 --vars '{{more: true}}'"));
        run.exit(0);
        assert!(written(&run) > 0, "{}", run.stderr);
        nothing_is_left(&run);
        assert_eq!(project.query("select id, more from yearly order by all"), expected);
    }
    let project = yearly(
        ", concurrent_batches=true, on_schema_change='fail'",
        "select id, ts, v {% if model.batch.id == '2023' %}, 1 as more {% endif %} from {{ ref('events') }}",
    );
    project.run("build -s events").exit(0);
    is_staged(&project, "")
        .exit(1)
        .stdout_has("the columns of incremental model `yearly` are not those of its table")
        .stdout_has("in the batch 2023, which is 4 of 6");
}

#[test]
fn a_contract_holds_for_rows_that_were_computed_ahead() {
    let project = yearly(
        ", concurrent_batches=true, on_schema_change='fail'",
        "select id, ts, v from {{ ref('events') }}",
    );
    let properties = |check: &str| {
        format!(
            "models:\n  - name: yearly\n    config: {{contract: {{enforced: true}}}}\n    constraints: [{{type: check, expression: {check}}}]\n    columns:\n      - {{name: id, data_type: bigint}}\n      - {{name: ts, data_type: timestamp}}\n      - {{name: v, data_type: varchar}}\n"
        )
    };
    project.write("models/schema.yml", properties("id < 2030"));
    project.run("build -s events").exit(0);
    is_staged(&project, "").exit(0);
    project.write("models/schema.yml", properties("id <> 2024"));
    is_staged(&project, "--full-refresh")
        .exit(1)
        .stdout_has("rows break this constraint")
        .stdout_has("in the batch 2024, which is 5 of 6");
    assert_eq!(project.query("select count(*) from yearly"), "6");
}

#[test]
fn databases_of_users_are_left_alone_and_none_of_ours_is_seen() {
    let project = yearly(", concurrent_batches=true", "select id, ts, v from {{ ref('events') }}");
    project.write(
        "project.yml",
        "name: shop\ntargets:\n  dev:\n    type: duckdb\n    path: shop.duckdb\n    attach: [{path: other.duckdb, alias: tidemill_ahead_1}]\ntarget: dev\n\
         on-run-end: [\"create or replace table main.seen as select database_name as name from duckdb_databases() where not internal\"]\n",
    );
    project.run("build -s events").exit(0);
    let run = project.run(&format!("build -s yearly {WINDOW} --debug --threads 3"));
    run.exit(0);
    assert_eq!(project.query("select count(*) from yearly"), "6");
    let project_and_other = "shop\ntidemill_ahead_1";
    assert_eq!(project.query("select name from seen order by all"), project_and_other);
    assert!(!run.stderr.contains("detach tidemill_ahead_1\n"), "{}", run.stderr);
}

#[test]
fn statements_of_helpers_carry_the_comment_of_the_node() {
    let project = yearly(", concurrent_batches=true", ALL);
    project.write(
        "project.yml",
        "name: shop\ntargets:\n  dev: {type: duckdb, path: shop.duckdb}\ntarget: dev\nquery-comment: \"by {{ node.name }}\"\n",
    );
    project.run("build -s events").exit(0);
    let run = is_staged(&project, "");
    run.exit(0);
    let created = run.stderr.matches("create table tidemill_ahead_").count();
    let with_comment = run.stderr.matches("/* by yearly */\ncreate table tidemill_ahead_").count();
    assert!(created > 0 && created == with_comment, "{}", run.stderr);
}

#[test]
fn a_batch_that_is_made_anew_after_a_look_at_the_catalog_is_right() {
    // The question attaches nothing, but lets the transaction see databases that are attached before they have rows.
    let project = yearly(
        ", concurrent_batches=true",
        "select id, ts, v, (select count(*) from duckdb_tables() where table_name = 'nothing') as n from {{ ref('events') }}",
    );
    project.run("build -s events").exit(0);
    let run = project.run(&format!("build -s yearly {WINDOW} --debug --threads 3"));
    run.exit(0);
    nothing_is_left(&run);
    assert_eq!(project.query("select count(*), sum(n) from yearly"), "6 | 0");
}

#[test]
fn a_template_that_fails_ahead_fails_in_its_turn() {
    let project = yearly(
        ", concurrent_batches=true, publish_batches='each'",
        "{% if model.batch.id == '2023' %}{{ run_query('select nope') }}{% endif %}
         {% do log('batch ' ~ model.batch.id, info=true) %} select id, ts, v from {{ ref('events') }}",
    );
    project.run("build -s events").exit(0);
    let run = project.run(&format!("build -s yearly {WINDOW} --debug --threads 3"));
    run.exit(1).stdout_has("in the batch 2023, which is 4 of 6");
    nothing_is_left(&run);
    assert_eq!(project.query("select id from yearly order by all"), "2020\n2021\n2022");
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_stops_its_helpers() {
    // The later batches take very long, on the model's own connection and ahead.
    let project = yearly(
        ", concurrent_batches=true, publish_batches='each'",
        "select id, ts, v, (select count(*) from range({{ 1 if model.batch.id < '2022' else 100000000 }}) as a, range(100000) as b
           where (a.range + b.range) % 7 = 1) as n from {{ ref('events') }}",
    );
    project.run("build -s events").exit(0);
    let mut command = project.command(&format!("build -s yearly {WINDOW} --threads 3 --log-format json"));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output"));
    let mut said = String::new();
    while !said.contains("node_started") {
        assert!(lines.read_line(&mut said).expect("it can be read") > 0, "{said}");
    }
    std::thread::sleep(std::time::Duration::from_secs(2));
    let id = child.id().to_string();
    let status = std::process::Command::new("kill").args(["-INT", &id]).status().expect("kill runs");
    assert!(status.success());
    lines.read_to_string(&mut said).expect("it can be read");
    assert_eq!(child.wait().expect("it ends").code(), Some(130), "{said}");
    let owed = "select count(*) from tidemill.batches where status = 'pending'";
    assert_ne!(project.query(owed), "0");
}
