//! `docs`: the site, a look at it, and the data dictionary.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::artifacts::{self, Output};
use crate::cli::Exit;
use crate::cli::args::command::{
    DictionaryFormat, DocsArgs, DocsCommand, DocsGenerateArgs, DocsServeArgs, SelectionArgs, WindowArgs,
};
use crate::cli::commands::late;
use crate::cli::commands::run::{faults, report_log, stamp};
use crate::cli::session::{Loaded, Purpose, Session, Stopped, without_dot};
use crate::cli::unit_testing::with_ancestors;
use crate::compile::{self, Compiled};
use crate::diagnostics::Diagnostic;
use crate::diagnostics::scrub::Scrubber;
use crate::docs::samples;
use crate::docs::serve::Server;
use crate::docs::{self, ColumnFacts, Site, SiteFile, SiteInput};
use crate::graph::Graph;
use crate::node::NodeId;
use crate::past::{self, Depth, History};
use crate::report::numbers;
use crate::run::event::LogLevel;
use crate::run::{Clock as _, Connection};
use crate::warehouse::{ConnectOptions, ErrorKind, Warehouse, duckdb};

/// How much of the history the site shows.
const DEPTH: Depth = Depth { runs: 60, results: 30 };

/// The folder below `target` that a site of many files is written to.
const SPLIT_FOLDER: &str = "site";
const TOOL: &str = concat!("Tidemill ", env!("CARGO_PKG_VERSION"));

/// Writes the site, serves it, or writes the dictionary.
pub(super) fn run(session: &mut Session, args: &DocsArgs) -> Result<Exit, Stopped> {
    match &args.command {
        None => generate(session, &args.generate),
        Some(DocsCommand::Generate(args)) => generate(session, args),
        Some(DocsCommand::Serve(args)) => serve(session, args),
        Some(DocsCommand::Dictionary(args)) => {
            let made = make(session, args.no_database)?;
            let text = match args.format {
                DictionaryFormat::Csv => docs::csv(&made.site),
                DictionaryFormat::Md => docs::markdown(&made.site),
            };
            session.reporter.data(&made.scrubber.hide(&text));
            Ok(made.exit)
        }
    }
}

/// A site that was made, and where it goes.
struct Made {
    site: Site,
    output: Output,
    scrubber: Scrubber,
    loaded: &'static Loaded,
    exit: Exit,
}

fn generate(session: &mut Session, args: &DocsGenerateArgs) -> Result<Exit, Stopped> {
    let made = make(session, args.no_database)?;
    let files = write(session, &made, args.split)?;
    let size: usize = files.iter().map(|it| it.bytes.len()).sum();
    let folder = session.target_dir(made.loaded);
    let folder = if args.split { folder.join(SPLIT_FOLDER) } else { folder };
    let page = without_dot(&folder).join("index.html");
    let seconds = numbers::duration(session.clock.monotonic());
    let beside = if args.split {
        format!(" and {} beside it", numbers::count(files.len() - 1, "file"))
    } else {
        String::new()
    };
    session.info(&format!("wrote {}{beside} ({}) in {seconds}", page.display(), bytes(size)));
    Ok(made.exit)
}

fn serve(session: &mut Session, args: &DocsServeArgs) -> Result<Exit, Stopped> {
    let made = make(session, args.generate.no_database)?;
    let files = write(session, &made, args.generate.split)?;
    let server = Server::bind(args.port, files).and_then(|it| Ok((it.port()?, it)));
    let cannot = |error: std::io::Error| {
        let message = format!("cannot listen on port {} of this machine", args.port);
        let fault = Diagnostic::error("port-unavailable", message).note(error.to_string());
        fault.help("`--port 0` takes a port that is free")
    };
    let (port, server) = server.map_err(|error| session.fail(cannot(error)))?;
    session.info(&format!("the site is at http://localhost:{port} until you press Ctrl-C"));
    server.run().map_err(|error| session.fail(cannot(error)))?;
    Ok(Exit::Good)
}

/// Reads the project and all that is known about it, and makes the site.
fn make(session: &mut Session, is_blind: bool) -> Result<Made, Stopped> {
    let purpose = Purpose::of("docs");
    let (loaded, graph) = session.resolve(purpose)?;
    let wanted: BTreeSet<NodeId> = graph.nodes().map(|(id, _)| id).collect();
    let mut compiled = compile::compile(&loaded.project, graph, &wanted);
    report_log(session, &compiled.log);
    let faults = faults(&compiled, &wanted);
    if !faults.is_empty() {
        session.reporter.diagnostics(&session.sources, &faults);
    }
    let output = session.output(loaded);
    let mut warehouse = if is_blind { None } else { look(session, loaded) };
    let history = warehouse.as_mut().and_then(|it| read_history(session, it.as_mut()));
    let samples = warehouse.as_mut().map(|it| samples::read(it.as_mut(), graph)).unwrap_or_default();
    let shapes = warehouse.as_mut().map(|it| {
        let database = it.database().to_owned();
        it.shapes(&database)
    });
    let stamp = stamp(session, purpose, &SelectionArgs::default(), WindowArgs::default());
    let shapes = shapes.and_then(Result::ok);
    if shapes.is_some() || output.read("catalog.json").is_none() {
        let shapes = shapes.unwrap_or_default();
        let catalog = artifacts::catalog(&loaded.project, graph, &shapes, &stamp);
        session.write(output.write_catalog(&catalog))?;
    }
    let facts =
        if is_blind { ColumnFacts::default() } else { columns(session, loaded, graph, &compiled, &wanted)? };
    render_late(session, loaded, graph, &mut compiled, warehouse);
    session.write(output.write_compiled(&loaded.project, graph, &compiled))?;
    session.write_manifest(&output, loaded, graph, Some(&compiled), &stamp)?;

    let (results, catalog, sources) =
        (output.read("run_results.json"), output.read("catalog.json"), output.read("sources.json"));
    let input = SiteInput {
        manifest: &output.read("manifest.json").unwrap_or_default(),
        run_results: results.as_deref(),
        catalog: catalog.as_deref(),
        sources: sources.as_deref(),
        history: history.as_ref(),
        samples: &samples,
        columns: &facts,
        tool: TOOL,
    };
    let site = docs::make(&input).map_err(|error| {
        let message = "the manifest that was just written cannot be read";
        session.fail(Diagnostic::error("unreadable-manifest", message).note(error.to_string()))
    })?;
    let scrubber = Scrubber::new(&loaded.project.settings.secrets());
    let exit = if faults.is_empty() { Exit::Good } else { Exit::Failed };
    Ok(Made { site, output, scrubber, loaded, exit })
}

