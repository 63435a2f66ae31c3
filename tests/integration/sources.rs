//! Sources before anything else: there, with the accepted columns, fresh, and loaded together.

use crate::project::{TestProject, project};

/// A source of two tables and three models.
const SHOP: &str = "
    //- models/sources.yml
    sources:
      - name: raw
        tables:
          - name: sales
            loaded_at_field: loaded_at
          - name: customers
            loaded_at_field: loaded_at
    //- models/stg.sql
    select id,
        amount * 2 as amount
    from {{ source('raw', 'sales') }}
    //- models/joined.sql
    select s.id from {{ source('raw', 'sales') }} as s join {{ source('raw', 'customers') }} as c
        on s.customer = c.id
    //- models/child.sql
    select id from {{ ref('stg') }}
    ";

fn load(project: &TestProject) {
    project.execute(
        "create schema raw;
        create table raw.sales as select 1 as id, 2.5::decimal(9, 2) as amount, 1 as customer, 'x' as note,
            now()::timestamp as loaded_at;
        create table raw.customers as select 1 as id, 'Ada' as name, now()::timestamp as loaded_at;",
    );
}

/// The shop with its sources loaded and accepted, and built once.
fn shop() -> TestProject {
    let project = project(SHOP);
    load(&project);
    project.run("source accept").exit(0);
    project.run("build").exit(0);
    project
}

/// The shop with more in its properties file.
fn shop_with(more: &str) -> TestProject {
    let project = project(SHOP);
    load(&project);
    let text = project.read("models/sources.yml");
    project.write("models/sources.yml", format!("{text}{}", crate::project::dedent(more)));
    project
}

#[test]
fn a_source_that_is_not_there_is_told_first_and_stops_what_reads_it() {
    let project = project(SHOP);
    project.execute("create schema raw; create table raw.customers as select 1 as id, now() as loaded_at");
    project.run("build --threads 1").exit(1).stdout(
        "
        building 3 models in shop.duckdb (target dev, 1 thread)
        1/5  error        source raw.sales [time]
             models/sources.yml:4:15: the source table raw.sales does not exist
        2/5  checked      source raw.customers [time]
        3/5  skipped      view main.stg                         (source:raw.sales is missing)
        4/5  skipped      view main.joined                      (source:raw.sales is missing)
        5/5  skipped      view main.child                       (source:raw.sales is missing)

        error[missing-source]: the source table raw.sales does not exist
         --> models/sources.yml:4:15
          |
        4 |       - name: sales
          |               ^^^^^ declared here
          |
        help: load it first, or correct `schema` and `identifier` of the source

        next: tidemill build -s +source:raw.sales+
        build failed in [time]: 1 node failed, 3 skipped
        ",
    );
    // `run` looks too, and a source that nothing selected reads is left alone.
    project.run("run -s stg").exit(1).stdout_has("(source:raw.sales is missing)");
    project.run("build -s source:raw.sales --exclude stg joined child").exit(0);
}

#[test]
fn a_source_without_rows_is_there_but_not_fresh() {
    let project = shop_with(
        "
        # a rule for one
          - name: other
            schema: raw
            tables:
              - name: customers
                loaded_at_field: loaded_at
                freshness: {error_after: {count: 1, period: day}}
        ",
    );
    project.write("models/joined.sql", "select id from {{ source('other', 'customers') }}");
    project.run("build -s joined").exit(0);
    project.execute("delete from raw.customers");
    project
        .run("build -s joined")
        .exit(1)
        .stdout_has("failed source other.customers: there is no row that says how fresh it is")
        .stdout_has("(source:other.customers is stale)");
}

#[test]
fn without_a_lock_columns_are_not_compared_and_that_is_said_once() {
    let project = project(SHOP);
    load(&project);
    let hint = "`tidemill source accept` writes the columns of the sources to sources.lock.yml; then a run notices \
                what changes";
    project.run("build").exit(0).stderr(hint);
    project.execute("alter table raw.sales drop column note");
    project.run("build").exit(0).stderr("");
}

