//! `clean --orphans`: what Tidemill made and no node owns any more, and nothing else.

use std::fs;

use serde_json::Value as Json;

use crate::project::{PROJECT_FILE, TestProject, project};

/// A table, a view of it, an external model, a snapshot, a seed, and a test that keeps its rows.
fn shop() -> TestProject {
    let shop = project(
        "
        //- models/orders.sql
        {{ config(materialized='table') }}
        select 1 as id
        //- models/doubled.sql
        select id * 2 as id from {{ ref('orders') }}
        //- models/filed.sql
        {{ config(materialized='external', location='filed.parquet') }}
        select 1 as id
        //- models/stays.sql
        {{ config(materialized='table') }}
        select 1 as id, null::int as n
        //- models/schema.yml
        models:
          - name: stays
            columns:
              - name: n
                data_tests: [{not_null: {name: no_n, config: {severity: warn, store_failures: true}}}]
        //- seeds/colours.csv
        id,colour
        1,red
        //- snapshots/kept.yml
        snapshots:
          - name: kept
            relation: ref('stays')
            config: {unique_key: id, strategy: check, check_cols: all}
        ",
    );
    shop.write("project.yml", format!("{PROJECT_FILE}vars: {{x: 1}}\n"));
    shop
}

fn remove(project: &TestProject, path: &str) {
    fs::remove_file(project.dir().join(path)).expect("it was there");
}

/// Names and kinds of all relations that are not the history's.
fn relations(project: &TestProject) -> String {
    project.query(
        "select table_schema || '.' || table_name from information_schema.tables \
         where table_schema <> 'tidemill' order by all",
    )
}

#[test]
fn a_project_whose_relations_all_have_nodes_has_none() {
    let shop = shop();
    shop.run("build").exit(0);
    let said = "every relation that this project made here has its node\n";
    shop.run("clean --orphans").exit(0).stdout("").stderr(said);
    shop.run("clean --orphans --drop").exit(0).stdout("").stderr(said);
    assert_eq!(shop.query("select command from tidemill.runs"), "build");
    assert!(shop.dir().join("target").exists(), "folders are another matter");
}

#[test]
fn they_are_listed_and_then_dropped() {
    let shop = shop();
    shop.run("build").exit(0);
    for path in ["models/orders.sql", "models/doubled.sql", "models/filed.sql", "seeds/colours.csv"] {
        remove(&shop, path);
    }
    remove(&shop, "models/schema.yml");
    shop.run("clean --orphans")
        .exit(0)
        .stdout(
            "
            drop  table dbt_test__audit.no_n  test.shop.no_n.ca8a5c7ef1 is gone
            drop  table main.colours          seed.shop.colours is gone
            drop  view main.doubled           model.shop.doubled is gone
            drop  view main.filed             model.shop.filed is gone; its files stay
            drop  table main.orders           model.shop.orders is gone
            ",
        )
        .stderr("5 relations to drop: `tidemill clean --orphans --drop`\n");
    assert_eq!(relations(&shop).lines().count(), 7);
    shop.run("clean --orphans --drop")
        .exit(0)
        .stdout_has("dropped  view main.doubled ")
        .stderr("5 relations dropped\n");
    assert_eq!(relations(&shop), "main.kept\nmain.stays");
    assert!(shop.dir().join("filed.parquet").exists());
    assert_eq!(
        shop.query("select count(*) from tidemill.node_runs where status = 'dropped'"),
        "5",
        "the history knows"
    );
    shop.run("clean --orphans").exit(0).stdout("");
    shop.run("build").exit(0);
}

#[test]
fn a_snapshot_is_dropped_on_request_only() {
    let shop = shop();
    shop.run("build").exit(0);
    remove(&shop, "snapshots/kept.yml");
    shop.run("clean --orphans --drop")
        .exit(0)
        .stdout(
            "keep  table main.kept  snapshot.shop.kept is gone; its history cannot be made again \
             (--include-snapshots drops it)\n",
        )
        .stderr("1 relation without a node kept\n");
    assert!(relations(&shop).contains("main.kept"));
    shop.run("clean --orphans --drop --include-snapshots").exit(0).stderr("1 relation dropped\n");
    assert!(!relations(&shop).contains("main.kept"));
}

