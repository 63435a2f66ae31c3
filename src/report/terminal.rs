//! The report for people: one line a step while a run goes on, and at its end what matters most last.
//!
//! Colour is always written; the streams given take it out where it is not wanted. Lines adapt to the
//! width: columns where they fit, else a line and its details below.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Effects, Style};

use crate::diagnostics::render::{self, render};
use crate::diagnostics::{Diagnostic, Severity, Sources};
use crate::node::{NodeKind, UniqueId};
use crate::report::live::Live;
use crate::report::summary::{self, Findings};
use crate::report::{Output, Reporter, Verbosity, layout, numbers};
use crate::run::event::{
    LogLevel, NodeFinished, NodeRef, Outcome, RunCommand, RunEvent, RunStarted, TestFinished, TestStatus,
    TestTotals, Totals,
};

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().effects(Effects::BOLD);
const CAREFUL: Style = AnsiColor::Yellow.on_default();
const FAINT: Style = Style::new().effects(Effects::DIMMED);

/// Widths of the columns of a step's line around the node's label: outcome, rows or reason, time.
const WORD: usize = 11;
const DETAIL: usize = 22;
const TIME: usize = 7;

/// The label's column takes what is left between these; with less there are no columns.
const LABEL: std::ops::RangeInclusive<usize> = 18..=36;

/// How a terminal reporter behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalOptions {
    /// Columns.
    pub width: usize,
    /// How much is shown.
    pub verbosity: Verbosity,
    /// Whether to show what is running, on the process's own standard error.
    pub is_live: bool,
}

/// Writes for people: reports and results to one stream, diagnostics and logs to the other.
pub struct Terminal<O, E> {
    out: Output<O>,
    err: Output<E>,
    options: TerminalOptions,
    live: Live,
    run: Run,
    n_errors: usize,
    n_warnings: usize,
}

/// What is remembered of the run that goes on.
struct Run {
    command: RunCommand,
    steps: usize,
    /// Whether nothing is published before the end.
    is_staged: bool,
    step: usize,
    /// Tests of nodes that are being worked on.
    open: BTreeMap<UniqueId, Vec<TestFinished>>,
    slowest: Vec<(Duration, String)>,
    findings: Findings,
    /// Unit tests that were told since the last line about something else.
    unit_tests: TestTotals,
    /// What is said of sources.
    checked: BTreeMap<UniqueId, String>,
}

/// A step's line before it is laid out.
struct StepLine<'a> {
    word: &'a str,
    style: Style,
    label: &'a str,
    detail: Option<String>,
    elapsed: Option<Duration>,
}

impl<O: Write, E: Write> Terminal<O, E> {
    /// A reporter that writes results to `out` and diagnostics to `err`.
    pub fn new(out: O, err: E, options: TerminalOptions) -> Self {
        let live = if options.is_live { Live::on_standard_error() } else { Live::absent() };
        let (out, err) = (Output::new(out), Output::new(err));
        Self { out, err, options, live, run: Run::new(RunCommand::Build, 0), n_errors: 0, n_warnings: 0 }
    }

    fn print(&mut self, text: &str) {
        let out = &mut self.out;
        self.live.suspend(|| out.write(text));
    }

    fn print_error(&mut self, text: &str) {
        let err = &mut self.err;
        self.live.suspend(|| err.write(text));
    }

    fn is_quiet(&self) -> bool {
        self.options.verbosity == Verbosity::Quiet
    }

    fn started(&mut self, started: &RunStarted) {
        let is_unit_test = |it: &&(NodeKind, usize)| it.0 == NodeKind::UnitTest;
        let unit_tests = started.counts.iter().find(is_unit_test).map_or(0, |it| it.1);
        self.run = Run::new(started.command, started.steps.saturating_sub(unit_tests));
        self.run.is_staged = started.is_staged;
        if !self.is_quiet() {
            let line = layout::wrap(&summary::opening(started), self.options.width, 2);
            self.print(&format!("{line}\n"));
        }
    }

