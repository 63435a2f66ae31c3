//! Snapshots: which versions are kept, from when to when, and what is refused with nothing written.

use crate::project::{TestProject, project};

/// A table whose rows a variable gives, `id, v, changed`, and a snapshot of it with the config given.
fn snapshot(config: &str) -> TestProject {
    snapshot_of(config, "select * from {{ ref('rows') }}")
}

fn snapshot_of(config: &str, query: &str) -> TestProject {
    project(&format!(
        "
        //- models/rows.sql
        {{{{ config(materialized='table') }}}}
        select * from (values {{{{ var('rows') }}}}) as t(id, v, changed)
        //- snapshots/history.sql
        {{% snapshot history %}}
        {{{{ config({config}) }}}}
        {query}
        {{% endsnapshot %}}
        "
    ))
}

const TIMESTAMP: &str = "strategy='timestamp', unique_key='id', updated_at='changed::timestamp'";
const CHECK: &str = "strategy='check', unique_key='id', check_cols=['v']";

/// Builds with these rows.
fn build(project: &TestProject, rows: &str) -> crate::project::Outcome {
    project.run(&format!("build --vars '{{rows: \"{rows}\"}}'"))
}

const ONE: &str = "(1, $$a$$, $$2026-01-01$$), (2, $$b$$, $$2026-01-01$$)";

/// Versions with times of runs left out.
fn versions(project: &TestProject) -> String {
    project.query(
        "select id, v, case when dbt_valid_to is null then 'holds' else 'ended' end from history order by 1, dbt_valid_from, 2",
    )
}

#[test]
fn the_first_time_every_row_holds() {
    let project = snapshot(TIMESTAMP);
    build(&project, ONE)
        .exit(0)
        .stdout_has("snapshot main.history")
        .stdout_has("1 model, 1 snapshot published");
    assert_eq!(
        project.query("select string_agg(column_name || ' ' || data_type, ', ' order by column_index) from duckdb_columns() where table_name = 'history'"),
        "id INTEGER, v VARCHAR, changed VARCHAR, dbt_scd_id VARCHAR, dbt_updated_at TIMESTAMP, dbt_valid_from TIMESTAMP, dbt_valid_to TIMESTAMP"
    );
    assert_eq!(
        project.query("select dbt_scd_id = md5('1|2026-01-01 00:00:00'), dbt_updated_at, dbt_valid_from, dbt_valid_to from history where id = 1"),
        "true | 2026-01-01 00:00:00 | 2026-01-01 00:00:00 | NULL"
    );
}

#[test]
fn a_later_row_ends_a_version_and_begins_another() {
    let project = snapshot(TIMESTAMP);
    build(&project, ONE).exit(0);
    build(
        &project,
        "(1, $$c$$, $$2026-01-05$$), (2, $$unseen$$, $$2026-01-01$$), (3, $$d$$, $$2026-01-06$$)",
    )
    .exit(0);
    assert_eq!(
        project.query("select id, v, dbt_valid_from::date, dbt_valid_to::date from history order by 1, 3"),
        "1 | a | 2026-01-01 | 2026-01-05\n1 | c | 2026-01-05 | NULL\n2 | b | 2026-01-01 | NULL\n3 | d | 2026-01-06 | NULL"
    );
}

#[test]
fn a_row_that_goes_back_in_time_is_left_as_it_is_and_said() {
    let project = snapshot(TIMESTAMP);
    build(&project, "(1, $$a$$, $$2026-01-05$$)").exit(0);
    build(&project, "(1, $$b$$, $$2026-01-01$$)").exit(0).stderr_has(
        "1 row of snapshot `history` with an earlier time of change than the version that holds (for example 1): nothing was written for it",
    );
    assert_eq!(versions(&project), "1 | a | holds");
}

#[test]
fn check_compares_the_columns_listed() {
    let project = snapshot(CHECK);
    build(&project, ONE).exit(0);
    build(&project, "(1, null, $$x$$), (2, $$b$$, $$x$$)").exit(0);
    assert_eq!(versions(&project), "1 | a | ended\n1 | NULL | holds\n2 | b | holds");
    assert_eq!(
        project.query(
            "select count(distinct dbt_valid_from), max(dbt_valid_to) = max(dbt_valid_from) from history"
        ),
        "2 | true"
    );
}

