//! Packages: from the list of what a project asks for to a filled folder `dbt_packages/`.
//!
//! In: the project's folder and its list. Out: `package-lock.yml`, which has one version of every package, and
//! the packages' files. It stands beside the phases: they take the folder as it is. This is the only part of
//! the program that opens a socket or starts another program.
//!
//! What is installed is checked: an archive may hold nothing that leads out of its package
//! ([`archive`]), the content must be what was locked ([`tree`], [`lock`]), and the packages that were
//! there stay until all new ones are complete ([`install`]).

pub mod add;
mod archive;
mod cache;
mod faults;
mod git;
mod http;
mod hub;
mod install;
mod lock;
mod pinned;
mod resolve;
mod store;
mod tree;
mod version;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use self::add::Addition;
use self::faults::Fault;
use self::install::Origin;
use self::pinned::{Pinned, PinnedSource};
use self::resolve::Resolver;
use self::store::{Known, Store};
use crate::diagnostics::scrub::Scrubber;
use crate::diagnostics::{Aborted, Diagnostic, Diagnostics, Sources, Span, Spanned};
use crate::project::disk::Disk;
use crate::project::files::{Files as _, ProjectPath};
use crate::project::package_list::{self, PackageHead, PackageList, PackageSource};
use crate::project::package_lock::{self, LOCK_FILE, PackageLock};
use crate::project::settings::Settings;
use crate::yaml;

/// What surrounds the packages.
pub struct Surroundings<'a> {
    /// The project's folder.
    pub dir: &'a Path,
    /// The hub's address, with `/` at its end.
    pub hub: String,
    /// Where fetched packages are kept; `None` for nowhere.
    pub cache: Option<PathBuf>,
    /// Whether the network must not be used.
    pub is_offline: bool,
    /// Whether packages must be written for the version of dbt that is understood.
    pub checks_versions: bool,
    /// The environment.
    pub env: &'a BTreeMap<String, String>,
    /// Whether the user has stopped the program.
    pub is_stopped: &'a dyn Fn() -> bool,
}

/// What to do.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Take the newest versions that suit the list, whatever is locked.
    pub upgrade: bool,
    /// Write the lock file and install nothing.
    pub lock_only: bool,
    /// A package to add to the list first.
    pub add: Option<Addition>,
}

/// Something was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The list was added to.
    Added {
        /// The package.
        package: String,
        /// The list.
        list: String,
        /// Entries that it took the place of.
        replaced: Vec<String>,
    },
    /// There is nothing to install.
    NothingListed,
    /// The lock file was written.
    Locked,
    /// A package is ready to be installed.
    Ready {
        /// Its name.
        name: String,
        /// Its version.
        version: String,
        /// Where it is from.
        from: String,
        /// A newer version, where one is known of.
        newer: Option<String>,
    },
    /// All are installed.
    Installed {
        /// How many.
        count: usize,
        /// Where.
        folder: String,
    },
}

/// Installs the packages that a project asks for. Every fault is in `diags`.
pub fn run(
    diags: &mut Diagnostics,
    sources: &mut Sources,
    around: &Surroundings<'_>,
    settings: &Settings,
    wish: &Wish,
    report: &mut dyn FnMut(&Progress),
) -> Result<(), Aborted> {
    let disk = Disk::new(around.dir);
    let Some(head) = package_list::read_head(diags, sources, &disk, "", settings) else {
        if !diags.has_errors() {
            diags.push(
                Diagnostic::error(
                    "missing-project",
                    "there is no project.yml or dbt_project.yml in this folder",
                )
                .help("go to the project's folder, or give it with `--project-dir`"),
            );
        }
        return Err(Aborted);
    };
    let mut session = Deps { diags, sources, around, settings, disk, report };
    session.run(&head, wish).map_err(|fault| {
        if let Some(fault) = fault {
            session.diags.push(*fault);
        }
        Aborted
    })
}

/// One run.
struct Deps<'a> {
    diags: &'a mut Diagnostics,
    sources: &'a mut Sources,
    around: &'a Surroundings<'a>,
    settings: &'a Settings,
    disk: Disk,
    report: &'a mut dyn FnMut(&Progress),
}

/// `None` stands for faults that are among the diagnostics already.
type Outcome<T> = Result<T, Option<Fault>>;

