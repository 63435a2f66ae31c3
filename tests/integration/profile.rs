//! `tidemill profile`: what queries cost, and where a pipeline could do less.

use std::fs;

use serde_json::{Value as Json, json};

use crate::project::{Outcome, TestProject, project};

/// A source of 20,000 sales of 100 customers in 3 segments, and ten tags for each customer.
fn shop(models: &str) -> TestProject {
    let project = project(&format!(
        "
        //- models/sources.yml
        sources:
          - {{name: raw, schema: main, tables: [{{name: sales}}, {{name: customers}}, {{name: tags}}]}}
        {models}"
    ));
    project.execute(
        "create table sales as
             select i as id, i % 100 as customer_id, i % 7 as day, i / 10 as amount from range(20000) as t(i);
         create table customers as select i as customer_id, i % 3 as segment from range(100) as t(i);
         create table tags as select i % 100 as customer_id, i as tag from range(1000) as t(i)",
    );
    project
}

fn measured(project: &TestProject, arguments: &str) -> Json {
    let outcome = project.run(&format!("profile --output json {arguments}"));
    outcome.exit(0);
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error} in {}", outcome.stdout))
}

fn model<'a>(all: &'a Json, name: &str) -> &'a Json {
    let is_it = |it: &&Json| it["unique_id"].as_str().is_some_and(|it| it.ends_with(&format!(".{name}")));
    all["models"].as_array().expect("a list").iter().find(is_it).unwrap_or_else(|| panic!("no {name}"))
}

/// What was found, in words.
fn findings(project: &TestProject) -> Vec<(String, String, String)> {
    let all = measured(project, "");
    let text = |it: &Json, key: &str| without_times(it[key].as_str().unwrap_or_default());
    let list = all["findings"].as_array().expect("a list").iter();
    let mut found: Vec<_> =
        list.map(|it| (text(it, "code"), text(it, "message"), text(it, "help"))).collect();
    // The dearest comes first, which differs from machine to machine.
    found.sort();
    found
}

fn without_times(text: &str) -> String {
    text.split(", in ").next().unwrap_or_default().to_owned()
}

fn only(project: &TestProject) -> (String, String, String) {
    let mut found = findings(project);
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

/// The lines of the text from a title on, up to the next one.
fn section<'a>(outcome: &'a Outcome, title: &str) -> &'a str {
    let (_, rest) =
        outcome.stdout.split_once(title).unwrap_or_else(|| panic!("no {title} in {}", outcome.stdout));
    rest.split("\n\nw").next().unwrap_or_default().trim()
}

#[test]
fn rows_are_counted_and_nothing_is_made() {
    let project = shop(
        "
        //- models/lines.sql
        select * from {{ source('raw', 'sales') }} where day <> 3
        //- models/totals.sql
        {{ config(materialized='table') }}
        select customer_id, sum(amount) as amount from {{ source('raw', 'sales') }} group by customer_id
        ",
    );
    let before = fs::read(project.dir().join("shop.duckdb")).expect("a database");
    let all = measured(&project, "");
    let totals = model(&all, "totals");
    for (key, expected) in [
        ("rows_in", json!(20_000)),
        ("rows_out", json!(100)),
        ("reduction", json!(200.0)),
        ("materialized", json!("table")),
        ("is_stored", json!(true)),
        ("query", json!("whole")),
        ("path", json!("models/totals.sql")),
        ("spilled_bytes", json!(0)),
        ("bytes_in", json!(20_000 * 16)),
    ] {
        assert_eq!(totals[key], expected, "{key}");
    }
    assert_eq!(
        totals["reads"],
        json!([{
            "of": "raw.sales",
            "columns": ["customer_id", "amount"],
            "filters": [],
            "rows_scanned": 20_000,
            "rows_kept": 20_000,
        }])
    );
    let steps = totals["operators"].to_string();
    assert!(steps.contains("hash group by customer_id\""), "{steps}");
    assert!(totals["seconds"].as_f64().is_some_and(|it| it > 0.0));
    let lines = model(&all, "lines");
    assert_eq!((&lines["rows_in"], &lines["rows_out"]), (&json!(20_000), &json!(17_143)));
    assert_eq!(lines["is_stored"], json!(false));
    let after = fs::read(project.dir().join("shop.duckdb")).expect("a database");
    assert!(before == after, "the database is only read");
    assert!(!project.dir().join("target/run_results.json").exists(), "no run, no results");
}

