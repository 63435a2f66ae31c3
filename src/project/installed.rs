//! Whether the packages that a project lists are there, and in the versions that are locked.

use std::collections::BTreeSet;

use super::config::ProjectConfig;
use super::disk::PROJECT_FILES;
use super::files::{Files, ProjectPath};
use super::package_list::{self, PackageSource, PackageSpec};
use super::package_lock::{self, INSTALLED_FILE, LOCK_FILE, PackageLock};
use super::settings::Settings;
use crate::diagnostics::{Diagnostic, Diagnostics, Sources};
use crate::yaml;

/// Looks for listed packages among the names of those that were found. Gives the fault if some are not there,
/// and warns of those that are there in another version than is locked.
pub(super) fn check(
    diags: &mut Diagnostics,
    sources: &mut Sources,
    files: &dyn Files,
    config: &ProjectConfig,
    settings: &Settings,
    found: &BTreeSet<String>,
) -> Option<Diagnostic> {
    // What is wrong in these files is for `deps` to say: packages that are there are used as they are.
    let mut ignored = Diagnostics::default();
    let list = package_list::read(&mut ignored, sources, files, "", settings)?;
    let lock = package_lock::read(&mut ignored, sources, files, LOCK_FILE, settings);
    let installed = format!("{}/{INSTALLED_FILE}", config.packages_path.trim_end_matches('/'));
    let installed = package_lock::read(&mut ignored, sources, files, &installed, settings);
    if let (Some(lock), Some(installed)) = (&lock, &installed) {
        warn_of_other_versions(diags, lock, installed, &config.packages_path);
    }
    let mut unaccounted = found.clone();
    let mut missing = Vec::new();
    let mut unknown = Vec::new();
    for spec in &list.specs {
        match name_of(sources, files, spec, lock.as_ref()) {
            Some(name) if found.contains(&name) => {
                unaccounted.remove(&name);
            }
            Some(_) => missing.push(spec),
            None => unknown.push(spec),
        }
    }
    // A repository's name need not be its package's. As long as there are packages that nothing else accounts
    // for, one of them can be it.
    for spec in unknown {
        let guess = repository(&spec.source.shown());
        let guessed = unaccounted.iter().find(|it| repository(it) == guess).cloned();
        match guessed.or_else(|| unaccounted.first().cloned()) {
            Some(name) => {
                unaccounted.remove(&name);
            }
            None => missing.push(spec),
        }
    }
    report(&missing, &config.packages_path)
}

/// The name of a listed package's project, as far as it can be known.
fn name_of(
    sources: &mut Sources,
    files: &dyn Files,
    spec: &PackageSpec,
    lock: Option<&PackageLock>,
) -> Option<String> {
    if spec.name.is_some() {
        return spec.name.clone();
    }
    let shown = |it: &PackageSpec| it.source.shown().trim_end_matches(".git").to_owned();
    let locked = lock.and_then(|lock| lock.specs.iter().find(|it| shown(it) == shown(spec)));
    if let Some(name) = locked.and_then(|it| it.name.clone()) {
        return Some(name);
    }
    match &spec.source {
        PackageSource::Local { path } => {
            let path = |file: &&str| ProjectPath::new(&format!("{path}/{file}"));
            let text = PROJECT_FILES.iter().find_map(|file| files.read(&path(file)).ok())?;
            let text = String::from_utf8(text).ok()?;
            let file = sources.add(spec.source.shown(), text.as_str());
            let tree = yaml::parse(&mut Diagnostics::default(), file, &text)?;
            tree.get("name").and_then(yaml::fields::scalar_text)
        }
        PackageSource::Hub { package, .. } => package.rsplit('/').next().map(str::to_owned),
        PackageSource::Git { .. } | PackageSource::Tarball { .. } => None,
    }
}

/// The last part of an address, in the form that names of packages have.
fn repository(address: &str) -> String {
    let last = address.trim_end_matches('/').trim_end_matches(".git");
    let last = last.rsplit(['/', ':']).next().unwrap_or(last).to_lowercase().replace('-', "_");
    last.strip_prefix("dbt_").map(str::to_owned).unwrap_or(last)
}

fn report(missing: &[&PackageSpec], packages_path: &str) -> Option<Diagnostic> {
    let (first, rest) = missing.split_first()?;
    let names: Vec<String> = missing.iter().map(|it| format!("`{}`", it.source.shown())).collect();
    let message = if rest.is_empty() {
        format!("the package {} is not installed", names[0])
    } else {
        format!("the packages {} are not installed", names.join(", "))
    };
    let listed = "listed here";
    let fault = Diagnostic::error("missing-package", message).at(first.span, listed);
    let fault = rest.iter().fold(fault, |fault, it| fault.and_at(it.span, listed));
    Some(fault.help(format!("run `tidemill deps` to install into {packages_path}/")))
}

fn warn_of_other_versions(
    diags: &mut Diagnostics,
    lock: &PackageLock,
    installed: &PackageLock,
    packages_path: &str,
) {
    for wanted in &lock.specs {
        let same_name = |it: &&PackageSpec| it.name.is_some() && it.name == wanted.name;
        let Some(found) = installed.specs.iter().find(same_name) else { continue };
        let name = wanted.name.clone().unwrap_or_default();
        let content = |lock: &PackageLock| lock.contents.get(&name).map(|it| it.sha256.clone());
        let (ours, theirs) = (version(found), version(wanted));
        let differs = ours != theirs
            || content(lock).zip(content(installed)).is_some_and(|(wanted, found)| wanted != found);
        if differs {
            let message = format!("the package `{name}` in {packages_path}/ is not the one that is locked");
            diags.push(
                Diagnostic::warning("package-not-as-locked", message)
                    .at(wanted.span, format!("{theirs} is locked, {ours} is installed"))
                    .help("run `tidemill deps` to install what is locked"),
            );
        }
    }
}

/// A locked package's version for people, or where it comes from if it has none.
fn version(spec: &PackageSpec) -> String {
    match &spec.source {
        PackageSource::Hub { versions, .. } => versions.join(", "),
        PackageSource::Git { revision, .. } => revision.clone().unwrap_or_default(),
        PackageSource::Local { .. } | PackageSource::Tarball { .. } => spec.source.shown(),
    }
}
