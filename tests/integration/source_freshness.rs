//! `source freshness`, `sources.json`, `source_status:fresher` and waiting for sources.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value as Json;
use tidemill::plan;
use tidemill::project::files::MemoryFiles;
use tidemill::run::event::RunEvent;
use tidemill::run::sources::{Patience, Readiness, wait};
use tidemill::run::{Clock, Stop, Surroundings};
use tidemill::warehouse::{ConnectOptions, Warehouse, duckdb};

use crate::phases::phases;
use crate::project::{TestProject, project};

const RAW: &str = "
    //- models/sources.yml
    sources:
      - name: raw
        loaded_at_field: loaded_at
        freshness: {warn_after: {count: 1, period: hour}, error_after: {count: 1, period: day}}
        tables:
          - name: fresh
          - name: late
          - name: by_query
            config: {loaded_at_query: \"select max(loaded_at) - interval 90 minutes from {{ this }}\"}
          - name: no_rule
            freshness: null
    //- models/m.sql
    select id from {{ source('raw', 'fresh') }}
    //- models/n.sql
    select id from {{ source('raw', 'late') }}
    ";

fn load(project: &TestProject) {
    project.execute("create schema raw");
    for (name, ago) in
        [("fresh", "5 minutes"), ("late", "5 hours"), ("by_query", "0 minutes"), ("no_rule", "9 days")]
    {
        project.execute(&format!(
            "create table raw.{name} as select 1 as id, now()::timestamp - interval '{ago}' as loaded_at"
        ));
    }
}

fn results(project: &TestProject, file: &str) -> Vec<Json> {
    let file: Json = serde_json::from_str(&project.read(file)).expect("JSON");
    assert_eq!(file["metadata"]["dbt_schema_version"], "https://schemas.getdbt.com/dbt/sources/v3.json");
    file["results"].as_array().expect("a list").clone()
}

#[test]
fn the_freshness_of_sources_is_told_and_written() {
    let project = project(RAW);
    load(&project);
    project
        .run("source freshness")
        .exit(0)
        .stdout_has("1/3  late   source raw.by_query            the newest row is of ")
        .stdout_has("1 hour 30 minutes ago; the limit is 1 hour\n")
        .stdout_has("2/3  fresh  source raw.fresh               5 minutes old\n")
        .stdout_has("3 sources: 1 fresh, 2 late\n");
    let found = results(&project, "target/sources.json");
    let ids: Vec<&str> = found.iter().filter_map(|it| it["unique_id"].as_str()).collect();
    assert_eq!(ids, ["source.shop.raw.by_query", "source.shop.raw.fresh", "source.shop.raw.late"]);
    let fresh = &found[1];
    assert_eq!(fresh["status"], "pass");
    assert_eq!(fresh["criteria"]["error_after"]["period"], "day");
    assert!(
        (fresh["max_loaded_at_time_ago_in_s"].as_f64().expect("a number") - 300.0).abs() < 60.0,
        "{fresh}"
    );
    project.execute("update raw.late set loaded_at = loaded_at - interval 1 day");
    project
        .run("source snapshot-freshness -s source:raw.late -o out/f.json")
        .exit(1)
        .stdout_has("1 source: 1 stale");
    assert_eq!(results(&project, "out/f.json")[0]["status"], "error");
    assert_eq!(results(&project, "target/sources.json").len(), 3, "another file was asked for");
    project.run("source freshness -s m").exit(0).stdout_has("no source of the selection says how fresh");
    let events = project.run("source freshness --log-format json");
    events.exit(1).stdout_has("\"event\":\"source_checked\"").stdout_has("\"status\":\"stale\"");
}

#[test]
fn sources_that_cannot_be_asked_are_runtime_errors() {
    let project = project(RAW);
    load(&project);
    project.execute(
        "drop table raw.fresh; alter table raw.late rename loaded_at to loaded; delete from raw.by_query",
    );
    project
        .run("source freshness")
        .exit(1)
        .stdout_has("stale  source raw.by_query            there is no row that says how fresh it is")
        .stdout_has("3 sources: 1 stale, 2 of unknown age")
        .stderr_has("error[missing-source]: the source table raw.fresh does not exist")
        .stderr_has(
            "error[test-error]: freshness of source `raw.late`: Referenced column \"loaded_at\" not found",
        );
    let found = results(&project, "target/sources.json");
    assert_eq!(found[0]["max_loaded_at"], "0001-01-01T00:00:00Z");
    assert_eq!(found[1]["status"], "runtime error");
    assert!(found[2]["error"].as_str().expect("a text").contains("loaded_at"));
}

#[test]
fn without_a_field_files_tell_their_own_time_and_tables_do_not() {
    let project = project(
        "
        //- data/a.csv
        id
        1
        //- models/sources.yml
        sources:
          - name: files
            freshness: {error_after: {count: 1, period: day}}
            tables:
              - name: a
                config: {external_location: data/a.csv}
              - name: b
                config: {external_location: \"read_csv(['data/a.csv'], header = true)\"}
              - name: gone
                config: {external_location: data/gone.csv}
              - name: a_table
        //- models/m.sql
        select id from {{ source('files', 'a') }}
        ",
    );
    project
        .run("source freshness")
        .exit(1)
        .stdout_has("fresh  source files.a ")
        .stdout_has("fresh  source files.b ")
        .stderr_has("error[missing-source]: the source 'data/gone.csv' does not exist")
        .stderr_has("error[no-load-time]: nothing tells when the source `files.a_table` was loaded");
    let old = std::time::SystemTime::now() - Duration::from_hours(72);
    let file = std::fs::File::options().append(true).open(project.dir().join("data/a.csv")).expect("a file");
    file.set_modified(old).expect("a time");
    project.run("build").exit(1).stdout_has("(source:files.a is stale)");
    project.run("source accept -s source:files.a").exit(0).stdout_has("  + id BIGINT");
    project.write("data/a.csv", "key\n1\n");
    project.run("build").exit(1).stdout_has("column `id` is gone (probably `key` now), and `m` reads it");
}

#[test]
fn sources_with_newer_data_are_selected() {
    let project = project(RAW);
    load(&project);
    let before = "list -s source_status:fresher+ --resource-type model --state old";
    project.run(before).exit(2).stderr_has("error[missing-state]");
    project.run("source freshness").exit(0);
    std::fs::create_dir(project.dir().join("old")).expect("a folder");
    std::fs::copy(project.dir().join("target/manifest.json"), project.dir().join("old/manifest.json")).ok();
    project.write("old/manifest.json", "{}");
    project
        .run(before)
        .exit(2)
        .stderr_has("the selector `source_status:fresher` needs the sources.json of the earlier state");
    project.write("old/sources.json", project.read("target/sources.json"));
    project.run(before).exit(2).stderr_has("matches nothing");
    project.execute("update raw.late set loaded_at = now()::timestamp");
    project.run("source freshness").exit(0);
    project.run(before).exit(0).stdout("shop.n\n");
    std::fs::remove_file(project.dir().join("target/sources.json")).expect("it is there");
    project.run(before).exit(2).stderr_has("run `tidemill source freshness` first");
}

#[test]
fn sources_that_do_not_come_in_time_are_told_apart_from_failures() {
    let project = project(RAW);
    load(&project);
    project.run("build --wait-for-sources 1ms").exit(0);
    project.execute("drop table raw.fresh; update raw.late set loaded_at = loaded_at - interval 2 days");
    project
        .run("build --wait-for-sources 1ms")
        .exit(3)
        .stdout("")
        .stderr_has("error[sources-not-ready]: 2 sources not ready after [time], so nothing was run")
        .stderr_has("note: raw.fresh: it is not there")
        .stderr_has("note: raw.late: the newest row is of ")
        .stderr_has("help: this is no failure of a model: try again later");
    project.run("run -s n --wait-for-sources 0s").exit(3);
    project.run("source freshness -s source:raw.late --wait-for-sources 0s").exit(3);
    project.run("test --wait-for-sources 0s").exit(0);
    project.run("build --wait-for-sources soon").exit(2).stderr_has("not a duration");
}

/// A clock that goes on when somebody pauses.
#[derive(Default)]
struct PausedClock(Mutex<Duration>);

impl Clock for PausedClock {
    fn now(&self) -> String {
        "2026-01-01T00:00:00.000000Z".to_owned()
    }

    fn monotonic(&self) -> Duration {
        *self.0.lock().expect("one thread")
    }
}

/// Waits for the project's sources, with something done in every pause; gives the pauses too.
fn waited(
    project: &TestProject,
    limit: u64,
    stop: &Stop,
    in_pause: &dyn Fn(usize),
) -> (Readiness, Vec<u64>, Vec<String>) {
    let checked = phases(RAW).check();
    let (loaded, graph) = (checked.project(), checked.graph());
    let files = MemoryFiles::default();
    let selected: BTreeSet<_> = graph
        .nodes()
        .map(|(id, _)| id)
        .filter(|id| graph.node(*id).unique_id.as_str().starts_with("source.shop.raw.fresh"))
        .collect();
    let plan = plan::of_sources(graph, &selected);
    let clock = Arc::new(PausedClock::default());
    let around =
        Surroundings { project: loaded, files: &files, clock: clock.clone(), stop, column_use: None };
    let pauses = Cell::new(Vec::new());
    let mut pause = |length: Duration| {
        let mut all = pauses.take();
        all.push(u64::try_from(length.as_millis()).expect("a short one"));
        in_pause(all.len());
        pauses.set(all);
        *clock.0.lock().expect("one thread") += length;
    };
    let options = ConnectOptions {
        path: Some(project.dir().join("shop.duckdb")),
        read_only: true,
        schema: "main".to_owned(),
        workers: 1,
        ..ConnectOptions::default()
    };
    let mut open = || duckdb::open(&options) as Result<Box<dyn Warehouse>, _>;
    let mut told = Vec::new();
    let mut on_event = |event: &RunEvent| {
        if let RunEvent::Log { message, .. } = event {
            told.push(message.clone());
        }
    };
    let mut patience = Patience { limit: Duration::from_secs(limit), pause: &mut pause };
    let readiness = wait(&plan, graph, &around, &mut patience, &mut open, &mut on_event);
    (readiness, pauses.take(), told)
}

#[test]
fn waiting_ends_when_another_process_has_written_the_source() {
    let project = project(RAW);
    project.execute("create schema raw");
    let load = |n: usize| match n {
        // Nothing is open in a pause, so the loader can write.
        2 => project.execute(
            "create table raw.fresh as select 1 as id, now()::timestamp - interval 2 days as loaded_at",
        ),
        4 => project.execute("update raw.fresh set loaded_at = now()::timestamp"),
        _ => {}
    };
    let (readiness, pauses, told) = waited(&project, 3_600, &Stop::default(), &load);
    assert_eq!(readiness, Readiness::Ready);
    assert_eq!(pauses, [500, 750, 1_125, 1_687]);
    assert_eq!(told, ["waiting for sources: raw.fresh: it is not there"]);
}

#[test]
fn waiting_gives_up_when_the_time_is_up_or_the_user_wants_to_stop() {
    let project = project(RAW);
    project.execute("create schema raw");
    let (readiness, pauses, _) = waited(&project, 2, &Stop::default(), &|_| {});
    assert_eq!(readiness, Readiness::NotReady(vec!["raw.fresh: it is not there".to_owned()]));
    assert_eq!(pauses, [500, 750, 750], "the last pause ends with the time");
    let stop = Stop::default();
    let (readiness, pauses, _) = waited(&project, 3_600, &stop, &|_| stop.request());
    assert_eq!((readiness, pauses.len()), (Readiness::Interrupted, 1));
}

#[test]
fn a_loader_that_holds_the_file_is_waited_for() {
    let project = project(RAW);
    let (readiness, ..) = waited(&project, 0, &Stop::default(), &|_| {});
    let Readiness::NotReady(missing) = readiness else { panic!("{readiness:?}") };
    assert!(missing[0].starts_with("the database cannot be opened: "), "{missing:?}");
}
