//! `lineage`: where a column comes from, and what is made of it.

mod draw;
mod nodes;

use std::collections::BTreeSet;

use self::nodes::{Nodes, Ways};
use crate::cli::Exit;
use crate::cli::args::command::{LineageArgs, LineageOutput};
use crate::cli::commands::run::report_log;
use crate::cli::session::{Purpose, Session, Stopped};
use crate::compile;
use crate::compile::lineage::{self, Column, Direction, Lineage, Table};
use crate::compile::shapes::Shapes;
use crate::diagnostics::{Diagnostic, suggest};
use crate::graph::{Graph, Node};
use crate::node::{NodeId, NodeKind};
use crate::parse::Body;

/// Traces a column through the project, or all columns of a node, or of all nodes, one step up or down.
pub(super) fn run(session: &mut Session, args: &LineageArgs) -> Result<Exit, Stopped> {
    let (loaded, graph) = session.resolve(Purpose::of("lineage"))?;
    let meant = args.column.as_deref().map(|it| find(graph, it)).transpose();
    let meant = meant.map_err(|fault| session.fail(fault))?;
    let wanted: BTreeSet<NodeId> = graph
        .nodes()
        .filter(|(_, it)| has_rows(it) || it.kind == NodeKind::Function)
        .map(|it| it.0)
        .collect();
    let compiled = compile::compile(&loaded.project, graph, &wanted);
    report_log(session, &compiled.log);
    let shapes = session.shapes(loaded, graph, &compiled, &wanted, false)?;
    let lineage = session.lineage(loaded, graph, &compiled, &shapes)?;
    let Some((id, Some(name))) = meant else {
        let ways = Ways { up: args.up || !args.down, down: args.down, keys: args.keys };
        let nodes = Nodes::new(graph, (&lineage, &shapes), meant.map(|it| it.0), ways);
        session.reporter.data(nodes.write(args.output).trim_end());
        return Ok(Exit::Good);
    };
    let start = start(graph, &lineage, &shapes, id, name).map_err(|fault| session.fail(fault))?;
    let (up, down) = if args.up || args.down { (args.up, args.down) } else { (true, true) };
    let directions = [(up, Direction::Up), (down, Direction::Down)];
    let walks: Vec<(Direction, lineage::Walk)> = directions
        .into_iter()
        .filter(|it| it.0)
        .map(|(_, direction)| (direction, lineage::walk(&lineage, &start, direction, args.keys)))
        .collect();
    let drawing = draw::Drawing { graph, lineage: &lineage, start: &start, walks: &walks };
    let text = match args.output {
        LineageOutput::Text => drawing.text(),
        LineageOutput::Json => drawing.json(),
        LineageOutput::Mermaid => drawing.mermaid(),
        LineageOutput::Dot => drawing.dot(),
    };
    session.reporter.data(text.trim_end());
    Ok(Exit::Good)
}

fn has_rows(node: &Node) -> bool {
    matches!(node.kind, NodeKind::Model | NodeKind::Seed | NodeKind::Snapshot | NodeKind::Source)
}

/// Names that mean a node here: its own, with version or source where it has one.
fn names(node: &Node) -> Vec<String> {
    let mut names = vec![node.unique_id.as_str().to_owned()];
    match &node.body {
        Body::Source(source) => names.push(format!("{}.{}", source.source, node.name)),
        Body::Model { version: Some(version), .. } => {
            names.push(format!("{}.v{}", node.name, version.version));
            if version.is_latest {
                names.push(node.name.clone());
            }
        }
        _ => names.push(node.name.clone()),
    }
    names
}

/// The node and the column that `orders.amount` means; a node alone has no column.
fn find<'a>(graph: &Graph, text: &'a str) -> Result<(NodeId, Option<&'a str>), Diagnostic> {
    let named = |name: &str| -> Vec<NodeId> {
        let is = |node: &Node| has_rows(node) && names(node).iter().any(|it| it.eq_ignore_ascii_case(name));
        graph.nodes().filter(|(_, node)| is(node)).map(|(id, _)| id).collect()
    };
    let split = text.rsplit_once('.');
    for (name, column) in [(Some(text), None), (split.map(|it| it.0), split.map(|it| it.1))] {
        match name.map(named).unwrap_or_default()[..] {
            [] => {}
            [id] => return Ok((id, column)),
            _ => {
                let message = format!("several nodes are called `{}`", name.unwrap_or_default());
                let fault = Diagnostic::error("ambiguous-node", message);
                return Err(fault.help("write its unique id, such as `model.shop.orders.amount`"));
            }
        }
    }
    let wanted = split.map_or(text, |it| it.0);
    let known: Vec<String> = graph.nodes().filter(|it| has_rows(it.1)).flat_map(|it| names(it.1)).collect();
    let help = suggest::did_you_mean(wanted, known.iter().map(String::as_str));
    let fault = Diagnostic::error("unknown-node", format!("no node with columns is called `{wanted}`"));
    Err(fault.help_opt(help))
}

fn start(
    graph: &Graph,
    lineage: &Lineage,
    shapes: &Shapes,
    id: NodeId,
    name: &str,
) -> Result<Column, Diagnostic> {
    let of_shape = shapes.columns(id).unwrap_or_default().iter().map(|it| it.name.as_str());
    let traced = lineage.nodes.get(&id).map(|it| it.columns.as_slice()).unwrap_or_default();
    let known: BTreeSet<&str> = of_shape.chain(traced.iter().map(|it| it.name.as_str())).collect();
    let found = known.iter().find(|it| it.eq_ignore_ascii_case(name));
    match found {
        Some(found) => Ok(Column { table: Table::Node(id), name: (*found).to_owned() }),
        // Of a node whose columns are not known, any name may be one.
        None if known.is_empty() => Ok(Column { table: Table::Node(id), name: name.to_owned() }),
        None => {
            let node = graph.node(id);
            let message = format!("{} `{}` has no column `{name}`", node.kind, node.name);
            let fault = Diagnostic::error("unknown-column", message);
            Err(fault.help_opt(suggest::did_you_mean(name, known.iter().copied())))
        }
    }
}