#[test]
fn accepting_shows_what_is_different_and_writes_a_sorted_file() {
    let project = project(SHOP);
    load(&project);
    project.run("source accept --dry-run").exit(0).stdout(
        "
        raw.customers: taken in
          + id INTEGER
          + name VARCHAR
          + loaded_at TIMESTAMP
        raw.sales: taken in
          + id INTEGER
          + amount DECIMAL(9,2)
          + customer INTEGER
          + note VARCHAR
          + loaded_at TIMESTAMP
        sources.lock.yml would be written
        ",
    );
    assert!(!project.dir().join("sources.lock.yml").exists());
    project.run("source accept -s source:raw.sales").exit(0).stdout_has("wrote sources.lock.yml\n");
    project.run("source accept").exit(0).stdout_has("wrote sources.lock.yml; 1 source as before\n");
    let first = project.read("sources.lock.yml");
    crate::project::assert_text(
        &first,
        "
        # The columns and types of the sources, as they were accepted. Commit this file.
        # Before a run, every source that is read is compared with it: see `tidemill source accept --help`.
        version: 1
        sources:
          source.shop.raw.customers:
            id: INTEGER
            name: VARCHAR
            loaded_at: TIMESTAMP
          source.shop.raw.sales:
            id: INTEGER
            amount: DECIMAL(9,2)
            customer: INTEGER
            note: VARCHAR
            loaded_at: TIMESTAMP
        ",
    );
    project.run("source accept").exit(0).stdout("sources.lock.yml stays as it is; 2 sources as before\n");
    project.run("build").exit(0).stderr("");
    assert_eq!(project.read("sources.lock.yml"), first);
    project.execute(
        "alter table raw.sales rename amount to amount_eur; alter table raw.sales alter customer type bigint;
        alter table raw.sales drop note; alter table raw.sales add column region varchar;
        drop table raw.customers;",
    );
    project
        .run("source accept")
        .exit(1)
        .stdout(
            "
            raw.sales:
              - amount DECIMAL(9,2)
              - note VARCHAR
              ~ customer INTEGER -> BIGINT
              + amount_eur DECIMAL(9,2) (probably amount before)
              + region VARCHAR
            wrote sources.lock.yml
            ",
        )
        .stderr_has("error[missing-source]: the source table raw.customers does not exist");
    assert!(project.read("sources.lock.yml").contains("source.shop.raw.customers"), "it stays as it was");
    project.write("models/sources.yml", "sources:\n  - name: raw\n    tables: [{name: sales}]\n");
    project.write("models/joined.sql", "select 1 as id");
    project.run("source accept").stdout_has("raw.customers: no source of this project any more");
}

#[test]
fn columns_and_types_of_any_name_come_back_from_the_file() {
    let project = project(
        "
        //- models/sources.yml
        sources: [{name: raw, tables: [{name: odd}]}]
        //- models/m.sql
        select * from {{ source('raw', 'odd') }}
        ",
    );
    project.execute(
        "create schema raw; create table raw.odd (\"no\" integer, \"a: #b\" integer, \"it's \"\"q\"\"\" integer,
        \"1\" integer, s struct(\"x y\" integer, z decimal(9, 2)[]), e enum('a: b', 'c'), m map(varchar, integer));",
    );
    project.run("source accept").exit(0);
    project.run("source accept").exit(0).stdout("sources.lock.yml stays as it is; 1 source as before\n");
    project.run("build").exit(0).stderr("");
    project.write("sources.lock.yml", "version: 9\n");
    project.run("build").exit(2).stderr_has("error[unknown-lock-version]");
    project.write("sources.lock.yml", "sources: {source.shop.raw.odd: [a]}\n");
    project
        .run("build")
        .exit(2)
        .stderr_has("error[wrong-type]: `a source` must be a mapping of columns to types");
}

#[test]
fn a_column_that_is_gone_stops_the_models_that_read_it() {
    let project = shop();
    project.execute("alter table raw.sales drop column amount");
    let before = project.query("from information_schema.tables select count(*)");
    project.run("build --threads 1 -s stg child").exit(1).stdout(
        "
        building 2 models in shop.duckdb (target dev, 1 thread)
        1/3  failed       source raw.sales [time]
             1 test failed
             failed source raw.sales: column `amount` is gone, and `stg` reads it
        2/3  skipped      view main.stg                         (source:raw.sales changed)
        3/3  skipped      view main.child                       (source:raw.sales changed)

        1 test failed

        error[source-changed]: source `raw.sales`: column `amount` is gone, and `stg` reads it
          --> models/stg.sql:2:5
           |
         2 |     amount * 2 as amount
           |     ^^^^^^ read here
           |
          ::: sources.lock.yml:11:5
           |
        11 |     amount: DECIMAL(9,2)
           |     ------ accepted as DECIMAL(9,2)
           |
        help: change what reads it, then accept the change: tidemill source accept -s source:raw.sales

        next: tidemill build -s +source:raw.sales+
        build failed in [time]: 1 test failed, 2 skipped
        ",
    );
    assert_eq!(project.query("from information_schema.tables select count(*)"), before);
    project.run("run -s joined").exit(0).stdout_has("column `amount` is gone; no model of this run reads it");
}

