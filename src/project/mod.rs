//! Phase 1, load: find and read files.
//!
//! In: a folder ([`Files`]), the environment and the command line's options. Out: a [`Project`] with the
//! project file read, the target chosen and the text of every file that a later phase may want.
//! Deliberately absent: what the files mean (that is `parse/`), and the database (nothing is opened).

pub mod config;
pub mod config_settings;
mod connection;
mod credentials;
pub mod disk;
pub mod files;
mod ignored;
mod installed;
pub mod package_list;
pub mod package_lock;
mod packages;
pub mod publish;
mod reading;
pub mod requirements;
mod runtime_config;
pub mod selectors;
pub mod settings;
pub mod sources_lock;
pub mod target;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde_json::{Value as Json, json};

use self::config::ProjectConfig;
use self::disk::PROJECT_FILES;
use self::files::{Files, ProjectPath};
pub use self::packages::Package;
use self::selectors::{NamedSelector, SELECTORS_FILE};
use self::settings::Settings;
use self::sources_lock::SourcesLock;
use self::target::{ProfilesFile, Target};
use crate::batch::RowsRead;
use crate::diagnostics::{Aborted, Diagnostic, Diagnostics, FileId, Severity, Sources};
use crate::node::Quoting;
use crate::template::Globals;
use crate::yaml;

/// Which rules a project follows where dbt and Tidemill differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// A `project.yml`: unknown keys are errors, `schema:` is the schema's name.
    Tidemill,
    /// A `dbt_project.yml`: dbt's rules.
    Dbt,
}

impl Dialect {
    /// How bad an unknown key is.
    pub fn unknown_key_severity(self) -> Severity {
        match self {
            Dialect::Tidemill => Severity::Error,
            Dialect::Dbt => Severity::Warning,
        }
    }
}

/// What the command line and the environment say.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// `--profile`.
    pub profile: Option<String>,
    /// `--target`.
    pub target: Option<String>,
    /// `--vars`.
    pub vars: BTreeMap<String, Json>,
    /// The process's environment.
    pub env: BTreeMap<String, String>,
    /// `profiles.yml`, if one was found.
    pub profiles: Option<ProfilesFile>,
    /// A unique name for this run of the program.
    pub invocation_id: String,
    /// When the program started, RFC 3339 in UTC.
    pub started_at: String,
    /// What templates see as `flags`.
    pub flags: Json,
}

/// What a file is, by the folder it is in and its extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    /// `.sql` in a model folder.
    Model,
    /// `.csv` in a seed folder.
    Seed,
    /// `.sql` in a test folder.
    SingularTest,
    /// `.sql` in a macro folder, or in `generic/` of a test folder.
    Macro,
    /// `.sql` in an analysis folder.
    Analysis,
    /// `.sql` in a snapshot folder.
    Snapshot,
    /// `.sql` in a function folder.
    Function,
    /// `.py` or `.js` in a function folder.
    ForeignFunction,
    /// `.yml` or `.yaml` in any of these folders.
    Properties,
    /// `.md` in any of these folders.
    Docs,
    /// `.py` in a model folder.
    PythonModel,
    /// `.csv` or `.sql` in `fixtures/` of a test folder.
    Fixture,
}

/// A file that was read.
#[derive(Clone, Debug)]
pub struct ProjectFile {
    /// Its text's id.
    pub id: FileId,
    /// Its path.
    pub path: ProjectPath,
    /// The package it belongs to.
    pub package: String,
    /// What it is.
    pub kind: FileKind,
    /// The folder of the package's paths that it was found in, such as `models`.
    pub folder: String,
    /// Its text; empty for seeds, which are read when they are loaded.
    pub text: Arc<str>,
}

/// A project's files and settings.
pub struct Project {
    /// Which rules it follows.
    pub dialect: Dialect,
    /// The project file, as content.
    pub config: ProjectConfig,
    /// The project file's path.
    pub config_path: ProjectPath,
    /// Where to work.
    pub target: Target,
    /// Variables, environment and what templates know about the run.
    pub settings: Settings,
    /// The packages it uses, without itself, by name.
    pub packages: Vec<Package>,
    /// The fault that listed packages are not there: nothing can be said of what uses them.
    pub missing_packages: Option<Diagnostic>,
    /// Selectors with names.
    pub selectors: Vec<NamedSelector>,
    /// The accepted shapes of sources; `None` if the project has no `sources.lock.yml`.
    pub sources_lock: Option<SourcesLock>,
    /// All files, those of packages too, sorted by path.
    pub files: Vec<ProjectFile>,
    /// Variables of the command line.
    pub cli_vars: Arc<BTreeMap<String, Json>>,
    /// Which rows the command line lets models read.
    pub rows_read: RowsRead,
    runtime: OnceLock<Arc<Json>>,
}

impl Project {
    /// Variables and environment as a package sees them.
    pub fn settings_of(&self, package: &str) -> &Settings {
        self.packages.iter().find(|it| it.name == package).map_or(&self.settings, |it| &it.settings)
    }

    /// The project's settings as dbt's runtime keeps them.
    pub fn runtime_config(&self) -> Arc<Json> {
        Arc::clone(self.runtime.get_or_init(|| Arc::new(runtime_config::runtime_config(self))))
    }

    /// A file's path as its own package has it: below the package's folder.
    pub fn path_in_package<'a>(&self, path: &'a ProjectPath) -> &'a str {
        let inside = path.inside(self.config.packages_path.trim_end_matches('/'));
        inside.and_then(|it| it.split_once('/')).map_or(path.as_str(), |it| it.1)
    }
}