impl Deps<'_> {
    fn run(&mut self, head: &PackageHead, wish: &Wish) -> Outcome<()> {
        if let Some(addition) = &wish.add {
            self.add(addition)?;
        }
        let list = package_list::read(self.diags, self.sources, &self.disk, "", self.settings);
        let locked = package_lock::read(self.diags, self.sources, &self.disk, LOCK_FILE, self.settings);
        self.diags.abort_on_error().map_err(|_| None)?;
        let list = list.filter(|it| !it.specs.is_empty());
        let Some(list) = list else {
            (self.report)(&Progress::NothingListed);
            return Ok(());
        };
        let path = head.packages_path.clone();
        let is_given = path.is_some();
        let path = path.unwrap_or_else(|| Spanned::new("dbt_packages".to_owned(), head.name.span));
        let own = if head.paths.is_empty() { default_paths() } else { head.paths.clone() };
        let folder = install::folder(self.around.dir, &path, &own, is_given)?;

        let locked = locked.unwrap_or_default();
        let list_hash = lock::list_hash(&list.specs);
        let is_current = locked.list_hash.as_ref() == Some(&list_hash) && !wish.upgrade;
        let known = if wish.upgrade { Known::default() } else { known(&locked) };
        let mut store = Store::new(self.around, known)?;
        let (settings, dir) = (self.settings, self.around.dir);
        let (diags, sources) = (&mut *self.diags, &mut *self.sources);
        let mut resolver = Resolver { diags, sources, settings, store: &mut store, dir };
        let packages = if is_current {
            locked_packages(&mut resolver, &list, &locked)?
        } else {
            resolver.resolve(&list.specs, &head.name.value)?
        };
        self.diags.abort_on_error().map_err(|_| None)?;
        let (origins, hashes) = self.obtain(&mut store, &packages)?;
        let scrubber = Scrubber::new(&self.settings.secrets());
        let text = lock::text(&packages, &list_hash, &hashes, &scrubber);
        let before = self.disk.read(&ProjectPath::new(LOCK_FILE)).unwrap_or_default();
        if before != text.as_bytes() {
            install::write(&self.around.dir.join(LOCK_FILE), &text, None)?;
            if !is_current {
                (self.report)(&Progress::Locked);
            }
        }
        if wish.lock_only {
            return Ok(());
        }
        install::install(&folder, &origins, &text, self.around.is_stopped)?;
        (self.report)(&Progress::Installed { count: packages.len(), folder: path.value });
        Ok(())
    }

    /// The files of all packages, and the hashes of those that were fetched.
    #[expect(clippy::type_complexity, reason = "two lists by the same name")]
    fn obtain(
        &mut self,
        store: &mut Store<'_>,
        packages: &[Pinned],
    ) -> Outcome<(Vec<(String, Origin)>, BTreeMap<String, String>)> {
        let (mut origins, mut hashes) = (Vec::new(), BTreeMap::new());
        for package in packages {
            let (dir, origin) = match (package.wanted(), &package.source) {
                (Some(wanted), _) => {
                    let tree = store.tree(&wanted, package.span)?;
                    hashes.insert(package.name.clone(), tree.sha256);
                    (tree.dir.clone(), Origin::Files(tree.dir))
                }
                (None, PinnedSource::Local { path }) => {
                    let dir = self.around.dir.join(path);
                    (dir.clone(), Origin::Link(dir))
                }
                (
                    None,
                    PinnedSource::Git { .. } | PinnedSource::Tarball { .. } | PinnedSource::Hub { .. },
                ) => {
                    continue;
                }
            };
            let is_package = crate::project::disk::PROJECT_FILES.iter().any(|it| dir.join(it).is_file());
            if !is_package {
                return Err(Some(faults::not_a_package(&package.shown(), Some(package.span))));
            }
            (self.report)(&Progress::Ready {
                name: package.name.clone(),
                version: package.version(),
                from: package.shown(),
                newer: store.newer_than(package),
            });
            origins.push((package.name.clone(), origin));
        }
        Ok((origins, hashes))
    }

    /// Adds a package to the list.
    fn add(&mut self, addition: &Addition) -> Outcome<()> {
        let mut read = |name: &str| -> Outcome<Option<(String, yaml::Yaml)>> {
            let path = ProjectPath::new(name);
            if !self.disk.exists(&path) {
                return Ok(None);
            }
            let text = fs::read_to_string(self.around.dir.join(name));
            let text = text.map_err(|it| faults::file(&format!("cannot read `{name}`"), &it))?;
            let file = self.sources.add(name, text.as_str());
            let tree = yaml::parse(self.diags, file, &text).ok_or(None)?;
            Ok(Some((text, tree)))
        };
        let dependencies = read("dependencies.yml")?.filter(|it| it.1.get("packages").is_some());
        let (name, found) = match dependencies {
            Some(found) => ("dependencies.yml", Some(found)),
            None => ("packages.yml", read("packages.yml")?),
        };
        let (text, tree) = found.map_or_else(|| (String::new(), None), |(text, tree)| (text, Some(tree)));
        let Some((text, replaced)) = add::add(&text, tree.as_ref(), addition) else {
            let message = format!("cannot add to {name}: its packages are not written one below the other");
            let fault = Diagnostic::error("unwritable-file", message).at_opt(tree.map(|it| it.span), "");
            return Err(Some(Box::new(fault.help("add the package by hand"))));
        };
        install::write(&self.around.dir.join(name), &text, None)?;
        let (package, list) = (addition.package.clone(), name.to_owned());
        (self.report)(&Progress::Added { package, list, replaced });
        Ok(())
    }
}

