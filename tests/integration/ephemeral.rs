//! Ephemeral models: common table expressions of their readers.

use crate::phases::check_sql;
use crate::project::project;

#[test]
fn an_ephemeral_parent_becomes_a_common_table_expression() {
    check_sql(
        "
        //- models/a.sql
        {{ config(materialized='ephemeral') }}
        select 1 as id
        //- models/b.sql
        select * from {{ ref('a') }}
        ",
        "b",
        "
        with __dbt__cte__a as (

        select 1 as id
        )
        select * from __dbt__cte__a
        ",
    );
}

#[test]
fn ephemeral_parents_of_ephemeral_parents_come_first() {
    check_sql(
        "
        //- models/a.sql
        {{ config(materialized='ephemeral') }}
        select 1 as id
        //- models/b.sql
        {{ config(materialized='ephemeral') }}
        select * from {{ ref('a') }}
        //- models/c.sql
        select * from {{ ref('b') }} join {{ ref('a') }} using (id)
        ",
        "c",
        "
        with __dbt__cte__a as (

        select 1 as id
        ), __dbt__cte__b as (

        select * from __dbt__cte__a
        )
        select * from __dbt__cte__b join __dbt__cte__a using (id)
        ",
    );
}

#[test]
fn an_existing_with_clause_is_joined() {
    check_sql(
        "
        //- models/a.sql
        {{ config(materialized='ephemeral') }}
        select 1 as id
        //- models/b.sql
        -- with a comment
        with own as (select * from {{ ref('a') }})
        select * from own
        ",
        "b",
        "
        -- with a comment
        with __dbt__cte__a as (

        select 1 as id
        ), own as (select * from __dbt__cte__a)
        select * from own
        ",
    );
}

#[test]
fn a_recursive_with_clause_stays_recursive() {
    check_sql(
        "
        //- models/a.sql
        {{ config(materialized='ephemeral') }}
        select 1 as id
        //- models/b.sql
        with recursive own as (select * from {{ ref('a') }} union all select id + 1 from own where id < 3)
        select * from own
        ",
        "b",
        "
        with recursive __dbt__cte__a as (

        select 1 as id
        ), own as (select * from __dbt__cte__a union all select id + 1 from own where id < 3)
        select * from own
        ",
    );
}

#[test]
fn what_ends_with_a_comment_does_not_swallow_what_follows() {
    let shop = project(
        "
        //- models/a.sql
        {{ config(materialized='ephemeral') }}
        select 1 as id -- one
        //- models/b.sql
        /* with */ select * from {{ ref('a') }} -- all
        //- models/s.yml
        models: [{name: a, columns: [{name: id, data_tests: [unique]}]}]
        ",
    );
    shop.run("build").exit(0);
    assert_eq!(shop.query("from b"), "1");
}

#[test]
fn the_query_that_reads_ephemeral_models_runs() {
    let shop = project(
        "
        //- models/a.sql
        {{ config(materialized='ephemeral') }}
        with x as (select 1 as id) select * from x
        //- models/b.sql
        with recursive own as (select * from {{ ref('a') }} union all select id + 1 from own where id < 3)
        select count(*) as n from own
        ",
    );
    shop.run("run").exit(0);
    assert_eq!(shop.query("from b"), "3");
}

#[test]
fn an_ephemeral_model_that_nothing_reads_may_say_anything() {
    let project = project(
        "
        //- models/nothing.sql
        {{ config(materialized='ephemeral') }}
        -- written later
        //- models/broken.sql
        {{ config(materialized='ephemeral') }}
        {{ ref('nothing') }}
        //- models/good.sql
        select 1 as id
        ",
    );
    project.run("build").exit(0).stdout_has("1 model published");
    project.write("models/reader.sql", "select * from {{ ref('broken') }}");
    project.run("build").exit(1);
}
