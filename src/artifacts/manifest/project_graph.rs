//! The project as templates see it under `graph`: the entries of the manifest, without macros and maps.

use serde_json::{Map, Value as Json};

use super::entry::{Context, Entry};
use super::exposure::ManifestExposure;
use super::node::ManifestNode;
use super::source::ManifestSource;
use super::{ManifestInput, groups, semantic, unit_test};
use crate::artifacts::Stamp;
use crate::node::NodeKind;

/// What `graph` has, in dbt's order.
const SECTIONS: [&str; 8] =
    ["exposures", "functions", "groups", "metrics", "nodes", "sources", "semantic_models", "saved_queries"];

/// The project's nodes, sources and all else by kind and unique id.
pub fn project_graph(input: &ManifestInput<'_>, stamp: &Stamp) -> Json {
    let context = Context::new(input, stamp);
    let mut graph: Map<String, Json> =
        SECTIONS.iter().map(|it| ((*it).to_owned(), Json::Object(Map::new()))).collect();
    for entry in &context.entries {
        let Some((section, value)) = section_of(&context, entry) else { continue };
        if let Some(Json::Object(entries)) = graph.get_mut(section) {
            entries.insert(entry.parsed.unique_id.as_str().to_owned(), value);
        }
    }
    graph.insert("groups".to_owned(), to_json(groups::groups(&context)));
    Json::Object(graph)
}

fn section_of<'a>(context: &Context<'a>, entry: &Entry<'a>) -> Option<(&'static str, Json)> {
    Some(match entry.parsed.kind {
        NodeKind::Source => ("sources", to_json(ManifestSource::new(context, entry)?)),
        NodeKind::Exposure => ("exposures", to_json(ManifestExposure::new(context, entry)?)),
        NodeKind::Metric => ("metrics", to_json(semantic::entry(context, entry)?)),
        NodeKind::SemanticModel => ("semantic_models", to_json(semantic::entry(context, entry)?)),
        NodeKind::SavedQuery => ("saved_queries", to_json(semantic::entry(context, entry)?)),
        NodeKind::UnitTest => ("unit_tests", to_json(unit_test::entry(context, entry)?)),
        NodeKind::Function => ("functions", to_json(ManifestNode::new(context, entry)?)),
        NodeKind::Seed | NodeKind::Model | NodeKind::Snapshot | NodeKind::Test | NodeKind::Analysis => {
            ("nodes", to_json(ManifestNode::new(context, entry)?))
        }
    })
}

fn to_json(entry: impl serde::Serialize) -> Json {
    serde_json::to_value(entry).unwrap_or_default()
}
