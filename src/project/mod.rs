//! Phase 1, load: find and read files.
//!
//! In: a folder ([`Files`]), the environment and the command line's options. Out: a [`Project`] with the
//! project file read, the target chosen and the text of every file that a later phase may want.
//! Deliberately absent: what the files mean (that is `parse/`), and the database (nothing is opened).

pub mod config;
pub mod disk;
pub mod files;
pub mod settings;
pub mod target;

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;
use serde_json::{Value as Json, json};

use self::config::ProjectConfig;
use self::disk::PROJECT_FILES;
use self::files::{Files, Listed, ProjectPath};
use self::settings::Settings;
use self::target::{ProfilesFile, Target};
use crate::diagnostics::{Aborted, Diagnostic, Diagnostics, FileId, Severity, Sources, Span, Spanned};
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
    /// `.yml` or `.yaml` in any of these folders.
    Properties,
    /// `.md` in any of these folders.
    Docs,
    /// `.py` in a model folder.
    PythonModel,
}

/// A file that was read.
#[derive(Clone, Debug)]
pub struct ProjectFile {
    /// Its text's id.
    pub id: FileId,
    /// Its path.
    pub path: ProjectPath,
    /// What it is.
    pub kind: FileKind,
    /// The folder of the project's paths that it was found in, such as `models`.
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
    /// All files, sorted by path.
    pub files: Vec<ProjectFile>,
}

/// Reads a project. Every fault that was found is in `diags`; `Err` means that there is no project to go on with.
pub fn load(
    diags: &mut Diagnostics,
    sources: &mut Sources,
    files: &dyn Files,
    options: &LoadOptions,
) -> Result<Project, Aborted> {
    let (dialect, config_path) = find_project_file(diags, files)?;
    let (file, text) = read_text(diags, sources, files, &config_path).ok_or(Aborted)?;
    let tree = yaml::parse(diags, file, &text).ok_or(Aborted)?;
    let settings =
        Settings::new(options.vars.clone(), options.env.clone(), globals(options, "", &Json::Null));
    let config = config::read(diags, &tree, dialect, &settings).ok_or(Aborted)?;
    let settings = settings.with_project_vars(&config.name.value, &config.vars);

    let target = read_target(diags, sources, &config, dialect, options, &settings);
    let files = read_files(diags, sources, files, &config);
    let target = target.ok_or(Aborted)?;
    let settings = settings.with_globals(globals(options, &config.name.value, &target.context));
    Ok(Project { dialect, config, config_path, target, settings, files })
}

fn globals(options: &LoadOptions, project: &str, target: &Json) -> Globals {
    Globals {
        target: target.clone(),
        project_name: project.to_owned(),
        invocation_id: options.invocation_id.clone(),
        run_started_at: options.started_at.clone(),
        flags: options.flags.clone(),
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

/// One folder of the project's paths, and what its `.sql` files are.
struct Folder<'a> {
    path: &'a Spanned<String>,
    sql: FileKind,
}

fn folders(config: &ProjectConfig) -> Vec<Folder<'_>> {
    let paths = &config.paths;
    [
        (&paths.models, FileKind::Model),
        (&paths.seeds, FileKind::Seed),
        (&paths.tests, FileKind::SingularTest),
        (&paths.macros, FileKind::Macro),
        (&paths.analyses, FileKind::Analysis),
        (&paths.snapshots, FileKind::Snapshot),
        (&paths.docs, FileKind::Docs),
    ]
    .into_iter()
    .flat_map(|(paths, sql)| paths.iter().map(move |path| Folder { path, sql }))
    .collect()
}

fn kind_of(path: &ProjectPath, folder: &Folder<'_>) -> Option<FileKind> {
    let extension = path.extension();
    match (extension.as_str(), folder.sql) {
        ("yml" | "yaml", kind) => (kind != FileKind::Docs).then_some(FileKind::Properties),
        ("md", _) => Some(FileKind::Docs),
        ("csv", FileKind::Seed) => Some(FileKind::Seed),
        ("py", FileKind::Model) => Some(FileKind::PythonModel),
        ("sql", FileKind::SingularTest) => {
            let generic = path.inside(&folder.path.value).is_some_and(|it| it.starts_with("generic/"));
            Some(if generic { FileKind::Macro } else { FileKind::SingularTest })
        }
        ("sql", FileKind::Seed | FileKind::Docs) => None,
        ("sql", kind) => Some(kind),
        _ => None,
    }
}

