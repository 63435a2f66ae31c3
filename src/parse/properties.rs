//! Properties files: what YAML says about models, seeds, sources, macros and exposures.
//!
//! In: one file's tree. Out: [`Properties`] as written, with places; nothing is looked up or merged here.

use serde_json::{Value as Json, json};

use super::config_layer::{ConfigLayer, config_layer};
use super::function_properties::FunctionProperties;
use crate::diagnostics::{Diagnostic, Diagnostics, Severity, Span, Spanned};
use crate::yaml::fields::{Fields, scalar_text, wrong_type};
use crate::yaml::{Yaml, YamlKind};

/// Everything that one properties file says.
#[derive(Clone, Debug, Default)]
pub struct Properties {
    /// Entries of `models:`, `seeds:`, `snapshots:` and `analyses:`.
    pub nodes: Vec<NodeProperties>,
    /// Tables of `sources:`.
    pub sources: Vec<SourceProperties>,
    /// Entries of `macros:`.
    pub macros: Vec<MacroProperties>,
    /// Entries of `exposures:`.
    pub exposures: Vec<ExposureProperties>,
    /// Entries of `functions:`.
    pub functions: Vec<FunctionProperties>,
    /// Entries of `data_tests:` at the top of a file: singular tests.
    pub singular_tests: Vec<SingularTestProperties>,
}

/// What YAML says about a singular test.
#[derive(Clone, Debug)]
pub struct SingularTestProperties {
    /// The test's name: that of its file.
    pub name: Spanned<String>,
    /// Description, as written.
    pub description: Option<Spanned<String>>,
    /// `config:`.
    pub config: ConfigLayer,
}

/// Which list of the file an entry is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// `models:`
    Models,
    /// `seeds:`
    Seeds,
    /// `snapshots:`
    Snapshots,
    /// `analyses:`
    Analyses,
}

impl Section {
    /// The word for one entry, for messages.
    pub fn singular(self) -> &'static str {
        match self {
            Section::Models => "model",
            Section::Seeds => "seed",
            Section::Snapshots => "snapshot",
            Section::Analyses => "analysis",
        }
    }
}

/// What YAML says about a node that has a file of its own.
#[derive(Clone, Debug)]
pub struct NodeProperties {
    /// Which list it is in.
    pub section: Section,
    /// The node's name.
    pub name: Spanned<String>,
    /// Description, as written.
    pub description: Option<Spanned<String>>,
    /// `config:` and the keys that may stand beside it.
    pub config: ConfigLayer,
    /// Columns.
    pub columns: Vec<ColumnProperties>,
    /// Tests on the node as a whole.
    pub tests: Vec<TestEntry>,
    /// Versions, in a versioned model.
    pub versions: Vec<VersionProperties>,
    /// `latest_version`, as text.
    pub latest_version: Option<Spanned<String>>,
    /// Snapshots that have no SQL of their own: what is read, `ref('orders')`.
    pub relation: Option<Spanned<String>>,
}

/// One version of a model.
#[derive(Clone, Debug)]
pub struct VersionProperties {
    /// `v`, as text.
    pub version: Spanned<String>,
    /// The file's name without `.sql`, where it is not `<model>_v<version>`.
    pub defined_in: Option<Spanned<String>>,
    /// Description of this version.
    pub description: Option<Spanned<String>>,
    /// Config of this version, over the model's.
    pub config: ConfigLayer,
    /// Columns of this version; the model's where absent.
    pub columns: Option<Vec<ColumnProperties>>,
    /// Tests of this version; the model's where absent.
    pub tests: Option<Vec<TestEntry>>,
}

/// What YAML says about a column.
#[derive(Clone, Debug)]
pub struct ColumnProperties {
    /// Name.
    pub name: Spanned<String>,
    /// Description, as written.
    pub description: Option<Spanned<String>>,
    /// Declared type.
    pub data_type: Option<String>,
    /// Free-form data.
    pub meta: Json,
    /// Tags, which its tests inherit.
    pub tags: Vec<String>,
    /// Whether tests quote the name.
    pub quote: bool,
    /// Tests on the column.
    pub tests: Vec<TestEntry>,
}

