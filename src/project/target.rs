//! Which database to work in: inline `targets:` of a `project.yml`, or `profiles.yml` of a dbt project.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::config::ProjectConfig;
use super::credentials::SECRET_KEYS;
use super::{Dialect, LoadOptions, connection};
use crate::diagnostics::{Diagnostic, Diagnostics, Severity, Span, Spanned, suggest};
use crate::project::settings::Settings;
use crate::warehouse::{Attachment, Extension, Secret};
use crate::yaml::Yaml;
use crate::yaml::fields::{scalar_text, wrong_type};

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
    /// Engine settings for the moment of opening.
    pub config_options: Vec<(String, String)>,
    /// Extensions to load.
    pub extensions: Vec<Extension>,
    /// Further databases.
    pub attach: Vec<Attachment>,
    /// Whether the database at `path` is a DuckLake.
    pub is_lake: bool,
    /// Secrets to make when the database is opened.
    pub create_secrets: Vec<Secret>,
    /// Folder of external models that name no location.
    pub external_root: String,
    /// What is tried again, and how often.
    pub retries: Option<Retries>,
    /// Values of keys that hold secrets.
    pub secrets: Vec<String>,
    /// What templates see as `target`, without secrets.
    pub context: Json,
    /// Where the target is written; `None` for the default one.
    pub span: Option<Span>,
}

/// What is tried again, and how often (dbt-duckdb's words).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retries {
    /// Attempts to open the database.
    pub connect_attempts: usize,
    /// Attempts to make a node.
    pub query_attempts: usize,
    /// Classes of errors that are worth another attempt, such as `IOException`.
    pub exceptions: Vec<String>,
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
    /// The file to open, with a relative path taken from the folder; `None` in memory and for a DuckLake.
    pub fn file(&self, base: &Path) -> Option<PathBuf> {
        let is_file = !self.path.starts_with(":memory:") && self.lake().is_none();
        is_file.then(|| base.join(&self.path))
    }

    /// The DuckLake that models are built in, where `path` is one.
    pub fn lake(&self) -> Option<&str> {
        self.path.get(..9).filter(|it| it.eq_ignore_ascii_case("ducklake:")).map(|_| self.path.as_str())
    }

    /// The name of the database at `path`.
    pub fn own_database(&self) -> String {
        connection::database_name(&self.path)
    }

    /// Whether a database of this target is a DuckLake.
    pub fn is_lake(&self, database: &str) -> bool {
        let of_path = self.own_database();
        let attached = self.attach.iter().filter(|it| it.is_lake);
        let mut lakes =
            attached.map(|it| it.alias.clone().unwrap_or_else(|| connection::database_name(&it.path)));
        (self.is_lake && of_path.eq_ignore_ascii_case(database))
            || lakes.any(|it| it.eq_ignore_ascii_case(database))
    }

    /// The target of a project that names none: a file beside the project file.
    fn beside(project: &str) -> Self {
        let path = format!("{project}.duckdb");
        let mut target = Self {
            name: "default".to_owned(),
            profile: project.to_owned(),
            database: connection::database_name(&path),
            path,
            schema: "main".to_owned(),
            threads: None,
            settings: Vec::new(),
            config_options: Vec::new(),
            extensions: Vec::new(),
            attach: Vec::new(),
            is_lake: false,
            create_secrets: Vec::new(),
            external_root: ".".to_owned(),
            retries: None,
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
        connection::read(diags, name, &yaml, &self.profile, severity)
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

/// What templates see as `target`: the keys as written, without secrets.
pub(super) fn context(target: &Target, entries: &[(Spanned<String>, Yaml)]) -> Json {
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
