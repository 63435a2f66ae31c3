//! What templates are answered while they are rendered for real: relations, config, docs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::Value as Json;

use super::batches::NO_ROWS;
use super::unit_tests::MISSING_INPUT;
use super::{IsIncremental, context, reading_name};
use crate::batch::RowsRead;
use crate::diagnostics::suggest;
use crate::graph::{Graph, Node};
use crate::node::{NodeId, NodeKind, Relation};
use crate::parse::properties::Overrides;
use crate::parse::{Body, Doc};
use crate::project::Project;
use crate::project::settings::{Settings, refuse_secret};
use crate::template::{Engine, FunctionCall, Host, HostError, RefCall, SeedFile, SourceCall};

/// Environment variables that say something about the run.
const METADATA_ENV: &str = "DBT_ENV_CUSTOM_ENV_";

/// A text that a template logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateLog {
    /// The node whose template it was.
    pub node: Option<NodeId>,
    /// The text.
    pub message: String,
    /// How loud it is.
    pub level: TemplateLogLevel,
}

/// How loud a template's text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateLogLevel {
    /// `log(message)`: for `--debug`.
    Debug,
    /// `log(message, info=true)` and `print(message)`.
    Info,
    /// `exceptions.warn(message)`.
    Warning,
}

/// Every source of the project.
fn all_sources(graph: &Graph) -> Arc<BTreeMap<SourceCall, Relation>> {
    let made = graph.shown.sources.get_or_init(|| {
        let sources = graph.nodes().filter_map(|(_, node)| match &node.body {
            Body::Source(body) => {
                let call = SourceCall { source: body.source.clone(), table: node.name.clone() };
                Some((call, reading_name(node)))
            }
            _ => None,
        });
        Arc::new(sources.collect())
    });
    Arc::clone(made)
}

/// Answers for [`crate::template::Mode::Execute`].
pub(super) struct CompileHost {
    settings: Settings,
    node: Option<NodeId>,
    is_incremental: IsIncremental,
    name: String,
    refs: BTreeMap<RefCall, Relation>,
    sources: BTreeMap<SourceCall, Relation>,
    /// Those of the whole project: as in dbt, a source need not be seen when the node is parsed, since nothing waits for it.
    all_sources: Arc<BTreeMap<SourceCall, Relation>>,
    functions: BTreeMap<FunctionCall, Relation>,
    config: BTreeMap<String, Json>,
    docs: BTreeMap<String, Doc>,
    log: Arc<Mutex<Vec<TemplateLog>>>,
    engine: Option<Arc<dyn Engine>>,
    project: Option<Arc<Json>>,
    selected: Option<Arc<Vec<String>>>,
    /// Conditions on the rows that are read of relations.
    rows: BTreeMap<Relation, String>,
    /// Whether no row of any relation is read.
    reads_no_rows: bool,
    /// What macros are answered instead of being called, by `name` or `package.name`.
    answers: BTreeMap<String, Json>,
    /// Unit tests: whose rows they are that stand in for inputs.
    is_unit_test: bool,
    seed: Option<Arc<SeedFile>>,
    runtime_config: Arc<Json>,
}

impl CompileHost {
    /// For a node: it may read what it was seen to read when it was parsed.
    pub(super) fn for_node(
        project: &Project,
        graph: &Graph,
        id: NodeId,
        is_incremental: IsIncremental,
        log: Arc<Mutex<Vec<TemplateLog>>>,
    ) -> Self {
        let node = graph.node(id);
        let relation = |id: &NodeId| reading_name(graph.node(*id));
        Self {
            settings: project.settings_of(&node.package).clone(),
            node: Some(id),
            is_incremental,
            name: format!("{} `{}`", node.kind, node.name),
            refs: node.refs.iter().map(|(call, id)| (call.clone(), relation(id))).collect(),
            sources: node.sources.iter().map(|(call, id)| (call.clone(), relation(id))).collect(),
            config: context::config(node),
            functions: node.functions.iter().map(|(call, id)| (call.clone(), relation(id))).collect(),
            docs: BTreeMap::new(),
            log,
            engine: None,
            project: graph.shown.project.get().cloned(),
            selected: graph.shown.selected.get().cloned(),
            rows: BTreeMap::new(),
            reads_no_rows: false,
            answers: BTreeMap::new(),
            is_unit_test: false,
            seed: None,
            all_sources: all_sources(graph),
            runtime_config: project.runtime_config(),
        }
    }

