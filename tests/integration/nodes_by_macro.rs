//! Seeds, snapshots and tests that are made by macros, because the project has its own form of a part.

use crate::project::{TestProject, project};

const SNAPSHOT_ROWS: &str = "select * exclude (dbt_valid_from, dbt_valid_to, dbt_updated_at, dbt_scd_id),
    dbt_valid_to is null as is_open, dbt_valid_from < coalesce(dbt_valid_to, 'infinity') as is_ordered
    from snap order by all";

/// A snapshot that is taken three times while its source changes. What comes back has a late time of change: by
/// macros, as in dbt, an early one would begin before the deletion.
fn history(settings: &str, macros: &str) -> String {
    let project = project(&format!(
        "
//- models/src.sql
{{{{ config(materialized='table') }}}}
select * from raw
//- snapshots/snap.sql
{{% snapshot snap %}}
{{{{ config(unique_key='id', target_schema='main', {settings}) }}}}
select * from {{{{ ref('src') }}}}
{{% endsnapshot %}}
//- macros/own.sql
{macros}
"
    ));
    for rows in [
        "select * from (values (1, 'a', timestamp '2024-01-01'), (2, 'b', timestamp '2024-01-01'), (3, 'c', timestamp '2024-01-01')) as t(id, name, changed)",
        "select * from (values (1, 'a', timestamp '2024-01-01'), (2, 'B', timestamp '2024-01-02'), (4, 'd', timestamp '2024-01-02')) as t(id, name, changed)",
        "select *, 7 as added from (values (1, 'a', timestamp '2024-01-01'), (2, 'B', timestamp '2024-01-02'), (3, 'c', timestamp '2124-01-03')) as t(id, name, changed)",
    ] {
        project.execute(&format!("create or replace table raw as {rows}"));
        project.run("build").exit(0);
    }
    project.query(SNAPSHOT_ROWS)
}

#[test]
fn a_snapshot_by_macros_has_the_history_of_one_by_the_program() {
    const SAME: &str = "{% macro default__post_snapshot(staging_relation) %}{% do drop_relation(staging_relation) %}{% endmacro %}";
    for strategy in ["strategy='timestamp', updated_at='changed'", "strategy='check', check_cols=['name']"] {
        for deletes in ["ignore", "invalidate", "new_record"] {
            let settings = format!("{strategy}, hard_deletes='{deletes}'");
            assert_eq!(history(&settings, ""), history(&settings, SAME), "{settings}");
        }
    }
}

fn snapshot_with(macros: &str) -> TestProject {
    let project = project(&format!(
        "
//- snapshots/snap.sql
{{% snapshot snap %}}
{{{{ config(unique_key='id', target_schema='main', strategy='check', check_cols=['name']) }}}}
select * from raw
{{% endsnapshot %}}
//- macros/own.sql
{macros}
"
    ));
    project.execute("create table raw as select 1 as id, 'a' as name");
    project
}

#[test]
fn the_ids_of_versions_are_the_projects_own() {
    let project = snapshot_with(
        "{% macro default__snapshot_hash_arguments(args) %}'id ' || {{ args[0] }} || ' of {{ args | length }}'{% endmacro %}",
    );
    project.run("snapshot").exit(0);
    assert_eq!(project.query("select dbt_scd_id from snap"), "id 1 of 2");
}

#[test]
fn rows_are_staged_and_merged_by_the_projects_own_macros() {
    let project = snapshot_with(
        "{% macro snapshot_staging_table(strategy, source_sql, target_relation) %}
{{ dbt.default__snapshot_staging_table(strategy, source_sql, target_relation) }}
{% endmacro %}
{% macro duckdb__snapshot_merge_sql(target, source, insert_cols) %}
create table merged as select {{ insert_cols | join(', ') }} from {{ source }} where dbt_change_type = 'insert';
{{ dbt.default__snapshot_merge_sql(target, source, insert_cols) }}
{% endmacro %}",
    );
    project.run("snapshot").exit(0);
    project.execute("update raw set name = 'b'");
    project.run("snapshot").exit(0);
    assert_eq!(
        project.query("select name, dbt_valid_to is null from snap order by all"),
        "a | false\nb | true"
    );
    assert_eq!(project.query("select name from merged"), "b");
}

#[test]
fn a_snapshot_whose_strategy_is_not_there_is_an_error() {
    let project = project(
        "
        //- snapshots/snap.sql
        {% snapshot snap %}
        {{ config(unique_key='id', target_schema='main', strategy='mine') }}
        select 1 as id
        {% endsnapshot %}
        //- macros/own.sql
        {% macro post_snapshot(staging_relation) %}{% endmacro %}
        ",
    );
    project
        .run("snapshot")
        .exit(1)
        .stdout_has("there is no macro `snapshot_mine_strategy` for the strategy `mine`");
}

const SEED: &str = "
//- seeds/s.csv
id,name,day
1,it's,2024-01-01
2,,2024-01-02
//- seeds/s.yml
seeds: [{name: s, config: {column_types: {id: varchar(10)}}, columns: [{name: id, data_tests: [unique]}]}]
";

