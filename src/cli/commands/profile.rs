//! `profile`: what the queries of models cost, and where the pipeline could do less.

use std::collections::BTreeSet;

use crate::cli::Exit;
use crate::cli::args::command::{ProfileArgs, ProfileOutput};
use crate::cli::commands::late;
use crate::cli::commands::run::report_log;
use crate::cli::session::{Loaded, Purpose, Session, Stopped};
use crate::cli::unit_testing::with_ancestors;
use crate::compile;
use crate::diagnostics::Diagnostic;
use crate::graph::Graph;
use crate::node::NodeId;
use crate::past::{self, Depth, History};
use crate::profile::{self, Input, Profiled, Surroundings};
use crate::report::profile::{self as pages, Manner};
use crate::report::standard_output_width;
use crate::run::event::LogLevel;

/// How far back to look for what grew.
const DEPTH: Depth = Depth { runs: 1, results: 30 };

/// Runs the queries of the models selected, and says what was measured. The database is only read.
pub(super) fn run(session: &mut Session, args: &ProfileArgs) -> Result<Exit, Stopped> {
    session.listen_for_interrupts();
    let purpose = Purpose { full_refresh: args.full_refresh, ..Purpose::of("profile") };
    let (loaded, graph) = session.resolve(purpose)?;
    let selected = session.select(loaded, graph, &args.selection)?;
    if !selected.iter().any(|id| profile::has_query(graph.node(*id))) {
        let fault =
            Diagnostic::error("nothing-to-profile", "the selection has no query that could be measured");
        return Err(session.fail(fault.note("only models and snapshots have one")));
    }
    let history = history(session, loaded)?;
    let growth = profile::growth(graph, &history, &selected);
    let width = session.globals.width.or_else(standard_output_width);
    let manner = Manner { width, limit: args.limit.max(1) };
    let path = &loaded.project.target.path;
    if args.history {
        if history.nodes.is_empty() {
            let fault = Diagnostic::error("no-history", format!("`{path}` has no history yet"));
            return Err(session.fail(fault.help("`tidemill build` makes it")));
        }
        let text = match args.output {
            ProfileOutput::Text => pages::growth_text(&growth, manner),
            ProfileOutput::Json => pages::json(&Profiled { growth, ..Profiled::default() }),
        };
        session.reporter.data(&text);
        return Ok(Exit::Good);
    }
    let mut profiled = measure(session, loaded, graph, &selected, args)?;
    profiled.growth = growth;
    let text = match args.output {
        ProfileOutput::Text => pages::text(&profiled, path, manner),
        ProfileOutput::Json => pages::json(&profiled),
    };
    session.reporter.data(text.trim_start_matches('\n'));
    if !profiled.faults.is_empty() {
        session.reporter.diagnostics(&session.sources, &profiled.faults);
    }
    let is_whole = profiled.faults.is_empty() && !profiled.left_out.iter().any(|it| it.why.is_lack());
    Ok(if is_whole { Exit::Good } else { Exit::Failed })
}

/// The history, of a database that has to be there.
fn history(session: &mut Session, loaded: &Loaded) -> Result<History, Stopped> {
    let mut warehouse = session.connect(loaded, true)?;
    past::read(warehouse.as_mut(), DEPTH)
        .map_err(|error| session.fail(Diagnostic::error("unreadable-history", error.message)))
}

fn measure(
    session: &mut Session,
    loaded: &Loaded,
    graph: &Graph,
    selected: &BTreeSet<NodeId>,
    args: &ProfileArgs,
) -> Result<Profiled, Stopped> {
    // Who reads a node says which of its columns are needed.
    let readers = selected.iter().flat_map(|id| graph.children(*id));
    let wanted = with_ancestors(graph, &selected.iter().copied().chain(readers).collect());
    let compiled = compile::compile(&loaded.project, graph, &wanted);
    report_log(session, &compiled.log);
    let lineage = {
        let shapes = session.shapes(loaded, graph, &compiled, &wanted, args.full_refresh)?;
        session.lineage(loaded, graph, &compiled, &shapes)?
    };
    let started_at = session.started_at.clone();
    let input = Input {
        project: &loaded.project,
        graph,
        compiled: &compiled,
        selected,
        lineage: Some(&lineage),
        full_refresh: args.full_refresh,
        started_at: &started_at,
    };
    let mut profiled = with_connection(session, loaded, &input)?;
    profiled.findings = profile::findings(&input, &profiled.measured);
    Ok(profiled)
}

fn with_connection(session: &mut Session, loaded: &Loaded, input: &Input<'_>) -> Result<Profiled, Stopped> {
    let mut connection = late::connect(session, loaded)?;
    let reporter = &mut session.reporter;
    let mut on_query = |n: usize, of: usize, name: &str| {
        reporter.log(LogLevel::Debug, &format!("measuring {n} of {of}: {name}"));
    };
    let around = Surroundings { connection: &mut connection, stop: &session.stop, on_query: &mut on_query };
    profile::measure(input, around).map_err(|fault| session.fail(fault))
}
