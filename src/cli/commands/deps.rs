//! `deps`: install the packages that a project asks for.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::cli::Exit;
use crate::cli::args::command::{DepsArgs, PackageOrigin};
use crate::cli::environment::Environment;
use crate::cli::session::{Session, Stopped};
use crate::deps::add::{Addition, AdditionKind};
use crate::deps::{self, Progress, Surroundings, Wish};
use crate::diagnostics::{Aborted, Diagnostic, Diagnostics};
use crate::project::package_lock::LOCK_FILE;
use crate::report::numbers;
use crate::run::event::LogLevel;

/// The public hub.
const HUB: &str = "https://hub.getdbt.com/";

/// Locks and installs packages.
pub(super) fn run(session: &mut Session, args: &DepsArgs) -> Result<Exit, Stopped> {
    let add = args.add_package.as_ref().map(|text| addition(text, args.source)).transpose();
    let add = add.map_err(|fault| session.fail(fault))?;
    let wish = Wish { upgrade: args.upgrade, lock_only: args.lock, add };
    let dir = session.project_dir();
    let settings = session.settings("deps")?;
    session.listen_for_interrupts();
    let stop = Arc::clone(&session.stop);
    let is_stopped = move || stop.is_requested();
    let env = Arc::clone(&settings.env);
    let around = Surroundings {
        dir: &dir,
        hub: hub(&env),
        cache: cache(&env),
        is_offline: session.globals.offline.unwrap_or(false),
        checks_versions: session.globals.version_check.unwrap_or(true),
        env: &env,
        is_stopped: &is_stopped,
    };
    let mut diags = Diagnostics::default();
    let (reporter, sources) = (&mut session.reporter, &mut session.sources);
    let mut report = |progress: &Progress| reporter.log(LogLevel::Info, &line(progress));
    let done = deps::run(&mut diags, sources, &around, &settings, &wish, &mut report);
    let is_interrupted = diags.all().iter().any(|it| it.code == "interrupted");
    match (session.report(diags), done) {
        (Ok(()), Ok(())) => Ok(Exit::Good),
        (Err(Stopped(_)), _) | (_, Err(Aborted)) => {
            Err(Stopped(if is_interrupted { Exit::Interrupted } else { Exit::CouldNotRun }))
        }
    }
}

fn line(progress: &Progress) -> String {
    match progress {
        Progress::Added { package, list, replaced } => {
            let instead: Vec<String> = replaced.iter().filter(|it| *it != package).cloned().collect();
            let instead = if instead.is_empty() {
                String::new()
            } else {
                format!(" instead of {}", instead.join(", "))
            };
            format!("added {package} to {list}{instead}")
        }
        Progress::NothingListed => "no packages are listed in packages.yml".to_owned(),
        Progress::Locked => format!("wrote {LOCK_FILE}"),
        Progress::Ready { name, version, from, newer: None } => format!("{name}  {version}  ({from})"),
        Progress::Ready { name, version, from, newer: Some(newer) } => {
            format!("{name}  {version}  ({from}; there is a newer one: {newer})")
        }
        Progress::Installed { count, folder } => {
            format!("installed {} into {folder}", numbers::count(*count, "package"))
        }
    }
}

/// `name@version`, as typed. The last `@` counts: addresses may have one of their own.
fn addition(text: &str, origin: PackageOrigin) -> Result<Addition, Diagnostic> {
    let is_version = |it: &str| !it.is_empty() && !it.contains(['/', ':']);
    let split = text.rsplit_once('@').filter(|it| is_version(it.1));
    let (package, version) = match split {
        Some((package, version)) => (package.to_owned(), Some(version.to_owned())),
        None => (text.to_owned(), None),
    };
    let kind = match origin {
        PackageOrigin::Hub => AdditionKind::Hub,
        PackageOrigin::Git => AdditionKind::Git,
        PackageOrigin::Local => AdditionKind::Local,
    };
    if version.is_none() && kind != AdditionKind::Local {
        return Err(Diagnostic::error("missing-version", format!("`--add-package {text}` has no version"))
            .help(format!("write it behind an `@`: --add-package {text}@1.0.0")));
    }
    Ok(Addition { package, version, kind })
}

fn hub(env: &Environment) -> String {
    let given = ["TIDEMILL_HUB_URL", "DBT_PACKAGE_HUB_URL"].iter().find_map(|it| env.get(*it));
    let url = given.filter(|it| !it.is_empty()).map_or(HUB, String::as_str);
    format!("{}/", url.trim_end_matches('/'))
}

/// Where fetched packages are kept.
fn cache(env: &BTreeMap<String, String>) -> Option<PathBuf> {
    let path = |name: &str| env.get(name).filter(|it| !it.is_empty()).map(PathBuf::from);
    path("XDG_CACHE_HOME")
        .or_else(|| path("LOCALAPPDATA"))
        .or_else(|| path("HOME").map(|it| it.join(".cache")))
        .map(|it| it.join("tidemill").join("packages"))
}
