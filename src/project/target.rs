//! Which database to work in: inline `targets:` of a `project.yml`, or `profiles.yml` of a dbt project.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::config::ProjectConfig;
use super::{Dialect, LoadOptions};
use crate::diagnostics::{Diagnostic, Diagnostics, Severity, Span, Spanned, suggest};
use crate::project::settings::Settings;
use crate::warehouse::Attachment;
use crate::yaml::Yaml;
use crate::yaml::fields::{Fields, scalar_text, wrong_type};

/// One set of connection settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Name of the target.
    pub name: String,
    /// Name of the profile; the project's name where targets are inline.
    pub profile: String,
    /// Database file as written, or `:memory:`.
    pub path: String,
    /// The database's name in SQL.
    pub database: String,
    /// Default schema.
    pub schema: String,
    /// Models built at the same time, where the target says.
    pub threads: Option<usize>,
    /// Engine settings.
    pub settings: Vec<(String, String)>,
    /// Extensions to load.
    pub extensions: Vec<String>,
    /// Further databases.
    pub attach: Vec<Attachment>,
    /// Values of keys that hold secrets.
    pub secrets: Vec<String>,
    /// What templates see as `target`, without secrets.
    pub context: Json,
    /// Where the target is written; `None` for the default one.
    pub span: Option<Span>,
}

/// The text of `profiles.yml` and the path to show for it.
#[derive(Clone, Debug)]
pub struct ProfilesFile {
    /// Path for people.
    pub path: String,
    /// Whole text.
    pub text: String,
}

impl Target {
    /// The file to open, with a relative path taken from the project's folder; `None` in memory.
    pub fn file(&self, project_dir: &Path) -> Option<PathBuf> {
        (self.path != ":memory:").then(|| project_dir.join(&self.path))
    }

    /// The target of a project that names none: a file beside the project file.
    fn beside(project: &str) -> Self {
        let path = format!("{project}.duckdb");
        let mut target = Self {
            name: "default".to_owned(),
            profile: project.to_owned(),
            database: database_name(&path),
            path,
            schema: "main".to_owned(),
            threads: None,
            settings: Vec::new(),
            extensions: Vec::new(),
            attach: Vec::new(),
            secrets: Vec::new(),
            context: Json::Null,
            span: None,
        };
        target.context = context(&target, &[]);
        target
    }
}

/// Finds the target that the options, the project file or the profile name.
pub fn choose(
    diags: &mut Diagnostics,
    config: &ProjectConfig,
    dialect: Dialect,
    profiles: Option<(&ProfilesFile, &Yaml)>,
    options: &LoadOptions,
    settings: &Settings,
) -> Option<Target> {
    if let (Some(targets), None) = (&config.targets, &options.profile) {
        let default = config.target.clone();
        let outputs = Outputs { profile: config.name.value.clone(), targets, default, profiled: false };
        return outputs.choose(diags, options, settings);
    }
    let of_project = config.profile.as_ref().map(|it| Wanted { name: &it.value, span: Some(it.span) });
    let of_options = options.profile.as_ref().map(|it| Wanted { name: it, span: None });
    let Some(profile) = of_options.or(of_project) else {
        return match dialect {
            Dialect::Tidemill if options.target.is_some() => {
                diags.push(no_targets(options.target.as_deref().unwrap_or_default()));
                None
            }
            Dialect::Tidemill => Some(Target::beside(&config.name.value)),
            Dialect::Dbt => {
                diags.push(no_profile(config));
                None
            }
        };
    };
    let Some((file, yaml)) = profiles else {
        diags.push(no_profiles_file(&profile));
        return None;
    };
    let Some(found) = yaml.get(profile.name) else {
        diags.push(unknown_profile(&profile, file, yaml));
        return None;
    };
    let Some(targets) = found.get("outputs") else {
        diags.push(
            Diagnostic::error("missing-key", format!("the profile `{}` has no `outputs`", profile.name))
                .at(found.span, "list the targets under `outputs:`"),
        );
        return None;
    };
    let default = found.get("target").and_then(|it| {
        let it = settings.render_tree(diags, it, &[]);
        scalar_text(&it).map(|text| Spanned::new(text, it.span))
    });
    let default = default.or_else(|| Some(Spanned::new("default".to_owned(), found.span)));
    Outputs { profile: profile.name.to_owned(), targets, default, profiled: true }
        .choose(diags, options, settings)
}

/// The profile that is asked for: by the project, at a place, or by the command line.
struct Wanted<'a> {
    name: &'a str,
    span: Option<Span>,
}

/// The targets to choose from.
struct Outputs<'a> {
    profile: String,
    targets: &'a Yaml,
    default: Option<Spanned<String>>,
    profiled: bool,
}

