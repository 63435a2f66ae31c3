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

#[test]
fn a_node_or_the_whole_project_is_told_to_programs_and_drawn() {
    let project = shop();
    let told: serde_json::Value =
        serde_json::from_str(&project.run("lineage orders --output json").stdout).unwrap();
    let orders = &told["nodes"]["model.shop.orders"];
    assert_eq!(
        orders["columns"][0],
        serde_json::json!({
            "name": "order_id",
            "sources": [{"node": "model.shop.part", "column": "order_id", "kind": "pass-through"}],
            "is_unknown": false,
            "inherited_description": {
                "text": "The order",
                "from": {"node": "source.shop.raw.orders", "column": "id"},
            },
        })
    );
    assert_eq!(orders["keys"], serde_json::json!([{"node": "model.shop.part", "column": "price"}]));
    let told: serde_json::Value = serde_json::from_str(&project.run("lineage --output json").stdout).unwrap();
    let nodes: Vec<&String> = told["nodes"].as_object().unwrap().keys().collect();
    assert_eq!(nodes, ["model.shop.orders", "model.shop.part", "model.shop.stg"]);
    project.run("lineage stg --output mermaid").exit(0).stdout(
        "
        flowchart LR
          c0[\"stg.note\"]
          c1[\"stg.order_id\"]
          c2[\"stg.price\"]
          c3[\"source raw.orders.id\"]
          c4[\"source raw.orders.note\"]
          c5[\"source raw.orders.price\"]
          c3 -->|renamed| c1
          c4 -->|pass-through| c0
          c5 -->|pass-through| c2
        ",
    );
    project.run("lineage raw.orders").exit(0).stdout("source raw.orders comes from outside of the project");
}

#[test]
fn what_is_made_of_the_columns_of_a_node_is_one_step_down() {
    let project = shop();
    project.run("lineage raw.orders --down").exit(0).stdout(
        "
        source raw.orders.id
          renamed in: stg.order_id
        source raw.orders.price
          pass-through in: stg.price
        source raw.orders.note
          pass-through in: stg.note
        ",
    );
    project.run("lineage part --down").exit(0).stdout(
        "
        part.order_id
          pass-through in: orders.order_id
        part.price
          computed in: orders.price
          decides on the rows of: orders
        part.note
          pass-through in: orders.note
          renamed in: orders.secret
        ",
    );
    project.run("lineage part --up --down").exit(0).stdout_has(
        "part.price
  description from source raw.orders.price: In cents
  pass-through: stg.price
  computed in: orders.price
  decides on the rows of: orders
",
    );
    project.run("lineage orders --down").exit(0).stdout_has("orders.secret\n  goes into nothing");
    project.run("lineage part --down --output mermaid").exit(0).stdout_has("c4 -->|renamed| c3");
    let told = project.run("lineage part --down --output json").stdout.clone();
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        told["nodes"]["model.shop.part"]["columns"][1],
        serde_json::json!({
            "name": "price",
            "is_unknown": false,
            "readers": [{"node": "model.shop.orders", "column": "price", "kind": "computed"}],
            "decides_on_rows_of": ["model.shop.orders"],
        })
    );
    project.run("lineage --down").exit(0).stdout_has("stg.note\n  pass-through in: part.note");
}

#[test]
fn the_site_and_the_dictionary_mark_what_is_inherited() {
    let project = shop();
    let csv = project.run("docs dictionary --format csv").exit(0).stdout.clone();
    let of_stg: Vec<&str> = csv.lines().filter(|it| it.starts_with("model,stg,")).collect();
    assert_eq!(
        of_stg,
        [
            "model,stg,,order_id,INTEGER,The order,raw.orders.id,",
            "model,stg,,price,INTEGER,In cents,raw.orders.price,",
            "model,stg,,note,VARCHAR,What the customer wrote,,",
        ],
        "{csv}"
    );
}

#[test]
fn nothing_is_inherited_where_a_node_or_a_folder_forbids_it_or_branches_differ() {
    let project = project(
        "
        //- project.yml
        name: shop
        models: {shop: {closed: {+meta: {inherit: false}}}}
        //- seeds/raw.csv
        id,a,b
        1,2,3
        //- seeds/all.yml
        seeds: [{name: raw, columns: [{name: id, description: The key}, {name: a, description: First}, {name: b, description: Second}]}]
        //- models/open.sql
        select id from {{ ref('raw') }}
        //- models/closed/shut.sql
        select id from {{ ref('raw') }}
        //- models/both.sql
        select a as value, id from {{ ref('raw') }} union all select b, id from {{ ref('raw') }}
        //- models/after_shut.sql
        select id from {{ ref('shut') }}
        ",
    );
    let inherited = |node: &str| -> String {
        let text = project.run(&format!("lineage {node}")).exit(0).stdout.clone();
        text.lines()
            .filter(|it| it.contains("description from"))
            .map(str::trim)
            .collect::<Vec<_>>()
            .join("; ")
    };
    assert_eq!(inherited("open"), "description from seed raw.id: The key");
    assert_eq!(inherited("shut"), "");
    assert_eq!(inherited("both"), "description from seed raw.id: The key");
    assert_eq!(inherited("after_shut"), "");
}

#[test]
fn functions_of_the_project_and_of_the_engine_are_looked_into() {
    let project = project(
        "
        //- seeds/raw.csv
        id,part
        1,{}
        //- functions/newest.sql
        x + (select max(id) from {{ ref('raw') }})
        //- functions/all.yml
        functions: [{name: newest, arguments: [{name: x, data_type: int}], returns: {data_type: int}}]
        //- models/calls.sql
        select {{ function('newest') }}(2) as n from {{ ref('raw') }}
        //- models/rows.sql
        select n.* from range(3) as n
        //- models/file.sql
        select * from read_csv('seeds/raw.csv')
        ",
    );
    project.run("lineage calls").exit(0).stdout("calls.n\n  computed: seed raw.id");
    project.run("lineage rows").exit(0).stdout("rows.range\n  made here");
    project.run("lineage file").exit(0).stdout(
        "
        file.id
          pass-through: (no node) read_csv('seeds/raw.csv').id
        file.part
          pass-through: (no node) read_csv('seeds/raw.csv').part
        ",
    );
}

#[test]
fn columns_of_a_source_that_nobody_knows_are_followed_by_their_names() {
    let project = project(
        "
        //- models/all.yml
        sources: [{name: raw, tables: [{name: orders}]}]
        //- models/stg.sql
        with source as (select * from {{ source('raw', 'orders') }}),
        renamed as (select id as order_id, price / 100 as price from source)
        select * from renamed
        //- models/all_of_it.sql
        select * exclude (note) replace (price * 2 as price) rename (id as key) from {{ source('raw', 'orders') }}
        //- models/reads.sql
        with it as (select * replace (price * 2 as price) from {{ source('raw', 'orders') }})
        select price, id from it
        ",
    );
    project.run("lineage stg").exit(0).stdout(
        "
        stg.order_id
          renamed: source raw.orders.id
        stg.price
          computed: source raw.orders.price
        ",
    );
    project.run("lineage reads").exit(0).stdout(
        "
        reads.price
          computed: source raw.orders.price
        reads.id
          pass-through: source raw.orders.id
        ",
    );
    let told = project.run("lineage all_of_it").exit(0).stdout.clone();
    assert!(told.contains("not all is known of all_of_it"), "{told}");
}
