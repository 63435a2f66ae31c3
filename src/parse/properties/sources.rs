//! Tables of sources.

use serde_json::{Map, Value as Json};

use super::columns::ColumnProperties;
use super::freshness::{Freshness, freshness};
use super::{Reader, TestEntry};
use crate::diagnostics::{Diagnostic, Spanned};
use crate::node::Quoting;
use crate::parse::config_layer::{ConfigLayer, config_layer};
use crate::parse::source_rules::SOURCE_RULE_KEYS;
use crate::yaml::Yaml;
use crate::yaml::fields::{Fields, wrong_type};

/// A table of a source.
#[derive(Clone, Debug)]
pub struct SourceProperties {
    /// The source's name.
    pub source: Spanned<String>,
    /// The table's name.
    pub table: Spanned<String>,
    /// Description of the source.
    pub source_description: Option<Spanned<String>>,
    /// Description of the table.
    pub description: Option<Spanned<String>>,
    /// Schema; the source's name where absent.
    pub schema: Option<Spanned<String>>,
    /// Database; the target's where absent.
    pub database: Option<Spanned<String>>,
    /// Name in the schema; the table's name where absent.
    pub identifier: Option<Spanned<String>>,
    /// Who loads it.
    pub loader: Option<String>,
    /// Column with the time of loading.
    pub loaded_at_field: Option<Spanned<String>>,
    /// Query for the time of loading.
    pub loaded_at_query: Option<Spanned<String>>,
    /// How old it may be.
    pub freshness: Freshness,
    /// Whether parts of its name are quoted, as the source and then the table says.
    pub quoting: SourceQuoting,
    /// Where its data is kept, for others to read.
    pub external: Option<Json>,
    /// `meta` of the source alone.
    pub source_meta: Map<String, Json>,
    /// The source's config, then the table's.
    pub config: ConfigLayer,
    /// Columns.
    pub columns: Vec<ColumnProperties>,
    /// Tests on the table as a whole.
    pub tests: Vec<TestEntry>,
}

/// Whether parts of a source's name are quoted, where it is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceQuoting {
    /// The database.
    pub database: Option<bool>,
    /// The schema.
    pub schema: Option<bool>,
    /// The table.
    pub identifier: Option<bool>,
    /// Columns.
    pub column: Option<bool>,
}

impl Reader<'_> {
    pub(super) fn source(&mut self, yaml: &Yaml, tables: &mut Vec<SourceProperties>) {
        let Some(mut fields) = Fields::new(self.diags, yaml, "a source") else { return };
        let Some(name) = self.name(&mut fields, yaml, "a source") else { return };
        let config =
            config_layer(self.diags, &mut fields, &with_rules(&["meta", "tags", "enabled", "event_time"]));
        let mut source_meta = Map::new();
        for (_, value) in config.entries().iter().filter(|(key, _)| key.value == "meta") {
            source_meta
                .extend(value.as_object().into_iter().flatten().map(|(k, it)| (k.clone(), it.clone())));
        }
        let is_override = fields.string(self.diags, "overrides").is_some();
        let shared = SourceDefaults {
            description: fields.string(self.diags, "description"),
            schema: fields.string(self.diags, "schema"),
            database: fields.string(self.diags, "database"),
            loader: fields.string(self.diags, "loader").map(|it| it.value),
            quoting: self.quoting(&mut fields),
            source_meta,
            config: without_loading(&config),
            loaded: self.loaded(&mut fields),
            name,
        };
        let own = fields.list(self.diags, "tables").iter().filter_map(|it| self.source_table(it, &shared));
        let own: Vec<SourceProperties> = own.collect();
        // An entry that changes a package's source was put into that one; here only its faults are of interest.
        if !is_override {
            tables.extend(own);
        }
        fields.accept(&["tests", "data_tests"]);
        fields.finish(self.diags, self.unknown);
    }

    fn source_table(&mut self, yaml: &Yaml, shared: &SourceDefaults) -> Option<SourceProperties> {
        let mut fields = Fields::new(self.diags, yaml, "a table of a source")?;
        let table = self.name(&mut fields, yaml, "a table of a source")?;
        let loaded = self.loaded(&mut fields);
        let mut config = of_table(&shared.config, &table.value);
        config.extend(without_loading(&config_layer(
            self.diags,
            &mut fields,
            &with_rules(&["meta", "tags", "enabled", "event_time", "external_location"]),
        )));
        let properties = SourceProperties {
            source: shared.name.clone(),
            table,
            source_description: shared.description.clone(),
            description: fields.string(self.diags, "description"),
            schema: shared.schema.clone(),
            database: shared.database.clone(),
            identifier: fields.string(self.diags, "identifier"),
            loader: fields.string(self.diags, "loader").map(|it| it.value).or_else(|| shared.loader.clone()),
            loaded_at_field: loaded.field.or_else(|| shared.loaded.field.clone()),
            loaded_at_query: loaded.query.or_else(|| shared.loaded.query.clone()),
            freshness: shared.loaded.freshness.clone().under(loaded.freshness),
            quoting: self.quoting(&mut fields).over(shared.quoting),
            external: self.external(&mut fields),
            source_meta: shared.source_meta.clone(),
            config,
            columns: self.columns(&mut fields),
            tests: self.tests(&mut fields),
        };
        fields.accept(&["docs", "data_type"]);
        fields.finish(self.diags, self.unknown);
        Some(properties)
    }

    fn quoting(&mut self, fields: &mut Fields<'_>) -> SourceQuoting {
        let inner = fields.get("quoting").and_then(|it| Fields::new(self.diags, it, "quoting"));
        let Some(mut inner) = inner else { return SourceQuoting::default() };
        let quoting = SourceQuoting {
            database: inner.bool(self.diags, "database"),
            schema: inner.bool(self.diags, "schema"),
            identifier: inner.bool(self.diags, "identifier"),
            column: inner.bool(self.diags, "column"),
        };
        inner.finish(self.diags, self.unknown);
        quoting
    }

    /// `external:`, in which any key may stand.
    fn external(&mut self, fields: &mut Fields<'_>) -> Option<Json> {
        let yaml = fields.get("external")?;
        if yaml.as_map().is_none() {
            self.diags.push(wrong_type(yaml, "external", "a mapping with `location`"));
            return None;
        }
        Some(yaml.to_json())
    }

    /// `freshness`, `loaded_at_field` and `loaded_at_query`, beside `config:` or in it.
    fn loaded(&mut self, fields: &mut Fields<'_>) -> Loaded {
        let mut loaded = self.loaded_keys(fields);
        // `config:` is read by `config_layer` too, whose result is taken `without_loading`.
        if let Some(yaml) = fields.get("config")
            && let Some(mut config) = Fields::new(self.diags, yaml, "config")
        {
            let inner = self.loaded_keys(&mut config);
            loaded.field = inner.field.or(loaded.field);
            loaded.query = inner.query.or(loaded.query);
            loaded.freshness = loaded.freshness.under(inner.freshness);
        }
        if let (Some(field), Some(query)) = (&loaded.field, &loaded.query) {
            self.diags.push(
                Diagnostic::error(
                    "invalid-source",
                    "the time of loading is told by a field or by a query, not by both",
                )
                .at(query.span, "a query")
                .and_at(field.span, "and a field"),
            );
        }
        loaded
    }

    fn loaded_keys(&mut self, fields: &mut Fields<'_>) -> Loaded {
        let field = fields.string(self.diags, "loaded_at_field");
        let query = fields.string(self.diags, "loaded_at_query");
        let has_freshness = fields.key("freshness").is_some();
        let freshness = match fields.get("freshness") {
            Some(yaml) => freshness(self.diags, yaml, self.unknown),
            None if has_freshness => Freshness::Off,
            None => Freshness::Unsaid,
        };
        Loaded { field, query, freshness }
    }
}

