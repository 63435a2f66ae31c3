//! The project file: `project.yml` or `dbt_project.yml` to [`ProjectConfig`].

use serde_json::Value as Json;

use super::Dialect;
use super::config_settings::{self as settings, QueryComment};
use super::publish::{self, Publish};
use super::requirements;
use super::settings::Settings;
use crate::diagnostics::{Diagnostic, Diagnostics, Severity, Span, Spanned};
use crate::node::Quoting;
use crate::yaml::fields::{Fields, wrong_type};
use crate::yaml::{Yaml, YamlKind};

/// What the project file says.
#[derive(Clone, Debug)]
pub struct ProjectConfig {
    /// The project's name: the root package.
    pub name: Spanned<String>,
    /// Its version, as written.
    pub version: Option<String>,
    /// The profile in `profiles.yml`, in a dbt project.
    pub profile: Option<Spanned<String>>,
    /// Inline targets by name, in a `project.yml` project.
    pub targets: Option<Yaml>,
    /// The default target's name.
    pub target: Option<Spanned<String>>,
    /// Folders to read.
    pub paths: Paths,
    /// Where artifacts go, relative to the project.
    pub target_path: String,
    /// What `clean` removes, relative to the project.
    pub clean_targets: Vec<Spanned<String>>,
    /// Where packages are installed, relative to the project.
    pub packages_path: String,
    /// Variables; a mapping under a package's name holds that package's own.
    pub vars: Vec<(String, Json)>,
    /// SQL to run before the first node.
    pub on_run_start: Vec<Spanned<String>>,
    /// SQL to run after the last node.
    pub on_run_end: Vec<Spanned<String>>,
    /// In which packages a dispatched macro is looked for, by namespace.
    pub dispatch: Vec<(String, Vec<String>)>,
    /// Config by folder, for each kind of node: `models:`, `seeds:`, ...
    pub trees: Trees,
    /// Whether protected models are for this package alone.
    pub restrict_access: bool,
    /// What is to stand beside every statement.
    pub query_comment: Option<QueryComment>,
    /// Which parts of relations' names are written in quotes.
    pub quoting: Quoting,
    /// Flags that the project sets, by name.
    pub flags: Vec<(Spanned<String>, Json)>,
    /// What readers see change at once.
    pub publish: Publish,
    /// What the project says about the rules of `tidemill lint`.
    pub lint: Option<Yaml>,
    /// The whole file's place, for faults of the file itself.
    pub span: Span,
}

/// Folders of a project, relative to it.
#[derive(Clone, Debug)]
pub struct Paths {
    /// Models.
    pub models: Vec<Spanned<String>>,
    /// CSV files.
    pub seeds: Vec<Spanned<String>>,
    /// Singular tests, and generic ones under `generic/`.
    pub tests: Vec<Spanned<String>>,
    /// Macros.
    pub macros: Vec<Spanned<String>>,
    /// Analyses.
    pub analyses: Vec<Spanned<String>>,
    /// Snapshots.
    pub snapshots: Vec<Spanned<String>>,
    /// SQL functions.
    pub functions: Vec<Spanned<String>>,
    /// Markdown with `{% docs %}`; empty means all of the above.
    pub docs: Vec<Spanned<String>>,
}

/// Config by folder, one tree for each kind of node.
#[derive(Clone, Debug, Default)]
pub struct Trees {
    /// `models:`
    pub models: Option<Yaml>,
    /// `seeds:`
    pub seeds: Option<Yaml>,
    /// `data_tests:` or `tests:`
    pub data_tests: Option<Yaml>,
    /// `sources:`
    pub sources: Option<Yaml>,
    /// `exposures:`
    pub exposures: Option<Yaml>,
    /// `snapshots:`
    pub snapshots: Option<Yaml>,
    /// `functions:`
    pub functions: Option<Yaml>,
    /// `unit_tests:`
    pub unit_tests: Option<Yaml>,
    /// `semantic-models:`
    pub semantic_models: Option<Yaml>,
    /// `metrics:`
    pub metrics: Option<Yaml>,
    /// `saved-queries:`
    pub saved_queries: Option<Yaml>,
    /// The same as written, if there are templates in it.
    pub unrendered: Option<Box<Trees>>,
}

