//! The part of an entry that only one kind of node has.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value as Json, json};

use super::code::version;
use super::config::TEST_CONFIG_KEYS;
use super::constraint::{self, ModelConstraint};
use super::entry::{Context, Entry, owner_of};
use crate::diagnostics::Spanned;
use crate::node::NodeKind;
use crate::parse::functions::FunctionBody;
use crate::parse::model_details::ModelDetails;
use crate::parse::properties::FunctionArgument;
use crate::parse::properties::TimeSpine;
use crate::parse::{Body, DataTest, GenericTest, Owner, ParsedNode, TestKind, Version};
use crate::template::{RefCall, SourceCall};

/// What is special about a kind of node.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Special<'a> {
    /// A model.
    Model(Box<ModelPart<'a>>),
    /// A seed.
    Seed(SeedPart<'a>),
    /// A function.
    Function(FunctionPart<'a>),
    /// A generic test.
    Test(TestPart<'a>),
}

#[derive(Serialize)]
pub(super) struct ModelPart<'a> {
    access: &'a str,
    constraints: Vec<ModelConstraint<'a>>,
    version: Option<Json>,
    latest_version: Option<Json>,
    deprecation_date: Option<&'a str>,
    primary_key: Vec<&'a str>,
    time_spine: Option<Json>,
}

#[derive(Serialize)]
pub(super) struct SeedPart<'a> {
    /// An absolute path in dbt's manifests.
    root_path: Option<&'a str>,
    depends_on: MacrosOnly<'a>,
}

#[derive(Serialize)]
struct MacrosOnly<'a> {
    macros: [&'a str; 0],
}

#[derive(Serialize)]
pub(super) struct FunctionPart<'a> {
    returns: Returns<'a>,
    arguments: Vec<Argument<'a>>,
}

#[derive(Serialize)]
struct Returns<'a> {
    data_type: &'a str,
    description: Option<&'a str>,
}

#[derive(Serialize)]
struct Argument<'a> {
    name: &'a str,
    data_type: &'a str,
    description: Option<&'a str>,
    default_value: Option<&'a Json>,
}

#[derive(Serialize)]
pub(super) struct TestPart<'a> {
    column_name: Option<&'a str>,
    file_key_name: String,
    attached_node: Option<&'a str>,
    test_metadata: TestMetadata<'a>,
}

#[derive(Serialize)]
struct TestMetadata<'a> {
    name: &'a str,
    kwargs: BTreeMap<&'a str, Cow<'a, Json>>,
    namespace: Option<&'a str>,
}

impl<'a> Special<'a> {
    /// `None` for a node with no keys of its own: a singular test or an analysis.
    pub(super) fn new(context: &Context<'a>, entry: &Entry<'a>) -> Option<Self> {
        match &entry.parsed.body {
            Body::Model { version, details, .. } => {
                Some(Special::Model(Box::new(ModelPart::new(context, entry, version.as_ref(), details))))
            }
            Body::Seed => {
                Some(Special::Seed(SeedPart { root_path: None, depends_on: MacrosOnly { macros: [] } }))
            }
            Body::Test(DataTest { kind: TestKind::Generic(test), column }) => {
                Some(Special::Test(TestPart::new(context, entry, test, column.as_deref())))
            }
            Body::Function(function) => Some(Special::Function(FunctionPart::new(function))),
            Body::Test(DataTest { kind: TestKind::Singular { .. }, .. })
            | Body::Snapshot(_)
            | Body::Analysis { .. }
            | Body::Source(_)
            | Body::Exposure(_)
            | Body::UnitTest(_)
            | Body::Semantic(_) => None,
        }
    }
}

impl<'a> ModelPart<'a> {
    fn new(
        context: &Context<'a>,
        entry: &Entry<'a>,
        model_version: Option<&Version>,
        details: &'a ModelDetails,
    ) -> Self {
        let tested = entry.id.and_then(|it| context.primary_keys.get(&it)).cloned();
        let spine = details.time_spine.as_ref();
        Self {
            access: details.access.as_str(),
            constraints: details.constraints.iter().map(ModelConstraint::new).collect(),
            version: model_version.map(|it| version(&it.version)),
            latest_version: model_version.map(|it| version(&it.latest)),
            deprecation_date: details.deprecation.as_ref().map(|it| it.date.as_str()),
            primary_key: constraint::primary_key(entry.parsed, details)
                .unwrap_or_else(|| tested.unwrap_or_default()),
            time_spine: spine.map(time_spine),
        }
    }
}

impl<'a> FunctionPart<'a> {
    fn new(function: &'a FunctionBody) -> Self {
        let returns = &function.returns;
        let argument = |it: &'a FunctionArgument| Argument {
            name: &it.name.value,
            data_type: it.data_type.as_deref().unwrap_or_default(),
            description: it.description.as_deref(),
            default_value: it.default_value.as_ref(),
        };
        Self {
            returns: Returns {
                data_type: returns.data_type.as_ref().map_or("table", |it| it.value.as_str()),
                description: returns.description.as_deref(),
            },
            arguments: function.arguments.iter().map(argument).collect(),
        }
    }
}