#[test]
fn a_column_that_was_renamed_is_recognised() {
    let project = shop();
    project.execute(
        "alter table raw.sales rename amount to amount_eur; alter table raw.sales add column x date",
    );
    project
        .run("build --threads 1")
        .exit(1)
        .stdout_has("failed source raw.sales: column `amount` is gone (probably `amount_eur` now), and `stg` reads it")
        .stdout_has("help: read `amount_eur` instead, then accept the change: tidemill source accept -s source:raw.sales")
        .stdout_has("passed source raw.sales: new: `amount_eur` DECIMAL(9,2), `x` DATE");
    project.write("models/stg.sql", "select id, amount_eur as amount from {{ source('raw', 'sales') }}");
    project.run("source accept -s source:raw.sales").exit(0);
    project.run("build").exit(0).stdout_has("build succeeded");
}

#[test]
fn a_column_of_another_type_stops_the_models_that_read_it() {
    let project = shop();
    project.execute("alter table raw.sales alter customer type varchar");
    project
        .run("build --threads 1")
        .exit(1)
        .stdout_has(
            "failed source raw.sales: column `customer` was INTEGER and is VARCHAR, and `joined` reads it",
        )
        .stdout_has("models/joined.sql:2:10");
}

#[test]
fn what_nothing_reads_is_a_warning_and_what_is_new_is_told() {
    let project = shop();
    project.execute(
        "alter table raw.sales alter note type integer using 1; alter table raw.sales add column region varchar;
        alter table raw.customers drop column name",
    );
    project
        .run("build --threads 1")
        .exit(0)
        .stdout_has("warning source raw.sales: column `note` was VARCHAR and is INTEGER; no model of this run reads it")
        .stdout_has("warning source raw.customers: column `name` is gone; no model of this run reads it")
        .stdout_has("passed source raw.sales: new: `region` VARCHAR; `tidemill source accept` takes it into")
        .stdout_has("warning[source-changed]: source `raw.customers`: column `name` is gone")
        .stdout_has("3 models published");
}

#[test]
fn a_star_reads_every_column_and_minds_their_order() {
    let project = shop();
    project.write("models/stg.sql", "select * from {{ source('raw', 'sales') }}");
    project.write("models/child.sql", "select 1 as id");
    project.execute(
        "create or replace table raw.sales as select note, id, amount, customer, loaded_at from raw.sales",
    );
    project
        .run("build --threads 1")
        .exit(0)
        .stdout_has("the columns stand in another order than accepted, and `stg` takes all of them with `*`")
        .stdout_has("models/stg.sql:1:8");
    project.execute("alter table raw.sales drop column note");
    project
        .run("build --threads 1 -s stg")
        .exit(1)
        .stdout_has("column `note` is gone, and `stg` reads it")
        .stdout_has("models/stg.sql:1:8");
    // Without a star the order is nobody's business.
    project.write("models/stg.sql", "select id from {{ source('raw', 'sales') }}");
    project.run("source accept").exit(0);
    project.execute(
        "create or replace table raw.sales as select loaded_at, id, amount, customer from raw.sales",
    );
    let outcome = project.run("build -s stg");
    assert!(!outcome.exit(0).stdout.contains("order"), "{}", outcome.stdout);
}

#[test]
fn readers_through_ephemeral_models_and_templates_that_ask_are_found() {
    let project = shop();
    project.write(
        "models/eph.sql",
        "{{ config(materialized='ephemeral') }}\nselect note from {{ source('raw', 'sales') }}",
    );
    project.write("models/of_eph.sql", "select note from {{ ref('eph') }}");
    project.write(
        "models/asks.sql",
        "{% set n = run_query('select count(*) from ' ~ source('raw', 'customers')) %}\nselect {{ n.rows[0][0] if n else 0 }} as n",
    );
    project.execute("alter table raw.sales drop column note; alter table raw.customers drop column name");
    project
        .run("build --threads 1 -s of_eph asks")
        .exit(1)
        .stdout_has("column `note` is gone, and `of_eph` reads it")
        .stdout_has("models/eph.sql:2:8")
        // What it will ask for is not known before it asks.
        .stdout_has("column `name` is gone, and `asks` reads it");
}

