//! Phase 7, write: what a project is and what happened in a run, in files that tools made for dbt read.
//!
//! In: the phases' types and a [`Stamp`]. Out, below the project's `target` folder: `manifest.json`
//! (schema v12), `run_results.json` (schema v6), `sources.json` (schema v3) and `compiled/`, the SQL as it was rendered,
//! if asked for with its way back to the files. Orchestrators,
//! catalogs, CI checks and our docs site read them; `tidemill` itself never depends on them, so the folder
//! can be deleted at any time. Types that are on disk live here and nowhere else. Deliberately absent:
//! environment variables, absolute paths and the clock; the same input gives the same bytes, but for what
//! the stamp says.

mod catalog;
mod compiled;
mod manifest;
mod metadata;
mod previous;
mod run_results;
mod source_map;
mod sources;
mod state;

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value as Json;

use crate::compile::Compiled;
use crate::diagnostics::Sources;
use crate::diagnostics::scrub::Scrubber;
use crate::graph::Graph;
use crate::parse::{Body, DataTest, ParsedNode, TestKind};
use crate::project::Project;
use crate::run::RunResults;

pub use self::catalog::{CatalogFile, catalog};
pub use self::manifest::{Manifest, ManifestInput, manifest, project_graph};
pub use self::previous::{PreviousRun, read_previous_run};
pub use self::run_results::{RunResultsFile, run_results};
pub use self::sources::{SourcesFile, sources};
pub use self::state::read_state;

/// What artifacts say about the run of the program that wrote them.
#[derive(Clone, Debug)]
pub struct Stamp {
    /// When, RFC 3339 in UTC.
    pub generated_at: String,
    /// The run's unique id.
    pub invocation_id: String,
    /// The command and its flags, as run results repeat them; no secrets, no absolute paths.
    pub args: Json,
}

/// A file that could not be written.
#[derive(Debug)]
pub struct OutputError {
    /// What was to be done, as it follows `cannot`: `write the manifest`.
    pub action: &'static str,
    /// The file or folder.
    pub path: String,
    /// What the system says.
    pub cause: io::Error,
}

impl OutputError {
    /// Whether there was no room left for the file.
    pub fn is_disk_full(&self) -> bool {
        matches!(self.cause.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }
}

impl fmt::Display for OutputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} `{}`", self.action, self.path)
    }
}

impl std::error::Error for OutputError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

/// The folder that artifacts are written to. A reader sees a whole file or the one before, never a part.
#[derive(Clone, Debug)]
pub struct Output {
    dir: PathBuf,
    scrubber: Scrubber,
}