/// Keys whose values are templates for later, at any depth; of `targets` only the chosen one is rendered.
const RENDERED_LATER: &[&str] = &[
    "on-run-start",
    "on-run-end",
    "query-comment",
    "vars",
    "targets",
    "pre-hook",
    "+pre-hook",
    "pre_hook",
    "+pre_hook",
    "post-hook",
    "+post-hook",
    "post_hook",
    "+post_hook",
];

/// Reads a project file's tree. Templates in its texts are rendered with the settings given.
pub fn read(
    diags: &mut Diagnostics,
    yaml: &Yaml,
    dialect: Dialect,
    settings: &Settings,
) -> Option<ProjectConfig> {
    let raw = yaml;
    let yaml = settings.render_tree(diags, raw, RENDERED_LATER);
    let mut fields = Fields::new(diags, &yaml, "the project file")?;
    let name = fields.string(diags, "name");
    if name.is_none() {
        diags.push(missing_name(&yaml));
    }
    if let Some(name) = &name {
        check_name(diags, name);
    }
    settings::check(diags, &mut fields);
    let quoting = settings::quoting(diags, &mut fields);
    let requirements = fields.strings(diags, "require-dbt-version").unwrap_or_default();
    let config = ProjectConfig {
        name: name.unwrap_or_else(|| Spanned::new("project".to_owned(), yaml.span)),
        version: fields.string(diags, "version").map(|it| it.value),
        profile: fields.string(diags, "profile"),
        targets: if dialect == Dialect::Tidemill { fields.get("targets").cloned() } else { None },
        target: if dialect == Dialect::Tidemill { fields.string(diags, "target") } else { None },
        paths: paths(diags, &mut fields, yaml.span),
        target_path: fields.string(diags, "target-path").map_or_else(|| "target".to_owned(), |it| it.value),
        clean_targets: fields.strings(diags, "clean-targets").unwrap_or_default(),
        packages_path: fields
            .string(diags, "packages-install-path")
            .map_or_else(|| "dbt_packages".to_owned(), |it| it.value),
        vars: vars(diags, &mut fields),
        on_run_start: fields.strings(diags, "on-run-start").unwrap_or_default(),
        on_run_end: fields.strings(diags, "on-run-end").unwrap_or_default(),
        dispatch: dispatch(diags, &mut fields),
        trees: Trees { unrendered: unrendered_trees(raw, &yaml), ..trees(diags, &mut fields) },
        query_comment: settings::query_comment(diags, &mut fields),
        quoting,
        flags: settings::flags(diags, &mut fields),
        restrict_access: fields.bool(diags, "restrict-access").unwrap_or(false),
        publish: publish::read(diags, &mut fields),
        lint: lint(&mut fields, dialect),
        span: yaml.span,
    };
    fields.accept(&["log-path", "asset-paths", "analyses", "project-root"]);
    fields.finish(diags, dialect.unknown_key_severity());
    let is_off = |flag: Option<&Json>| flag == Some(&Json::Bool(false));
    if !is_off(config.flag("version_check")) && !is_off(settings.globals.flags.get("VERSION_CHECK")) {
        requirements::check(diags, &config.name.value, &requirements);
    }
    Some(config)
}

impl ProjectConfig {
    /// The value of a flag that the project sets.
    pub fn flag(&self, name: &str) -> Option<&Json> {
        self.flags.iter().find(|(key, _)| key.value == name).map(|(_, value)| value)
    }
}

fn paths(diags: &mut Diagnostics, fields: &mut Fields<'_>, span: Span) -> Paths {
    let mut read = |key, old: Option<&'static str>, default: &[&str]| {
        let found = fields.strings(diags, key);
        let found = found.or_else(|| old.and_then(|old| fields.strings(diags, old)));
        found.unwrap_or_else(|| default.iter().map(|it| Spanned::new((*it).to_owned(), span)).collect())
    };
    Paths {
        models: read("model-paths", Some("source-paths"), &["models"]),
        seeds: read("seed-paths", Some("data-paths"), &["seeds"]),
        tests: read("test-paths", None, &["tests"]),
        macros: read("macro-paths", None, &["macros"]),
        analyses: read("analysis-paths", None, &["analyses"]),
        snapshots: read("snapshot-paths", None, &["snapshots"]),
        functions: read("function-paths", None, &["functions"]),
        docs: read("docs-paths", None, &[]),
    }
}

