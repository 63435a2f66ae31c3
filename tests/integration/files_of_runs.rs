//! `publish: run` and files: external models and rows in Parquet files get their place with the database, or not at all.

use std::fs;
use std::path::Path;

use crate::project::{TestProject, project};

/// Every kind of node that has files, and one that a variable makes fail.
fn lake() -> TestProject {
    let project = project(
        "
        //- models/base.sql
        {{ config(materialized='table') }}
        select i as id, 'p' || (i % 2) as part, {{ var('v', 1) }} as v from range(4) t(i)
        //- models/csv.sql
        {{ config(materialized='external', location='out/csv.csv') }} select * from {{ ref('base') }}
        //- models/parts.sql
        {{ config(materialized='external', location='out/parts', options={'partition_by': 'part'}) }}
        select * from {{ ref('base') }}
        //- models/held.sql
        {{ config(materialized='external', location='out/held.parquet', contract={'enforced': true}) }}
        select id from {{ ref('base') }}
        //- models/added.sql
        {{ config(materialized='incremental', incremental_strategy='append', location='out/added') }}
        select v from {{ ref('base') }} limit 1
        //- models/merged.sql
        {{ config(materialized='incremental', unique_key='id', location='out/merged.parquet') }}
        select id, v from {{ ref('base') }}
        //- models/sums.sql
        {{ config(materialized='table') }}
        select (select sum(v) from {{ ref('csv') }}) as csv, (select sum(v) from {{ ref('parts') }}) as parts,
            (select count(*) from {{ ref('held') }}) as held, (select sum(v) from {{ ref('added') }}) as added,
            (select sum(v) from {{ ref('merged') }}) as merged, (select max(v) from {{ ref('kept') }}) as kept
        //- models/last.sql
        select {% if var('good', true) %}csv{% else %}null{% endif %} as s from {{ ref('sums') }}
        //- models/schema.yml
        models:
          - {name: last, columns: [{name: s, data_tests: [not_null]}]}
          - {name: csv, description: Rows as text., config: {persist_docs: {relation: true}}}
          - {name: held, columns: [{name: id, data_type: bigint, constraints: [{type: not_null}]}]}
        //- snapshots/kept.yml
        snapshots:
          - name: kept
            relation: ref('base')
            config: {unique_key: id, strategy: check, check_cols: all, location: out/kept}
        ",
    );
    project.write("project.yml", format!("{}\npublish: run\n", crate::project::PROJECT_FILE.trim_end()));
    project
}

/// All files below `out`, hidden ones too, with a number that their contents come to.
fn found(project: &TestProject) -> Vec<String> {
    let mut names = Vec::new();
    let mut folders = vec![project.dir().join("out")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(&folder).into_iter().flatten().flatten().map(|it| it.path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = fs::read(&path).expect("a file");
            let sum = bytes.iter().fold(7_u64, |sum, it| sum.wrapping_mul(31).wrapping_add(u64::from(*it)));
            names.push(format!("{} {sum}", shown(project, &path)));
        }
    }
    names.sort();
    names
}

fn shown(project: &TestProject, path: &Path) -> String {
    path.strip_prefix(project.dir()).unwrap_or(path).to_string_lossy().into_owned()
}

/// Names without what they hold.
fn names(project: &TestProject) -> Vec<String> {
    found(project).iter().filter_map(|it| it.split(' ').next().map(str::to_owned)).collect()
}

const SUMS: &str = "select csv, parts, held, added, merged, kept from sums";

/// The same, asked of the files through their views.
const FILES: &str = "select (select sum(v) from csv), (select sum(v) from parts), (select count(*) from held), \
                     (select sum(v) from added), (select sum(v) from merged), (select max(v) from kept)";

/// The rows of a query whose views name files relative to the project.
fn rows(project: &TestProject, sql: &str) -> String {
    let folder = project.dir().display();
    project.query(&format!("set file_search_path = '{folder}'; {sql}"))
}

