//! The gate holds whatever makes a model: after a failing test, an error or a failing hook, what readers see is what it
//! was, to the last definition, in both ways to publish.

use crate::project::{Outcome, TestProject, project};

/// Materializations that do what packages do: drop the old relation first, say `commit` on the way, make two relations,
/// make a function, make the new one beside the old and change names.
const MACROS: &str = "
{% materialization plain, default %}
  {% do adapter.drop_relation(load_cached_relation(this)) if load_cached_relation(this) %}
  {% do run_hooks(pre_hooks) %}
  {% call statement('main') %}create table {{ this }} as ({{ sql }}){% endcall %}
  {% do run_hooks(post_hooks) %}
  {{ return({'relations': [this.incorporate(type='table')]}) }}
{% endmaterialization %}

{% materialization committing, default %}
  {% do run_hooks(pre_hooks, inside_transaction=False) %}
  {% do run_query('drop table if exists ' ~ this) %}
  {% do adapter.commit() %}
  {% call statement('main') %}create table {{ this }} as ({{ sql }}){% endcall %}
  {% do adapter.commit() %}
  {% do run_hooks(post_hooks) %}
  {% do adapter.commit() %}
  {{ return({'relations': [this.incorporate(type='table')]}) }}
{% endmaterialization %}

{% materialization twin, default %}
  {% set other = api.Relation.create(this.database, this.schema, this.identifier ~ '_ids', type='view') %}
  {% call statement('main') %}create or replace table {{ this }} as ({{ sql }}){% endcall %}
  {% call statement('other') %}create or replace view {{ other }} as (select id as {{ var('name', 'a') }} from {{ this }}){% endcall %}
  {% do run_hooks(post_hooks) %}
  {{ return({'relations': [this.incorporate(type='table'), other]}) }}
{% endmaterialization %}

{% materialization calling, default %}
  {% call statement('main') %}create or replace macro {{ this }}(a) as table ({{ sql }}){% endcall %}
  {% do run_hooks(post_hooks) %}
  {{ return({'relations': [this]}) }}
{% endmaterialization %}

{% materialization renaming, default %}
  {%- set old = load_cached_relation(this) -%}
  {%- set target = this.incorporate(type='table') -%}
  {%- set made = make_intermediate_relation(target) -%}
  {%- set backup = make_backup_relation(target, 'table') -%}
  {% do drop_relation_if_exists(load_cached_relation(made)) %}
  {% call statement('main') %}{{ get_create_table_as_sql(False, made, sql) }}{% endcall %}
  {% if old is not none %}{% do adapter.rename_relation(old, backup) %}{% endif %}
  {% do adapter.rename_relation(made, target) %}
  {% do run_hooks(post_hooks) %}
  {% do adapter.commit() %}
  {% do drop_relation_if_exists(backup) %}
  {{ return({'relations': [target]}) }}
{% endmaterialization %}
";

