//! What is done to a relation besides making it: comments, indexes, a header before it.

use crate::project::project;

const DESCRIBED: &str = "
    //- seeds/codes.csv
    id,name
    1,a
    2,b
    //- models/properties.yml
    models:
      - name: orders
        description: It's \"all\" orders
        config: {persist_docs: {relation: true, columns: true}}
        columns:
          - {name: ID, description: the key}
          - {name: gone, description: not there}
    seeds:
      - name: codes
        description: codes
        config: {persist_docs: {relation: true}}
    ";

const COMMENTS: &str = "
    select view_name as name, '' as column_name, comment from duckdb_views() where comment is not null
    union all select table_name, '', comment from duckdb_tables() where comment is not null
    union all select table_name, column_name, comment from duckdb_columns() where comment is not null
    order by all";

#[test]
fn descriptions_become_comments() {
    for materialized in ["view", "table", "incremental"] {
        let project = project(&format!(
            "{DESCRIBED}
    //- models/orders.sql
    {{{{ config(materialized='{materialized}') }}}} select * from {{{{ ref('codes') }}}}
    "
        ));
        for _ in 0..2 {
            project.run("build").exit(0).stderr_has("warning: orders has no column gone, which is described");
            let expected = "codes |  | codes\norders |  | It's \"all\" orders\norders | id | the key";
            assert_eq!(project.query(COMMENTS), expected, "{materialized}");
        }
    }
}

#[test]
fn without_the_config_there_are_none() {
    let project = project(
        "
        //- models/orders.sql
        select 1 as id
        //- models/properties.yml
        models: [{name: orders, description: all orders}]
        ",
    );
    project.run("build").exit(0).stderr("");
    assert_eq!(project.query(COMMENTS), "");
}

#[test]
fn indexes_are_made_with_the_table() {
    let project = project(
        "
        //- models/a.sql
        {{ config(materialized='table', indexes=[{'columns': ['id'], 'unique': true}, {'columns': ['n', 'id']}]) }}
        select 1 as id, 2 as n
        //- models/b.sql
        {{ config(materialized='incremental', indexes=[{'columns': ['id']}]) }} select 1 as id
        ",
    );
    project.run("build").exit(0);
    project.run("build").exit(0);
    let indexes = "select table_name, is_unique, expressions from duckdb_indexes() order by all";
    assert_eq!(project.query(indexes), "a | false | [n, id]\na | true | [id]\nb | false | [id]");
}

#[test]
fn a_unique_index_holds_and_wrong_ones_are_shown() {
    let project = project(
        "
        //- models/a.sql
        {{ config(materialized='table', indexes=[{'columns': ['id'], 'unique': true}]) }}
        select 1 as id union all select 1
        //- models/b.sql
        {{ config(materialized='table', indexes=[{'columns': ['nope']}]) }}
        select 1 as id
        ",
    );
    project
        .run("build --threads 1")
        .exit(1)
        .stdout_has("error[constraint-failed]: Failed to commit: PRIMARY KEY or UNIQUE constraint violation: duplicate key \"1\"")
        .stdout_has("a unique index of `a`")
        .stdout_has("error[sql-error]: the index on `nope` of `b` cannot be made:");
    assert_eq!(project.query("select count(*) from duckdb_tables() where table_name in ('a', 'b')"), "0");
    project.write("models/b.sql", "{{ config(indexes=[{'column': ['id']}]) }} select 1 as id");
    project.run("build").exit(2).stderr_has("error[invalid-index]: an index needs `columns`");
}

#[test]
fn a_header_runs_before_the_statement() {
    let project = project(
        "
        //- models/a.sql
        {{ config(materialized='table', sql_header='create temp macro twice(x) as 2 * x;') }}
        select twice(4) as n
        //- models/b.sql
        {% call set_sql_header(config) %} create temp macro thrice(x) as 3 * x; {% endcall %}
        select thrice(4) as n
        ",
    );
    project.run("build -s a").exit(0);
    assert_eq!(project.query("select n from a"), "8");
    project.write("models/a.sql", "{{ config(materialized='table', sql_header='creat x') }} select 1 as n");
    project
        .run("build -s a")
        .exit(1)
        .stdout_has("error[hook-failed]: sql_header of `a`: syntax error at or near \"creat\"");
}

#[test]
fn grants_say_that_they_have_no_effect() {
    let project = project(
        "
        //- models/a.sql
        {{ config(grants={'select': ['ann']}) }} select 1 as id
        ",
    );
    project
        .run("build")
        .exit(0)
        .stderr_has("warning[no-effect]: the config `grants` has no effect: DuckDB has no users");
}