    /// For a text that is no node: it may read everything.
    pub(super) fn inline(project: &Project, graph: &Graph, log: Arc<Mutex<Vec<TemplateLog>>>) -> Self {
        let mut refs = BTreeMap::new();
        let mut sources = BTreeMap::new();
        let mut functions = BTreeMap::new();
        for (_, node) in graph.nodes() {
            match (&node.body, node.kind) {
                (Body::Source(body), _) => {
                    let call = SourceCall { source: body.source.clone(), table: node.name.clone() };
                    sources.insert(call, reading_name(node));
                }
                (Body::Model { version: Some(version), .. }, _) => {
                    let mut call = RefCall {
                        package: None,
                        name: node.name.clone(),
                        version: Some(version.version.clone()),
                    };
                    refs.insert(call.clone(), reading_name(node));
                    if version.is_latest {
                        call.version = None;
                        refs.insert(call, reading_name(node));
                    }
                }
                (_, NodeKind::Model | NodeKind::Seed | NodeKind::Snapshot) => {
                    let call = RefCall { package: None, name: node.name.clone(), version: None };
                    refs.insert(call, reading_name(node));
                }
                (_, NodeKind::Function) => {
                    functions
                        .insert(FunctionCall { package: None, name: node.name.clone() }, reading_name(node));
                }
                (
                    _,
                    NodeKind::Source
                    | NodeKind::Test
                    | NodeKind::Analysis
                    | NodeKind::Exposure
                    | NodeKind::UnitTest
                    | NodeKind::SemanticModel
                    | NodeKind::Metric
                    | NodeKind::SavedQuery,
                ) => {}
            }
        }
        Self {
            settings: project.settings.clone(),
            node: None,
            is_incremental: IsIncremental::No,
            name: "this query".to_owned(),
            refs,
            sources,
            config: BTreeMap::new(),
            functions,
            docs: graph.docs.iter().map(|it| (it.name.clone(), it.clone())).collect(),
            log,
            engine: None,
            project: graph.shown.project.get().cloned(),
            selected: graph.shown.selected.get().cloned(),
            rows: BTreeMap::new(),
            reads_no_rows: false,
            answers: BTreeMap::new(),
            is_unit_test: false,
            seed: None,
            all_sources: all_sources(graph),
            runtime_config: project.runtime_config(),
        }
    }

    /// The same with another package's variables.
    pub(super) fn with_settings(self, settings: Settings) -> Self {
        Self { settings, ..self }
    }

    /// The same where only some rows of relations are read.
    pub(super) fn of_rows(self, rows: BTreeMap<Relation, String>, read: RowsRead) -> Self {
        Self { rows, reads_no_rows: read == RowsRead::Empty, ..self }
    }

    /// The same for a unit test, which knows only the inputs that rows are given for, under these names.
    pub(super) fn with_stand_ins(
        self,
        model: &Node,
        stand_ins: &BTreeMap<NodeId, Relation>,
        name: String,
    ) -> Self {
        let given = |id: &NodeId| stand_ins.get(id).cloned();
        let refs = model.refs.iter().filter_map(|(call, id)| Some((call.clone(), given(id)?))).collect();
        let sources =
            model.sources.iter().filter_map(|(call, id)| Some((call.clone(), given(id)?))).collect();
        Self { name, refs, sources, is_unit_test: true, ..self }
    }

    /// The same with variables and answers of a unit test.
    pub(super) fn overridden(self, overrides: &Overrides) -> Self {
        let settings = self.settings.overridden(&overrides.vars, &overrides.env_vars);
        let answers = overrides.macros.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        Self { settings, answers, ..self }
    }

    fn not_given(&self, input: &str) -> HostError {
        HostError {
            code: MISSING_INPUT,
            message: format!("{} gives no rows for `{input}`, which the model reads", self.name),
            help: Some(format!("add `- input: {input}` with its rows under `given:`")),
        }
    }

    /// The same with a warehouse to ask.
    pub(super) fn asking(self, engine: Option<Arc<dyn Engine>>) -> Self {
        Self { engine, ..self }
    }

    /// The same for a seed that is being made.
    pub(super) fn making(self, seed: Option<Arc<SeedFile>>) -> Self {
        Self { seed, ..self }
    }

    fn push(&self, message: &str, level: TemplateLogLevel) {
        if let Ok(mut log) = self.log.lock() {
            log.push(TemplateLog { node: self.node, message: message.to_owned(), level });
        }
    }
}