/// A model and a singular test; variables make it other, bad or broken.
fn with(config: &str, call: &str) -> TestProject {
    let project = project(&format!(
        "
        //- models/m.sql
        {{{{ config({config}, post_hook=\"{{{{ 'select nothing()' if var('hook', false) else 'insert into seen values (1)' }}}}\") }}}}
        select {{{{ var('id', 1) }}}} as id {{{{ ', 7 as extra' if var('id', 1) != 1 }}}}
        //- models/reader.sql
        select count(*) as n from {{{{ ref('m') }}}}{call}
        //- tests/small.sql
        select * from {{{{ ref('m') }}}}{call} where id > 100
        "
    ));
    project.write("macros/made.sql", MACROS);
    project.execute("create table seen (n int)");
    project
}

/// All that readers can see: relations with columns and rows, texts of views and functions.
fn contents(project: &TestProject) -> String {
    let listed = "select 'table ' || sql from duckdb_tables() where schema_name = 'main'
        union all select 'view ' || sql from duckdb_views() where schema_name = 'main' and not internal
        union all select function_name || parameters::varchar || macro_definition from duckdb_functions()
        where schema_name = 'main' and not internal order by all";
    let rows = |name: &str| project.query(&format!("from {name} order by all"));
    let names = "select table_name from duckdb_tables() where schema_name = 'main'
        union all select view_name from duckdb_views() where schema_name = 'main' and not internal order by all";
    let all: Vec<String> = project.query(names).lines().map(rows).collect();
    format!("{}\n{}", project.query(listed), all.join("\n"))
}

fn build(project: &TestProject, publish: &str, more: &str) -> Outcome {
    project.run(&format!("build --no-check --store-failures --publish {publish} {more}"))
}

#[track_caller]
fn check(config: &str, call: &str) {
    for publish in ["model", "run"] {
        let project = with(config, call);
        build(&project, publish, "").exit(0);
        let before = contents(&project);
        for (vars, said) in [
            ("{id: 101, name: b}", "rolled back"),
            ("{id: 2, name: b, hook: true}", "nothing does not exist"),
            ("{id: no_such_column}", "no_such_column"),
        ] {
            build(&project, publish, &format!("--vars '{vars}'"))
                .exit(1)
                .stdout_has(said)
                .stdout_has("kept the version of ");
            assert_eq!(contents(&project), before, "{config}, {publish}, {vars}");
        }
        assert_eq!(project.query("select id from dbt_test__audit.small"), "101", "{config}, {publish}");
        project.run("test").exit(0);
        build(&project, publish, "--vars '{id: 2, name: b}'").exit(0);
        assert_ne!(contents(&project), before, "{config}, {publish}");
        assert_eq!(
            project
                .query("select count(*) from duckdb_tables() where table_name like '%\\_\\_%' escape '\\'"),
            "0"
        );
    }
}

#[test]
fn a_macro_may_drop_the_old_table_first() {
    check("materialized='plain'", "");
}

#[test]
fn a_macro_may_say_commit() {
    check("materialized='committing'", "");
}

#[test]
fn a_macro_may_make_two_relations() {
    check("materialized='twin'", "");
}

#[test]
fn a_macro_may_make_a_function() {
    check("materialized='calling'", "(1)");
}

#[test]
fn a_macro_may_change_names() {
    check("materialized='renaming'", "");
}

#[test]
fn a_table_function_stays_as_it_was() {
    check("materialized='table_function', parameters=['a', 'b := 1']", "(1)");
}

#[test]
fn a_table_with_a_unique_index_stays_as_it_was() {
    check("materialized='table', indexes=[{'columns': ['id'], 'unique': true}]", "");
}

#[test]
fn tables_and_functions_take_each_others_place() {
    let table = "{{ config(materialized='table') }} select {{ var('id', 1) }} as id";
    let function = "{{ config(materialized='table_function') }} select {{ var('id', 1) }} as id";
    for publish in ["model", "run"] {
        let project = project("");
        project.execute("create table seen (n int)");
        for (n, (text, call)) in [(function, "()"), (table, ""), (function, "()")].into_iter().enumerate() {
            let before = contents(&project);
            project.write("models/m.sql", text);
            project.write("models/reader.sql", format!("select count(*) as n from {{{{ ref('m') }}}}{call}"));
            project
                .write("tests/small.sql", format!("select * from {{{{ ref('m') }}}}{call} where id > 100"));
            let failed = build(&project, publish, "--vars '{id: 101}'");
            failed.exit(1).stdout_has(if n == 0 { "nothing is published" } else { "kept the version of " });
            assert_eq!(contents(&project), before, "{n}, {publish}");
            build(&project, publish, "").exit(0).stdout_has("2 models");
            let kinds = "select 'table' from duckdb_tables() where table_name = 'm'
                union all select 'function' from duckdb_functions() where function_name = 'm'";
            assert_eq!(project.query(kinds), if call.is_empty() { "table" } else { "function" }, "{publish}");
        }
    }
}

#[test]
fn a_function_with_other_arguments_must_not_break_a_view() {
    let project = project(
        "
        //- models/f.sql
        {{ config(materialized='table_function', parameters=['a']) }} select a as x
        //- models/reader.sql
        select x from {{ ref('f') }}(1)
        ",
    );
    project.run("build --publish run").exit(0);
    project.write(
        "models/f.sql",
        "{{ config(materialized='table_function', parameters=['a', 'b']) }} select a + b as x",
    );
    project
        .run("build -s f")
        .exit(1)
        .stdout_has("the new version of `f` would break the view main.reader, which reads from it")
        .stdout_has("kept the version of ");
    assert_eq!(project.query("select x from reader"), "1");
    project.write("models/reader.sql", "select x from {{ ref('f') }}(1, 2)");
    project.run("build").exit(0);
    assert_eq!(project.query("select x from reader"), "3");
}
