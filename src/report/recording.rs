//! Everything that was reported, kept for the report files of CI systems.
//!
//! In: what a command says to its reporter. Out: a [`Recording`], which `files/` turns into `JUnit`, SARIF and
//! the rest. Places are resolved and secrets hidden here, so that no format can forget it.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Map, Value as Json};

use crate::diagnostics::render::{Style, render};
use crate::diagnostics::scrub::Scrubber;
use crate::diagnostics::{Diagnostic, Severity, Sources, Span};
use crate::report::{Reporter, diff, json, table};
use crate::run::event::{
    NodeRef, Outcome, RunCommand, RunEvent, RunStarted, SkipReason, TestFinished, TestStatus, Totals,
};
use crate::warehouse::{Rows, Value};

/// Columns for rows that differ: reports are read in a browser.
const DIFF_WIDTH: usize = 160;

/// Columns of the excerpts in files.
const WIDTH: usize = 120;

/// What a command reported.
#[derive(Debug, Default)]
pub struct Recording {
    /// What the run was about to do; `None` for commands that run nothing, or that stopped before.
    pub started: Option<RunStarted>,
    /// Faults that belong to no node or test, in the order in which they were reported.
    pub findings: Vec<Finding>,
    /// Nodes that were worked on or skipped, in the order in which they ended.
    pub nodes: Vec<RecordedNode>,
    /// Tests, in the order in which they ended.
    pub tests: Vec<RecordedTest>,
    /// How long the run took and what it came to, if it came to its end.
    pub finished: Option<(Duration, Totals)>,
}

/// A fault, with its place as people write it.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Error or warning.
    pub severity: Severity,
    /// The kebab-case name of the kind of fault.
    pub code: &'static str,
    /// The headline.
    pub message: String,
    /// The first place.
    pub place: Option<Place>,
    /// Further places, with what is there.
    pub related: Vec<(Place, String)>,
    /// Causes and facts.
    pub notes: Vec<String>,
    /// What to do.
    pub helps: Vec<String>,
    /// As it is drawn for people, with the excerpt of the file.
    pub drawn: String,
    /// As the JSON lines have it.
    pub json: Json,
}

/// A range in a file; lines and columns begin with 1, columns count characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Path relative to the project, with `/`.
    pub file: String,
    /// First line.
    pub line: usize,
    /// First column.
    pub column: usize,
    /// Last line.
    pub end_line: usize,
    /// One past the last column.
    pub end_column: usize,
}

/// A node's end.
#[derive(Clone, Debug)]
pub struct RecordedNode {
    /// The node.
    pub node: NodeRef,
    /// How it ended.
    pub end: NodeEnd,
    /// How long it took, tests included.
    pub elapsed: Duration,
    /// Rows of the new version.
    pub rows: Option<u64>,
    /// Rows of what it was made from.
    pub rows_in: Option<u64>,
    /// What went wrong.
    pub finding: Option<Finding>,
    /// As the JSON lines have it.
    pub json: Json,
}

/// How a node ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeEnd {
    /// It was worked on.
    Done(Outcome),
    /// It was not.
    Skipped(SkipReason),
}

/// A test's end.
#[derive(Clone, Debug)]
pub struct RecordedTest {
    /// The test.
    pub test: NodeRef,
    /// The node that it is reported with.
    pub owner: Option<NodeRef>,
    /// How it ended.
    pub status: TestStatus,
    /// Failures, as the test counts them.
    pub failures: Option<u64>,
    /// How long it took; zero for a part of a common scan.
    pub elapsed: Duration,
    /// What to say about it in one line.
    pub message: Option<String>,
    /// What went wrong.
    pub finding: Option<Finding>,
    /// Some of the rows that fail.
    pub samples: Option<Rows>,
    /// How the rows of a unit test differ from those expected, drawn.
    pub diff: Option<String>,
    /// A query for all of them.
    pub query: Option<String>,
    /// As the JSON lines have it.
    pub json: Json,
}