#[test]
fn seeds_are_loaded_by_the_projects_own_macro() {
    let project = project(&format!(
        "{SEED}//- macros/own.sql
{{% macro default__load_csv_rows(model, agate_table) %}}
{{% set sql %}}insert into {{{{ this }}}} ({{{{ get_seed_column_quoted_csv(model, agate_table.column_names) }}}}) values
{{% for row in agate_table.rows %}}(?, ?, ?){{{{ ',' if not loop.last }}}}{{% endfor %}}{{% endset %}}
{{% set values = [] %}}
{{% for row in agate_table.rows %}}{{% do values.extend(row) %}}{{% endfor %}}
{{% do adapter.add_query(sql, bindings=values) %}}
{{% do log('loaded ' ~ agate_table.rows | length ~ ' rows of ' ~ model.name, info=true) %}}
{{{{ return(sql) }}}}
{{% endmacro %}}
"
    ));
    for _ in 0..2 {
        project.run("build").exit(0).stderr_has("loaded 2 rows of s");
        assert_eq!(
            project.query("select * from s order by id"),
            "1 | it's | 2024-01-01\n2 | NULL | 2024-01-02"
        );
    }
    assert_eq!(project.query("select typeof(id), typeof(day) from s limit 1"), "VARCHAR | DATE");
    project.run("seed --full-refresh").exit(0);
}

#[test]
fn the_built_in_way_to_load_rows_can_be_called_in_the_projects_own() {
    for fast in [true, false] {
        let project = project(&format!(
            "{SEED}//- macros/own.sql
{{% macro create_csv_table(model, agate_table) %}}{{{{ return(dbt.default__create_csv_table(model, agate_table)) }}}}{{% endmacro %}}
//- project.yml
name: shop
targets: {{d: {{type: duckdb, path: shop.duckdb}}}}
seeds: {{+fast: {fast}}}
"
        ));
        project.run("build").exit(0);
        assert_eq!(
            project.query("select * from s order by id"),
            "1 | it's | 2024-01-01\n2 | NULL | 2024-01-02"
        );
    }
}

#[test]
fn a_materialization_of_seeds_is_the_projects_own_and_its_tests_gate_it() {
    let project = project(
        "
        //- seeds/s.csv
        id
        1
        1
        //- seeds/s.yml
        seeds: [{name: s, columns: [{name: id, data_tests: [unique]}]}]
        //- macros/own.sql
        {% materialization seed, default %}
          {% set rows = load_agate_table() %}
          {% call statement('main') %}
            create or replace table {{ this }} as select {{ rows.columns[0].values() | sum }} as id
          {% endcall %}
          {{ return({'relations': [this]}) }}
        {% endmaterialization %}
        ",
    );
    project.run("build").exit(0).stdout_has("1 seed published");
    assert_eq!(project.query("select * from s"), "2");
}

#[test]
fn rows_of_a_seed_are_asked_for_in_its_materialization_only() {
    let project = project("//- models/m.sql\nselect {{ load_agate_table().rows | length }} as n\n");
    project
        .run("build")
        .exit(2)
        .stderr_has("`load_agate_table()` works in the materialization of a seed only");
}

const TESTED: &str = "
//- models/m.sql
select 1 as id union all select 1
//- models/m.yml
models: [{name: m, columns: [{name: id, data_tests: [unique, not_null]}]}]
";

#[test]
fn a_materialization_of_tests_is_the_projects_own() {
    let project = project(&format!(
        "{TESTED}//- macros/own.sql
{{% materialization test, default %}}
  {{% call statement('main', fetch_result=True) %}}
    select count(*) * 10 as failures, false as should_warn, count(*) > 1 as should_error from ({{{{ sql }}}}) as t
  {{% endcall %}}
  {{{{ return({{'relations': []}}) }}}}
{{% endmaterialization %}}
"
    ));
    // One value is there twice: one failing row, which is not more than one.
    project.run("build").exit(0).stdout_has("2 tests passed");
    project
        .write("models/m.sql", "select 1 as id union all select 1 union all select 2 union all select 2\n");
    project.run("build").exit(1).stdout_has("20 failures");
}

#[test]
fn a_materialization_of_tests_must_give_a_verdict() {
    let project = project(&format!(
        "{TESTED}//- macros/own.sql
{{% materialization test, default %}}
  {{% call statement('main') %}}select 1{{% endcall %}}
{{% endmaterialization %}}
"
    ));
    project.run("build").exit(1).stdout_has(
        "the statement `main` of a test must give one row of `failures`, `should_warn` and `should_error`",
    );
}

#[test]
fn a_materialization_must_run_its_main_statement() {
    let project = project(
        "
        //- models/m.sql
        {{ config(materialized='mine') }} select 1 as id
        //- macros/own.sql
        {% materialization mine, default %}
          {% do run_query('create or replace table ' ~ this ~ ' as ' ~ sql) %}
          {{ return({'relations': [this]}) }}
        {% endmaterialization %}
        ",
    );
    project
        .run("build")
        .exit(1)
        .stdout_has("error[no-main-statement]: a materialization must run the statement `main`, which this one did not")
        .stdout_has("--> macros/own.sql:1:");
    assert_eq!(project.query("select count(*) from duckdb_tables() where table_name = 'm'"), "0");
}

#[test]
fn values_beside_a_statement_must_fit_its_marks() {
    let with = |values: &str| {
        project(&format!(
            "
//- models/m.sql
{{{{ config(materialized='table') }}}}
{{% if execute %}}{{% do adapter.add_query(\"create or replace table t as select ? as a, '?' as b\", bindings={values}) %}}{{% endif %}}
select * from t
"
        ))
    };
    let good = with("['x']");
    good.run("build").exit(0);
    assert_eq!(good.query("select * from m"), "x | ?");
    with("[]").run("build").exit(1).stdout_has("there are more `?` in the SQL than `bindings`");
    with("[1, 2]").run("build").exit(1).stdout_has("there are 1 more `bindings` than `?` in the SQL");
}