impl Host for CompileHost {
    fn reference(&self, call: &RefCall) -> Result<Relation, HostError> {
        let without_package = RefCall { package: None, ..call.clone() };
        let found = self.refs.get(call).or_else(|| self.refs.get(&without_package));
        found.cloned().ok_or_else(|| match self.node {
            Some(_) if self.is_unit_test => self.not_given(&format!("ref('{}')", call.name)),
            Some(_) => HostError {
                code: "undeclared-ref",
                message: format!("{} refers to `{}`, which was not seen when it was parsed", self.name, call.name),
                help: Some(format!(
                    "a `ref` in a branch that depends on the run must be declared: add `-- depends_on: {{{{ ref('{}') }}}}`",
                    call.name
                )),
            },
            None => HostError {
                code: "unknown-ref",
                message: format!("{} refers to `{}`, which is not in this project", self.name, call.name),
                help: suggest::did_you_mean(&call.name, self.refs.keys().map(|it| it.name.as_str())),
            },
        })
    }

    fn source(&self, call: &SourceCall) -> Result<Relation, HostError> {
        let found =
            self.sources.get(call).or_else(|| self.all_sources.get(call).filter(|_| !self.is_unit_test));
        found.cloned().ok_or_else(|| {
            if self.is_unit_test {
                return self.not_given(&format!("source('{}', '{}')", call.source, call.table));
            }
            HostError {
                code: "unknown-source",
                message: format!(
                    "{} reads the source `{}.{}`, which is not declared",
                    self.name, call.source, call.table
                ),
                help: suggest::did_you_mean(&call.table, self.all_sources.keys().map(|it| it.table.as_str())),
            }
        })
    }

    fn function(&self, call: &FunctionCall) -> Result<Relation, HostError> {
        let without_package = FunctionCall { package: None, ..call.clone() };
        let found = self.functions.get(call).or_else(|| self.functions.get(&without_package));
        found.cloned().ok_or_else(|| HostError {
            code: "unknown-function",
            message: format!(
                "{} calls the function `{}`, which was not seen when it was parsed",
                self.name, call.name
            ),
            help: suggest::did_you_mean(&call.name, self.functions.keys().map(|it| it.name.as_str())),
        })
    }

    fn var(&self, name: &str, default: Option<Json>) -> Result<Json, HostError> {
        self.settings.var(name, default)
    }

    fn has_var(&self, name: &str) -> bool {
        self.settings.vars.contains_key(name)
    }

    fn env_var(&self, name: &str, default: Option<String>) -> Result<String, HostError> {
        refuse_secret(name)?;
        self.settings.env_var(name, default)
    }

    fn doc(&self, _package: Option<&str>, name: &str) -> Result<String, HostError> {
        crate::parse::doc(&self.docs, name)
    }

    fn config_get(&self, key: &str) -> Option<Json> {
        self.config.get(key).cloned()
    }

    fn is_incremental(&self) -> bool {
        self.is_incremental == IsIncremental::Yes
    }

    fn answer(&self, package: Option<&str>, name: &str) -> Option<Json> {
        if self.answers.is_empty() {
            return None;
        }
        // What the project and dbt's own package call by the same name is one macro.
        let of_dbt = || self.answers.get(&format!("dbt.{name}"));
        let answer = match package {
            None | Some("dbt") => self.answers.get(name).or_else(of_dbt),
            Some(package) => self.answers.get(&format!("{package}.{name}")),
        };
        answer.cloned()
    }

    fn log(&self, message: &str, info: bool) {
        self.push(message, if info { TemplateLogLevel::Info } else { TemplateLogLevel::Debug });
    }

    fn warn(&self, message: &str) {
        self.push(message, TemplateLogLevel::Warning);
    }

    fn rows_of(&self, relation: &Relation) -> Option<String> {
        if self.reads_no_rows {
            return Some(NO_ROWS.to_owned());
        }
        self.rows.get(relation).cloned()
    }

    fn engine(&self) -> Option<&dyn Engine> {
        self.engine.as_deref()
    }

    fn runtime_config(&self) -> Option<Arc<Json>> {
        Some(Arc::clone(&self.runtime_config))
    }

    fn seed(&self) -> Option<&SeedFile> {
        self.seed.as_deref()
    }

    fn graph(&self) -> Option<Arc<Json>> {
        self.project.clone()
    }

    fn selected_resources(&self) -> Vec<String> {
        self.selected.as_ref().map(|it| it.to_vec()).unwrap_or_default()
    }

    fn metadata_envs(&self) -> Vec<(String, String)> {
        let envs = self.settings.env.iter();
        envs.filter_map(|(name, value)| Some((name.strip_prefix(METADATA_ENV)?.to_owned(), value.clone())))
            .collect()
    }
}
