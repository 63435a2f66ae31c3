//! `history`: what earlier runs came to, of the project, of a node or of a test.

use std::collections::BTreeSet;

use crate::cli::Exit;
use crate::cli::args::command::{HistoryArgs, ShowOutput};
use crate::cli::session::{Purpose, Session, Stopped};
use crate::diagnostics::{Diagnostic, suggest};
use crate::past::{self, Depth, History};
use crate::report::{past as pages, standard_output_width, table};
use crate::warehouse::Rows;

/// Reads the history tables; the database is opened to read only.
pub(super) fn run(session: &mut Session, args: &HistoryArgs) -> Result<Exit, Stopped> {
    let loaded = session.load(Purpose::of("history"))?;
    let mut warehouse = session.connect(&loaded, true)?;
    let depth = Depth { runs: args.limit, results: args.limit };
    let history = past::read(warehouse.as_mut(), depth)
        .map_err(|error| session.fail(Diagnostic::error("unreadable-history", error.message)))?;
    if history.runs.is_empty() {
        let message = format!("`{}` has no history yet", loaded.project.target.path);
        return Err(session.fail(Diagnostic::error("no-history", message).help("`tidemill build` makes it")));
    }
    let width = standard_output_width();
    let text = match (&args.name, args.flaky) {
        (Some(name), _) => of_name(session, &history, name, args.output, width)?,
        (None, true) => written(&pages::flaky_tests(&pages::flaky(&history)), args.output, width),
        (None, false) => match args.output {
            ShowOutput::Table => pages::overview(&history, width),
            ShowOutput::Json | ShowOutput::Csv => written(&pages::runs(&history.runs), args.output, width),
        },
    };
    session.reporter.data(&text);
    Ok(Exit::Good)
}

fn written(rows: &Rows, output: ShowOutput, width: Option<usize>) -> String {
    match output {
        ShowOutput::Table => table::aligned(rows, width),
        ShowOutput::Json => table::json(rows),
        ShowOutput::Csv => table::csv(rows),
    }
}

/// The page of the node or test of a name.
fn of_name(
    session: &mut Session,
    history: &History,
    name: &str,
    output: ShowOutput,
    width: Option<usize>,
) -> Result<String, Stopped> {
    // A node whose tests ran, though it was never made here, has a page too.
    let tested = history.tests.values().filter_map(|it| it.last()?.node_id.as_ref());
    let all: BTreeSet<&String> = history.nodes.keys().chain(history.tests.keys()).chain(tested).collect();
    let ids = || all.iter().copied();
    let mut found: Vec<&String> = ids().filter(|id| *id == name).collect();
    if found.is_empty() {
        found = ids().filter(|id| names(id).contains(&name)).collect();
    }
    let id = match found[..] {
        [id] => id,
        [] => {
            let fault = Diagnostic::error("unknown-node", format!("the history has no `{name}`"));
            let known = ids().flat_map(|id| names(id));
            return Err(session.fail(fault.help_opt(suggest::did_you_mean(name, known))));
        }
        _ => {
            let fault = Diagnostic::error("ambiguous-name", format!("`{name}` is the name of several"));
            let fault = found.iter().fold(fault, |fault, id| fault.note(id.as_str()));
            return Err(session.fail(fault.help("give the whole id")));
        }
    };
    let table = output == ShowOutput::Table;
    Ok(match (history.nodes.get(id).map_or(&[][..], Vec::as_slice), history.tests.get(id)) {
        ([], Some(test)) if table => pages::test_page(id, test, width),
        ([], Some(test)) => written(&pages::test_runs(test), output, width),
        (node, _) if table => pages::node_page(id, node, history, width),
        (node, _) => written(&pages::node_runs(node), output, width),
    })
}

/// What a node may be called: all after `kind.package.`, and the last part of it; tests also without the
/// hash at their end.
fn names(id: &str) -> Vec<&str> {
    let Some(rest) = id.splitn(3, '.').nth(2) else { return Vec::new() };
    let mut names = vec![rest];
    if id.starts_with("test.") {
        names.extend(rest.split('.').next());
    } else {
        names.extend(rest.rsplit('.').next());
    }
    names.dedup();
    names
}
