//! Builds that are killed: what is left is a version from before or after, and the next build needs no repair.
//! `scripts/crash` does the same at random moments and with more kinds of nodes.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::project::{PROJECT_FILE, TestProject, project};

fn shop(publish: &str) -> TestProject {
    let project = project(
        "
        //- models/a.sql
        {{ config(materialized='table') }}
        select i as id, {{ var('v') }} as v from range(20000) t(i)
        //- models/b.sql
        {{ config(materialized='incremental', unique_key='id') }}
        select id, v from {{ ref('a') }}
        //- models/files.sql
        {{ config(materialized='incremental', unique_key='id', location='lake/files') }}
        select id, v from {{ ref('a') }}
        //- models/c.sql
        {{ config(materialized='table') }}
        select distinct v from {{ ref('b') }}
        //- models/schema.yml
        models:
          - name: a
            columns: [{name: id, data_tests: [unique, not_null]}]
          - name: b
            columns: [{name: id, data_tests: [unique, not_null]}]
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

#[test]
fn a_killed_build_leaves_whole_versions_and_the_next_one_succeeds() {
    for publish in ["model", "run"] {
        let project = shop(publish);
        project.run("build --vars '{v: 0}'").exit(0);
        let mut v = 0;
        for nodes in 1..=4 {
            v += 1;
            killed(&project, v, nodes);
            for table in ["a", "b", "c"] {
                let found = project.query(&format!("select distinct v from {table}"));
                let (before, after) = ((v - 1).to_string(), v.to_string());
                assert!(found == before || found == after, "{publish}, {nodes}: {table} has {found}");
                if publish == "run" {
                    assert_eq!(found, before, "{nodes}: {table}");
                }
            }
            let in_files =
                format!("select distinct v from '{}/lake/files/*.parquet'", project.dir().display());
            let found = project.query(&in_files);
            assert!(found == (v - 1).to_string() || found == v.to_string(), "{publish}, {nodes}: {found}");
            v += 1;
            project.run(&format!("build --vars '{{v: {v}}}'")).exit(0);
            assert_eq!(project.query("select distinct v from b"), v.to_string());
            assert_eq!(project.query(&in_files), v.to_string());
            assert_eq!(fs::read_dir(project.dir().join("lake")).expect("a folder").count(), 1);
            let mut left: Vec<String> = fs::read_dir(project.dir())
                .expect("the project's folder")
                .map(|it| it.expect("an entry").file_name().to_string_lossy().into_owned())
                .collect();
            left.sort();
            assert_eq!(
                left,
                ["lake", "models", "project.yml", "shop.duckdb", "target"],
                "{publish}, {nodes}"
            );
        }
    }
}
