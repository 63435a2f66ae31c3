//! What packages such as elementary reach into: the project's settings behind `ref`, and `graph` as a place to keep things.

use crate::project::project;

#[test]
fn the_projects_settings_are_behind_ref() {
    let project = project(
        "
        //- project.yml
        name: shop
        version: 1.2
        targets: {d: {type: duckdb, path: shop.duckdb}}
        vars: {size: 3}
        //- dbt_packages/lake/dbt_project.yml
        {name: lake, version: 0.7.1}
        //- models/m.sql
        {{ config(materialized='table') }}
        {%- set conf = builtins.ref.config %}
        select '{{ conf.project_name }} {{ conf.dependencies['lake'].version }} {{ conf.vars.size }} {{ conf.cli_vars.color }} {{ conf.args.which }}' as a
        ",
    );
    project.run("run --vars '{color: red}'").exit(0);
    assert_eq!(project.query("select a from m"), "shop 0.7.1 3 red run");
}

#[test]
fn what_a_hook_puts_into_graph_is_found_by_nodes_and_by_the_last_hook() {
    let project = project(
        "
        //- project.yml
        name: shop
        targets: {d: {type: duckdb, path: shop.duckdb}}
        on-run-start: \"{% do graph.setdefault('own', {}).update({'began': 'yes'}) %}\"
        on-run-end: \"{{ finish() }}\"
        //- models/m.sql
        {{ config(materialized='table', post_hook='{{ note(this.name) }}') }}
        select 1 as id
        //- macros/m.sql
        {% macro note(name) %}{% if execute %}{% do graph['own'].update({name: run_query('select 7').columns[0].values()[0]}) %}{% endif %}{% endmacro %}
        {% macro seen() %}{% do graph.setdefault('own', {}).update({'test': graph.own.began}) %}{% endmacro %}
        //- tests/t.sql
        {{ seen() }}
        select * from {{ ref('m') }} where id > {{ graph.nodes.values() | list | length }}
        //- macros/n.sql
        {% macro finish() %}{% do log('kept ' ~ graph.own, info=true) %}{% endmacro %}
        ",
    );
    project.run("build").exit(0).stderr_has("kept {'began': 'yes', 'm': 7, 'test': 'yes'}");
}

#[test]
fn text_outside_of_blocks_of_a_macro_file_has_no_effect() {
    let project = project(
        "
        //- macros/m.sql
        {% https://example.org/issues/143 %}
        {% macro one() %}1{% endmacro %}
        //- models/m.sql
        select {{ one() }} as id
        ",
    );
    project.run("build").exit(0);
    project.write("macros/m.sql", "{% macro one() %}{% https://example.org %}1{% endmacro %}");
    project.run("parse").exit(2).stderr_has("there is no tag `https`");
}

#[test]
fn a_variable_that_is_a_template_may_calculate() {
    let project = project(
        "
        //- project.yml
        name: shop
        targets: {d: {type: duckdb, path: shop.duckdb}}
        vars:
          day: '{{ (modules.datetime.date(2024, 3, 1) - modules.datetime.timedelta(1)).strftime(\"%Y-%m-%d\") }}'
        //- models/m.sql
        {{ config(materialized='table') }} select '{{ var('day') }}' as day
        ",
    );
    project.run("build").exit(0);
    assert_eq!(project.query("select day from m"), "2024-02-29");
}

#[test]
fn a_test_knows_the_node_it_is_declared_on_and_the_package_of_its_macro() {
    let project = project(
        "
        //- dbt_packages/lake/dbt_project.yml
        name: lake
        //- dbt_packages/lake/macros/t.sql
        {% test seen(model) %}
        {% do log('on ' ~ context.model.attached_node ~ ' by ' ~ context.model.test_metadata.namespace, info=true) if execute %}
        select * from {{ model }} where id is null
        {% endtest %}
        //- models/m.sql
        select 1 as id
        //- models/m.yml
        models: [{name: m, data_tests: [lake.seen]}]
        ",
    );
    project.run("build").exit(0).stderr_has("on model.shop.m by lake");
}
