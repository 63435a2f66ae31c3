//! `check`: columns, types and functions of queries before anything runs, and what it leaves alone.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::project::{Outcome, TestProject, project};

/// What the program wrote, to both of its streams.
fn told(outcome: &Outcome) -> String {
    format!("{}{}", outcome.stderr, outcome.stdout)
}

/// Columns of a node as `check --output json` tells them: `id INTEGER, name VARCHAR`, or the reason.
fn shape(project: &TestProject, id: &str) -> String {
    let told: serde_json::Value = serde_json::from_str(&project.run("check --output json").stdout).unwrap();
    let node = &told["nodes"][id];
    match node["columns"].as_array() {
        Some(columns) => {
            let text = |it: &serde_json::Value| it.as_str().unwrap().to_owned();
            let columns: Vec<String> =
                columns.iter().map(|it| format!("{} {}", text(&it["name"]), text(&it["type"]))).collect();
            columns.join(", ")
        }
        None => format!("unknown: {}", node["unknown"].as_str().unwrap_or("not listed")),
    }
}

#[test]
fn columns_and_types_go_from_seeds_through_models_without_a_database() {
    let project = project(
        "
        //- seeds/raw.csv
        id,name,day,price
        1,a,2024-01-01,1.5
        //- models/part.sql
        {{ config(materialized='ephemeral') }}
        select id, price * 2 as double_price from {{ ref('raw') }}
        //- models/whole.sql
        select r.*, p.double_price from {{ ref('raw') }} r join {{ ref('part') }} p using (id)
        //- models/sums.sql
        {{ config(materialized='table') }}
        select day, count(*) as n, sum(double_price) as total from {{ ref('whole') }} group by all
        ",
    );
    assert_eq!(shape(&project, "seed.shop.raw"), "id INTEGER, name VARCHAR, day DATE, price DOUBLE");
    assert_eq!(shape(&project, "model.shop.sums"), "day DATE, n BIGINT, total DOUBLE");
    assert!(!project.dir().join("shop.duckdb").exists(), "a check makes no database");
}

#[test]
fn all_faults_are_shown_at_once_and_readers_of_what_is_wrong_are_silent() {
    let project = project(
        "
        //- models/a.sql
        select 1 as id
        //- models/b.sql
        select
            id,
            amuont
        from {{ ref('a') }}
        //- models/c.sql
        select floorr(id) as x from {{ ref('a') }}
        //- models/reads_b.sql
        select amount from {{ ref('b') }}
        //- models/d.sql
        select id + date '2024-01-01' || [1] as x from {{ ref('a') }}
        //- models/e.sql
        selec 1
        ",
    );
    let outcome = project.run("check");
    outcome.exit(1);
    let text = told(&outcome);
    let heads: Vec<&str> = text.lines().filter(|it| it.starts_with("error[")).collect();
    assert_eq!(
        heads,
        [
            "error[sql-error]: Referenced column \"amuont\" not found in FROM clause!",
            "error[sql-error]: Scalar Function with name floorr does not exist!",
            "error[sql-error]: Cannot concatenate types DATE and INTEGER[] - an explicit cast is required",
            "error[sql-error]: syntax error at or near \"selec\"",
        ]
    );
    assert!(told(&outcome).contains(" --> models/b.sql:3:5\n"), "{}", told(&outcome));
    assert!(told(&outcome).contains(" --> models/c.sql:1:8\n"), "{}", told(&outcome));
    assert_eq!(shape(&project, "model.shop.reads_b"), "unknown: its parent `b` has an error");
}

