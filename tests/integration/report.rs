//! Events in, whole reports out: for people at two widths, and for programs.

use std::time::Duration;

use anstream::StripStream;
use serde_json::{Value as Json, json};
use tidemill::batch::RowsRead;
use tidemill::diagnostics::{Diagnostic, FileId, Sources, Span};
use tidemill::node::{NodeKind, UniqueId};
use tidemill::report::json::JsonLines;
use tidemill::report::terminal::{Terminal, TerminalOptions};
use tidemill::report::{Reporter, Verbosity};
use tidemill::run::event::{
    Kept, LogLevel, NodeFinished, NodeRef, Outcome, RunCommand, RunEvent, RunStarted, SkipReason,
    TestFinished, TestStatus, Totals,
};
use tidemill::warehouse::{Column, Rows, Value};

/// What went to standard output and to standard error.
struct Written {
    out: String,
    err: String,
}

/// Lets a terminal reporter say something, without colour.
fn written(width: usize, verbosity: Verbosity, say: impl FnOnce(&mut dyn Reporter)) -> Written {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let options = TerminalOptions { width, verbosity, is_live: false };
    let mut reporter = Terminal::new(StripStream::new(&mut out), StripStream::new(&mut err), options);
    say(&mut reporter);
    reporter.finish().expect("memory takes all");
    let text = |bytes| String::from_utf8(bytes).expect("reports are texts");
    Written { out: text(out), err: text(err) }
}

/// Reports events, with their totals at the end, and gives standard output.
#[track_caller]
fn report(width: usize, verbosity: Verbosity, sources: &Sources, events: Vec<RunEvent>) -> String {
    let events = with_totals(events);
    written(width, verbosity, |reporter| events.iter().for_each(|event| reporter.event(sources, event))).out
}