#[test]
fn check_all_sees_new_columns_and_keeps_old_ones() {
    let project = snapshot_of(
        "strategy='check', unique_key='id', check_cols='all'",
        "select id, {% if var('new', false) %} 7 as extra {% else %} v {% endif %} from {{ ref('rows') }}",
    );
    build(&project, "(1, $$a$$, null)").exit(0);
    project.run("build --vars '{new: true, rows: \"(1, 1, 1)\"}'").exit(0);
    assert_eq!(
        project.query("select id, v, extra, dbt_valid_to is null from history order by dbt_valid_from"),
        "1 | a | NULL | false\n1 | NULL | 7 | true"
    );
}

#[test]
fn deleted_rows_are_ignored_ended_or_noted() {
    for (config, expected) in [
        ("hard_deletes='ignore'", "1 | a | holds\n2 | b | holds"),
        ("hard_deletes='invalidate'", "1 | a | holds\n2 | b | ended"),
        ("invalidate_hard_deletes=true", "1 | a | holds\n2 | b | ended"),
        ("hard_deletes='new_record'", "1 | a | holds\n2 | b | ended\n2 | b | holds"),
    ] {
        let project = snapshot(&format!("{TIMESTAMP}, {config}"));
        build(&project, ONE).exit(0);
        build(&project, "(1, $$a$$, $$2026-01-01$$)").exit(0);
        build(&project, "(1, $$a$$, $$2026-01-01$$)").exit(0);
        assert_eq!(versions(&project), expected, "{config}");
    }
}

#[test]
fn a_row_that_comes_back_begins_when_its_deletion_ends() {
    for config in ["hard_deletes='invalidate'", "hard_deletes='new_record'"] {
        let project = snapshot(&format!("{TIMESTAMP}, {config}"));
        build(&project, ONE).exit(0);
        build(&project, "(1, $$a$$, $$2026-01-01$$)").exit(0);
        // With its old time of change, which is before the deletion.
        build(&project, ONE).exit(0);
        assert_eq!(
            project
                .query("select count(*) filter (dbt_valid_to is null), count(*) from history where id = 2"),
            if config.contains("new") { "1 | 3" } else { "1 | 2" }
        );
        let overlaps = "select count(*) from history as a join history as b using (id) where a.dbt_scd_id <> b.dbt_scd_id \
                        and a.dbt_valid_from < coalesce(b.dbt_valid_to, '9999-01-01') and b.dbt_valid_from < coalesce(a.dbt_valid_to, '9999-01-01')";
        assert_eq!(project.query(overlaps), "0", "{config}");
        assert_eq!(project.query("select count(distinct dbt_scd_id) = count(*) from history"), "true");
    }
}

#[test]
fn an_end_of_its_own_for_versions_that_hold() {
    let project = snapshot(&format!("{TIMESTAMP}, dbt_valid_to_current=\"timestamp '9999-12-31'\""));
    build(&project, "(1, $$a$$, $$2026-01-01$$)").exit(0);
    build(&project, "(1, $$b$$, $$2026-01-02$$)").exit(0);
    assert_eq!(
        project.query("select v, dbt_valid_from::date, dbt_valid_to::date from history order by 2"),
        "a | 2026-01-01 | 2026-01-02\nb | 2026-01-02 | 9999-12-31"
    );
}

#[test]
fn keys_of_several_columns_and_other_names() {
    let project = snapshot(
        "strategy='check', unique_key=['id', 'changed'], check_cols=['v'], hard_deletes='new_record', \
         snapshot_meta_column_names={'dbt_valid_from': 'since', 'dbt_valid_to': 'until', 'dbt_is_deleted': 'gone'}",
    );
    build(&project, "(1, 1, $$x$$), (1, 1, $$y$$)").exit(0);
    build(&project, "(1, 2, $$x$$)").exit(0);
    assert_eq!(
        project.query("select id, changed, v, gone, until is null from history order by 1, 2, since, 4"),
        "1 | x | 1 | False | false\n1 | x | 2 | False | true\n1 | y | 1 | False | false\n1 | y | 1 | True | true"
    );
}

