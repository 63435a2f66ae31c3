//! Incremental models and snapshots whose rows are kept in Parquet files: which files change, and when readers see it.

use std::collections::BTreeMap;
use std::fs;

use crate::project::{TestProject, project};

/// The Parquet files below a folder, with their bytes.
fn files(project: &TestProject, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let root = project.dir().join(folder);
    let mut found = BTreeMap::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
                found.insert(name, fs::read(&path).expect("a file"));
            }
        }
    }
    found
}

fn names(project: &TestProject, folder: &str) -> Vec<String> {
    files(project, folder).into_keys().collect()
}

/// The rows of a query, as CSV without its header.
#[track_caller]
fn rows(project: &TestProject, sql: &str) -> String {
    let shown =
        project.run(&format!("show --inline \"{sql}\" --output csv --limit 50")).exit(0).stdout.clone();
    let mut lines: Vec<&str> = shown.lines().skip(1).collect();
    lines.sort_unstable();
    lines.join("\n")
}

/// A model in files, of the rows `(id, day, v)` that the file `models/new.sql` gives.
fn model(config: &str) -> TestProject {
    let project = project(&format!(
        "
        //- models/m.sql
        {{{{ config(materialized='incremental', location='lake/m' {config}) }}}}
        select * from {{{{ ref('new') }}}}
        "
    ));
    give(&project, "(1, 'a', 1), (2, 'b', 1)");
    project
}

fn give(project: &TestProject, values: &str) {
    let sql = format!("select * from (values {values}) as t(id, day, v)");
    project.write("models/new.sql", sql);
}

#[test]
fn appended_rows_are_one_more_file() {
    let project = project(
        "
        //- models/m.sql
        {{ config(materialized='incremental', incremental_strategy='append', location='lake/m') }}
        select i as id from range(4) t(i)
        where i <= {% if is_incremental() %} (select max(id) + 2 from {{ this }})
          and i > (select max(id) from {{ this }}) {% else %} 0 {% endif %}
        ",
    );
    project.run("build").exit(0).stdout_has("published    incremental main.m");
    assert_eq!(names(&project, "lake"), ["m/part-000001.parquet"]);
    let before = files(&project, "lake");
    project.run("build").exit(0);
    let after = files(&project, "lake");
    assert_eq!(names(&project, "lake"), ["m/part-000001.parquet", "m/part-000002.parquet"]);
    assert_eq!(before["m/part-000001.parquet"], after["m/part-000001.parquet"]);
    assert_eq!(rows(&project, "select id from m"), "0\n1\n2");
    assert_eq!(
        project
            .query("select rows from tidemill.node_runs where node_id = 'model.shop.m' order by finished_at"),
        "1\n3"
    );
}

#[test]
fn partitions_of_new_rows_are_overwritten_and_others_keep_their_files() {
    let project = model(", incremental_strategy='insert_overwrite', partition_by='day'");
    give(&project, "(1, 'a', 1), (2, 'b', 1), (3, 'b', 1), (4, null, 1)");
    project.run("build").exit(0);
    let before = files(&project, "lake/m");
    assert_eq!(before.len(), 3);
    give(&project, "(5, 'b', 2), (6, null, 2), (7, 'x/y =%', 2)");
    project.run("build").exit(0);
    let after = files(&project, "lake/m");
    assert_eq!(after["day=a/part-000002.parquet"], before["day=a/part-000002.parquet"]);
    assert_eq!(rows(&project, "select id, day, v from m"), "1,a,1\n5,b,2\n6,,2\n7,x/y =%,2");
    assert_eq!(
        after.into_keys().collect::<Vec<_>>(),
        [
            "day=__HIVE_DEFAULT_PARTITION__/part-000004.parquet",
            "day=a/part-000002.parquet",
            "day=b/part-000005.parquet",
            "day=x%2Fy%20%3D%25/part-000006.parquet"
        ]
    );
}

