//! Materializations by macros, and macros of the project's own that built-in ones call.

use crate::phases::check_error;
use crate::project::project;

/// A materialization such as packages have: a table that is made beside the old one.
const MINE: &str = "
{% materialization mine, default, supported_languages=['sql', 'python'] %}
  {%- set existing = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set made = make_intermediate_relation(target_relation) -%}
  {%- set backup = make_backup_relation(target_relation, 'table' if existing is none else existing.type) -%}
  {{ drop_relation_if_exists(load_cached_relation(made)) }}
  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}
  {% call statement('main') %}{{ get_create_table_as_sql(False, made, sql) }}{% endcall %}
  {% if existing is not none %}{{ adapter.rename_relation(existing, backup) }}{% endif %}
  {{ adapter.rename_relation(made, target_relation) }}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {% do apply_grants(target_relation, config.get('grants'), should_revoke(existing)) %}
  {% do persist_docs(target_relation, model) %}
  {{ adapter.commit() }}
  {{ drop_relation_if_exists(backup) }}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
";

#[test]
fn a_materialization_of_the_projects_own_makes_a_model() {
    let project = project(
        "
        //- models/a.sql
        {{ config(materialized='mine', own_key=3, post_hook='create table seen as select * from {{ this }}') }}
        select 1 as id
        //- models/b.sql
        select * from {{ ref('a') }}
        //- models/m.yml
        models: [{name: a, columns: [{name: id, data_tests: [unique, not_null]}]}]
        ",
    );
    project.write("macros/mine.sql", MINE);
    project.run("build --threads 1").exit(0).stderr("").stdout(
        "
        building 2 models, 2 tests in shop.duckdb (target dev, 1 thread)
        1/2  published    mine main.a                           1 row [time]
             2 tests passed
        2/2  published    view main.b [time]

        build succeeded in [time]: 2 models published; 2 tests passed
        ",
    );
    assert_eq!(project.query("select * from b, seen"), "1 | 1");
    project.write("models/a.sql", "{{ config(materialized='mine') }}\nselect 2 as id\n");
    project.run("build").exit(0);
    assert_eq!(project.query("select * from b"), "2");
    assert_eq!(project.query("select count(*) from duckdb_tables() where table_name like '%__dbt_%'"), "0");
}

#[test]
fn tests_gate_what_a_macro_made() {
    let project = project(
        "
        //- models/a.sql
        {{ config(materialized='mine') }}
        select 1 as id
        //- models/m.yml
        models: [{name: a, columns: [{name: id, data_tests: [{accepted_values: {arguments: {values: [1]}}}]}]}]
        ",
    );
    project.write("macros/mine.sql", MINE);
    project.run("build").exit(0);
    project.write("models/a.sql", "{{ config(materialized='mine') }}\nselect 2 as id\n");
    project.run("build").exit(1).stdout_has("kept the version of");
    assert_eq!(project.query("select id from a"), "1");
}

#[test]
fn an_error_in_a_materialization_is_shown_there_and_at_the_model() {
    let project = project(
        "
        //- models/a.sql
        {{ config(materialized='broken') }}
        select 1 as id
        //- macros/broken.sql
        {% materialization broken, adapter='duckdb' %}
          {% call statement('main') %}create table {{ this }} as {{ sql }}{% endcall %}
          {% do run_query('selec 1') %}
        {% endmaterialization %}
        ",
    );
    project.run("build --threads 1").exit(1).stdout(
        "
        building 1 model in shop.duckdb (target dev, 1 thread)
        1/1  error        broken main.a [time]
             macros/broken.sql:3:9: syntax error at or near \"selec\"
             nothing is published

        error[sql-error]: syntax error at or near \"selec\"
         --> macros/broken.sql:3:9
          |
        3 |   {% do run_query('selec 1') %}
          |         ^^^^^^^^^^^^^^^^^^^^
          |
         ::: models/a.sql:1:1
          |
        1 | {{ config(materialized='broken') }}
          | - in macro `materialization_broken_duckdb`, which makes this model

        next: tidemill build -s +a+
        build failed in [time]: 1 node failed
        ",
    );
}

#[test]
fn a_materialization_says_what_it_made() {
    let project = project(
        "
        //- models/a.sql
        {{ config(materialized='silent') }}
        select 1 as id
        //- macros/silent.sql
        {% materialization silent, default %}
          {% call statement('main') %}create table {{ this }} as {{ sql }}{% endcall %}
        {% endmaterialization %}
        ",
    );
    project.run("build").exit(1).stdout_has(
        "error[template-call]: a materialization must return `{'relations': [...]}`, not nothing at all
 --> macros/silent.sql:1:20",
    );
}