/// Reads a project. Every fault that was found is in `diags`; `Err` means that there is no project to go on with.
pub fn load(
    diags: &mut Diagnostics,
    sources: &mut Sources,
    files: &dyn Files,
    options: &LoadOptions,
) -> Result<Project, Aborted> {
    let (dialect, config_path) = find_project_file(diags, files)?;
    let (file, text) = reading::read_text(diags, sources, files, &config_path).ok_or(Aborted)?;
    let tree = yaml::parse(diags, file, &text).ok_or(Aborted)?;
    let bare = Settings::new(options.vars.clone(), options.env.clone(), globals(options, "", &Json::Null));
    // The file names the target, and templates in the file may ask for the target: it is read twice.
    let first = config::read(&mut Diagnostics::default(), &tree, dialect, &bare);
    let mut of_target = Diagnostics::default();
    let target = first.as_ref().and_then(|config| {
        let settings = bare.with_vars(&config.name.value, &[&config.vars]);
        read_target(&mut of_target, sources, config, dialect, options, &settings)
    });
    let known = target.as_ref().map_or(&Json::Null, |it| &it.context);
    let with_target = bare.with_globals(globals(options, "", known));
    let config = config::read(diags, &tree, dialect, &with_target).ok_or(Aborted)?;
    diags.append(of_target);
    let settings = bare.with_vars(&config.name.value, &[&config.vars]);

    let mut read = reading::read_files(diags, sources, files, &config, "");
    let known = target.as_ref().map_or(&Json::Null, |it| &it.context);
    let of_target = Globals { quoting: config.quoting, ..globals(options, &config.name.value, known) };
    let mut packages = packages::find(diags, sources, files, &config, &bare.with_globals(of_target.clone()));
    let missing_packages = packages::missing(diags, sources, files, &config, &bare, &packages);
    for package in &mut packages {
        read.append(&mut package.files);
    }
    read.sort_by(|a, b| a.path.cmp(&b.path));
    let target = target.ok_or(Aborted)?;
    let settings = settings.with_globals(of_target);
    let selectors = read_selectors(diags, sources, files, dialect, &settings);
    let sources_lock = sources_lock::read(diags, sources, files);
    let packages = packages.into_iter().map(|it| it.package).collect();
    Ok(Project {
        dialect,
        config,
        config_path,
        target,
        settings,
        packages,
        missing_packages,
        selectors,
        sources_lock,
        files: read,
        cli_vars: Arc::clone(&bare.vars),
        rows_read: RowsRead::All,
        runtime: OnceLock::new(),
    })
}

fn read_selectors(
    diags: &mut Diagnostics,
    sources: &mut Sources,
    files: &dyn Files,
    dialect: Dialect,
    settings: &Settings,
) -> Vec<NamedSelector> {
    let path = ProjectPath::new(SELECTORS_FILE);
    if !files.exists(&path) {
        return Vec::new();
    }
    let Some((file, text)) = reading::read_text(diags, sources, files, &path) else { return Vec::new() };
    let Some(tree) = yaml::parse(diags, file, &text) else { return Vec::new() };
    let tree = settings.render_tree(diags, &tree, &["description"]);
    selectors::read(diags, &tree, dialect.unknown_key_severity())
}

fn globals(options: &LoadOptions, project: &str, target: &Json) -> Globals {
    Globals {
        target: target.clone(),
        project_name: project.to_owned(),
        invocation_id: options.invocation_id.clone(),
        run_started_at: options.started_at.clone(),
        flags: options.flags.clone(),
        quoting: Quoting::ALL,
    }
}

fn find_project_file(diags: &mut Diagnostics, files: &dyn Files) -> Result<(Dialect, ProjectPath), Aborted> {
    for (name, dialect) in PROJECT_FILES.iter().zip([Dialect::Tidemill, Dialect::Dbt]) {
        let path = ProjectPath::new(name);
        if files.exists(&path) {
            return Ok((dialect, path));
        }
    }
    diags.push(
        Diagnostic::error("missing-project", "there is no project.yml or dbt_project.yml in this folder")
            .help(
                "go to the project's folder, give it with `--project-dir`, or make one with `tidemill init`",
            ),
    );
    Err(Aborted)
}

fn read_target(
    diags: &mut Diagnostics,
    sources: &mut Sources,
    config: &ProjectConfig,
    dialect: Dialect,
    options: &LoadOptions,
    settings: &Settings,
) -> Option<Target> {
    let profiles = options.profiles.as_ref();
    // Inline targets need no profiles.yml: a broken one must not stand in their way.
    let wanted = config.targets.is_none() || options.profile.is_some();
    let tree = match profiles.filter(|_| wanted) {
        Some(file) => {
            let id = sources.add(file.path.clone(), file.text.as_str());
            Some((file, yaml::parse(diags, id, &file.text)?))
        }
        None => None,
    };
    let profiles = tree.as_ref().map(|(file, tree)| (*file, tree));
    target::choose(diags, config, dialect, profiles, options, settings)
}

/// What templates know about a command that has no project yet.
pub fn bare_globals(invocation_id: &str, started_at: &str, command: &str) -> Globals {
    Globals {
        target: Json::Null,
        project_name: String::new(),
        invocation_id: invocation_id.to_owned(),
        run_started_at: started_at.to_owned(),
        flags: flags(command, false, false, false),
        quoting: Quoting::ALL,
    }
}

/// `flags` as templates see them.
pub fn flags(command: &str, full_refresh: bool, fail_fast: bool, store_failures: bool) -> Json {
    json!({
        "WHICH": command,
        "FULL_REFRESH": full_refresh,
        "FAIL_FAST": fail_fast,
        "STORE_FAILURES": store_failures,
        // dbt's own default: packages cut what they log to it.
        "PRINTER_WIDTH": 80,
    })
}
