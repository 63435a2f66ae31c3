//! `show`: rows of a node or of a query.

use std::sync::Arc;

use crate::cli::Exit;
use crate::cli::args::command::{SelectionArgs, ShowArgs, ShowOutput};
use crate::cli::commands::late;
use crate::cli::commands::run::{faults, report_log};
use crate::cli::session::{Loaded, Purpose, Session, Stopped};
use crate::compile::{self, Late};
use crate::diagnostics::{Diagnostic, Span};
use crate::graph::{Graph, Node};
use crate::node::NodeId;
use crate::parse::Body;
use crate::report::{self, table};
use crate::run::statement_fault;
use crate::template::{NEEDS_WAREHOUSE, Rendered, TemplateSource};
use crate::warehouse::Warehouse as _;

/// Runs the query of a model (or reads a seed's or source's table) and writes some rows.
pub(super) fn run(session: &mut Session, args: &ShowArgs) -> Result<Exit, Stopped> {
    session.listen_for_interrupts();
    let (loaded, graph) = session.resolve(Purpose::of("show"))?;
    let (sql, place) = match (&args.inline, args.selector()) {
        (Some(text), _) => inline(session, loaded, graph, text)?,
        (None, Some(selector)) => of_node(session, loaded, graph, selector)?,
        (None, None) => return Err(Stopped(Exit::CouldNotRun)),
    };
    let mut warehouse = late::connect(session, loaded)?;
    let rows = warehouse.query(&sql.text, args.limit.rows());
    let rows = rows.map_err(|error| {
        let mut fault = statement_fault(place, &sql, &error);
        if error.message.contains("does not exist") {
            fault = fault.help("if it is a relation of this project, `tidemill build` makes it");
        }
        let Stopped(_) = session.fail(fault);
        Stopped(Exit::Failed)
    })?;
    let text = match args.output {
        ShowOutput::Table => table::aligned(&rows, report::standard_output_width()),
        ShowOutput::Csv => table::csv(&rows),
        ShowOutput::Json => table::json(&rows),
    };
    session.reporter.data(&text);
    Ok(Exit::Good)
}

fn inline(
    session: &mut Session,
    loaded: &Loaded,
    graph: &Graph,
    text: &str,
) -> Result<(Rendered, Span), Stopped> {
    let file = session.sources.add("--inline", text);
    let source = TemplateSource {
        package: loaded.project.config.name.value.clone(),
        file,
        text: Arc::from(text),
        offset: 0,
    };
    let place = Span::new(file, 0..0);
    let early = Late::new(&loaded.project, graph, None);
    let rendered = match early.inline(&source) {
        Err(error) if error.code == NEEDS_WAREHOUSE => {
            let connection = late::connect(session, loaded)?;
            let late = Late::new(&loaded.project, graph, Some(connection.engine()));
            let rendered = late.inline(&source);
            report_log(session, &late.take_log());
            rendered
        }
        rendered => {
            report_log(session, &early.take_log());
            rendered
        }
    };
    rendered.map(|sql| (sql, place)).map_err(|error| session.fail(error.into_diagnostic()))
}

fn of_node(
    session: &mut Session,
    loaded: &Loaded,
    graph: &Graph,
    selector: &str,
) -> Result<(Rendered, Span), Stopped> {
    let selection = SelectionArgs { select: vec![selector.to_owned()], ..SelectionArgs::default() };
    let selected = session.select(loaded, graph, &selection)?;
    let shown: Vec<NodeId> = selected.into_iter().filter(|id| has_rows(graph.node(*id))).collect();
    let [id] = shown[..] else {
        let names: Vec<&str> = shown.iter().take(5).map(|id| graph.node(*id).name.as_str()).collect();
        let fault =
            Diagnostic::error("ambiguous-selector", format!("`{selector}` is not one node with rows"));
        return Err(session.fail(fault.note(format!("it selects: {}", names.join(", ")))));
    };
    let node = graph.node(id);
    if let (Body::Seed | Body::Source(_), Some(relation)) = (&node.body, &node.relation) {
        let text = format!("select * from {}", relation.render());
        return Ok((Rendered { text, segments: Vec::new() }, node.span));
    }
    let wanted = std::iter::once(id).collect();
    let mut compiled = compile::compile(&loaded.project, graph, &wanted);
    report_log(session, &compiled.log);
    late::render(session, loaded, graph, &mut compiled)?;
    if let Some(fault) = faults(&compiled, &wanted).into_iter().next() {
        return Err(session.fail(fault));
    }
    Ok((compiled.nodes.remove(&id).unwrap_or_default().sql, node.span))
}

fn has_rows(node: &Node) -> bool {
    match &node.body {
        Body::Model { .. } | Body::Seed | Body::Snapshot(_) | Body::Source(_) | Body::Analysis { .. } => true,
        Body::Function(_) | Body::Test(_) | Body::Exposure(_) | Body::UnitTest(_) | Body::Semantic(_) => {
            false
        }
    }
}