#[test]
fn a_lock_without_a_source_says_how_to_take_it_in() {
    let project = shop();
    let lock = project.read("sources.lock.yml");
    let (without, _) = lock.split_once("  source.shop.raw.sales").expect("it is there");
    project.write("sources.lock.yml", without);
    project.run("build").exit(0).stdout_has(
        "passed source raw.sales: it is not in sources.lock.yml; `tidemill source accept` takes it in",
    );
}

/// The shop whose sales are two days old, and what happens then.
fn stale(on_stale: &str) -> TestProject {
    let project = shop();
    project.write(
        "models/sources.yml",
        format!(
            "sources:\n  - name: raw\n    loaded_at_field: loaded_at\n    freshness: {{error_after: {{count: 1, period: day}}}}\n    \
             {on_stale}\n    tables: [{{name: sales}}, {{name: customers}}]\n"
        ),
    );
    project.execute("update raw.sales set loaded_at = loaded_at - interval 2 days");
    project
}

#[test]
fn a_stale_source_is_an_error_unless_it_says_otherwise() {
    stale("")
        .run("build --threads 1")
        .exit(1)
        .stdout_has("(source:raw.sales is stale)")
        .stdout_has("build failed in [time]: 1 test failed, 3 skipped");
    stale("on_stale: error").run("run").exit(1);
}

#[test]
fn a_stale_source_can_hold_its_readers_back_without_a_failure() {
    let project = stale("on_stale: skip_downstream");
    project
        .run("build --threads 1")
        .exit(0)
        .stdout_has("stale        source raw.sales                      2 days old")
        .stdout_has("skipped      view main.stg                         (source:raw.sales is stale)")
        .stdout_has("skipped      view main.joined                      (source:raw.sales is stale)")
        .stdout_has("note: what reads it is skipped, because its `on_stale` is `skip_downstream`")
        .stdout_has("build succeeded in [time]: 1 test passed, 1 warned; 3 nodes held back");
    let results = project.read("target/run_results.json");
    assert_eq!(results.matches("\"skipped\"").count(), 3, "{results}");
    project.run("build --fail-fast --log-format json").exit(0).stdout_has("\"held_back\":3");
}

#[test]
fn a_stale_source_can_warn_or_be_used_anyway() {
    stale("on_stale: warn")
        .run("build --threads 1")
        .exit(0)
        .stdout_has("warning[test-warned]: freshness of source `raw.sales`: the newest row is of ")
        .stdout_has("3 models published; 1 test passed, 1 warned");
    stale("on_stale: use_anyway")
        .run("build --threads 1 --printer-width 160")
        .exit(0)
        .stdout_has("ago; the limit is 1 day; used anyway")
        .stdout_has("3 models published; 2 tests passed");
}

#[test]
fn on_stale_stands_on_tables_in_config_and_in_the_project_file() {
    for (place, text) in [
        ("models/sources.yml", "tables: [{name: sales, on_stale: warn}"),
        ("models/sources.yml", "tables: [{name: sales, config: {on_stale: warn}}"),
    ] {
        let project = stale("on_stale: skip_downstream");
        project.write(place, project.read(place).replace("tables: [{name: sales}", text));
        project.run("build").exit(0).stdout_has("3 models published");
    }
    let project = stale("");
    let settings = project.read("project.yml");
    project.write("project.yml", format!("{settings}sources: {{shop: {{raw: {{+on_stale: warn}}}}}}\n"));
    project.run("build").exit(0).stdout_has("3 models published");
    project.write("project.yml", format!("{settings}sources: {{shop: {{+on_stale: ignore}}}}\n"));
    project
        .run("build")
        .exit(2)
        .stderr_has("error[invalid-value]: `ignore` is no value of `on_stale`")
        .stderr_has("help: write one of error, skip_downstream, warn, use_anyway");
}

#[test]
fn one_source_that_cannot_be_asked_is_reported_alone() {
    let project = shop_with("");
    project.write(
        "models/sources.yml",
        "sources:
  - name: raw
    loaded_at_field: loaded_at
    freshness: {error_after: {count: 1, period: day}}
    tables: [{name: sales}, {name: customers, loaded_at_field: nope}]
",
    );
    project
        .run("build --threads 1")
        .exit(1)
        .stdout_has(
            "error[test-error]: freshness of source `raw.customers`: Referenced column \"nope\" not found",
        )
        .stdout_has("checked      source raw.sales")
        .stdout_has("published    view main.stg")
        .stdout_has("skipped      view main.joined                      (source:raw.customers failed)");
}