#[test]
fn unknown_materializations_and_arguments_are_errors() {
    check_error(
        "
        //- models/a.sql
        {{ config(materialized='mien') }} select 1
        //- macros/mine.sql
        {% materialization mine, default %}{% endmaterialization %}
        {% materialization other, adaptor='duckdb' %}{% endmaterialization %}
        {% materialization third default %}{% endmaterialization %}
        ",
        "
        error[template-syntax]: `adaptor` means nothing in `{% materialization %}`
         --> macros/mine.sql:2:27
          |
        2 | {% materialization other, adaptor='duckdb' %}{% endmaterialization %}
          |                           ^^^^^^^
          |
        help: write `default`, `adapter='duckdb'` or `supported_languages=['sql']`

        error[template-syntax]: expected `,` or `%}` here
         --> macros/mine.sql:3:26
          |
        3 | {% materialization third default %}{% endmaterialization %}
          |                          ^^^^^^^

        error[unknown-materialization]: there is no materialization `mien`
         --> models/a.sql:1:11
          |
        1 | {{ config(materialized='mien') }} select 1
          |           ^^^^^^^^^^^^ set here
          |
        help: did you mean `mine`?
        ",
    );
}

/// A built-in view is for any engine, a built-in table for DuckDB: dbt takes what is for the engine first.
#[test]
fn the_project_replaces_built_in_materializations_as_in_dbt() {
    let project = project(
        "
        //- models/v.sql
        select 1 as id
        //- models/t.sql
        {{ config(materialized='table') }}
        select 1 as id
        //- macros/own.sql
        {% materialization view, default %}
          {% do log('own view', info=true) %}
          {% do return(dbt.materialization_view_default()) %}
        {% endmaterialization %}
        {% materialization table, default %}
          {% do log('no table, since there is one for DuckDB', info=true) %}
          {% do return(materialization_table_duckdb()) %}
        {% endmaterialization %}
        ",
    );
    project.run("build").exit(0).stderr("own view\n");
    assert_eq!(project.query("select * from v, t"), "1 | 1");
    project.write(
        "macros/duck.sql",
        "{% materialization table, adapter='duckdb' %}\n{% do log('own table', info=true) %}\n\
         {% do return(dbt.materialization_table_duckdb()) %}\n{% endmaterialization %}\n",
    );
    project.run("build -s t").exit(0).stderr("own table\n");
}

