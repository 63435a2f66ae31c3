//! From layers of config to one [`NodeConfig`]: precedence, merging, types.
//!
//! Precedence, weakest first: the project file from its root to the node's own folder, properties YAML,
//! `config()` in the SQL. `tags` and hooks add up, `meta` and its kin are merged key by key, anything else
//! is replaced (dbt's rules: docs.getdbt.com, "About configs and properties").

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::by_macro::ByMacro;
use super::config_layer::{ConfigLayer, from_entries};
use super::duckdb_config::{self, DuckDbConfig};
use super::incremental::{self, Incremental};
use super::parquet_files;
use super::properties::texts;
use super::source_rules::{self, SourceRules};
use super::threshold::Threshold;
use super::version_pointer;
use crate::diagnostics::{Diagnostic, Diagnostics, Severity, Span, Spanned, suggest};
use crate::node::{Materialization, RelationKind, StoreFailures, TestSeverity};
use crate::template::FoundMaterialization;
use crate::yaml::Yaml;
use crate::yaml::fields::truth;

/// The config of a node, all layers merged.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// Whether the node takes part.
    pub enabled: bool,
    /// `materialized`, where set.
    pub materialized: Option<Materialization>,
    /// `schema`, as written.
    pub schema: Option<String>,
    /// `database`.
    pub database: Option<String>,
    /// `alias`.
    pub alias: Option<String>,
    /// Tags, in the order added, without repetition.
    pub tags: Vec<String>,
    /// Free-form data.
    pub meta: Json,
    /// SQL to run before the node is built.
    pub pre_hooks: Vec<NodeHook>,
    /// SQL to run after the node is built.
    pub post_hooks: Vec<NodeHook>,
    /// Seeds: types of columns, by name.
    pub column_types: Vec<(String, String)>,
    /// Seeds: the character between values.
    pub delimiter: Option<String>,
    /// Seeds: whether column names are quoted.
    pub quote_columns: Option<bool>,
    /// Tests: what a failure does.
    pub severity: TestSeverity,
    /// Tests: when it counts as a warning, such as `> 10`; `!= 0` where absent.
    pub warn_if: Threshold,
    /// Tests: when it counts as an error; `!= 0` where absent.
    pub error_if: Threshold,
    /// Tests: the aggregate over the failing rows; `count(*)` where absent.
    pub fail_calc: Option<String>,
    /// Tests: which rows are tested.
    pub where_: Option<String>,
    /// Tests: how many failing rows are fetched at most.
    pub limit: Option<u64>,
    /// Tests: how many failing rows are shown; five where absent.
    pub sample_rows: Option<usize>,
    /// Tests: where failing rows are kept; as the command line says where absent.
    pub store_failures: Option<StoreFailures>,
    /// Incremental models: how new rows are taken up.
    pub incremental: Incremental,
    /// `full_refresh`: overrides the command line's flag.
    pub full_refresh: Option<bool>,
    /// What is done about sources that are too old or too far apart.
    pub source_rules: SourceRules,
    /// What dbt-duckdb adds.
    pub duckdb: DuckDbConfig,
    /// What the strongest layer says by itself, with its templates as written, where that differs from `values`.
    pub unrendered: BTreeMap<String, Json>,
    /// Everything as merged, for artifacts and `config.get`.
    pub values: BTreeMap<String, Spanned<Json>>,
}

