//! `compile`: render SQL without running it.

use crate::cli::Exit;
use crate::cli::args::command::{CompileArgs, WindowArgs};
use crate::cli::commands::late;
use crate::cli::commands::run::{faults, report_log, stamp};
use crate::cli::session::{Purpose, Session, Stopped};
use crate::compile;
use crate::node::NodeKind;

/// Renders the nodes selected to `target/compiled`; a single one is shown as well.
pub(super) fn run(session: &mut Session, args: &CompileArgs) -> Result<Exit, Stopped> {
    let purpose = Purpose { rows_read: args.empty.rows(), ..Purpose::of("compile") };
    let (loaded, graph) = session.resolve(purpose)?;
    let selected = session.select(loaded, graph, &args.selection)?;
    let mut compiled = compile::compile(&loaded.project, graph, &selected);
    report_log(session, &compiled.log);
    late::render(session, loaded, graph, &mut compiled)?;
    let faults = faults(&compiled, &selected);
    if !faults.is_empty() {
        session.reporter.diagnostics(&session.sources, &faults);
    }
    let output = session.output(loaded);
    let stamp = stamp(session, purpose, &args.selection, WindowArgs::default());
    session.write(output.write_compiled(&loaded.project, graph, &compiled))?;
    if args.with_map {
        let written = output.write_maps(&loaded.project, graph, &compiled, &session.sources);
        session.write(written)?;
    }
    session.write_manifest(&output, loaded, graph, Some(&compiled), &stamp)?;

    let is_shown = |kind| matches!(kind, NodeKind::Model | NodeKind::Analysis);
    let mut shown = selected.iter().filter(|id| is_shown(graph.node(**id).kind));
    if let (Some(id), None, false) = (shown.next(), shown.next(), args.selection.select.is_empty())
        && let Some(node) = compiled.nodes.get(id)
    {
        session.reporter.data(&node.sql.text);
    } else if faults.is_empty() {
        let written = compiled.nodes.values().filter(|it| !it.sql.text.is_empty()).count();
        let folder = session.target_dir(loaded).join("compiled");
        let folder = folder.strip_prefix(".").unwrap_or(&folder);
        session.info(&format!(
            "compiled {} to {}",
            crate::report::numbers::count(written, "node"),
            folder.display()
        ));
    }
    Ok(if faults.is_empty() { Exit::Good } else { Exit::Failed })
}
