//! Entries of `semantic_models`, `metrics` and `saved_queries`.

use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::code::Ref;
use super::config;
use super::entry::{Context, Entry};
use crate::node::{NodeId, NodeKind, Relation};
use crate::parse::{Body, ParsedNode};

/// What every entry of a node that stands in YAML alone begins with.
pub(super) fn head(parsed: &ParsedNode) -> Map<String, Json> {
    let path = parsed.path.inside(&parsed.folder).unwrap_or(parsed.path.as_str());
    let head = json!({
        "name": parsed.name,
        "resource_type": parsed.kind.as_str(),
        "package_name": parsed.package,
        "path": path,
        "original_file_path": parsed.path.as_str(),
        "unique_id": parsed.unique_id.as_str(),
        "fqn": parsed.fqn,
    });
    match head {
        Json::Object(map) => map,
        _ => Map::new(),
    }
}

/// What a node is made from, as ids in the order of its calls.
pub(super) fn depends_on(context: &Context<'_>, entry: &Entry<'_>) -> Json {
    let mut parents = entry.id.map(|it| context.graph.parents(it).to_vec()).unwrap_or_default();
    parents.sort_by_key(|it| context.graph.node(*it).kind != NodeKind::Source);
    let nodes: Vec<&str> = parents.iter().map(|it| context.graph.node(*it).unique_id.as_str()).collect();
    json!({ "macros": [], "nodes": nodes })
}

/// `None` for another kind of node.
pub(super) fn entry(context: &Context<'_>, entry: &Entry<'_>) -> Option<Json> {
    let parsed = entry.parsed;
    let Body::Semantic(body) = &parsed.body else { return None };
    let mut map = head(parsed);
    let mut set = |key: &str, value: Json| map.insert(key.to_owned(), value);
    for (key, value) in body.definition.iter().filter(|(key, _)| *key != "name") {
        set(key, value.clone());
    }
    let own_config = |key: &str| parsed.config.values.get(key).map_or(Json::Null, |it| it.value.clone());
    let group = own_config("group");
    let mut config = json!({ "enabled": parsed.config.enabled, "group": group, "meta": parsed.config.meta });
    let refs: Vec<Json> = parsed.refs.iter().map(|it| plain(&Ref::new(&it.value))).collect();
    set("refs", Json::Array(refs));
    match parsed.kind {
        NodeKind::SemanticModel => set("node_relation", node_relation(context, entry)),
        NodeKind::Metric => {
            set("type_params", type_params(context, entry, body.definition.get("type_params")));
            for key in ["sources", "metrics"] {
                set(key, json!([]));
            }
            set("tags", json!(parsed.config.tags));
            set("meta", parsed.config.meta.clone())
        }
        _ => {
            config["export_as"] = own_config("export_as");
            config["schema"] = json!(parsed.config.schema);
            let cache = own_config("cache");
            config["cache"] = if cache.is_object() { cache } else { json!({ "enabled": false }) };
            set("tags", json!(parsed.config.tags))
        }
    };
    set("metadata", Json::Null);
    set("group", group);
    set("config", config);
    set("unrendered_config", plain(&config::unrendered(parsed)));
    set("depends_on", depends_on(context, entry));
    set("created_at", json!(context.created_at));
    Some(Json::Object(map))
}

fn plain(value: &impl Serialize) -> Json {
    serde_json::to_value(value).unwrap_or(Json::Null)
}

/// The table of the model that a semantic model is about.
fn node_relation(context: &Context<'_>, entry: &Entry<'_>) -> Json {
    let model = entry.id.and_then(|it| context.graph.parents(it).first()).map(|it| context.graph.node(*it));
    let Some((model, relation)) = model.and_then(|it| Some((it, it.relation.as_ref()?))) else {
        return Json::Null;
    };
    json!({
        "alias": if relation.identifier.is_empty() { &model.name } else { &relation.identifier },
        "schema_name": relation.schema,
        "database": relation.database,
        "relation_name": Relation::render(relation),
    })
}

/// With the measures that the metric comes down to.
fn type_params(context: &Context<'_>, entry: &Entry<'_>, said: Option<&Json>) -> Json {
    let mut params = said.cloned().unwrap_or_else(|| json!({}));
    let mut measures = Vec::new();
    match entry.id {
        Some(id) => input_measures(context, id, &mut measures, 0),
        None => measures.extend(own_measures(entry.parsed)),
    }
    params["input_measures"] = Json::Array(measures);
    params["metric_aggregation_params"] = Json::Null;
    params
}

fn own_measures(parsed: &ParsedNode) -> Vec<Json> {
    let Body::Semantic(body) = &parsed.body else { return Vec::new() };
    let at = |path: &str| body.definition.get("type_params").and_then(|it| it.pointer(path)).cloned();
    let places =
        ["/measure", "/conversion_type_params/base_measure", "/conversion_type_params/conversion_measure"];
    places.into_iter().filter_map(at).filter(Json::is_object).collect()
}

/// A circle of metrics is reported elsewhere; here it must only end.
fn input_measures(context: &Context<'_>, id: NodeId, measures: &mut Vec<Json>, depth: usize) {
    for measure in own_measures(context.graph.node(id)) {
        if !measures.contains(&measure) {
            measures.push(measure);
        }
    }
    let is_metric = |it: &&NodeId| context.graph.node(**it).kind == NodeKind::Metric;
    for parent in context.graph.parents(id).iter().filter(is_metric) {
        if depth < context.graph.len() {
            input_measures(context, *parent, measures, depth + 1);
        }
    }
}