#[test]
fn partitions_have_the_types_that_the_query_gives_them() {
    let project = model(", incremental_strategy='insert_overwrite', partition_by=['day', 'v']");
    project.write(
        "models/new.sql",
        "select 1 as id, '01' as day, 1.50::decimal(10, 2) as v union all select 2, '1', 2.00",
    );
    project.run("build").exit(0);
    project.run("build").exit(0);
    let types = "select typeof(id), typeof(day), typeof(v), day, v from m";
    assert_eq!(
        rows(&project, types),
        "INTEGER,VARCHAR,\"DECIMAL(10,2)\",01,1.50\nINTEGER,VARCHAR,\"DECIMAL(10,2)\",1,2.00"
    );
}

#[test]
fn a_partition_that_would_come_back_as_another_value_is_refused() {
    let project = model(", incremental_strategy='insert_overwrite', partition_by='day'");
    project.run("build").exit(0);
    let before = files(&project, "lake");
    give(&project, "(1, 'NULL', 1)");
    project
        .run("build --threads 1")
        .exit(1)
        .stdout_has("partitions of `m` cannot be told from the names of folders")
        .stdout_has("\"day\" = NULL comes back as another value");
    assert_eq!(files(&project, "lake"), before);
}

#[test]
fn keys_touch_only_the_files_that_they_are_in() {
    for strategy in ["merge", "delete+insert"] {
        let project = model(&format!(", incremental_strategy='{strategy}', unique_key='id'"));
        project.run("build").exit(0);
        give(&project, "(3, 'c', 1)");
        project.run("build").exit(0);
        let before = files(&project, "lake/m");
        give(&project, "(2, 'b', 2), (4, 'd', 2)");
        project.run("build").exit(0);
        let after = files(&project, "lake/m");
        assert_eq!(
            after.keys().collect::<Vec<_>>(),
            ["part-000002.parquet", "part-000003.parquet"],
            "{strategy}"
        );
        assert_eq!(after["part-000002.parquet"], before["part-000002.parquet"], "{strategy}");
        assert_eq!(rows(&project, "select id, day, v from m"), "1,a,1\n2,b,2\n3,c,1\n4,d,2", "{strategy}");
    }
}

#[test]
fn a_merge_may_touch_rows_that_no_new_row_has_the_key_of() {
    let project = model(
        ", incremental_strategy='merge', unique_key='id', merge_clauses={
            'when_matched': [{'action': 'update'}],
            'when_not_matched': [{'action': 'insert'}, {'by': 'source', 'action': 'delete'}]}",
    );
    project.run("build").exit(0);
    give(&project, "(2, 'b', 2), (3, 'c', 2)");
    project.run("build").exit(0);
    assert_eq!(rows(&project, "select id, v from m"), "2,2\n3,2");
}

#[test]
fn one_file_is_written_anew_as_a_whole() {
    let project = model(", unique_key='id'");
    let sql = project.read("models/m.sql").replace("lake/m", "lake/m.parquet");
    project.write("models/m.sql", sql);
    project.run("build").exit(0);
    for values in ["(2, 'b', 2)", "(3, 'c', 3)"] {
        give(&project, values);
        project.run("build").exit(0);
        assert_eq!(names(&project, "lake"), ["m.parquet"]);
    }
    assert_eq!(rows(&project, "select id, v from m"), "1,1\n2,2\n3,3");
}

const TESTED: &str = "
models:
  - name: m
    columns: [{name: v, data_tests: [{accepted_values: {arguments: {values: [1, 2]}}}]}]
";

#[test]
fn a_failing_test_leaves_every_file_as_it_was() {
    for config in [
        ", incremental_strategy='append'",
        ", unique_key='id'",
        ", incremental_strategy='merge', unique_key='id'",
        ", incremental_strategy='insert_overwrite', partition_by='day'",
    ] {
        let project = model(config);
        project.write("models/tests.yml", TESTED);
        project.run("build").exit(0);
        let before = files(&project, "lake");
        give(&project, "(2, 'b', 9)");
        for flag in ["", "--full-refresh"] {
            project
                .run(&format!("build {flag}"))
                .exit(1)
                .stdout_has("rolled back  incremental main.m")
                .stdout_has("kept the version of");
            assert_eq!(files(&project, "lake"), before, "{config} {flag}");
        }
        assert_eq!(rows(&project, "select id, v from m"), "1,1\n2,1", "{config}");
        // The whole new relation is tested, not only what is new.
        give(&project, "(3, 'c', 2)");
        project.write("models/tests.yml", TESTED.replace("[1, 2]", "[2]"));
        project.run("build").exit(1);
        assert_eq!(files(&project, "lake"), before, "{config}");
    }
}

