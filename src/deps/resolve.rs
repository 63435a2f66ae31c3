//! From what is asked for to one version of every package, those that packages ask for included.
//!
//! Level by level, as dbt does it: a package is looked at with all that was asked of it so far, and what it
//! asks for comes with the next level. In the end each package has one version that suits all who asked.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::faults::{self, Fault};
use super::pinned::{Pinned, PinnedSource};
use super::store::Store;
use super::version::{Range, Version, newest};
use crate::diagnostics::{Diagnostic, Diagnostics, Sources, Span};
use crate::project::disk::Disk;
use crate::project::package_list::{self, PackageSource, PackageSpec, without_credentials};
use crate::project::settings::Settings;
use crate::yaml;

/// Who asked for a package, where and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Request {
    by: String,
    span: Span,
    versions: String,
}

/// A package with all that was asked of it.
#[derive(Clone, Debug)]
struct Listed {
    source: PackageSource,
    name: Option<String>,
    /// All that were asked for, of a git package.
    revisions: BTreeSet<String>,
    requests: Vec<Request>,
}

/// Packages in the order in which they were asked for first.
#[derive(Default)]
struct Listing {
    packages: Vec<(String, Listed)>,
}

impl Listing {
    /// Adds a package, or what is asked of it to what was asked before.
    fn add(&mut self, new: Listed) -> Result<(), Fault> {
        let names = names(&new.source);
        let Some((_, old)) = self.packages.iter_mut().find(|it| names.contains(&it.0)) else {
            self.packages.push((names[0].clone(), new));
            return Ok(());
        };
        match (&mut old.source, &new.source) {
            (PackageSource::Hub { versions, .. }, PackageSource::Hub { versions: more, .. }) => {
                versions.extend(more.iter().cloned());
            }
            (PackageSource::Git { warn_unpinned, .. }, PackageSource::Git { warn_unpinned: other, .. }) => {
                *warn_unpinned = *warn_unpinned && *other;
            }
            (PackageSource::Local { .. }, PackageSource::Local { .. })
            | (PackageSource::Tarball { .. }, PackageSource::Tarball { .. }) => {}
            _ => return Err(of_two_kinds(old, &new)),
        }
        old.revisions.extend(new.revisions);
        for request in new.requests {
            if !old.requests.contains(&request) {
                old.requests.push(request);
            }
        }
        Ok(())
    }

    fn find(&self, source: &PackageSource) -> Option<&Listed> {
        let names = names(source);
        self.packages.iter().find(|it| names.contains(&it.0)).map(|it| &it.1)
    }
}

/// The names that mean the same package, its own first.
fn names(source: &PackageSource) -> Vec<String> {
    match source {
        PackageSource::Git { url, subdirectory, .. } => {
            let other = url.strip_suffix(".git").map_or_else(|| format!("{url}.git"), str::to_owned);
            let inner = |url: &str| match subdirectory {
                Some(folder) => format!("{url}/{folder}"),
                None => url.to_owned(),
            };
            vec![inner(url), inner(&other)]
        }
        PackageSource::Local { path } => vec![path.clone()],
        PackageSource::Tarball { url, .. } => vec![url.clone()],
        PackageSource::Hub { package, .. } => vec![package.clone()],
    }
}

fn listed(spec: &PackageSpec, by: &str) -> Listed {
    let (versions, revisions) = match &spec.source {
        PackageSource::Hub { versions, .. } => (versions.join(", "), BTreeSet::new()),
        PackageSource::Git { revision, .. } => {
            (revision.clone().unwrap_or_default(), revision.iter().cloned().collect())
        }
        PackageSource::Local { .. } | PackageSource::Tarball { .. } => (String::new(), BTreeSet::new()),
    };
    let request = Request { by: by.to_owned(), span: spec.span, versions };
    Listed { source: spec.source.clone(), name: spec.name.clone(), revisions, requests: vec![request] }
}

/// What a resolution works with.
pub(super) struct Resolver<'a, 'b> {
    pub(super) diags: &'a mut Diagnostics,
    pub(super) sources: &'a mut Sources,
    pub(super) settings: &'a Settings,
    pub(super) store: &'a mut Store<'b>,
    pub(super) dir: &'a std::path::Path,
}