/// Config keys that dbt or Tidemill knows, for all kinds of nodes.
pub const KNOWN_KEYS: &[&str] = &[
    "access",
    "aligned_with",
    "alias",
    "batch_size",
    "begin",
    "bind",
    "check_cols",
    "codec",
    "column_types",
    "concurrent_batches",
    "contract",
    "csv_read_options",
    "data_test",
    "database",
    "dbt_valid_to_current",
    "delimiter",
    "delimeter",
    "docs",
    "enabled",
    "error_if",
    "event_time",
    "external_location",
    "fail_calc",
    "fast",
    "format",
    "formatter",
    "freshness",
    "full_refresh",
    "glue_database",
    "glue_register",
    "grants",
    "group",
    "hard_deletes",
    "incremental_predicates",
    "incremental_strategy",
    "merge_insert_condition",
    "merge_update_condition",
    "predicates",
    "indexes",
    "invalidate_hard_deletes",
    "json_read_options",
    "latest_version_pointer",
    "limit",
    "lint",
    "loaded_at_field",
    "loaded_at_query",
    "location",
    "lookback",
    "materialized",
    "merge_clauses",
    "merge_exclude_columns",
    "merge_on_using_columns",
    "merge_returning_columns",
    "merge_update_set_expressions",
    "merge_update_columns",
    "meta",
    "node_color",
    "on_configuration_change",
    "on_misaligned",
    "on_schema_change",
    "on_stale",
    "options",
    "overwrite",
    "packages",
    "parameters",
    "parquet_read_options",
    "partition_by",
    "partition_columns",
    "partitioned_by",
    "persist_docs",
    "plugin",
    "publish_batches",
    "post-hook",
    "post_hook",
    "pre-hook",
    "pre_hook",
    "quote_columns",
    "quoting",
    "sample_rows",
    "severity",
    "snapshot_meta_column_names",
    "snapshot_name",
    "sort_by",
    "schema",
    "sql_header",
    "sorted_by",
    "static_analysis",
    "store_failures",
    "store_failures_as",
    "strategy",
    "submission_method",
    "tags",
    "target_database",
    "target_schema",
    "type",
    "unique_key",
    "unique_tmp_table_suffix",
    "updated_at",
    "volatility",
    "warn_if",
    "where",
    "within",
];

/// SQL to run before or after a node is built.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeHook {
    /// Its text.
    pub sql: Spanned<String>,
    /// Whether it is part of the node's transaction; else it comes before it begins or after it is committed.
    pub in_transaction: bool,
}

/// Whose config it is, for messages and rules.
#[derive(Clone, Copy)]
pub struct ConfigRules<'a> {
    /// How bad an unknown key is.
    pub(super) unknown: Severity,
    /// The project's own materializations and strategies.
    pub(super) by_macro: &'a ByMacro<'a>,
    /// The package of the node.
    pub(super) package: &'a str,
}

/// The layers of a project file's tree that apply to a node, root first. `fqn` ends with the node's name.
/// With the same tree before templates were rendered in it, the layers know that too.
pub fn tree_layers(tree: Option<&Yaml>, unrendered: Option<&Yaml>, fqn: &[String]) -> Vec<ConfigLayer> {
    let mut layers = Vec::new();
    let (mut level, mut raw_level) = (tree, unrendered);
    let mut names = fqn.iter();
    while let Some(yaml) = level {
        let own = own_entries(yaml);
        if !own.is_empty() {
            let raw = raw_level.map(|it| from_entries(&own_entries(it))).unwrap_or_default();
            layers.push(from_entries(&own).written_as(&raw));
        }
        let name = names.next();
        let inner =
            |yaml: &'_ Yaml| name.and_then(|name| yaml.get(name)).is_some_and(|it| it.as_map().is_some());
        raw_level = raw_level.filter(|it| inner(it)).and_then(|it| it.get(name?));
        level = Some(yaml).filter(|it| inner(it)).and_then(|it| it.get(name?));
    }
    layers
}

/// The config of one level of a project file's tree, without its folders.
fn own_entries(yaml: &Yaml) -> Vec<(Spanned<String>, Yaml)> {
    let entries = yaml.as_map().unwrap_or_default();
    let own = entries.iter().filter(|(key, value)| key.value.starts_with('+') || value.as_map().is_none());
    own.cloned().collect()
}

