//! What a run's report says before and after its lines: totals, what was slow, what failed, what to do.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use crate::batch::RowsRead;
use crate::diagnostics::render::{Style, render};
use crate::diagnostics::{Diagnostic, Sources};
use crate::node::NodeKind;
use crate::report::{chart, diff, layout, numbers, table};
use crate::run::event::{
    NodeFinished, Outcome, RunCommand, RunStarted, TestFinished, TestStatus, TestTotals, Totals,
};

/// With fewer nodes than this nobody asks which was slow.
const MANY_NODES: usize = 6;

/// How many slow nodes are named.
const N_SLOWEST: usize = 3;

/// How many of a trend's values are written out.
const TREND_NUMBERS: usize = 5;

/// How many names the next step lists; for more of them the whole command is advised.
const MAX_SELECTED: usize = 5;

/// Warnings and failures in full, kept for the end of the report.
#[derive(Default)]
pub(super) struct Findings {
    warnings: Vec<String>,
    failures: Vec<String>,
    /// What to select to try again.
    selectors: BTreeSet<String>,
    /// Whether a selection would leave out nodes that were skipped.
    needs_whole_run: bool,
}

impl Findings {
    /// Takes up a test that found something.
    pub(super) fn test(
        &mut self,
        sources: &Sources,
        finished: &TestFinished,
        command: RunCommand,
        width: usize,
    ) {
        match finished.status {
            TestStatus::Pass | TestStatus::Skipped => return,
            TestStatus::Warn => self.warnings.push(finding(sources, finished, command, width)),
            // The fault is told with the owner.
            TestStatus::Error if finished.owner.is_some() && finished.fault.is_none() => {}
            TestStatus::Fail | TestStatus::Error => {
                self.failures.push(finding(sources, finished, command, width));
                if finished.owner.is_none() {
                    self.selectors.insert(finished.test.selector());
                    self.needs_whole_run = true;
                }
            }
        }
        if let (Some(owner), TestStatus::Fail | TestStatus::Error) = (&finished.owner, finished.status) {
            self.selectors.insert(owner.selector());
        }
    }

    /// Takes up a node that failed.
    pub(super) fn node(&mut self, sources: &Sources, finished: &NodeFinished, width: usize) {
        // What is held back is no failure; why it is stands among the warnings.
        if finished.outcome.is_good() || finished.outcome == Outcome::Stale {
            return;
        }
        self.selectors.insert(finished.node.selector());
        let fault = match (&finished.fault, &finished.outcome) {
            (Some(fault), _) => fault.as_ref().clone(),
            (None, Outcome::Error { .. }) => {
                let message = format!("{} could not be made", finished.node.label);
                Diagnostic::error("node-failed", message).note(format!("it is in {}", finished.node.path))
            }
            // Its tests say what is wrong.
            (
                None,
                Outcome::Success
                | Outcome::Checked
                | Outcome::Unchanged { .. }
                | Outcome::NoOp
                | Outcome::Stale
                | Outcome::RolledBack { .. }
                | Outcome::TestsFailed { .. },
            ) => return,
        };
        self.failures.push(drawn(sources, &fault, width));
    }

    /// All warnings, each after an empty line.
    pub(super) fn warnings(&self) -> String {
        after_empty_lines(&self.warnings)
    }

    /// All failures, each after an empty line.
    pub(super) fn failures(&self) -> String {
        after_empty_lines(&self.failures)
    }

    /// The command that tries again what failed and all that depends on it.
    pub(super) fn next_step(&self, command: RunCommand) -> Option<String> {
        if self.selectors.is_empty() {
            return None;
        }
        let word = command.as_str();
        let is_whole = match command {
            RunCommand::Build | RunCommand::Run => self.needs_whole_run,
            RunCommand::Test | RunCommand::Seed | RunCommand::Snapshot => false,
        };
        if is_whole || self.selectors.len() > MAX_SELECTED {
            return Some(format!("tidemill {word}"));
        }
        // Bad rows often come from a parent: what is mended there must be made again too.
        let (ancestors, descendants) = match command {
            RunCommand::Build => ("+", "+"),
            RunCommand::Run => ("", "+"),
            RunCommand::Test | RunCommand::Seed | RunCommand::Snapshot => ("", ""),
        };
        let around = |name: &String| format!("{ancestors}{name}{descendants}");
        let names: Vec<String> = self.selectors.iter().map(around).collect();
        Some(format!("tidemill {word} -s {}", names.join(" ")))
    }
}

