//! The part of an entry that only nodes with SQL have.

use serde::Serialize;
use serde_json::Value as Json;

use super::config::Contract;
use super::entry::{Context, Entry};
use crate::artifacts::compiled;
use crate::compile::{Compiled, CompiledNode, reading_name};
use crate::graph::Node;
use crate::node::NodeId;
use crate::parse::{Body, DataTest, Owner, ParsedNode, TestKind};
use crate::template::{FunctionCall, RefCall, SourceCall};

#[derive(Serialize)]
pub(super) struct Code<'a> {
    language: &'static str,
    refs: Vec<Ref<'a>>,
    sources: Vec<[&'a str; 2]>,
    metrics: [&'a str; 0],
    functions: Vec<Vec<&'a str>>,
    depends_on: DependsOn<'a>,
    compiled_path: Option<String>,
    #[serde(flatten)]
    compiled: Option<Rendering<'a>>,
    contract: Contract,
}

/// Absent where nothing was compiled, as in dbt.
#[derive(Serialize)]
struct Rendering<'a> {
    compiled: bool,
    compiled_code: &'a str,
    extra_ctes_injected: bool,
    extra_ctes: Vec<Cte<'a>>,
}

#[derive(Serialize)]
struct Cte<'a> {
    id: &'a str,
    sql: String,
}

/// A call of `ref()`.
#[derive(Serialize)]
pub(super) struct Ref<'a> {
    name: &'a str,
    package: Option<&'a str>,
    version: Option<Json>,
}

/// What a node is made from.
#[derive(Serialize)]
pub(super) struct DependsOn<'a> {
    macros: Vec<&'a str>,
    nodes: Vec<&'a str>,
}

impl<'a> Code<'a> {
    /// `None` for a seed.
    pub(super) fn new(context: &Context<'a>, entry: &Entry<'a>) -> Option<Self> {
        let file = compiled::file(entry.parsed)?;
        let node = entry.id.and_then(|id| Some((context.compiled?, context.compiled?.nodes.get(&id)?)));
        let calls = Calls::of(entry.parsed);
        let is_python = matches!(&entry.parsed.body, Body::Model { details, .. } if details.is_python);
        let target = &context.project.config.target_path;
        Some(Self {
            language: if is_python { "python" } else { "sql" },
            refs: calls.refs.iter().map(|it| Ref::new(it)).collect(),
            sources: calls.sources.iter().map(|it| [it.source.as_str(), it.table.as_str()]).collect(),
            metrics: [],
            functions: entry.parsed.functions.iter().map(|it| function(&it.value)).collect(),
            depends_on: DependsOn::new(context, entry, &calls),
            // A target folder outside the project has no path that means something elsewhere.
            compiled_path: node
                .filter(|_| !target.starts_with('/') && !target.contains([':', '\\']))
                .map(|_| format!("{target}/compiled/{file}")),
            compiled: node.map(|(compiled, node)| Rendering::new(context, compiled, node)),
            contract: Contract::of(entry.parsed),
        })
    }
}

impl<'a> Rendering<'a> {
    fn new(context: &Context<'a>, compiled: &'a Compiled, node: &'a CompiledNode) -> Self {
        let cte = |id: &NodeId| {
            let parent: &'a Node = context.graph.node(*id);
            let sql = compiled.nodes.get(id).map_or("", |it| it.sql.text.as_str());
            let sql = format!(" {} as (\n{sql}\n)", reading_name(parent).render());
            Cte { id: parent.unique_id.as_str(), sql }
        };
        Self {
            compiled: true,
            compiled_code: &node.sql.text,
            extra_ctes_injected: true,
            extra_ctes: node.ctes.iter().map(cte).collect(),
        }
    }
}

impl<'a> Ref<'a> {
    pub(super) fn new(call: &'a RefCall) -> Self {
        Self {
            name: &call.name,
            package: call.package.as_deref(),
            version: call.version.as_deref().map(version),
        }
    }
}

/// A call of `function()`: its arguments.
fn function(call: &FunctionCall) -> Vec<&str> {
    call.package.iter().map(String::as_str).chain([call.name.as_str()]).collect()
}

/// A version as YAML would have it: a number where it looks like one.
pub(super) fn version(text: &str) -> Json {
    let whole = text.parse::<i64>().map(Json::from).ok();
    whole.or_else(|| text.parse::<f64>().ok().map(Json::from)).unwrap_or_else(|| Json::from(text))
}

/// A node's calls of `ref()` and `source()` in dbt's order.
pub(super) struct Calls<'a> {
    pub(super) refs: Vec<&'a RefCall>,
    pub(super) sources: Vec<&'a SourceCall>,
}

impl<'a> Calls<'a> {
    /// As written, but for a generic test: there dbt has the arguments first and the tested node last.
    pub(super) fn of(parsed: &'a ParsedNode) -> Self {
        let mut refs: Vec<&RefCall> = parsed.refs.iter().map(|it| &it.value).collect();
        let mut sources: Vec<&SourceCall> = parsed.sources.iter().map(|it| &it.value).collect();
        if let Body::Test(DataTest { kind: TestKind::Generic(test), .. }) = &parsed.body {
            match &test.owner {
                Owner::Ref(owner) => refs.sort_by_key(|it| *it == owner),
                Owner::Source(owner) => sources.sort_by_key(|it| *it == owner),
            }
        }
        Self { refs, sources }
    }
}

impl<'a> DependsOn<'a> {
    /// Sources before nodes, each once. Macros that are part of the program are not in the manifest.
    pub(super) fn new(context: &Context<'a>, entry: &Entry<'a>, calls: &Calls<'a>) -> Self {
        let mut nodes: Vec<&str> = Vec::new();
        if let Some(node) = entry.node {
            let sources = calls.sources.iter().filter_map(|it| node.sources.get(*it));
            let refs = calls.refs.iter().filter_map(|it| node.refs.get(*it));
            let functions = entry.parsed.functions.iter().filter_map(|it| node.functions.get(&it.value));
            for id in sources.chain(refs).chain(functions) {
                let name = context.graph.node(*id).unique_id.as_str();
                if !nodes.contains(&name) {
                    nodes.push(name);
                }
            }
        }
        let macros = entry.parsed.macros.iter().filter(|it| context.macros.contains(*it));
        Self { macros: macros.map(String::as_str).collect(), nodes }
    }
}