    fn test_finished(&mut self, sources: &Sources, finished: &TestFinished) {
        self.run.findings.test(sources, finished, self.run.command, self.options.width);
        if let Some(owner) = &finished.owner {
            self.run.open.entry(owner.unique_id.clone()).or_default().push(finished.clone());
            return;
        }
        if finished.test.kind == NodeKind::UnitTest {
            self.unit_test(sources, finished);
            return;
        }
        self.live.finish(&finished.test);
        let label = step_label(&finished.test);
        let (word, style) = test_word(finished.status);
        let detail = finished.failures.filter(|n| *n > 0).map(summary::rows_fail);
        let elapsed = Some(finished.elapsed);
        self.step(&StepLine { word, style, label: &label, detail, elapsed });
    }

    /// Unit tests are many and quick: only those that need attention have a line of their own.
    fn unit_test(&mut self, sources: &Sources, finished: &TestFinished) {
        self.run.unit_tests.add(finished.status);
        if finished.status == TestStatus::Pass || self.is_quiet() {
            return;
        }
        let (word, style) = test_word(finished.status);
        let said = match (&finished.diff, &finished.fault) {
            (None, Some(fault)) => format!(": {}", place_and_message(sources, fault)),
            _ => String::new(),
        };
        let line = self.below(&format!("{word} unit test {}{said}", finished.test.label));
        self.print(&line.replacen(word, &format!("{style}{word}{style:#}"), 1));
    }

    /// What unit tests came to: before the first line of what comes after them.
    fn unit_tests_done(&mut self) {
        let totals = std::mem::take(&mut self.run.unit_tests);
        if !totals.is_empty() && !self.is_quiet() {
            let line = self.below(&summary::tests(totals).replacen("test", "unit test", 1));
            self.print(&line);
        }
    }

    fn node_finished(&mut self, sources: &Sources, finished: &NodeFinished) {
        let node = &finished.node;
        self.live.finish(node);
        self.run.findings.node(sources, finished, self.options.width);
        self.run.slowest.push((finished.elapsed, node.label.clone()));
        let tests = self.run.open.remove(&node.unique_id).unwrap_or_default();
        let (word, style) = node_word(&self.run, &finished.outcome);
        let rows = finished.rows.map(|rows| numbers::rows(rows, finished.rows_in));
        let rows = match &finished.outcome {
            // To the minute: that is what the column has room for.
            Outcome::Unchanged { published_at } => {
                Some(format!("since {}", published_at.get(..16).unwrap_or(published_at)))
            }
            _ => rows,
        };
        let detail = rows.or_else(|| self.run.checked.remove(&node.unique_id));
        let elapsed = Some(finished.elapsed);
        self.step(&StepLine { word, style, label: &node.label, detail, elapsed });
        let fault = finished.fault.as_deref().map(|fault| place_and_message(sources, fault));
        let kept = match &finished.outcome {
            Outcome::Success
            | Outcome::Checked
            | Outcome::Unchanged { .. }
            | Outcome::NoOp
            | Outcome::Stale
            | Outcome::TestsFailed { .. } => None,
            // Nobody publishes a source.
            Outcome::Error { .. } if node.kind == NodeKind::Source => None,
            Outcome::RolledBack { kept, .. } | Outcome::Error { kept } => Some(kept.to_string()),
        };
        if !self.is_quiet() {
            let text: String = fault.into_iter().chain(kept).map(|line| self.below(&line)).collect();
            self.print(&text);
        }
        self.tests_below(sources, &tests);
    }