impl Resolver<'_, '_> {
    /// One version of every package.
    pub(super) fn resolve(&mut self, specs: &[PackageSpec], project: &str) -> Result<Vec<Pinned>, Fault> {
        let mut pending = Listing::default();
        for spec in specs {
            pending.add(listed(spec, "the project"))?;
        }
        let mut all = Listing::default();
        let mut seen = BTreeSet::new();
        while !pending.packages.is_empty() {
            let mut next = Listing::default();
            for (_, package) in pending.packages {
                let source = package.source.clone();
                all.add(package)?;
                let Some(package) = all.find(&source).cloned() else { continue };
                let pinned = self.pin(&package)?;
                // Packages that ask for each other would never end.
                if !seen.insert(pinned.identity()) {
                    continue;
                }
                let asked = self.asked_by(&pinned)?;
                for spec in &asked {
                    next.add(listed(spec, &format!("the package `{}`", pinned.name)))?;
                }
            }
            pending = next;
        }
        let mut resolved = Vec::new();
        let mut places: BTreeMap<String, (String, Span)> = BTreeMap::new();
        for (_, package) in &all.packages {
            let pinned = self.pin(package)?;
            if pinned.name == project {
                return Err(Box::new(same_as_project(&pinned)));
            }
            if let Some(first) = places.get(&pinned.name) {
                return Err(Box::new(twice(&pinned, first)));
            }
            places.insert(pinned.name.clone(), (pinned.shown(), pinned.span));
            resolved.push(pinned);
        }
        Ok(resolved)
    }

    /// The version that suits all who asked.
    fn pin(&mut self, package: &Listed) -> Result<Pinned, Fault> {
        let span = package.requests[0].span;
        let source = match &package.source {
            PackageSource::Local { path } => PinnedSource::Local { path: path.clone() },
            PackageSource::Tarball { url, written } => {
                PinnedSource::Tarball { url: url.clone(), written: written.clone() }
            }
            PackageSource::Git { url, written, subdirectory, warn_unpinned, .. } => {
                if package.revisions.len() > 1 {
                    return Err(Box::new(two_revisions(package)));
                }
                let revision = package.revisions.first().map_or("HEAD", String::as_str);
                let found = self.store.revision(url, revision, Some(span))?;
                if *warn_unpinned && matches!(revision, "HEAD" | "main" | "master") {
                    self.warn_unpinned(url, revision, span);
                }
                PinnedSource::Git {
                    url: url.clone(),
                    written: written.clone(),
                    commit: found.commit,
                    subdirectory: subdirectory.clone(),
                    tag: found.is_tag.then(|| revision.to_owned()),
                }
            }
            PackageSource::Hub { package: name, versions, install_prerelease } => {
                let version = self.choose(package, name, versions, *install_prerelease)?;
                PinnedSource::Hub { package: name.clone(), version }
            }
        };
        let mut pinned = Pinned { source, name: package.name.clone().unwrap_or_default(), span };
        if pinned.name.is_empty() {
            pinned.name = self.name_of(&pinned)?;
        }
        super::pinned::check_name(&pinned)?;
        Ok(pinned)
    }

    fn warn_unpinned(&mut self, url: &str, revision: &str, span: Span) {
        let message = format!("the package `{}` is not pinned", without_credentials(url));
        let warning = Diagnostic::warning("unpinned-package", message)
            .at(span, format!("`{revision}` is another commit tomorrow"))
            .help("give it a tag or a commit as `revision:`, or `warn-unpinned: false`");
        if !self.diags.all().contains(&warning) {
            self.diags.push(warning);
        }
    }

    /// The newest version of a package of the hub that suits all who asked.
    fn choose(
        &mut self,
        package: &Listed,
        name: &str,
        versions: &[String],
        install_prerelease: bool,
    ) -> Result<String, Fault> {
        let span = package.requests[0].span;
        let mut bounds = Vec::new();
        for text in versions {
            bounds.push(Version::parse(text).ok_or_else(|| bad_version(text, span))?);
        }
        let range = Range::of_all(&bounds).map_err(|_| Box::new(conflict(package)))?;
        let found = self.store.hub_package(name, Some(span))?.clone();
        if let Some(successor) = &found.successor {
            let message = format!("the package `{name}` has moved to `{successor}`");
            let warning = Diagnostic::warning("moved-package", message).at(span, "this still works");
            if !self.diags.all().contains(&warning) {
                self.diags.push(warning);
            }
        }
        let prerelease = install_prerelease || bounds.iter().any(Version::is_prerelease);
        let parsed = |only_compatible: bool| -> Vec<(&str, Version)> {
            let mut list: Vec<(&str, Version)> = found
                .versions
                .iter()
                .filter(|it| it.1.is_compatible || !only_compatible)
                .filter_map(|(text, _)| Some((text.as_str(), Version::parse(text)?)))
                .filter(|it| prerelease || !it.1.is_prerelease())
                .collect();
            list.sort_by(|a, b| a.1.compare(&b.1));
            list
        };
        if let Some(version) = newest(&range, &parsed(true)) {
            return Ok(version.to_owned());
        }
        let mut fault = faults::unknown_version(
            name,
            &versions.join(", "),
            found.versions.keys().map(String::as_str),
            Some(span),
        );
        if let Some(version) = newest(&range, &parsed(false)) {
            fault.notes.push(format!(
                "{version} would fit, but needs another version of dbt: `--no-version-check` takes it"
            ));
        }
        for request in &package.requests[1..] {
            fault.secondary.push(label(request));
        }
        Err(fault)
    }