#[test]
fn an_old_name_and_a_disabled_model_leave_orphans() {
    let shop = shop();
    shop.run("build").exit(0);
    shop.write("models/filed.sql", "{{ config(materialized='table', alias='renamed') }} select 1 as id");
    shop.write("models/doubled.sql", "{{ config(enabled=false) }} select 1 as id");
    shop.write("models/orders.sql", "{{ config(materialized='table', schema='sales') }} select 1 as id");
    shop.run("clean --orphans").exit(0).stdout(
        "
        drop  view main.doubled  model.shop.doubled is disabled
        drop  view main.filed    model.shop.filed has another relation now; its files stay
        drop  table main.orders  model.shop.orders has another relation now
        ",
    );
}

#[test]
fn what_we_did_not_make_is_never_named() {
    let shop = shop();
    shop.run("build").exit(0);
    shop.execute("create table by_hand as select 1 as id; create view a_view as select 1 as id");
    shop.write(
        "models/sources.yml",
        "sources: [{name: main, schema: main, tables: [{name: by_hand}, {name: orders}]}]",
    );
    // Now it is a source: somebody else's.
    remove(&shop, "models/orders.sql");
    shop.write("models/doubled.sql", "select id from {{ source('main', 'orders') }}");
    shop.run("clean --orphans --drop").exit(0).stdout("");
    assert!(relations(&shop).contains("main.by_hand\n"));
}

#[test]
fn what_is_not_as_it_was_made_stays() {
    let shop = shop();
    shop.write("models/counted.sql", "{{ config(materialized='table') }} select 1 as id");
    shop.write("models/viewed.sql", "{{ config(materialized='table') }} select 1 as id");
    shop.run("build -s orders counted viewed").exit(0);
    for path in ["models/orders.sql", "models/counted.sql", "models/viewed.sql", "models/doubled.sql"] {
        remove(&shop, path);
    }
    shop.execute(
        "create or replace table orders as select 'other' as id; insert into counted values (2); \
         drop table viewed; create view viewed as select 1 as id",
    );
    shop.run("clean --orphans --drop")
        .exit(0)
        .stdout(
            "
            keep  table main.counted  model.shop.counted is gone; it has 2 rows now, and 1 were made
            keep  table main.orders   model.shop.orders is gone; its columns are not those that were made
            keep  view main.viewed    model.shop.viewed is gone; it is a view now, and a table was made
            ",
        )
        .stderr("3 relations without a node kept\n");
    // Dropped and made anew by hand: whoever did it owns it.
    shop.write("models/counted.sql", "{{ config(materialized='table') }} select 1 as id");
    shop.run("build -s counted").exit(0);
    remove(&shop, "models/counted.sql");
    shop.run("clean --orphans --drop").exit(0).stdout_has("dropped  table main.counted");
    shop.execute("create table counted as select 1 as id");
    assert!(!shop.run("clean --orphans").stdout.contains("counted"));
}

#[test]
fn other_projects_and_targets_keep_theirs() {
    let shop = shop();
    let two = "name: NAME\ntarget: dev\ntargets:\n  dev: {path: shop.duckdb}\n  prod: {path: shop.duckdb, schema: prod}\n";
    shop.write("project.yml", two.replace("NAME", "shop"));
    shop.run("build -s orders").exit(0);
    shop.run("build -s orders --target prod").exit(0);
    shop.write("project.yml", two.replace("NAME", "other"));
    shop.run("build -s stays").exit(0);
    remove(&shop, "models/orders.sql");
    remove(&shop, "models/doubled.sql");
    shop.run("clean --orphans").exit(0).stdout("");
    shop.write("project.yml", two.replace("NAME", "shop"));
    shop.run("clean --orphans").exit(0).stdout("drop  table main.orders  model.shop.orders is gone\n");
    // Both made it, so neither may drop it.
    shop.run("build -s stays").exit(0);
    remove(&shop, "models/stays.sql");
    remove(&shop, "models/schema.yml");
    remove(&shop, "snapshots/kept.yml");
    shop.run("clean --orphans")
        .exit(0)
        .stdout_has("keep  table main.stays ")
        .stdout_has("model.shop.stays is gone; the project `other` made it too");
}

#[test]
fn what_a_view_reads_stays_and_the_view_is_named() {
    let shop = shop();
    shop.run("build").exit(0);
    shop.execute("create view reader as select id from main.orders");
    remove(&shop, "models/orders.sql");
    shop.write("models/doubled.sql", "select 1 as id");
    shop.run("clean --orphans --drop")
        .exit(0)
        .stdout("keep  table main.orders  model.shop.orders is gone; main.doubled, main.reader read it\n");
    shop.run("build -s doubled").exit(0);
    shop.execute("drop view reader");
    shop.run("clean --orphans --drop").exit(0).stderr("1 relation dropped\n");
}