impl Outputs<'_> {
    fn choose(self, diags: &mut Diagnostics, options: &LoadOptions, settings: &Settings) -> Option<Target> {
        let Some(entries) = self.targets.as_map() else {
            diags.push(wrong_type(self.targets, "targets", "a mapping of target names to connections"));
            return None;
        };
        let names: Vec<&str> = entries.iter().map(|(name, _)| name.value.as_str()).collect();
        let wanted = match (&options.target, &self.default) {
            (Some(name), _) => name.clone(),
            (None, Some(default)) => default.value.clone(),
            (None, None) if names.len() == 1 => names[0].to_owned(),
            (None, None) => {
                diags.push(
                    Diagnostic::error("missing-target", "there are several targets and none is the default")
                        .at(self.targets.span, format!("targets: {}", names.join(", ")))
                        .help(format!(
                            "add `target: {}` to the project file",
                            names.first().unwrap_or(&"dev")
                        )),
                );
                return None;
            }
        };
        let Some((name, yaml)) = entries.iter().find(|(name, _)| name.value == wanted) else {
            diags.push(self.unknown_target(&wanted, &names));
            return None;
        };
        // Only the chosen target is rendered and checked: the others may need what is not here.
        let yaml = settings.render_tree(diags, yaml, &[]);
        let severity = if self.profiled { Severity::Warning } else { Severity::Error };
        connection(diags, name, &yaml, &self.profile, severity)
    }

    fn unknown_target(&self, wanted: &str, names: &[&str]) -> Diagnostic {
        let diagnostic = Diagnostic::error("unknown-target", format!("there is no target `{wanted}`"));
        let diagnostic = match &self.default {
            Some(default) if default.value == wanted => {
                diagnostic.at(default.span, "named as the default here")
            }
            _ => diagnostic.at(self.targets.span, "the targets are listed here"),
        };
        diagnostic
            .note(format!("targets: {}", names.join(", ")))
            .help_opt(suggest::did_you_mean(wanted, names.iter().copied()))
    }
}

/// Keys of a connection whose values are secrets.
const SECRET_KEYS: [&str; 6] = ["password", "token", "secret", "key", "motherduck_token", "secrets"];

fn connection(
    diags: &mut Diagnostics,
    name: &Spanned<String>,
    yaml: &Yaml,
    profile: &str,
    severity: Severity,
) -> Option<Target> {
    let mut fields = Fields::new(diags, yaml, "a target")?;
    let kind = fields.string(diags, "type");
    if let Some(kind) = kind.filter(|it| it.value != "duckdb") {
        diags.push(
            Diagnostic::error(
                "unsupported-type",
                format!("`{}` is not an engine that Tidemill builds in", kind.value),
            )
            .at(kind.span, "only `duckdb` is")
            .note("other databases can be attached to DuckDB and read from there: see `attach:`"),
        );
        return None;
    }
    let path = fields.string(diags, "path");
    if let Some(path) =
        path.as_ref().filter(|it| it.value.starts_with("md:") || it.value.starts_with("motherduck:"))
    {
        diags.push(
            Diagnostic::error("unsupported-path", "MotherDuck databases are not supported")
                .at(path.span, "only files and `:memory:` are"),
        );
        return None;
    }
    let path = path.map_or_else(|| ":memory:".to_owned(), |it| it.value);
    let database = fields.string(diags, "database").map_or_else(|| database_name(&path), |it| it.value);
    let mut target = Target {
        name: name.value.clone(),
        profile: profile.to_owned(),
        database,
        path,
        schema: fields.string(diags, "schema").map_or_else(|| "main".to_owned(), |it| it.value),
        threads: threads(diags, &mut fields),
        settings: pairs(diags, &mut fields, "settings"),
        extensions: extensions(diags, &mut fields),
        attach: fields.list(diags, "attach").iter().filter_map(|it| attachment(diags, it)).collect(),
        secrets: Vec::new(),
        context: Json::Null,
        span: Some(name.span),
    };
    target.settings.extend(pairs(diags, &mut fields, "config_options"));
    fields.accept(&["retries", "keep_open", "disable_transactions", "external_root", "module_paths"]);
    for key in ["secrets", "filesystems", "plugins", "use_credential_provider", "remote", "is_ducklake"] {
        if fields.get(key).is_some() {
            diags.push(
                Diagnostic::warning("unsupported-key", format!("`{key}` of a target has no effect yet"))
                    .at_opt(fields.key(key).map(|it| it.span), "this key is ignored"),
            );
        }
    }
    fields.finish(diags, severity);
    target.secrets = secrets(yaml);
    target.context = context(&target, yaml.as_map().unwrap_or_default());
    Some(target)
}

fn threads(diags: &mut Diagnostics, fields: &mut Fields<'_>) -> Option<usize> {
    let text = fields.string(diags, "threads")?;
    match text.value.parse() {
        Ok(threads) if threads > 0 => Some(threads),
        Ok(_) | Err(_) => {
            diags.push(
                Diagnostic::error("wrong-type", "`threads` must be a whole number of at least 1")
                    .at(text.span, ""),
            );
            None
        }
    }
}

