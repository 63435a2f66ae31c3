//! The packages that a project asks for: `packages.yml` or `dependencies.yml` to [`PackageList`].
//!
//! The lock file lists packages in the same way; [`super::package_lock`] reads it with [`specs`].

use serde_json::{Map, Value as Json, json};

use super::disk::PROJECT_FILES;
use super::files::{Files, ProjectPath};
use super::reading;
use super::settings::Settings;
use crate::diagnostics::{Diagnostic, Diagnostics, Severity, Sources, Span, Spanned};
use crate::yaml::fields::{Fields, wrong_type};
use crate::yaml::{self, Yaml, YamlKind};

/// What a project asks for.
#[derive(Clone, Debug, Default)]
pub struct PackageList {
    /// The packages, in the order written.
    pub specs: Vec<PackageSpec>,
    /// The file they are listed in, as the user knows it.
    pub path: String,
}

/// One listed package.
#[derive(Clone, Debug)]
pub struct PackageSpec {
    /// Where it comes from.
    pub source: PackageSource,
    /// The name of its project, where the list says it: in lock files and for archives.
    pub name: Option<String>,
    /// The entry as dbt writes it to a text and hashes it.
    pub contract: Json,
    /// The entry's place.
    pub span: Span,
}

/// Where a package comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackageSource {
    /// `local:`, a folder.
    Local {
        /// Its path, from the project.
        path: String,
    },
    /// `git:`, a repository.
    Git {
        /// Its address.
        url: String,
        /// Its address as written, with templates: what may be written to a file.
        written: String,
        /// Branch, tag or commit.
        revision: Option<String>,
        /// The package's folder in the repository.
        subdirectory: Option<String>,
        /// Whether to warn of a package that is not pinned.
        warn_unpinned: bool,
    },
    /// `tarball:`, an archive.
    Tarball {
        /// Its address, or a path from the project.
        url: String,
        /// The same as written, with templates.
        written: String,
    },
    /// `package:`, a package of the hub.
    Hub {
        /// `organisation/name`.
        package: String,
        /// Wanted versions, such as `>=1.0.0`.
        versions: Vec<String>,
        /// Whether versions before a release will do.
        install_prerelease: bool,
    },
}

impl PackageSource {
    /// The package for people, without passwords.
    pub fn shown(&self) -> String {
        match self {
            PackageSource::Local { path } => path.clone(),
            PackageSource::Git { url, subdirectory: Some(folder), .. } => {
                format!("{}/{folder}", without_credentials(url))
            }
            PackageSource::Git { url, .. } | PackageSource::Tarball { url, .. } => without_credentials(url),
            PackageSource::Hub { package, .. } => package.clone(),
        }
    }

    /// What kind it is, for people.
    pub fn kind(&self) -> &'static str {
        match self {
            PackageSource::Local { .. } => "a local package",
            PackageSource::Git { .. } => "a git package",
            PackageSource::Tarball { .. } => "an archive",
            PackageSource::Hub { .. } => "a package of the hub",
        }
    }
}

/// An address without user name and password.
pub fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let host_end = rest.find('/').unwrap_or(rest.len());
    match rest[..host_end].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => url.to_owned(),
    }
}

/// What a package's project file says about the package itself.
#[derive(Clone, Debug)]
pub struct PackageHead {
    /// The project's name.
    pub name: Spanned<String>,
    /// Where its own packages would be installed.
    pub packages_path: Option<Spanned<String>>,
    /// The folders its files are in, as far as the file says.
    pub paths: Vec<String>,
}

/// Reads the head of the project file in a folder; `shown` is the folder's name for people, empty or with a
/// `/` at its end. What else the file says is not looked at.
pub fn read_head(
    diags: &mut Diagnostics,
    sources: &mut Sources,
    files: &dyn Files,
    shown: &str,
    settings: &Settings,
) -> Option<PackageHead> {
    let path = PROJECT_FILES.iter().map(|it| ProjectPath::new(it)).find(|it| files.exists(it))?;
    let (file, text) =
        reading::read_text_as(diags, sources, files, &path, &format!("{shown}{}", path.as_str()))?;
    let tree = yaml::parse(diags, file, &text)?;
    let rendered = |diags: &mut Diagnostics, key: &str| {
        let yaml = tree.get(key).filter(|it| !it.is_null())?;
        let yaml = settings.render_tree(diags, yaml, &[]);
        yaml::fields::scalar_text(&yaml).map(|text| Spanned::new(text, yaml.span))
    };
    let name = rendered(diags, "name");
    if name.is_none() {
        diags.push(
            Diagnostic::error("missing-key", "the project file has no `name`")
                .at(Span { end: tree.span.start, ..tree.span }, ""),
        );
    }
    let packages_path = rendered(diags, "packages-install-path");
    let keys = ["model-paths", "seed-paths", "test-paths", "macro-paths", "analysis-paths", "snapshot-paths"];
    let paths = keys.iter().filter_map(|key| tree.get(key)).flat_map(|it| match &it.kind {
        YamlKind::List(items) => items.iter().filter_map(Yaml::as_str).map(str::to_owned).collect(),
        YamlKind::String(text) => vec![text.clone()],
        _ => Vec::new(),
    });
    Some(PackageHead { name: name?, packages_path, paths: paths.collect() })
}

