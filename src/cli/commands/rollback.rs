//! `rollback`: put an old version of the database file in the place of the published one.

use std::fmt::Write as _;

use crate::cli::Exit;
use crate::cli::args::command::RollbackArgs;
use crate::cli::connecting::cannot_open;
use crate::cli::session::{Loaded, Purpose, Session, Stopped};
use crate::diagnostics::{Diagnostic, suggest};
use crate::run;
use crate::warehouse::duckdb::publishing::{KeptVersion, Scratch, bytes, kept_versions};
use crate::warehouse::{ErrorKind, WarehouseError};

/// Lists the versions, or goes back to one.
pub(super) fn run(session: &mut Session, args: &RollbackArgs) -> Result<Exit, Stopped> {
    session.listen_for_interrupts();
    let loaded = session.load(Purpose::of("rollback"))?;
    let path = loaded.project.target.path.clone();
    let Some(file) = loaded.project.target.file(loaded.base()) else {
        let fault = Diagnostic::error("unsupported-publish", format!("`{path}` is no database file"));
        return Err(session.fail(fault));
    };
    let versions = kept_versions(&file);
    if args.list {
        session.reporter.data(&list(&versions));
        return Ok(Exit::Good);
    }
    let version = choose(session, &path, &versions, args.version.as_deref())?;
    go_back(session, &loaded, &version)?;
    session.info(&format!("published the version {} of {path}; the one before is kept", version.name));
    Ok(Exit::Good)
}

fn list(versions: &[KeptVersion]) -> String {
    let mut text = String::new();
    for version in versions {
        let _ = writeln!(text, "{}  {}", version.name, bytes(version.size));
    }
    text
}

fn choose(
    session: &mut Session,
    path: &str,
    versions: &[KeptVersion],
    wanted: Option<&str>,
) -> Result<KeptVersion, Stopped> {
    let found = match wanted {
        None => versions.first(),
        Some(name) => versions.iter().find(|it| it.name == name),
    };
    if let Some(found) = found {
        return Ok(found.clone());
    }
    let names = versions.iter().map(|it| it.name.as_str());
    Err(session.fail(match wanted {
        Some(name) if !versions.is_empty() => {
            let message = format!("there is no version `{name}` of `{path}`");
            let help = suggest::did_you_mean(name, names);
            Diagnostic::error("unknown-version", message)
                .help(help.unwrap_or_else(|| "`tidemill rollback --list` shows them".to_owned()))
        }
        _ => Diagnostic::error("unknown-version", format!("no old version of `{path}` is kept"))
            .help("`publish: {mode: run, keep: 3}` in the project file keeps three"),
    }))
}

/// The old version is copied, learns of the runs after it, and takes the place of the published file.
fn go_back(session: &mut Session, loaded: &Loaded, version: &KeptVersion) -> Result<(), Stopped> {
    let options = session.connect_options(loaded, false);
    let target = &loaded.project.target;
    let (id, stop) = (session.invocation_id.clone(), session.stop.clone());
    let database = target.own_database();
    let (carried, also) =
        run::of_later_runs(&database, &id, (&loaded.project.config.name.value, &target.name));
    let gone_back = || -> Result<(), WarehouseError> {
        let scratch = Scratch::of_version(&options, &id, &mut |_| !stop.is_requested(), &version.path)?;
        scratch.take_from_published(&carried, &also)?;
        scratch.check(&[])?;
        scratch.publish_keeping_all()
    };
    gone_back().map_err(|error| match error.kind {
        ErrorKind::Interrupted => session.fail(Diagnostic::error("interrupted", "the run was interrupted")),
        _ => session.fail(cannot_open(&target.path, &error)),
    })
}