/// A generic test as declared.
#[derive(Clone, Debug)]
pub struct TestEntry {
    /// Name of the test, perhaps with its package: `not_null`, `dbt_utils.expression_is_true`.
    pub name: Spanned<String>,
    /// A name given by the user.
    pub custom_name: Option<Spanned<String>>,
    /// Description, as written.
    pub description: Option<Spanned<String>>,
    /// Arguments, as written.
    pub arguments: Vec<(Spanned<String>, Yaml)>,
    /// `config:` and config keys beside it.
    pub config: ConfigLayer,
}

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

/// How old data may be before it is reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreshnessRule {
    /// Older than this is a warning.
    pub warn_after: Option<Age>,
    /// Older than this is an error.
    pub error_after: Option<Age>,
    /// Which rows are looked at.
    pub filter: Option<String>,
}

/// A span of time in dbt's units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Age {
    /// How many.
    pub count: u32,
    /// Of which unit.
    pub period: Period,
}

/// A unit of [`Age`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// 60 seconds.
    Minute,
    /// 60 minutes.
    Hour,
    /// 24 hours.
    Day,
}

impl Age {
    /// The span in seconds.
    pub fn seconds(self) -> i64 {
        let unit = match self.period {
            Period::Minute => 60,
            Period::Hour => 3_600,
            Period::Day => 86_400,
        };
        i64::from(self.count) * unit
    }

    /// The unit's word in YAML and artifacts.
    pub fn unit(self) -> &'static str {
        match self.period {
            Period::Minute => "minute",
            Period::Hour => "hour",
            Period::Day => "day",
        }
    }
}

/// What YAML says about a macro.
#[derive(Clone, Debug)]
pub struct MacroProperties {
    /// Name.
    pub name: Spanned<String>,
    /// Description, as written.
    pub description: Option<Spanned<String>>,
    /// Parameters with their descriptions.
    pub arguments: Vec<(String, Option<String>, String)>,
    /// Free-form data.
    pub meta: Json,
}

/// A named use of nodes outside the project.
#[derive(Clone, Debug)]
pub struct ExposureProperties {
    /// Name.
    pub name: Spanned<String>,
    /// Name for people.
    pub label: Option<String>,
    /// `dashboard`, `notebook`, `analysis`, `ml` or `application`.
    pub kind: Option<Spanned<String>>,
    /// Where it is.
    pub url: Option<String>,
    /// `high`, `medium` or `low`.
    pub maturity: Option<Spanned<String>>,
    /// Description, as written.
    pub description: Option<Spanned<String>>,
    /// Who to ask: name and mail address.
    pub owner: (Option<String>, Option<String>),
    /// `ref(...)` and `source(...)` texts.
    pub depends_on: Vec<Spanned<String>>,
    /// `config:`.
    pub config: ConfigLayer,
}

/// Reads one file's tree.
pub fn read(diags: &mut Diagnostics, yaml: &Yaml, unknown: Severity) -> Properties {
    let mut properties = Properties::default();
    let Some(mut fields) = Fields::new(diags, yaml, "a properties file") else { return properties };
    let mut reader = Reader { diags, unknown };
    for (key, section) in [
        ("models", Section::Models),
        ("seeds", Section::Seeds),
        ("snapshots", Section::Snapshots),
        ("analyses", Section::Analyses),
    ] {
        let entries = fields.list(reader.diags, key);
        properties.nodes.extend(entries.iter().filter_map(|it| reader.node(it, section)));
    }
    for source in fields.list(reader.diags, "sources") {
        reader.source(source, &mut properties.sources);
    }
    let macros = fields.list(reader.diags, "macros");
    properties.macros.extend(macros.iter().filter_map(|it| reader.macro_(it)));
    let exposures = fields.list(reader.diags, "exposures");
    properties.exposures.extend(exposures.iter().filter_map(|it| reader.exposure(it)));
    let functions = fields.list(reader.diags, "functions");
    properties.functions.extend(functions.iter().filter_map(|it| reader.function(it)));
    let tests = fields.list(reader.diags, "data_tests");
    properties.singular_tests.extend(tests.iter().filter_map(|it| reader.singular_test(it)));
    for key in ["unit_tests", "metrics", "semantic_models", "saved_queries"] {
        if let Some(yaml) = fields.get(key) {
            reader.diags.push(left_out(key, fields.key(key).map_or(yaml.span, |it| it.span)));
        }
    }
    fields.accept(&["version", "groups", "anchors"]);
    fields.finish(diags, unknown);
    properties
}