impl<'a> TestPart<'a> {
    fn new(context: &Context<'a>, entry: &Entry<'a>, test: &'a GenericTest, column: Option<&'a str>) -> Self {
        let owner = entry.node.and_then(|it| owner_of(it, test)).map(|id| context.graph.node(id));
        let mut kwargs: BTreeMap<&str, Cow<'_, Json>> =
            test.arguments.iter().map(|(name, value)| (name.as_str(), Cow::Borrowed(value))).collect();
        kwargs.insert("model", Cow::Owned(Json::from(model_argument(&test.owner))));
        let file_key_name = match &test.owner {
            Owner::Source(call) => format!("sources.{}", call.source),
            Owner::Ref(call) => {
                let list = match owner.map(|it| it.kind) {
                    Some(NodeKind::Seed) => "seeds",
                    Some(NodeKind::Snapshot) => "snapshots",
                    _ => "models",
                };
                format!("{list}.{}", call.name)
            }
        };
        Self {
            column_name: column,
            file_key_name,
            attached_node: owner.filter(|it| it.kind != NodeKind::Source).map(|it| it.unique_id.as_str()),
            test_metadata: TestMetadata { name: &test.name, kwargs, namespace: test.namespace.as_deref() },
        }
    }
}

/// The `model` argument as dbt writes it; ids of tests are made from it too.
fn model_argument(owner: &Owner) -> String {
    let call = match owner {
        Owner::Ref(RefCall { name, version: Some(version), .. }) => {
            format!("ref('{name}', version='{version}')")
        }
        Owner::Ref(RefCall { name, .. }) => format!("ref('{name}')"),
        Owner::Source(SourceCall { source, table }) => format!("source('{source}', '{table}')"),
    };
    format!("{{{{ get_where_subquery({call}) }}}}")
}

fn time_spine(spine: &TimeSpine) -> Json {
    let custom = |(name, column): &(Spanned<String>, Option<Spanned<String>>)| json!({ "name": name.value, "column_name": column.as_ref().map(|it| &it.value) });
    json!({
        "standard_granularity_column": spine.standard_granularity_column.value,
        "custom_granularities": spine.custom_granularities.iter().map(custom).collect::<Json>(),
    })
}

/// The group of a node; of a generic test, that of the node it is declared on.
pub(super) fn group<'a>(context: &Context<'a>, entry: &Entry<'a>) -> Option<&'a str> {
    let of = |parsed: &'a ParsedNode| parsed.config.values.get("group").and_then(|it| it.value.as_str());
    let own = of(entry.parsed);
    match (&entry.parsed.body, entry.node) {
        (Body::Test(DataTest { kind: TestKind::Generic(test), .. }), Some(node)) => {
            let owner = owner_of(node, test).map(|id| &context.graph.node(id).parsed);
            own.or_else(|| owner.and_then(of))
        }
        _ => own,
    }
}

/// A generic test as a template: the call that dbt makes of its entry, with the entry's own config.
pub(super) fn test_code(parsed: &ParsedNode, test: &GenericTest) -> String {
    let macro_name = match &test.namespace {
        Some(namespace) => format!("{namespace}.test_{}", test.name),
        None => format!("test_{}", test.name),
    };
    let mut config: Vec<String> = Vec::new();
    for key in TEST_CONFIG_KEYS {
        // What the project file says is not part of the entry.
        let own = parsed.config.values.get(key).filter(|it| it.span.file == parsed.span.file);
        if let Some(value) = own.filter(|it| !it.value.is_null()) {
            config.push(format!("{key}={}", python_literal(&value.value)));
        }
    }
    if is_shortened(parsed, test) {
        config.push(format!("alias=\"{}\"", test.short_name));
    }
    let config =
        if config.is_empty() { config.concat() } else { format!("{{{{ config({}) }}}}", config.join(",")) };
    format!("{{{{ {macro_name}(**_dbt_generic_test_kwargs) }}}}{config}")
}

/// Whether the test's name was too long, so that a short one became its alias.
pub(super) fn is_shortened(parsed: &ParsedNode, test: &GenericTest) -> bool {
    test.short_name != parsed.name && parsed.config.alias.is_none()
}

/// A value as dbt writes it into a test's `config(...)`: a text in double quotes, all else as Python has it.
fn python_literal(value: &Json) -> String {
    match value {
        Json::String(text) => format!("\"{}\"", text.replace('"', "\\\"")),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => python_repr(value),
    }
}

fn python_repr(value: &Json) -> String {
    match value {
        Json::Null => "None".to_owned(),
        Json::Bool(true) => "True".to_owned(),
        Json::Bool(false) => "False".to_owned(),
        Json::Number(it) => it.to_string(),
        Json::String(text) => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
        Json::Array(items) => {
            format!("[{}]", items.iter().map(python_repr).collect::<Vec<_>>().join(", "))
        }
        Json::Object(entries) => {
            let entry = |(key, value): (&String, &Json)| format!("'{key}': {}", python_repr(value));
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
    }
}