/// Finds the files of every folder and reads them in parallel.
fn read_files(
    diags: &mut Diagnostics,
    sources: &mut Sources,
    files: &dyn Files,
    config: &ProjectConfig,
) -> Vec<ProjectFile> {
    let mut found: BTreeMap<ProjectPath, (FileKind, String)> = BTreeMap::new();
    for folder in folders(config) {
        if leads_outside(&folder.path.value) {
            diags.push(outside(folder.path));
            continue;
        }
        for listed in files.list(&folder.path.value) {
            match listed {
                Listed::File(path) => {
                    if let Some(kind) = kind_of(&path, &folder) {
                        found.entry(path).or_insert((kind, folder.path.value.clone()));
                    }
                }
                Listed::Unreadable { path, error } => diags.push(unreadable(path.as_str(), &error)),
            }
        }
    }
    let contents: Vec<_> = found
        .par_iter()
        .map(|(path, (kind, _))| match kind {
            FileKind::Seed => Ok(String::new()),
            _ => decode(path, files.read(path)),
        })
        .collect();
    let mut read = Vec::with_capacity(contents.len());
    for ((path, (kind, folder)), content) in found.into_iter().zip(contents) {
        match content {
            Ok(text) => {
                let text: Arc<str> = Arc::from(text);
                let id = sources.add(path.as_str(), Arc::clone(&text));
                read.push(ProjectFile { id, path, kind, folder, text });
            }
            Err(fault) => diags.push(fault.report(sources)),
        }
    }
    read
}

fn leads_outside(path: &str) -> bool {
    path.split(['/', '\\']).any(|part| part == "..")
}

fn outside(path: &Spanned<String>) -> Diagnostic {
    Diagnostic::error("path-outside-project", format!("`{}` leads out of the project", path.value))
        .at(path.span, "a project's folders are inside it")
}

/// A file that could not be taken as text.
struct Unusable {
    path: ProjectPath,
    problem: Problem,
}

enum Problem {
    Io(std::io::Error),
    NotUtf8 { before: String, line: usize, byte: u8 },
}

impl Unusable {
    fn report(self, sources: &mut Sources) -> Diagnostic {
        match self.problem {
            Problem::Io(error) => unreadable(self.path.as_str(), &error),
            Problem::NotUtf8 { before, line, byte } => {
                let end = before.len();
                let file = sources.add(self.path.as_str(), before);
                Diagnostic::error("not-utf8", format!("`{}` is not UTF-8 text", self.path.as_str()))
                    .at(Span::new(file, end..end), format!("line {line} goes on with the byte 0x{byte:02x}"))
                    .help("save the file as UTF-8")
            }
        }
    }
}

fn decode(path: &ProjectPath, bytes: std::io::Result<Vec<u8>>) -> Result<String, Unusable> {
    let fault = |problem| Unusable { path: path.clone(), problem };
    let bytes = bytes.map_err(|error| fault(Problem::Io(error)))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let byte = error.as_bytes()[good];
        let before = String::from_utf8_lossy(&error.as_bytes()[..good]).into_owned();
        let line = before.matches('\n').count() + 1;
        fault(Problem::NotUtf8 { before, line, byte })
    })?;
    // A byte order mark is no part of the text.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn unreadable(path: &str, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error("unreadable-file", format!("cannot read `{path}`")).note(error.to_string())
}

fn read_text(
    diags: &mut Diagnostics,
    sources: &mut Sources,
    files: &dyn Files,
    path: &ProjectPath,
) -> Option<(FileId, Arc<str>)> {
    match decode(path, files.read(path)) {
        Ok(text) => {
            let text: Arc<str> = Arc::from(text);
            Some((sources.add(path.as_str(), Arc::clone(&text)), text))
        }
        Err(fault) => {
            diags.push(fault.report(sources));
            None
        }
    }
}

/// `flags` as templates see them.
pub fn flags(command: &str, full_refresh: bool, fail_fast: bool) -> Json {
    json!({ "WHICH": command, "FULL_REFRESH": full_refresh, "FAIL_FAST": fail_fast, "STORE_FAILURES": false })
}