/// The events as JSON lines.
fn json_lines(verbosity: Verbosity, sources: &Sources, events: Vec<RunEvent>) -> Vec<Json> {
    let mut out = Vec::new();
    let clock = Box::new(|| "2026-01-01T00:00:00Z".to_owned());
    let mut reporter = JsonLines::new(&mut out, verbosity, "id".to_owned(), clock);
    for event in with_totals(events) {
        reporter.event(sources, &event);
    }
    let text = String::from_utf8(out).expect("reports are texts");
    text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

fn with_totals(mut events: Vec<RunEvent>) -> Vec<RunEvent> {
    let mut totals = Totals::default();
    for event in &events {
        totals.add(event);
    }
    events.push(RunEvent::RunFinished { elapsed: Duration::from_millis(450), totals });
    events
}

fn node(kind: NodeKind, name: &str, label: &str) -> NodeRef {
    let unique_id = UniqueId(format!("{kind}.shop.{name}"));
    NodeRef { unique_id, kind, label: label.to_owned(), path: format!("{kind}s/{name}.sql") }
}

fn model(name: &str) -> NodeRef {
    node(NodeKind::Model, name, &format!("table main.{name}"))
}

fn test_node(name: &str) -> NodeRef {
    NodeRef { path: "models/schema.yml".to_owned(), ..node(NodeKind::Test, name, name) }
}

fn started(command: RunCommand, counts: &[(NodeKind, usize)], steps: usize) -> RunEvent {
    RunEvent::RunStarted(RunStarted {
        command,
        counts: counts.to_vec(),
        steps,
        threads: 4,
        target: "dev".to_owned(),
        is_staged: false,
        rows_read: RowsRead::All,
        database: "shop.duckdb".to_owned(),
    })
}

fn finished(node: NodeRef, outcome: Outcome, millis: u64) -> NodeFinished {
    let elapsed = Duration::from_millis(millis);
    NodeFinished { node, outcome, elapsed, rows: None, rows_in: None, fault: None }
}

fn published(node: NodeRef, millis: u64, rows: u64, rows_in: Option<u64>) -> RunEvent {
    let finished = finished(node, Outcome::Success, millis);
    RunEvent::NodeFinished(NodeFinished { rows: Some(rows), rows_in, ..finished })
}

fn tested(name: &str, owner: &NodeRef, status: TestStatus, failures: u64) -> TestFinished {
    let message = match failures {
        0 => None,
        1 => Some("1 row fails".to_owned()),
        more => Some(format!("{more} rows fail")),
    };
    TestFinished {
        test: test_node(name),
        owner: Some(owner.clone()),
        status,
        failures: Some(failures),
        elapsed: Duration::ZERO,
        message,
        fault: None,
        samples: None,
        diff: None,
        query: None,
        is_kept: false,
        trend: Vec::new(),
    }
}

fn good_run() -> Vec<RunEvent> {
    let customers = node(NodeKind::Seed, "customers", "seed raw.customers");
    let (sales, monthly) = (model("sales"), model("monthly_sales"));
    vec![
        started(RunCommand::Build, &[(NodeKind::Seed, 1), (NodeKind::Model, 2), (NodeKind::Test, 2)], 3),
        RunEvent::NodeStarted { node: customers.clone() },
        published(customers, 12, 100, None),
        RunEvent::NodeStarted { node: sales.clone() },
        published(sales, 310, 500_000, Some(500_000)),
        RunEvent::NodeStarted { node: monthly.clone() },
        RunEvent::TestFinished(tested("not_null_monthly_sales_month", &monthly, TestStatus::Pass, 0)),
        RunEvent::TestFinished(tested("unique_monthly_sales_id", &monthly, TestStatus::Pass, 0)),
        published(monthly, 62_000, 1_200, Some(500_000)),
    ]
}

/// A project in which `orders` does not compile, `payments` has a bad row, and `report` reads both.
fn bad_run() -> (Sources, Vec<RunEvent>) {
    let mut sources = Sources::default();
    let file = sources.add("models/orders.sql", "select\n  id,\n  amout\nfrom raw.orders\n");
    let schema = sources.add(
        "models/schema.yml",
        "models:\n  - name: payments\n    columns: [{name: id, data_tests: [unique]}]\n",
    );
    let (orders, payments) = (model("orders"), model("payments"));
    let fault = Diagnostic::error("bad-column", "model `orders` reads column `amout`, which does not exist")
        .at(place(&sources, file, "amout"), "`raw.orders` has no such column")
        .help("did you mean `amount`?");
    let unique = Diagnostic::error(
        "test-failed",
        "test `unique_payments_id` of table main.payments failed: 3 rows fail",
    )
    .at(place(&sources, schema, "unique"), "");
    let kept = Kept::Previous { published_at: Some("2026-01-01 06:00".to_owned()) };
    let events = vec![
        started(RunCommand::Build, &[(NodeKind::Model, 3), (NodeKind::Test, 3)], 3),
        RunEvent::NodeFinished(NodeFinished {
            fault: Some(Box::new(fault)),
            ..finished(orders.clone(), Outcome::Error { kept }, 20)
        }),
        RunEvent::TestFinished(TestFinished {
            fault: Some(Box::new(unique)),
            samples: Some(samples()),
            query: Some("select id, count(*) as n\nfrom main.payments\ngroup by id having n > 1".to_owned()),
            is_kept: false,
            trend: Vec::new(),
            ..tested("unique_payments_id", &payments, TestStatus::Fail, 3)
        }),
        RunEvent::TestFinished(tested("not_null_payments_id", &payments, TestStatus::Pass, 0)),
        RunEvent::TestFinished(tested("payments_are_recent", &payments, TestStatus::Warn, 1)),
        RunEvent::NodeFinished(finished(
            payments,
            Outcome::RolledBack { failed_tests: 1, kept: Kept::Nothing },
            40,
        )),
        RunEvent::NodeSkipped { node: model("report"), reason: SkipReason::ParentFailed(orders) },
    ];
    (sources, events)
}

fn samples() -> Rows {
    let column =
        |name: &str, data_type: &str| Column { name: name.to_owned(), data_type: data_type.to_owned() };
    let row = |id: &str, n| vec![Value::Text(id.to_owned()), Value::Int(n)];
    Rows {
        columns: vec![column("id", "VARCHAR"), column("n", "BIGINT")],
        rows: vec![row("a1", 2), row("b2", 11)],
    }
}

fn place(sources: &Sources, file: FileId, text: &str) -> Span {
    let start = sources.get(file).text.find(text).expect("the text is in the file");
    Span::new(file, start..start + text.len())
}

#[test]
fn a_good_build_is_a_line_a_node_and_a_verdict() {
    assert_eq!(
        report(100, Verbosity::Normal, &Sources::default(), good_run()),
        "\
building 1 seed, 2 models, 2 tests in shop.duckdb (target dev, 4 threads)
1/3  published    seed raw.customers                    100 rows                  0.01s
2/3  published    table main.sales                      500,000 rows              0.31s
3/3  published    table main.monthly_sales              500,000 -> 1,200 rows    1m 02s
     2 tests passed

build succeeded in 0.45s: 1 seed, 2 models published; 2 tests passed
"
    );
}

#[test]
fn a_good_build_fits_forty_columns() {
    assert_eq!(
        report(40, Verbosity::Normal, &Sources::default(), good_run()),
        "\
building 1 seed, 2 models, 2 tests in
  shop.duckdb (target dev, 4 threads)
1/3 published seed raw.customers
     100 rows, 0.01s
2/3 published table main.sales
     500,000 rows, 0.31s
3/3 published table main.monthly_sales
     500,000 -> 1,200 rows, 1m 02s
     2 tests passed

build succeeded in 0.45s: 1 seed, 2
  models published; 2 tests passed
"
    );
}

#[test]
fn a_bad_build_ends_with_every_failure_and_what_to_do() {
    let (sources, events) = bad_run();
    assert_eq!(
        report(100, Verbosity::Normal, &sources, events),
        "\
building 3 models, 3 tests in shop.duckdb (target dev, 4 threads)
1/3  error        table main.orders                                               0.02s
     models/orders.sql:3:3: model `orders` reads column `amout`, which does not exist
     kept the version of 2026-01-01 06:00
2/3  rolled back  table main.payments                                             0.04s
     nothing is published
     1 test passed, 1 warned, 1 failed
     failed unique_payments_id: 3 rows fail
     warning payments_are_recent: 1 row fails
3/3  skipped      table main.report                     (orders failed)

1 test passed, 1 warned, 1 failed

warning[test-warned]: test `payments_are_recent` of table main.payments warned: 1 row fails
note: it is in models/schema.yml

error[bad-column]: model `orders` reads column `amout`, which does not exist
 --> models/orders.sql:3:3
  |
3 |   amout
  |   ^^^^^ `raw.orders` has no such column
  |
help: did you mean `amount`?

error[test-failed]: test `unique_payments_id` of table main.payments failed: 3 rows fail
 --> models/schema.yml:3:39
  |
3 |     columns: [{name: id, data_tests: [unique]}]
  |                                       ^^^^^^
  for example:
    id   n
    --  --
    a1   2
    b2  11
  found before the rollback by:
    select id, count(*) as n
    from main.payments
    group by id having n > 1

next: tidemill build -s +orders+ +payments+
build failed in 0.45s: 1 node failed, 1 node rolled back, 1 test failed, 1 skipped
"
    );
}

#[test]
fn a_bad_build_fits_forty_columns() {
    let (sources, events) = bad_run();
    assert_eq!(
        report(40, Verbosity::Normal, &sources, events),
        "\
building 3 models, 3 tests in
  shop.duckdb (target dev, 4 threads)
1/3 error table main.orders  0.02s
     models/orders.sql:3:3: model
       `orders` reads column `amout`,
       which does not exist
     kept the version of 2026-01-01
       06:00
2/3 rolled back table main.payments
     0.04s
     nothing is published
     1 test passed, 1 warned, 1 failed
     failed unique_payments_id: 3 rows
       fail
     warning payments_are_recent: 1 row
       fails
3/3 skipped table main.report
     (orders failed)

1 test passed, 1 warned, 1 failed

warning[test-warned]: test `payments_are_recent` of table main.payments warned: 1 row fails
note: it is in models/schema.yml

error[bad-column]: model `orders` reads column `amout`, which does not exist
 --> models/orders.sql:3:3
  |
3 |   amout
  |   ^^^^^ `raw.orders` has no such column
  |
help: did you mean `amount`?

error[test-failed]: test `unique_payments_id` of table main.payments failed: 3 rows fail
 --> models/schema.yml:3:39
  |
3 | ...ata_tests: [unique]}]
  |                ^^^^^^
  for example:
    id   n
    --  --
    a1   2
    b2  11
  found before the rollback by:
    select id, count(*) as n
    from main.payments
    group by id having n > 1

next: tidemill build -s +orders+ +payments+
build failed in 0.45s: 1 node failed, 1
  node rolled back, 1 test failed, 1
  skipped
"
    );
}