    /// The tests of a node: how many ended how, and each that needs attention.
    fn tests_below(&mut self, sources: &Sources, tests: &[TestFinished]) {
        let mut totals = TestTotals::default();
        for test in tests {
            totals.add(test.status);
        }
        if totals.is_empty() || self.is_quiet() {
            return;
        }
        let mut text = self.below(&summary::tests(totals));
        for test in tests {
            let (word, style) = test_word(test.status);
            let said = match (test.status, &test.message, &test.fault) {
                // A test that could not be run and says no more shares the fault of its node.
                (TestStatus::Pass, None, _) | (TestStatus::Skipped, _, _) | (TestStatus::Error, _, None) => {
                    continue;
                }
                (_, Some(message), _) => format!(": {message}"),
                (_, _, Some(fault)) => format!(": {}", place_and_message(sources, fault)),
                (TestStatus::Warn | TestStatus::Fail, _, None) => String::new(),
            };
            let line = self.below(&format!("{word} {}{said}", test.test.label));
            text.push_str(&line.replacen(word, &format!("{style}{word}{style:#}"), 1));
        }
        self.print(&text);
    }

    /// A line that belongs to the step above it.
    fn below(&self, text: &str) -> String {
        let indent = 2 * digits(self.run.steps) + 3;
        let text = layout::wrap(text, self.options.width.saturating_sub(indent), 2);
        layout::indent(&text, indent)
    }

    fn step(&mut self, line: &StepLine) {
        self.run.step += 1;
        if self.is_quiet() {
            return;
        }
        let text = lay_out(line, self.run.step, self.run.steps.max(self.run.step), self.options.width);
        self.print(&text);
    }

    fn finished(&mut self, sources: &Sources, elapsed: Duration, totals: &Totals) {
        self.live.clear();
        for tests in std::mem::take(&mut self.run.open).into_values() {
            self.tests_below(sources, &tests);
        }
        let width = self.options.width;
        let is_success = totals.is_success();
        let mut text = String::new();
        if !self.is_quiet() {
            if !is_success && let Some(line) = summary::totals(self.run.command, totals) {
                let _ = writeln!(text, "\n{}", layout::wrap(&line, width, 2));
            }
            text.push_str(&summary::slowest(&mut self.run.slowest));
            text.push_str(&self.run.findings.warnings());
        }
        text.push_str(&self.run.findings.failures());
        if !is_success || !self.is_quiet() {
            text.push('\n');
            if let Some(command) = self.run.findings.next_step(self.run.command) {
                let _ = writeln!(text, "next: {command}");
            }
            let style = if is_success { GOOD } else { BAD };
            let verdict = summary::verdict(self.run.command, elapsed, totals);
            let _ = writeln!(text, "{}", emphasized(&layout::wrap(&verdict, width, 2), style));
        }
        // Nothing is above a quiet report that an empty line would set it off from.
        self.print(if self.is_quiet() { text.trim_start() } else { &text });
    }

    fn logged(&mut self, level: LogLevel, message: &str) {
        match level {
            LogLevel::Print => self.print(&format!("{message}\n")),
            LogLevel::Debug if self.options.verbosity < Verbosity::Debug => {}
            LogLevel::Info | LogLevel::Warning if self.is_quiet() => {}
            LogLevel::Debug => self.print_error(&format!("{FAINT}{message}{FAINT:#}\n")),
            LogLevel::Info => self.print_error(&format!("{message}\n")),
            LogLevel::Warning => self.print_error(&format!("{CAREFUL}warning{CAREFUL:#}: {message}\n")),
        }
    }

    fn statement(&mut self, node: Option<&NodeRef>, sql: &str, elapsed: Duration) {
        if self.options.verbosity == Verbosity::Debug {
            let label = node.map_or("the run", |node| &node.label);
            let time = numbers::duration(elapsed);
            self.print_error(&format!("{FAINT}-- {label}, {time}{FAINT:#}\n{}\n", sql.trim_end()));
        }
    }
}