#[test]
fn files_get_their_place_when_all_went_well() {
    let project = lake();
    project.run("build").exit(0).stderr_has("published shop.duckdb: all of this run at once\n");
    let expected = [
        "out/added/part-000001.parquet",
        "out/csv.csv",
        "out/held.parquet",
        "out/kept/part-000001.parquet",
        "out/merged.parquet",
        "out/parts/part=p0/data_0.parquet",
        "out/parts/part=p1/data_0.parquet",
    ];
    assert_eq!(names(&project), expected);
    assert_eq!(project.query(SUMS), "4 | 4 | 4 | 1 | 4 | 1");
    project.run("build --vars '{v: 10}'").exit(0);
    // Nodes of the run saw the new version of each, before anyone else did.
    assert_eq!(project.query(SUMS), "40 | 40 | 4 | 11 | 40 | 10");
    assert_eq!(rows(&project, FILES), "40 | 40 | 4 | 11 | 40 | 10");
    let beside = "select count(*) from duckdb_views() where sql like '%tidemill-new%'";
    assert_eq!(project.query(beside), "0");
    let comment = "select comment from duckdb_views() where view_name = 'csv'";
    assert_eq!(project.query(comment), "Rows as text.");
}

#[test]
fn a_node_that_fails_later_leaves_every_file_as_it_was() {
    let project = lake();
    project.run("build").exit(0);
    let before = found(&project);
    project
        .run("build --vars '{v: 10, good: false}'")
        .exit(1)
        .stdout_has("made         external main.csv")
        .stderr_has("nothing of this run is published: in shop.duckdb readers see what they saw before");
    assert_eq!(found(&project), before);
    assert_eq!(rows(&project, FILES), "4 | 4 | 4 | 1 | 4 | 1");
    project.run("retry --vars '{v: 10}'").exit(0);
    assert_eq!(rows(&project, FILES), "40 | 40 | 4 | 11 | 40 | 10");
}

#[test]
fn of_a_first_run_that_fails_no_file_is_left() {
    let project = lake();
    project.run("build --vars '{good: false}'").exit(1);
    assert_eq!(names(&project), [""; 0]);
}

#[test]
fn a_hook_that_fails_at_the_end_leaves_every_file_as_it_was() {
    let project = lake();
    project.run("build").exit(0);
    let before = found(&project);
    let config = project.read("project.yml");
    project.write("project.yml", config + "on-run-end: select error('no')\n");
    project.run("build --vars '{v: 10}'").exit(1).stderr_has("error[hook-failed]");
    assert_eq!(found(&project), before);
}

#[test]
fn a_publication_that_is_refused_brings_files_back() {
    let project = lake();
    project.run("build").exit(0);
    let before = found(&project);
    let config = project.read("project.yml");
    project.write(
        "project.yml",
        config + "on-run-end: create or replace table main.sums as select 1 as other\n",
    );
    project
        .run("build --vars '{v: 10}'")
        .exit(1)
        .stderr_has("error[not-published]: the run went well, but `shop.duckdb` was not replaced")
        .stderr_has("main.last cannot be read in the new version");
    assert_eq!(found(&project), before);
    assert_eq!(rows(&project, FILES), "4 | 4 | 4 | 1 | 4 | 1");
}

#[test]
fn files_that_cannot_be_renamed_are_written_at_the_end() {
    let project = lake();
    let location = format!("file://{}/out/csv.csv", project.dir().display());
    let model = project.read("models/csv.sql").replace("out/csv.csv", &location);
    project.write("models/csv.sql", model);
    project.run("build").exit(0);
    let before = found(&project);
    project.run("build --vars '{v: 10, good: false}'").exit(1);
    assert_eq!(found(&project), before);
    project.run("build --vars '{v: 10}'").exit(0);
    assert_eq!(rows(&project, FILES), "40 | 40 | 4 | 11 | 40 | 10");
    assert_eq!(
        project.query("select table_type from information_schema.tables where table_name = 'csv'"),
        "VIEW"
    );
}

