//! `run-operation`: one macro, by itself.

use serde_json::{Value as Json, json};

use crate::artifacts::Stamp;
use crate::cli::Exit;
use crate::cli::args::command::RunOperationArgs;
use crate::cli::session::{Purpose, Session, Stopped};
use crate::diagnostics::Diagnostic;
use crate::run::event::RunEvent;
use crate::run::{self, Connection, Operation, RunResults, Surroundings};
use crate::template::MacroCall;
use crate::yaml;

/// Calls the macro with the arguments given and writes what became of it.
pub(super) fn run(session: &mut Session, args: &RunOperationArgs) -> Result<Exit, Stopped> {
    session.listen_for_interrupts();
    let arguments = arguments(session, args.args.as_deref())?;
    let (loaded, graph) = session.resolve(Purpose::of("run-operation"))?;
    let definition = graph.templates.find_operation(&args.name);
    let definition = definition.map_err(|error| session.fail(error.into_diagnostic()))?;
    let root = loaded.project.config.name.value.as_str();
    let macro_id = format!("macro.{}.{}", definition.package, definition.name);
    let package = if args.name.contains('.') { definition.package.as_str() } else { root };
    let call = MacroCall { macro_id: &macro_id, package, place: definition.span };

    let stamp = Stamp {
        generated_at: session.started_at.clone(),
        invocation_id: session.invocation_id.clone(),
        args: json!({
            "which": "run-operation",
            "macro": args.name,
            "args": arguments.clone().into_iter().collect::<serde_json::Map<_, _>>(),
            "target": session.globals.target,
            "profile": session.globals.profile,
        }),
    };
    // First, since a database may be kept in the folder that this makes.
    let output = session.output(loaded);
    session.write_manifest(&output, loaded, graph, None, &stamp)?;

    let warehouse = session.connect(loaded, false)?;
    let connection = Connection::new(warehouse, session.clock.clone(), false);
    let around = Surroundings {
        project: &loaded.project,
        files: &loaded.disk,
        clock: session.clock.clone(),
        stop: &session.stop,
        column_use: None,
    };
    let (reporter, sources) = (&mut session.reporter, &session.sources);
    let mut on_event = |event: &RunEvent| reporter.event(sources, event);
    let operation = Operation { call, arguments: &arguments };
    let (result, fault) = run::operation(graph, &around, connection, operation, &mut on_event);

    let elapsed = result.elapsed;
    let results = RunResults { before: vec![result], elapsed, ..RunResults::default() };
    let nothing = crate::compile::Compiled::default();
    session.write(output.write_run_results(&loaded.project, graph, &nothing, &results, &stamp))?;
    let Some(fault) = fault else { return Ok(Exit::Good) };
    let is_stopped = session.stop.is_requested();
    let Stopped(_) = session.fail(fault);
    Ok(if is_stopped { Exit::Interrupted } else { Exit::Failed })
}

/// `--args`: a mapping of names to values.
fn arguments(session: &mut Session, text: Option<&str>) -> Result<Vec<(String, Json)>, Stopped> {
    let Some(text) = text else { return Ok(Vec::new()) };
    let problem = match yaml::parse_value(text) {
        Ok(Json::Object(arguments)) => return Ok(arguments.into_iter().collect()),
        Ok(Json::Null) => return Ok(Vec::new()),
        Ok(_) => "it is not a mapping".to_owned(),
        Err(problem) => problem,
    };
    let fault = Diagnostic::error("invalid-args", format!("`--args` cannot be read: {problem}"));
    Err(session.fail(fault.help("write it as YAML: --args '{name: value, other: 3}'")))
}
