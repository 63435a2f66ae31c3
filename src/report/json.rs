//! The report for programs: one JSON object a line, on one stream.
//!
//! The fields are described for users in `manual/events.md`; a field's name and meaning stay, new ones may
//! be added. Every line has `event`, `ts` and `invocation_id`. Unknown values are `null`, never left out.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use crate::diagnostics::render::word;
use crate::diagnostics::{Diagnostic, Severity, Sources, Span};
use crate::node::NodeKind;
use crate::report::{Clock, Output, Reporter, Verbosity, table};
use crate::run::event::{
    DiffRow, Kept, LogLevel, NodeFinished, NodeRef, Outcome, RowDiff, RunEvent, RunStarted, SkipReason,
    SourceChecked, TestFinished, TestStatus, Totals,
};
use crate::warehouse::Value;

/// Writes JSON lines.
pub struct JsonLines<O> {
    out: Output<O>,
    verbosity: Verbosity,
    invocation_id: String,
    clock: Clock,
    n_errors: usize,
    n_warnings: usize,
}

impl<O: Write> JsonLines<O> {
    /// A reporter that writes to `out`; the clock gives the `ts` of each line.
    pub fn new(out: O, verbosity: Verbosity, invocation_id: String, clock: Clock) -> Self {
        Self { out: Output::new(out), verbosity, invocation_id, clock, n_errors: 0, n_warnings: 0 }
    }

    fn line(&mut self, event: &str, fields: Json) {
        let mut line = Map::new();
        line.insert("event".to_owned(), event.into());
        line.insert("ts".to_owned(), (self.clock)().into());
        line.insert("invocation_id".to_owned(), self.invocation_id.clone().into());
        if let Json::Object(fields) = fields {
            line.extend(fields);
        }
        self.out.write(&format!("{}\n", Json::Object(line)));
    }

    fn is_shown(&self, event: &RunEvent) -> bool {
        let least = match event {
            RunEvent::Statement { .. } | RunEvent::Log { level: LogLevel::Debug, .. } => Verbosity::Debug,
            RunEvent::TestFinished(it) => match it.status {
                TestStatus::Fail | TestStatus::Error => Verbosity::Quiet,
                TestStatus::Pass | TestStatus::Warn | TestStatus::Skipped => Verbosity::Normal,
            },
            RunEvent::NodeFinished(it) if it.outcome.is_good() => Verbosity::Normal,
            RunEvent::NodeFinished(_)
            | RunEvent::RunFinished { .. }
            | RunEvent::Log { level: LogLevel::Print, .. } => Verbosity::Quiet,
            RunEvent::RunStarted(_)
            | RunEvent::SourceChecked(_)
            | RunEvent::NodeStarted { .. }
            | RunEvent::NodeSkipped { .. }
            | RunEvent::Log { level: LogLevel::Info | LogLevel::Warning, .. }
            | RunEvent::Waiting { .. } => Verbosity::Normal,
        };
        self.verbosity >= least
    }
}

impl<O: Write> Reporter for JsonLines<O> {
    fn event(&mut self, sources: &Sources, event: &RunEvent) {
        if !self.is_shown(event) {
            return;
        }
        match event {
            RunEvent::RunStarted(started) => self.line("run_started", run_started(started)),
            RunEvent::SourceChecked(checked) => self.line("source_checked", source_checked(checked)),
            RunEvent::NodeStarted { node } => self.line("node_started", node_fields(node)),
            RunEvent::Statement { node, sql, elapsed } => {
                let node = node.as_ref().map(|it| it.unique_id.as_str());
                self.line("statement", json!({"node": node, "sql": sql, "elapsed": seconds(*elapsed)}));
            }
            RunEvent::TestFinished(finished) => self.line("test_finished", test_finished(sources, finished)),
            RunEvent::NodeFinished(finished) => self.line("node_finished", node_finished(sources, finished)),
            RunEvent::NodeSkipped { node, reason } => self.line("node_skipped", node_skipped(node, reason)),
            RunEvent::Log { level, message } => {
                self.line("log", json!({"level": level.as_str(), "message": message}));
            }
            RunEvent::Waiting { holder } => self.line("waiting", json!({"holder": holder})),
            RunEvent::RunFinished { elapsed, totals } => {
                self.line("run_finished", run_finished(*elapsed, totals));
            }
        }
    }

