//! `model`: a node as templates see it.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use crate::graph::{Graph, Node};
use crate::node::{NodeId, Relation};
use crate::parse::config_defaults::defaults;
use crate::parse::functions::FunctionBody;
use crate::parse::model_details::ModelDetails;
use crate::parse::properties::{ColumnProperties, Constraint};
use crate::parse::snapshots::SnapshotBody;
use crate::parse::{Body, DataTest, Owner, TestKind, Version};
use crate::project::Project;

/// The node under dbt's keys, without those that are not set. `graph` has more, but takes longer to make.
pub(super) fn model(project: &Project, graph: &Graph, node: &Node) -> Json {
    let relation = node.relation.as_ref();
    let columns = node.columns.iter().map(|it| (it.name.value.clone(), column(it)));
    let mut model = json!({
        "database": relation.and_then(|it| it.database.clone()),
        "schema": relation.and_then(|it| it.schema.clone()),
        "name": node.name,
        "resource_type": node.kind.as_str(),
        "package_name": node.package,
        "path": node.path.inside(&node.folder).unwrap_or(node.path.as_str()),
        "original_file_path": project.path_in_package(&node.path),
        "unique_id": node.unique_id.as_str(),
        "fqn": node.fqn,
        "alias": relation.map_or(node.name.as_str(), |it| it.identifier.as_str()),
        "config": config(node),
        "tags": node.config.tags,
        "description": node.description,
        "columns": columns.collect::<Map<_, _>>(),
        "meta": node.config.meta,
        "group": node.group(),
        "patch_path": node.patch_path.as_ref().map(|it| format!("{}://{}", node.package, project.path_in_package(it))),
        "relation_name": relation.map(Relation::written),
        "language": "sql",
        "raw_code": raw_code(node),
        "refs": refs(node),
        "sources": node.parsed.sources.iter().map(|it| [&it.value.source, &it.value.table]).collect::<Vec<_>>(),
        "depends_on": {"macros": node.macros, "nodes": parents(graph, node)},
    });
    if let Json::Object(model) = &mut model {
        add_special(model, node);
        if let Some(owner) = attached_node(node) {
            model.insert("attached_node".to_owned(), json!(graph.node(owner).unique_id.as_str()));
        }
        model.retain(|_, value| !value.is_null());
    }
    model
}

/// The node's config over dbt's defaults.
pub(super) fn config(node: &Node) -> BTreeMap<String, Json> {
    let mut config: BTreeMap<String, Json> =
        defaults(node.kind).iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    config.extend(node.config.values.iter().map(|(key, it)| (key.clone(), it.value.clone())));
    config
}

fn column(column: &ColumnProperties) -> Json {
    json!({
        "name": column.name.value,
        "description": column.description.as_ref().map_or("", |it| it.value.as_str()),
        "data_type": column.data_type,
        "meta": column.meta,
        "tags": column.tags,
        "quote": column.quote,
        "constraints": column.constraints.iter().map(constraint).collect::<Vec<_>>(),
    })
}

fn constraint(it: &Constraint) -> Json {
    let mut constraint = json!({
        "type": it.kind.value.as_str(),
        "name": it.name,
        "expression": it.expression.as_ref().map(|it| &it.value),
        "warn_unenforced": it.warn_unenforced,
        "warn_unsupported": it.warn_unsupported,
        "columns": it.columns.iter().map(|it| &it.value).collect::<Vec<_>>(),
        "to": it.to.as_ref().map(|it| &it.value),
        "to_columns": it.to_columns,
    });
    if let Json::Object(constraint) = &mut constraint {
        constraint.retain(|_, value| !value.is_null());
    }
    constraint
}

fn raw_code(node: &Node) -> Option<&str> {
    match &node.body {
        Body::Model { sql, .. }
        | Body::Snapshot(SnapshotBody { sql, .. })
        | Body::Function(FunctionBody { sql, .. })
        | Body::Analysis { sql }
        | Body::Test(DataTest { kind: TestKind::Singular { sql }, .. }) => Some(sql.text.trim()),
        Body::Test(_)
        | Body::Seed
        | Body::Source(_)
        | Body::Exposure(_)
        | Body::UnitTest(_)
        | Body::Semantic(_) => None,
    }
}

fn refs(node: &Node) -> Vec<Json> {
    let call = |it: &crate::template::RefCall| json!({"name": it.name, "package": it.package, "version": it.version});
    node.parsed.refs.iter().map(|it| call(&it.value)).collect()
}

fn parents<'a>(graph: &'a Graph, node: &'a Node) -> Vec<&'a str> {
    node.parents.iter().map(|it| graph.node(*it).unique_id.as_str()).collect()
}

/// The node that a generic test is declared on, if it is no source.
fn attached_node(node: &Node) -> Option<NodeId> {
    let Body::Test(DataTest { kind: TestKind::Generic(test), .. }) = &node.body else { return None };
    match &test.owner {
        Owner::Ref(call) => node.refs.get(call).copied(),
        Owner::Source(_) => None,
    }
}

/// What only one kind of node has.
fn add_special(model: &mut Map<String, Json>, node: &Node) {
    match &node.body {
        Body::Model { version, details, .. } => add_details(model, version.as_ref(), details),
        Body::Test(DataTest { kind: TestKind::Generic(test), column }) => {
            let arguments = test.arguments.iter().map(|(name, value)| (name.clone(), value.clone()));
            let kwargs: Map<String, Json> = arguments.collect();
            model.insert("column_name".to_owned(), json!(column));
            let metadata = json!({"name": test.name, "kwargs": kwargs, "namespace": test.namespace});
            model.insert("test_metadata".to_owned(), metadata);
        }
        Body::Source(source) => {
            model.insert("source_name".to_owned(), json!(source.source));
            model.insert("loader".to_owned(), json!(source.loader));
        }
        Body::Function(function) => add_signature(model, function),
        Body::Test(_)
        | Body::Seed
        | Body::Snapshot(_)
        | Body::Analysis { .. }
        | Body::Exposure(_)
        | Body::UnitTest(_)
        | Body::Semantic(_) => {}
    }
}

/// What a function takes and gives.
fn add_signature(model: &mut Map<String, Json>, function: &FunctionBody) {
    let arguments: Vec<Json> = function
        .arguments
        .iter()
        .map(|it| {
            json!({
                "name": it.name.value,
                "data_type": it.data_type,
                "description": it.description,
                "default_value": it.default_value,
            })
        })
        .collect();
    let returns = &function.returns;
    let data_type = returns.data_type.as_ref().map(|it| it.value.as_str());
    model.insert("arguments".to_owned(), Json::from(arguments));
    model.insert("returns".to_owned(), json!({"data_type": data_type, "description": returns.description}));
}

fn add_details(model: &mut Map<String, Json>, version: Option<&Version>, details: &ModelDetails) {
    let contract =
        json!({"enforced": details.contract.enforced, "alias_types": details.contract.alias_types});
    model.insert("contract".to_owned(), contract);
    model.insert("access".to_owned(), json!(details.access.as_str()));
    model.insert("constraints".to_owned(), details.constraints.iter().map(constraint).collect());
    if let Some(version) = version {
        model.insert("version".to_owned(), json!(version.version));
        model.insert("latest_version".to_owned(), json!(version.latest));
    }
}