#[test]
fn a_key_that_is_there_twice_is_refused_and_no_file_changes() {
    let project = model(", incremental_strategy='merge', unique_key='id'");
    project.run("build").exit(0);
    let before = files(&project, "lake");
    give(&project, "(2, 'b', 2), (2, 'c', 3)");
    project.run("build").exit(1).stdout_has("id = 2: 2 rows");
    assert_eq!(files(&project, "lake"), before);
}

#[test]
fn nothing_is_left_of_a_first_version_that_fails() {
    let project = model("");
    project.write("models/tests.yml", TESTED);
    give(&project, "(1, 'a', 9)");
    project.run("build").exit(1);
    assert_eq!(names(&project, "lake"), [""; 0]);
}

#[test]
fn patterns_of_readers_find_no_file_before_it_is_published() {
    let project = model(", incremental_strategy='append'");
    project.run("build").exit(0);
    project.write("models/tests.yml", "models: [{name: m, data_tests: [unseen]}]");
    project.write(
        "tests/generic/unseen.sql",
        "{% test unseen(model) %}
         select file from glob('lake/**/*.parquet') t(file) union all select file from glob('lake/*/*.parquet') t(file)
         union all select 'none' from (select count(*) as n from {{ model }}) where n <> 4 {% endtest %}",
    );
    // Both patterns see the one file that is published.
    project.run("build").exit(1).stdout_has("2 failures").stdout_has("lake/m/part-000001.parquet");
    assert_eq!(names(&project, "lake"), ["m/part-000001.parquet"]);
}

#[test]
fn a_result_without_rows_keeps_its_columns() {
    for config in ["", ", incremental_strategy='insert_overwrite', partition_by='day'"] {
        let project = model(config);
        project.write("models/new.sql", "select 1 as id, 'a' as day, 1 as v where false");
        project.run("build").exit(0);
        assert_eq!(rows(&project, "select count(*), count(id), count(day), count(v) from m"), "0,0,0,0");
        give(&project, "(1, 'a', 1)");
        project.run("build").exit(0);
        assert_eq!(names(&project, "lake").len(), 1, "{config}");
        assert_eq!(rows(&project, "select id, day, v from m"), "1,a,1", "{config}");
    }
}

#[test]
fn columns_that_do_not_fit_are_told_with_their_types() {
    let project = model(", incremental_strategy='append', on_schema_change='fail'");
    project.run("build").exit(0);
    let before = files(&project, "lake");
    project.write("models/new.sql", "select 1::bigint as id, 'a' as day, 1 as w");
    project
        .run("build --no-check")
        .exit(1)
        .stdout_has("the columns of incremental model `m` are not those of its table")
        .stdout_has("new: w INTEGER")
        .stdout_has("missing: v INTEGER")
        .stdout_has("retyped: id from INTEGER to BIGINT");
    assert_eq!(files(&project, "lake"), before);
}

#[test]
fn a_new_column_is_null_in_the_files_before_it() {
    let project = model(", incremental_strategy='append', on_schema_change='append_new_columns'");
    project.run("build").exit(0);
    let before = files(&project, "lake/m");
    project.write("models/new.sql", "select 3 as id, 'c' as day, 1 as v, true as w");
    project.run("build").exit(0);
    assert_eq!(files(&project, "lake/m")["part-000001.parquet"], before["part-000001.parquet"]);
    assert_eq!(rows(&project, "select id, v, w from m"), "1,1,\n2,1,\n3,1,true");
}