fn left_out(key: &str, span: Span) -> Diagnostic {
    Diagnostic::warning("not-supported-yet", format!("`{key}:` is not supported yet and was left out"))
        .at(span, "nothing here is run")
}

/// Reads entries.
pub(super) struct Reader<'a> {
    pub(super) diags: &'a mut Diagnostics,
    pub(super) unknown: Severity,
}

impl Reader<'_> {
    pub(super) fn name(
        &mut self,
        fields: &mut Fields<'_>,
        yaml: &Yaml,
        what: &str,
    ) -> Option<Spanned<String>> {
        let name = fields.string(self.diags, "name");
        if name.is_none() {
            let diagnostic = Diagnostic::error("missing-key", format!("{what} has no `name`"));
            self.diags.push(match fields.near("name") {
                Some(key) => diagnostic.at(key.span, "write `name`"),
                None => diagnostic.at(Span { end: yaml.span.start, ..yaml.span }, "this entry"),
            });
        }
        name
    }

    fn node(&mut self, yaml: &Yaml, section: Section) -> Option<NodeProperties> {
        let what = match section {
            Section::Models => "a model",
            Section::Seeds => "a seed",
            Section::Snapshots => "a snapshot",
            Section::Analyses => "an analysis",
        };
        let mut fields = Fields::new(self.diags, yaml, what)?;
        let name = self.name(&mut fields, yaml, what)?;
        let description = fields.string(self.diags, "description");
        let columns = self.columns(&mut fields);
        let tests = self.tests(&mut fields);
        let versions = fields.list(self.diags, "versions").iter().filter_map(|it| self.version(it)).collect();
        let latest_version = fields.string(self.diags, "latest_version");
        let config = config_layer(self.diags, &mut fields, &["meta", "docs", "access", "group", "tags"]);
        let relation = match section {
            Section::Snapshots => fields.string(self.diags, "relation"),
            Section::Models | Section::Seeds | Section::Analyses => None,
        };
        fields.accept(&["constraints", "deprecation_date", "time_spine", "primary_key"]);
        fields.finish(self.diags, self.unknown);
        Some(NodeProperties { section, name, description, config, columns, tests, versions, latest_version, relation })
    }

    fn version(&mut self, yaml: &Yaml) -> Option<VersionProperties> {
        let mut fields = Fields::new(self.diags, yaml, "a version")?;
        let Some(version) = fields.string(self.diags, "v") else {
            self.diags.push(
                Diagnostic::error("missing-key", "a version has no `v`").at(yaml.span, "write `v: 1`, say"),
            );
            return None;
        };
        let own_columns = yaml.get("columns").is_some_and(|it| {
            // `- include: all` picks from the model's columns; only real columns replace them.
            matches!(&it.kind, YamlKind::List(items) if items.iter().any(|it| it.get("name").is_some()))
        });
        let columns = if own_columns {
            Some(self.columns(&mut fields))
        } else {
            fields.accept(&["columns"]);
            None
        };
        let has_tests = yaml.get("tests").is_some() || yaml.get("data_tests").is_some();
        let tests = has_tests.then(|| self.tests(&mut fields));
        let properties = VersionProperties {
            version,
            defined_in: fields.string(self.diags, "defined_in"),
            description: fields.string(self.diags, "description"),
            config: config_layer(self.diags, &mut fields, &["meta", "docs", "access", "group"]),
            columns,
            tests,
        };
        fields.accept(&["tests", "data_tests", "constraints", "deprecation_date"]);
        fields.finish(self.diags, self.unknown);
        Some(properties)
    }

    fn columns(&mut self, fields: &mut Fields<'_>) -> Vec<ColumnProperties> {
        let entries = fields.list(self.diags, "columns");
        let columns: Vec<ColumnProperties> = entries.iter().filter_map(|it| self.column(it)).collect();
        for (index, column) in columns.iter().enumerate() {
            let same = |it: &&ColumnProperties| it.name.value.eq_ignore_ascii_case(&column.name.value);
            if let Some(first) = columns[..index].iter().find(same) {
                self.diags.push(
                    Diagnostic::error(
                        "duplicate-column",
                        format!("the column `{}` is listed twice", column.name.value),
                    )
                    .at(column.name.span, "again here")
                    .and_at(first.name.span, "first here"),
                );
            }
        }
        columns
    }

    fn column(&mut self, yaml: &Yaml) -> Option<ColumnProperties> {
        let mut fields = Fields::new(self.diags, yaml, "a column")?;
        let name = self.name(&mut fields, yaml, "a column")?;
        let description = fields.string(self.diags, "description");
        let data_type = fields.string(self.diags, "data_type").map(|it| it.value);
        let quote = fields.bool(self.diags, "quote").unwrap_or(false);
        let tests = self.tests(&mut fields);
        let config = config_layer(self.diags, &mut fields, &["meta", "tags"]);
        let meta = config.get("meta").unwrap_or_else(|| json!({}));
        let tags = texts(&config.get("tags").unwrap_or(Json::Null));
        fields.accept(&["constraints", "granularity", "policy_tags", "databricks_tags"]);
        fields.finish(self.diags, self.unknown);
        Some(ColumnProperties { name, description, data_type, meta, tags, quote, tests })
    }

    fn tests(&mut self, fields: &mut Fields<'_>) -> Vec<TestEntry> {
        let mut entries = fields.list(self.diags, "data_tests").to_vec();
        entries.extend_from_slice(fields.list(self.diags, "tests"));
        entries.iter().filter_map(|it| self.test(it)).collect()
    }

    fn test(&mut self, yaml: &Yaml) -> Option<TestEntry> {
        if let Some(name) = yaml.as_str() {
            let name = Spanned::new(name.to_owned(), yaml.span);
            return Some(TestEntry::plain(name));
        }
        let entries = yaml.as_map().filter(|it| !it.is_empty()).or_else(|| {
            self.diags.push(
                wrong_type(yaml, "data_tests", "a list of tests")
                    .help("write a test's name, or its name with arguments: `- accepted_values: {arguments: {values: [a, b]}}`"),
            );
            None
        })?;
        // Either `{test_name: x, ...}` or `{x: {...}}`.
        if let Some(name) = yaml.get("test_name").and_then(|it| Some(Spanned::new(scalar_text(it)?, it.span)))
        {
            let rest = entries.iter().filter(|(key, _)| key.value != "test_name").cloned().collect();
            return self.test_body(name, &Yaml { kind: YamlKind::Map(rest), span: yaml.span });
        }
        if entries.len() > 1 {
            self.diags.push(
                Diagnostic::error("invalid-test", "a test has one name, but this entry has several keys")
                    .at(entries[1].0.span, format!("is this an argument of `{}`?", entries[0].0.value))
                    .help("indent the arguments two spaces more than the test's name"),
            );
            return None;
        }
        let (name, body) = &entries[0];
        self.test_body(name.clone(), body)
    }

    fn test_body(&mut self, name: Spanned<String>, body: &Yaml) -> Option<TestEntry> {
        const CONFIG_KEYS: [&str; 14] = [
            "severity",
            "tags",
            "enabled",
            "where",
            "limit",
            "warn_if",
            "error_if",
            "fail_calc",
            "store_failures",
            "store_failures_as",
            "meta",
            "database",
            "schema",
            "alias",
        ];
        let mut fields = Fields::new(self.diags, body, "a test")?;
        let custom_name = fields.string(self.diags, "name");
        let description = fields.string(self.diags, "description");
        let config = config_layer(self.diags, &mut fields, &CONFIG_KEYS);
        let mut arguments: Vec<(Spanned<String>, Yaml)> = Vec::new();
        if let Some(nested) = fields.get("arguments") {
            match nested.as_map() {
                Some(entries) => arguments.extend(entries.iter().cloned()),
                None => {
                    self.diags.push(wrong_type(nested, "arguments", "a mapping of argument names to values"));
                }
            }
        }
        arguments.extend(fields.rest().cloned());
        Some(TestEntry { name, custom_name, description, arguments, config })
    }

    fn source(&mut self, yaml: &Yaml, tables: &mut Vec<SourceProperties>) {
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

    fn macro_(&mut self, yaml: &Yaml) -> Option<MacroProperties> {
        let mut fields = Fields::new(self.diags, yaml, "a macro")?;
        let name = self.name(&mut fields, yaml, "a macro")?;
        let description = fields.string(self.diags, "description");
        let mut arguments = Vec::new();
        for entry in fields.list(self.diags, "arguments") {
            let Some(mut argument) = Fields::new(self.diags, entry, "an argument") else { continue };
            let name = argument.string(self.diags, "name").map(|it| it.value).unwrap_or_default();
            let kind = argument.string(self.diags, "type").map(|it| it.value);
            let text = argument.string(self.diags, "description").map(|it| it.value).unwrap_or_default();
            argument.finish(self.diags, self.unknown);
            arguments.push((name, kind, text));
        }
        let config = config_layer(self.diags, &mut fields, &["meta", "docs"]);
        fields.finish(self.diags, self.unknown);
        Some(MacroProperties {
            name,
            description,
            arguments,
            meta: config.get("meta").unwrap_or_else(|| json!({})),
        })
    }

    fn singular_test(&mut self, yaml: &Yaml) -> Option<SingularTestProperties> {
        let mut fields = Fields::new(self.diags, yaml, "a singular test")?;
        let name = self.name(&mut fields, yaml, "a singular test")?;
        let description = fields.string(self.diags, "description");
        let config = config_layer(self.diags, &mut fields, &["meta", "docs"]);
        fields.finish(self.diags, self.unknown);
        Some(SingularTestProperties { name, description, config })
    }

    fn exposure(&mut self, yaml: &Yaml) -> Option<ExposureProperties> {
        let mut fields = Fields::new(self.diags, yaml, "an exposure")?;
        let name = self.name(&mut fields, yaml, "an exposure")?;
        let mut owner = (None, None);
        if let Some(yaml) = fields.get("owner")
            && let Some(mut who) = Fields::new(self.diags, yaml, "an owner")
        {
            owner.0 = who.string(self.diags, "name").map(|it| it.value);
            owner.1 = who.string(self.diags, "email").map(|it| it.value);
        }
        let properties = ExposureProperties {
            name,
            label: fields.string(self.diags, "label").map(|it| it.value),
            kind: fields.string(self.diags, "type"),
            url: fields.string(self.diags, "url").map(|it| it.value),
            maturity: fields.string(self.diags, "maturity"),
            description: fields.string(self.diags, "description"),
            owner,
            depends_on: fields.strings(self.diags, "depends_on").unwrap_or_default(),
            config: config_layer(self.diags, &mut fields, &["meta", "tags", "enabled"]),
        };
        fields.finish(self.diags, self.unknown);
        Some(properties)
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

impl TestEntry {
    /// A test by its name alone.
    fn plain(name: Spanned<String>) -> Self {
        Self {
            name,
            custom_name: None,
            description: None,
            arguments: Vec::new(),
            config: ConfigLayer::default(),
        }
    }
}

/// Reads `{warn_after: {count, period}, error_after: ..., filter: ...}`.
pub fn freshness(diags: &mut Diagnostics, yaml: &Yaml, unknown: Severity) -> Option<FreshnessRule> {
    let mut fields = Fields::new(diags, yaml, "freshness")?;
    let warn_after = fields.get("warn_after").and_then(|it| age(diags, it, unknown));
    let error_after = fields.get("error_after").and_then(|it| age(diags, it, unknown));
    let filter = fields.string(diags, "filter").map(|it| it.value);
    fields.accept(&["build_after"]);
    fields.finish(diags, unknown);
    Some(FreshnessRule { warn_after, error_after, filter })
}

/// Reads `{count: 12, period: hour}`.
pub fn age(diags: &mut Diagnostics, yaml: &Yaml, unknown: Severity) -> Option<Age> {
    let mut fields = Fields::new(diags, yaml, "an age")?;
    let count = fields.string(diags, "count");
    let period = fields.string(diags, "period");
    fields.finish(diags, unknown);
    let (Some(count), Some(period)) = (count, period) else {
        // An age without both parts (or with nulls, as dbt's own templates write it) says nothing.
        return None;
    };
    let period = match period.value.as_str() {
        "minute" => Period::Minute,
        "hour" => Period::Hour,
        "day" => Period::Day,
        other => {
            diags.push(
                Diagnostic::error("invalid-period", format!("`{other}` is not a period"))
                    .at(period.span, "write `minute`, `hour` or `day`"),
            );
            return None;
        }
    };
    if let Ok(count) = count.value.parse() {
        Some(Age { count, period })
    } else {
        diags.push(
            Diagnostic::error("wrong-type", "`count` must be a whole number")
                .at(count.span, "this is not one"),
        );
        None
    }
}

/// A text or a list of texts as a list.
pub fn texts(value: &Json) -> Vec<String> {
    match value {
        Json::String(text) => vec![text.clone()],
        Json::Array(items) => items.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_) => Vec::new(),
    }
}