#[test]
fn what_cannot_be_dropped_is_an_error_and_the_rest_goes() {
    let shop = shop();
    shop.write(
        "models/orders.sql",
        "{{ config(materialized='table', post_hook='alter table {{ this }} add primary key (id)') }} select 1 as id",
    );
    shop.run("build -s orders filed").exit(0);
    shop.execute("create table lines (id int references orders (id))");
    for path in ["models/orders.sql", "models/doubled.sql", "models/filed.sql"] {
        remove(&shop, path);
    }
    shop.run("clean --orphans --drop")
        .exit(1)
        .stdout_has("failed   table main.orders")
        .stdout_has("dropped  view main.filed")
        .stderr_has("main.orders is not dropped: ")
        .stderr_has("1 relation dropped; 1 relation could not be dropped");
    assert_eq!(shop.query("select status from tidemill.runs where command = 'clean'"), "error");
}

#[test]
fn with_publish_run_it_happens_in_a_copy() {
    let shop = shop();
    shop.write("project.yml", format!("{PROJECT_FILE}publish: run\n"));
    shop.run("build").exit(0);
    remove(&shop, "models/orders.sql");
    remove(&shop, "models/doubled.sql");
    let mut reader = shop.open();
    assert_eq!(reader.query("select id from orders", None).expect("a row").rows.len(), 1);
    shop.run("clean --orphans --drop").exit(0).stderr("2 relations dropped\n");
    assert_eq!(reader.query("select id from orders", None).expect("a row").rows.len(), 1);
    drop(reader);
    assert!(!relations(&shop).contains("orders"));
}

/// Who reads what is taken from the views' texts, and a name may be put together when the view is read.
#[test]
fn with_publish_run_nothing_is_dropped_if_a_view_would_break() {
    let shop = shop();
    shop.write("project.yml", format!("{PROJECT_FILE}publish: run\n"));
    shop.write("models/hidden.sql", "select * from query_table('or' || 'ders') -- {{ ref('orders') }}");
    shop.run("build").exit(0);
    shop.write("models/hidden.sql", "select 1 as id");
    remove(&shop, "models/orders.sql");
    remove(&shop, "models/doubled.sql");
    shop.run("clean --orphans --drop").exit(2).stdout("").stderr(
        "
        error[not-published]: nothing is dropped: `shop.duckdb` was not replaced
        note: main.hidden cannot be read in the new version: Table with name orders does not exist!
        note: 1 view would break
        help: let them read something else first, and build them; what they read is named by no node

        stopped: 1 error
        ",
    );
    assert!(relations(&shop).contains("orders"));
}

#[test]
fn a_database_in_use_is_left_alone() {
    let shop = shop();
    shop.run("build").exit(0);
    let held = shop.hold();
    shop.run("clean --orphans").exit(2).stderr_has("error[database-locked]");
    drop(held);
    let reader = shop.open();
    remove(&shop, "models/doubled.sql");
    shop.run("clean --orphans").exit(0).stdout_has("main.doubled");
    shop.run("clean --orphans --drop").exit(2).stderr_has("error[database-locked]");
    drop(reader);
    assert!(relations(&shop).contains("doubled"));
}

#[test]
fn json_has_every_field() {
    let shop = shop();
    shop.run("build").exit(0);
    remove(&shop, "models/doubled.sql");
    let found: Json = serde_json::from_str(&shop.run("clean --orphans --output json").stdout).expect("JSON");
    let mut object = found[0].clone();
    object["made_at"] = "then".into();
    assert_eq!(
        object,
        serde_json::json!({
            "relation": "\"shop\".\"main\".\"doubled\"", "database": "shop", "schema": "main",
            "identifier": "doubled", "kind": "view", "node_id": "model.shop.doubled", "why": "is gone",
            "made_at": "then", "is_external": false, "is_history": false, "fate": "drop", "reason": null,
        })
    );
    assert_eq!(found.as_array().map(Vec::len), Some(1));
}

#[test]
fn a_project_with_faults_drops_nothing() {
    let shop = shop();
    shop.run("build").exit(0);
    remove(&shop, "models/orders.sql");
    shop.run("clean --orphans --drop").exit(2).stderr_has("error[unknown-ref]");
    assert!(relations(&shop).contains("main.orders"));
    shop.run("clean --drop").exit(2).stderr_has("--orphans");
}

#[test]
fn without_a_database_or_a_history_there_is_nothing_to_say() {
    let shop = shop();
    shop.run("clean --orphans").exit(2).stderr_has("error[missing-database]");
    shop.execute("create table orders as select 1 as id");
    shop.run("clean --orphans --drop").exit(0).stdout("");
    assert_eq!(relations(&shop), "main.orders");
}