#[test]
fn columns_in_sync_are_written_to_all_files() {
    let project = model(", unique_key='id', on_schema_change='sync_all_columns'");
    project.run("build").exit(0);
    project.write("models/new.sql", "select 2::bigint as id, 5 as w");
    project.run("build --no-check").exit(0);
    assert_eq!(rows(&project, "select id, typeof(id), w from m"), "1,BIGINT,\n2,BIGINT,5");
    let read = "select column_name from (describe from 'lake/m/*.parquet')";
    assert_eq!(rows(&project, read), "id\nw");
}

#[test]
fn types_that_parquet_lacks_are_no_change_of_columns() {
    let project = model(", incremental_strategy='append', on_schema_change='fail'");
    project.write("models/new.sql", "select sum(1) as id, 'a'::enum('a', 'b') as day, 1 as v");
    project.run("build").exit(0);
    project.run("build").exit(0);
    assert_eq!(rows(&project, "select count(*) from m"), "2");
}

#[test]
fn a_full_refresh_writes_all_files_anew() {
    let project = model(", incremental_strategy='append'");
    project.run("build").exit(0);
    give(&project, "(9, 'z', 9)");
    project.run("build --full-refresh").exit(0);
    assert_eq!(rows(&project, "select id from m"), "9");
    assert_eq!(names(&project, "lake").len(), 1);
}

#[test]
fn options_of_copy_are_those_of_the_engine() {
    let project = model(
        ", incremental_strategy='append', options={'file_size_bytes': 1, 'row_group_size': 2048, 'compression': 'zstd'}",
    );
    project.write("models/new.sql", "select i as id, 'a' as day, 1 as v from range(200000) t(i)");
    project.run("build").exit(0);
    assert!(names(&project, "lake").len() > 1);
    project.run("build").exit(0);
    assert_eq!(rows(&project, "select count(*) from m"), "400000");
    let codecs = "select distinct compression from parquet_metadata('lake/m/*.parquet')";
    assert_eq!(rows(&project, codecs), "ZSTD");
}

#[test]
fn rows_of_a_table_are_taken_over_into_files() {
    let project = model(", incremental_strategy='append'");
    let sql = project.read("models/m.sql");
    project.write("models/m.sql", sql.replace("location='lake/m' , ", ""));
    project.run("build").exit(0);
    assert_eq!(names(&project, "lake"), [""; 0]);
    project.write("models/m.sql", sql);
    give(&project, "(3, 'c', 1)");
    project.run("build").exit(0);
    assert_eq!(rows(&project, "select id from m"), "1\n2\n3");
    assert_eq!(names(&project, "lake").len(), 2);
}

#[test]
fn a_table_beside_files_is_not_dropped() {
    let project = model(", incremental_strategy='append'");
    project.run("build").exit(0);
    let before = files(&project, "lake");
    project.execute("drop view m; create table m as select 7 as id, 'g' as day, 1 as v");
    project.run("build").exit(1).stdout_has("main.m is a table, and there are files in its `location`");
    assert_eq!(project.query("select id from m"), "7");
    assert_eq!(files(&project, "lake"), before);
}

#[test]
fn files_that_were_deleted_are_made_again() {
    for config in ["", ", incremental_strategy='insert_overwrite', partition_by='day'"] {
        let project = model(config);
        project.run("build").exit(0);
        fs::remove_dir_all(project.dir().join("lake")).expect("a folder");
        project.run("build").exit(0);
        assert_eq!(rows(&project, "select id, day from m"), "1,a\n2,b", "{config}");
    }
}

#[test]
fn an_error_of_the_query_has_its_place() {
    let project = model(", incremental_strategy='insert_overwrite', partition_by='day'");
    project.run("build").exit(0);
    project.write("models/m.sql", format!("{}\nwhere nope", project.read("models/m.sql").trim_end()));
    fs::remove_file(project.dir().join("shop.duckdb")).expect("a file");
    project.run("build --no-check").exit(1).stdout_has("3 | where nope\n  |       ^^^^");
}

