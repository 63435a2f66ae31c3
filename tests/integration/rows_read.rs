//! `--empty` and `--sample`: which rows models read, and what is remembered of it.

use crate::project::{TestProject, project};

fn sales() -> TestProject {
    project(
        "
        //- seeds/sales.csv
        id,sold
        1,2024-01-01 10:00:00
        2,2024-01-02 10:00:00
        3,2024-01-03 10:00:00
        //- models/staged.sql
        select * from {{ ref('sales') }} s
        //- models/inside.sql
        {{ config(materialized='ephemeral') }}
        select * from {{ ref('staged') }}
        //- models/total.sql
        {{ config(materialized='table') }}
        select i.* from {{ ref('inside') }} as i
        //- models/added.sql
        {{ config(materialized='incremental') }}
        select * from {{ ref('total') }}
        {% if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}
        //- models/models.yml
        seeds: [{name: sales, config: {event_time: sold}}]
        models:
          - {name: staged, config: {event_time: sold}}
          - name: total
            data_tests: [{row_count_drift: {arguments: {max_decrease: 10%}}}]
        ",
    )
}

#[test]
fn without_rows_refs_are_what_dbt_writes() {
    let project = sales();
    project.run("compile --empty -s staged").exit(0).stdout(
        "
        select * from (select * from \"shop\".\"main\".\"sales\" where false limit 0) s
        ",
    );
    project.run("compile --empty -s total").exit(0).stdout(
        "
        with __dbt__cte__inside as (

        select * from (select * from \"shop\".\"main\".\"staged\" where false limit 0)
        )

        select i.* from (select * from __dbt__cte__inside where false limit 0) as i
        ",
    );
}

#[test]
fn models_without_rows_are_published_and_said_to_be_so() {
    let project = sales();
    project.run("build").exit(0);
    let outcome = project.run("build --empty --threads 1 -s total");
    outcome.exit(0).stderr(
        "warning: models read no rows (--empty), and what is made of them takes the place of what was published before\n",
    );
    outcome.stdout_has(
        "building 1 model, 1 test in shop.duckdb (target dev, 1 thread, models read no rows (--empty))",
    );
    outcome.stdout_has("1/1  published    table main.total                      0 rows");
    outcome.stdout_has(": not compared: models read no rows (--empty)");
    assert_eq!(project.query("select count(*) from total"), "0");
    let reads =
        "select reads from tidemill.node_runs where node_id = 'model.shop.total' order by finished_at";
    assert_eq!(project.query(reads), "NULL\nno rows (--empty)");
}

#[test]
fn no_version_is_compared_with_one_without_rows() {
    let project = sales();
    project.run("build").exit(0);
    project.run("build --empty").exit(0);
    project.write("models/staged.sql", "select * from {{ ref('sales') }} s where id < 3\n");
    // 3 rows became 2: what was in between is no measure.
    project.run("build").exit(1).stdout_has("3 rows before, 2 rows now");
}

#[test]
fn rows_that_are_added_to_a_version_without_rows_are_told_apart() {
    let project = sales();
    project.run("build --empty").exit(0);
    project.run("build -s added").exit(0).stderr(
        "warning: incremental main.added was made of no rows (--empty), and only new rows are added to it; \
         `--full-refresh -s added` makes it anew\n",
    );
    project.run("build --full-refresh").exit(0).stderr("");
    project.run("build --empty -s added").exit(0);
    // The rows that were there stayed.
    assert_eq!(project.query("select count(*) from added"), "3");
    project.run("build -s added").exit(0).stderr("");
}

#[test]
fn tests_read_no_rows_either() {
    let project = sales();
    project.write(
        "seeds/seeds.yml",
        "seeds: [{name: sales, columns: [{name: id, data_tests: [{relationships: {arguments: {to: ref('total'), field: id}}}]}]}]\n",
    );
    project.write("models/models.yml", "");
    project
        .run("build --empty")
        .exit(0)
        .stdout_has("passed       test relationships_sales_id__id__ref_total_");
}

#[test]
fn hooks_name_relations_as_they_are() {
    let project = sales();
    project.write(
        "models/total.sql",
        "{{ config(materialized='table', post_hook=\"insert into {{ ref('sales') }} values (9, null)\") }}\n-- depends_on: {{ ref('sales') }}\nselect 1 as id\n",
    );
    project.run("build --empty -s sales total").exit(0);
    assert_eq!(project.query("select count(*) from sales"), "4");
}

#[test]
fn a_snapshot_that_reads_no_rows_ends_no_versions() {
    let project = project(
        "
        //- seeds/people.csv
        id,name
        1,Ann
        //- snapshots/history.yml
        snapshots:
          - name: history
            relation: ref('people')
            config: {unique_key: id, strategy: check, check_cols: all, hard_deletes: invalidate}
        ",
    );
    project.run("build").exit(0);
    project.run("snapshot --empty").exit(0).stderr(
        "
        warning: models read no rows (--empty), and what is made of them takes the place of what was published before
        warning: snapshot main.history ends no versions of rows that are gone: it does not read all rows
        ",
    );
    assert_eq!(project.query("select count(*) from history where dbt_valid_to is null"), "1");
}

#[test]
fn a_sample_has_the_rows_of_its_time() {
    let project = sales();
    project
        .run("build --sample '{start: 2024-01-02, end: 2024-01-03}' --threads 1")
        .exit(0)
        .stdout_has("models read rows from 2024-01-02 00:00:00 to");
    assert_eq!(project.query("select id from total"), "2");
    let sql = project.read("target/compiled/shop/models/staged.sql");
    assert_eq!(
        sql.trim(),
        "select * from (select * from \"shop\".\"main\".\"sales\" where sold >= '2024-01-02 00:00:00+00:00' \
         and sold < '2024-01-03 00:00:00+00:00') s"
    );
}

#[test]
fn batches_lose_no_rows_that_are_not_read() {
    let project = project(
        "
        //- models/raw.sql
        {{ config(materialized='table', event_time='ts') }}
        select i as id, timestamp '2024-01-01 10:00:00' + interval (i) day as ts from range(3) t(i)
        //- models/batched.sql
        {{ config(materialized='incremental', incremental_strategy='microbatch', event_time='ts', begin='2024-01-01', batch_size='day') }}
        select * from {{ ref('raw') }}
        ",
    );
    let ids = "select list(id order by id) from batched";
    project.run("build --event-time-start 2024-01-01 --event-time-end 2024-01-04").exit(0);
    project.run("run -s batched --empty").exit(0);
    assert_eq!(project.query(ids), "[0, 1, 2]");
    project
        .run(
            "run -s batched --full-refresh --sample '{start: 2024-01-02 05:00:00, end: 2024-01-03 05:00:00}'",
        )
        .exit(0);
    assert_eq!(project.query(ids), "[1]");
    // The first batch of this sample begins after the row of its day.
    project.run("run -s batched --sample '{start: 2024-01-02 11:00:00, end: 2024-01-03 12:00:00}'").exit(0);
    assert_eq!(project.query(ids), "[1, 2]");
}

#[test]
fn another_try_reads_the_same_rows() {
    let project = sales();
    project.write("models/added.sql", "select nope from {{ ref('total') }}\n");
    project.run("build --no-check --sample '{start: 2024-01-02, end: 2024-01-03}'").exit(1);
    project.write("models/added.sql", "select id from {{ ref('staged') }}\n");
    project.run("retry").exit(0);
    assert_eq!(project.query("from added"), "2");
    project.write("models/added.sql", "select nope from {{ ref('total') }}\n");
    project.run("build --no-check --empty").exit(1);
    project.write("models/added.sql", "select id from {{ ref('sales') }}\n");
    project.run("retry").exit(0);
    assert_eq!(project.query("from added"), "");
}

#[test]
fn variables_of_the_environment_say_the_same() {
    let empty = "select * from (select * from \"shop\".\"main\".\"sales\" where false limit 0) s\n";
    let all = "select * from \"shop\".\"main\".\"sales\" s\n";
    let project = sales().env("DBT_EMPTY", "true").env("DBT_SAMPLE", "2 weeks");
    project.run("compile -s staged").exit(0).stdout(empty);
    project.run("compile --no-empty -s staged").exit(0).stdout(all);
    project.run("run").exit(2).stderr_has("invalid value '2 weeks' of environment variable DBT_SAMPLE");
}

#[test]
fn a_sample_that_cannot_be_read_is_refused() {
    let project = sales();
    project.run("run --sample '3 weeks'").exit(2).stderr_has(
        "invalid value '3 weeks' for '--sample <WINDOW>': `weeks` is no unit of time here (units: hours, days, months, years)",
    );
    project
        .run("run --sample '{start: 2024-01-02, end: 2024-01-01}'")
        .exit(2)
        .stderr_has("`start` must be before `end`");
}
