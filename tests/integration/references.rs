//! Names to nodes: what `ref()` and `source()` mean, and what is said when they mean nothing.

use crate::phases::{check_error, check_sql, phases};
use crate::project::project;

#[test]
fn a_ref_is_the_relations_full_name() {
    check_sql(
        "
        //- models/a.sql
        select 1 as id
        //- models/b.sql
        select * from {{ ref('a') }}
        ",
        "b",
        r#"
        select * from "shop"."main"."a"
        "#,
    );
}

#[test]
fn a_ref_may_name_the_package() {
    check_sql(
        "
        //- models/a.sql
        select 1 as id
        //- models/b.sql
        select * from {{ ref('shop', 'a') }}
        ",
        "b",
        r#"
        select * from "shop"."main"."a"
        "#,
    );
}

#[test]
fn a_ref_without_a_version_means_the_latest() {
    const VERSIONS: &str = "
        //- models/a_v1.sql
        select 1 as id
        //- models/a_v2.sql
        select 2 as id
        //- models/b.sql
        select * from {{ ref('a') }} join {{ ref('a', v=1) }} using (id)
        //- models/s.yml
        models:
          - name: a
            latest_version: 2
            versions: [{v: 1}, {v: 2}]
        ";
    check_sql(
        VERSIONS,
        "b",
        r#"
        select * from "shop"."main"."a_v2" join "shop"."main"."a_v1" using (id)
        "#,
    );
}

#[test]
fn an_unknown_version_names_those_that_are_there() {
    check_error(
        "
        //- models/a_v1.sql
        select 1 as id
        //- models/b.sql
        select * from {{ ref('a', v=3) }}
        //- models/s.yml
        models:
          - name: a
            versions: [{v: 1}]
        ",
        "
        error[unknown-ref]: model `b` refers to `a` version 3, which is not there
         --> models/b.sql:1:22
          |
        1 | select * from {{ ref('a', v=3) }}
          |                      ^^^ no such version
          |
        note: versions: 1
        ",
    );
}

#[test]
fn an_unknown_ref_shows_a_near_name() {
    check_error(
        "
        //- models/stg_payments.sql
        select 1 as id
        //- models/orders.sql
        select *
        from {{ ref('stg_payment') }}
        ",
        "
        error[unknown-ref]: model `orders` refers to `stg_payment`, which is not in this project
         --> models/orders.sql:2:13
          |
        2 | from {{ ref('stg_payment') }}
          |             ^^^^^^^^^^^^^ no model, seed or snapshot has this name
          |
        help: did you mean `stg_payments`?
        ",
    );
}

#[test]
fn an_unknown_ref_without_near_name_says_how_to_list_names() {
    check_error(
        "
        //- models/orders.sql
        select * from {{ ref('nothing_like_it') }}
        ",
        "
        error[unknown-ref]: model `orders` refers to `nothing_like_it`, which is not in this project
         --> models/orders.sql:1:22
          |
        1 | select * from {{ ref('nothing_like_it') }}
          |                      ^^^^^^^^^^^^^^^^^ no model, seed or snapshot has this name
          |
        help: `tidemill list` shows all names
        ",
    );
}

#[test]
fn a_ref_to_a_sources_table_says_to_use_source() {
    check_error(
        "
        //- models/orders.sql
        select * from {{ ref('sales') }}
        //- models/s.yml
        sources: [{name: raw, tables: [{name: sales}]}]
        ",
        "
        error[unknown-ref]: model `orders` refers to `sales`, which is not in this project
         --> models/orders.sql:1:22
          |
        1 | select * from {{ ref('sales') }}
          |                      ^^^^^^^ no model, seed or snapshot has this name
          |
        help: this is a table of a source: write `source('raw', 'sales')`
        ",
    );
}

#[test]
fn a_ref_into_another_package_says_so() {
    check_error(
        "
        //- models/a.sql
        select 1
        //- models/b.sql
        select * from {{ ref('store', 'a') }}
        ",
        "
        error[unknown-ref]: model `b` refers to `a` in the package `store`, where it is not
         --> models/b.sql:1:31
          |
        1 | select * from {{ ref('store', 'a') }}
          |                               ^^^ it is in another package
        ",
    );
}

