//! The report as Markdown: what a reviewer wants to see under a change.

use std::fmt::Write as _;

use super::{About, Ending};
use crate::diagnostics::Severity;
use crate::report::numbers;
use crate::report::recording::{Finding, NodeEnd, RecordedNode, RecordedTest, Recording};
use crate::report::summary;
use crate::run::event::{Outcome, TestStatus};

/// Services cut off long summaries (GitHub at 1 MiB): details of more faults than this are left out.
const MAX_DETAILS: usize = 50;

pub(super) fn render(recording: &Recording, about: &About) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "## {}\n", headline(recording, about));
    if let Some((_, totals)) = &recording.finished
        && let Some(command) = recording.command()
        && !totals.is_success()
        && let Some(made) = summary::totals(command, totals)
    {
        let _ = writeln!(text, "{}\n", escaped(&made));
    }
    let errors = details(recording, Severity::Error);
    section(&mut text, "Failures", &errors);
    skipped(&mut text, recording);
    section(&mut text, "Warnings", &details(recording, Severity::Warning));
    nodes(&mut text, recording);
    let _ = writeln!(
        text,
        "<sub>tidemill {}, run {}, {}</sub>",
        escaped(about.tool_version),
        escaped(&about.invocation_id),
        escaped(&about.started_at)
    );
    text
}

fn headline(recording: &Recording, about: &About) -> String {
    let mark = match about.ending {
        Ending::Success => "✅",
        Ending::Failure | Ending::Error => "❌",
        Ending::Interrupted => "⏹️",
    };
    let said = if let (Some((elapsed, totals)), Some(command)) = (&recording.finished, recording.command()) {
        summary::verdict(command, *elapsed, totals)
    } else {
        let count = |severity| recording.findings.iter().filter(|it| it.severity == severity).count();
        let counts = crate::diagnostics::render::summary(count(Severity::Error), count(Severity::Warning));
        let ended = if about.ending == Ending::Success { "succeeded" } else { "stopped" };
        format!("{} {ended}: {counts}", about.command)
    };
    format!("{mark} tidemill {}", escaped(&said))
}

/// A heading and a text below it, for every fault of a severity.
fn details(recording: &Recording, severity: Severity) -> Vec<(String, String)> {
    let of_finding = |finding: &Finding, more: String| {
        let place = finding.place.as_ref().map(|it| format!(" — `{}:{}`", it.file, it.line));
        (format!("{}{}", escaped(&finding.message), place.unwrap_or_default()), more)
    };
    let is_wanted = |finding: &Finding| finding.severity == severity;
    let own = recording.findings.iter().filter(|it| is_wanted(it)).map(|it| of_finding(it, it.drawn.clone()));
    let of_node = |node: &RecordedNode| {
        let finding = node.problem().filter(is_wanted)?;
        Some(of_finding(&finding, finding.drawn.clone()))
    };
    let of_test = |test: &RecordedTest| {
        let finding = test.problem().filter(is_wanted)?;
        Some(of_finding(&finding, test.details()))
    };
    own.chain(recording.nodes.iter().filter_map(of_node))
        .chain(recording.tests.iter().filter_map(of_test))
        .collect()
}

fn section(text: &mut String, title: &str, details: &[(String, String)]) {
    if details.is_empty() {
        return;
    }
    let _ = writeln!(text, "### {title}\n");
    for (index, (headline, more)) in details.iter().enumerate() {
        let _ = writeln!(text, "- {headline}");
        if index < MAX_DETAILS {
            let more = fenced(more);
            let _ = writeln!(text, "\n  <details><summary>details</summary>\n\n{more}\n  </details>\n");
        }
    }
    text.push('\n');
}

fn skipped(text: &mut String, recording: &Recording) {
    let skipped = recording.nodes.iter().filter_map(|it| match &it.end {
        NodeEnd::Skipped(reason) => Some((it, reason)),
        NodeEnd::Done(_) => None,
    });
    let lines: Vec<String> = skipped
        .map(|(node, reason)| format!("- {} ({})\n", escaped(&node.node.label), escaped(&reason.to_string())))
        .collect();
    if !lines.is_empty() {
        let _ = writeln!(text, "### Skipped\n\n{}", lines.concat());
    }
}

/// A table of what was made: rows in, rows out, time, tests.
fn nodes(text: &mut String, recording: &Recording) {
    let made: Vec<&RecordedNode> = recording
        .nodes
        .iter()
        .filter(|it| matches!(&it.end, NodeEnd::Done(end) if *end != Outcome::NoOp))
        .collect();
    if made.is_empty() {
        return;
    }
    let _ = writeln!(text, "### Nodes\n");
    let _ = writeln!(
        text,
        "| | node | rows in | rows | time | tests |\n| --- | --- | ---: | ---: | ---: | --- |"
    );
    for node in made {
        let mark = match &node.end {
            NodeEnd::Done(end) if end.is_good() => "✅",
            NodeEnd::Done(_) | NodeEnd::Skipped(_) => "❌",
        };
        let count = |n: Option<u64>| n.map(numbers::thousands).unwrap_or_default();
        let _ = writeln!(
            text,
            "| {mark} | {} | {} | {} | {} | {} |",
            escaped(&node.node.label),
            count(node.rows_in),
            count(node.rows),
            numbers::duration(node.elapsed),
            tests_of(recording, node)
        );
    }
    text.push('\n');
}

/// `3 passed, 1 failed`.
fn tests_of(recording: &Recording, node: &RecordedNode) -> String {
    let is_of_node =
        |test: &&RecordedTest| test.owner.as_ref().is_some_and(|it| it.unique_id == node.node.unique_id);
    let tests: Vec<&RecordedTest> = recording.tests.iter().filter(is_of_node).collect();
    let words = [
        (TestStatus::Pass, "passed"),
        (TestStatus::Warn, "warned"),
        (TestStatus::Fail, "failed"),
        (TestStatus::Error, "could not be run"),
        (TestStatus::Skipped, "skipped"),
    ];
    let count = |status| tests.iter().filter(|it| it.status == status).count();
    let parts = words.iter().map(|(status, word)| (count(*status), word)).filter(|(n, _)| *n > 0);
    parts.map(|(n, word)| format!("{n} {word}")).collect::<Vec<_>>().join(", ")
}

/// Text that Markdown shows as it is: nothing in it is markup, a link or the end of a table's cell.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '\n' | '\r' => safe.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '@' | '!' => {
                safe.push('\\');
                safe.push(char);
            }
            _ => safe.push(char),
        }
    }
    safe
}

/// A block of code with a fence that the text does not contain, as far in as the list it stands in.
fn fenced(text: &str) -> String {
    let mut longest = 0;
    let mut now = 0;
    for char in text.chars() {
        now = if char == '`' { now + 1 } else { 0 };
        longest = longest.max(now);
    }
    let fence = "`".repeat(3.max(longest + 1));
    let lines: String = text.lines().flat_map(|line| ["  ", line, "\n"]).collect();
    format!("  {fence}text\n{lines}  {fence}\n")
}