#[test]
fn quiet_reports_failures_only() {
    let (sources, events) = bad_run();
    let text = report(100, Verbosity::Quiet, &sources, events);
    assert!(text.starts_with("error[bad-column]: model `orders`"), "{text}");
    assert!(!text.contains("payments_are_recent") && !text.contains("skipped  "), "{text}");
    assert_eq!(report(100, Verbosity::Quiet, &Sources::default(), good_run()), "");
}

#[test]
fn a_test_run_names_tests_that_run_on_their_own() {
    let alone = |name: &str, status, failures| {
        let failures = Some(failures);
        let test = tested(name, &model("x"), status, 0);
        RunEvent::TestFinished(TestFinished {
            owner: None,
            failures,
            elapsed: Duration::from_millis(5),
            ..test
        })
    };
    let events = vec![
        started(RunCommand::Test, &[(NodeKind::Test, 3)], 3),
        alone("assert_no_negative_amounts", TestStatus::Pass, 0),
        alone("assert_totals_agree", TestStatus::Fail, 1_234),
        RunEvent::NodeSkipped { node: test_node("assert_more"), reason: SkipReason::Interrupted },
    ];
    assert_eq!(
        report(100, Verbosity::Normal, &Sources::default(), events),
        "\
testing 3 tests in shop.duckdb (target dev, 4 threads)
1/3  passed       test assert_no_negative_amounts                                 0.01s
2/3  failed       test assert_totals_agree              1,234 rows fail           0.01s
3/3  skipped      test assert_more                      (interrupted)

1 test passed, 1 failed

error[test-failed]: test `assert_totals_agree` failed: 1,234 rows fail
note: it is in models/schema.yml

next: tidemill test -s assert_totals_agree
test interrupted after 0.45s: 1 test failed, 1 skipped
"
    );
}