#[test]
fn unknown_sources_and_tables_show_near_names() {
    check_error(
        "
        //- models/a.sql
        select * from {{ source('rw', 'sales') }}
        //- models/b.sql
        select * from {{ source('raw', 'sale') }}
        //- models/c.sql
        select * from {{ source('elsewhere', 'sales') }}
        //- models/d.sql
        select * from {{ source('raw', 'customers') }}
        //- models/s.yml
        sources: [{name: raw, tables: [{name: sales}]}]
        ",
        "
        error[unknown-source]: model `a` reads the source `rw.sales`, which is not declared
         --> models/a.sql:1:25
          |
        1 | select * from {{ source('rw', 'sales') }}
          |                         ^^^^^^^^^^^^^ there is no source `rw`
          |
        help: did you mean `raw`?

        error[unknown-source]: model `b` reads the source `raw.sale`, which is not declared
         --> models/b.sql:1:25
          |
        1 | select * from {{ source('raw', 'sale') }}
          |                         ^^^^^^^^^^^^^ the source `raw` has no table `sale`
          |
        help: did you mean `sales`?

        error[unknown-source]: model `c` reads the source `elsewhere.sales`, which is not declared
         --> models/c.sql:1:25
          |
        1 | select * from {{ source('elsewhere', 'sales') }}
          |                         ^^^^^^^^^^^^^^^^^^^^ there is no source `elsewhere`
          |
        help: declare it in a properties file: `sources: [{name: elsewhere, tables: [{name: sales}]}]`

        error[unknown-source]: model `d` reads the source `raw.customers`, which is not declared
         --> models/d.sql:1:25
          |
        1 | select * from {{ source('raw', 'customers') }}
          |                         ^^^^^^^^^^^^^^^^^^ the source `raw` has no table `customers`
          |
        help: add `- name: customers` to its tables
        ",
    );
}

#[test]
fn a_disabled_parent_is_said_to_be_disabled() {
    check_error(
        "
        //- models/a.sql
        {{ config(enabled=false) }}
        select 1
        //- models/b.sql
        select * from {{ ref('a') }}
        //- models/c.sql
        select * from {{ source('raw', 'sales') }}
        //- models/s.yml
        sources: [{name: raw, tables: [{name: sales, config: {enabled: false}}]}]
        ",
        "
        error[disabled-ref]: model `b` refers to `a`, which is disabled
         --> models/b.sql:1:22
          |
        1 | select * from {{ ref('a') }}
          |                      ^^^
          |
         ::: models/a.sql:1:11
          |
        1 | {{ config(enabled=false) }}
          |           ------- disabled here
          |
        help: enable `a`, or disable this model too

        error[disabled-source]: model `c` reads the source `raw.sales`, which is disabled
         --> models/c.sql:1:25
          |
        1 | select * from {{ source('raw', 'sales') }}
          |                         ^^^^^^^^^^^^^^
          |
         ::: models/s.yml:1:55
          |
        1 | sources: [{name: raw, tables: [{name: sales, config: {enabled: false}}]}]
          |                                                       ------- disabled here
        ",
    );
}

#[test]
fn tests_of_a_disabled_model_are_left_out_silently() {
    check_error(
        "
        //- models/a.sql
        {{ config(enabled=false) }}
        select 1 as id
        //- models/s.yml
        models: [{name: a, columns: [{name: id, data_tests: [not_null]}]}]
        ",
        "",
    );
}

#[test]
fn a_test_that_reads_a_disabled_model_is_left_out_with_a_warning() {
    check_error(
        "
        //- models/a.sql
        {{ config(enabled=false) }}
        select 1 as id
        //- models/b.sql
        select 1 as id
        //- models/s.yml
        models:
          - name: b
            columns:
              - name: id
                data_tests:
                  - relationships: {arguments: {to: ref('a'), field: id}}
        ",
        "
        warning[disabled-ref]: test `relationships_b_id__id__ref_a_` refers to `a`, which is disabled
         --> models/s.yml:6:45
          |
        6 |           - relationships: {arguments: {to: ref('a'), field: id}}
          |                                             ^^^^^^^^
          |
         ::: models/a.sql:1:11
          |
        1 | {{ config(enabled=false) }}
          |           ------- disabled here
          |
        note: the test was left out
        help: enable `a`, or disable this test too
        ",
    );
}

#[test]
fn a_cycle_is_reported_with_its_path() {
    check_error(
        "
        //- models/a.sql
        select * from {{ ref('c') }}
        //- models/b.sql
        select * from {{ ref('a') }}
        //- models/c.sql
        select * from {{ ref('b') }}
        //- models/d.sql
        select * from {{ ref('c') }}
        ",
        "
        error[cycle]: models depend on one another in a circle: `a` -> `b` -> `c` -> `a`
         --> models/a.sql:1:22
          |
        1 | select * from {{ ref('c') }}
          |                      ^^^ `a` reads `c`
          |
         ::: models/b.sql:1:22
          |
        1 | select * from {{ ref('a') }}
          |                      --- `b` reads `a`
          |
         ::: models/c.sql:1:22
          |
        1 | select * from {{ ref('b') }}
          |                      --- `c` reads `b`
          |
        help: break the circle: move what both need into a model of its own
        ",
    );
}

#[test]
fn a_model_that_reads_itself_is_a_cycle() {
    check_error(
        "
        //- models/a.sql
        select * from {{ ref('a') }}
        ",
        "
        error[cycle]: models depend on one another in a circle: `a` -> `a`
         --> models/a.sql:1:22
          |
        1 | select * from {{ ref('a') }}
          |                      ^^^ `a` reads `a`
          |
        help: break the circle: move what both need into a model of its own
        ",
    );
}

#[test]
fn two_models_of_one_name_are_an_error() {
    check_error(
        "
        //- models/one/a.sql
        select 1
        //- models/two/a.sql
        select 2
        ",
        "
        error[duplicate-name]: there are two models `a`
         --> models/two/a.sql:1:1
          |
        1 | select 2
          | ^ again here
          |
         ::: models/one/a.sql:1:1
          |
        1 | select 1
          | - first here
          |
        help: rename one of them, or set `enabled: false` on one
        ",
    );
}