impl<O: Write, E: Write> Reporter for Terminal<O, E> {
    fn event(&mut self, sources: &Sources, event: &RunEvent) {
        let is_unit_test = matches!(event, RunEvent::TestFinished(it) if it.test.kind == NodeKind::UnitTest);
        let is_aside =
            matches!(event, RunEvent::Log { .. } | RunEvent::Statement { .. } | RunEvent::RunFinished { .. });
        if !is_unit_test && !is_aside {
            self.unit_tests_done();
        }
        match event {
            RunEvent::RunStarted(started) => self.started(started),
            RunEvent::SourceChecked(checked) => {
                if let Some(message) = &checked.message {
                    self.run.checked.insert(checked.source.unique_id.clone(), message.clone());
                }
            }
            RunEvent::NodeStarted { node } => self.live.start(node),
            RunEvent::Statement { node, sql, elapsed } => self.statement(node.as_ref(), sql, *elapsed),
            RunEvent::TestFinished(finished) => self.test_finished(sources, finished),
            RunEvent::NodeFinished(finished) => self.node_finished(sources, finished),
            RunEvent::NodeSkipped { node, reason } => {
                self.live.finish(node);
                let detail = Some(format!("({reason})"));
                let label = step_label(node);
                self.step(&StepLine {
                    word: "skipped",
                    style: CAREFUL,
                    label: &label,
                    detail,
                    elapsed: None,
                });
            }
            RunEvent::Log { level, message } => self.logged(*level, message),
            RunEvent::Waiting { holder } => {
                let holder = holder.as_deref().unwrap_or("another process");
                self.print_error(&format!("waiting for the database, which {holder} holds\n"));
            }
            RunEvent::RunFinished { elapsed, totals } => self.finished(sources, *elapsed, totals),
        }
    }

    fn diagnostics(&mut self, sources: &Sources, diagnostics: &[Diagnostic]) {
        let (errors, warnings): (Vec<&Diagnostic>, Vec<&Diagnostic>) =
            diagnostics.iter().partition(|it| it.severity == Severity::Error);
        self.n_errors += errors.len();
        self.n_warnings += warnings.len();
        let is_shown = |it: &&Diagnostic| it.severity == Severity::Error || !self.is_quiet();
        let shown: Vec<Diagnostic> = diagnostics.iter().filter(is_shown).cloned().collect();
        if !shown.is_empty() {
            let style = render::Style { color: true, width: self.options.width };
            let text = render(sources, &shown, style);
            self.print_error(&format!("{text}\n"));
        }
    }

    fn data(&mut self, text: &str) {
        let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        self.print(&format!("{text}{end}"));
    }

    fn stopped(&mut self) {
        let counts = render::summary(self.n_errors, self.n_warnings);
        self.print_error(&format!("{BAD}stopped{BAD:#}: {counts}\n"));
    }

    fn finish(&mut self) -> io::Result<()> {
        self.live.clear();
        self.out.finish().and(self.err.finish())
    }
}

impl Run {
    fn new(command: RunCommand, steps: usize) -> Self {
        let (open, slowest, checked) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
        let (findings, unit_tests) = (Findings::default(), TestTotals::default());
        Self { command, steps, is_staged: false, step: 0, open, slowest, findings, unit_tests, checked }
    }
}

/// The text with its first two words in a style.
fn emphasized(text: &str, style: Style) -> String {
    let end = text.match_indices(' ').nth(1).map_or(text.len(), |(index, _)| index);
    let (head, rest) = text.split_at(end);
    format!("{style}{head}{style:#}{rest}")
}

fn digits(n: usize) -> usize {
    n.to_string().len()
}

/// One line in columns if the terminal is wide enough, else as few lines as it takes.
fn lay_out(line: &StepLine, step: usize, steps: usize, width: usize) -> String {
    let index = layout::pad_left(&format!("{step}/{steps}"), 2 * digits(steps) + 1);
    in_columns(line, &index, width).unwrap_or_else(|| in_lines(line, &index, width))
}