    fn diagnostics(&mut self, sources: &Sources, diagnostics: &[Diagnostic]) {
        for diagnostic in diagnostics {
            match diagnostic.severity {
                Severity::Error => self.n_errors += 1,
                Severity::Warning => self.n_warnings += 1,
            }
            if diagnostic.severity == Severity::Error || self.verbosity > Verbosity::Quiet {
                self.line("diagnostic", diagnostic_fields(sources, diagnostic));
            }
        }
    }

    fn data(&mut self, text: &str) {
        self.line("data", json!({"data": text}));
    }

    fn stopped(&mut self) {
        self.line("stopped", json!({"errors": self.n_errors, "warnings": self.n_warnings}));
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.finish()
    }
}

/// What a run is about to do.
pub(super) fn run_started(started: &RunStarted) -> Json {
    json!({
        "command": started.command.as_str(),
        "counts": counts(&started.counts),
        "steps": started.steps,
        "threads": started.threads,
        "target": started.target,
        "database": started.database,
        "publish": if started.is_staged { "run" } else { "model" },
        "reads": started.rows_read.is_limited().then(|| started.rows_read.to_string()),
    })
}

fn node_fields(node: &NodeRef) -> Json {
    json!({
        "node": node.unique_id.as_str(),
        "kind": node.kind.as_str(),
        "label": node.label,
        "path": node.path,
    })
}

fn source_checked(checked: &SourceChecked) -> Json {
    let more = json!({
        "status": checked.status.as_str(),
        "loaded_at": checked.loaded_at,
        "age": checked.age,
        "is_unchanged": checked.is_unchanged,
        "message": checked.message,
    });
    joined(node_fields(&checked.source), more)
}

/// A node that was not worked on.
pub(super) fn node_skipped(node: &NodeRef, reason: &SkipReason) -> Json {
    let because_of = reason.because_of().map(|it| it.unique_id.as_str());
    let more = json!({
        "status": "skipped",
        "reason": reason.as_str(),
        "because_of": because_of,
        "message": reason.to_string(),
    });
    joined(node_fields(node), more)
}

/// A node that is done.
pub(super) fn node_finished(sources: &Sources, finished: &NodeFinished) -> Json {
    let (status, failed_tests, kept) = match &finished.outcome {
        Outcome::Success | Outcome::Checked => ("success", 0, None),
        Outcome::Unchanged { .. } => ("unchanged", 0, None),
        Outcome::NoOp => ("no_op", 0, None),
        Outcome::Stale => ("stale", 0, None),
        Outcome::RolledBack { failed_tests, kept } => ("rolled_back", *failed_tests, Some(kept)),
        Outcome::TestsFailed { failed_tests } => ("tests_failed", *failed_tests, None),
        Outcome::Error { kept } => ("error", 0, Some(kept)),
    };
    let (kept, published_at) = match kept {
        None => (None, None),
        Some(Kept::Nothing) => (Some("nothing"), None),
        Some(Kept::New) => (Some("new"), None),
        Some(Kept::Batches { .. }) => (Some("batches"), None),
        Some(Kept::Previous { published_at }) => (Some("previous"), published_at.clone()),
    };
    let published_at = match &finished.outcome {
        Outcome::Unchanged { published_at } => Some(published_at.clone()),
        _ => published_at,
    };
    let more = json!({
        "status": status,
        "elapsed": seconds(finished.elapsed),
        "rows": finished.rows,
        "rows_in": finished.rows_in,
        "failed_tests": failed_tests,
        "kept": kept,
        "published_at": published_at,
        "diagnostic": finished.fault.as_ref().map(|it| diagnostic_fields(sources, it)),
    });
    joined(node_fields(&finished.node), more)
}