fn write(session: &mut Session, made: &Made, is_split: bool) -> Result<Vec<SiteFile>, Stopped> {
    if !is_split {
        let files = docs::one_file(&made.site, &made.scrubber);
        for file in &files {
            session.write(made.output.write_page(&file.name, &file.bytes))?;
        }
        return Ok(files);
    }
    let files = docs::split(&made.site, &made.scrubber);
    // Parts of an earlier, larger site would stay for ever.
    session.write(made.output.remove_folder(&format!("{SPLIT_FOLDER}/data")))?;
    for file in &files {
        session.write(made.output.write_page(&format!("{SPLIT_FOLDER}/{}", file.name), &file.bytes))?;
    }
    Ok(files)
}

/// The target's database file, if it is there and nobody writes to it; nothing else is attached or loaded.
fn look(session: &mut Session, loaded: &Loaded) -> Option<Box<dyn Warehouse>> {
    let target = &loaded.project.target;
    let file = target.file(loaded.base()).filter(|it| it.exists())?;
    let mut secrets = loaded.project.settings.secrets();
    secrets.extend(target.secrets.iter().cloned());
    let options = ConnectOptions {
        path: Some(file),
        read_only: true,
        schema: "main".to_owned(),
        workers: 1,
        is_offline: true,
        wait: Duration::ZERO,
        secrets,
        ..ConnectOptions::default()
    };
    match duckdb::open_with(&options, &mut |_| false) {
        Ok(warehouse) => Some(warehouse),
        Err(error) => {
            let why = match &error.kind {
                ErrorKind::Locked { holder: Some(holder) } => format!("it is in use by {holder}"),
                ErrorKind::Locked { holder: None } => "it is in use".to_owned(),
                _ => error.message.lines().next().unwrap_or_default().to_owned(),
            };
            let left_out = "the site has no history, and the types of earlier artifacts";
            let message = format!("the database `{}` was not read ({why}): {left_out}", target.path);
            session.reporter.log(LogLevel::Warning, &message);
            None
        }
    }
}

fn read_history(session: &mut Session, warehouse: &mut dyn Warehouse) -> Option<History> {
    match past::read(warehouse, DEPTH) {
        Ok(history) if history.runs.is_empty() => None,
        Ok(history) => Some(history),
        Err(error) => {
            session.reporter.log(LogLevel::Warning, &format!("the history was not read: {error}"));
            None
        }
    }
}

/// What the compiler knows about columns. Queries that do not fit what they read are no matter of the site.
fn columns(
    session: &mut Session,
    loaded: &Loaded,
    graph: &Graph,
    compiled: &Compiled,
    wanted: &BTreeSet<NodeId>,
) -> Result<ColumnFacts, Stopped> {
    let shapes = session.shapes(loaded, graph, compiled, &with_ancestors(graph, wanted), false)?;
    if !shapes.faults.is_empty() {
        let nodes = numbers::count(shapes.faults.len(), "node");
        let message = format!("{nodes} cannot be built as they are: `tidemill check` says why");
        session.reporter.log(LogLevel::Warning, &message);
    }
    let lineage = session.lineage(loaded, graph, compiled, &shapes)?;
    Ok(ColumnFacts::of_shapes(graph, &shapes).with_lineage(graph, &lineage))
}

/// Renders what asks the warehouse, as far as this can be done by reading; the rest is shown as written.
fn render_late(
    session: &mut Session,
    loaded: &Loaded,
    graph: &Graph,
    compiled: &mut Compiled,
    warehouse: Option<Box<dyn Warehouse>>,
) {
    let Some(warehouse) = warehouse.filter(|_| !compiled.late.is_empty()) else { return };
    let connection = Connection::new(warehouse, session.clock.clone(), false);
    late::render_with(session, loaded, graph, compiled, &connection);
}

/// A size for people.
fn bytes(size: usize) -> String {
    const KIB: usize = 1024;
    if size < 1024 * KIB {
        return format!("{} KiB", size.div_ceil(KIB));
    }
    let tenths = size * 10 / (KIB * KIB);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}