#[test]
fn a_package_replaces_a_built_in_materialization_only_if_the_project_calls_it() {
    let project = project(
        "
        //- models/v.sql
        select 1 as id
        //- models/w.sql
        {{ config(materialized='packed') }}
        select 1 as id
        //- dbt_packages/pack/dbt_project.yml
        name: pack
        //- dbt_packages/pack/macros/view.sql
        {% materialization view, default %}
          {% do log('the package\\'s view', info=true) %}
          {% do return(dbt.materialization_view_default()) %}
        {% endmaterialization %}
        {% materialization packed, default %}
          {% do return(pack.materialization_view_default()) %}
        {% endmaterialization %}
        ",
    );
    project.run("build -s v").exit(0).stderr("");
    project.run("build -s w").exit(0).stderr("the package's view\n");
    project.write(
        "macros/view.sql",
        "{% materialization view, default %}{% do return(pack.materialization_view_default()) %}{% endmaterialization %}\n",
    );
    project.run("build -s v").exit(0).stderr("the package's view\n");
}

#[test]
fn built_in_materializations_call_macros_of_the_project() {
    let project = project(
        "
        //- models/t.sql
        {{ config(materialized='table') }}
        select 1 as id
        //- models/v.sql
        select * from {{ ref('t') }}
        //- macros/own.sql
        {% macro duckdb__create_table_as(temporary, relation, compiled_code) %}
          create {{ 'temporary ' if temporary }}table {{ relation }} as select *, 'own' as made from ({{ compiled_code }})
        {% endmacro %}
        {% macro create_view_as(relation, sql) %}
          create view {{ relation }} as select *, '{{ model.name }}' as named from ({{ sql }})
        {% endmacro %}
        ",
    );
    project.run("build").exit(0).stderr("");
    assert_eq!(project.query("select * from v"), "1 | own | v");
    project.run("build").exit(0).stderr("");
    assert_eq!(project.query("select count(*) from duckdb_tables() where table_name like '%__dbt_%'"), "0");
}

#[test]
fn an_incremental_strategy_may_be_a_macro() {
    let project = project(
        "
        //- models/inc.sql
        {{ config(materialized='incremental', incremental_strategy='newest', unique_key='id') }}
        select 1 as id, {{ is_incremental() }} as added
        //- macros/newest.sql
        {% macro get_incremental_newest_sql(arg_dict) %}
          delete from {{ arg_dict.target_relation }} where {{ arg_dict.unique_key }} >= 1;
          insert into {{ arg_dict.target_relation }} ({{ get_quoted_csv(arg_dict.dest_columns | map(attribute='name')) }})
          select * from {{ arg_dict['temp_relation'] }}
        {% endmacro %}
        ",
    );
    project.run("build").exit(0).stderr("");
    assert_eq!(project.query("select * from inc"), "1 | false");
    project.run("build").exit(0).stderr("").stdout_has("1 row");
    assert_eq!(project.query("select * from inc"), "1 | true");
    project.run("build --full-refresh").exit(0).stderr("");
    assert_eq!(project.query("select * from inc"), "1 | false");
    check_error(
        "
        //- models/inc.sql
        {{ config(materialized='incremental', incremental_strategy='newst') }} select 1 as id
        ",
        "
        error[invalid-value]: `newst` is not a value of `incremental_strategy`
         --> models/inc.sql:1:39
          |
        1 | {{ config(materialized='incremental', incremental_strategy='newst') }} select 1 as id
          |                                       ^^^^^^^^^^^^^^^^^^^^ set here
          |
        help: write one of append, delete+insert, merge, microbatch, insert_overwrite, default
        ",
    );
}

/// Every strategy as a macro gives what the program's own code gives.
#[test]
fn strategies_by_macro_do_what_built_in_ones_do() {
    for (strategy, rows) in
        [("append", "1 | 0\n1 | 1\n2 | 1"), ("delete+insert", "1 | 1\n2 | 1"), ("merge", "1 | 1\n2 | 1")]
    {
        let project = project(&format!(
            "
            //- models/inc.sql
            {{{{ config(materialized='incremental', incremental_strategy='{strategy}', unique_key='id',
                on_schema_change='append_new_columns') }}}}
            {{% if is_incremental() %}}select unnest([1, 2]) as id, 1 as n{{% else %}}select 1 as id, 0 as n{{% endif %}}
            "
        ));
        for own in [false, true] {
            if own {
                project.write(
                    "macros/own.sql",
                    "{% macro should_full_refresh() %}{% do return(flags.FULL_REFRESH) %}{% endmacro %}\n",
                );
            }
            project.run("build --full-refresh").exit(0).stderr("");
            project.run("build").exit(0).stderr("");
            assert_eq!(project.query("select * from inc order by all"), rows, "{strategy} {own}");
        }
    }
}

#[test]
fn tests_use_macros_of_the_project() {
    let project = project(
        "
        //- models/a.sql
        select unnest([1, 2, 3]) as id
        //- models/m.yml
        models:
          - name: a
            columns:
              - name: id
                data_tests: [{not_null: {config: {where: id > 1}}}, unique]
        //- macros/own.sql
        {% macro default__test_not_null(model, column_name) %}
          select * from {{ model }} where {{ column_name }} = 2
        {% endmacro %}
        ",
    );
    project.run("build").exit(1).stdout_has("not_null_a_id: 1 failure").stdout_has("1 test passed, 1 failed");
    project.write(
        "macros/where.sql",
        "{% macro get_where_subquery(relation) %}\n\
         {% do return('(select * from ' ~ relation ~ ' where id > 2) as own') %}\n{% endmacro %}\n",
    );
    project.run("build").exit(0).stdout_has("2 tests passed");
    project.write(
        "macros/judge.sql",
        "{% macro default__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) %}\n\
         select 7 as failures, false as should_warn, {{ fail_calc }} = 0 as should_error from ({{ main_sql }}) as t\n\
         {% endmacro %}\n",
    );
    project.run("build").exit(1).stdout_has("7 failures").stdout_has("2 tests failed");
}

#[test]
fn an_error_in_the_query_is_shown_in_the_model() {
    let project = project(
        "
        //- models/a.sql
        {{ config(materialized='mine') }}
        select
            no_such_column as id
        ",
    );
    project.write("macros/mine.sql", MINE);
    project.run("build").exit(1).stdout_has(
        "error[sql-error]: Referenced column \"no_such_column\" was not found because the FROM clause is missing
  --> models/a.sql:3:5",
    );
}

#[test]
fn macros_that_are_never_called_are_warned_about() {
    check_error(
        "
        //- models/a.sql
        select 1
        //- macros/own.sql
        {% macro default__get_catalog(information_schema, schemas) %}{% endmacro %}
        {% materialization unit, default %}{% endmaterialization %}
        ",
        "
        warning[never-called]: the macro `default__get_catalog` is never called for its purpose: the catalog is read by the program itself
         --> macros/own.sql:1:10
          |
        1 | {% macro default__get_catalog(information_schema, schemas) %}{% endmacro %}
          |          ^^^^^^^^^^^^^^^^^^^^

        warning[never-called]: the macro `materialization_unit_default` is never called for its purpose: only models are made by macros
         --> macros/own.sql:2:20
          |
        2 | {% materialization unit, default %}{% endmaterialization %}
          |                    ^^^^
        ",
    );
}