#[test]
fn a_time_that_lies_ahead_is_a_warning() {
    let project = stale("on_stale: error");
    project.execute("update raw.sales set loaded_at = now()::timestamp + interval 210 minutes");
    project.run("build --threads 1").exit(0).stdout_has(", which is 3 hours");
}

#[test]
fn rules_are_merged_from_the_source_to_the_table() {
    let project = shop_with("");
    project.write(
        "models/sources.yml",
        "sources:
  - name: raw
    config:
      loaded_at_field: loaded_at
      freshness: {warn_after: {count: 1, period: hour}, error_after: {count: 1, period: day}}
    tables:
      - name: sales
        freshness: {filter: \"note = 'x'\"}
      - name: customers
        freshness: null
",
    );
    project.execute(
        "update raw.customers set loaded_at = loaded_at - interval 9 days;
        insert into raw.sales select id, amount, customer, 'y', loaded_at from raw.sales;
        update raw.sales set loaded_at = loaded_at - interval 2 days where note = 'x'",
    );
    project
        .run("source freshness")
        .exit(1)
        .stdout_has("1/1  stale  source raw.sales               the newest row is of ")
        .stdout_has("2 days ")
        .stdout_has("1 source: 1 stale");
}

/// A project whose models combine two sources under a rule.
fn aligned(rule: &str) -> TestProject {
    let project = shop_with("");
    let text =
        project.read("models/sources.yml").replace("  - name: raw\n", &format!("  - name: raw\n{rule}"));
    project.write("models/sources.yml", text);
    project.execute("update raw.customers set loaded_at = now()::timestamp - interval 9 hours");
    project
}

#[test]
fn sources_that_lie_too_far_apart_stop_the_models_that_combine_them() {
    let project = aligned("    aligned_with: [sales, customers]\n    within: 6 hours\n");
    let outcome = project.run("build --threads 1");
    outcome
        .exit(1)
        .stdout_has("published    view main.stg")
        .stdout_has("error        view main.joined")
        .stdout_has("error[sources-misaligned]: source `raw.customers` (")
        .stdout_has(") were loaded 9 hours apart, and `joined` combines them")
        .stdout_has(" --> models/sources.yml:3:5")
        .stdout_has("at most 6 hours are allowed")
        .stdout_has("help: load source `raw.customers` again, or wait for it with `--wait-for-sources 30m`");
    project.execute("update raw.customers set loaded_at = now()::timestamp - interval 5 hours");
    project.run("build").exit(0);
    project.execute("delete from raw.customers");
    project.run("build").exit(1).stdout_has(
        "source `raw.customers` has no time of loading to compare with that of source `raw.sales`, and `joined` combines",
    );
}

#[test]
fn misaligned_sources_can_skip_or_warn() {
    let rule = "    aligned_with: [sales, customers]\n    within: 6 hours\n    on_misaligned:";
    aligned(&format!("{rule} skip_downstream\n"))
        .run("build --threads 1")
        .exit(0)
        .stdout_has("skipped view main.joined")
        .stdout_has("(source:raw.customers and source:raw.sales were loaded too far apart)")
        .stdout_has("2 models published; 1 node held back")
        .stderr_has(") were loaded 9 hours apart; the limit is 6 hours");
    aligned(&format!("{rule} warn\n"))
        .run("build")
        .exit(0)
        .stdout_has("3 models published")
        .stderr_has(") were loaded 9 hours apart; the limit is 6 hours");
}

#[test]
fn an_alignment_can_be_said_of_one_model_or_of_one_table() {
    let of_model = shop_with(
        "
        models:
          - name: joined
            config: {aligned_with: [raw.sales, customers], within: {count: 1, period: day}}
        ",
    );
    of_model.execute("update raw.customers set loaded_at = loaded_at - interval 9 hours");
    of_model.run("build").exit(0);
    of_model.execute("update raw.customers set loaded_at = loaded_at - interval 1 day");
    of_model
        .run("build")
        .exit(1)
        .stdout_has("`joined` combines them")
        .stdout_has("at most 1 day are allowed");
    let of_table = aligned("");
    let text = of_table.read("models/sources.yml");
    of_table.write(
        "models/sources.yml",
        text.replace(
            "- name: sales\n",
            "- name: sales\n        aligned_with: [customers]\n        within: 6h\n",
        ),
    );
    of_table.run("build").exit(1).stdout_has("`joined` combines them");
}

#[test]
fn faults_of_alignments_are_shown_where_they_are_written() {
    for (rule, expected) in [
        (
            "    aligned_with: [sale, customers]\n    within: 6 hours\n",
            "error[unknown-source]: `aligned_with` names `sale`, which is no source",
        ),
        ("    aligned_with: [sales, customers]\n", "error[invalid-alignment]: `aligned_with` needs a limit"),
        (
            "    aligned_with: [sales]\n    within: 6 hours\n",
            "error[invalid-alignment]: `aligned_with` compares at least two sources",
        ),
        (
            "    aligned_with: [sales, customers]\n    within: 6 moons\n",
            "error[invalid-period]: `\"6 moons\"` is not a span of time",
        ),
        (
            "    on_misaligned: warn\n",
            "error[invalid-alignment]: there is no `aligned_with` that this belongs to",
        ),
        (
            "    aligned_with: 3\n    within: 6 hours\n",
            "error[wrong-type]: the config `aligned_with` must be a list of sources",
        ),
    ] {
        aligned(rule).run("build").exit(2).stderr_has(expected);
    }
    let timeless = aligned("    aligned_with: [sales, customers]\n    within: 6 hours\n");
    let text = timeless.read("models/sources.yml");
    timeless.write("models/sources.yml", text.replacen("        loaded_at_field: loaded_at\n", "", 1));
    timeless.run("build").exit(2).stderr_has(
        "error[no-load-time]: nothing tells when the source `raw.sales` was loaded, so it cannot be aligned",
    );
}

#[test]
fn what_a_run_makes_itself_is_not_looked_for_before() {
    let project = project(
        "
        //- models/sources.yml
        sources: [{name: main, tables: [{name: made}]}]
        //- models/made.sql
        {{ config(materialized='table') }}
        select 1 as id
        //- models/reads.sql
        -- depends_on: {{ ref('made') }}
        select id from {{ source('main', 'made') }}
        ",
    );
    project.run("build").exit(0).stdout_has("2 models published");
}

#[test]
fn the_history_knows_when_sources_were_loaded() {
    let project = stale("on_stale: warn");
    project.run("build").exit(0);
    project
        .run("build --threads 1")
        .exit(0)
        .stdout_has("checked      source raw.sales                      unchanged, 2 days old");
    project.execute("update raw.sales set loaded_at = now()::timestamp");
    project.run("build --threads 1").exit(0).stdout_has("seconds old");
    let rows = project.query(
        "select source_id, status, rows, columns_hash is not null, loaded_at is not null, message is not null
         from tidemill.source_runs where source_id like '%sales' order by checked_at",
    );
    let shown = "source.shop.raw.sales | good | 1 | true | false | false
source.shop.raw.sales | stale | 1 | true | true | true
source.shop.raw.sales | stale | 1 | true | true | true
source.shop.raw.sales | good | 1 | true | true | false";
    assert_eq!(rows, shown);
}

#[test]
fn sources_are_events_of_their_own() {
    let project = stale("on_stale: warn");
    let outcome = project.run("build --log-format json --threads 1");
    let line =
        outcome.exit(0).stdout.lines().find(|it| it.contains("source_checked") && it.contains("sales"));
    let event: serde_json::Value = serde_json::from_str(line.expect("an event")).expect("JSON");
    assert_eq!(event["node"], "source.shop.raw.sales");
    assert_eq!(event["status"], "stale");
    assert_eq!(event["message"], "2 days old");
    assert_eq!(event["is_unchanged"], false);
    assert!(event["age"].as_f64().expect("a number") > 172_000.0, "{event}");
    assert!(event["loaded_at"].as_str().expect("a text").ends_with('Z'), "{event}");
}

#[test]
fn a_star_inside_a_query_reads_what_is_taken_from_it() {
    let project = shop();
    project.write(
        "models/stg.sql",
        "with source as (\n    select * from {{ source('raw', 'sales') }}\n), renamed as (\n    select id, amount as eur from source where customer > 0\n)\nselect * from renamed\n",
    );
    project.write("models/child.sql", "select 1 as id");
    project.execute("alter table raw.sales drop column note");
    project
        .run("build --threads 1 -s stg")
        .exit(0)
        .stdout_has("warning source raw.sales: column `note` is gone; no model of this run reads it");
    for column in ["amount", "customer"] {
        project.execute(&format!("alter table raw.sales drop column {column}"));
        let said = format!("column `{column}` is gone, and `stg` reads it");
        project.run("build --threads 1 -s stg").exit(1).stdout_has(&said);
    }
}