fn vars(diags: &mut Diagnostics, fields: &mut Fields<'_>) -> Vec<(String, Json)> {
    let Some(yaml) = fields.get("vars") else { return Vec::new() };
    match &yaml.kind {
        YamlKind::Map(entries) => {
            entries.iter().map(|(name, value)| (name.value.clone(), value.to_json())).collect()
        }
        YamlKind::Null
        | YamlKind::Bool(_)
        | YamlKind::Int(_)
        | YamlKind::Float(_)
        | YamlKind::String(_)
        | YamlKind::List(_) => {
            diags.push(wrong_type(yaml, "vars", "a mapping of names to values"));
            Vec::new()
        }
    }
}

/// `lint`; where dbt reads the file too, it stands among the variables, where dbt takes anything.
fn lint(fields: &mut Fields<'_>, dialect: Dialect) -> Option<Yaml> {
    match dialect {
        Dialect::Tidemill => fields.get("lint").cloned(),
        Dialect::Dbt => fields.get("vars")?.get("tidemill_lint").cloned(),
    }
}

fn dispatch(diags: &mut Diagnostics, fields: &mut Fields<'_>) -> Vec<(String, Vec<String>)> {
    let mut orders = Vec::new();
    for entry in fields.list(diags, "dispatch") {
        let Some(mut entry) = Fields::new(diags, entry, "a dispatch order") else { continue };
        let namespace = entry.string(diags, "macro_namespace");
        let packages = entry.strings(diags, "search_order").unwrap_or_default();
        entry.finish(diags, Severity::Warning);
        if let Some(namespace) = namespace {
            orders.push((namespace.value, packages.into_iter().map(|it| it.value).collect()));
        }
    }
    orders
}

fn trees(diags: &mut Diagnostics, fields: &mut Fields<'_>) -> Trees {
    let mut tree = |key: &'static str| {
        let yaml = fields.get(key)?;
        if yaml.as_map().is_none() {
            diags.push(wrong_type(yaml, key, "a mapping of folders and `+config` keys"));
            return None;
        }
        Some(yaml.clone())
    };
    Trees {
        models: tree("models"),
        seeds: tree("seeds"),
        data_tests: tree("data_tests").or_else(|| tree("tests")),
        sources: tree("sources"),
        exposures: tree("exposures"),
        snapshots: tree("snapshots"),
        functions: tree("functions"),
        unit_tests: tree("unit_tests"),
        semantic_models: tree("semantic-models"),
        metrics: tree("metrics"),
        saved_queries: tree("saved-queries"),
        unrendered: None,
    }
}

/// The trees as they were before templates were rendered; `None` if there are none.
fn unrendered_trees(raw: &Yaml, rendered: &Yaml) -> Option<Box<Trees>> {
    if raw == rendered {
        return None;
    }
    let mut unheard = Diagnostics::default();
    let mut fields = Fields::new(&mut unheard, raw, "the project file")?;
    Some(Box::new(trees(&mut unheard, &mut fields)))
}

fn missing_name(yaml: &Yaml) -> Diagnostic {
    Diagnostic::error("missing-key", "the project file has no `name`")
        .at(Span { end: yaml.span.start, ..yaml.span }, "")
        .help("add `name: my_project` (letters, digits and underscores)")
}

fn check_name(diags: &mut Diagnostics, name: &Spanned<String>) {
    let good = name.value.chars().all(|it| it.is_ascii_alphanumeric() || it == '_')
        && name.value.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_');
    if !good {
        diags.push(
            Diagnostic::error("invalid-name", format!("`{}` cannot be a project's name", name.value))
                .at(name.span, "only letters, digits and underscores, not starting with a digit"),
        );
    }
}
