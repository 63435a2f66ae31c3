//! The report files of `--report`, and what GitHub Actions wants without being asked.

use std::path::{Path, PathBuf};

use crate::artifacts;
use crate::cli::Exit;
use crate::cli::args::Globals;
use crate::cli::environment::Environment;
use crate::cli::session::Session;
use crate::report::Format;
use crate::report::files::{self, About, Ending, ReportFormat};

/// Whether anything must be kept for the end.
pub(super) fn are_wanted(globals: &Globals, variables: &Environment) -> bool {
    !globals.reports.is_empty() || globals.annotations.unwrap_or(false) || is_on_github(variables)
}

fn is_on_github(variables: &Environment) -> bool {
    variables.get("GITHUB_ACTIONS").is_some_and(|it| it == "true")
}

/// Writes them all; the exit status is that of the command, unless all was good and a file cannot be written.
pub(super) fn write(session: &mut Session, command: &str, exit: Exit) -> Exit {
    if !are_wanted(&session.globals, &session.variables) {
        return exit;
    }
    let is_on_github = is_on_github(&session.variables);
    let summary = session.variables.get("GITHUB_STEP_SUMMARY").filter(|_| is_on_github).map(PathBuf::from);
    let annotates = session.globals.annotations.unwrap_or(is_on_github);
    let reports = session.globals.reports.clone();
    let about = about(session, command, exit);
    let (texts, summary_text, annotations) = {
        let recording = session.recording.borrow();
        let texts: Vec<String> = reports.iter().map(|it| it.format.render(&recording, &about)).collect();
        // A command that ran nothing and found nothing is not worth a summary.
        let is_worth_it = recording.started.is_some() || !recording.findings.is_empty();
        let summary = summary.filter(|_| is_worth_it);
        let summary = summary.map(|path| (path, ReportFormat::Markdown.render(&recording, &about)));
        (texts, summary, files::annotations(&recording, &about))
    };
    let mut written: Vec<_> =
        reports.iter().zip(&texts).map(|(it, text)| artifacts::write_report(&it.path, text)).collect();
    if let Some((path, text)) = summary_text {
        written.push(artifacts::append_report(&path, &text));
    }
    // Among JSON lines they would be no annotations, and the programs that read those have all of it.
    if annotates && session.globals.format() == Format::Text && !annotations.is_empty() {
        session.reporter.data(&annotations);
    }
    let mut all_written = true;
    for result in written {
        all_written &= session.write(result).is_ok();
    }
    if exit == Exit::Good && !all_written { Exit::CouldNotRun } else { exit }
}

fn about(session: &Session, command: &str, exit: Exit) -> About {
    About {
        command: command.to_owned(),
        tool_version: env!("CARGO_PKG_VERSION"),
        invocation_id: session.invocation_id.clone(),
        started_at: session.started_at.clone(),
        ending: match exit {
            Exit::Good => Ending::Success,
            Exit::Failed => Ending::Failure,
            Exit::CouldNotRun | Exit::NotReady => Ending::Error,
            Exit::Interrupted => Ending::Interrupted,
        },
        prefix: prefix(session),
    }
}

/// The project's folder in its repository: that of the CI system, else the nearest with a `.git`.
fn prefix(session: &Session) -> String {
    let Ok(project) = session.project_dir().canonicalize() else { return String::new() };
    let of_ci = ["GITHUB_WORKSPACE", "CI_PROJECT_DIR"].into_iter().find_map(|name| {
        let root = Path::new(session.variables.get(name)?).canonicalize().ok()?;
        project.starts_with(&root).then_some(root)
    });
    let root =
        of_ci.or_else(|| project.ancestors().find(|it| it.join(".git").exists()).map(Path::to_path_buf));
    let inside = root.as_deref().and_then(|root| project.strip_prefix(root).ok());
    let parts = inside.into_iter().flat_map(Path::components);
    parts.flat_map(|part| [part.as_os_str().to_string_lossy().into_owned(), "/".to_owned()]).collect()
}