#[test]
fn all_snapshots_of_a_run_have_one_time() {
    let block = |name: &str| {
        format!(
            "{{% snapshot {name} %}}{{{{ config({CHECK}) }}}} select 1 as id, 1 as v{{% endsnapshot %}}\n"
        )
    };
    let project =
        project("//- models/m.sql\nselect * from {{ ref('one') }} union all select * from {{ ref('two') }}");
    project.write("snapshots/both.sql", block("one") + &block("two"));
    project.run("build").exit(0);
    assert_eq!(project.query("select count(distinct dbt_valid_from), count(*) from m"), "1 | 2");
    project.run("list --resource-type snapshot").stdout("shop.both.one\nshop.both.two\n");
    project.run("list -s one+ --output name").stdout("m\none\n");
}

#[test]
fn yaml_is_enough() {
    let project = project(
        "
        //- models/rows.sql
        select 1 as id, 2 as v
        //- models/s.yml
        snapshots:
          - name: history
            description: what was
            relation: ref('rows')
            config: {strategy: check, check_cols: all, unique_key: id, schema: kept, alias: old_rows}
            columns: [{name: id, data_tests: [unique]}]
        ",
    );
    project.run("snapshot").exit(1).stdout_has("Table with name rows does not exist");
    project.run("build").exit(0).stdout_has("snapshot kept.old_rows").stdout_has("1 test passed");
    project.run("snapshot").exit(0).stdout_has("1 snapshot taken");
    project.run("test -s history").exit(0);
    assert_eq!(project.query("select id, v from kept.old_rows"), "1 | 2");
}

#[test]
fn a_failing_test_leaves_the_history_as_it_was() {
    let project = snapshot(CHECK);
    project.write(
        "models/s.yml",
        "snapshots: [{name: history, columns: [{name: v, data_tests: [{accepted_values: {arguments: {values: [a, b]}}}]}]}]\n",
    );
    build(&project, ONE).exit(0);
    build(&project, "(1, $$bad$$, null)")
        .exit(1)
        .stdout_has("rolled back  snapshot main.history")
        .stdout_has("kept the version of");
    assert_eq!(versions(&project), "1 | a | holds\n2 | b | holds");
}

#[test]
fn repeated_and_missing_keys_write_nothing() {
    let project = snapshot(TIMESTAMP);
    build(&project, ONE).exit(0);
    build(&project, "(1, $$x$$, $$2026-02-01$$), (1, $$y$$, $$2026-02-02$$), (3, $$z$$, $$2026-02-02$$)")
        .exit(1)
        .stdout_has("error[duplicate-key]: the rows of `history` have the same key more than once, so nothing was written")
        .stdout_has("note: id = 1: 2 rows");
    build(&project, "(null, $$x$$, $$2026-02-01$$)")
        .exit(1)
        .stdout_has("error[null-key]: 1 row of `history` without a key, so nothing was written");
    assert_eq!(versions(&project), "1 | a | holds\n2 | b | holds");
}

#[test]
fn a_history_that_contradicts_itself_is_refused() {
    let project = snapshot(CHECK);
    build(&project, ONE).exit(0);
    project.execute("insert into history from history where id = 1");
    build(&project, "(1, $$x$$, null)")
        .exit(1)
        .stdout_has("error[broken-history]: the history of snapshot `history` would contradict itself, so nothing was written")
        .stdout_has("note: id = 1: ");
    assert_eq!(project.query("select count(*) from history where v = 'x'"), "0");
}

#[test]
fn columns_that_are_not_there_are_said_at_their_place() {
    let cases = [
        (
            "strategy='check', unique_key='id', check_cols=['vv']",
            "the query of `history` has no column `vv`",
            "help: did you mean `v`?",
        ),
        (
            "strategy='timestamp', unique_key='id', updated_at='chnged'",
            "the query of `history` has no column `chnged`",
            "did you mean `changed`?",
        ),
        (
            "strategy='timestamp', unique_key=['id', 'idd'], updated_at='changed'",
            "the query of `history` has no column `idd`",
            "named in `unique_key`",
        ),
    ];
    for (config, message, also) in cases {
        build(&snapshot(config), ONE)
            .exit(1)
            .stdout_has(message)
            .stdout_has(also)
            .stdout_has("snapshots/history.sql:2:");
    }
}

#[test]
fn a_table_of_another_kind_is_not_touched() {
    let project = snapshot(CHECK);
    build(&project, ONE).exit(0);
    project.execute("create or replace table history as select 1 as id");
    build(&project, ONE)
        .exit(1)
        .stdout_has("error[not-a-snapshot]: the table main.history is not one of this snapshot: it has no `dbt_scd_id`, `dbt_valid_from`, `dbt_valid_to`");
    assert_eq!(project.query("from history"), "1");
}