#[test]
fn files_are_what_is_there_whatever_the_database_knows() {
    let project = model(", incremental_strategy='insert_overwrite', partition_by='day'");
    project.run("build").exit(0);
    fs::remove_file(project.dir().join("shop.duckdb")).expect("a file");
    give(&project, "(3, '01', 1)");
    project.run("build").exit(0);
    assert_eq!(rows(&project, "select id, day from m"), "1,a\n2,b\n3,01");
}

#[test]
fn what_cannot_be_kept_in_files_is_said_before_the_run() {
    let check = |config: &str, expected: &str| {
        let project = model("");
        let sql = project.read("models/m.sql").replace("location='lake/m'", config);
        project.write("models/m.sql", sql);
        project.run("build").exit(2).stderr_has(expected);
    };
    check("location='s3://lake/m'", "rows can be kept in files of this machine only");
    check("location='lake/m', format='csv'", "rows that are kept in files are kept in Parquet only");
    check("location='lake/m.csv'", "name a folder, or a file whose name ends with `.parquet`");
    check("location='lake/*.parquet'", "this location is a pattern");
    check("location='lake/m.parquet', partition_by='day'", "one file cannot be partitioned");
    check(
        "location='lake/m', incremental_strategy='insert_overwrite'",
        "add `location: lake/sales` and `partition_by: day`",
    );
    check(
        "incremental_strategy='insert_overwrite'",
        "the strategy `insert_overwrite` replaces partitions of files",
    );
    check("location='lake/m', options={'append': true}", "the option `append` cannot be set");
    check("location='lake/m', indexes=[{'columns': ['id']}]", "the config `indexes` is for tables");
}

#[test]
fn a_strategy_of_an_external_model_is_told_how_to_be_written() {
    let project = model("");
    let sql = project.read("models/m.sql");
    project.write("models/m.sql", sql.replace("'incremental'", "'external', incremental_strategy='append'"));
    project
        .run("build")
        .exit(0)
        .stderr_has(
            "`incremental_strategy` has no effect on an external model: all its files are written anew",
        )
        .stderr_has("help: write `materialized: incremental` beside `location`");
}

#[test]
fn a_column_to_partition_by_must_be_there() {
    let project = model(", incremental_strategy='insert_overwrite', partition_by='month'");
    project.run("build").exit(1).stdout_has("the query of `m` has no column `month`");
    assert_eq!(names(&project, "lake"), [""; 0]);
}

#[test]
fn a_place_that_somebody_else_writes_to_is_left_alone() {
    let project = model("");
    project.write("lake/.m.tidemill-new/run", "");
    let held = fs::File::options().write(true).open(project.dir().join("lake/.m.tidemill-new/run"));
    let held = held.expect("a file");
    held.lock().expect("it is free");
    project
        .run("build")
        .exit(1)
        .stdout_has("`lake/m` is being written by another node or another run of tidemill");
    drop(held);
    project.run("build").exit(0);
    assert_eq!(names(&project, "lake"), ["m/part-000001.parquet"]);
}

#[test]
fn hooks_see_the_files_in_their_place() {
    let project =
        model(", post_hook=\"copy (select count(*) as n from 'lake/m/*.parquet') to 'counted.csv'\"");
    project.run("build").exit(0);
    assert_eq!(project.read("counted.csv"), "n\n2\n");
    let before = files(&project, "lake");
    project
        .write("models/m.sql", project.read("models/m.sql").replace("copy (", "select error('no') from ("));
    project.run("build --full-refresh").exit(1);
    assert_eq!(files(&project, "lake"), before);
}

#[test]
fn other_files_of_the_folder_stay() {
    let project = model(", incremental_strategy='append'");
    project.run("build").exit(0);
    project.write("lake/m/README.txt", "hello");
    project.write("lake/m/.hidden/x", "y");
    project.run("build").exit(0);
    let found = files(&project, "lake");
    assert_eq!(found["m/README.txt"], b"hello");
    assert_eq!(
        found.keys().collect::<Vec<_>>(),
        ["m/.hidden/x", "m/README.txt", "m/part-000001.parquet", "m/part-000002.parquet"]
    );
}