/// Reads the list of a project's packages; `None` if it has none. `shown` is the folder's name for people.
pub fn read(
    diags: &mut Diagnostics,
    sources: &mut Sources,
    files: &dyn Files,
    shown: &str,
    settings: &Settings,
) -> Option<PackageList> {
    let mut tree = |name: &str| {
        let path = ProjectPath::new(name);
        if !files.exists(&path) {
            return None;
        }
        let (file, text) = reading::read_text_as(diags, sources, files, &path, &format!("{shown}{name}"))?;
        yaml::parse(diags, file, &text)
    };
    let (packages, dependencies) = (tree("packages.yml"), tree("dependencies.yml"));
    for tree in [&packages, &dependencies].into_iter().flatten() {
        if let Some(projects) = tree.get("projects").filter(|it| !is_empty(it)) {
            diags.push(unsupported_projects(projects.span));
        }
    }
    let listed = |tree: &Option<Yaml>| tree.as_ref().and_then(|it| it.get("packages")).map(|it| it.span);
    if let (Some(first), Some(second)) = (listed(&packages), listed(&dependencies)) {
        diags.push(
            Diagnostic::error(
                "packages-twice",
                "packages are listed in packages.yml and in dependencies.yml",
            )
            .at(first, "here")
            .and_at(second, "and here")
            .help("move them all into one of the files"),
        );
    }
    if listed(&dependencies).is_some() {
        // dbt renders no templates in this file.
        let tree = dependencies?;
        return Some(PackageList {
            specs: specs(diags, &tree, &tree, &["projects"]),
            path: format!("{shown}dependencies.yml"),
        });
    }
    let tree = packages?;
    let rendered = settings.render_tree(diags, &tree, &[]);
    Some(PackageList {
        specs: specs(diags, &tree, &rendered, &["projects"]),
        path: format!("{shown}packages.yml"),
    })
}

fn is_empty(yaml: &Yaml) -> bool {
    yaml.is_null() || matches!(&yaml.kind, YamlKind::List(items) if items.is_empty())
}

/// The entries of a list without templates.
pub fn listed(diags: &mut Diagnostics, tree: &Yaml) -> Vec<PackageSpec> {
    specs(diags, tree, tree, &[])
}