#[test]
fn what_the_config_lacks_is_said_before_anything_runs() {
    let cases = [
        (
            "unique_key='id'",
            "error[missing-config]: the snapshot `history` has no `strategy`",
            "snapshots/history.sql:1:13",
        ),
        (
            "strategy='check', check_cols='all'",
            "error[missing-config]: the snapshot `history` has no `unique_key`",
            "add `unique_key: id`",
        ),
        (
            "strategy='timestamp', unique_key='id'",
            "error[missing-config]: the snapshot `history` has no `updated_at`",
            "add `updated_at",
        ),
        (
            "strategy='check', unique_key='id'",
            "error[missing-config]: the snapshot `history` has no `check_cols`",
            "add `check_cols: all`",
        ),
        (
            "strategy='chekc', unique_key='id'",
            "error[unknown-strategy]: there is no snapshot strategy `chekc`",
            "did you mean `check`?",
        ),
        (
            "strategy='check', unique_key='id', check_cols='v'",
            "error[wrong-type]: the config `check_cols` must be `all` or a list of columns",
            "snapshots/history.sql:2:",
        ),
        (
            "strategy='check', unique_key='id', check_cols='all', hard_deletes='invalid'",
            "error[invalid-value]: `invalid` is not a value of `hard_deletes`",
            "did you mean `invalidate`?",
        ),
        (
            "strategy='check', unique_key='id', check_cols='all', hard_deletes='ignore', invalidate_hard_deletes=true",
            "error[conflicting-config]: `hard_deletes` and `invalidate_hard_deletes` are both set",
            "the older of the two",
        ),
        (
            "strategy='check', unique_key='id', check_cols='all', snapshot_meta_column_names={'dbt_valid': 'x'}",
            "error[unknown-key]: `dbt_valid` is not a column that a snapshot adds",
            "did you mean",
        ),
        (
            "strategy='check', unique_key='id', check_cols='all', materialized='table'",
            "error[invalid-value]: a snapshot cannot be materialized as `table`",
            "leave `materialized` out",
        ),
    ];
    for (config, message, also) in cases {
        snapshot(config)
            .run("parse --vars '{rows: \"(1,1,1)\"}'")
            .exit(2)
            .stderr_has(message)
            .stderr_has(also);
    }
    project("//- snapshots/none.sql\nselect 1\n")
        .run("parse")
        .exit(2)
        .stderr_has("error[no-snapshot]: there is no `{% snapshot %}` block in this file");
}

#[test]
fn a_strategy_of_the_project() {
    let project = snapshot("strategy='bigger', unique_key='id'");
    project.write(
        "macros/bigger.sql",
        "{% macro snapshot_bigger_strategy(node, old, new, config, exists) %}
         {% do return({'unique_key': 'id', 'updated_at': 'changed::timestamp', 'row_changed': old ~ '.v < ' ~ new ~ '.v',
                       'scd_id': snapshot_hash_arguments(['id', 'v']), 'invalidate_hard_deletes': exists}) %}
         {% endmacro %}",
    );
    build(&project, "(1, 5, $$2026-01-01$$), (2, 5, $$2026-01-01$$), (3, 5, $$2026-01-01$$)").exit(0);
    build(&project, "(1, 4, $$2026-01-02$$), (2, 6, $$2026-01-02$$)").exit(0);
    assert_eq!(versions(&project), "1 | 5 | holds\n2 | 5 | ended\n2 | 6 | holds\n3 | 5 | ended");
}

#[test]
fn the_names_of_schema_and_database_can_be_fixed() {
    let project = snapshot(&format!("{CHECK}, target_schema='archive', schema='not_this'"));
    build(&project, ONE).exit(0).stdout_has("snapshot archive.history");
    assert_eq!(project.query("select count(*) from archive.history"), "2");
}

#[test]
fn a_project_says_what_time_it_is() {
    let project = snapshot(CHECK);
    project.write("macros/time.sql", "{% macro snapshot_get_time() %} timestamp '2020-02-02' {% endmacro %}");
    build(&project, ONE).exit(0);
    assert_eq!(project.query("select distinct dbt_valid_from from history"), "2020-02-02 00:00:00");
}
