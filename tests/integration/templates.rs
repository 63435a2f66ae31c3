//! Jinja in a project: faults at their places, macros across files, docs blocks.

use crate::phases::{check_error, check_sql, phases};

#[test]
fn an_if_that_is_not_closed_is_an_error() {
    check_error(
        "
        //- models/a.sql
        select 1
        {% if true %}
          , 2
        ",
        "
        error[template-syntax]: `{% if %}` is never closed
         --> models/a.sql:2:1
          |
        2 | {% if true %}
          | ^^^^^^^^^^^^^
          |
        help: write `{% endif %}`
        ",
    );
}

#[test]
fn a_for_that_is_not_closed_is_an_error() {
    check_error(
        "
        //- models/a.sql
        {% for i in [1, 2] %}
        select {{ i }}
        ",
        "
        error[template-syntax]: `{% for %}` is never closed
         --> models/a.sql:1:1
          |
        1 | {% for i in [1, 2] %}
          | ^^^^^^^^^^^^^^^^^^^^^
          |
        help: write `{% endfor %}`
        ",
    );
}

#[test]
fn an_expression_that_is_not_closed_is_an_error() {
    check_error(
        "
        //- models/a.sql
        select {{ ref('b')
        ",
        "
        error[template-syntax]: `{{` is never closed
         --> models/a.sql:1:8
          |
        1 | select {{ ref('b')
          |        ^^
          |
        help: write `}}`
        ",
    );
}

#[test]
fn an_unknown_macro_shows_a_near_name() {
    check_error(
        "
        //- macros/money.sql
        {% macro cents_to_euros(column) %}{{ column }} / 100{% endmacro %}
        //- models/a.sql
        select {{ cent_to_euros('amount') }}
        ",
        "
        error[unknown-macro]: no macro or function is named `cent_to_euros`
         --> models/a.sql:1:11
          |
        1 | select {{ cent_to_euros('amount') }}
          |           ^^^^^^^^^^^^^
          |
        help: did you mean `cents_to_euros`?
        ",
    );
}

#[test]
fn a_variable_without_value_is_an_error() {
    check_error(
        "
        //- models/a.sql
        select {{ nothing }}
        //- models/b.sql
        select {{ nothing.inside }}
        ",
        "
        error[undefined-variable]: `nothing` is undefined
         --> models/b.sql:1:11
          |
        1 | select {{ nothing.inside }}
          |           ^^^^^^^^^^^^^^
        ",
    );
}

#[test]
fn an_unknown_filter_shows_a_near_name() {
    check_error(
        "
        //- models/a.sql
        select '{{ 'x' | uper }}'
        ",
        "
        error[unknown-filter]: there is no filter `uper`
         --> models/a.sql:1:18
          |
        1 | select '{{ 'x' | uper }}'
          |                  ^^^^
          |
        help: did you mean `upper`?
        ",
    );
}

#[test]
fn macros_see_one_another_across_files_and_have_defaults() {
    check_sql(
        "
        //- macros/a.sql
        {% macro euros(column, digits=2) %}round({{ cents(column) }}, {{ digits }}){% endmacro %}
        //- macros/deep/b.sql
        {% macro cents(column) %}{{ column }} / 100{% endmacro %}
        //- models/m.sql
        select {{ euros('amount') }} as a, {{ euros('amount', digits=0) }} as b
        ",
        "m",
        "
        select round(amount / 100, 2) as a, round(amount / 100, 0) as b
        ",
    );
}

#[test]
fn a_fault_inside_a_macro_shows_the_call_too() {
    check_error(
        "
        //- macros/a.sql
        {% macro fail(column) %}
        {{ exceptions.raise_compiler_error('no column ' ~ column) }}
        {% endmacro %}
        //- models/m.sql
        select
          {{ fail('amount') }}
        ",
        "
        error[compilation-error]: no column amount
         --> macros/a.sql:2:4
          |
        2 | {{ exceptions.raise_compiler_error('no column ' ~ column) }}
          |    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
         ::: models/m.sql:2:6
          |
        2 |   {{ fail('amount') }}
          |      -------------- in macro `fail`, called here
        ",
    );
}

#[test]
fn two_macros_of_one_name_are_an_error() {
    check_error(
        "
        //- macros/a.sql
        {% macro twice() %}1{% endmacro %}
        //- macros/b.sql
        {% macro twice() %}2{% endmacro %}
        ",
        "
        error[duplicate-macro]: macro `twice` is defined twice in `shop`
         --> macros/b.sql:1:10
          |
        1 | {% macro twice() %}2{% endmacro %}
          |          ^^^^^
          |
         ::: macros/a.sql:1:10
          |
        1 | {% macro twice() %}1{% endmacro %}
          |          ----- first defined here
        ",
    );
}

#[test]
fn a_macro_called_with_an_unknown_argument_is_an_error() {
    check_error(
        "
        //- macros/a.sql
        {% macro euros(column) %}{{ column }} / 100{% endmacro %}
        //- models/m.sql
        select {{ euros(colum='amount') }}
        //- models/n.sql
        select {{ euros('a', 'b') }}
        ",
        "
        error[template-call]: macro `euros` has no parameter `colum`
         --> models/m.sql:1:11
          |
        1 | select {{ euros(colum='amount') }}
          |           ^^^^^^^^^^^^^^^^^^^^^
          |
        help: did you mean `column`?

        error[template-call]: macro `euros` takes 1 argument at most, but got 2
         --> models/n.sql:1:11
          |
        1 | select {{ euros('a', 'b') }}
          |           ^^^^^^^^^^^^^^^
        ",
    );
}

#[test]
fn a_description_takes_docs_blocks() {
    let checked = phases(
        "
        //- models/a.sql
        select 1 as id
        //- models/docs.md
        {% docs orders %}
        One line an order.
        {% enddocs %}
        //- models/s.yml
        models:
          - name: a
            description: \"{{ doc('orders') }}\"
            columns: [{name: id, description: \"{{ doc('shop', 'orders') }}\"}]
        ",
    )
    .check();
    checked.shows("");
    assert_eq!(checked.node("a").description.trim(), "One line an order.");
    assert_eq!(
        checked.node("a").columns[0].description.as_ref().map(|it| it.value.trim()),
        Some("One line an order.")
    );
}

#[test]
fn an_unknown_docs_block_shows_a_near_name() {
    check_error(
        "
        //- models/a.sql
        select 1 as id
        //- models/docs.md
        {% docs orders %}
        One line an order.
        {% enddocs %}
        //- models/s.yml
        models:
          - name: a
            description: \"{{ doc('order') }}\"
        ",
        r#"
        error[unknown-doc]: there is no docs block `order`
         --> models/s.yml:3:18
          |
        3 |     description: "{{ doc('order') }}"
          |                  ^^^^^^^^^^^^^^^^^^^^
          |
        help: did you mean `orders`?
        "#,
    );
}

#[test]
fn two_docs_blocks_of_one_name_are_an_error() {
    check_error(
        "
        //- models/a.md
        {% docs orders %}a{% enddocs %}
        //- models/b.md
        {% docs orders %}b{% enddocs %}
        ",
        "
        error[duplicate-name]: there are two docs blocks `orders`
         --> models/b.md:1:9
          |
        1 | {% docs orders %}b{% enddocs %}
          |         ^^^^^^ again here
          |
         ::: models/a.md:1:9
          |
        1 | {% docs orders %}a{% enddocs %}
          |         ------ first here
        ",
    );
}

#[test]
fn a_docs_block_that_is_not_closed_is_an_error() {
    check_error(
        "
        //- models/a.md
        # Orders
        {% docs orders %}
        a
        ",
        "
        error[template-syntax]: `{% docs %}` is never closed
         --> models/a.md:2:1
          |
        2 | {% docs orders %}
          | ^^^^^^^^^^^^^^^^^
          |
        help: write `{% enddocs %}`
        ",
    );
}

#[test]
fn a_variable_that_is_not_set_says_how_to_set_it() {
    check_error(
        "
        //- models/a.sql
        select '{{ var('start') }}'
        ",
        "
        error[unknown-var]: the variable `start` is not set and has no default
         --> models/a.sql:1:12
          |
        1 | select '{{ var('start') }}'
          |            ^^^^^^^^^^^^
          |
        help: set it under `vars:` in the project file, with `--vars '{start: ...}'`, or give a default: `var('start', ...)`
        ",
    );
}

#[test]
fn an_environment_variable_that_is_not_set_says_so() {
    check_error(
        "
        //- models/a.sql
        select '{{ env_var('REGION') }}'
        ",
        "
        error[unknown-env-var]: the environment variable `REGION` is not set and has no default
         --> models/a.sql:1:12
          |
        1 | select '{{ env_var('REGION') }}'
          |            ^^^^^^^^^^^^^^^^^
          |
        help: set it, or give a default: `env_var('REGION', '...')`
        ",
    );
}

#[test]
fn environment_variables_are_read_and_have_defaults() {
    let checked = phases(
        "
        //- models/a.sql
        select '{{ env_var('REGION') }}', '{{ env_var('ZONE', 'none') }}'
        ",
    )
    .env("REGION", "north")
    .check();
    assert_eq!(checked.sql("a").trim(), "select 'north', 'none'");
}

#[test]
fn exceptions_warn_does_not_stop() {
    check_sql(
        "
        //- models/a.sql
        {% do exceptions.warn('old') %}select 1
        ",
        "a",
        "
        select 1
        ",
    );
}

#[test]
fn a_file_without_a_query_is_an_error() {
    check_error(
        "
        //- models/a.sql
        -- nothing yet
        {# {{ ref('b') }} #}
        //- models/b.sql
        //- tests/c.sql
        {% if false %}select 1{% endif %}
        ",
        "
        error[empty-query]: model `a` has no query
         --> models/a.sql:1:1
          |
        1 | -- nothing yet
          | ^ nothing but space and comments is left of this file
          |
        help: write a `select`, or delete the file

        error[empty-query]: model `b` has no query
         --> models/b.sql:1:1
          |
        1 |
          | ^ nothing but space and comments is left of this file
          |
        help: write a `select`, or delete the file

        error[empty-query]: test `c` has no query
         --> tests/c.sql:1:1
          |
        1 | {% if false %}select 1{% endif %}
          | ^ nothing but space and comments is left of this file
          |
        help: write a `select`, or delete the file
        ",
    );
}

#[test]
fn a_semicolon_behind_the_query_is_an_error() {
    check_error(
        "
        //- models/a.sql
        select ';' as a -- one;
        //- models/b.sql
        select 1 as a;
        //- models/c.sql
        select 1 as a; select 2 as b
        ",
        "
        error[several-statements]: model `b` is not one query: it has a `;`
         --> models/b.sql:1:14
          |
        1 | select 1 as a;
          |              ^
          |
        help: a model is one `select` without `;`

        error[several-statements]: model `c` is not one query: it has a `;`
         --> models/c.sql:1:14
          |
        1 | select 1 as a; select 2 as b
          |              ^
          |
        help: a model is one `select` without `;`
        ",
    );
}
