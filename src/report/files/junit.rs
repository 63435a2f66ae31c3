//! `JUnit`'s XML: a suite for each node, with a case for making it and one for each of its tests.
//!
//! Faults that belong to no node (a file that cannot be read, a cycle) are the cases of a suite of their
//! own, so that a project that does not parse does not look like one without failures. What is written is
//! valid by the strictest schema in use (`junit-10.xsd` of Jenkins' plugin for test results), which has no
//! attributes for places: they stand before the messages.

use std::collections::BTreeMap;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::About;
use crate::diagnostics::Severity;
use crate::report::numbers;
use crate::report::recording::{Finding, NodeEnd, RecordedNode, RecordedTest, Recording};
use crate::run::event::{Outcome, RunCommand, TestStatus};

/// The suite of faults that belong to no node.
const PROJECT: &str = "project";

/// The suite of tests that belong to no node.
const TESTS: &str = "tests";

pub(super) fn render(recording: &Recording, about: &About) -> String {
    let mut report = Report::new(format!("tidemill {}", about.command));
    if let Some((elapsed, _)) = &recording.finished {
        report.set_time(*elapsed);
    }
    let mut suites = Suites::default();
    for finding in recording.findings.iter().filter(|it| it.severity == Severity::Error) {
        suites.add(PROJECT, case_of_finding(finding, about));
    }
    for node in &recording.nodes {
        if let Some(case) = case_of_node(node, recording.command(), about) {
            suites.add(node.node.unique_id.as_str(), case);
        }
    }
    for test in &recording.tests {
        let suite = test.owner.as_ref().map_or(TESTS, |it| it.unique_id.as_str());
        suites.add(suite, case_of_test(test, suite, about));
    }
    report.add_test_suites(suites.into_suites());
    // Only a number that cannot be written would be an error, and there is none.
    let text = report.to_string().unwrap_or_default();
    // The schema knows this attribute on suites only; the first one is that of the whole.
    let skipped: usize = report.test_suites.iter().map(|it| it.skipped).sum();
    text.replacen(&format!(" skipped=\"{skipped}\""), "", 1)
}

/// Suites in the order of their first cases.
#[derive(Default)]
struct Suites {
    suites: Vec<TestSuite>,
    places: BTreeMap<String, usize>,
}

impl Suites {
    fn add(&mut self, name: &str, case: TestCase) {
        let index = *self.places.entry(name.to_owned()).or_insert_with(|| {
            self.suites.push(TestSuite::new(name));
            self.suites.len() - 1
        });
        if let Some(suite) = self.suites.get_mut(index) {
            suite.add_test_case(case);
        }
    }

    fn into_suites(mut self) -> Vec<TestSuite> {
        for suite in &mut self.suites {
            let elapsed: Duration = suite.test_cases.iter().filter_map(|it| it.time).sum();
            suite.set_time(elapsed);
        }
        self.suites
    }
}

fn case_of_finding(finding: &Finding, about: &About) -> TestCase {
    let status = problem(NonSuccessKind::Error, finding, &finding.drawn, about);
    let mut case = TestCase::new(finding.message.clone(), status);
    case.set_classname(PROJECT);
    case
}

/// The case for making a node; `None` where there was nothing to make.
fn case_of_node(node: &RecordedNode, command: Option<RunCommand>, about: &About) -> Option<TestCase> {
    let finding = node.problem();
    let status = match (&node.end, &finding) {
        (NodeEnd::Skipped(reason), _) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(reason.to_string());
            status
        }
        (_, Some(finding)) => problem(NonSuccessKind::Error, finding, &finding.drawn, about),
        (NodeEnd::Done(Outcome::RolledBack { failed_tests, kept }), None) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            let tests = numbers::count(*failed_tests, "test");
            status.set_type("rolled-back").set_message(format!("{tests} failed: not published, {kept}"));
            status
        }
        (NodeEnd::Done(Outcome::Success | Outcome::Unchanged { .. }), None)
            if command != Some(RunCommand::Test) =>
        {
            TestCaseStatus::success()
        }
        (NodeEnd::Done(_), None) => return None,
    };
    let mut case = TestCase::new(node.node.label.clone(), status);
    case.set_classname(node.node.unique_id.as_str()).set_time(node.elapsed);
    if let Some(rows) = node.rows {
        case.set_system_out(numbers::rows(rows, node.rows_in));
    }
    Some(case)
}

fn case_of_test(test: &RecordedTest, suite: &str, about: &About) -> TestCase {
    let finding = test.problem();
    let status = match (test.status, &finding) {
        (TestStatus::Skipped, _) => {
            let mut status = TestCaseStatus::skipped();
            if let Some(message) = &test.message {
                status.set_message(message.clone());
            }
            status
        }
        (TestStatus::Fail, Some(finding)) => {
            problem(NonSuccessKind::Failure, finding, &test.details(), about)
        }
        (TestStatus::Error, Some(finding)) => problem(NonSuccessKind::Error, finding, &test.details(), about),
        // The format has no warnings: what was found is the case's output.
        (TestStatus::Pass | TestStatus::Warn | TestStatus::Fail | TestStatus::Error, _) => {
            TestCaseStatus::success()
        }
    };
    let mut case = TestCase::new(test.test.label.clone(), status);
    case.set_classname(suite).set_time(test.elapsed);
    if test.status == TestStatus::Warn {
        case.set_system_out(test.details());
    }
    case
}

fn problem(kind: NonSuccessKind, finding: &Finding, details: &str, about: &About) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    let place = finding.place.as_ref().and_then(|it| Some((about.path_in_repository(it)?, it.line)));
    let place = place.map(|(path, line)| format!("{path}:{line}: ")).unwrap_or_default();
    let message = format!("{place}{}", finding.message);
    status.set_type(finding.code).set_message(message).set_description(details);
    status
}
