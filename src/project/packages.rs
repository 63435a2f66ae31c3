//! Packages: dbt projects that a project uses, in the folder they were installed to.
//!
//! A filled `dbt_packages/` is used as it is. A package's files can be read, not written.

use std::collections::BTreeSet;

use super::config::{self, ProjectConfig};
use super::disk::PROJECT_FILES;
use super::files::{Files, Listed, ProjectPath};
use super::settings::Settings;
use super::{Dialect, ProjectFile, installed, reading};
use crate::diagnostics::{Diagnostic, Diagnostics, Severity, Sources};
use crate::yaml;

/// A package that a project uses.
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its project file, as content.
    pub config: ProjectConfig,
    /// Its variables: its own below those that the project sets.
    pub settings: Settings,
}

/// A package with the files that were read.
pub(super) struct Found {
    pub(super) package: Package,
    pub(super) files: Vec<ProjectFile>,
}

/// Reads every package in the project's package folder. `settings` hold no project's variables yet.
pub(super) fn find(
    diags: &mut Diagnostics,
    sources: &mut Sources,
    files: &dyn Files,
    config: &ProjectConfig,
    settings: &Settings,
) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for folder in package_folders(files, &config.packages_path) {
        let mut own = Diagnostics::default();
        let package = read(&mut own, sources, files, config, settings, &folder);
        // What a package could do better is for its authors to hear.
        own.take().into_iter().filter(|it| it.severity == Severity::Error).for_each(|it| diags.push(it));
        let Some(package) = package else { continue };
        let name = &package.package.name;
        if *name == config.name.value || found.iter().any(|it| it.package.name == *name) {
            diags.push(twice(name, &folder));
            continue;
        }
        found.push(package);
    }
    found.sort_by(|a, b| a.package.name.cmp(&b.package.name));
    found
}

/// The fault if a listed package is not among those that were found.
pub(super) fn missing(
    diags: &mut Diagnostics,
    sources: &mut Sources,
    files: &dyn Files,
    config: &ProjectConfig,
    settings: &Settings,
    found: &[Found],
) -> Option<Diagnostic> {
    let folders = package_folders(files, &config.packages_path);
    let folders = folders.iter().filter_map(|it| it.rsplit('/').next()).map(str::to_owned);
    let names = folders.chain(found.iter().map(|it| it.package.name.clone())).collect();
    installed::check(diags, sources, files, config, settings, &names)
}

/// Folders of the package folder that hold a dbt project.
fn package_folders(files: &dyn Files, packages_path: &str) -> BTreeSet<String> {
    let mut folders = BTreeSet::new();
    for name in files.folders(packages_path) {
        let folder = format!("{}/{name}", packages_path.trim_end_matches('/'));
        if PROJECT_FILES.iter().any(|file| files.exists(&ProjectPath::new(&format!("{folder}/{file}")))) {
            folders.insert(folder);
        }
    }
    folders
}

fn read(
    diags: &mut Diagnostics,
    sources: &mut Sources,
    files: &dyn Files,
    root: &ProjectConfig,
    settings: &Settings,
    folder: &str,
) -> Option<Found> {
    let path = PROJECT_FILES
        .iter()
        .map(|file| ProjectPath::new(&format!("{folder}/{file}")))
        .find(|path| files.exists(path))?;
    let (file, text) = reading::read_text(diags, sources, files, &path)?;
    let tree = yaml::parse(diags, file, &text)?;
    let config = config::read(diags, &tree, Dialect::Dbt, settings)?;
    let settings = settings.with_vars(&config.name.value, &[&config.vars, &root.vars]);
    let files = reading::read_files(diags, sources, files, &config, folder);
    Some(Found { package: Package { name: config.name.value.clone(), config, settings }, files })
}

fn twice(name: &str, folder: &str) -> Diagnostic {
    Diagnostic::error("duplicate-package", format!("there are two packages `{name}`"))
        .note(format!("one of them is in {folder}"))
}

/// Folders directly under a folder, from a listing of files.
pub(super) fn folders_of(listed: &[Listed], under: &str) -> Vec<String> {
    let mut names = BTreeSet::new();
    for entry in listed {
        if let Listed::File(path) = entry
            && let Some((name, _)) = path.inside(under).and_then(|it| it.split_once('/'))
        {
            names.insert(name.to_owned());
        }
    }
    names.into_iter().collect()
}
