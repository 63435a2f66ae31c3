//! What the docs site says about columns, sources, tests and owners beyond what is declared.

use serde_json::{Value as Json, json};

use crate::docs_site::SiteFolder;
use crate::project::{TestProject, project};

const MILL: &str = "
//- models/stg_sales.sql
select id as sale_id, customer, amount, loaded_at from {{ source('raw', 'sales') }}
//- models/orders.sql
{{ config(materialized='table') }}
select sale_id, customer as buyer, amount * 2 as doubled, loaded_at from {{ ref('stg_sales') }} where sale_id > 0
//- models/by_month.sql
{{ config(materialized='table') }}
pivot {{ ref('orders') }} on buyer using sum(doubled)
//- models/lost.sql
select * from {{ source('raw', 'gone') }}
//- models/schema.yml
groups:
  - name: office
    owner: {name: Ann, email: ann@example.org}
sources:
  - name: raw
    tables:
      - name: sales
        loaded_at_field: loaded_at
        config: {freshness: {error_after: {count: 1, period: day}}, on_stale: warn}
        columns:
          - {name: id, description: Number of the sale.}
          - {name: customer, description: Who bought.}
          - {name: amount, description: What was paid.}
          - {name: loaded_at, description: When it was written.}
      - name: gone
models:
  - name: stg_sales
    columns:
      - {name: loaded_at, inherit: false}
  - name: orders
    config: {group: office}
    columns:
      - name: sale_id
        description: Key of the order.
        data_tests:
          - unique
          - not_null: {name: every_order_has_a_key}
";

fn mill() -> TestProject {
    let mill = project(MILL);
    mill.execute(
        "create schema raw; create table raw.sales as select i as id, 'c' || i % 2 as customer, i * 1.5 as amount, \
         timestamptz '2020-01-01 00:00:00+00' as loaded_at from range(1, 5) t(i)",
    );
    mill
}

fn number_of(site: &SiteFolder, id: &str) -> Json {
    json!(site.number(id))
}

#[test]
fn descriptions_that_come_along_columns_say_where_they_are_from() {
    let mill = mill();
    mill.run("docs");
    let site = SiteFolder::one_file(&mill);
    let sales = number_of(&site, "source.shop.raw.sales");
    let said = |model: &str| -> Vec<(Json, Json, Json)> {
        let columns =
            site.detail(&format!("model.shop.{model}"))["columns"].as_array().expect("columns").clone();
        let text = |it: &Json| it["description"][0][1].clone();
        columns.iter().map(|it| (it["name"].clone(), text(it), it["inherited"].clone())).collect()
    };
    let from = |column: &str| json!([sales, column]);
    assert_eq!(
        said("stg_sales"),
        [
            (json!("sale_id"), json!("Number of the sale."), from("id")),
            (json!("customer"), json!("Who bought."), from("customer")),
            (json!("amount"), json!("What was paid."), from("amount")),
            (json!("loaded_at"), Json::Null, Json::Null),
        ]
    );
    // Through a model between, but not where a text stands already, nor along an expression.
    assert_eq!(
        said("orders"),
        [
            (json!("sale_id"), json!("Key of the order."), Json::Null),
            (json!("buyer"), json!("Who bought."), from("customer")),
            (json!("doubled"), Json::Null, Json::Null),
            (json!("loaded_at"), Json::Null, Json::Null),
        ]
    );
    let dictionary = mill.run("docs dictionary --format csv");
    dictionary.stdout_has("model,orders,,buyer,VARCHAR,Who bought.,raw.sales.customer,\n");
    mill.run("docs dictionary")
        .stdout_has("| buyer | VARCHAR | Who bought. (from raw.sales.customer) |  |\n");
}

#[test]
fn columns_say_what_they_are_made_from() {
    let mill = mill();
    mill.run("docs");
    let site = SiteFolder::one_file(&mill);
    let staging = number_of(&site, "model.shop.stg_sales");
    let columns = &site.detail("model.shop.orders")["columns"];
    assert_eq!(columns[0]["from"], json!([[staging, "sale_id", 0]]));
    assert_eq!(columns[1]["from"], json!([[staging, "customer", 1]]));
    assert_eq!(columns[2]["from"], json!([[staging, "amount", 2]]));
    assert_eq!(site.detail("model.shop.orders")["keys"], json!([[staging, "sale_id"]]));
}