#[test]
fn a_build_checks_first_and_runs_nothing_if_a_query_is_at_fault() {
    let project = project(
        "
        //- models/good.sql
        select 1 as id
        //- models/bad.sql
        select wrong from {{ ref('good') }}
        //- models/after.sql
        select * from {{ ref('bad') }}
        ",
    );
    let outcome = project.run("build");
    outcome.exit(1);
    assert!(
        told(&outcome).contains("nothing was run; `--no-check` builds what is not at fault"),
        "{}",
        told(&outcome)
    );
    assert!(!project.dir().join("shop.duckdb").exists());
    let results = project.read("target/run_results.json");
    let results: serde_json::Value = serde_json::from_str(&results).unwrap();
    let told: Vec<String> = results["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| format!("{} {}", it["unique_id"].as_str().unwrap(), it["status"].as_str().unwrap()))
        .collect();
    assert_eq!(told, ["model.shop.good skipped", "model.shop.bad error", "model.shop.after skipped"]);
    project.run("build --no-check").exit(1);
    assert_eq!(project.query("select count(*) from good"), "1");
}

#[test]
fn what_is_not_known_is_said_and_is_no_fault() {
    for (model, reason) in [
        ("select nope from {{ source('raw', 'orders') }}", "its parent `orders` is not known"),
        ("select * from read_csv('later.csv')", "No files found that match the pattern \"later.csv\""),
        (
            "select nope from somewhere",
            "it reads `somewhere`, which is no node of this project and not in the database now",
        ),
        ("pivot (select 1 as a, 2 as b) on a using sum(b)", "the columns of its `pivot` are values of rows"),
        (
            "select {{ run_query('select count(*) from somewhere').columns[0].values()[0] }} as x",
            "its template asks the database",
        ),
        (
            "select len(getvariable('x')) + 1 as x from nowhere",
            "it reads `nowhere`, which is no node of this project and not in the database now",
        ),
        (
            "{{ config(pre_hook='load nothing') }} select own_function(1) as x",
            "it needs `own_function`, which its `pre_hook` may define",
        ),
    ] {
        let project = project(&format!(
            "
            //- models/sources.yml
            sources: [{{name: raw, tables: [{{name: orders}}]}}]
            //- models/a.sql
            {model}
            //- models/b.sql
            select nope from {{{{ ref('a') }}}}
            "
        ));
        project.run("check").exit(0);
        assert_eq!(shape(&project, "model.shop.a"), format!("unknown: {reason}"));
        assert_eq!(shape(&project, "model.shop.b"), "unknown: its parent `a` is not known");
    }
}

#[test]
fn sources_have_the_shape_of_the_database_the_lock_file_a_file_or_the_declaration() {
    let project = project(
        "
        //- data/raw.csv
        id,day
        1,2024-01-01
        //- sources.lock.yml
        version: 1
        sources:
          source.shop.raw.locked:
            id: INTEGER
            name: VARCHAR
        //- models/sources.yml
        sources:
          - name: raw
            schema: main
            tables:
              - name: locked
              - {name: said, columns: [{name: id, data_type: int}, {name: seen, data_type: timestamptz}]}
              - {name: there}
              - {name: file, config: {external_location: \"read_csv('data/raw.csv')\"}}
        //- models/locked.sql
        {{ config(alias='m1') }} select name, wrong from {{ source('raw', 'locked') }}
        //- models/said.sql
        {{ config(alias='m2') }} select seen, perhaps from {{ source('raw', 'said') }}
        //- models/there.sql
        {{ config(alias='m3') }} select * from {{ source('raw', 'there') }}
        //- models/file.sql
        select day from {{ source('raw', 'file') }}
        ",
    );
    project.execute("create table there (a decimal(5,1), b struct(x int, y varchar[]))");
    let outcome = project.run("check");
    outcome.exit(1);
    let text = told(&outcome);
    let heads: Vec<&str> = text.lines().filter(|it| it.starts_with("error[")).collect();
    assert_eq!(heads, ["error[sql-error]: Referenced column \"wrong\" not found in FROM clause!"]);
    assert_eq!(shape(&project, "source.shop.raw.locked"), "id INTEGER, name VARCHAR");
    assert_eq!(shape(&project, "source.shop.raw.said"), "id INTEGER, seen TIMESTAMP WITH TIME ZONE");
    assert_eq!(shape(&project, "model.shop.there"), "a DECIMAL(5,1), b STRUCT(x INTEGER, y VARCHAR[])");
    assert_eq!(shape(&project, "model.shop.file"), "day DATE");
    let said = "unknown: the columns of its source `said` are only declared";
    assert_eq!(shape(&project, "model.shop.said"), said);
}

#[test]
fn templates_that_ask_for_columns_are_answered_from_shapes() {
    let project = project(
        "
        //- models/a.sql
        select 1 as id, 'x' as name, true as is_new
        //- models/b.sql
        select {% for column in adapter.get_columns_in_relation(ref('a')) if column.name != 'id' -%}
          {{ column.name }} as {{ column.name }}_2{{ ',' if not loop.last }}
        {%- endfor %} from {{ ref('a') }}
        ",
    );
    project.run("check").exit(0);
    assert_eq!(shape(&project, "model.shop.b"), "name_2 VARCHAR, is_new_2 BOOLEAN");
}

#[test]
fn an_incremental_model_is_checked_both_ways() {
    let project = project(
        "
        //- models/a.sql
        select 1 as id, 'x' as name
        //- models/b.sql
        {{ config(materialized='incremental', on_schema_change='append_new_columns') }}
        select * from {{ ref('a') }}
        {% if is_incremental() %}where id > (select max(idd) from {{ this }}){% endif %}
        //- models/c.sql
        select * from {{ ref('b') }}
        ",
    );
    let outcome = project.run("check");
    outcome.exit(1);
    assert!(told(&outcome).contains(" --> models/b.sql:3:49\n"), "{}", told(&outcome));
    project.write(
        "models/b.sql",
        "{{ config(materialized='incremental', on_schema_change='append_new_columns') }}
        select * from {{ ref('a') }}
        {% if is_incremental() %}where id > (select max(id) from {{ this }}){% endif %}",
    );
    project.run("build").exit(0);
    project.write("models/a.sql", "select 2 as id, true as extra");
    assert_eq!(shape(&project, "model.shop.c"), "id INTEGER, name VARCHAR, extra BOOLEAN");
    project.run("build").exit(0);
    let columns = "select string_agg(column_name || ' ' || data_type, ', ') from duckdb_columns() where table_name = 'b'";
    assert_eq!(project.query(columns), "id INTEGER, name VARCHAR, extra BOOLEAN");
}

#[test]
fn snapshots_functions_and_versions_have_shapes_too() {
    let project = project(
        "
        //- models/a.sql
        select 1 as id, timestamp '2024-01-01' as changed
        //- snapshots/s.sql
        {% snapshot s %}{{ config(unique_key='id', strategy='timestamp', updated_at='changed') }}
        select * from {{ ref('a') }}{% endsnapshot %}
        //- models/reads.sql
        select dbt_valid_to - dbt_valid_from as lasted, dbt_scd_id from {{ ref('s') }}
        //- functions/twice.sql
        x * 2
        //- functions/all.yml
        functions: [{name: twice, arguments: [{name: x, data_type: int}], returns: {data_type: int}}]
        //- models/calls.sql
        select {{ function('twice') }}(id) as doubled from {{ ref('a') }}
        //- models/nulls.sql
        select null as ended_at from {{ ref('a') }}
        //- models/reads_nulls.sql
        select len(ended_at) as n from {{ ref('nulls') }}
        ",
    );
    project.run("check").exit(0);
    assert_eq!(shape(&project, "model.shop.reads"), "lasted INTERVAL, dbt_scd_id VARCHAR");
    assert_eq!(shape(&project, "model.shop.calls"), "doubled INTEGER");
    assert_eq!(shape(&project, "model.shop.reads_nulls"), "n BIGINT");
    project.run("build").exit(0);
}

#[test]
fn a_contract_is_compared_before_anything_runs() {
    let project = project(
        "
        //- models/a.yml
        models:
          - name: a
            config: {contract: {enforced: true}, materialized: table}
            columns: [{name: id, data_type: bigint}]
        //- models/a.sql
        select 1 as id
        ",
    );
    let outcome = project.run("check");
    outcome.exit(1);
    let expected = "note: `id` is INTEGER in the query, BIGINT in the contract";
    assert!(told(&outcome).contains(expected), "{}", told(&outcome));
}

#[test]
fn what_hooks_define_is_there_for_queries() {
    let project = project(
        "
        //- project.yml
        name: shop
        on-run-start: [\"create or replace macro twice(x) as x * 2\"]
        //- models/a.sql
        select twice(21) as answer
        //- models/b.sql
        select thrice(answer) as wrong from {{ ref('a') }}
        ",
    );
    let outcome = project.run("check");
    outcome.exit(1);
    assert_eq!(shape(&project, "model.shop.a"), "answer INTEGER");
    assert!(
        told(&outcome).contains("Scalar Function with name thrice does not exist!"),
        "{}",
        told(&outcome)
    );
}

#[test]
fn tables_that_are_no_nodes_are_found_in_the_database() {
    let project = project(
        "
        //- models/a.sql
        select id, side.b.x from other.things, side.b
        ",
    );
    project.execute("create schema other; create table other.things (id uuid)");
    let said = shape(&project, "model.shop.a");
    assert!(said.starts_with("unknown: it reads `"), "{said}");
    project.write("models/a.sql", "select id from other.things");
    assert_eq!(shape(&project, "model.shop.a"), "id UUID");
    project.write("models/a.sql", "select idd from other.things");
    project.run("check").exit(1);
}

#[test]
fn a_dbt_project_is_built_as_far_as_it_is_good() {
    let project = project(
        "
        //- dbt_project.yml
        name: shop
        profile: shop
        //- profiles.yml
        shop: {target: dev, outputs: {dev: {type: duckdb, path: shop.duckdb}}}
        //- models/bad.sql
        select nothing
        //- models/good.sql
        select 1 as id
        ",
    );
    project.run("build --threads 1").exit(1).stdout_has("published    view main.good");
}

#[test]
fn queries_of_tests_are_checked_and_shown_where_the_tests_are() {
    let project = project(
        "
        //- seeds/raw.csv
        id,name
        1,a
        //- models/a.sql
        select id, name from {{ ref('raw') }}
        //- models/all.yml
        models:
          - name: a
            columns:
              - name: id
                data_tests:
                  - not_null
                  - unique: {config: {fail_calc: sum(n_record)}}
              - name: name
                data_tests:
                  - longer_than: {arguments: {length: 1}}
                  - not_null: {config: {where: idd > 0}}
        //- macros/longer_than.sql
        {% test longer_than(model, column_name, length) %}
        select * from {{ model }} where lenn({{ column_name }}) <= {{ length }}
        {% endtest %}
        //- tests/positive.sql
        select *
        from {{ ref('a') }}
        where amount <= 0
        ",
    );
    let outcome = project.run("check");
    outcome.exit(1);
    let text = told(&outcome);
    let heads: Vec<&str> =
        text.lines().filter(|it| it.starts_with("error[") || it.trim_start().starts_with("-->")).collect();
    assert_eq!(
        heads,
        [
            "error[test-error]: longer_than on `a.name`: Scalar Function with name lenn does not exist!",
            "  --> models/all.yml:10:13",
            "error[test-error]: not_null on `a.name`: Referenced column \"idd\" not found in FROM clause!",
            "  --> models/all.yml:11:13",
            "error[sql-error]: Referenced column \"amount\" not found in FROM clause!",
            " --> tests/positive.sql:3:7",
            "error[test-error]: unique on `a.id`: Referenced column \"n_record\" not found in FROM clause!",
            " --> models/all.yml:7:13",
        ],
        "{text}"
    );
    assert!(text.contains("checked 1 query and 5 tests, 4 errors in "), "{text}");
    let outcome = project.run("build");
    outcome.exit(1);
    assert!(told(&outcome).contains("nothing was run"), "{}", told(&outcome));
    assert!(!project.dir().join("shop.duckdb").exists());
    let results: serde_json::Value = serde_json::from_str(&project.read("target/run_results.json")).unwrap();
    let statuses: Vec<&str> =
        results["results"].as_array().unwrap().iter().map(|it| it["status"].as_str().unwrap()).collect();
    assert_eq!(statuses.iter().filter(|it| **it == "error").count(), 4, "{statuses:?}");
    project.run("build --no-check").exit(1);
    assert!(project.dir().join("shop.duckdb").exists());
}

#[test]
fn tests_of_what_is_not_known_are_no_fault() {
    let project = project(
        "
        //- models/all.yml
        sources:
          - name: raw
            tables:
              - {name: orders, columns: [{name: nope, data_tests: [not_null]}]}
        models:
          - {name: bad, columns: [{name: nope, data_tests: [not_null]}]}
          - {name: by_source, columns: [{name: nope, data_tests: [unique]}]}
        //- models/bad.sql
        select missing as nope from {{ ref('good') }}
        //- models/good.sql
        select 1 as id
        //- models/by_source.sql
        select * from {{ source('raw', 'orders') }}
        //- tests/late.sql
        select * from {{ ref('good') }} where id = {{ run_query('from range(1)').columns[0].values()[0] }}
        //- tests/elsewhere.sql
        select * from a_table_of_others
        ",
    );
    let outcome = project.run("check");
    outcome.exit(1);
    let text = told(&outcome);
    assert_eq!(text.matches("error[").count(), 1, "{text}");
    assert!(text.contains(" --> models/bad.sql:1:8\n"), "{text}");
    assert!(text.contains("unknown: test late: its template asks the database"), "{text}");
    assert!(text.contains("unknown: test elsewhere: it reads `a_table_of_others`"), "{text}");
}

#[test]
fn a_macro_around_tests_makes_their_queries_its_own_matter() {
    let project = project(
        "
        //- models/a.sql
        select 1 as id
        //- models/all.yml
        models: [{name: a, columns: [{name: idd, data_tests: [not_null]}]}]
        //- macros/get_test_sql.sql
        {% macro get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) %}
        select 0 as failures, false as should_warn, false as should_error
        {% endmacro %}
        ",
    );
    project.run("check").exit(0).stderr_has("unknown: test not_null_a_idd: a macro of the project runs it");
    project.run("build").exit(0);
}

#[test]
fn a_source_that_is_a_seed_of_the_project_has_its_columns() {
    let project = project(
        "
        //- seeds/raw.csv
        id,name
        1,a
        //- models/all.yml
        sources: [{name: loaded, schema: main, tables: [{name: raw}]}]
        //- models/a.sql
        select id + 1 as next from {{ source('loaded', 'raw') }}
        //- models/b.sql
        select nope from {{ source('loaded', 'raw') }}
        ",
    );
    project.run("check").exit(1);
    assert_eq!(shape(&project, "model.shop.a"), "next INTEGER");
    // The table that is there is older than the file: until it is loaded, either may be meant.
    project.execute("create table raw as select 1 as id, 'a' as name, 2 as nope");
    project.run("check").exit(0);
    assert_eq!(shape(&project, "model.shop.b"), "unknown: the seed `raw` is loaded anew into its table");
}

#[test]
fn columns_of_one_name_are_told_apart_as_the_engine_does_it() {
    let project = project(
        "
        //- seeds/raw.csv
        id,name
        1,a
        //- models/pairs.sql
        {{ config(materialized='table') }}
        select l.id, r.id, l.name from {{ ref('raw') }} l join {{ ref('raw') }} r using (name)
        //- models/reads.sql
        select id_1 + 1 as next from {{ ref('pairs') }}
        ",
    );
    assert_eq!(shape(&project, "model.shop.pairs"), "id INTEGER, id_1 INTEGER, name VARCHAR");
    project.run("lineage reads").exit(0).stdout("reads.next\n  computed: pairs.id_1");
    project.run("lineage pairs").exit(0).stdout(
        "
        pairs.id
          pass-through: seed raw.id
        pairs.id_1
          pass-through: seed raw.id
        pairs.name
          pass-through: seed raw.name
        rows decided by: seed raw.name
        ",
    );
    project.run("build").exit(0);
    assert_eq!(project.query("select id_1 from pairs"), "1");
}

#[test]
fn a_contract_is_compared_with_the_query_in_check_as_in_build() {
    let project = project(
        "
        //- models/all.yml
        models:
          - name: nulls
            config: {contract: {enforced: true}, materialized: view}
            columns: [{name: id, data_type: integer}]
          - name: grows
            config: {contract: {enforced: true}, materialized: incremental, on_schema_change: append_new_columns}
            columns: [{name: id, data_type: bigint}]
        //- models/nulls.sql
        select null as id
        //- models/grows.sql
        select 1::bigint as id
        ",
    );
    project.execute("create table grows as select 1::integer as id");
    project.run("check").exit(0);
    project.run("build").exit(0);
    project.write("models/grows.sql", "select 1::smallint as id");
    let expected = "note: `id` is SMALLINT in the query, BIGINT in the contract";
    let outcome = project.run("check");
    outcome.exit(1);
    assert!(told(&outcome).contains(expected), "{}", told(&outcome));
    let outcome = project.run("build --no-check");
    outcome.exit(1);
    assert!(told(&outcome).contains(expected), "{}", told(&outcome));
}

#[test]
fn a_template_that_asks_for_a_value_without_tables_is_answered() {
    let project = project(
        "
        //- models/days.sql
        {% set query %}select datediff('day', date '2024-01-01', date '2024-01-04'){% endset %}
        {% set days = run_query(query).columns[0].values()[0] if execute else 0 %}
        {% for n in range(days) %}
        select date '2024-01-01' + {{ n }} as day {{ 'union all' if not loop.last }}
        {% endfor %}
        ",
    );
    project.run("check").exit(0);
    assert_eq!(shape(&project, "model.shop.days"), "day DATE");
    project.run("build").exit(0);
    assert_eq!(project.query("select count(*) from days"), "3");
}