/// Folders named in a project file's tree that no node is in.
pub fn unused_folders(diags: &mut Diagnostics, tree: Option<&Yaml>, fqns: &[&[String]], what: &str) {
    let Some(tree) = tree else { return };
    check_level(diags, tree, &mut Vec::new(), fqns, what);
}

fn check_level<'a>(
    diags: &mut Diagnostics,
    yaml: &'a Yaml,
    path: &mut Vec<&'a str>,
    fqns: &[&[String]],
    what: &str,
) {
    for (key, value) in yaml.as_map().unwrap_or_default() {
        if key.value.starts_with('+') || value.as_map().is_none() {
            continue;
        }
        path.push(&key.value);
        let applies = |fqn: &&&[String]| {
            fqn.len() >= path.len() && fqn.iter().zip(path.iter()).all(|(name, wanted)| name == wanted)
        };
        if fqns.iter().any(|it| applies(&it)) {
            check_level(diags, value, path, fqns, what);
        } else {
            diags.push(unused_folder(key, path, fqns, what));
        }
        path.pop();
    }
}

fn unused_folder(key: &Spanned<String>, path: &[&str], fqns: &[&[String]], what: &str) -> Diagnostic {
    let depth = path.len() - 1;
    let siblings = fqns.iter().filter_map(|fqn| fqn.get(depth)).map(String::as_str);
    let help = if KNOWN_KEYS.contains(&key.value.as_str()) {
        Some(format!("to set the config `{0}` write `+{0}`", key.value))
    } else {
        suggest::did_you_mean(&key.value, siblings)
    };
    Diagnostic::warning(
        "unused-config",
        format!("no {what} is in `{}`, so this config applies to nothing", path.join("/")),
    )
    .at(key.span, "no folder of this name here")
    .help_opt(help)
}

/// Merges layers, weakest first, and reads them into types; faults are reported at the winning value.
pub fn merge(diags: &mut Diagnostics, layers: &[&ConfigLayer], rules: ConfigRules<'_>) -> NodeConfig {
    let mut values: BTreeMap<String, Spanned<Json>> = BTreeMap::new();
    let mut hooks: [Vec<NodeHook>; 2] = [Vec::new(), Vec::new()];
    // A materialization of the project's own may read any key.
    let is_custom = rules.by_macro.is_custom(layers);
    let mut unrendered: BTreeMap<String, Json> = BTreeMap::new();
    let all = layers.iter().flat_map(|layer| layer.entries().iter().map(move |entry| (layer, entry)));
    for (layer, (key, value)) in all {
        let name = canonical(&key.value);
        let written = layer.unrendered(&key.value).unwrap_or(value);
        unrendered.insert(name.to_owned(), written.clone());
        match name {
            "pre-hook" => hooks[0].extend(hooks_of(value, key.span)),
            "post-hook" => hooks[1].extend(hooks_of(value, key.span)),
            _ => {}
        }
        if !is_custom {
            check_known(diags, key, rules.unknown);
            check_effect(diags, key, value);
        }
        check_mergeable(diags, key, value);
        let merged = match values.get(name) {
            Some(old) => combine(name, &old.value, value),
            None => combine(name, &Json::Null, value),
        };
        values.insert(name.to_owned(), Spanned::new(merged, key.span));
    }
    unrendered.retain(|name, written| values.get(name).is_some_and(|it| it.value != *written));
    NodeConfig { unrendered, ..typed(diags, values, hooks, rules) }
}

fn canonical(key: &str) -> &str {
    match key {
        "pre_hook" => "pre-hook",
        "post_hook" => "post-hook",
        "delimeter" => "delimiter",
        other => other,
    }
}