    /// The name of a package's project.
    pub(super) fn name_of(&mut self, pinned: &Pinned) -> Result<String, Fault> {
        if let PinnedSource::Hub { package, version } = &pinned.source {
            return Ok(self.store.release(package, version, pinned.span)?.name.clone());
        }
        let disk = self.disk_of(pinned)?;
        let shown = format!("{}/", pinned.shown());
        package_list::read_head(self.diags, self.sources, &disk, &shown, self.settings)
            .map(|head| head.name.value)
            .ok_or_else(|| faults::not_a_package(&pinned.shown(), Some(pinned.span)))
    }

    fn disk_of(&mut self, pinned: &Pinned) -> Result<Disk, Fault> {
        Ok(match pinned.wanted() {
            Some(wanted) => Disk::new(self.store.tree(&wanted, pinned.span)?.dir),
            None => match &pinned.source {
                PinnedSource::Local { path } => Disk::new(self.dir.join(path)),
                PinnedSource::Git { .. } | PinnedSource::Tarball { .. } | PinnedSource::Hub { .. } => {
                    Disk::new(self.dir)
                }
            },
        })
    }

    /// The packages that a package asks for.
    fn asked_by(&mut self, pinned: &Pinned) -> Result<Vec<PackageSpec>, Fault> {
        if let PinnedSource::Hub { package, version } = &pinned.source {
            let asked = self.store.release(package, version, pinned.span)?.packages.clone();
            return Ok(self.asked_on_the_hub(&format!("{package} {version} on the hub"), &asked));
        }
        let disk = self.disk_of(pinned)?;
        let shown = format!("{}/", pinned.shown());
        let list = package_list::read(self.diags, self.sources, &disk, &shown, self.settings);
        Ok(list.map(|it| it.specs).unwrap_or_default())
    }

    /// The hub's list as a text, so that it can be shown.
    fn asked_on_the_hub(&mut self, shown: &str, packages: &Json) -> Vec<PackageSpec> {
        if packages.as_array().is_none_or(Vec::is_empty) {
            return Vec::new();
        }
        let text = serde_json::to_string_pretty(&json!({ "packages": packages })).unwrap_or_default();
        let file = self.sources.add(shown, text.as_str());
        let Some(tree) = yaml::parse(self.diags, file, &text) else { return Vec::new() };
        package_list::listed(self.diags, &tree)
    }
}

fn label(request: &Request) -> crate::diagnostics::Label {
    let versions =
        if request.versions.is_empty() { String::new() } else { format!("`{}` ", request.versions) };
    crate::diagnostics::Label {
        span: request.span,
        text: format!("{versions}is asked for by {}", request.by),
    }
}

/// A fault with the places of all who asked.
fn with_requests(mut fault: Diagnostic, package: &Listed) -> Diagnostic {
    let mut labels = package.requests.iter().map(label);
    fault.primary = labels.next();
    fault.secondary = labels.collect();
    fault
}

fn conflict(package: &Listed) -> Diagnostic {
    let message = format!("no version of `{}` suits all that ask for it", package.source.shown());
    with_requests(Diagnostic::error("package-conflict", message), package)
}

fn two_revisions(package: &Listed) -> Diagnostic {
    let message = format!("`{}` is asked for in two revisions", package.source.shown());
    with_requests(Diagnostic::error("package-conflict", message), package)
        .help("a git package can have one revision only: ask for the same everywhere")
}

fn of_two_kinds(old: &Listed, new: &Listed) -> Fault {
    let shown = old.source.shown();
    let message = format!("`{shown}` is {} and {}", old.source.kind(), new.source.kind());
    let mut both = old.clone();
    both.requests.extend(new.requests.iter().cloned());
    Box::new(with_requests(Diagnostic::error("package-conflict", message), &both))
}

fn bad_version(text: &str, span: Span) -> Fault {
    Box::new(
        Diagnostic::error("invalid-version", format!("`{text}` is not a version"))
            .at(span, "asked for here")
            .help("write three numbers, after one of `=`, `>=`, `>`, `<=` and `<`: `>=1.2.0`"),
    )
}

fn same_as_project(pinned: &Pinned) -> Diagnostic {
    let message = format!("the package `{}` has the name of the project", pinned.name);
    Diagnostic::error("duplicate-package", message)
        .at(pinned.span, "asked for here")
        .help("names of packages have to differ: rename one of the two")
}

fn twice(pinned: &Pinned, first: &(String, Span)) -> Diagnostic {
    let message = format!("there are two packages `{}`", pinned.name);
    Diagnostic::error("duplicate-package", message)
        .at(pinned.span, format!("`{}` is one", pinned.shown()))
        .and_at(first.1, format!("`{}` is the other", first.0))
        .help("ask for the package in one way only, in all packages")
}