#[test]
fn many_nodes_end_with_the_slowest() {
    let mut events = vec![started(RunCommand::Run, &[(NodeKind::Model, 12)], 12)];
    events.extend((1..=12).map(|n| published(model(&format!("m{n}")), n * 7_000, n, None)));
    assert_eq!(
        report(80, Verbosity::Normal, &Sources::default(), events),
        "\
running 12 models in shop.duckdb (target dev, 4 threads)
 1/12  built        table main.m1                1 row                     7.00s
 2/12  built        table main.m2                2 rows                   14.00s
 3/12  built        table main.m3                3 rows                   21.00s
 4/12  built        table main.m4                4 rows                   28.00s
 5/12  built        table main.m5                5 rows                   35.00s
 6/12  built        table main.m6                6 rows                   42.00s
 7/12  built        table main.m7                7 rows                   49.00s
 8/12  built        table main.m8                8 rows                   56.00s
 9/12  built        table main.m9                9 rows                   1m 03s
10/12  built        table main.m10               10 rows                  1m 10s
11/12  built        table main.m11               11 rows                  1m 17s
12/12  built        table main.m12               12 rows                  1m 24s

slowest:
  1m 24s  table main.m12
  1m 17s  table main.m11
  1m 10s  table main.m10

run succeeded in 0.45s: 12 models built
"
    );
}

#[test]
fn a_selection_of_nothing_says_so() {
    let events = vec![started(RunCommand::Seed, &[], 0)];
    assert_eq!(
        report(100, Verbosity::Normal, &Sources::default(), events),
        "\
loading nothing in shop.duckdb (target dev, 4 threads)

seed succeeded in 0.45s: there was nothing to do
"
    );
}

#[test]
fn logs_statements_and_diagnostics_go_to_standard_error_and_results_to_standard_output() {
    let mut sources = Sources::default();
    let file = sources.add("a.sql", "select 1");
    let diagnostics =
        [Diagnostic::warning("odd", "odd").at(Span::new(file, 0..6), ""), Diagnostic::error("bad", "bad")];
    let say = |reporter: &mut dyn Reporter| {
        reporter.log(LogLevel::Info, "an info");
        reporter.log(LogLevel::Warning, "a warning");
        reporter.log(LogLevel::Print, "a print");
        let (node, sql) = (Some(model("orders")), "select 1\n".to_owned());
        reporter.event(&sources, &RunEvent::Statement { node, sql, elapsed: Duration::from_millis(31) });
        reporter.event(&sources, &RunEvent::Waiting { holder: Some("dbeaver (PID 7)".to_owned()) });
        reporter.data("a result");
        reporter.diagnostics(&sources, &diagnostics);
        reporter.stopped();
    };
    let debug = written(100, Verbosity::Debug, say);
    assert_eq!(debug.out, "a print\na result\n");
    assert_eq!(
        debug.err,
        "\
an info
warning: a warning
-- table main.orders, 0.03s
select 1
waiting for the database, which dbeaver (PID 7) holds
warning[odd]: odd
 --> a.sql:1:1
  |
1 | select 1
  | ^^^^^^

error[bad]: bad

stopped: 1 error, 1 warning
"
    );
    let quiet = written(100, Verbosity::Quiet, say);
    assert_eq!(quiet.out, "a print\na result\n");
    assert_eq!(
        quiet.err,
        "\
waiting for the database, which dbeaver (PID 7) holds
error[bad]: bad

stopped: 1 error, 1 warning
"
    );
}