/// A test that is done.
pub(super) fn test_finished(sources: &Sources, finished: &TestFinished) -> Json {
    let samples = finished.samples.as_ref().map(table::json_rows);
    let more = json!({
        "owner": finished.owner.as_ref().map(|it| it.unique_id.as_str()),
        "status": finished.status.as_str(),
        "elapsed": seconds(finished.elapsed),
        "failures": finished.failures,
        "samples": samples,
        "diff": finished.diff.as_deref().map(diff_fields),
        "query": finished.query,
        "is_kept": finished.is_kept,
        "trend": finished.trend,
        "diagnostic": finished.fault.as_ref().map(|it| diagnostic_fields(sources, it)),
    });
    joined(node_fields(&finished.test), more)
}

/// How rows differ: for each, what was expected and what was made, as far as there is such a row.
fn diff_fields(diff: &RowDiff) -> Json {
    let row = |values: &[Value]| -> Json {
        diff.columns
            .iter()
            .zip(values)
            .map(|(name, value)| (name.clone(), table::plain_json(value)))
            .collect()
    };
    let rows = diff.rows.iter().map(|it| match it {
        DiffRow::Changed { expected, actual } => json!({"expected": row(expected), "actual": row(actual)}),
        DiffRow::Missing(values) => json!({"expected": row(values), "actual": null}),
        DiffRow::Extra(values) => json!({"expected": null, "actual": row(values)}),
    });
    json!({"equal_rows": diff.equal, "rows": rows.collect::<Vec<_>>()})
}

/// What a run came to.
pub(super) fn run_finished(elapsed: Duration, totals: &Totals) -> Json {
    let status = match (totals.is_interrupted, totals.is_success()) {
        (true, _) => "interrupted",
        (false, true) => "success",
        (false, false) => "failure",
    };
    json!({
        "status": status,
        "elapsed": seconds(elapsed),
        "succeeded": counts(&totals.succeeded),
        "unchanged": totals.unchanged,
        "rolled_back": totals.rolled_back,
        "errors": totals.errors,
        "skipped": totals.skipped,
        "held_back": totals.held_back,
        "tests": {
            "passed": totals.tests.passed,
            "warned": totals.tests.warned,
            "failed": totals.tests.failed,
            "errors": totals.tests.errors,
            "skipped": totals.tests.skipped,
        },
    })
}

/// A diagnostic as an object; the place is that of the primary label.
pub fn diagnostic_fields(sources: &Sources, diagnostic: &Diagnostic) -> Json {
    let primary = diagnostic.primary.as_ref();
    let place = primary.map_or_else(no_place, |label| place_fields(sources, label.span));
    let head = json!({
        "severity": word(diagnostic.severity),
        "code": diagnostic.code,
        "message": diagnostic.message,
    });
    let related: Vec<Json> = diagnostic
        .secondary
        .iter()
        .map(|label| joined(place_fields(sources, label.span), json!({"label": label.text})))
        .collect();
    let more = json!({
        "label": primary.map(|it| it.text.as_str()),
        "related": related,
        "notes": diagnostic.notes,
        "help": diagnostic.helps,
    });
    joined(joined(head, place), more)
}

fn place_fields(sources: &Sources, span: Span) -> Json {
    let (line, column) = sources.line_column(span.file, span.start as usize);
    let (end_line, end_column) = sources.line_column(span.file, span.end as usize);
    json!({
        "file": sources.get(span.file).path,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
    })
}

fn no_place() -> Json {
    json!({"file": null, "line": null, "column": null, "end_line": null, "end_column": null})
}

fn counts(counts: &[(NodeKind, usize)]) -> Json {
    counts.iter().map(|(kind, n)| (kind.as_str().to_owned(), Json::from(*n))).collect::<Map<_, _>>().into()
}

/// Seconds with at most microseconds.
fn seconds(elapsed: Duration) -> Json {
    let micros = Duration::new(elapsed.as_secs(), elapsed.subsec_micros() * 1_000);
    Json::from(micros.as_secs_f64())
}

/// The fields of both objects, in order.
fn joined(first: Json, second: Json) -> Json {
    match (first, second) {
        (Json::Object(mut first), Json::Object(second)) => {
            first.extend(second);
            Json::Object(first)
        }
        (first, _) => first,
    }
}