#[test]
fn the_text_has_a_line_a_model_at_every_width() {
    let project = shop(
        "
        //- models/totals.sql
        {{ config(materialized='table') }}
        select customer_id, sum(amount) as amount from {{ source('raw', 'sales') }} group by customer_id
        ",
    );
    let outcome = project.run("profile");
    outcome.exit(0).stdout_has(
        "1 query run on shop.duckdb one after the other, to be measured; nothing was written\n\n\
         model   made as",
    );
    outcome.stdout_has("\nwhere the time goes (all threads)\n");
    assert_eq!(section(&outcome, "where the pipeline could do less"), "nothing stands out");
    let narrow = project.run("profile --printer-width 40");
    // Where lines break depends on how long a time is.
    let words = narrow.exit(0).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let expected = "totals made as table, time [time], share 100%, rows in 20,000, rows out 100, \
                    reduction 200x fewer, read 320.0 kB, made 1.6 kB where the time goes";
    assert!(words.contains(expected), "{words}");
    let is_short = |line: &&str| line.replace("[time]", "15 ms").chars().count() <= 40;
    let before_steps = narrow.stdout.split("where the time goes").next().unwrap_or_default();
    assert!(before_steps.lines().all(|it| is_short(&it)), "{before_steps}");
}

#[test]
fn a_join_that_multiplies_rows_is_found() {
    let project = shop(
        "
        //- models/by_segment.sql
        {{ config(materialized='table') }}
        select tag % 3 as kind, sum(amount) as amount
        from {{ source('raw', 'sales') }} join {{ source('raw', 'tags') }} using (customer_id)
        group by kind
        ",
    );
    assert_eq!(
        only(&project),
        (
            "join-multiplies".to_owned(),
            "in `by_segment`, the join on `customer_id = customer_id` makes 200,000 rows of 20,000 and 1,000 (10x), \
             which become 3 rows when they are aggregated later"
                .to_owned(),
            "aggregate before the join, so that `raw.tags` has one row for each key".to_owned()
        )
    );
    let all = measured(&project, "");
    let join = &model(&all, "by_segment")["joins"][0];
    assert_eq!((&join["fan_out"], &join["aggregated_to"]), (&json!(10.0), &json!(3)));
}

#[test]
fn a_join_without_a_condition_is_found() {
    let project = shop(
        "
        //- models/all_pairs.sql
        select s.id, t.tag from {{ source('raw', 'customers') }} as c, {{ source('raw', 'tags') }} as t,
            (select id from {{ source('raw', 'sales') }} where id < 3) as s
        ",
    );
    let (code, message, help) = findings(&project).pop().expect("a finding");
    assert_eq!(code, "join-multiplies");
    assert!(message.starts_with("in `all_pairs`, a join without condition makes "), "{message}");
    assert_eq!(help, "give the join a condition, or compute what is the same for all rows once");
}

#[test]
fn a_join_that_could_come_after_the_aggregation_is_found() {
    let project = shop(
        "
        //- models/by_segment.sql
        {{ config(materialized='table') }}
        select segment, sum(amount) as amount
        from {{ source('raw', 'sales') }} join {{ source('raw', 'customers') }} using (customer_id)
        group by segment
        ",
    );
    assert_eq!(
        only(&project),
        (
            "aggregate-before-join".to_owned(),
            "in `by_segment`, the join on `customer_id = customer_id` looks up 20,000 rows among 100, to aggregate them to 3"
                .to_owned(),
            "aggregate by the join's key first, and join the few rows that are left".to_owned()
        )
    );
    project.write(
        "models/by_segment.sql",
        "{{ config(materialized='table') }}
        select segment, sum(amount) as amount
        from (select customer_id, sum(amount) as amount from {{ source('raw', 'sales') }} group by customer_id)
        join {{ source('raw', 'customers') }} using (customer_id)
        group by segment",
    );
    assert_eq!(findings(&project), []);
}

#[test]
fn what_does_not_fit_into_memory_is_found() {
    let project = shop(
        "
        //- project.yml
        name: shop
        target: dev
        targets:
          dev: {type: duckdb, path: shop.duckdb, settings: {memory_limit: 40MB, threads: 2}}
        //- models/sorted.sql
        {{ config(materialized='table') }}
        select i, hash(i) as h, 'row number ' || i as text from range(600000) as t(i) order by h
        ",
    );
    let all = measured(&project, "");
    assert!(model(&all, "sorted")["spilled_bytes"].as_u64().is_some_and(|it| it > 1_000_000), "{all:#}");
    let (code, message, _) = only(&project);
    assert_eq!(code, "spilled");
    assert!(message.starts_with("`sorted` does not fit into memory: "), "{message}");
    assert!(message.ends_with(" MB were on the disk at once"), "{message}");
}