#[test]
fn batches_touch_the_files_of_their_window() {
    for publish in ["together", "each"] {
        let project = project(&format!(
            "
            //- models/events.sql
            {{{{ config(materialized='table', event_time='ts') }}}}
            select 2020 + i as id, make_timestamp(2020 + i, 6, 1, 0, 0, 0) as ts, '{{{{ var('v', 'a') }}}}' as v
            from range(4) t(i)
            //- models/yearly.sql
            {{{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='ts',
                      begin='2020-01-01', batch_size='year', location='lake/y', publish_batches='{publish}') }}}}
            select * from {{{{ ref('events') }}}}
            "
        ));
        project.run("build").exit(0);
        let before = files(&project, "lake/y");
        let window = "--event-time-start 2021-01-01 --event-time-end 2022-01-02";
        project.run(&format!("build --vars '{{v: b}}' {window}")).exit(0);
        assert_eq!(rows(&project, "select id, v from yearly"), "2020,a\n2021,b\n2022,b\n2023,a", "{publish}");
        let after = files(&project, "lake/y");
        let kept = before.iter().filter(|it| after.get(it.0) == Some(it.1)).count();
        assert_eq!(kept, before.len() - 2, "{publish}");
    }
}

fn snapshot(config: &str) -> TestProject {
    let project = project(&format!(
        "
        //- snapshots/s.sql
        {{% snapshot s %}}{{{{ config(strategy='timestamp', updated_at='changed', unique_key='id', hard_deletes='invalidate'
            {config}) }}}}
        select * from {{{{ ref('new') }}}}{{% endsnapshot %}}
        //- snapshots/s.yml
        snapshots:
          - name: s
            columns: [{{name: v, data_tests: [{{accepted_values: {{arguments: {{values: [1, 2, 3]}}}}}}]}}]
        "
    ));
    keep(&project, "(1, 1), (2, 1)", "2026-01-01");
    project
}

fn keep(project: &TestProject, values: &str, at: &str) {
    let sql = format!("select id, v, timestamp '{at}' as changed from (values {values}) as t(id, v)");
    project.write("models/new.sql", sql);
}

const HISTORY: &str = "select id, v, dbt_valid_from::date, dbt_valid_to::date from s";

#[test]
fn a_history_in_files_changes_only_the_files_of_versions_that_end() {
    let project = snapshot(", location='lake/s'");
    project.run("build").exit(0);
    keep(&project, "(1, 1), (2, 1), (3, 1)", "2026-01-02");
    // The two that are there are newer now, so they end.
    project.run("build").exit(0);
    let before = files(&project, "lake/s");
    assert_eq!(before.keys().collect::<Vec<_>>(), ["part-000002.parquet"]);
    project.write(
        "models/new.sql",
        "select id, v, timestamp '2026-01-02' as changed from (values (1, 1), (2, 1), (3, 1)) as t(id, v)
         union all select 4, 2, timestamp '2026-01-03'",
    );
    project.run("build").exit(0);
    let after = files(&project, "lake/s");
    assert_eq!(after.keys().collect::<Vec<_>>(), ["part-000002.parquet", "part-000003.parquet"]);
    assert_eq!(after["part-000002.parquet"], before["part-000002.parquet"]);
    assert_eq!(
        rows(&project, HISTORY),
        "1,1,2026-01-01,2026-01-02\n1,1,2026-01-02,\n2,1,2026-01-01,2026-01-02\n2,1,2026-01-02,\n3,1,2026-01-02,\n4,2,2026-01-03,"
    );
}

#[test]
fn a_failing_test_leaves_the_history_as_it_was() {
    let project = snapshot(", location='lake/s.parquet'");
    project.run("build").exit(0);
    let before = files(&project, "lake");
    keep(&project, "(1, 9)", "2026-01-02");
    project.run("build").exit(1).stdout_has("rolled back  snapshot main.s");
    assert_eq!(files(&project, "lake"), before);
    keep(&project, "(1, 1), (1, 2)", "2026-01-02");
    project.run("build").exit(1).stdout_has("the rows of `s` have the same key more than once");
    assert_eq!(files(&project, "lake"), before);
    keep(&project, "(1, 2), (2, 1)", "2026-01-02");
    project.run("build").exit(0);
    assert_eq!(rows(&project, "select count(*) from s"), "4");
    assert_eq!(names(&project, "lake"), ["s.parquet"]);
}

