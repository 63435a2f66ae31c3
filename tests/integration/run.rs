//! Runs: materializations, hooks, places of errors, scheduling, interruptions, locks, secrets.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Stdio};

use serde_json::Value as Json;

use super::project::{Outcome, TestProject, project};

const KINDS: &str = "select table_name, table_type from information_schema.tables
    where table_schema = 'main' order by all";

fn write_model(project: &TestProject, name: &str, materialized: &str, sql: &str) {
    let config = format!("{{{{ config(materialized='{materialized}') }}}}");
    project.write(&format!("models/{name}.sql"), format!("{config}\n{sql}\n"));
}

#[test]
fn a_relation_changes_its_kind_and_its_readers_go_on() {
    let project = project(
        "
        //- models/reader.sql
        select * from {{ ref('a') }}
        //- models/inner_part.sql
        {{ config(materialized='ephemeral') }}
        select id + 1 as id from {{ ref('a') }}
        //- models/outer_part.sql
        {{ config(materialized='ephemeral') }}
        select id * 10 as id from {{ ref('inner_part') }}
        //- models/user.sql
        select * from {{ ref('outer_part') }}
        //- seeds/s.csv
        id
        1
        ",
    );
    for (n, kind) in ["view", "table", "view", "table"].into_iter().enumerate() {
        write_model(&project, "a", kind, &format!("select {n} as id"));
        project.run("build -s a reader user").exit(0);
        let word = if kind == "view" { "VIEW" } else { "BASE TABLE" };
        assert_eq!(project.query(KINDS), format!("a | {word}\nreader | VIEW\nuser | VIEW"));
        assert_eq!(project.query("select * from reader"), n.to_string());
        assert_eq!(project.query("select * from user"), ((n + 1) * 10).to_string());
    }
    // A view that is replaced alone by one with other columns is read by `select *` as it is now.
    write_model(&project, "a", "table", "select 'x' as more, 5 as id");
    project.run("build -s a").exit(0).stderr("");
    assert_eq!(project.query("select * from reader"), "x | 5");
}

#[test]
fn a_view_that_the_new_version_breaks_is_named() {
    let project = project(
        "
        //- models/part.sql
        {{ config(materialized='ephemeral') }}
        select id from {{ ref('a') }}
        //- models/reader.sql
        select * from {{ ref('part') }}
        //- models/copy.sql
        {{ config(materialized='table') }}
        select id from {{ ref('a') }}
        ",
    );
    write_model(&project, "a", "table", "select 1 as id");
    project.run("build --no-check").exit(0);
    write_model(&project, "a", "table", "select 1 as other");
    project.run("build --no-check -s a").exit(1).stdout_has(
        "error[breaks-views]: the new version of `a` would break the view main.reader, which reads from it",
    );
    // In a whole build the view's own error says so.
    project.run("build --no-check").exit(1).stderr(
        "warning: view main.reader cannot be read since a was published, because it was not made anew: \
         Referenced column \"id\" not found in FROM clause!",
    );
}

#[test]
fn schemas_are_made_and_attached_databases_are_built_in() {
    let project = project(
        "
        //- project.yml
        name: shop
        targets:
          dev: {type: duckdb, path: shop.duckdb, schema: mart, attach: [{path: side.duckdb, alias: side}]}
        target: dev
        //- models/a.sql
        {{ config(materialized='table', database='side', schema='stage') }}
        select 1 as id
        //- models/b.sql
        {{ config(schema='out') }}
        select 2 as id
        //- models/c.sql
        {{ config(materialized='table') }}
        select * from {{ ref('a') }} union all select * from {{ ref('b') }}
        ",
    );
    let outcome = project.run("build");
    outcome.exit(0);
    let again = project.run("build");
    again.exit(0);
    assert_eq!(project.query("select * from mart.c order by id"), "1\n2");
}

