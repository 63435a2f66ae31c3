//! External models: files that are written beside their place and published by renaming.

use std::fs;

use crate::project::{TestProject, project};

const CODES: &str = "
    //- seeds/codes.csv
    id,name
    1,a
    2,b
    ";

fn with(models: &str) -> TestProject {
    project(&format!("{CODES}{models}"))
}

/// Files below a folder, sorted.
fn files(project: &TestProject, folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![project.dir().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
                continue;
            }
            let path = entry.path();
            let shown = path.strip_prefix(project.dir()).unwrap_or(&path).to_string_lossy();
            found.push(shown.replace('\\', "/"));
        }
    }
    found.sort();
    found
}

#[test]
fn files_are_written_in_three_formats_and_read_by_views() {
    let project = with(
        "
    //- models/a.sql
    {{ config(materialized='external') }} select * from {{ ref('codes') }}
    //- models/b.sql
    {{ config(materialized='external', location='out/b.csv', delimiter='|') }} select id, 'x|y' as t from {{ ref('codes') }}
    //- models/c.sql
    {{ config(materialized='external', format='json', location='out/c.json') }} select * from {{ ref('a') }}
    //- models/d.sql
    {{ config(materialized='external', location='out/d.csv.gz') }} select * from {{ ref('codes') }}
    //- models/e.sql
    {{ config(materialized='external', location='out/e.json.gz', format='json') }} select * from {{ ref('codes') }}
    ",
    );
    project
        .run("build --threads 1")
        .exit(0)
        .stdout_has("published    external main.a                       2 rows");
    // They are there for everyone, not only for the database.
    assert_eq!(project.read("out/b.csv"), "id|t\n1|\"x|y\"\n2|\"x|y\"\n");
    assert_eq!(project.read("out/c.json"), "{\"id\":1,\"name\":\"a\"}\n{\"id\":2,\"name\":\"b\"}\n");
    assert_eq!(files(&project, "out"), ["out/b.csv", "out/c.json", "out/d.csv.gz", "out/e.json.gz"]);
    let kinds =
        "select table_name, table_type from information_schema.tables where table_schema = 'main' order by 1";
    assert_eq!(project.query(kinds), "a | VIEW\nb | VIEW\nc | VIEW\ncodes | BASE TABLE\nd | VIEW\ne | VIEW");
}

#[test]
fn partitions_are_replaced_as_a_whole() {
    let project = with(
        "
    //- models/a.sql
    {{ config(materialized='external', location='out/a', format='csv', options={'partition_by': 'name'}) }}
    select * from {{ ref('codes') }}
    //- models/kept.sql
    {{ config(materialized='external', location='out/kept',
        options={'partition_by': 'name', 'overwrite_or_ignore': true}) }}
    select * from {{ ref('codes') }}
    ",
    );
    project.run("build").exit(0);
    assert_eq!(files(&project, "out/a"), ["out/a/name=a/data_0.csv", "out/a/name=b/data_0.csv"]);
    project.write("seeds/codes.csv", "id,name\n1,a\n3,c\n");
    project.run("build").exit(0);
    assert_eq!(files(&project, "out/a"), ["out/a/name=a/data_0.csv", "out/a/name=c/data_0.csv"]);
    let kept = ["a", "b", "c"].map(|it| format!("out/kept/name={it}/data_0.parquet"));
    assert_eq!(files(&project, "out/kept"), kept);
}

#[test]
fn a_result_without_rows_keeps_its_columns() {
    let project = with(
        "
    //- models/a.sql
    {{ config(materialized='external', location='out/a.parquet') }} select * from {{ ref('codes') }} where id > 7
    //- models/b.sql
    {{ config(materialized='table') }} select * from {{ ref('a') }}
    ",
    );
    project.run("build").exit(0);
    assert_eq!(project.query("select count(*) from b"), "0");
    let columns = "select column_name, data_type from duckdb_columns() where table_name = 'b' order by 1";
    assert_eq!(project.query(columns), "id | INTEGER\nname | VARCHAR");
}

const TESTED: &str = "
    //- models/a.sql
    {{ config(materialized='external', location='out/a.csv') }} select * from {{ ref('codes') }}
    //- models/properties.yml
    models:
      - name: a
        columns: [{name: id, data_tests: [{accepted_values: {arguments: {values: [1, 2]}}}]}]
    ";

