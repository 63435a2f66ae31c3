//! What every command begins with: flags, clock, reporter; project loaded and resolved; connection opened.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::artifacts::{ManifestInput, Output, OutputError, Stamp, project_graph};
use crate::batch::RowsRead;
use crate::cli::Exit;
use crate::cli::args::Globals;
use crate::cli::environment::Environment;
use crate::cli::report_files;
use crate::compile::Compiled;
use crate::diagnostics::scrub::{self, Scrubber};
use crate::diagnostics::{Aborted, Diagnostic, Diagnostics, Sources};
use crate::graph::{self, Graph};
use crate::lint;
use crate::parse;
use crate::project::disk::{Disk, PROJECT_FILES};
use crate::project::settings::Settings;
use crate::project::target::ProfilesFile;
use crate::project::{self, Dialect, LoadOptions, Project};
use crate::report::recording::{Recorder, Recording};
use crate::report::{self, ReportOptions, Reporter};
use crate::run::event::LogLevel;
use crate::run::{Clock, Stop};
use crate::yaml;

/// Where the files of the built-in macros are said to be.
const BUILTIN_FOLDER: &str = "builtin/";

/// One invocation of the program.
pub(super) struct Session {
    pub(super) globals: Globals,
    pub(super) sources: Sources,
    pub(super) reporter: Box<dyn Reporter>,
    pub(super) invocation_id: String,
    pub(super) started_at: String,
    pub(super) clock: Arc<SystemClock>,
    pub(super) stop: Arc<Stop>,
    pub(super) variables: Environment,
    pub(super) recording: Rc<RefCell<Recording>>,
}

/// A command cannot go on; what is wrong was reported.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stopped(pub(super) Exit);

/// What commands about a command's meaning need to know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Purpose {
    /// The command's name.
    pub(super) command: &'static str,
    /// `--full-refresh`.
    pub(super) full_refresh: bool,
    pub(super) store_failures: bool,
    /// Whether all queries are checked before anything is run.
    pub(super) checks: bool,
    /// `--wait-for-sources`.
    pub(super) wait_for_sources: Option<Duration>,
    /// `--empty` and `--sample`.
    pub(super) rows_read: RowsRead,
}

impl Purpose {
    pub(super) fn of(command: &'static str) -> Self {
        Self {
            command,
            full_refresh: false,
            store_failures: false,
            checks: false,
            wait_for_sources: None,
            rows_read: RowsRead::All,
        }
    }
}

/// The system's clock.
pub(super) struct SystemClock {
    started: Instant,
}