#[test]
fn a_place_that_cannot_be_written_to_leaves_all_others_as_they_were() {
    let project = lake();
    project.run("build").exit(0);
    let before = found(&project);
    // Its rows are in a table until the end, when it turns out that there is no such folder.
    let location = format!("file://{}/missing/csv.csv", project.dir().display());
    let model = project.read("models/csv.sql").replace("out/csv.csv", &location);
    project.write("models/csv.sql", model);
    project
        .run("build --vars '{v: 10}'")
        .exit(1)
        .stdout_has("made         external main.csv")
        .stderr_has("error[not-published]: the run went well, but `shop.duckdb` was not replaced")
        .stderr_has("missing/csv.csv");
    assert_eq!(found(&project), before);
    assert_eq!(rows(&project, FILES), "4 | 4 | 4 | 1 | 4 | 1");
}

#[test]
fn what_has_its_place_already_is_put_back_if_a_later_one_fails() {
    let project = lake();
    project.run("build").exit(0);
    let before = found(&project);
    let config = project.read("project.yml");
    let spoil = "drop view main.kept; create table main.kept as select 1 as v";
    project.write("project.yml", config + &format!("on-run-end: \"{spoil}\"\n"));
    project
        .run("build --vars '{v: 10}'")
        .exit(1)
        .stderr_has("error[not-published]: the run went well, but `shop.duckdb` was not replaced")
        .stderr_has("kept");
    assert_eq!(found(&project), before);
    assert_eq!(rows(&project, FILES), "4 | 4 | 4 | 1 | 4 | 1");
    let status = "select distinct status from tidemill.node_runs where run_id = (select arg_max(run_id, started_at) from tidemill.runs)";
    assert_eq!(project.query(status), "not published");
}

#[test]
fn what_is_made_in_another_database_is_published_when_it_is_made() {
    let project = lake();
    project.write(
        "project.yml",
        "name: shop\ntargets:\n  dev: {type: duckdb, path: shop.duckdb, attach: [{path: other.duckdb, alias: other}]}\n\
         target: dev\npublish: run\n",
    );
    let model = project
        .read("models/csv.sql")
        .replace("materialized='external'", "materialized='external', database='other'");
    project.write("models/csv.sql", model);
    project
        .run("build")
        .exit(0)
        .stderr_has("other databases are no part of the copy: 1 node there will be published one by one\n");
    project.run("build --vars '{v: 10, good: false}'").exit(1);
    let text = project.read("out/csv.csv");
    assert!(text.contains(",10\n"), "{text}");
    let results: serde_json::Value =
        serde_json::from_str(&project.read("target/run_results.json")).expect("JSON");
    let status = |id: &str| {
        let mut found =
            results["results"].as_array().into_iter().flatten().filter(|it| it["unique_id"] == id);
        found.next().map(|it| it["status"].clone())
    };
    assert_eq!(status("model.shop.csv"), Some("success".into()));
    assert_eq!(status("model.shop.parts"), Some("skipped".into()));
}

#[test]
fn a_file_that_a_killed_run_put_in_place_is_taken_back() {
    for publish in ["run", "model"] {
        let project = lake();
        project.run(&format!("build --publish {publish}")).exit(0);
        let before = found(&project);
        // As a run leaves it that is killed when its files have their place and the database does not know it.
        let hidden = project.dir().join("out/.csv.csv.tidemill-new");
        fs::create_dir(&hidden).expect("made");
        fs::write(hidden.join("run"), "replaces 00000000-0000-0000-0000-000000000000 0\n").expect("written");
        fs::rename(project.dir().join("out/csv.csv"), hidden.join("old.tidemill-new")).expect("renamed");
        project.write("out/csv.csv", "id,part,v\n0,p0,99\n");
        project.run(&format!("run -s base --publish {publish}")).exit(0);
        assert_eq!(found(&project), before, "{publish}");
    }
}
