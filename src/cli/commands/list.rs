//! `list`: the nodes selected, one a line.

use serde_json::{Map, Value as Json, json};

use crate::cli::Exit;
use crate::cli::args::command::{ListArgs, ListOutput};
use crate::cli::session::{Purpose, Session, Stopped};
use crate::graph::{Graph, Node};
use crate::node::NodeId;
use crate::parse::Body;

/// Writes the nodes in the order of their selectors.
pub(super) fn run(session: &mut Session, args: &ListArgs) -> Result<Exit, Stopped> {
    let (loaded, graph) = session.resolve(Purpose::of("list"))?;
    let selected = session.select(loaded, graph, &args.selection)?;
    let mut lines: Vec<String> = selected
        .into_iter()
        .filter(|id| args.kinds.includes(graph.node(*id).kind))
        .map(|id| line(graph, id, args))
        .collect();
    lines.sort();
    if args.output == ListOutput::Path {
        lines.dedup();
    }
    if lines.is_empty() {
        return Ok(Exit::Good);
    }
    session.reporter.data(&lines.join("\n"));
    Ok(Exit::Good)
}

fn line(graph: &Graph, id: NodeId, args: &ListArgs) -> String {
    let node = graph.node(id);
    match args.output {
        ListOutput::Selector => selector(node),
        ListOutput::Name => node.name.clone(),
        ListOutput::Path => node.path.as_str().to_owned(),
        ListOutput::Json => json_line(graph, node, &args.output_keys).to_string(),
    }
}

/// What selects this node alone, as dbt writes it.
fn selector(node: &Node) -> String {
    match &node.body {
        Body::Source(source) => format!("source:{}.{}.{}", node.package, source.source, node.name),
        Body::Exposure(_) | Body::Semantic(_) => format!("{}:{}.{}", node.kind, node.package, node.name),
        Body::UnitTest(test) => {
            let version = test.of_model().and_then(|it| it.tested.version.as_ref());
            let version = version.map(|it| format!("_v{it}")).unwrap_or_default();
            format!("unit_test:{}.{}{version}", node.package, node.name)
        }
        Body::Model { .. }
        | Body::Seed
        | Body::Snapshot(_)
        | Body::Function(_)
        | Body::Test(_)
        | Body::Analysis { .. } => node.fqn.join("."),
    }
}

fn json_line(graph: &Graph, node: &Node, keys: &[String]) -> Json {
    let config: Map<String, Json> =
        node.config.values.iter().map(|(key, it)| (key.clone(), it.value.clone())).collect();
    let parents: Vec<&str> = node.parents.iter().map(|it| graph.node(*it).unique_id.as_str()).collect();
    let all = json!({
        "name": node.name,
        "resource_type": node.kind.as_str(),
        "package_name": node.package,
        "original_file_path": node.path.as_str(),
        "unique_id": node.unique_id.as_str(),
        "alias": node.relation.as_ref().map(|it| it.identifier.clone()),
        "config": config,
        "tags": node.config.tags,
        "depends_on": { "nodes": parents, "macros": node.macros },
    });
    if keys.is_empty() {
        return all;
    }
    let mut picked = Map::new();
    for key in keys {
        let value = key.split('.').try_fold(&all, |value, part| value.get(part));
        picked.insert(key.clone(), value.cloned().unwrap_or(Json::Null));
    }
    Json::Object(picked)
}