impl Clock for SystemClock {
    fn now(&self) -> String {
        now()
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

/// Now, in UTC, to the microsecond.
fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// Where a project is, and where it is read from.
pub(super) struct Loaded {
    pub(super) project: Project,
    pub(super) disk: Disk,
    pub(super) dir: PathBuf,
}

impl Loaded {
    /// The folder that relative paths of the target begin in: the project's for targets of its own, the
    /// working folder for those of a profile, as in dbt-duckdb.
    pub(super) fn base(&self) -> &Path {
        match self.project.dialect {
            Dialect::Tidemill => &self.dir,
            Dialect::Dbt => Path::new("."),
        }
    }
}

impl Session {
    pub(super) fn new(globals: Globals, variables: Environment) -> Self {
        let invocation_id = uuid::Uuid::new_v4().to_string();
        let scrubber = Scrubber::new(&scrub::secrets_of(&variables));
        let reporter = report::for_standard_streams(ReportOptions {
            format: globals.format(),
            verbosity: globals.verbosity(),
            color: globals.color(),
            width: globals.width,
            is_plain: globals.plain.unwrap_or(false),
            is_utf8: is_utf8(&variables),
            clock: Box::new(now),
            invocation_id: invocation_id.clone(),
            scrubber: scrubber.clone(),
        });
        let recording = Rc::default();
        let reporter = if report_files::are_wanted(&globals, &variables) {
            Box::new(Recorder::new(reporter, Rc::clone(&recording), scrubber))
        } else {
            reporter
        };
        let started_at = now();
        let clock = Arc::new(SystemClock { started: Instant::now() });
        let (sources, stop) = (Sources::default(), Arc::default());
        Self { globals, sources, reporter, invocation_id, started_at, clock, stop, variables, recording }
    }

    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.reporter.finish()
    }

    /// Makes Ctrl-C stop the run in good order, and a second one stop the program.
    pub(super) fn listen_for_interrupts(&self) {
        let stop = Arc::clone(&self.stop);
        // Where no handler can be installed, Ctrl-C ends the process; the engine recovers from that.
        let _ = ctrlc::set_handler(move || {
            if stop.is_requested() {
                std::process::exit(130);
            }
            stop.request();
        });
    }

    /// Reports faults; stops if one of them is an error.
    pub(super) fn report(&mut self, mut diags: Diagnostics) -> Result<(), Stopped> {
        let has_errors = diags.has_errors();
        let mut list = diags.take();
        // One fault can be found on two ways, or in a setting that many nodes share; it is shown once.
        let mut seen = BTreeSet::new();
        list.retain(|it| seen.insert((it.code, it.message.clone(), it.primary.as_ref().map(|it| it.span))));
        if !list.is_empty() {
            self.reporter.diagnostics(&self.sources, &list);
        }
        if has_errors {
            self.reporter.stopped();
            return Err(Stopped(Exit::CouldNotRun));
        }
        Ok(())
    }

    /// Reports one error and stops.
    pub(super) fn fail(&mut self, diagnostic: Diagnostic) -> Stopped {
        let exit = if diagnostic.code == "interrupted" { Exit::Interrupted } else { Exit::CouldNotRun };
        self.reporter.diagnostics(&self.sources, &[diagnostic]);
        self.reporter.stopped();
        Stopped(exit)
    }

    /// `--project-dir`, else this folder or the nearest above it that has a project file, else this folder.
    pub(super) fn project_dir(&self) -> PathBuf {
        if let Some(dir) = &self.globals.project_dir {
            return dir.clone();
        }
        let is_project = |dir: &Path| PROJECT_FILES.iter().any(|name| dir.join(name).is_file());
        let here = PathBuf::from(".");
        if is_project(&here) {
            return here;
        }
        let above = std::env::current_dir().ok();
        let above = above.as_deref().and_then(|it| it.ancestors().find(|dir| is_project(dir)));
        above.map_or(here, Path::to_path_buf)
    }

    /// Loads the project.
    pub(super) fn load(&mut self, purpose: Purpose) -> Result<Loaded, Stopped> {
        let mut diags = Diagnostics::default();
        let loaded = self.load_with(&mut diags, purpose)?;
        self.report(diags)?;
        loaded.map_err(|Aborted| Stopped(Exit::CouldNotRun))
    }

    /// Loads the project; its faults are left in `diags`.
    fn load_with(
        &mut self,
        diags: &mut Diagnostics,
        purpose: Purpose,
    ) -> Result<Result<Loaded, Aborted>, Stopped> {
        let dir = self.project_dir();
        if !dir.is_dir() {
            let message = format!("there is no folder `{}`", dir.display());
            return Err(self.fail(Diagnostic::error("missing-project", message)));
        }
        let vars = self.vars()?;
        let mut flags = project::flags(
            purpose.command,
            purpose.full_refresh,
            self.globals.fail_fast.unwrap_or(false),
            purpose.store_failures,
        );
        flags["EMPTY"] = (purpose.rows_read == RowsRead::Empty).into();
        flags["VERSION_CHECK"] = self.globals.version_check.unwrap_or(true).into();
        let options = LoadOptions {
            profile: self.globals.profile.clone(),
            target: self.globals.target.clone(),
            vars,
            env: self.variables.clone(),
            profiles: self.profiles(&dir)?,
            invocation_id: self.invocation_id.clone(),
            started_at: self.started_at.clone(),
            flags,
        };
        let disk = Disk::new(&dir);
        let project = project::load(diags, &mut self.sources, &disk, &options);
        Ok(project.map(|mut project| {
            project.rows_read = purpose.rows_read;
            Loaded { project, disk, dir }
        }))
    }

    /// Loads the project and makes its graph. Both live as long as the process: it ends with the command,
    /// and taking a large graph apart would cost more than a tenth of the time to read it.
    pub(super) fn resolve(&mut self, purpose: Purpose) -> Result<(&'static Loaded, &'static Graph), Stopped> {
        // Faults of the project file and of the files it leads to are shown together.
        let mut diags = Diagnostics::default();
        let resolved = self.load_with(&mut diags, purpose)?.and_then(|loaded| {
            if let Some(fault) = &loaded.project.missing_packages {
                diags.push(fault.clone());
                return Err(Aborted);
            }
            let parsed = parse::parse(&mut diags, &mut self.sources, &loaded.project);
            let graph = graph::resolve(&mut diags, parsed);
            // `lint` says more about it, with what nodes say themselves.
            if purpose.command != "lint" {
                lint::config::check(&mut diags, &loaded.project, &graph);
            }
            Ok((&*Box::leak(Box::new(loaded)), &*Box::leak(Box::new(graph))))
        });
        self.report(diags)?;
        let (loaded, graph) = resolved.map_err(|Aborted| Stopped(Exit::CouldNotRun))?;
        self.show_project(loaded, graph);
        Ok((loaded, graph))
    }

    /// Makes `graph` for templates, if a file of the project mentions it.
    fn show_project(&self, loaded: &Loaded, graph: &Graph) {
        // A built-in macro that is called by name asks for it too.
        let words = ["graph", "register_upstream_external_models"];
        if !words.iter().any(|it| self.sources.mention_outside(it, BUILTIN_FOLDER)) {
            return;
        }
        let stamp = Stamp {
            generated_at: self.started_at.clone(),
            invocation_id: self.invocation_id.clone(),
            args: Json::Null,
        };
        let input = ManifestInput {
            project: &loaded.project,
            graph,
            compiled: None,
            sources: &self.sources,
            files: &loaded.disk,
        };
        graph.shown.project.get_or_init(|| Arc::new(project_graph(&input, &stamp)));
    }

    /// Variables of the command line and the environment, for a command that needs no target.
    pub(super) fn settings(&mut self, command: &str) -> Result<Settings, Stopped> {
        let globals = project::bare_globals(&self.invocation_id, &self.started_at, command);
        Ok(Settings::new(self.vars()?, self.variables.clone(), globals))
    }

    fn vars(&mut self) -> Result<BTreeMap<String, Json>, Stopped> {
        let Some(text) = self.globals.vars.clone() else { return Ok(BTreeMap::new()) };
        let problem = match yaml::parse_value(&text) {
            Ok(Json::Object(vars)) => return Ok(vars.into_iter().collect()),
            Ok(Json::Null) => return Ok(BTreeMap::new()),
            Ok(_) => "it is not a mapping".to_owned(),
            Err(problem) => problem,
        };
        let fault = Diagnostic::error("invalid-vars", format!("`--vars` cannot be read: {problem}"));
        Err(self.fail(fault.help("write it as YAML: --vars '{name: value, other: 3}'")))
    }

    /// `profiles.yml`: in `--profiles-dir`, else in the working folder, the project's folder or `~/.dbt`.
    fn profiles(&mut self, project_dir: &Path) -> Result<Option<ProfilesFile>, Stopped> {
        let given = self.globals.profiles_dir.clone();
        let home = self.variables.get("HOME").or_else(|| self.variables.get("USERPROFILE"));
        let candidates = match &given {
            Some(dir) => vec![dir.clone()],
            None => [
                Some(PathBuf::from(".")),
                Some(project_dir.to_path_buf()),
                home.map(|it| Path::new(it).join(".dbt")),
            ]
            .into_iter()
            .flatten()
            .collect(),
        };
        for dir in &candidates {
            let path = dir.join("profiles.yml");
            match fs::read_to_string(&path) {
                Ok(text) => {
                    let shown =
                        path.strip_prefix(".").or_else(|_| path.strip_prefix(project_dir)).unwrap_or(&path);
                    return Ok(Some(ProfilesFile { path: shown.display().to_string(), text }));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    let message = format!("cannot read `{}`", path.display());
                    let fault = Diagnostic::error("unreadable-file", message).note(error.to_string());
                    return Err(self.fail(fault));
                }
            }
        }
        match given {
            Some(dir) => {
                let message = format!("there is no profiles.yml in `{}`", dir.display());
                Err(self.fail(Diagnostic::error("missing-profiles-file", message)))
            }
            None => Ok(None),
        }
    }

    pub(super) fn threads(&self, project: &Project) -> NonZeroUsize {
        let cores = || std::thread::available_parallelism().ok();
        let of_target = project.target.threads.and_then(NonZeroUsize::new);
        self.globals.threads.or(of_target).or_else(cores).unwrap_or(NonZeroUsize::MIN)
    }

    /// Where artifacts go.
    pub(super) fn target_dir(&self, loaded: &Loaded) -> PathBuf {
        if let Some(path) = &self.globals.target_path {
            return path.clone();
        }
        without_dot(&loaded.dir.join(&loaded.project.config.target_path)).to_path_buf()
    }

    /// Where artifacts are, for a command that begins with them: of the project, nothing is reported yet.
    pub(super) fn artifacts_dir(&mut self) -> Result<PathBuf, Stopped> {
        let mut diags = Diagnostics::default();
        let loaded = self.load_with(&mut diags, Purpose::of("retry"))?;
        if let Ok(loaded) = loaded {
            return Ok(self.target_dir(&loaded));
        }
        self.report(diags)?;
        Err(Stopped(Exit::CouldNotRun))
    }

    /// The folder for artifacts.
    pub(super) fn output(&self, loaded: &Loaded) -> Output {
        let secrets = loaded.project.settings.secrets();
        Output::new(self.target_dir(loaded)).hiding(Scrubber::new(&secrets))
    }

    /// Writes the manifest, or reports why not.
    pub(super) fn write_manifest(
        &mut self,
        output: &Output,
        loaded: &Loaded,
        graph: &Graph,
        compiled: Option<&Compiled>,
        stamp: &Stamp,
    ) -> Result<(), Stopped> {
        let input = ManifestInput {
            project: &loaded.project,
            graph,
            compiled,
            sources: &self.sources,
            files: &loaded.disk,
        };
        let written = output.write_manifest(&input, stamp);
        self.write(written)
    }

    /// Reports an artifact that could not be written.
    pub(super) fn write(&mut self, result: Result<(), OutputError>) -> Result<(), Stopped> {
        result.map_err(|error| {
            let code = if error.is_disk_full() { "disk-full" } else { "unwritable-file" };
            self.fail(Diagnostic::error(code, error.to_string()).note(error.cause.to_string()))
        })
    }

    pub(super) fn info(&mut self, message: &str) {
        self.reporter.log(LogLevel::Info, message);
    }
}

/// Whether the terminal is set to UTF-8, as programs are told: by the first of these variables that is set. Windows has none
/// of them and shows UTF-8.
fn is_utf8(variables: &Environment) -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].iter().filter_map(|it| variables.get(*it));
    let locale = set.into_iter().find(|it| !it.is_empty()).map(|it| it.to_lowercase());
    cfg!(windows) || locale.is_some_and(|it| it.contains("utf-8") || it.contains("utf8"))
}

/// A path for people: `./x` is `x`.
pub(super) fn without_dot(path: &Path) -> &Path {
    path.strip_prefix(".").unwrap_or(path)
}
