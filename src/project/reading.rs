//! Finding a package's files and reading them as text.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::config::ProjectConfig;
use super::files::{Files, Listed, ProjectPath};
use super::{FileKind, ProjectFile, ignored};
use crate::diagnostics::{Diagnostic, Diagnostics, FileId, Sources, Span, Spanned};

/// One folder of a package's paths, and what its `.sql` files are.
struct Folder<'a> {
    declared: &'a Spanned<String>,
    /// From the project's folder.
    path: String,
    sql: FileKind,
}

fn folders<'a>(config: &'a ProjectConfig, root: &str) -> Vec<Folder<'a>> {
    let paths = &config.paths;
    [
        (&paths.models, FileKind::Model),
        (&paths.seeds, FileKind::Seed),
        (&paths.tests, FileKind::SingularTest),
        (&paths.macros, FileKind::Macro),
        (&paths.analyses, FileKind::Analysis),
        (&paths.snapshots, FileKind::Snapshot),
        (&paths.functions, FileKind::Function),
        (&paths.docs, FileKind::Docs),
    ]
    .into_iter()
    .flat_map(|(paths, sql)| paths.iter().map(move |declared| (declared, sql)))
    .map(|(declared, sql)| Folder { declared, path: join(root, &declared.value), sql })
    .collect()
}

fn kind_of(path: &ProjectPath, folder: &Folder<'_>) -> Option<FileKind> {
    let extension = path.extension();
    match (extension.as_str(), folder.sql) {
        ("yml" | "yaml", kind) => (kind != FileKind::Docs).then_some(FileKind::Properties),
        ("md", _) => Some(FileKind::Docs),
        ("csv", FileKind::Seed) => Some(FileKind::Seed),
        ("py" | "js", FileKind::Function) => Some(FileKind::ForeignFunction),
        ("py", FileKind::Model) => Some(FileKind::PythonModel),
        ("sql" | "csv", FileKind::SingularTest) => {
            let inside = path.inside(&folder.path).unwrap_or_default();
            match (extension.as_str(), inside.split('/').next()) {
                (_, Some("fixtures")) => Some(FileKind::Fixture),
                ("csv", _) => None,
                (_, Some("generic")) => Some(FileKind::Macro),
                _ => Some(FileKind::SingularTest),
            }
        }
        ("sql", FileKind::Seed | FileKind::Docs) => None,
        ("sql", kind) => Some(kind),
        _ => None,
    }
}

fn join(root: &str, folder: &str) -> String {
    let folder = folder.trim_start_matches("./").trim_end_matches('/');
    if root.is_empty() { folder.to_owned() } else { format!("{root}/{folder}") }
}

/// Finds the files of every folder of a package and reads them in parallel. `root` is the package's folder
/// from the project's, empty for the project itself.
pub(super) fn read_files(
    diags: &mut Diagnostics,
    sources: &mut Sources,
    files: &dyn Files,
    config: &ProjectConfig,
    root: &str,
) -> Vec<ProjectFile> {
    let package = &config.name.value;
    let ignored = ignored::read(diags, sources, files, root);
    let mut found: BTreeMap<ProjectPath, (FileKind, String)> = BTreeMap::new();
    for folder in folders(config, root) {
        if leads_outside(&folder.declared.value) {
            diags.push(outside(folder.declared));
            continue;
        }
        for listed in files.list(&folder.path) {
            match listed {
                Listed::File(path) if ignored.has(&path) => {}
                Listed::File(path) => {
                    if let Some(kind) = kind_of(&path, &folder) {
                        found.entry(path).or_insert((kind, folder.path.clone()));
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
                read.push(ProjectFile { id, path, package: package.clone(), kind, folder, text });
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

/// Reads one file; what stands in the way becomes a diagnostic.
pub(super) fn read_text(
    diags: &mut Diagnostics,
    sources: &mut Sources,
    files: &dyn Files,
    path: &ProjectPath,
) -> Option<(FileId, Arc<str>)> {
    read_text_as(diags, sources, files, path, path.as_str())
}

/// As [`read_text`], of a file that people know by another path.
pub(super) fn read_text_as(
    diags: &mut Diagnostics,
    sources: &mut Sources,
    files: &dyn Files,
    path: &ProjectPath,
    shown: &str,
) -> Option<(FileId, Arc<str>)> {
    match decode(path, files.read(path)) {
        Ok(text) => {
            let text: Arc<str> = Arc::from(text);
            Some((sources.add(shown, Arc::clone(&text)), text))
        }
        Err(fault) => {
            diags.push(fault.report(sources));
            None
        }
    }
}