#[test]
fn the_history_of_a_table_is_taken_over_and_never_lost() {
    let project = snapshot("");
    project.run("build").exit(0);
    let sql = project.read("snapshots/s.sql");
    project.write(
        "snapshots/s.sql",
        sql.replace("hard_deletes='invalidate'", "hard_deletes='invalidate', location='s', partition_by='v'"),
    );
    keep(&project, "(1, 2), (2, 1)", "2026-01-02");
    project.run("build").exit(0);
    assert_eq!(
        rows(&project, HISTORY),
        "1,1,2026-01-01,2026-01-02\n1,2,2026-01-02,\n2,1,2026-01-01,2026-01-02\n2,1,2026-01-02,"
    );
    assert_eq!(names(&project, "s"), ["v=1/part-000002.parquet", "v=2/part-000003.parquet"]);
    // The way back would forget it.
    project.write("snapshots/s.sql", sql);
    project.run("build").exit(1).stdout_has("if its history is in files, say where by `location`");
}

#[test]
fn a_new_column_of_a_history_is_null_before_it() {
    let project = snapshot(", location='lake/s'");
    project.run("build").exit(0);
    project.write("models/new.sql", "select 3 as id, 1 as v, 'n' as name, timestamp '2026-01-02' as changed");
    project.run("build").exit(0);
    let sql = "select id, name, dbt_valid_to is null from s";
    assert_eq!(rows(&project, sql), "1,,false\n2,,false\n3,n,true");
}

#[test]
fn a_run_in_a_copy_of_the_database_writes_files_too() {
    let project = model(", incremental_strategy='append'");
    project.run("build --publish run").exit(0);
    project.run("build --publish run").exit(0);
    assert_eq!(rows(&project, "select count(*) from m"), "4");
    assert_eq!(names(&project, "lake").len(), 2);
}

/// What is left of a run that was killed when its files had their place: the version before, and the journal as the run
/// wrote it, which a hook has copied.
fn left_by_a_killed_run(project: &TestProject, before: &[u8], journal: &str) {
    let hidden = project.dir().join("lake/.m.parquet.tidemill-new");
    fs::create_dir(&hidden).expect("made");
    fs::write(hidden.join("run"), journal).expect("written");
    fs::write(hidden.join("old.tidemill-new"), before).expect("written");
}

#[test]
fn files_of_a_killed_run_stay_if_the_database_knows_them_and_go_if_not() {
    let journal = "post_hook=\"copy (select trim(content, chr(10)) as line from read_text('lake/.m.*/run')) to 'journal.csv' (header false)\"";
    for config in [
        format!("materialized='incremental', unique_key='id', location='lake/m.parquet', {journal}"),
        format!("materialized='external', location='lake/m.parquet', {journal}"),
    ] {
        let project = project(&format!(
            "
            //- models/m.sql
            {{{{ config({config}) }}}} select 1 as id, {{{{ var('v') }}}} as v
            //- models/other.sql
            select 1 as id
            "
        ));
        project.run("run --vars '{v: 1}'").exit(0);
        let before = fs::read(project.dir().join("lake/m.parquet")).expect("a file");
        project.run("run --vars '{v: 2}'").exit(0);
        let journal = project.read("journal.csv");
        left_by_a_killed_run(&project, &before, &journal);
        project.run("run -s other").exit(0);
        assert_eq!(rows(&project, "select v from m"), "2", "{journal}");
        let unknown = journal.replace(journal.split([' ', '-']).nth(1).expect("an id"), "00000000");
        left_by_a_killed_run(&project, &before, &unknown);
        project.run("run -s other").exit(0);
        assert_eq!(rows(&project, "select v from m"), "1", "{unknown}");
        assert_eq!(names(&project, "lake"), ["m.parquet"]);
    }
}
