//! Tables of sources.

use super::columns::ColumnProperties;
use super::freshness::{FreshnessRule, freshness};
use super::{Reader, TestEntry};
use crate::diagnostics::Spanned;
use crate::parse::config_layer::{ConfigLayer, config_layer};
use crate::yaml::Yaml;
use crate::yaml::fields::Fields;

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
    /// How old it may be; `None` if nothing is said or freshness is switched off.
    pub freshness: Option<FreshnessRule>,
    /// The source's config, then the table's.
    pub config: ConfigLayer,
    /// Columns.
    pub columns: Vec<ColumnProperties>,
    /// Tests on the table as a whole.
    pub tests: Vec<TestEntry>,
}

impl Reader<'_> {
    pub(super) fn source(&mut self, yaml: &Yaml, tables: &mut Vec<SourceProperties>) {
        let Some(mut fields) = Fields::new(self.diags, yaml, "a source") else { return };
        let Some(name) = self.name(&mut fields, yaml, "a source") else { return };
        let shared = SourceDefaults {
            description: fields.string(self.diags, "description"),
            schema: fields.string(self.diags, "schema"),
            database: fields.string(self.diags, "database"),
            loader: fields.string(self.diags, "loader").map(|it| it.value),
            config: config_layer(self.diags, &mut fields, &["meta", "tags", "enabled", "event_time"]),
            loaded: self.loaded(&mut fields),
            name,
        };
        for table in fields.list(self.diags, "tables") {
            tables.extend(self.source_table(table, &shared));
        }
        fields.accept(&["overrides", "quoting", "tests", "data_tests"]);
        fields.finish(self.diags, self.unknown);
    }

    fn source_table(&mut self, yaml: &Yaml, shared: &SourceDefaults) -> Option<SourceProperties> {
        let mut fields = Fields::new(self.diags, yaml, "a table of a source")?;
        let table = self.name(&mut fields, yaml, "a table of a source")?;
        let loaded = self.loaded(&mut fields);
        let mut config = shared.config.clone();
        config.extend(config_layer(
            self.diags,
            &mut fields,
            &["meta", "tags", "enabled", "event_time", "external_location"],
        ));
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
            freshness: loaded
                .freshness
                .or_else(|| shared.loaded.freshness.clone())
                .and_then(SaidFreshness::rule),
            config,
            columns: self.columns(&mut fields),
            tests: self.tests(&mut fields),
        };
        fields.accept(&["quoting", "external"]);
        fields.finish(self.diags, self.unknown);
        Some(properties)
    }

    /// `freshness`, `loaded_at_field` and `loaded_at_query`, beside `config:` or in it.
    fn loaded(&mut self, fields: &mut Fields<'_>) -> Loaded {
        let mut loaded = self.loaded_keys(fields);
        // `config:` is read by `config_layer` too, which ignores these keys.
        if let Some(yaml) = fields.get("config")
            && let Some(mut config) = Fields::new(self.diags, yaml, "config")
        {
            let inner = self.loaded_keys(&mut config);
            loaded.field = inner.field.or(loaded.field);
            loaded.query = inner.query.or(loaded.query);
            loaded.freshness = inner.freshness.or(loaded.freshness);
        }
        loaded
    }

    fn loaded_keys(&mut self, fields: &mut Fields<'_>) -> Loaded {
        let field = fields.string(self.diags, "loaded_at_field");
        let query = fields.string(self.diags, "loaded_at_query");
        fields.accept(&["freshness"]);
        let freshness = fields.key("freshness").map(|_| {
            match fields.get("freshness").and_then(|it| freshness(self.diags, it, self.unknown)) {
                Some(rule) => SaidFreshness::Rule(rule),
                None => SaidFreshness::Off,
            }
        });
        Loaded { field, query, freshness }
    }
}

/// What a source says for all its tables.
struct SourceDefaults {
    name: Spanned<String>,
    description: Option<Spanned<String>>,
    schema: Option<Spanned<String>>,
    database: Option<Spanned<String>>,
    loader: Option<String>,
    config: ConfigLayer,
    loaded: Loaded,
}

/// Keys about the time of loading.
#[derive(Default)]
struct Loaded {
    field: Option<Spanned<String>>,
    query: Option<Spanned<String>>,
    freshness: Option<SaidFreshness>,
}

/// What the key `freshness` says where it is written.
#[derive(Clone)]
enum SaidFreshness {
    /// `freshness: null`: what the source says for all its tables does not hold here.
    Off,
    Rule(FreshnessRule),
}

impl SaidFreshness {
    fn rule(self) -> Option<FreshnessRule> {
        match self {
            SaidFreshness::Off => None,
            SaidFreshness::Rule(rule) => Some(rule),
        }
    }
}