impl RecordedTest {
    /// Its own finding, or one made of what is known, for a test that found something.
    pub fn problem(&self) -> Option<Finding> {
        let (severity, code) = match self.status {
            TestStatus::Pass | TestStatus::Skipped => return None,
            TestStatus::Warn => (Severity::Warning, "test-warned"),
            TestStatus::Fail => (Severity::Error, "test-failed"),
            TestStatus::Error => (Severity::Error, "test-error"),
        };
        let made = || {
            let of = self.owner.as_ref().map(|it| format!(" of {}", it.label)).unwrap_or_default();
            let said = self.message.clone().unwrap_or_else(|| "it found something".to_owned());
            Finding::plain(severity, code, format!("{}{of}: {said}", self.test.label), &self.test.path)
        };
        Some(self.finding.clone().unwrap_or_else(made))
    }

    /// The drawn fault, some of the rows, and the query for all: what to read when it failed.
    pub fn details(&self) -> String {
        let mut text = self.problem().map(|it| it.drawn).unwrap_or_default();
        if let Some(samples) = self.samples.as_ref().filter(|it| !it.rows.is_empty()) {
            text.push_str("for example:\n");
            text.push_str(&table::aligned(samples, None));
        }
        text.push_str(self.diff.as_deref().unwrap_or_default());
        if let Some(query) = &self.query {
            text.push_str("found by:\n");
            text.push_str(query.trim());
            text.push('\n');
        }
        text
    }
}

impl RecordedNode {
    /// What is wrong with the node itself; what its tests found they tell themselves.
    pub fn problem(&self) -> Option<Finding> {
        let made = |message: String| Finding::plain(Severity::Error, "node-failed", message, &self.node.path);
        match &self.end {
            NodeEnd::Done(Outcome::Error { .. }) => {
                let message = || format!("{} could not be made", self.node.label);
                Some(self.finding.clone().unwrap_or_else(|| made(message())))
            }
            NodeEnd::Done(_) | NodeEnd::Skipped(_) => self.finding.clone(),
        }
    }
}

impl Finding {
    /// A fault of which only the file is known.
    fn plain(severity: Severity, code: &'static str, message: String, path: &str) -> Self {
        let drawn = format!("{message}\n");
        let place = Place { file: path.to_owned(), line: 1, column: 1, end_line: 1, end_column: 1 };
        let place = (!path.is_empty()).then_some(place);
        let (related, notes, helps) = (Vec::new(), Vec::new(), Vec::new());
        Self { severity, code, message, place, related, notes, helps, drawn, json: Json::Null }
    }

    fn new(sources: &Sources, diagnostic: &Diagnostic, scrubber: &Scrubber) -> Self {
        let hide = |text: &String| scrubber.hide(text);
        let style = Style { color: false, width: WIDTH };
        let related = diagnostic
            .secondary
            .iter()
            .map(|label| (place(sources, label.span), hide(&label.text)))
            .collect();
        Self {
            severity: diagnostic.severity,
            code: diagnostic.code,
            message: hide(&diagnostic.message),
            place: diagnostic.primary.as_ref().map(|label| place(sources, label.span)),
            related,
            notes: diagnostic.notes.iter().map(hide).collect(),
            helps: diagnostic.helps.iter().map(hide).collect(),
            drawn: scrubber.hide(&render(sources, std::slice::from_ref(diagnostic), style)),
            json: hidden(json::diagnostic_fields(sources, diagnostic), scrubber),
        }
    }
}

fn place(sources: &Sources, span: Span) -> Place {
    let (line, column) = sources.line_column(span.file, span.start as usize);
    let (end_line, end_column) = sources.line_column(span.file, span.end as usize);
    Place { file: sources.get(span.file).path.clone(), line, column, end_line, end_column }
}

fn without_secrets(mut rows: Rows, scrubber: &Scrubber) -> Rows {
    for value in rows.rows.iter_mut().flatten() {
        if let Value::Text(text) = value {
            *text = scrubber.hide(text);
        }
    }
    rows
}