fn pairs(diags: &mut Diagnostics, fields: &mut Fields<'_>, key: &'static str) -> Vec<(String, String)> {
    let Some(yaml) = fields.get(key) else { return Vec::new() };
    let Some(entries) = yaml.as_map() else {
        diags.push(wrong_type(yaml, key, "a mapping of settings to values"));
        return Vec::new();
    };
    entries.iter().filter_map(|(name, value)| Some((name.value.clone(), scalar_text(value)?))).collect()
}

fn extensions(diags: &mut Diagnostics, fields: &mut Fields<'_>) -> Vec<String> {
    let names = fields.list(diags, "extensions").iter();
    // An extension is a name, or `{name: ..., repo: ...}`; where it was installed from does not matter for loading it.
    names.filter_map(|it| scalar_text(it).or_else(|| it.get("name").and_then(scalar_text))).collect()
}

fn attachment(diags: &mut Diagnostics, yaml: &Yaml) -> Option<Attachment> {
    let mut fields = Fields::new(diags, yaml, "an attached database")?;
    let Some(path) = fields.string(diags, "path") else {
        diags.push(
            Diagnostic::error("missing-key", "an attached database has no `path`")
                .at(yaml.span, "add `path:` here"),
        );
        return None;
    };
    let attachment = Attachment {
        path: path.value,
        alias: fields.string(diags, "alias").map(|it| it.value),
        kind: fields.string(diags, "type").map(|it| it.value),
        read_only: fields.bool(diags, "read_only").unwrap_or(false),
    };
    fields.accept(&["secret", "options", "is_ducklake"]);
    fields.finish(diags, Severity::Warning);
    Some(attachment)
}

/// The name DuckDB gives a file's database: the file's name without its last extension.
fn database_name(path: &str) -> String {
    if path == ":memory:" {
        return "memory".to_owned();
    }
    let path = path.split(['?', '#']).next().unwrap_or(path);
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned()
}

fn secrets(yaml: &Yaml) -> Vec<String> {
    let mut found = Vec::new();
    for (key, value) in yaml.as_map().unwrap_or_default() {
        if SECRET_KEYS.contains(&key.value.as_str()) {
            collect_texts(value, &mut found);
        } else {
            found.extend(secrets(value));
        }
    }
    found
}

fn collect_texts(yaml: &Yaml, found: &mut Vec<String>) {
    found.extend(yaml.as_str().filter(|it| !it.is_empty()).map(str::to_owned));
    for (_, value) in yaml.as_map().unwrap_or_default() {
        collect_texts(value, found);
    }
}

fn context(target: &Target, entries: &[(Spanned<String>, Yaml)]) -> Json {
    let mut context = serde_json::Map::new();
    for (key, value) in entries.iter().filter(|(key, _)| !SECRET_KEYS.contains(&key.value.as_str())) {
        context.insert(key.value.clone(), value.to_json());
    }
    for (key, value) in [
        ("name", json!(target.name)),
        ("target_name", json!(target.name)),
        ("profile_name", json!(target.profile)),
        ("type", json!("duckdb")),
        ("path", json!(target.path)),
        ("database", json!(target.database)),
        ("schema", json!(target.schema)),
        ("threads", json!(target.threads.unwrap_or(1))),
    ] {
        context.insert(key.to_owned(), value);
    }
    Json::Object(context)
}

fn no_profile(config: &ProjectConfig) -> Diagnostic {
    Diagnostic::error("missing-profile", "the project names no profile")
        .at(config.name.span, "")
        .help("add `profile: name` to the project file, or give `--profile name`")
}

fn no_targets(wanted: &str) -> Diagnostic {
    Diagnostic::error("unknown-target", format!("there is no target `{wanted}`: the project file lists none"))
        .help(format!("add it: `targets: {{{wanted}: {{type: duckdb, path: {wanted}.duckdb}}}}`"))
}

fn no_profiles_file(profile: &Wanted<'_>) -> Diagnostic {
    Diagnostic::error(
        "missing-profiles-file",
        format!("no profiles.yml was found for the profile `{}`", profile.name),
    )
    .at_opt(profile.span, "the project asks for this profile")
    .help("put profiles.yml beside the project file, or give its folder with `--profiles-dir`")
}

fn unknown_profile(profile: &Wanted<'_>, file: &ProfilesFile, yaml: &Yaml) -> Diagnostic {
    let names: Vec<&str> =
        yaml.as_map().unwrap_or_default().iter().map(|(name, _)| name.value.as_str()).collect();
    Diagnostic::error("unknown-profile", format!("there is no profile `{}` in {}", profile.name, file.path))
        .at_opt(profile.span, "the project asks for this profile")
        .note(format!("profiles: {}", names.join(", ")))
        .help_opt(suggest::did_you_mean(profile.name, names))
}