fn check_known(diags: &mut Diagnostics, key: &Spanned<String>, severity: Severity) {
    if KNOWN_KEYS.contains(&key.value.as_str()) {
        return;
    }
    let message = format!("`{}` is not a config key", key.value);
    let diagnostic = match severity {
        Severity::Error => Diagnostic::error("unknown-config", message),
        Severity::Warning => Diagnostic::warning("unknown-config", message),
    };
    let help = suggest::did_you_mean(&key.value, KNOWN_KEYS.iter().copied());
    diags.push(
        diagnostic
            .at(key.span, "nothing reads this key")
            .help(help.unwrap_or_else(|| "data of your own goes under `meta:`".to_owned())),
    );
}

/// `grants` are for engines that have users.
fn check_effect(diags: &mut Diagnostics, key: &Spanned<String>, value: &Json) {
    let is_empty = value.is_null() || value.as_object().is_some_and(Map::is_empty);
    if key.value == "grants" && !is_empty {
        diags.push(
            Diagnostic::warning("no-effect", "the config `grants` has no effect: DuckDB has no users")
                .at(key.span, "set here"),
        );
    }
}

/// What is merged must be of its type before the merge.
fn check_mergeable(diags: &mut Diagnostics, key: &Spanned<String>, value: &Json) {
    let (is_good, expected) = match key.value.as_str() {
        "tags" => {
            let items = as_list(value);
            (items.iter().all(Json::is_string), "a text or a list of texts")
        }
        "meta" => (value.is_object() || value.is_null(), "a mapping"),
        _ => return,
    };
    if !is_good {
        diags.push(wrong_type(&key.value, key.span, expected));
    }
}

fn combine(key: &str, old: &Json, new: &Json) -> Json {
    match key {
        "tags" | "packages" => {
            let mut all = texts(old);
            for text in texts(new) {
                if !all.contains(&text) {
                    all.push(text);
                }
            }
            Json::from(all)
        }
        "lint" => match (old.get("off"), new.get("off")) {
            (Some(old), Some(new)) => serde_json::json!({ "off": combine("tags", old, new) }),
            _ => new.clone(),
        },
        "pre-hook" | "post-hook" => {
            let mut all = as_list(old);
            all.extend(as_list(new));
            Json::Array(all)
        }
        "meta" | "docs" | "persist_docs" | "quoting" | "column_types" | "contract" | "grants" => {
            match (old, new) {
                (Json::Object(old), Json::Object(new)) => {
                    let mut merged = old.clone();
                    merged.extend(new.iter().map(|(key, value)| (key.clone(), value.clone())));
                    Json::Object(merged)
                }
                _ => new.clone(),
            }
        }
        _ => new.clone(),
    }
}

fn as_list(value: &Json) -> Vec<Json> {
    match value {
        Json::Null => Vec::new(),
        Json::Array(items) => items.clone(),
        other => vec![other.clone()],
    }
}

/// Hooks are texts, or mappings of `sql` and `transaction`, also as JSON, which `before_begin()` writes.
fn hooks_of(value: &Json, span: Span) -> Vec<NodeHook> {
    let hook = |it: &Json| {
        let decoded = it.as_str().and_then(|text| serde_json::from_str(text).ok()).filter(Json::is_object);
        let hook = decoded.as_ref().unwrap_or(it);
        let sql = hook.get("sql").unwrap_or(hook).as_str()?;
        let in_transaction = hook.get("transaction").and_then(Json::as_bool).unwrap_or(true);
        Some(NodeHook { sql: Spanned::new(sql.to_owned(), span), in_transaction })
    };
    as_list(value).iter().filter_map(hook).filter(|it| !it.sql.value.trim().is_empty()).collect()
}