#[test]
fn hooks_run_in_the_transaction_and_fail_with_it() {
    let project = project(
        "
        //- project.yml
        name: shop
        targets:
          dev: {type: duckdb, path: shop.duckdb}
        target: dev
        on-run-start: create table if not exists audit (what varchar)
        on-run-end: [\"insert into audit values ('end')\"]
        //- models/good.sql
        {{ config(materialized='table', pre_hook=\"insert into audit values ('pre')\",
            post_hook=[\"insert into audit values ('post')\"]) }}
        select count(*) as n from audit
        //- models/late.sql
        {{ config(materialized='table', pre_hook=\"insert into audit values ('rolled back')\",
            post_hook=['selec 1']) }}
        select 1 as id
        ",
    );
    project.run("build --threads 1").exit(1).stderr("").stdout(
        r#"
        building 2 models in shop.duckdb (target dev, 1 thread)
        1/2  published    table main.good                       1 row [time]
        2/2  error        table main.late [time]
             models/late.sql:2:5: post-hook of `late`: syntax error at or near "selec"
             nothing is published

        1 model published

        error[hook-failed]: post-hook of `late`: syntax error at or near "selec"
         --> models/late.sql:2:5
          |
        2 |     post_hook=['selec 1']) }}
          |     ^^^^^^^ in this hook

        next: tidemill build -s +late+
        build failed in [time]: 1 node failed
        "#,
    );
    assert_eq!(project.query("select what, n from audit, good order by what"), "end | 1\npost | 1\npre | 1");
    project.write(
        "project.yml",
        "name: shop\ntargets:\n  dev: {type: duckdb, path: shop.duckdb}\ntarget: dev\non-run-start: selec 1\n",
    );
    project.run("build").exit(1).stderr(
        r#"
        error[hook-failed]: on-run-start: syntax error at or near "selec"
         --> project.yml:5:15
          |
        5 | on-run-start: selec 1
          |               ^^^^^^^ in this hook

        stopped: 1 error
        "#,
    );
    assert_eq!(project.query("select status from tidemill.runs order by started_at desc limit 1"), "error");
}

#[test]
fn errors_of_the_engine_are_shown_at_the_users_lines() {
    project(
        "
        //- macros/m.sql
        {% macro bad() %}
          not_there
        {% endmacro %}
        //- models/a.sql
        select 1 as id, 'b' as s
        //- models/after_blocks.sql
        {% for i in range(3) %}
        -- {{ i }}
        {% endfor %}
        select id,
          wrong
        from {{ ref('a') }}
        //- models/at_run_time.sql
        {{ config(materialized='table') }}
        select
          {% if true %}
          s::int as n
          {% endif %}
        from {{ ref('a') }}
        //- models/part.sql
        {{ config(materialized='ephemeral') }}
        select id,
          no_column
        from {{ ref('a') }}
        //- models/of_part.sql
        select * from {{ ref('part') }}
        //- models/through_macro.sql
        select {{ bad() }} from {{ ref('a') }}
        ",
    )
    .run("build --no-check --threads 1")
    .exit(1)
    .stderr("")
    .stdout(r#"
        building 5 models in shop.duckdb (target dev, 1 thread)
        1/5  published    view main.a [time]
        2/5  error        view main.after_blocks [time]
             models/after_blocks.sql:5:3: Referenced column "wrong" not found in FROM clause!
             nothing is published
        3/5  error        table main.at_run_time [time]
             models/at_run_time.sql:4:4: Could not convert string 'b' to INT32 when casting from source column s
             nothing is published
        4/5  error        view main.of_part [time]
             models/part.sql:3:3: Referenced column "no_column" not found in FROM clause!
             nothing is published
        5/5  error        view main.through_macro [time]
             macros/m.sql:2:3: Referenced column "not_there" not found in FROM clause!
             nothing is published

        1 model published

        error[sql-error]: Referenced column "wrong" not found in FROM clause!
         --> models/after_blocks.sql:5:3
          |
        5 |   wrong
          |   ^^^^^
          |
        note: Candidate bindings: "id"

        error[sql-error]: Could not convert string 'b' to INT32 when casting from source column s
         --> models/at_run_time.sql:4:4
          |
        4 |   s::int as n
          |    ^

        error[sql-error]: Referenced column "no_column" not found in FROM clause!
         --> models/part.sql:3:3
          |
        3 |   no_column
          |   ^^^^^^^^^
          |
        note: Candidate bindings: "id"
        note: it is part of the query of model `of_part`

        error[sql-error]: Referenced column "not_there" not found in FROM clause!
         --> macros/m.sql:2:3
          |
        2 |   not_there
          |   ^^^^^^^^^
          |
         ::: models/through_macro.sql:1:11
          |
        1 | select {{ bad() }} from {{ ref('a') }}
          |           ----- in macro `bad`, called here
          |
        note: Candidate bindings: "id"

        next: tidemill build -s +after_blocks+ +at_run_time+ +of_part+ +through_macro+
        build failed in [time]: 4 nodes failed
        "#);
}

#[test]
fn too_little_memory_is_said_with_the_model_and_the_next_knob() {
    let project = project(
        "
        //- project.yml
        name: shop
        targets:
          dev: {type: duckdb, path: shop.duckdb, settings: {memory_limit: 20MB, max_temp_directory_size: 1MB}}
        target: dev
        //- models/big.sql
        {{ config(materialized='table') }}
        select range as id, md5(range::varchar) as h from range(1000000) order by h
        //- models/small.sql
        select 1 as id
        //- models/of_big.sql
        select * from {{ ref('big') }}
        ",
    );
    let outcome = project.run("build --threads 1");
    outcome
        .exit(1)
        .stdout_has(
            "error[out-of-memory]: model `big` needs more memory than there is\n --> models/big.sql:1:1",
        )
        .stdout_has("help: raise `max_temp_directory_size` or `memory_limit` under `settings:` of the target")
        .stdout_has("(big failed)");
    assert!(!outcome.stdout.contains("PRAGMA"), "{}", outcome.stdout);
    assert!(!project.dir().join("shop.duckdb.tmp").exists());
}

/// Models that change the same row in their hooks.
#[test]
fn models_that_stand_in_each_others_way_are_tried_again() {
    let project = project(
        "
        //- project.yml
        name: shop
        targets:
          dev: {type: duckdb, path: shop.duckdb}
        target: dev
        on-run-start: create or replace table counter as select 0 as n
        //- models/schema.yml
        models: []
        ",
    );
    for n in 0..12 {
        project.write(
            &format!("models/m{n}.sql"),
            "{{ config(materialized='table', pre_hook='update counter set n = n + 1') }}\nselect 1 as id\n",
        );
    }
    project.run("build --threads 8").exit(0).stderr("");
    assert_eq!(project.query("select n from counter"), "12");
}

#[test]
fn many_models_in_shared_schemas_meet_no_conflict() {
    let project = project("//- models/schema.yml\nmodels: []\n");
    for n in 0..300 {
        let kind = if n % 3 == 0 { "view" } else { "table" };
        let parent = if n < 3 { String::new() } else { format!("from {{{{ ref('m{}') }}}}", n / 3) };
        project.write(
            &format!("models/m{n}.sql"),
            format!(
                "{{{{ config(materialized='{kind}', schema='s{}') }}}}\nselect {n} as id {parent}\n",
                n % 4
            ),
        );
    }
    for _ in 0..2 {
        project.run("build --threads 8 --quiet").exit(0).stdout("").stderr("");
    }
    let count = "select count(*) from information_schema.tables where table_schema like 's_'";
    assert_eq!(project.query(count), "300");
}

/// A program that runs, and its events.
struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Running {
    #[track_caller]
    fn start(project: &TestProject, arguments: &str) -> Self {
        let mut command = project.command(&format!("{arguments} --log-format json"));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("its output"));
        Self { child, lines }
    }

    /// Reads events up to one of this name, about this node.
    #[track_caller]
    fn wait_for(&mut self, event: &str, node: Option<&str>) -> Json {
        let mut line = String::new();
        while self.lines.read_line(&mut line).expect("it can be read") > 0 {
            let json: Json = serde_json::from_str(&line).expect("a JSON line");
            if json["event"] == event && node.is_none_or(|it| json["node"] == it) {
                return json;
            }
            line.clear();
        }
        panic!("there was no {event}");
    }

    fn interrupt(&self) {
        let id = self.child.id().to_string();
        let status = std::process::Command::new("kill").args(["-INT", &id]).status().expect("kill runs");
        assert!(status.success());
    }

    /// Exit status, the rest of the events.
    fn finish(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).expect("it can be read");
        (self.child.wait().expect("it ends").code(), rest)
    }
}

/// A project with a model that takes very long.
fn slow() -> TestProject {
    project(
        "
        //- models/quick.sql
        select 1 as id
        //- models/slow.sql
        {{ config(materialized='table') }}
        select count(*) as n from range({{ var('rows', 100000000) }}) as a, range(100000) as b
        where (a.range + b.range) % 7 = 1
        //- models/reader.sql
        select * from {{ ref('slow') }}
        ",
    )
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_leaves_nothing_half_done() {
    let project = slow();
    project.run("build --vars '{rows: 0}'").exit(0);
    let mut running = Running::start(&project, "build -s slow reader");
    running.wait_for("node_started", Some("model.shop.slow"));
    running.interrupt();
    let (exit, rest) = running.finish();
    assert_eq!(exit, Some(130), "{rest}");
    assert!(
        rest.contains(r#""reason":"interrupted""#) && rest.contains(r#""status":"interrupted""#),
        "{rest}"
    );
    assert_eq!(project.query("select n from slow"), "0");
    assert_eq!(
        project.query("select status from tidemill.runs order by started_at desc limit 1"),
        "interrupted"
    );
    project.run("build --vars '{rows: 0}'").exit(0);
}

#[cfg(unix)]
#[test]
fn a_second_run_says_who_holds_the_file_or_waits_for_it() {
    let project = slow();
    let mut first = Running::start(&project, "build -s slow");
    first.wait_for("node_started", Some("model.shop.slow"));
    let pid = first.child.id();
    let outcome = project.run("build -s quick");
    let holder = format!("in use by tidemill (PID {pid})");
    outcome.exit(2).stderr_has(&holder).stderr_has("wait for it with `--wait [time]`").stdout("");
    assert!(!outcome.stderr.contains("-readonly"), "{}", outcome.stderr);
    // Who waits can be stopped.
    let mut impatient = Running::start(&project, "build -s quick --wait 60s");
    let waiting = impatient.wait_for("waiting", None);
    assert_eq!(waiting["holder"], format!("tidemill (PID {pid})"));
    impatient.interrupt();
    assert_eq!(impatient.finish().0, Some(130));
    // Who goes on waiting gets the file.
    let mut patient = Running::start(&project, "build -s quick --wait 60s");
    patient.wait_for("waiting", None);
    first.interrupt();
    assert_eq!(first.finish().0, Some(130));
    let (exit, rest) = patient.finish();
    assert_eq!(exit, Some(0), "{rest}");
}

/// Ends a build at many moments: the database opens, holds the version before or after, and can be built.
#[cfg(unix)]
#[test]
fn a_killed_run_leaves_one_version_or_the_other() {
    let project = project(
        "
        //- models/a.sql
        {{ config(materialized='table') }}
        select range as id, {{ var('version') }} as version from range(20000)
        //- models/b.sql
        {{ config(materialized='table') }}
        select id, version from {{ ref('a') }} where id % 2 = 0
        //- models/c.sql
        select * from {{ ref('b') }}
        //- models/schema.yml
        models:
          - name: b
            columns: [{name: id, data_tests: [not_null, unique]}]
        ",
    );
    project.run("build --vars '{version: 0}'").exit(0);
    let mut versions = ["0".to_owned(), "0".to_owned()];
    for n in 1..=20_usize {
        let mut running = Running::start(&project, &format!("build --vars '{{version: {n}}}'"));
        // Events come at moments that differ from run to run, so no clock is needed.
        let mut line = String::new();
        for _ in 0..n % 6 {
            let _ = running.lines.read_line(&mut line);
        }
        let _ = running.child.kill();
        let _ = running.finish();
        for (name, before) in ["a", "b"].into_iter().zip(&mut versions) {
            let sql = format!("select string_agg(distinct version::varchar), count(*) from {name}");
            let found = project.query(&sql);
            let rows = if name == "a" { 20000 } else { 10000 };
            let is_new = found == format!("{n} | {rows}");
            assert!(
                is_new || found == format!("{before} | {rows}"),
                "{name}: {found}, before {before}, run {n}"
            );
            if is_new {
                *before = n.to_string();
            }
        }
    }
    project.run("build --vars '{version: 99}'").exit(0);
    assert_eq!(project.query("select distinct version from c"), "99");
    let mut left: Vec<String> = fs::read_dir(project.dir())
        .expect("a folder")
        .filter_map(|it| Some(it.ok()?.file_name().to_string_lossy().into_owned()))
        .collect();
    left.sort();
    assert_eq!(left, ["models", "project.yml", "shop.duckdb", "target"]);
}

#[test]
fn a_database_that_cannot_be_opened_is_said_plainly() {
    let project = project("//- models/a.sql\nselect 1 as id\n");
    project.write("shop.duckdb", "this is no database, ".repeat(1000));
    project.run("build").exit(2).stderr(
        r#"
        error[database-corrupt]: `shop.duckdb` is not a DuckDB database that can be read
        note: The file "[dir]/shop.duckdb" exists, but it is not a valid DuckDB database file!
        help: bring back a copy of the file; if it only holds what this project makes, move it away and build again

        stopped: 1 error
        "#,
    );
    fs::remove_file(project.dir().join("shop.duckdb")).expect("it was there");
    fs::create_dir(project.dir().join("shop.duckdb")).expect("a folder");
    project.run("build").exit(2).stderr(
        "
        error[database-unavailable]: the database `shop.duckdb` cannot be opened
        note: ./shop.duckdb is a folder, not a database file

        stopped: 1 error
        ",
    );
}

const CANARY: &str = "canary-7f3a91'\"x";

#[test]
fn a_secret_is_nowhere_to_be_found() {
    let project = project(
        r#"
        //- models/leaks.sql
        select '{{ env_var("SHOP_SECRET_X").replace("'", "''") }}' as a
        //- models/fails.sql
        {{ config(materialized='table') }}
        select '{{ env_var("SHOP_SECRET_X").replace("'", "''") }}'::int as a
        //- models/raises.sql
        {% if execute %}{{ exceptions.raise_compiler_error('no ' ~ env_var('SHOP_SECRET_X')) }}{% endif %}
        //- models/logs.sql
        {{ log(env_var('SHOP_SECRET_X'), info=true) }}
        {{ config(meta={'x': env_var('SHOP_SECRET_X')}) }}
        select 1 as id
        //- tests/shown.sql
        select * from {{ ref('leaks') }}
        "#,
    )
    .env("SHOP_SECRET_X", CANARY);
    for arguments in
        ["build", "build --log-format json", "build --debug", "compile", "test", "list --output json"]
    {
        let outcome: Outcome = project.run(arguments);
        let all = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(!all.contains("canary"), "{arguments}: {all}");
        assert!(arguments != "build" || all.contains("***"), "{all}");
    }
    let mut files = 0;
    for entry in walkdir::WalkDir::new(project.dir().join("target")).into_iter().filter_map(Result::ok) {
        if let Ok(text) = fs::read_to_string(entry.path()) {
            files += 1;
            assert!(!text.contains("canary"), "{}", entry.path().display());
        }
    }
    assert!(files > 4, "{files} files");
    assert!(project.read("target/compiled/shop/models/leaks.sql").contains("'***'"));
    let messages = "select message from tidemill.node_runs union all select message from tidemill.test_runs";
    let messages = project.query(messages);
    assert!(messages.contains("***") && !messages.contains("canary"), "{messages}");
}

#[test]
fn json_lines_have_the_fields_of_the_manual() {
    let project = project(
        "
        //- models/a.sql
        select 1 as id
        //- models/b.sql
        select nope from {{ ref('a') }}
        //- models/c.sql
        select * from {{ ref('b') }}
        //- models/schema.yml
        models:
          - name: a
            columns: [{name: id, data_tests: [not_null, {accepted_values: {arguments: {values: [2]}, config: {severity: warn}}}]}]
        ",
    );
    let manual = include_str!("../../manual/events.md");
    let outcome = project.run("build --no-check --threads 1 --log-format json");
    outcome.exit(1).stderr("");
    let mut seen = Vec::new();
    for line in outcome.stdout.lines() {
        let event: Json = serde_json::from_str(line).expect("a JSON line");
        let object = event.as_object().expect("an object");
        let name = object["event"].as_str().expect("a name");
        assert!(manual.contains(&format!("## `{name}`")), "{name} is not in the manual");
        for key in object.keys() {
            assert!(manual.contains(&format!("`{key}`")), "`{key}` of {name} is not in the manual");
        }
        seen.push(name.to_owned());
    }
    assert_eq!(seen.first().map(String::as_str), Some("run_started"));
    assert_eq!(seen.last().map(String::as_str), Some("run_finished"));
    assert_eq!(seen.iter().filter(|it| *it == "test_finished").count(), 2);
}

#[test]
fn an_exposure_is_up_to_date_when_what_it_reads_is() {
    let project = project(
        "
        //- models/a.sql
        select 1 as id
        //- models/b.sql
        select x from nowhere
        //- models/properties.yml
        exposures:
          - name: weekly
            type: dashboard
            owner: {name: ann}
            depends_on: [ref('a')]
          - name: broken
            type: dashboard
            owner: {name: ann}
            depends_on: [ref('b')]
        ",
    );
    project
        .run("build")
        .exit(1)
        .stdout_has("no-op        exposure weekly")
        .stdout_has("skipped      exposure broken");
    let results: serde_json::Value =
        serde_json::from_str(&project.read("target/run_results.json")).expect("run results");
    let mut statuses: Vec<String> = results["results"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| {
            format!("{} {}", it["unique_id"].as_str().unwrap_or(""), it["status"].as_str().unwrap_or(""))
        })
        .collect();
    statuses.sort();
    assert_eq!(
        statuses,
        [
            "exposure.shop.broken skipped",
            "exposure.shop.weekly no-op",
            "model.shop.a success",
            "model.shop.b error"
        ]
    );
}
