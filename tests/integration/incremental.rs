//! Incremental models: what is added, what is replaced, and what is refused with nothing written.

use crate::project::{TestProject, project};

/// A source table whose rows a variable decides, and an incremental model with the config given.
fn model(config: &str, query: &str) -> TestProject {
    project(&format!(
        "
        //- models/raw.sql
        {{{{ config(materialized='table') }}}}
        select i as id, i * {{{{ var('factor', 1) }}}} as v from range({{{{ var('n', 2) }}}}) as t(i)
        //- models/totals.sql
        {{{{ config(materialized='incremental', {config}) }}}}
        {query}
        "
    ))
}

const ALL: &str = "select id, v from {{ ref('raw') }}";
const NEW: &str = "select id, v from {{ ref('raw') }} {% if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}";

#[test]
fn without_a_key_rows_are_added() {
    let project = model("incremental_strategy='append'", NEW);
    project.run("build").exit(0);
    project.run("build --vars '{n: 3, factor: 10}'").exit(0);
    assert_eq!(project.query("select id, v from totals order by all"), "0 | 0\n1 | 1\n2 | 20");
}

#[test]
fn the_first_build_and_a_full_refresh_make_the_table_anew() {
    let project = model("incremental_strategy='append'", ALL);
    project.run("build").exit(0);
    project.run("build").exit(0);
    assert_eq!(project.query("select count(*) from totals"), "4");
    project.run("build --full-refresh").exit(0);
    assert_eq!(project.query("select count(*) from totals"), "2");
}

#[test]
fn full_refresh_false_protects_the_table() {
    let project = model("incremental_strategy='append', full_refresh=false", ALL);
    project.run("build").exit(0);
    project.run("build --full-refresh").exit(0);
    assert_eq!(project.query("select count(*) from totals"), "4");
}

#[test]
fn with_a_key_rows_are_replaced() {
    for config in ["unique_key='id'", "unique_key=['id'], incremental_strategy='merge'"] {
        let project = model(config, ALL);
        project.run("build").exit(0);
        project.run("build --vars '{n: 3, factor: 10}'").exit(0);
        assert_eq!(
            project.query("select id, v from totals order by all"),
            "0 | 0\n1 | 10\n2 | 20",
            "{config}"
        );
    }
}

#[test]
fn keys_with_a_unique_index_are_replaced_too() {
    for config in ["unique_key='id'", "unique_key='id', incremental_strategy='merge'"] {
        let index = "indexes=[{'columns': ['id'], 'unique': true}]";
        let project = model(&format!("{config}, {index}"), ALL);
        project.run("build").exit(0);
        project.run("build --vars '{n: 3, factor: 10}'").exit(0);
        let rows = project.query("select id, v from totals order by all");
        assert_eq!(rows, "0 | 0\n1 | 10\n2 | 20", "{config}");
    }
}

#[test]
fn merge_updates_the_columns_chosen() {
    let project = model("unique_key='id', incremental_strategy='merge', merge_exclude_columns=['v']", ALL);
    project.run("build").exit(0);
    project.run("build --vars '{n: 3, factor: 10}'").exit(0);
    assert_eq!(project.query("select id, v from totals order by all"), "0 | 0\n1 | 1\n2 | 20");
}

#[test]
fn merge_with_duplicate_keys_writes_nothing_and_shows_them() {
    let project = model(
        "unique_key='id', incremental_strategy='merge'",
        "select id % 2 as id, v from {{ ref('raw') }}",
    );
    project.run("build").exit(0);
    project
        .run("build --vars '{n: 3}'")
        .exit(1)
        .stdout_has("the new rows of `totals` have the same key more than once, so nothing was merged")
        .stdout_has("note: id = 0: 2 rows");
    assert_eq!(project.query("select count(*) from totals"), "2");
}

#[test]
fn a_failing_test_leaves_the_rows_as_they_were() {
    let project = model("unique_key='id'", ALL);
    project.write("models/s.yml", "models: [{name: totals, columns: [{name: v, data_tests: [{accepted_values: {arguments: {values: [0, 1], quote: false}}}]}]}]\n");
    project.run("build").exit(0);
    project.run("build --vars '{factor: 10}'").exit(1).stdout_has("kept the version of");
    assert_eq!(project.query("select id, v from totals order by all"), "0 | 0\n1 | 1");
}

#[test]
fn a_changed_column_is_an_error_unless_the_config_says_what_to_do() {
    let with_extra = "select id, v {% if var('n', 2) > 2 %}, 'x' as extra{% endif %} from {{ ref('raw') }}";
    for (rule, columns) in
        [("ignore", "id,v"), ("append_new_columns", "id,v,extra"), ("sync_all_columns", "id,v,extra")]
    {
        let project = model(&format!("unique_key='id', on_schema_change='{rule}'"), with_extra);
        project.run("build").exit(0);
        project.run("build --vars '{n: 3}'").exit(0);
        let found = project.query("select string_agg(column_name, ',' order by column_index) from duckdb_columns() where table_name = 'totals'");
        assert_eq!(found, columns, "{rule}");
    }
    let project = model("unique_key='id', on_schema_change='fail'", with_extra);
    project.run("build").exit(0);
    project
        .run("build --vars '{n: 3}'")
        .exit(1)
        .stdout_has(
            "error[schema-changed]: the columns of incremental model `totals` are not those of its table",
        )
        .stdout_has("note: new: extra VARCHAR");
    assert_eq!(project.query("select count(*) from totals"), "2");
}

#[test]
fn an_unknown_strategy_is_refused_with_the_known_ones() {
    model("incremental_strategy='mergee'", ALL)
        .run("parse")
        .exit(2)
        .stderr_has("error[invalid-value]: `mergee` is not a value of `incremental_strategy`")
        .stderr_has("help: did you mean `merge`?");
    model("incremental_strategy='merge'", ALL)
        .run("parse")
        .exit(2)
        .stderr_has("error[missing-config]: the strategy `merge` needs a `unique_key`");
}

#[test]
fn hooks_know_whether_the_table_is_added_to() {
    let hook = "post_hook=\"create or replace table hooked as select '{{ is_incremental() }}' as it\"";
    let project = model(&format!("unique_key='id', {hook}"), ALL);
    project.run("build").exit(0);
    assert_eq!(project.query("select it from hooked"), "False");
    project.run("build").exit(0);
    assert_eq!(project.query("select it from hooked"), "True");
}

#[test]
fn merge_adds_rows_without_a_key() {
    let query = "select null::int as id, v from {{ ref('raw') }}";
    let project = model("unique_key='id', incremental_strategy='merge'", query);
    project.run("build").exit(0);
    project.run("build").exit(0);
    assert_eq!(project.query("select count(*) from totals"), "4");
}