fn in_columns(line: &StepLine, index: &str, width: usize) -> Option<String> {
    let StepLine { word, style, label, detail, elapsed } = line;
    let left = width.checked_sub(layout::width(index) + WORD + DETAIL + TIME + 8)?;
    let label_column = left.min(*LABEL.end());
    if label_column < *LABEL.start() {
        return None;
    }
    let mut rest = layout::pad_right(label, label_column);
    if let Some(detail) = detail {
        rest = format!("{rest}  {detail}");
    }
    if let Some(elapsed) = elapsed {
        let time = layout::pad_left(&numbers::duration(*elapsed), TIME);
        rest = format!("{}  {time}", layout::pad_right(&rest, label_column + 2 + DETAIL));
    }
    let rest = rest.trim_end();
    let gap = " ".repeat(WORD.saturating_sub(layout::width(word)) + 2);
    let fits = layout::width(index) + 2 + WORD + 2 + layout::width(rest) <= width;
    fits.then(|| format!("{index}  {style}{word}{style:#}{gap}{rest}\n"))
}

fn in_lines(line: &StepLine, index: &str, width: usize) -> String {
    let StepLine { word, style, label, detail, elapsed } = line;
    let details: Vec<String> =
        [detail.clone(), elapsed.map(numbers::duration)].into_iter().flatten().collect();
    let details = details.join(", ");
    let indent = layout::width(index) + 2;
    let head_width = layout::width(index) + layout::width(word) + layout::width(label) + 2;
    let head = format!("{index} {style}{word}{style:#} {label}");
    if head_width + 2 + layout::width(&details) <= width {
        format!("{head}  {details}\n")
    } else {
        let details = layout::wrap(&details, width.saturating_sub(indent), 0);
        format!("{head}\n{}", layout::indent(&details, indent))
    }
}

fn node_word(run: &Run, outcome: &Outcome) -> (&'static str, Style) {
    match (outcome, run.command) {
        (Outcome::Checked, _) => ("checked", GOOD),
        (Outcome::Unchanged { .. }, _) => ("unchanged", GOOD),
        (Outcome::NoOp, _) => ("no-op", GOOD),
        (Outcome::Success, RunCommand::Build) if run.is_staged => ("made", GOOD),
        (Outcome::Stale, _) => ("stale", CAREFUL),
        (Outcome::Success, RunCommand::Build) => ("published", GOOD),
        (Outcome::Success, RunCommand::Run) => ("built", GOOD),
        (Outcome::Success, RunCommand::Test) => ("tested", GOOD),
        (Outcome::Success, RunCommand::Seed) => ("loaded", GOOD),
        (Outcome::Success, RunCommand::Snapshot) => ("taken", GOOD),
        (Outcome::RolledBack { .. }, _) => ("rolled back", BAD),
        (Outcome::TestsFailed { .. }, _) => ("failed", BAD),
        (Outcome::Error { .. }, _) => ("error", BAD),
    }
}

fn test_word(status: TestStatus) -> (&'static str, Style) {
    match status {
        TestStatus::Pass => ("passed", GOOD),
        TestStatus::Warn => ("warning", CAREFUL),
        TestStatus::Fail => ("failed", BAD),
        TestStatus::Error => ("error", BAD),
        TestStatus::Skipped => ("skipped", CAREFUL),
    }
}

/// The label of a node that is a step by itself: tests, unlike others, do not say what they are.
fn step_label(node: &NodeRef) -> String {
    match node.kind {
        NodeKind::Test => format!("test {}", node.label),
        NodeKind::UnitTest => format!("unit test {}", node.label),
        NodeKind::Source
        | NodeKind::Seed
        | NodeKind::Model
        | NodeKind::Snapshot
        | NodeKind::Function
        | NodeKind::Analysis
        | NodeKind::Exposure
        | NodeKind::SemanticModel
        | NodeKind::Metric
        | NodeKind::SavedQuery => node.label.clone(),
    }
}

fn place_and_message(sources: &Sources, fault: &Diagnostic) -> String {
    let message = layout::one_line(&fault.message);
    match &fault.primary {
        Some(label) => format!("{}: {message}", sources.place(label.span)),
        None => message,
    }
}
