//! `init`: a small project that builds.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::Exit;
use crate::cli::args::command::InitArgs;
use crate::cli::session::{Session, Stopped, without_dot};
use crate::diagnostics::Diagnostic;
use crate::project::disk::PROJECT_FILES;

/// Files of a new project: path and text, in which `@NAME@` stands for the project's name.
const FILES: [(&str, &str); 7] = [
    ("project.yml", include_str!("init/project.yml")),
    ("seeds/products.csv", include_str!("init/products.csv")),
    ("seeds/seeds.yml", include_str!("init/seeds.yml")),
    ("models/staging/stg_sales.sql", include_str!("init/stg_sales.sql")),
    ("models/marts/product_sales.sql", include_str!("init/product_sales.sql")),
    ("models/models.yml", include_str!("init/models.yml")),
    (".gitignore", include_str!("init/gitignore")),
];

/// Writes the files, overwriting none.
pub(super) fn run(session: &mut Session, args: &InitArgs) -> Result<Exit, Stopped> {
    let base = session.globals.project_dir.clone().unwrap_or_else(|| PathBuf::from("."));
    let dir =
        args.name.as_ref().map_or_else(|| base.clone(), |name| without_dot(&base.join(name)).to_path_buf());
    let name = match &args.name {
        Some(name) => name.clone(),
        None => folder_name(&base),
    };
    let name = project_name(&name);
    if let Some(existing) = PROJECT_FILES.iter().find(|it| dir.join(it).exists()) {
        let message = format!("`{}` is a project already", dir.display());
        return Err(
            session.fail(Diagnostic::error("project-exists", message).note(format!("it has a {existing}")))
        );
    }
    for (path, text) in FILES {
        let path = dir.join(path);
        if path.exists() {
            continue;
        }
        let written = write(&path, &text.replace("@NAME@", &name));
        written.map_err(|error| {
            let message = format!("cannot write `{}`", path.display());
            session.fail(Diagnostic::error("unwritable-file", message).note(error.to_string()))
        })?;
    }
    let go_there = args.name.as_ref().map(|name| format!("cd {name} && ")).unwrap_or_default();
    session.info(&format!("the project `{name}` is ready: {go_there}tidemill build"));
    Ok(Exit::Good)
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)
}

fn folder_name(dir: &Path) -> String {
    let full: PathBuf = dir.canonicalize().unwrap_or_else(|_| dir.to_path_buf());
    full.file_name().map_or_else(|| "project".to_owned(), |it| it.to_string_lossy().into_owned())
}

/// A name made of what project names may hold.
fn project_name(text: &str) -> String {
    let last = text.rsplit(['/', '\\']).next().unwrap_or(text);
    let name: String = last.chars().map(|it| if it.is_ascii_alphanumeric() { it } else { '_' }).collect();
    if name.starts_with(|it: char| it.is_ascii_digit()) || name.is_empty() {
        format!("p_{name}")
    } else {
        name
    }
}
