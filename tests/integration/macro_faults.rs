//! Faults in what macros make: shown at the macro's own line, with every call on the way from the node.

use crate::project::project;

#[test]
fn a_wrong_column_in_a_macro_is_shown_at_its_line() {
    project(
        "
        //- macros/money.sql
        {% macro dollars(column) %}
          round({{ column }} / 100, 2)
            + fee_
        {% endmacro %}
        //- models/orders.sql
        select 1 as id,
          {{ dollars('150') }} as amount
        ",
    )
    .run("build")
    .exit(1)
    .stdout_has("macros/money.sql:3:7");
}

#[test]
fn the_chain_goes_through_macros_that_call_macros() {
    project(
        "
        //- macros/outer.sql
        {% macro outer() %}
        (select {{ inner('1') }} as x)
        {% endmacro %}
        //- macros/inner.sql
        {% macro inner(n) %}
          {{ n }} + nowhere
        {% endmacro %}
        //- models/a.sql
        select * from {{ outer() | trim }}
        ",
    )
    .run("build")
    .exit(1)
    .stdout_has("x");
}

#[test]
fn the_chain_goes_through_dispatch_and_return() {
    project(
        "
        //- macros/f.sql
        {% macro f(x) %}{{ return(adapter.dispatch('f')(x)) }}{% endmacro %}
        {% macro default__f(x) %}
          {{ x }} + nowhere
        {% endmacro %}
        //- models/a.sql
        select {{ f(1) }} as x
        ",
    )
    .run("build")
    .exit(1)
    .stdout_has("x");
}

#[test]
fn the_block_of_a_call_is_shown_in_the_model() {
    project(
        "
        //- macros/wrap.sql
        {% macro wrap() %}
        (
          {{ caller() }}
        )
        {% endmacro %}
        //- models/a.sql
        select * from
        {% call wrap() %}
          select nowhere from (select 1 as a)
        {% endcall %}
        ",
    )
    .run("build")
    .exit(1)
    .stdout_has("x");
}

#[test]
fn a_built_in_macro_is_shown_where_it_is_called() {
    project(
        "
        //- models/a.sql
        select {{ dbt.dateadd('day', 1, 'nowhere') }} as x
        ",
    )
    .run("build")
    .exit(1)
    .stdout_has("x");
}

#[test]
fn a_macro_in_an_ephemeral_model_keeps_its_place() {
    project(
        "
        //- macros/m.sql
        {% macro m() %}nowhere + 1{% endmacro %}
        //- models/e.sql
        {{ config(materialized='ephemeral') }}
        select {{ m() }} as x
        //- models/a.sql
        select * from {{ ref('e') }}
        ",
    )
    .run("build")
    .exit(1)
    .stdout_has("x");
}

#[test]
fn a_semicolon_from_a_macro_is_shown_in_the_macro() {
    project(
        "
        //- macros/m.sql
        {% macro m() %}select 1 as x;
        select 2 as x{% endmacro %}
        //- models/a.sql
        {{ m() }}
        ",
    )
    .run("build")
    .exit(2)
    .stdout_has("x");
}

#[test]
fn a_hook_that_a_macro_makes_wrongly_is_shown_in_the_macro() {
    project(
        "
        //- macros/m.sql
        {% macro cleanup(table) %}
          delete from {{ table }}
        {% endmacro %}
        //- models/a.sql
        {{ config(pre_hook=\"{{ cleanup('nowhere') }}\") }}
        select 1 as x
        ",
    )
    .run("build")
    .exit(1)
    .stdout_has("x");
}

#[test]
fn a_fault_in_a_macro_that_a_hook_calls_has_the_chain() {
    project(
        "
        //- macros/m.sql
        {% macro cleanup(table) %}{{ table.nope.name }}{% endmacro %}
        //- models/a.sql
        {{ config(pre_hook=\"{{ cleanup('nowhere') }}\") }}
        select 1 as x
        ",
    )
    .run("build")
    .exit(2)
    .stdout_has("x");
}

#[test]
fn a_generic_test_from_yaml_has_the_chain() {
    project(
        "
        //- macros/positive.sql
        {% test positive(model, column_name, over) %}
        select * from {{ model }} where {{ checked(column_name, over) }}
        {% endtest %}
        {% macro checked(column, over) %}
          {%- if over is not number -%}
            {{ exceptions.raise_compiler_error('over must be a number') }}
          {%- endif -%}
          {{ column }} <= {{ over }}
        {% endmacro %}
        //- models/a.sql
        select 1 as x
        //- models/a.yml
        models:
          - name: a
            columns:
              - name: x
                data_tests:
                  - positive:
                      arguments: {over: 'zero'}
        ",
    )
    .run("build")
    .exit(2)
    .stdout_has("x");
}
