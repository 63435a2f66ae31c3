//! `unit-test`: skeletons of unit tests.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use crate::cli::Exit;
use crate::cli::args::command::{ScaffoldArgs, SelectionArgs, UnitTestAction, UnitTestArgs};
use crate::cli::session::{Purpose, Session, Stopped};
use crate::diagnostics::Diagnostic;
use crate::node::{NodeId, NodeKind};
use crate::run::{self, Surroundings};
use crate::warehouse::duckdb;

pub(super) fn run(session: &mut Session, args: &UnitTestArgs) -> Result<Exit, Stopped> {
    match &args.action {
        UnitTestAction::Scaffold(args) => scaffold(session, args),
    }
}

/// Writes tests of the models named, to be filled in.
fn scaffold(session: &mut Session, args: &ScaffoldArgs) -> Result<Exit, Stopped> {
    session.listen_for_interrupts();
    let (loaded, graph) = session.resolve(Purpose::of("unit-test"))?;
    let selection = SelectionArgs { select: args.models.clone(), ..SelectionArgs::default() };
    let selected = session.select(loaded, graph, &selection)?;
    let is_model = |id: &NodeId| graph.node(*id).kind == NodeKind::Model;
    let models: BTreeSet<NodeId> = selected.into_iter().filter(is_model).collect();
    if models.is_empty() {
        let message = format!("`{}` is no model", args.models.join(" "));
        return Err(session.fail(Diagnostic::error("wrong-kind", message).note("unit tests are for models")));
    }
    let ground = session.scaffold_ground(loaded, graph, &models)?;
    let options = session.connect_options(loaded, true);
    let around = Surroundings {
        project: &loaded.project,
        files: &loaded.disk,
        clock: session.clock.clone(),
        stop: &session.stop,
        column_use: None,
    };
    let scratch = || duckdb::open_scratch(&options);
    let (mut tests, mut faults) = (Vec::new(), Vec::new());
    for model in models {
        match run::scaffold(graph, (&around, &scratch), &ground, model) {
            Ok(found) => tests.extend(found),
            Err(fault) => faults.push(fault),
        }
    }
    if !faults.is_empty() {
        session.reporter.diagnostics(&session.sources, &faults);
    }
    if tests.is_empty() {
        session.reporter.stopped();
        return Ok(Exit::Failed);
    }
    let text = run::skeleton(&tests);
    match &args.output {
        None => session.reporter.data(&text),
        Some(path) => {
            if let Err(error) = write_new(path, &text) {
                let message = format!("cannot write `{}`", path.display());
                let fault = Diagnostic::error("unwritable-file", message).note(error.to_string());
                let exists = error.kind() == std::io::ErrorKind::AlreadyExists;
                let help = exists.then(|| "name a new file: none is overwritten".to_owned());
                return Err(session.fail(fault.help_opt(help)));
            }
            session.info(&format!("wrote {}: fill in the rows", path.display()));
        }
    }
    Ok(if faults.is_empty() { Exit::Good } else { Exit::Failed })
}

fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}
