//! `parse`: read and check the project.

use std::collections::BTreeMap;

use crate::cli::Exit;
use crate::cli::args::command::{SelectionArgs, WindowArgs};
use crate::cli::commands::run::stamp;
use crate::cli::session::{Purpose, Session, Stopped};
use crate::node::NodeKind;
use crate::report::numbers;
use crate::run::Clock;

/// Reads the project, reports every fault, writes the manifest and says what was found.
pub(super) fn run(session: &mut Session) -> Result<Exit, Stopped> {
    let purpose = Purpose::of("parse");
    let (loaded, graph) = session.resolve(purpose)?;
    let output = session.output(loaded);
    let stamp = stamp(session, purpose, &SelectionArgs::default(), WindowArgs::default());
    session.write_manifest(&output, loaded, graph, None, &stamp)?;
    let mut counts: BTreeMap<NodeKind, usize> = BTreeMap::new();
    for (_, node) in graph.nodes() {
        *counts.entry(node.kind).or_default() += 1;
    }
    let found: Vec<String> = counts
        .into_iter()
        .map(|(kind, count)| numbers::count(count, &kind.as_str().replace('_', " ")))
        .collect();
    let found = if found.is_empty() { "nothing".to_owned() } else { found.join(", ") };
    session.info(&format!("parsed {found} in {}", numbers::duration(session.clock.monotonic())));
    Ok(Exit::Good)
}
