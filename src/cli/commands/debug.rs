//! `debug`: what is found, which target, whether it can be reached.

use crate::cli::Exit;
use crate::cli::args::VERSION;
use crate::cli::session::{Purpose, Session, Stopped};
use crate::project::Dialect;

/// Says step by step what the program finds; a step that fails ends it with its diagnostic.
pub(super) fn run(session: &mut Session) -> Result<Exit, Stopped> {
    session.reporter.data(&format!("tidemill       {VERSION}"));
    let platform = format!("platform       {}-{}", std::env::consts::OS, std::env::consts::ARCH);
    session.reporter.data(&platform);
    let loaded = session.load(Purpose::of("debug"))?;
    let (project, target) = (&loaded.project, &loaded.project.target);
    let dialect = match project.dialect {
        Dialect::Tidemill => "Tidemill's rules",
        Dialect::Dbt => "dbt's rules",
    };
    let mut lines = vec![
        format!("project        {} ({}, {dialect})", project.config.name.value, project.config_path.as_str()),
        format!("files          {}", project.files.len()),
        format!("profile        {}", target.profile),
        format!("target         {}", target.name),
        format!("database       {} (named `{}` in SQL)", target.path, target.database),
        format!("schema         {}", target.schema),
        format!("threads        {}", session.threads(project)),
    ];
    for (name, value) in &target.settings {
        lines.push(format!("setting        {name} = {value}"));
    }
    session.reporter.data(&lines.join("\n"));

    let exists = target.file(loaded.base()).is_none_or(|it| it.exists());
    // A look must not make a file that is not there; where there is one, it is only read.
    if !exists {
        session
            .reporter
            .data("connection     not tried: the database file does not exist yet; a build makes it");
        return Ok(Exit::Good);
    }
    let mut warehouse = session.connect(&loaded, true)?;
    let version = warehouse.version();
    match version {
        Ok(version) => session.reporter.data(&format!("connection     good: {version}")),
        Err(error) => {
            session.reporter.data(&format!("connection     failed: {error}"));
            return Ok(Exit::Failed);
        }
    }
    Ok(Exit::Good)
}