#[test]
fn a_failing_test_leaves_the_old_file() {
    let project = with(TESTED);
    project.run("build").exit(0);
    project.write("seeds/codes.csv", "id,name\n9,z\n");
    project
        .run("build")
        .exit(1)
        .stdout_has("rolled back  external main.a")
        // The test has read the new file.
        .stdout_has("     9  z");
    assert_eq!(project.read("out/a.csv"), "id,name\n1,a\n2,b\n");
    assert_eq!(files(&project, "out"), ["out/a.csv"]);
    project.run("run").exit(0);
    assert_eq!(project.read("out/a.csv"), "id,name\n9,z\n");
}

#[test]
fn a_failing_test_of_the_first_version_leaves_nothing() {
    let project = with(TESTED);
    project.write("seeds/codes.csv", "id,name\n9,z\n");
    project.run("build").exit(1);
    assert!(!project.dir().join("out").exists());
}

#[test]
fn a_hook_that_fails_after_the_file_took_its_place_brings_the_old_one_back() {
    let project = with(
        "
    //- models/a.sql
    {{ config(materialized='external', location='out/a.csv', post_hook=\"select error('no') from {{ this }} where id = 9\") }}
    select * from {{ ref('codes') }}
    ",
    );
    project.run("build").exit(0);
    project.write("seeds/codes.csv", "id,name\n9,z\n");
    project.run("build").exit(1).stdout_has("post-hook of `a`: no");
    assert_eq!(project.read("out/a.csv"), "id,name\n1,a\n2,b\n");
    assert_eq!(files(&project, "out"), ["out/a.csv"]);
}

#[test]
fn what_cannot_be_renamed_is_written_when_the_tests_have_passed() {
    let project = with(TESTED);
    let location = format!("file://{}/far.csv", project.dir().display());
    project.write(
        "models/a.sql",
        format!("{{{{ config(materialized='external', location='{location}') }}}} select * from {{{{ ref('codes') }}}}"),
    );
    project.run("build").exit(0);
    assert_eq!(project.read("far.csv"), "id,name\n1,a\n2,b\n");
    assert_eq!(project.query("select count(*) from a"), "2");
    project.write("seeds/codes.csv", "id,name\n9,z\n");
    project.run("build").exit(1);
    assert_eq!(project.read("far.csv"), "id,name\n1,a\n2,b\n");
}

#[test]
fn files_without_a_location_are_in_the_external_root() {
    let project = with(
        "
    //- project.yml
    name: shop
    targets:
      dev: {type: duckdb, path: shop.duckdb, external_root: lake/}
    target: dev
    //- models/a.sql
    {{ config(materialized='external') }} select * from {{ ref('codes') }}
    ",
    );
    project.run("build").exit(0);
    assert_eq!(files(&project, "lake"), ["lake/a.parquet"]);
}

#[test]
fn an_error_of_the_query_has_its_place() {
    let project = with(
        "
    //- models/a.sql
    {{ config(materialized='external', location='out/a.csv') }}
    select nope from {{ ref('codes') }}
    ",
    );
    project.run("build --no-check").exit(1).stdout_has(
        "
 --> models/a.sql:2:8
  |
2 | select nope from {{ ref('codes') }}
  |        ^^^^
",
    );
    assert_eq!(files(&project, "out"), [""; 0]);
}

#[test]
fn formats_and_plugins_that_are_not_there_are_said_before_the_run() {
    let project = with(
        "
    //- models/a.sql
    {{ config(materialized='external', format='parket') }} select 1 as id
    //- models/b.sql
    {{ config(materialized='external', plugin='excel') }} select 1 as id
    //- models/c.sql
    {{ config(materialized='external', glue_register=true) }} select 1 as id
    ",
    );
    project
        .run("build")
        .exit(2)
        .stderr_has("error[invalid-value]: `parket` is not a format of external models")
        .stderr_has("help: did you mean `parquet`?")
        .stderr_has("error[unsupported-config]: the config `plugin` needs plugins, which need Python")
        .stderr_has("error[unsupported-config]: the config `glue_register` needs plugins, which need Python");
}

#[test]
fn a_table_function_is_called_by_its_readers() {
    let project = with(
        "
    //- models/f.sql
    {{ config(materialized='table_function', parameters=['a', 'b := 10']) }}
    select id + a + b as x from {{ ref('codes') }}
    //- models/none.sql
    {{ config(materialized='table_function') }} select 7 as x
    //- models/reader.sql
    select x from {{ ref('f') }}(100) union all select x from {{ ref('none') }}()
    ",
    );
    project.run("build --threads 1").exit(0).stdout_has("published    table_function main.f");
    assert_eq!(project.query("select x from reader order by x"), "7\n111\n112");
    // It is replaced in place.
    project.run("build").exit(0);
}

#[test]
fn an_error_in_a_table_function_has_its_place() {
    let project = with(
        "
    //- models/f.sql
    {{ config(materialized='table_function', parameters='a') }}
    selec a
    ",
    );
    project.run("build --no-check").exit(1).stdout_has("models/f.sql:2:1: syntax error at or near \"selec\"");
}

#[test]
fn files_of_models_that_are_not_made_can_be_read_in_another_database() {
    let project = with(
        "
    //- project.yml
    name: shop
    targets:
      dev: {type: duckdb, path: shop.duckdb}
      other: {type: duckdb, path: other.duckdb}
    target: dev
    on-run-start: \"{{ register_upstream_external_models() }}\"
    //- models/a.sql
    {{ config(materialized='external', location='out/a', options={'partition_by': 'name'}, schema='lake') }}
    select * from {{ ref('codes') }}
    //- models/b.sql
    {{ config(materialized='external', format='csv') }} select * from {{ ref('codes') }}
    //- models/c.sql
    select a.id from {{ ref('a') }} as a join {{ ref('b') }} as b using (id)
    ",
    );
    project.run("build").exit(0);
    project.run("build -s c -t other").exit(0);
    let command = "show --inline \"from {{ ref('c') }} order by id\" --output csv -t other";
    project.run(command).exit(0).stdout("id\n1\n2\n");
}

#[test]
fn a_result_without_rows_adds_nothing_to_files_that_stay() {
    let project = with(
        "
    //- models/a.sql
    {{ config(materialized='external', location='out/a', format='csv',
        options={'partition_by': 'name', 'overwrite_or_ignore': true}) }}
    select * from {{ ref('codes') }} where id < {{ var('below', 9) }}
    ",
    );
    project.run("build").exit(0);
    project.run("build --vars '{below: 0}'").exit(0);
    assert_eq!(files(&project, "out"), ["out/a/name=a/data_0.csv", "out/a/name=b/data_0.csv"]);
    let count = format!("set file_search_path = '{}'; select count(*) from a", project.dir().display());
    assert_eq!(project.query(&count), "2");
}

#[test]
fn a_file_becomes_a_folder_and_a_file_again() {
    let folder = "{{ config(materialized='external', location='out/a', format='csv', options={'partition_by': 'name'}) }}";
    let file = "{{ config(materialized='external', location='out/a', format='csv') }}";
    let project = with(&format!("//- models/a.sql\n    {file} select * from {{{{ ref('codes') }}}}\n"));
    project.run("build").exit(0);
    assert_eq!(files(&project, "out"), ["out/a"]);
    for (config, expected) in [
        (folder, vec!["out/a/name=a/data_0.csv", "out/a/name=b/data_0.csv"]),
        (file, vec!["out/a"]),
        (folder, vec!["out/a/name=a/data_0.csv", "out/a/name=b/data_0.csv"]),
    ] {
        project.write("models/a.sql", format!("{config} select * from {{{{ ref('codes') }}}}"));
        project.run("build").exit(0);
        assert_eq!(files(&project, "out"), expected);
        // And back, if a hook fails when the files have their place.
        let other = if config == folder { file } else { folder };
        let hooked = other.replacen("materialized", "post_hook=\"select error('no')\", materialized", 1);
        project.write("models/a.sql", format!("{hooked} select * from {{{{ ref('codes') }}}}"));
        project.run("build").exit(1);
        assert_eq!(files(&project, "out"), expected);
    }
}

#[test]
fn two_models_may_write_to_one_place() {
    let config = "{{ config(materialized='external', location='out/a', options={'partition_by': 'name', 'overwrite_or_ignore': true}) }}";
    let project = with(&format!(
        "//- models/a.sql\n    {config} select * from {{{{ ref('codes') }}}} where id = 1\n    \
         //- models/b.sql\n    {config} select * from {{{{ ref('codes') }}}} where id = 2\n"
    ));
    project.run("build --threads 4").exit(0);
    assert_eq!(files(&project, "out"), ["out/a/name=a/data_0.parquet", "out/a/name=b/data_0.parquet"]);
    project.run("build --threads 4 --publish run").exit(1).stdout_has("is being written by another node");
}