impl Output {
    /// The folder need not exist.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), scrubber: Scrubber::default() }
    }

    /// The same folder, into which no secret is written.
    #[must_use]
    pub fn hiding(self, scrubber: Scrubber) -> Self {
        Self { scrubber, ..self }
    }

    /// Writes `manifest.json`.
    pub fn write_manifest(&self, input: &ManifestInput<'_>, stamp: &Stamp) -> Result<(), OutputError> {
        self.write_json("manifest.json", "write the manifest", &manifest(input, stamp))
    }

    /// Writes `run_results.json`.
    pub fn write_run_results(
        &self,
        project: &Project,
        graph: &Graph,
        compiled: &Compiled,
        results: &RunResults,
        stamp: &Stamp,
    ) -> Result<(), OutputError> {
        let file = run_results(project, graph, compiled, results, stamp);
        self.write_json("run_results.json", "write the run results", &file)
    }

    /// Writes `sources.json`, here or wherever it is wanted.
    pub fn write_sources(&self, path: &Path, file: &SourcesFile<'_>) -> Result<(), OutputError> {
        if let Some(folder) = path.parent().filter(|it| !it.as_os_str().is_empty()) {
            make_folder(folder)?;
        }
        replace(path, "write the freshness of sources to", |writer| {
            writer.write_all(self.scrubber.hide(&serde_json::to_string(file)?).as_bytes())
        })
    }

    /// Writes `compiled/<package>/...`: one file for each model, analysis and test with SQL.
    pub fn write_compiled(
        &self,
        project: &Project,
        graph: &Graph,
        compiled: &Compiled,
    ) -> Result<(), OutputError> {
        let files: Vec<(PathBuf, &str)> = compiled
            .nodes
            .iter()
            .filter(|(id, _)| graph.node(**id).package == project.config.name.value)
            .filter_map(|(id, it)| Some((compiled::file(graph.node(*id))?, it.sql.text.as_str())))
            .map(|(file, sql)| (self.dir.join("compiled").join(file), sql))
            .collect();
        let folders: BTreeSet<&Path> = files.iter().filter_map(|(path, _)| path.parent()).collect();
        for folder in folders {
            make_folder(folder)?;
        }
        for (path, sql) in &files {
            let sql = self.scrubber.hide(sql);
            // Replacing a file makes some file systems wait for the disk, and most files stay as they are.
            if !fs::read(path).is_ok_and(|old| old == sql.as_bytes()) {
                replace(path, "write the compiled SQL", |writer| writer.write_all(sql.as_bytes()))?;
            }
        }
        Ok(())
    }

    /// Writes `*.sql.map.json` beside the compiled SQL of models, snapshots, analyses and singular tests. SQL in which a
    /// secret is hidden has none, since places would be wrong.
    pub fn write_maps(
        &self,
        project: &Project,
        graph: &Graph,
        compiled: &Compiled,
        sources: &Sources,
    ) -> Result<(), OutputError> {
        for (id, it) in &compiled.nodes {
            let node = graph.node(*id);
            let is_own = node.package == project.config.name.value && !is_generic_test(node);
            let Some(file) = compiled::file(node).filter(|_| is_own && !it.sql.segments.is_empty()) else {
                continue;
            };
            let path = self.dir.join("compiled").join(format!("{file}.map.json"));
            if self.scrubber.hide(&it.sql.text) != it.sql.text {
                let _ = fs::remove_file(&path);
                continue;
            }
            path.parent().map_or(Ok(()), make_folder)?;
            let map = source_map::source_map(sources, node.unique_id.as_str(), node.path.as_str(), &it.sql);
            replace(&path, "write the map", |writer| Ok(serde_json::to_writer(writer, &map)?))?;
        }
        Ok(())
    }

    /// Writes `catalog.json`.
    pub fn write_catalog(&self, catalog: &CatalogFile<'_>) -> Result<(), OutputError> {
        self.write_json("catalog.json", "write the catalog", catalog)
    }

    /// Writes a file of the docs site; folders in its name are made.
    pub fn write_page(&self, name: &str, content: &[u8]) -> Result<(), OutputError> {
        let path = self.dir.join(name);
        path.parent().map_or(Ok(()), make_folder)?;
        replace(&path, "write the docs site", |writer| writer.write_all(content))
    }

    /// The text of an artifact that this or an earlier command wrote; `None` if there is none that is text.
    pub fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.dir.join(name)).ok()
    }

    /// Removes a folder of files that are made anew.
    pub fn remove_folder(&self, name: &str) -> Result<(), OutputError> {
        let path = self.dir.join(name);
        match fs::remove_dir_all(&path) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                Err(OutputError { action: "remove the folder", path: path.display().to_string(), cause })
            }
            _ => Ok(()),
        }
    }

    fn write_json(
        &self,
        name: &str,
        action: &'static str,
        content: &impl Serialize,
    ) -> Result<(), OutputError> {
        make_folder(&self.dir)?;
        let path = self.dir.join(name);
        if self.scrubber.is_empty() {
            return replace(&path, action, |writer| Ok(serde_json::to_writer(writer, content)?));
        }
        replace(&path, action, |writer| {
            writer.write_all(self.scrubber.hide(&serde_json::to_string(content)?).as_bytes())
        })
    }
}

/// Writes the accepted shapes of sources.
pub fn write_sources_lock(path: &Path, text: &str) -> Result<(), OutputError> {
    replace(path, "write the accepted sources to", |writer| writer.write_all(text.as_bytes()))
}

/// Writes a report for another program, and the folders it is in. What is no plain file (a pipe, `/dev/stdout`)
/// is written to as it is.
pub fn write_report(path: &Path, text: &str) -> Result<(), OutputError> {
    let action = "write the report";
    if let Some(folder) = path.parent().filter(|it| !it.as_os_str().is_empty()) {
        make_folder(folder)?;
    }
    if fs::metadata(path).is_ok_and(|it| !it.is_file()) {
        let failed = |cause| OutputError { action, path: path.display().to_string(), cause };
        return fs::write(path, text).map_err(failed);
    }
    replace(path, action, |writer| writer.write_all(text.as_bytes()))
}

/// Adds a report to a file that other programs add to as well, as the summary of a step of GitHub Actions.
pub fn append_report(path: &Path, text: &str) -> Result<(), OutputError> {
    let appended = File::options().create(true).append(true).open(path);
    let written = appended.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|cause| OutputError {
        action: "add the report to",
        path: path.display().to_string(),
        cause,
    })
}

/// Whether nobody wrote a query, but only a test's name.
fn is_generic_test(node: &ParsedNode) -> bool {
    matches!(node.body, Body::Test(DataTest { kind: TestKind::Generic(_), .. }))
}

fn make_folder(path: &Path) -> Result<(), OutputError> {
    let action = "create the folder";
    fs::create_dir_all(path).map_err(|cause| OutputError { action, path: path.display().to_string(), cause })
}

/// Writes a new file beside the old one and puts it in its place.
fn replace(
    path: &Path,
    action: &'static str,
    content: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), OutputError> {
    // One process writes one file at a time, so its id is enough to tell temporary files apart.
    let temporary = path.with_file_name(format!(".tidemill-{}.tmp", std::process::id()));
    let written = fill(&temporary, content).and_then(|()| fs::rename(&temporary, path));
    written.map_err(|cause| {
        // What went wrong first is what matters; there may be no temporary file at all.
        let _ = fs::remove_file(&temporary);
        OutputError { action, path: path.display().to_string(), cause }
    })
}

fn fill(path: &Path, content: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    const BUFFER: usize = 64 * 1024;
    let mut writer = BufWriter::with_capacity(BUFFER, File::create(path)?);
    content(&mut writer)?;
    writer.flush()
}

#[cfg(test)]
mod tests;