/// The entries of a list: `tree` as written, `rendered` with its templates replaced by their values.
pub(super) fn specs(
    diags: &mut Diagnostics,
    tree: &Yaml,
    rendered: &Yaml,
    other_keys: &[&'static str],
) -> Vec<PackageSpec> {
    let Some(mut fields) = Fields::new(diags, rendered, "a list of packages") else { return Vec::new() };
    let items = fields.list(diags, "packages");
    fields.accept(other_keys);
    fields.finish(diags, Severity::Error);
    let written = match tree.get("packages").map(|it| &it.kind) {
        Some(YamlKind::List(items)) => items.as_slice(),
        _ => &[],
    };
    items
        .iter()
        .enumerate()
        .filter_map(|(index, item)| spec(diags, written.get(index).unwrap_or(item), item))
        .collect()
}

fn spec(diags: &mut Diagnostics, written: &Yaml, item: &Yaml) -> Option<PackageSpec> {
    let mut fields = Fields::new(diags, item, "a package")?;
    let kinds = ["local", "git", "tarball", "package", "private"];
    let Some(kind) = kinds.into_iter().find(|it| item.get(it).is_some()) else {
        fields.accept(&kinds);
        fields.accept(&[
            "version",
            "revision",
            "subdirectory",
            "name",
            "warn-unpinned",
            "install-prerelease",
        ]);
        fields.finish(diags, Severity::Error);
        diags.push(
            Diagnostic::error("missing-key", "this package says not where it comes from")
                .at(item.span, "")
                .help("give it one of the keys `package`, `git`, `local` and `tarball`"),
        );
        return None;
    };
    let place = fields.string(diags, kind).filter(|it| !it.value.is_empty());
    let Some(place) = place else {
        let span = fields.key(kind).map_or(item.span, |it| it.span);
        diags.push(
            Diagnostic::error("missing-value", format!("`{kind}` is empty")).at(span, "nothing is here"),
        );
        return None;
    };
    let mut contract = Map::new();
    contract.insert(kind.to_owned(), json!(place.value));
    contract.insert("unrendered".to_owned(), written.to_json());
    let raw = |key: &str| written.get(key).and_then(Yaml::as_str).unwrap_or(&place.value).to_owned();
    let source = match kind {
        "local" => PackageSource::Local { path: place.value.clone() },
        "git" => git(diags, &mut fields, &mut contract, &place.value, raw("git")),
        "tarball" => PackageSource::Tarball { url: place.value.clone(), written: raw("tarball") },
        "package" => hub(diags, &mut fields, &mut contract, &place)?,
        _ => {
            diags.push(private(&place));
            return None;
        }
    };
    let name = fields.string(diags, "name");
    if let Some(name) = &name {
        contract.insert("name".to_owned(), json!(name.value));
    } else if kind == "tarball" {
        let message = format!("the archive `{}` has no `name`", source.shown());
        diags.push(Diagnostic::error("missing-key", message).at(place.span, "add `name:` below"));
        return None;
    }
    fields.finish(diags, Severity::Error);
    Some(PackageSpec {
        source,
        name: name.map(|it| it.value),
        contract: Json::Object(contract),
        span: place.span,
    })
}

fn git(
    diags: &mut Diagnostics,
    fields: &mut Fields<'_>,
    contract: &mut Map<String, Json>,
    url: &str,
    written: String,
) -> PackageSource {
    let revision = fields.get("revision");
    let subdirectory = fields.string(diags, "subdirectory").map(|it| it.value);
    fields.accept(&["warn_unpinned"]);
    let warn_unpinned = fields.bool(diags, "warn-unpinned");
    contract.insert("revision".to_owned(), revision.map_or(Json::Null, Yaml::to_json));
    contract.insert("subdirectory".to_owned(), json!(subdirectory));
    contract.insert("warn-unpinned".to_owned(), json!(warn_unpinned));
    PackageSource::Git {
        url: url.to_owned(),
        written,
        revision: revision.and_then(version_text),
        subdirectory,
        warn_unpinned: warn_unpinned != Some(false),
    }
}

fn hub(
    diags: &mut Diagnostics,
    fields: &mut Fields<'_>,
    contract: &mut Map<String, Json>,
    package: &Spanned<String>,
) -> Option<PackageSource> {
    if package.value.split('/').filter(|it| is_word(it)).count() != 2
        || package.value.matches('/').count() != 1
    {
        let message = format!("`{}` is not the name of a package of the hub", package.value);
        diags.push(
            Diagnostic::error("invalid-package-name", message)
                .at(package.span, "a name has its organisation: dbt-labs/dbt_utils"),
        );
        return None;
    }
    let prerelease = fields.bool(diags, "install_prerelease").or(fields.bool(diags, "install-prerelease"));
    contract.insert("install_prerelease".to_owned(), json!(prerelease.unwrap_or(false)));
    let Some(version) = fields.get("version") else {
        diags.push(
            Diagnostic::error("missing-key", format!("the package `{}` has no `version`", package.value))
                .at(package.span, "packages of the hub need one")
                .help("add `version: 1.0.0`, or a range: `version: [\">=1.0.0\", \"<2.0.0\"]`"),
        );
        return None;
    };
    contract.insert("version".to_owned(), version.to_json());
    let versions: Vec<String> = match &version.kind {
        YamlKind::List(items) => items.iter().filter_map(version_text).collect(),
        _ => version_text(version).into_iter().collect(),
    };
    if versions.is_empty() {
        diags.push(wrong_type(version, "version", "a version or a list of versions"));
        return None;
    }
    let parts = versions.iter().flat_map(|it| it.split(','));
    let versions = parts.map(|it| it.split_whitespace().collect()).collect();
    Some(PackageSource::Hub {
        package: package.value.clone(),
        versions,
        install_prerelease: prerelease.unwrap_or(false),
    })
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '_' | '-'))
}

/// A version as text: `1.0` stays `1.0`.
fn version_text(yaml: &Yaml) -> Option<String> {
    match &yaml.kind {
        YamlKind::Float(it) => Some(format!("{it:?}")),
        _ => yaml::fields::scalar_text(yaml),
    }
}

fn unsupported_projects(span: Span) -> Diagnostic {
    Diagnostic::error("unsupported-projects", "projects of dbt Cloud cannot be depended on")
        .at(span, "`projects:` needs dbt Cloud's metadata service")
        .help("list the other project's repository as a `git:` package instead")
}

fn private(place: &Spanned<String>) -> Diagnostic {
    Diagnostic::error("unsupported-package", "`private:` packages need dbt Cloud")
        .at(place.span, "it knows the repository only by a connection that is set up there")
        .help("list it as a `git:` package: `git: \"https://{{ env_var('DBT_ENV_SECRET_GIT') }}@host/org/repo.git\"`")
}