fn typed(
    diags: &mut Diagnostics,
    values: BTreeMap<String, Spanned<Json>>,
    hooks: [Vec<NodeHook>; 2],
    rules: ConfigRules<'_>,
) -> NodeConfig {
    let [pre_hooks, post_hooks] = hooks;
    let mut reader = Typed { diags, values: &values, rules };
    let materialized = reader.materialized();
    if let Some(pointer) = values.get(version_pointer::KEY) {
        version_pointer::check(reader.diags, pointer);
    }
    let incremental = incremental::read(reader.diags, &values, materialized, rules);
    let duckdb = duckdb_config::read(reader.diags, &values, materialized);
    if materialized == Some(Materialization::External) {
        parquet_files::hint_at_incremental(reader.diags, &values);
    }
    if materialized == Some(Materialization::Incremental) {
        parquet_files::check_strategy(reader.diags, &values, &incremental, duckdb.files.as_ref());
    }
    NodeConfig {
        enabled: reader.bool("enabled").unwrap_or(true),
        schema: reader.text("schema").map(|it| it.value),
        database: reader.text("database").map(|it| it.value),
        alias: reader.text("alias").map(|it| it.value),
        tags: values.get("tags").map(|it| texts(&it.value)).unwrap_or_default(),
        meta: values.get("meta").map_or_else(|| Json::Object(Map::new()), |it| it.value.clone()),
        column_types: reader.column_types(),
        delimiter: reader.text("delimiter").map(|it| it.value),
        quote_columns: reader.bool("quote_columns"),
        severity: reader.severity(),
        warn_if: reader.threshold("warn_if"),
        error_if: reader.threshold("error_if"),
        fail_calc: reader.text("fail_calc").map(|it| it.value),
        where_: reader.text("where").map(|it| it.value),
        limit: reader.limit("limit"),
        sample_rows: reader.limit("sample_rows").and_then(|it| usize::try_from(it).ok()),
        store_failures: reader.store_failures(),
        full_refresh: reader.bool("full_refresh"),
        incremental,
        source_rules: source_rules::read(reader.diags, &values),
        duckdb,
        materialized,
        pre_hooks,
        post_hooks,
        unrendered: BTreeMap::new(),
        values,
    }
}

struct Typed<'a> {
    diags: &'a mut Diagnostics,
    values: &'a BTreeMap<String, Spanned<Json>>,
    rules: ConfigRules<'a>,
}