#[test]
fn every_event_is_a_json_line_with_the_documented_fields() {
    let (sources, events) = bad_run();
    let lines = json_lines(Verbosity::Normal, &sources, events);
    let names: Vec<&str> = lines.iter().filter_map(|line| line["event"].as_str()).collect();
    let tests = ["test_finished"; 3];
    let expected =
        [&["run_started", "node_finished"][..], &tests, &["node_finished", "node_skipped", "run_finished"]];
    assert_eq!(names, expected.concat());
    assert_eq!(
        lines[1],
        json!({
            "event": "node_finished",
            "ts": "2026-01-01T00:00:00Z",
            "invocation_id": "id",
            "node": "model.shop.orders",
            "kind": "model",
            "label": "table main.orders",
            "path": "models/orders.sql",
            "status": "error",
            "elapsed": 0.02,
            "rows": null,
            "rows_in": null,
            "failed_tests": 0,
            "kept": "previous",
            "published_at": "2026-01-01 06:00",
            "diagnostic": {
                "severity": "error",
                "code": "bad-column",
                "message": "model `orders` reads column `amout`, which does not exist",
                "file": "models/orders.sql",
                "line": 3,
                "column": 3,
                "end_line": 3,
                "end_column": 8,
                "label": "`raw.orders` has no such column",
                "related": [],
                "notes": [],
                "help": ["did you mean `amount`?"],
            },
        })
    );
    assert_eq!(lines[2]["owner"], "model.shop.payments");
    assert_eq!(lines[2]["samples"], json!([{"id": "a1", "n": 2}, {"id": "b2", "n": 11}]));
    assert_eq!(lines[6]["reason"], "parent_failed");
    assert_eq!(lines[6]["because_of"], "model.shop.orders");
    assert_eq!(lines[7]["status"], "failure");
    assert_eq!(lines[7]["tests"], json!({"passed": 1, "warned": 1, "failed": 1, "errors": 0, "skipped": 0}));
}

#[test]
fn quiet_json_has_failures_and_the_end() {
    let (sources, events) = bad_run();
    let lines = json_lines(Verbosity::Quiet, &sources, events);
    let names: Vec<&str> = lines.iter().filter_map(|line| line["event"].as_str()).collect();
    assert_eq!(names, ["node_finished", "test_finished", "node_finished", "run_finished"]);
}

#[test]
fn fields_in_the_manual_are_the_fields_in_the_lines() {
    let manual = include_str!("../../manual/events.md");
    let (sources, mut events) = bad_run();
    events.push(RunEvent::Log { level: LogLevel::Info, message: "hello".to_owned() });
    events.push(RunEvent::Waiting { holder: None });
    for line in json_lines(Verbosity::Debug, &sources, events) {
        let event = line["event"].as_str().expect("a name");
        assert!(manual.contains(&format!("## `{event}`\n")), "{event}");
        for field in line.as_object().expect("an object").keys() {
            assert!(manual.contains(&format!("`{field}`")), "{event}.{field}");
        }
    }
}

/// A stream that fails in one way.
struct Failing(std::io::ErrorKind);

impl std::io::Write for Failing {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_closed_pipe_is_no_error_but_a_full_disk_is() {
    let finish = |kind| {
        let options = TerminalOptions { width: 80, verbosity: Verbosity::Normal, is_live: false };
        let mut reporter = Terminal::new(Failing(kind), std::io::sink(), options);
        reporter.data("a result");
        reporter.data("more");
        reporter.finish().map_err(|error| error.kind())
    };
    assert_eq!(finish(std::io::ErrorKind::BrokenPipe), Ok(()));
    assert_eq!(finish(std::io::ErrorKind::StorageFull), Err(std::io::ErrorKind::StorageFull));
}
