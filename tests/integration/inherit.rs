//! Descriptions that columns take over from the columns that they are, and lineage between nodes.

use crate::project::{TestProject, project};

fn shop() -> TestProject {
    project(
        "
        //- models/all.yml
        sources:
          - name: raw
            schema: main
            tables:
              - name: orders
                identifier: orders_in
                columns:
                  - {name: id, data_type: int, description: The order}
                  - {name: price, data_type: int, description: In cents}
                  - {name: note, data_type: varchar, description: Free text}
        models:
          - name: stg
            config: {persist_docs: {relation: true, columns: true}}
            columns: [{name: note, description: What the customer wrote}]
          - name: orders
            config: {materialized: table, persist_docs: {columns: true}}
            columns: [{name: secret, inherit: false}]
        //- models/stg.sql
        select id as order_id, price, note from {{ source('raw', 'orders') }}
        //- models/part.sql
        {{ config(materialized='ephemeral') }} select * from {{ ref('stg') }}
        //- models/orders.sql
        select order_id, price / 100 as price, note, note as secret from {{ ref('part') }} where price > 0
        ",
    )
}

#[test]
fn descriptions_go_along_columns_that_are_the_same_and_into_the_database() {
    let project = shop();
    project.execute("create table orders_in as select 1 as id, 500 as price, 'n' as note");
    project.run("build").exit(0);
    let comments = "select string_agg(table_name || '.' || column_name || '=' || comment, ', ' order by table_name, column_index)
        from duckdb_columns() where comment is not null and comment <> ''";
    assert_eq!(
        project.query(comments),
        "orders.order_id=The order, orders.note=What the customer wrote, \
         stg.order_id=The order, stg.price=In cents, stg.note=What the customer wrote"
    );
    project.run("lineage orders").exit(0).stdout(
        "
        orders.order_id
          description from source raw.orders.id: The order
          pass-through: part.order_id
        orders.price
          computed: part.price
        orders.note
          description from stg.note: What the customer wrote
          pass-through: part.note
        orders.secret
          renamed: part.note
        rows decided by: part.price
        ",
    );
}

#[test]
fn a_column_is_followed_up_and_down() {
    let project = shop();
    project.run("lineage orders.price --up").exit(0).stdout(
        "
        orders.price
        comes from:
        └─ computed: part.price
           └─ pass-through: stg.price
              └─ pass-through: source raw.orders.price
        rows decided by: part.price
        ",
    );
    project.run("lineage raw.orders.note --down --output mermaid").exit(0).stdout(
        "
        flowchart LR
          c0[\"orders.note\"]
          c1[\"orders.secret\"]
          c2[\"part.note\"]
          c3[\"stg.note\"]
          c4[\"source raw.orders.note\"]
          c2 -->|pass-through| c0
          c2 -->|renamed| c1
          c3 -->|pass-through| c2
          c4 -->|pass-through| c3
        ",
    );
    let told = project.run("lineage stg.price --output json").stdout.clone();
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["column"]["node"], "model.shop.stg");
    assert_eq!(told["edges"].as_array().map(Vec::len), Some(3));
    project.run("lineage stg.prize").exit(2).stderr_has("did you mean `price`?");
    project.run("lineage stgg.price").exit(2).stderr_has("did you mean `stg`?");
}