#[test]
fn a_filter_after_a_join_is_found() {
    let project = shop(
        "
        //- models/few.sql
        {{ config(materialized='table') }}
        select id, segment from {{ source('raw', 'sales') }} join {{ source('raw', 'customers') }} using (customer_id)
        where id % 100 + segment * 1000 = 2007
        ",
    );
    let (code, message, help) = only(&project);
    assert_eq!(code, "late-filter");
    assert!(message.starts_with("in `few`, the filter `"), "{message}");
    assert!(
        message.ends_with("` keeps 0 of 20,000 rows after the join on `customer_id = customer_id`"),
        "{message}"
    );
    assert_eq!(help, "filter each input before the join, or put the condition into the join");
}

#[test]
fn a_view_that_several_tables_compute_is_found() {
    let project = shop(
        "
        //- models/totals.sql
        select customer_id, sum(amount) as amount from {{ source('raw', 'sales') }} group by customer_id
        //- models/large.sql
        {{ config(materialized='table') }}
        select * from {{ ref('totals') }} where amount > 1000
        //- models/named.sql
        {{ config(materialized='ephemeral') }}
        select *, 'x' as name from {{ ref('totals') }}
        //- models/small.sql
        {{ config(materialized='table') }}
        select * from {{ ref('named') }} where amount < 10
        ",
    );
    project.run("build").exit(0);
    assert_eq!(
        only(&project),
        (
            "computed-again".to_owned(),
            "view `totals` is computed anew by 2 models, `large` and `small`: each time 20,000 rows are read to make 100"
                .to_owned(),
            "store it once: `materialized: table` for `totals`".to_owned()
        )
    );
}

#[test]
fn a_filter_that_several_models_repeat_is_found() {
    let project = shop(
        "
        //- models/a.sql
        {{ config(materialized='table') }}
        select id from {{ source('raw', 'sales') }} where day = 3
        //- models/b.sql
        {{ config(materialized='table') }}
        select amount from {{ source('raw', 'sales') }} where day = 3
        //- models/c.sql
        {{ config(materialized='table') }}
        select amount from {{ source('raw', 'sales') }} where day = 4
        ",
    );
    assert_eq!(
        only(&project),
        (
            "same-filter".to_owned(),
            "`a` and `b` look each at 20,000 rows of `raw.sales` and keep 2,857 by the same filter: `day=3`"
                .to_owned(),
            "let one model, stored as a table, filter for all of them".to_owned()
        )
    );
}

#[test]
fn a_table_whose_readers_keep_few_rows_is_found() {
    let project = shop(
        "
        //- models/lines.sql
        {{ config(materialized='table') }}
        select id, day, amount from {{ source('raw', 'sales') }}
        //- models/first.sql
        {{ config(materialized='table') }}
        select id, amount from {{ ref('lines') }} where day = 3 and amount < 500
        //- models/second.sql
        {{ config(materialized='table') }}
        select amount from {{ ref('lines') }} where id < 100
        ",
    );
    project.run("build").exit(0);
    assert_eq!(
        only(&project),
        (
            "filter-earlier".to_owned(),
            "`lines` has 20,000 rows, and of these `first` and `second` keep each at most 714: `amount<500.0`, `day=3`, `id<100`"
                .to_owned(),
            "put the filter into `lines`".to_owned()
        )
    );
    // An exposure of it is a reader whose needs are not known.
    project.write(
        "models/e.yml",
        "exposures:\n  - {name: board, type: dashboard, owner: {email: a@example.org}, depends_on: [\"ref('lines')\"]}\n",
    );
    assert_eq!(findings(&project), []);
}

#[test]
fn a_table_that_is_only_aggregated_is_found_and_columns_that_nobody_reads() {
    let project = shop(
        "
        //- models/lines.sql
        {{ config(materialized='table') }}
        select id, customer_id, day, amount, amount * 2 as twice from {{ source('raw', 'sales') }}
        //- models/by_customer.sql
        {{ config(materialized='table') }}
        select customer_id, sum(amount) as amount from {{ ref('lines') }} group by customer_id
        //- models/by_day.sql
        {{ config(materialized='table') }}
        select day, sum(amount) as amount from {{ ref('lines') }} group by day
        ",
    );
    project.run("build").exit(0);
    assert_eq!(
        findings(&project),
        [
            (
                "aggregate-earlier".to_owned(),
                "`lines` stores 20,000 rows, and all that read them, `by_customer` and `by_day`, aggregates them to 100 rows at most"
                    .to_owned(),
                "aggregate in `lines` already; if people do not read its rows, a view or an ephemeral model spares the table"
                    .to_owned()
            ),
            (
                "unused-columns".to_owned(),
                "2 of 5 columns of `lines` (20,000 rows) are read by no model: `id` and `twice`".to_owned(),
                "leave them out, if nobody reads them in the table itself".to_owned()
            )
        ]
    );
    // Of readers that are not measured nothing is known.
    let all = measured(&project, "-s lines by_day");
    let codes: Vec<&str> =
        all["findings"].as_array().expect("a list").iter().filter_map(|it| it["code"].as_str()).collect();
    assert_eq!(codes, ["unused-columns"]);
}