#[test]
fn a_seed_that_is_declared_as_a_source_is_what_its_reader_calls_it() {
    let shop = project(
        "
        //- seeds/raw_orders.csv
        id,total
        1,2
        //- models/stg_orders.sql
        select id as order_id, total from {{ source('shop', 'raw_orders') }}
        //- models/schema.yml
        sources:
          - name: shop
            schema: main
            tables: [{name: raw_orders}]
        ",
    );
    shop.run("seed").exit(0);
    shop.run("docs").exit(0);
    let site = SiteFolder::one_file(&shop);
    let source = number_of(&site, "source.shop.shop.raw_orders");
    let columns = &site.detail("model.shop.stg_orders")["columns"];
    assert_eq!(columns[0]["from"], json!([[source, "id", 1]]));
}

#[test]
fn what_is_not_known_has_a_reason() {
    let mill = mill();
    mill.run("docs");
    let site = SiteFolder::one_file(&mill);
    let lost = site.detail("source.shop.raw.gone");
    assert_eq!(lost["columns"], Json::Null);
    assert_eq!(
        lost["doubt"],
        "its table is not in the database now, and no shape of it was accepted or declared"
    );
    let pivoted = site.detail("model.shop.by_month");
    assert_eq!(pivoted["columns"], Json::Null);
    assert_eq!(pivoted["doubt"], "the columns of its `pivot` are values of rows");
    assert!(pivoted["unknown_origins"].is_string(), "{pivoted}");
}

#[test]
fn sources_show_what_every_look_at_them_found() {
    let mill = mill();
    mill.run("build --exclude lost").exit(0);
    mill.run("build --exclude lost").exit(0);
    mill.run("docs");
    let site = SiteFolder::one_file(&mill);
    assert_eq!(site.page("source.shop.raw.sales")["status"], "stale");
    assert_eq!(site.index()["health"]["stale"], json!([site.number("source.shop.raw.sales")]));
    let detail = site.detail("source.shop.raw.sales");
    let looks = detail["runs"].as_array().expect("looks");
    assert_eq!(looks.len(), 2);
    assert_eq!((&looks[1]["status"], &looks[1]["rows"]), (&json!("stale"), &json!(4)));
    assert!(looks[1]["age"].as_f64().is_some_and(|it| it > 86_400.0), "{looks:?}");
    assert_eq!(detail["freshness"]["loaded_at"], "2020-01-01T00:00:00Z");
    assert_eq!(detail["freshness"]["error_after"], "1 day");
}

#[test]
fn the_last_look_counts_whoever_took_it() {
    let mill = mill();
    mill.run("build --exclude lost").exit(0);
    mill.execute("update raw.sales set loaded_at = now()");
    mill.run("source freshness --select source:raw.sales").exit(0);
    mill.run("docs");
    let site = SiteFolder::one_file(&mill);
    assert_eq!(site.page("source.shop.raw.sales")["status"], "good");
    assert_eq!(site.index()["health"]["stale"], json!([]));
    assert_eq!(site.detail("source.shop.raw.sales")["runs"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_source_that_turns_stale_is_a_change() {
    let mill = mill();
    mill.execute("update raw.sales set loaded_at = now()");
    mill.run("build --exclude lost").exit(0);
    mill.execute("update raw.sales set loaded_at = timestamptz '2020-01-01 00:00:00+00'");
    mill.run("build --exclude lost").exit(0);
    mill.run("docs");
    let site = SiteFolder::one_file(&mill);
    let changed = json!({
        "page": site.number("source.shop.raw.sales"), "what": "status", "before": "good", "after": "stale"
    });
    let changes = site.index()["health"]["changes"].as_array().expect("changes");
    assert!(changes.contains(&changed), "{changes:?}");
}

#[test]
fn a_member_of_a_group_has_its_owner_and_the_group_its_members() {
    let mill = mill();
    mill.run("docs");
    let site = SiteFolder::one_file(&mill);
    assert_eq!(site.page("model.shop.orders")["owner"], "Ann");
    assert_eq!(site.page("model.shop.stg_sales")["owner"], Json::Null);
    // Its tests belong to the model, not beside it.
    assert_eq!(site.detail("group.shop.office")["used_by"], json!([site.number("model.shop.orders")]));
}

#[test]
fn tests_go_by_what_they_test_unless_they_have_a_name() {
    let mill = mill();
    mill.run("docs");
    let site = SiteFolder::one_file(&mill);
    let orders = number_of(&site, "model.shop.orders");
    let pages = site.index()["pages"].as_array().expect("pages");
    let mut tests: Vec<(&str, &Json, &Json, &Json)> = pages
        .iter()
        .filter(|it| it["kind"] == "test")
        .map(|it| (it["name"].as_str().expect("a name"), &it["test"], &it["on"], &it["column"]))
        .collect();
    tests.sort_by_key(|it| it.0);
    assert_eq!(
        tests,
        [
            ("every_order_has_a_key", &Json::Null, &orders, &json!("sale_id")),
            ("unique_orders_sale_id", &json!("unique"), &orders, &json!("sale_id")),
        ]
    );
}
