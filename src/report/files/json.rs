//! The report as one JSON document. Nodes, tests and faults have the fields of the JSON lines
//! (`manual/events.md`), without time stamps of their own.

use serde_json::{Value as Json, json};

use super::About;
use crate::report::json as lines;
use crate::report::recording::Recording;

pub(super) fn render(recording: &Recording, about: &About) -> String {
    let own = |findings: &[super::super::recording::Finding]| -> Vec<Json> {
        findings.iter().map(|it| it.json.clone()).collect()
    };
    let document = json!({
        "tool": {"name": "tidemill", "version": about.tool_version},
        "invocation_id": about.invocation_id,
        "command": about.command,
        "started_at": about.started_at,
        "status": about.ending.as_str(),
        "run": recording.started.as_ref().map(lines::run_started),
        "diagnostics": own(&recording.findings),
        "nodes": recording.nodes.iter().map(|it| it.json.clone()).collect::<Vec<_>>(),
        "tests": recording.tests.iter().map(|it| it.json.clone()).collect::<Vec<_>>(),
        "totals": recording.finished.as_ref().map(|(elapsed, totals)| lines::run_finished(*elapsed, totals)),
    });
    format!("{document:#}\n")
}