fn after_empty_lines(texts: &[String]) -> String {
    texts.iter().flat_map(|text| ["\n", text]).collect()
}

/// A test's finding: what and where, some of the rows, and the query that shows all.
fn finding(sources: &Sources, finished: &TestFinished, command: RunCommand, width: usize) -> String {
    let diagnostic = finished.fault.as_deref().cloned().unwrap_or_else(|| without_place(finished));
    let mut text = drawn(sources, &diagnostic, width);
    if finished.trend.len() > 1 {
        let bars = chart::bars(&finished.trend);
        let numbers = finished.trend.iter().rev().take(TREND_NUMBERS).rev();
        let numbers: Vec<String> = numbers.map(|it| numbers::short(*it)).collect();
        let more = if finished.trend.len() > TREND_NUMBERS { "... " } else { "" };
        let line = format!("versions, this one last: {bars}  {more}{}", numbers.join(", "));
        text.push_str(&layout::indent(&layout::wrap(&line, width.saturating_sub(2), 2), 2));
    }
    if let Some(samples) = finished.samples.as_ref().filter(|samples| !samples.rows.is_empty()) {
        // A failure is not always a row: `accepted_values` counts values, a `fail_calc` what it likes.
        let _ = writeln!(text, "  for example:");
        let rows = table::aligned(samples, Some(width.saturating_sub(4)));
        text.push_str(&layout::indent(&rows, 4));
    }
    if let Some(diff) = &finished.diff {
        text.push_str(&layout::indent(&diff::draw(diff, width.saturating_sub(2)), 2));
    }
    if let Some(query) = &finished.query {
        text.push_str(if is_rolled_back(finished, command) {
            "  found before the rollback by:\n"
        } else {
            "  to see all of them:\n"
        });
        text.push_str(&layout::indent(query.trim(), 4));
    }
    text
}

/// Whether the rows that a test found are gone, since the version they were in was not published.
fn is_rolled_back(finished: &TestFinished, command: RunCommand) -> bool {
    let is_made = |kind| matches!(kind, NodeKind::Model | NodeKind::Seed | NodeKind::Snapshot);
    command == RunCommand::Build
        && finished.status == TestStatus::Fail
        && !finished.is_kept
        && finished.owner.as_ref().is_some_and(|it| is_made(it.kind))
}

/// A diagnostic for a test that came without one.
fn without_place(finished: &TestFinished) -> Diagnostic {
    let test = format!("test `{}`", finished.test.label);
    let of = finished.owner.as_ref().map(|it| format!(" of {}", it.label)).unwrap_or_default();
    let verb = if finished.status == TestStatus::Warn { "warned" } else { "failed" };
    let said = match finished.failures {
        Some(failures) => format!("{test}{of} {verb}: {}", rows_fail(failures)),
        None => format!("{test}{of} {verb}"),
    };
    let diagnostic = match finished.status {
        TestStatus::Warn => Diagnostic::warning("test-warned", said),
        TestStatus::Error => Diagnostic::error("test-error", format!("{test}{of} could not be run")),
        TestStatus::Pass | TestStatus::Fail | TestStatus::Skipped => Diagnostic::error("test-failed", said),
    };
    diagnostic.note(format!("it is in {}", finished.test.path))
}

fn drawn(sources: &Sources, diagnostic: &Diagnostic, width: usize) -> String {
    render(sources, std::slice::from_ref(diagnostic), Style { color: true, width })
}

/// `1 row fails`, `3 rows fail`.
pub(super) fn rows_fail(n: u64) -> String {
    format!(
        "{} {} {}",
        numbers::thousands(n),
        numbers::plural(n, "row"),
        if n == 1 { "fails" } else { "fail" }
    )
}

