//! `clean`: delete what a build leaves in folders.

use std::fs;
use std::io;

use crate::cli::Exit;
use crate::cli::session::{Loaded, Purpose, Session, Stopped};
use crate::diagnostics::{Diagnostic, Spanned};

/// Deletes the folders of `clean-targets`, or the target folder; never one outside the project or one
/// that the project's files are in.
pub(super) fn run(session: &mut Session) -> Result<Exit, Stopped> {
    let loaded = session.load(Purpose::of("clean"))?;
    let config = &loaded.project.config;
    let default = [Spanned::new(config.target_path.clone(), config.span)];
    let targets = if config.clean_targets.is_empty() { &default[..] } else { &config.clean_targets };
    for target in targets {
        if let Some(fault) = refusal(&loaded, target) {
            return Err(session.fail(fault));
        }
    }
    for target in targets {
        match fs::remove_dir_all(loaded.dir.join(&target.value)) {
            Ok(()) => session.info(&format!("deleted {}", target.value)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                let message = format!("cannot delete `{}`", target.value);
                let fault = Diagnostic::error("undeletable-folder", message).note(error.to_string());
                return Err(session.fail(fault));
            }
        }
    }
    Ok(Exit::Good)
}

/// Why a folder is not deleted.
fn refusal(loaded: &Loaded, target: &Spanned<String>) -> Option<Diagnostic> {
    let parts: Vec<&str> =
        target.value.split(['/', '\\']).filter(|it| !it.is_empty() && *it != ".").collect();
    let is_absolute = target.value.starts_with('/') || target.value.contains(':');
    let refuse = |message: &str| {
        Diagnostic::error("unsafe-clean", format!("`{}` is not deleted: {message}", target.value))
            .at(target.span, "in the list of what to clean")
    };
    if parts.is_empty() || is_absolute || parts.contains(&"..") {
        return Some(refuse("it is not a folder inside the project"));
    }
    let paths = &loaded.project.config.paths;
    let sources = [
        &paths.models,
        &paths.seeds,
        &paths.tests,
        &paths.macros,
        &paths.analyses,
        &paths.snapshots,
        &paths.functions,
    ];
    let cleaned = parts.join("/");
    let is_source = sources.iter().flat_map(|it| it.iter()).any(|source| {
        let source = source.value.trim_start_matches("./").trim_end_matches('/');
        source == cleaned || source.starts_with(&format!("{cleaned}/"))
    });
    is_source.then(|| refuse("the project's own files are in it"))
}