/// The packages as they are locked.
fn locked_packages(
    resolver: &mut Resolver<'_, '_>,
    list: &PackageList,
    locked: &PackageLock,
) -> Result<Vec<Pinned>, Fault> {
    let mut packages = Vec::new();
    for spec in &locked.specs {
        let source = match &spec.source {
            PackageSource::Local { path } => PinnedSource::Local { path: path.clone() },
            PackageSource::Tarball { url, written } => {
                PinnedSource::Tarball { url: url.clone(), written: written.clone() }
            }
            PackageSource::Git { url, written, revision, subdirectory, .. } => PinnedSource::Git {
                url: url.clone(),
                written: written.clone(),
                commit: revision.clone().unwrap_or_else(|| "HEAD".to_owned()),
                subdirectory: subdirectory.clone(),
                tag: spec.name.as_ref().and_then(|it| locked.contents.get(it)?.tag.clone()),
            },
            PackageSource::Hub { package, versions, .. } => {
                let version = versions.first().map(|it| it.trim_start_matches('=').to_owned());
                PinnedSource::Hub { package: package.clone(), version: version.unwrap_or_default() }
            }
        };
        let span = listed_at(list, &spec.source).unwrap_or(spec.span);
        let mut pinned = Pinned { source, name: spec.name.clone().unwrap_or_default(), span };
        // Lock files of dbt before 1.9 have no names.
        if pinned.name.is_empty() {
            pinned.name = resolver.name_of(&pinned)?;
        }
        pinned::check_name(&pinned)?;
        if let PinnedSource::Git { url, tag: Some(tag), .. } = &pinned.source {
            check_tag(resolver.store, &pinned, url, tag)?;
        }
        packages.push(pinned);
    }
    Ok(packages)
}

/// A tag that moved since it was locked is a fault. Where the repository cannot be asked, the commit counts.
fn check_tag(store: &mut Store<'_>, package: &Pinned, url: &str, tag: &str) -> Result<(), Fault> {
    match store.revision(url, tag, Some(package.span)) {
        Err(fault) if fault.code == "moved-tag" => Err(fault),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Where the project itself asks for a package.
fn listed_at(list: &PackageList, source: &PackageSource) -> Option<Span> {
    list.specs.iter().find(|it| it.source.shown() == source.shown()).map(|it| it.span)
}

fn default_paths() -> Vec<String> {
    ["models", "seeds", "tests", "macros", "analyses", "snapshots"].map(str::to_owned).to_vec()
}

/// What the lock file says that would be found.
fn known(locked: &PackageLock) -> Known {
    let mut known = Known::default();
    for spec in &locked.specs {
        let Some(content) = spec.name.as_ref().and_then(|it| locked.contents.get(it)) else { continue };
        let wanted = match &spec.source {
            PackageSource::Local { .. } => continue,
            PackageSource::Git { url, revision, subdirectory, .. } => {
                let commit = revision.clone().unwrap_or_default();
                if let Some(tag) = &content.tag {
                    known.tags.insert((url.clone(), tag.clone()), commit.clone());
                }
                store::Wanted::Commit { url: url.clone(), commit, subdirectory: subdirectory.clone() }
            }
            PackageSource::Tarball { url, .. } => store::Wanted::Archive { url: url.clone() },
            PackageSource::Hub { package, versions, .. } => store::Wanted::Release {
                package: package.clone(),
                version: versions.first().map(|it| it.trim_start_matches('=').to_owned()).unwrap_or_default(),
            },
        };
        known.contents.insert(wanted, content.sha256.clone());
    }
    known
}