/// The first line: what will be done, where, and how many at a time.
pub(super) fn opening(started: &RunStarted) -> String {
    let doing = match started.command {
        RunCommand::Build => "building",
        RunCommand::Run => "running",
        RunCommand::Test => "testing",
        RunCommand::Seed => "loading",
        RunCommand::Snapshot => "taking",
    };
    let counts: Vec<String> =
        started.counts.iter().map(|(kind, n)| numbers::count(*n, &kind.as_str().replace('_', " "))).collect();
    let what = if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") };
    let threads = numbers::count(started.threads, "thread");
    let how = if started.is_staged { ", published as a whole" } else { "" };
    let rows = match started.rows_read {
        RowsRead::All => String::new(),
        limited => format!(", models read {limited}"),
    };
    format!("{doing} {what} in {} (target {}, {threads}{how}{rows})", started.database, started.target)
}

/// `10 tests passed, 1 failed`.
pub(super) fn tests(totals: TestTotals) -> String {
    let counts = [
        (totals.passed, "passed"),
        (totals.warned, "warned"),
        (totals.failed, "failed"),
        (totals.errors, "could not be run"),
        (totals.skipped, "skipped"),
    ];
    let mut parts: Vec<String> = Vec::new();
    for (n, word) in counts.into_iter().filter(|(n, _)| *n > 0) {
        let number = numbers::thousands(n as u64);
        let is_first = parts.is_empty();
        parts.push(if is_first {
            format!("{} {word}", numbers::count(n, "test"))
        } else {
            format!("{number} {word}")
        });
    }
    parts.join(", ")
}

/// What was made and what the tests came to: `5 models, 3 seeds published; 20 tests passed`.
pub(super) fn totals(command: RunCommand, totals: &Totals) -> Option<String> {
    let made = match command {
        RunCommand::Build if totals.is_staged => Some("made"),
        RunCommand::Build => Some("published"),
        RunCommand::Run => Some("built"),
        RunCommand::Seed => Some("loaded"),
        RunCommand::Snapshot => Some("taken"),
        // Which nodes were tested says less than which tests passed.
        RunCommand::Test => None,
    };
    let nodes: Vec<String> =
        totals.succeeded.iter().map(|(kind, n)| numbers::count(*n, kind.as_str())).collect();
    let nodes = made.filter(|_| !nodes.is_empty()).map(|made| format!("{} {made}", nodes.join(", ")));
    let unchanged =
        (totals.unchanged > 0).then(|| format!("{} unchanged", numbers::count(totals.unchanged, "seed")));
    let tests = Some(tests(totals.tests)).filter(|it| !it.is_empty());
    let held_back =
        (totals.held_back > 0).then(|| format!("{} held back", numbers::count(totals.held_back, "node")));
    let parts: Vec<String> = [nodes, unchanged, tests, held_back].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// The nodes that took longest, if there are many nodes.
pub(super) fn slowest(nodes: &mut [(Duration, String)]) -> String {
    if nodes.len() < MANY_NODES {
        return String::new();
    }
    nodes.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let mut text = String::from("\nslowest:\n");
    for (elapsed, label) in nodes.iter().take(N_SLOWEST) {
        let time = layout::pad_left(&numbers::duration(*elapsed), 8);
        let _ = writeln!(text, "{time}  {label}");
    }
    text
}

/// The last line; makes sense alone.
pub(super) fn verdict(command: RunCommand, elapsed: Duration, totals: &Totals) -> String {
    let (word, time) = (command.as_str(), numbers::duration(elapsed));
    if totals.is_success() {
        let came_to = self::totals(command, totals).unwrap_or_else(|| "there was nothing to do".to_owned());
        return format!("{word} succeeded in {time}: {came_to}");
    }
    let counted =
        |n: usize, noun: &str, what: &str| (n > 0).then(|| format!("{} {what}", numbers::count(n, noun)));
    let problems: Vec<String> = [
        counted(totals.errors, "node", "failed"),
        counted(totals.rolled_back, "node", "rolled back"),
        counted(totals.tests.failed, "test", "failed"),
        counted(totals.tests.errors, "test", "could not be run"),
        (totals.skipped > 0).then(|| format!("{} skipped", numbers::thousands(totals.skipped as u64))),
    ]
    .into_iter()
    .flatten()
    .collect();
    let (ended, preposition) =
        if totals.is_interrupted { ("interrupted", "after") } else { ("failed", "in") };
    format!("{word} {ended} {preposition} {time}: {}", problems.join(", "))
}