#[test]
fn the_dearest_step_is_named() {
    let project = shop(
        "
        //- models/dear.sql
        {{ config(materialized='table') }}
        select sha256(sha256(sha256(id::varchar))) as hash from {{ source('raw', 'sales') }}
        //- models/cheap.sql
        {{ config(materialized='table') }}
        select * from {{ source('raw', 'customers') }}
        ",
    );
    let outcome = project.run("profile");
    let steps = section(outcome.exit(0), "where the time goes (all threads)\n");
    let first = steps.lines().nth(2).unwrap_or_default();
    assert!(first.starts_with("dear ") && first.ends_with(" 20,000  computing hash"), "{steps}");
}

#[test]
fn incremental_models_are_measured_as_the_next_run_would_make_them() {
    let project = shop(
        "
        //- models/added.sql
        {{ config(materialized='incremental') }}
        select id from {{ source('raw', 'sales') }}
        {% if is_incremental() %} where id > (select max(id) - 10 from {{ this }}) {% endif %}
        //- models/batches.sql
        {{ config(materialized='incremental', incremental_strategy='microbatch', event_time='happened', begin='2024-01-01', batch_size='day') }}
        select * from {{ ref('events') }}
        //- models/events.sql
        {{ config(event_time='happened', materialized='table') }}
        select i, (now() at time zone 'UTC')::timestamp - to_hours(i) as happened from range(48) as t(i)
        ",
    );
    project.run("run -s events").exit(0);
    let query = |arguments: &str, name: &str| {
        let all = measured(&project, arguments);
        let it = model(&all, name);
        (it["query"].as_str().unwrap_or_default().to_owned(), it["rows_out"].as_u64().unwrap_or_default())
    };
    assert_eq!(query("", "added"), ("whole".to_owned(), 20_000));
    let (form, rows) = query("", "batches");
    assert!(form == "newest batch" && (1..=24).contains(&rows), "{form}: {rows}");
    project.run("run -s added").exit(0);
    assert_eq!(query("", "added"), ("update".to_owned(), 10));
    assert_eq!(query("--full-refresh", "added"), ("whole".to_owned(), 20_000));
    // That little is new is no sign of a filter that comes late.
    project.write(
        "models/large.sql",
        "{{ config(materialized='table') }} select * from {{ source('raw', 'sales') }}",
    );
    project.write(
        "models/added.sql",
        project.read("models/added.sql").replace("source('raw', 'sales')", "ref('large')"),
    );
    project.run("run -s large added").exit(0);
    assert_eq!(query("", "added").0, "update");
    let unused = findings(&project);
    assert!(unused.iter().all(|it| it.0 == "unused-columns") && unused.len() == 1, "{unused:#?}");
    project.run("profile -s added").exit(0).stdout_has("added  incremental (update)");
}

