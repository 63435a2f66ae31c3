//! Faults in what macros make: shown at the macro's own line, with every call on the way from the node.

use crate::project::{dedent, project};

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
    .run("build --no-check")
    .exit(1)
    .stdout_has(&dedent(
        r#"
        error[sql-error]: Referenced column "fee_" was not found because the FROM clause is missing
         --> macros/money.sql:3:7
          |
        3 |     + fee_
          |       ^^^^
          |
         ::: models/orders.sql:2:6
          |
        2 |   {{ dollars('150') }} as amount
          |      -------------- in macro `dollars`, called here
        "#,
    ));
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
    .run("build --no-check")
    .exit(1)
    .stdout_has(&dedent(
        r#"
        error[sql-error]: Referenced column "nowhere" was not found because the FROM clause is missing
         --> macros/inner.sql:2:13
          |
        2 |   {{ n }} + nowhere
          |             ^^^^^^^
          |
         ::: macros/outer.sql:2:12
          |
        2 | (select {{ inner('1') }} as x)
          |            ---------- in macro `inner`, called here
          |
         ::: models/a.sql:1:18
          |
        1 | select * from {{ outer() | trim }}
          |                  -------------- in macro `outer`, called here
        "#,
    ));
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
    .run("build --no-check")
    .exit(1)
    .stdout_has(&dedent(
        r#"
        error[sql-error]: Referenced column "nowhere" was not found because the FROM clause is missing
         --> macros/f.sql:3:13
          |
        1 | {% macro f(x) %}{{ return(adapter.dispatch('f')(x)) }}{% endmacro %}
          |                    -------------------------------- in macro `default__f`, called here
        2 | {% macro default__f(x) %}
        3 |   {{ x }} + nowhere
          |             ^^^^^^^
          |
         ::: models/a.sql:1:11
          |
        1 | select {{ f(1) }} as x
          |           ---- in macro `f`, called here
        "#,
    ));
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
    .run("build --no-check")
    .exit(1)
    .stdout_has(&dedent(
        r#"
        error[sql-error]: Referenced column "nowhere" not found in FROM clause!
         --> models/a.sql:3:10
          |
        2 | {% call wrap() %}
          |         ------ in macro `wrap`, called here
        3 |   select nowhere from (select 1 as a)
          |          ^^^^^^^
          |
         ::: macros/wrap.sql:3:6
          |
        3 |   {{ caller() }}
          |      -------- in the `{% call %}` block, called here
          |
        note: Candidate bindings: "a"
        "#,
    ));
}

#[test]
fn a_built_in_macro_is_shown_where_it_is_called() {
    project(
        "
        //- models/a.sql
        select {{ dbt.dateadd('day', 1, 'nowhere') }} as x
        ",
    )
    .run("build --no-check")
    .exit(1)
    .stdout_has(&dedent(
        r#"
        error[sql-error]: Referenced column "nowhere" was not found because the FROM clause is missing
         --> models/a.sql:1:11
          |
        1 | select {{ dbt.dateadd('day', 1, 'nowhere') }} as x
          |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ in the SQL that this makes
        "#,
    ));
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
    .run("build --no-check")
    .exit(1)
    .stdout_has(&dedent(
        r#"
        error[sql-error]: Referenced column "nowhere" was not found because the FROM clause is missing
         --> macros/m.sql:1:16
          |
        1 | {% macro m() %}nowhere + 1{% endmacro %}
          |                ^^^^^^^
          |
         ::: models/e.sql:2:11
          |
        2 | select {{ m() }} as x
          |           --- in macro `m`, called here
          |
        note: it is part of the query of model `a`
        "#,
    ));
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
    .exit(1)
    .stdout_has(&dedent(
        r"
        error[several-statements]: model `a` is not one query: it has a `;`
         --> macros/m.sql:1:29
          |
        1 | {% macro m() %}select 1 as x;
          |                             ^
          |
         ::: models/a.sql:1:4
          |
        1 | {{ m() }}
          |    --- in macro `m`, called here
          |
        help: a model is one `select` without `;`
        ",
    ));
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
    .stdout_has(&dedent(
        r#"
        error[hook-failed]: pre-hook of `a`: Table with name nowhere does not exist!
         --> macros/m.sql:2:18
          |
        2 |   delete from {{ table }}
          |                  ^^^^^
          |
         ::: models/a.sql:1:11
          |
        1 | {{ config(pre_hook="{{ cleanup('nowhere') }}") }}
          |           -------- in macro `cleanup`, called here
          |
        note: Did you mean "pg_indexes"?
        "#,
    ));
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
    .exit(1)
    .stdout_has(&dedent(
        r#"
        error[undefined-variable]: `table.nope` is undefined
         --> macros/m.sql:1:30
          |
        1 | {% macro cleanup(table) %}{{ table.nope.name }}{% endmacro %}
          |                              ^^^^^^^^^^^^^^^
          |
         ::: models/a.sql:1:11
          |
        1 | {{ config(pre_hook="{{ cleanup('nowhere') }}") }}
          |           -------- in macro `cleanup`, called here
        "#,
    ));
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
    .stderr_has(&dedent(
        r"
        error[compilation-error]: over must be a number
         --> macros/positive.sql:6:8
          |
        2 | select * from {{ model }} where {{ checked(column_name, over) }}
          |                                    -------------------------- in macro `checked`, called here
        ...
        6 |     {{ exceptions.raise_compiler_error('over must be a number') }}
          |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
         ::: models/a.yml:6:13
          |
        6 |           - positive:
          |             -------- in test `positive`, called here
        ",
    ));
}