#[test]
fn a_model_and_a_seed_of_one_name_are_an_error() {
    check_error(
        "
        //- models/a.sql
        select 1
        //- seeds/a.csv
        id
        1
        ",
        "
        error[duplicate-name]: a model and a seed are both called `a`
         --> seeds/a.csv:1:1
          |
        1 |
          | ^ the seed is here
          |
         ::: models/a.sql:1:1
          |
        1 | select 1
          | - the model is here
          |
        help: rename one of them: ref() could mean either
        ",
    );
}

#[test]
fn two_models_with_one_relation_are_an_error() {
    check_error(
        "
        //- models/a.sql
        select 1
        //- models/b.sql
        {{ config(alias='a') }}
        select 2
        ",
        "
        error[duplicate-relation]: `a` and `b` would both be built as main.a
         --> models/b.sql:1:1
          |
        1 | {{ config(alias='a') }}
          | ^ this one
          |
         ::: models/a.sql:1:1
          |
        1 | select 1
          | - and this one
          |
        help: give one of them another `alias` or `schema`
        ",
    );
}

#[test]
fn two_models_with_one_alias_in_two_schemas_are_fine() {
    check_error(
        "
        //- models/a.sql
        select 1
        //- models/b.sql
        {{ config(alias='a', schema='other') }}
        select 2
        ",
        "",
    );
}

#[test]
fn a_ref_in_a_branch_that_is_not_taken_counts_if_it_is_taken_while_parsing() {
    // dbt parses with `execute` false: what is behind `if execute` is no edge.
    let checked = phases(
        "
        //- models/a.sql
        select 1 as id
        //- models/b.sql
        select 2 as id
        //- models/c.sql
        {% if execute %}select * from {{ ref('a') }}{% else %}select * from {{ ref('b') }}{% endif %}
        -- depends_on: {{ ref('a') }}
        ",
    )
    .check();
    checked.shows("");
    assert_eq!(checked.parents("c"), ["b", "a"]);
}

#[test]
fn a_ref_that_parsing_did_not_see_is_an_error_with_the_way_out() {
    check_error(
        "
        //- models/a.sql
        select 1 as id
        //- models/b.sql
        {% if execute %}
        select * from {{ ref('a') }}
        {% endif %}
        ",
        "
        error[undeclared-ref]: model `b` refers to `a`, which was not seen when it was parsed
         --> models/b.sql:2:18
          |
        2 | select * from {{ ref('a') }}
          |                  ^^^^^^^^
          |
        help: a `ref` in a branch that depends on the run must be declared: add `-- depends_on: {{ ref('a') }}`
        ",
    );
}

#[test]
fn a_ref_in_a_false_branch_counts_as_dbt_counts_it() {
    let checked = phases(
        "
        //- models/a.sql
        select 1 as id
        //- models/b.sql
        select 2 as id
        {% if false %} union all select * from {{ ref('a') }}{% endif %}
        ",
    )
    .check();
    checked.shows("");
    assert_eq!(checked.parents("b"), Vec::<&str>::new());
}

#[test]
fn a_ref_in_a_sql_comment_counts() {
    let checked = phases(
        "
        //- models/a.sql
        select 1 as id
        //- models/b.sql
        -- depends_on: {{ ref('a') }}
        select 2 as id
        ",
    )
    .check();
    assert_eq!(checked.parents("b"), ["a"]);
}

#[test]
fn an_exposure_depends_on_nodes_and_its_bad_refs_are_shown() {
    check_error(
        "
        //- models/orders.sql
        select 1 as id
        //- models/s.yml
        exposures:
          - name: board
            type: dashbord
            owner: {name: Ann}
            depends_on: [ref('orders'), ref('oders'), 'source(']
        ",
        "
        error[template-syntax]: `(` is never closed
         --> models/s.yml:5:47
          |
        5 |     depends_on: [ref('orders'), ref('oders'), 'source(']
          |                                               ^^^^^^^^^
          |
        help: write `)`

        error[invalid-value]: `dashbord` is not allowed here
         --> models/s.yml:3:11
          |
        3 |     type: dashbord
          |           ^^^^^^^^ write one of dashboard, notebook, analysis, ml, application

        error[unknown-ref]: exposure `board` refers to `oders`, which is not in this project
         --> models/s.yml:5:33
          |
        5 |     depends_on: [ref('orders'), ref('oders'), 'source(']
          |                                 ^^^^^^^^^^^^ no model, seed or snapshot has this name
          |
        help: did you mean `orders`?
        ",
    );
}

#[test]
fn a_model_that_cannot_be_read_is_reported_once() {
    project(
        "
        //- models/broken.sql
        select {{ nope() }} as id
        //- models/reader.sql
        select * from {{ ref('broken') }}
        //- models/properties.yml
        models:
          - name: broken
            columns:
              - name: id
                data_tests: [not_null]
        ",
    )
    .run("parse")
    .exit(2)
    .stderr_has("stopped: 1 error");
}