impl Typed<'_> {
    fn get(&self, key: &str) -> Option<&Spanned<Json>> {
        self.values.get(key).filter(|it| !it.value.is_null())
    }

    fn wrong(&mut self, key: &str, span: Span, expected: &str) {
        self.diags.push(wrong_type(key, span, expected));
    }

    fn bool(&mut self, key: &str) -> Option<bool> {
        let found = self.get(key)?.clone();
        match &found.value {
            Json::Bool(it) => Some(*it),
            Json::String(text) if truth(text).is_some() => truth(text),
            Json::Null | Json::Number(_) | Json::String(_) | Json::Array(_) | Json::Object(_) => {
                self.wrong(key, found.span, "`true` or `false`");
                None
            }
        }
    }

    /// dbt's rule: `store_failures_as` wins over `store_failures`, which means a table.
    fn store_failures(&mut self) -> Option<StoreFailures> {
        let is_stored = self.bool("store_failures");
        let Some(kind) = self.text("store_failures_as") else {
            let stored =
                |it| if it { StoreFailures::In(RelationKind::Table) } else { StoreFailures::Nowhere };
            return is_stored.map(stored);
        };
        match kind.value.to_lowercase().as_str() {
            "table" => Some(StoreFailures::In(RelationKind::Table)),
            "view" => Some(StoreFailures::In(RelationKind::View)),
            "ephemeral" => Some(StoreFailures::Nowhere),
            _ => {
                self.wrong("store_failures_as", kind.span, "`table`, `view` or `ephemeral`");
                None
            }
        }
    }

    fn text(&mut self, key: &str) -> Option<Spanned<String>> {
        let found = self.get(key)?.clone();
        match found.value {
            Json::String(text) => Some(Spanned::new(text, found.span)),
            Json::Number(it) => Some(Spanned::new(it.to_string(), found.span)),
            Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => {
                self.wrong(key, found.span, "a text");
                None
            }
        }
    }

    fn materialized(&mut self) -> Option<Materialization> {
        let text = self.text("materialized")?;

        match text.value.as_str() {
            "view" => Some(Materialization::View),
            "table" => Some(Materialization::Table),
            "incremental" => Some(Materialization::Incremental),
            "ephemeral" => Some(Materialization::Ephemeral),
            "external" => Some(Materialization::External),
            "table_function" => Some(Materialization::TableFunction),
            "seed" | "test" | "snapshot" => None,
            other => match self.rules.by_macro.find(other) {
                FoundMaterialization::Macro(_) => Some(Materialization::Custom),
                FoundMaterialization::BuiltIn | FoundMaterialization::Unknown => {
                    let own = self.rules.by_macro.names();
                    self.diags.push(unknown_materialization(other, text.span, &own));
                    None
                }
            },
        }
    }

    fn severity(&mut self) -> TestSeverity {
        let Some(text) = self.text("severity") else { return TestSeverity::Error };
        match text.value.to_lowercase().as_str() {
            "error" => TestSeverity::Error,
            "warn" => TestSeverity::Warn,
            other => {
                let help = suggest::did_you_mean(other, ["error", "warn"]);
                self.diags.push(
                    Diagnostic::error("invalid-severity", format!("`{}` is not a severity", text.value))
                        .at(text.span, "write `error` or `warn`")
                        .help_opt(help),
                );
                TestSeverity::Error
            }
        }
    }

    /// A comparison such as `> 10`, as dbt takes it for `warn_if` and `error_if`.
    fn threshold(&mut self, key: &str) -> Threshold {
        let Some(text) = self.text(key) else { return Threshold::default() };
        Threshold::parse(&text.value).unwrap_or_else(|| {
            self.diags.push(
                Diagnostic::error("invalid-threshold", format!("`{}` is not a condition", text.value))
                    .at(text.span, format!("`{key}` is a comparison with the number of failures"))
                    .help(format!("write {key}: \"> 10\", say, or {key}: \"> 1%\" for a share of the rows")),
            );
            Threshold::default()
        })
    }

    fn limit(&mut self, key: &str) -> Option<u64> {
        let found = self.get(key)?.clone();
        let limit = found.value.as_u64();
        if limit.is_none() {
            self.wrong(key, found.span, "a whole number");
        }
        limit
    }

    fn column_types(&mut self) -> Vec<(String, String)> {
        let Some(found) = self.get("column_types").cloned() else { return Vec::new() };
        match &found.value {
            Json::Object(entries) => entries
                .iter()
                .filter_map(|(name, kind)| Some((name.clone(), kind.as_str()?.to_owned())))
                .collect(),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => {
                self.wrong("column_types", found.span, "a mapping of columns to types");
                Vec::new()
            }
        }
    }
}

fn wrong_type(key: &str, span: Span, expected: &str) -> Diagnostic {
    Diagnostic::error("wrong-type", format!("the config `{key}` must be {expected}")).at(span, "set here")
}

fn unknown_materialization(name: &str, span: Span, own: &[String]) -> Diagnostic {
    const LATER: [&str; 2] = ["materialized_view", "plugin"];
    let built_in = ["view", "table", "incremental", "ephemeral", "external", "table_function"];
    let known: Vec<&str> = built_in.into_iter().chain(own.iter().map(String::as_str)).collect();
    if LATER.contains(&name) {
        return Diagnostic::error(
            "unsupported-materialization",
            format!("the materialization `{name}` is not supported yet"),
        )
        .at(span, "set here")
        .note(format!("supported: {}", built_in.join(", ")));
    }
    Diagnostic::error("unknown-materialization", format!("there is no materialization `{name}`"))
        .at(span, "set here")
        .help(
            suggest::did_you_mean(name, known.iter().copied())
                .unwrap_or_else(|| format!("write one of {}", known.join(", "))),
        )
}