#[test]
fn templates_that_ask_the_database_are_measured() {
    let project = shop(
        "
        //- models/late.sql
        {% set days = run_query(\"select distinct day from sales order by day\").columns[0].values() %}
        select {% for day in days %} count(*) filter (day = {{ day }}) as day_{{ day }}, {% endfor %}
        from {{ source('raw', 'sales') }}
        ",
    );
    let all = measured(&project, "");
    assert_eq!(model(&all, "late")["rows_in"], json!(20_000));
}

#[test]
fn what_grew_is_seen_in_the_history() {
    let project = shop(
        "//- models/lines.sql\n        select 1 as id\n        //- models/steady.sql\n        select 1 as id",
    );
    project.run("run").exit(0);
    project.execute(
        "insert into tidemill.node_runs (run_id, node_id, kind, status, finished_at, rows, rows_in, seconds)
         select 'x' || i, 'model.shop.' || name, 'model', 'success', timestamptz '2030-01-01' + to_days(i), 10,
            case when name = 'lines' and i >= 5 then 50000 else 20000 end,
            case when name = 'lines' and i >= 5 then 4.5 else 1.5 end
         from range(8) as t(i), (values ('lines'), ('steady')) as n(name);
         insert into tidemill.node_runs (run_id, node_id, kind, status, finished_at, seconds)
         values ('bad', 'model.shop.steady', 'model', 'error', '2031-01-01', 900)",
    );
    project.run("profile --history").exit(0).stdout(
        "
        what grew (median of the last 3 runs against those before)

        model  before    now  times  rows before  rows now  times
        -----  ------  -----  -----  -----------  --------  -----  ----------------------
        lines [time] [time]   3.0x       20,000    50,000   2.5x  slower, and reads more
        ",
    );
    let all = measured(&project, "--history");
    assert_eq!(
        all["growth"],
        json!([{
            "unique_id": "model.shop.lines",
            "seconds_before": 1.5,
            "seconds": 4.5,
            "rows_in_before": 20_000.0,
            "rows_in": 50_000.0,
            "runs_before": 6,
            "runs": 3,
            "is_slower": true,
            "reads_more": true,
        }])
    );
    project
        .run("profile --history -s steady")
        .exit(0)
        .stdout("nothing takes notably longer or reads notably more than before");
    project
        .run("profile")
        .exit(0)
        .stdout_has("\nwhat grew (median of the last 3 runs against those before)\n");
}

#[test]
fn what_is_not_built_is_told_and_the_rest_is_measured() {
    let project = shop(
        "
        //- models/base.sql
        {{ config(materialized='table') }}
        select id from {{ source('raw', 'sales') }}
        //- models/seen.sql
        {{ config(materialized='ephemeral') }}
        select * from {{ ref('base') }}
        //- models/top.sql
        select * from {{ ref('seen') }}
        //- models/lost.sql
        select * from {{ source('raw', 'tags') }}
        ",
    );
    project.execute("drop table tags");
    let outcome = project.run("profile");
    outcome.exit(1).stdout_has("1 query run on shop.duckdb");
    assert_eq!(
        section(&outcome, "\nnot measured\n"),
        "seen: it reads `base`, which is not built: tidemill build -s +seen\n\
         top: it reads `base`, which is not built: tidemill build -s +top\n\
         lost: the source `raw.tags` is not there"
    );
}

#[test]
fn a_query_that_fails_is_shown_at_its_line() {
    let project = shop(
        "
        //- models/bad.sql
        select id,
            amout
        from {{ source('raw', 'sales') }}
        //- models/worse.sql
        select id::date as day from {{ source('raw', 'sales') }}
        //- models/good.sql
        select 1 as id
        ",
    );
    let outcome = project.run("profile");
    outcome.exit(1).stdout_has("1 query run on shop.duckdb");
    outcome.stderr_has(" --> models/bad.sql:2:5\n").stderr_has(" --> models/worse.sql:1:10\n");
}

#[test]
fn a_statement_that_the_engine_does_not_explain_is_told() {
    let project = shop(
        "
        //- models/wide.sql
        pivot {{ source('raw', 'sales') }} on day using sum(amount) group by customer_id
        ",
    );
    project.run("profile").exit(0).stdout(
        "
        not measured

        wide: the engine does not measure such a statement: a `pivot` whose columns come from the data
        ",
    );
}

#[test]
fn without_a_database_nothing_can_be_measured() {
    let project = project("//- models/a.sql\n        select 1 as id\n");
    for command in ["profile", "profile --history"] {
        project
            .run(command)
            .exit(2)
            .stderr_has("error[missing-database]: the database `shop.duckdb` does not exist yet");
    }
    assert!(!project.dir().join("shop.duckdb").exists());
    project.execute("create table t as select 1 as id");
    project
        .run("profile --history")
        .exit(2)
        .stderr_has("error[no-history]: `shop.duckdb` has no history yet");
    project.run("profile").exit(0);
}

#[test]
fn a_database_in_use_is_told() {
    let project = shop("//- models/a.sql\n        select 1 as id\n");
    let _holder = project.hold();
    project.run("profile").exit(2).stderr_has("error[database-locked]: the database `shop.duckdb` is in use");
}

#[test]
fn a_selection_without_queries_is_an_error() {
    let project = shop("//- models/a.sql\n        select 1 as id\n");
    project
        .run("profile -s source:raw")
        .exit(2)
        .stderr_has("error[nothing-to-profile]: the selection has no query that could be measured");
    project.run("profile -s b").exit(2).stderr_has("`b`");
}
