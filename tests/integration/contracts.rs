//! Enforced contracts: columns are compared before anything is made, constraints hold in the table.

use crate::project::{TestProject, project};

fn orders(columns: &str, sql: &str) -> TestProject {
    project(&format!(
        "
    //- models/properties.yml
    models:
      - name: orders
        config: {{contract: {{enforced: true}}, materialized: table}}
        columns:
{columns}
    //- models/orders.sql
    {sql}
    "
    ))
}

const COLUMNS: &str = "
          - {name: id, data_type: integer, constraints: [{type: not_null}, {type: primary_key}]}
          - {name: amount, data_type: \"decimal(10,2)\", constraints: [{type: check, expression: amount > 0}]}";

#[test]
fn a_table_has_the_contracts_columns_in_its_order_and_its_constraints() {
    let project = orders(COLUMNS, "select 5::decimal(10,2) as amount, 1 as id");
    project.run("build").exit(0);
    project.run("build").exit(0);
    let columns =
        "select column_name, data_type, is_nullable from duckdb_columns() where table_name = 'orders'";
    assert_eq!(project.query(columns), "id | INTEGER | false\namount | DECIMAL(10,2) | true");
    let kinds = "select constraint_type from duckdb_constraints() where table_name = 'orders' order by all";
    assert_eq!(project.query(kinds), "CHECK\nNOT NULL\nPRIMARY KEY");
}

#[test]
fn columns_that_differ_are_listed_before_anything_is_made() {
    let project = orders(COLUMNS, "select 'x' as id, 1 as extra");
    project.run("build --no-check").exit(1).stdout_has(
        "\
error[broken-contract]: the columns of `orders` are not those of its contract
 --> models/properties.yml:6:16
  |
6 |       - {name: id, data_type: integer, constraints: [{type: not_null}, {type: primary_key}]}
  |                ^^
  |
note: `id` is VARCHAR in the query, INTEGER in the contract
note: `amount` is not in the query
note: `extra` (INTEGER) is not in the contract
",
    );
    assert_eq!(project.query("select count(*) from duckdb_tables() where table_name = 'orders'"), "0");
}

#[test]
fn rows_that_break_a_constraint_leave_the_old_table() {
    let project = orders(COLUMNS, "select 1 as id, 5::decimal(10,2) as amount");
    project.run("build").exit(0);
    project.write("models/orders.sql", "select 1 as id, -5::decimal(10,2) as amount");
    project.run("build").exit(1).stdout_has(
        "\
error[constraint-failed]: CHECK constraint failed on table orders with expression CHECK((amount > 0))
 --> models/properties.yml:7:73
",
    );
    project.write("models/orders.sql", "select null::integer as id, 5::decimal(10,2) as amount");
    project
        .run("build")
        .exit(1)
        .stdout_has("NOT NULL constraint failed: orders.id\n --> models/properties.yml:6:");
    assert_eq!(project.query("select * from orders"), "1 | 5.00");
}

#[test]
fn a_type_that_is_none_is_shown_in_the_contract() {
    let project = orders("          - {name: id, data_type: intger}", "select 1 as id");
    project
        .run("build")
        .exit(1)
        .stdout_has("error[unknown-type]: `intger` is not a type: Type with name intger does not exist!")
        .stdout_has(" --> models/properties.yml:5:16");
}

#[test]
fn a_view_is_held_to_names_and_types() {
    let columns = "          - {name: id, data_type: bigint}";
    let project = orders(columns, "{{ config(materialized='view') }} select 1 as id");
    project
        .run("build --no-check")
        .exit(1)
        .stdout_has("note: `id` is INTEGER in the query, BIGINT in the contract");
    project.write("models/orders.sql", "{{ config(materialized='view') }} select 1::bigint as id");
    project.run("build --no-check").exit(0);
}

#[test]
fn an_incremental_table_keeps_its_constraints() {
    let columns = "          - {name: id, data_type: integer, constraints: [{type: unique}]}";
    let sql =
        "{{ config(materialized='incremental', on_schema_change='fail') }} select {{ var('id', 1) }} as id";
    let project = orders(columns, sql);
    project.run("build").exit(0);
    project.run("build --vars '{id: 2}'").exit(0);
    project
        .run("build --vars '{id: 2}'")
        .exit(1)
        .stdout_has("error[constraint-failed]: Duplicate key \"id: 2\" violates unique constraint");
    project.run("build --vars '{id: \"1::bigint\"}'").exit(1).stderr_has("error[broken-contract]");
    let unchecked = project.run("build --no-check --vars '{id: \"1::bigint\"}'");
    unchecked.exit(1).stdout_has("error[broken-contract]");
    assert_eq!(project.query("select id from orders order by id"), "1\n2");
}

#[test]
fn a_table_that_a_foreign_key_points_to_can_be_made_again() {
    let project = project(
        "
    //- models/properties.yml
    models:
      - name: customers
        config: {contract: {enforced: true}, materialized: table}
        constraints: [{type: primary_key, columns: [id]}]
        columns: [{name: id, data_type: integer}]
      - name: orders
        config: {contract: {enforced: true}, materialized: table}
        constraints:
          - {type: foreign_key, columns: [customer_id], to: ref('customers'), to_columns: [id]}
        columns: [{name: customer_id, data_type: integer}]
    //- models/customers.sql
    select 1 as id
    //- models/orders.sql
    select {{ var('customer', 1) }} as customer_id
    ",
    );
    project.run("build").exit(0);
    project.run("build").exit(0);
    let keys =
        "select table_name, referenced_table from duckdb_constraints() where constraint_type = 'FOREIGN KEY'";
    assert_eq!(project.query(keys), "orders | customers");
    project
        .run("build -s customers")
        .exit(1)
        .stdout_has(
            "error[foreign-key]: `customers` cannot be replaced: a foreign key of main.orders points to it",
        )
        .stdout_has("help: build it too: `tidemill build -s customers+`");
    project
        .run("build --vars '{customer: 7}'")
        .exit(1)
        .stdout_has("error[constraint-failed]: Violates foreign key constraint")
        .stdout_has(" --> models/properties.yml:9:16")
        .stderr_has(
            "table main.orders has its rows, but no foreign keys since customers was published, \
             because it was not made anew",
        );
    assert_eq!(project.query("select * from orders"), "1");
    project.run("build").exit(0).stderr("");
    project.run("build --publish run --vars '{customer: 7}'").exit(1);
    assert_eq!(project.query(keys), "orders | customers");
}