impl SourceQuoting {
    /// How names are written, where others say what is not said here.
    pub fn over_names(self, weaker: Quoting) -> Quoting {
        Quoting {
            database: self.database.unwrap_or(weaker.database),
            schema: self.schema.unwrap_or(weaker.schema),
            identifier: self.identifier.unwrap_or(weaker.identifier),
        }
    }

    fn over(self, weaker: Self) -> Self {
        Self {
            database: self.database.or(weaker.database),
            schema: self.schema.or(weaker.schema),
            identifier: self.identifier.or(weaker.identifier),
            column: self.column.or(weaker.column),
        }
    }
}

/// Keys about the time of loading are read with their own rules, not as config.
fn without_loading(layer: &ConfigLayer) -> ConfigLayer {
    const OWN: [&str; 3] = ["freshness", "loaded_at_field", "loaded_at_query"];
    let kept = layer.entries().iter().filter(|(key, _)| !OWN.contains(&key.value.as_str()));
    ConfigLayer::new(kept.cloned().collect())
}

/// The keys about age and alignment may stand beside `config:` too.
fn with_rules(keys: &[&'static str]) -> Vec<&'static str> {
    keys.iter().copied().chain(SOURCE_RULE_KEYS).collect()
}

/// A source's config as it holds for one of its tables: which tables are loaded together is said of those listed.
fn of_table(config: &ConfigLayer, table: &str) -> ConfigLayer {
    let listed = config.get("aligned_with");
    let is_listed = listed.is_none_or(|it| match &it {
        Json::String(name) => is_named(name, table),
        Json::Array(names) => names.iter().filter_map(Json::as_str).any(|it| is_named(it, table)),
        // It is reported where it is read.
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_) => true,
    });
    if is_listed {
        return config.clone();
    }
    let of_group = ["aligned_with", "within", "on_misaligned"];
    let kept = config.entries().iter().filter(|(key, _)| !of_group.contains(&key.value.as_str()));
    ConfigLayer::new(kept.cloned().collect())
}

fn is_named(name: &str, table: &str) -> bool {
    name.rsplit('.').next() == Some(table)
}

/// What a source says for all its tables.
struct SourceDefaults {
    name: Spanned<String>,
    description: Option<Spanned<String>>,
    schema: Option<Spanned<String>>,
    database: Option<Spanned<String>>,
    loader: Option<String>,
    quoting: SourceQuoting,
    source_meta: Map<String, Json>,
    config: ConfigLayer,
    loaded: Loaded,
}

/// Keys about the time of loading.
#[derive(Default)]
struct Loaded {
    field: Option<Spanned<String>>,
    query: Option<Spanned<String>>,
    freshness: Freshness,
}
