//! Builds that are killed: what is left is a version from before or after, and the next build needs no repair.
//! `scripts/crash` does the same at random moments and with more kinds of nodes.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::project::{PROJECT_FILE, TestProject, project};

/// Everything that is made in another way: a seed, tables, an incremental model, a snapshot, a view and files.
fn shop(publish: &str) -> TestProject {
    let project = project(
        "
        //- seeds/numbers.csv
        id
        1
        //- models/a.sql
        {{ config(materialized='table') }}
        select i as id, {{ var('v') }} as v from range(20000) t(i)
        where exists (select 1 from {{ ref('numbers') }})
        //- models/b.sql
        {{ config(materialized='incremental', unique_key='id') }}
        select id, v from {{ ref('a') }}
        //- models/files.sql
        {{ config(materialized='incremental', unique_key='id', location='lake/files') }}
        select id, v from {{ ref('a') }}
        //- models/c.sql
        {{ config(materialized='table') }}
        select distinct v from {{ ref('b') }}
        //- models/d.sql
        select v from {{ ref('c') }}
        //- models/e.sql
        {{ config(materialized='external', location='e.parquet') }}
        select v from {{ ref('d') }}
        //- models/schema.yml
        models:
          - name: a
            columns: [{name: id, data_tests: [unique, not_null]}]
          - name: b
            columns: [{name: id, data_tests: [unique, not_null]}]
          - name: d
            columns: [{name: v, data_tests: [unique]}]
        //- snapshots/s.yml
        snapshots:
          - name: s
            relation: ref('c')
            config: {unique_key: \"'one'\", strategy: check, check_cols: [v]}
        ",
    );
    project.write("project.yml", format!("{}\npublish: {publish}\n", PROJECT_FILE.trim_end()));
    project
}

/// Builds, and kills the build when it says that work on so many nodes has begun.
fn killed(project: &TestProject, v: usize, nodes: usize) {
    let mut build = project
        .command(&format!("build --log-format json --vars '{{v: {v}}}'"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program can be started");
    let lines = BufReader::new(build.stdout.take().expect("its output")).lines();
    let begun = lines.map_while(Result::ok).filter(|it| it.contains("node_started"));
    assert_eq!(begun.take(nodes).count(), nodes);
    build.kill().expect("it can be killed");
    build.wait().expect("it ended");
}

/// The builds whose rows are in the model that is kept in files.
fn in_files(project: &TestProject) -> String {
    format!("select distinct v from '{}/lake/files/*.parquet'", project.dir().display())
}

/// What each relation holds: of one build, and as many rows as the history says.
fn check(project: &TestProject, publish: &str, nodes: usize, v: usize) {
    for table in ["a", "b", "c", "d", "s where dbt_valid_to is null"] {
        let found = project.query(&format!("select distinct v from {table}"));
        let (before, after) = ((v - 1).to_string(), v.to_string());
        assert!(found == before || found == after, "{publish}, {nodes}: {table} has {found}");
        if publish == "run" {
            assert_eq!(found, before, "{nodes}: {table}");
        }
    }
    for table in ["a", "b", "c", "s"] {
        let id = if table == "s" { "snapshot.shop.s".to_owned() } else { format!("model.shop.{table}") };
        let rows = format!(
            "select arg_max(rows, finished_at) = (select count(*) from {table}) from tidemill.node_runs \
             where node_id = '{id}' and status = 'success'"
        );
        assert_eq!(project.query(&rows), "true", "{publish}, {nodes}: {table}");
    }
    let found = project.query(&in_files(project));
    assert!(found == (v - 1).to_string() || found == v.to_string(), "{publish}, {nodes}: files have {found}");
    let open = "select count(*) from s where dbt_valid_to is null";
    assert_eq!(project.query(open), "1", "{publish}, {nodes}");
}

#[test]
fn a_killed_build_leaves_whole_versions_and_the_next_one_succeeds() {
    for publish in ["model", "run"] {
        let project = shop(publish);
        project.run("build --vars '{v: 0}'").exit(0);
        let mut v = 0;
        for nodes in [1, 3, 4, 5, 7] {
            v += 1;
            killed(&project, v, nodes);
            check(&project, publish, nodes, v);
            v += 1;
            project.run(&format!("build --vars '{{v: {v}}}'")).exit(0);
            assert_eq!(project.query("select distinct v from b"), v.to_string());
            assert_eq!(project.query(&in_files(&project)), v.to_string());
            assert_eq!(fs::read_dir(project.dir().join("lake")).expect("a folder").count(), 1);
            let mut left: Vec<String> = fs::read_dir(project.dir())
                .expect("the project's folder")
                .map(|it| it.expect("an entry").file_name().to_string_lossy().into_owned())
                .collect();
            left.sort();
            assert_eq!(
                left,
                ["e.parquet", "lake", "models", "project.yml", "seeds", "shop.duckdb", "snapshots", "target"],
                "{publish}, {nodes}"
            );
            let relations = "select string_agg(table_name, ' ' order by table_name) \
                             from information_schema.tables where table_schema <> 'tidemill'";
            assert_eq!(project.query(relations), "a b c d e files numbers s", "{publish}, {nodes}");
        }
    }
}

#[test]
fn two_builds_at_the_same_moment_lose_nothing() {
    for publish in ["model", "run"] {
        let project = shop(publish);
        project.run("build --vars '{v: 0}'").exit(0);
        let both =
            ["build --wait 60s --vars '{v: 1}'", "build --wait 60s --vars '{v: 1}'", "build --vars '{v: 1}'"]
                .map(|it| {
                    let mut command = project.command(it);
                    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it can be started")
                });
        let [first, second, third] = both.map(|it| it.wait_with_output().expect("it ends"));
        assert_eq!((first.status.code(), second.status.code()), (Some(0), Some(0)), "{publish}");
        // The one that does not wait stops and says why, unless it came first.
        let said = String::from_utf8_lossy(&third.stderr);
        let has_stopped = third.status.code() == Some(2) && said.contains("error[database-locked]");
        assert!(third.status.code() == Some(0) || has_stopped, "{publish}: {said}");
        check(&project, "model", 0, 1);
        assert_eq!(project.query("select distinct v from d"), "1", "{publish}");
        let runs = if has_stopped { "3" } else { "4" };
        assert_eq!(project.query("select count(*) from tidemill.runs where status = 'success'"), runs);
    }
}