/// The same value without secrets.
fn hidden(value: Json, scrubber: &Scrubber) -> Json {
    match value {
        Json::String(text) => scrubber.hide(&text).into(),
        Json::Array(items) => items.into_iter().map(|it| hidden(it, scrubber)).collect(),
        Json::Object(fields) => {
            fields.into_iter().map(|(key, it)| (key, hidden(it, scrubber))).collect::<Map<_, _>>().into()
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => value,
    }
}

/// Passes everything on to another reporter and keeps what CI systems want to know.
pub struct Recorder {
    inner: Box<dyn Reporter>,
    recording: Rc<RefCell<Recording>>,
    scrubber: Scrubber,
}

impl Recorder {
    /// A recorder before `inner`, which fills `recording` and keeps secrets out of it.
    pub fn new(inner: Box<dyn Reporter>, recording: Rc<RefCell<Recording>>, scrubber: Scrubber) -> Self {
        Self { inner, recording, scrubber }
    }

    fn finding(&self, sources: &Sources, fault: Option<&Diagnostic>) -> Option<Finding> {
        fault.map(|it| Finding::new(sources, it, &self.scrubber))
    }

    fn test(&self, sources: &Sources, finished: &TestFinished) -> RecordedTest {
        let hide = |text: &String| self.scrubber.hide(text);
        RecordedTest {
            test: finished.test.clone(),
            owner: finished.owner.clone(),
            status: finished.status,
            failures: finished.failures,
            elapsed: finished.elapsed,
            message: finished.message.as_ref().map(hide),
            finding: self.finding(sources, finished.fault.as_deref()),
            samples: finished.samples.clone().map(|rows| without_secrets(rows, &self.scrubber)),
            diff: finished.diff.as_deref().map(|it| hide(&diff::plain(it, DIFF_WIDTH))),
            query: finished.query.as_ref().map(hide),
            json: hidden(json::test_finished(sources, finished), &self.scrubber),
        }
    }

    fn record(&self, sources: &Sources, event: &RunEvent) {
        let mut recording = self.recording.borrow_mut();
        match event {
            RunEvent::RunStarted(started) => recording.started = Some(started.clone()),
            RunEvent::TestFinished(finished) => recording.tests.push(self.test(sources, finished)),
            RunEvent::NodeFinished(finished) => recording.nodes.push(RecordedNode {
                node: finished.node.clone(),
                end: NodeEnd::Done(finished.outcome.clone()),
                elapsed: finished.elapsed,
                rows: finished.rows,
                rows_in: finished.rows_in,
                finding: self.finding(sources, finished.fault.as_deref()),
                json: hidden(json::node_finished(sources, finished), &self.scrubber),
            }),
            RunEvent::NodeSkipped { node, reason } => recording.nodes.push(RecordedNode {
                node: node.clone(),
                end: NodeEnd::Skipped(reason.clone()),
                elapsed: Duration::ZERO,
                rows: None,
                rows_in: None,
                finding: None,
                json: json::node_skipped(node, reason),
            }),
            RunEvent::RunFinished { elapsed, totals } => {
                recording.finished = Some((*elapsed, totals.clone()));
            }
            RunEvent::SourceChecked(_)
            | RunEvent::NodeStarted { .. }
            | RunEvent::Statement { .. }
            | RunEvent::Log { .. }
            | RunEvent::Waiting { .. } => {}
        }
    }
}

impl Reporter for Recorder {
    fn event(&mut self, sources: &Sources, event: &RunEvent) {
        self.record(sources, event);
        self.inner.event(sources, event);
    }

    fn diagnostics(&mut self, sources: &Sources, diagnostics: &[Diagnostic]) {
        let findings = diagnostics.iter().map(|it| Finding::new(sources, it, &self.scrubber));
        self.recording.borrow_mut().findings.extend(findings);
        self.inner.diagnostics(sources, diagnostics);
    }

    fn data(&mut self, text: &str) {
        self.inner.data(text);
    }

    fn stopped(&mut self) {
        self.inner.stopped();
    }

    fn finish(&mut self) -> io::Result<()> {
        self.inner.finish()
    }
}

impl Recording {
    /// All faults: those of no node, of nodes and of tests, errors first, each kind by place.
    pub fn all_findings(&self) -> Vec<(Finding, Option<&NodeRef>)> {
        let own = self.findings.iter().map(|it| (it.clone(), None));
        let nodes = self.nodes.iter().filter_map(|it| Some((it.problem()?, Some(&it.node))));
        let tests = self.tests.iter().filter_map(|it| Some((it.problem()?, Some(&it.test))));
        let mut all: Vec<(Finding, Option<&NodeRef>)> = own.chain(nodes).chain(tests).collect();
        all.sort_by(|(a, _), (b, _)| {
            let order = |it: &Finding| (it.severity, it.place.clone(), it.message.clone());
            order(a).cmp(&order(b))
        });
        all
    }

    /// The command of the run, if there was one.
    pub fn command(&self) -> Option<RunCommand> {
        self.started.as_ref().map(|it| it.command)
    }
}
