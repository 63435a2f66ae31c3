//! `overrides:`: a project's entry that changes a source of a package.
//!
//! As in dbt, such an entry makes no source of its own. Its keys take the place of those of the package's entry, and
//! its tables change the package's tables of the same names; all that is found in them belongs to the package.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostics::{Diagnostic, Diagnostics, Span, Spanned, suggest};
use crate::project::{FileKind, Project};
use crate::yaml::{self, Yaml, YamlKind};

/// Keys of an entry that are no part of what it changes.
const OWN: [&str; 3] = ["name", "overrides", "tables"];
/// What dbt empties if the entry does not say it.
const EMPTIED_IN_SOURCE: [&str; 2] = ["config", "freshness"];
/// The same for a table.
const EMPTIED_IN_TABLE: [&str; 2] = ["quoting", "freshness"];

/// All entries with `overrides:`, by package and source.
#[derive(Default)]
pub(super) struct Overrides {
    entries: BTreeMap<(String, String), Override>,
}

struct Override {
    yaml: Yaml,
    name: Span,
}

impl Overrides {
    /// Those of the project and of its packages. Their faults are found when their files are read.
    pub(super) fn read(diags: &mut Diagnostics, project: &Project) -> Self {
        let mut all = Self::default();
        let files = project.files.iter().filter(|it| it.kind == FileKind::Properties);
        for file in files.filter(|it| it.text.contains("overrides")) {
            let mut seen = Diagnostics::default();
            let Some(tree) = yaml::parse(&mut seen, file.id, &file.text) else { continue };
            let settings = project.settings_of(&file.package);
            let tree = settings.render_tree(&mut seen, &tree, &super::RENDERED_LATER);
            for yaml in tree.get("sources").and_then(Yaml::as_list).into_iter().flatten() {
                all.add(diags, yaml);
            }
        }
        all
    }

    fn add(&mut self, diags: &mut Diagnostics, yaml: &Yaml) {
        let text = |key| yaml.get(key).and_then(|it| Some(Spanned::new(it.as_str()?.to_owned(), it.span)));
        let (Some(package), Some(name)) = (text("overrides"), text("name")) else { return };
        let key = (package.value, name.value);
        if let Some(first) = self.entries.get(&key) {
            diags.push(
                Diagnostic::error(
                    "duplicate-name",
                    format!("the source `{}` of `{}` is overridden twice", key.1, key.0),
                )
                .at(name.span, "again here")
                .and_at(first.name, "first here"),
            );
            return;
        }
        self.entries.insert(key, Override { yaml: yaml.clone(), name: name.span });
    }

    /// A package's properties with what is said about its sources elsewhere.
    pub(super) fn apply(&self, package: &str, tree: Yaml) -> Yaml {
        if !self.entries.keys().any(|it| it.0 == package) {
            return tree;
        }
        map_value(tree, "sources", |sources| map_items(sources, |it| self.changed(package, it)))
    }

    fn changed(&self, package: &str, source: Yaml) -> Yaml {
        let Some(name) = source.get("name").and_then(Yaml::as_str) else { return source };
        let key = (package.to_owned(), name.to_owned());
        let Some(Override { yaml, .. }) =
            self.entries.get(&key).filter(|_| source.get("overrides").is_none())
        else {
            return source;
        };
        let changes: Vec<&Yaml> = yaml.get("tables").and_then(Yaml::as_list).into_iter().flatten().collect();
        let table = |table: Yaml| {
            let name = table.get("name").and_then(Yaml::as_str);
            let change = changes.iter().find(|it| it.get("name").and_then(Yaml::as_str) == name);
            match change {
                Some(change) => updated(table, change, &EMPTIED_IN_TABLE),
                None => table,
            }
        };
        let source = map_value(source, "tables", |tables| map_items(tables, table));
        updated(source, yaml, &EMPTIED_IN_SOURCE)
    }

    /// Warns of entries that change nothing.
    pub(super) fn report_unused<'a>(
        &self,
        diags: &mut Diagnostics,
        sources: impl Iterator<Item = (&'a str, &'a str, &'a str)>,
    ) {
        let mut known: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
        for (package, source, table) in sources {
            known.entry((package, source)).or_default().insert(table);
        }
        for ((package, source), entry) in &self.entries {
            let Some(tables) = known.get(&(package.as_str(), source.as_str())) else {
                let of_package = known.keys().filter(|it| it.0 == package).map(|it| it.1);
                diags.push(
                    unused(format!(
                        "`overrides` names the source `{source}` of `{package}`, which is not there"
                    ))
                    .at(entry.name, "changes nothing")
                    .help_opt(suggest::did_you_mean(source, of_package)),
                );
                continue;
            };
            for table in entry.yaml.get("tables").and_then(Yaml::as_list).into_iter().flatten() {
                let Some(name) = table.get("name") else { continue };
                let Some(text) = name.as_str().filter(|it| !tables.contains(it)) else { continue };
                diags.push(
                    unused(format!("the source `{source}` of `{package}` has no table `{text}`"))
                        .at(name.span, "changes nothing")
                        .help_opt(suggest::did_you_mean(text, tables.iter().copied())),
                );
            }
        }
    }
}

fn unused(message: String) -> Diagnostic {
    Diagnostic::warning("unused-override", message)
}

/// A mapping with the keys of another one in the place of its own.
fn updated(target: Yaml, change: &Yaml, emptied: &[&str]) -> Yaml {
    let span = target.span;
    let YamlKind::Map(mut entries) = target.kind else { return target };
    let said =
        change.as_map().unwrap_or_default().iter().filter(|(key, _)| !OWN.contains(&key.value.as_str()));
    let said: Vec<(Spanned<String>, Yaml)> = said.cloned().collect();
    let is_said = |key: &str| said.iter().any(|(name, _)| name.value == key);
    entries.retain(|(key, _)| !is_said(&key.value) && !emptied.contains(&key.value.as_str()));
    entries.extend(said);
    Yaml { kind: YamlKind::Map(entries), span }
}

fn map_value(tree: Yaml, wanted: &str, change: impl FnOnce(Yaml) -> Yaml) -> Yaml {
    let span = tree.span;
    let YamlKind::Map(entries) = tree.kind else { return tree };
    let mut change = Some(change);
    let entries = entries.into_iter().map(|(key, value)| match change.take_if(|_| key.value == wanted) {
        Some(change) => (key, change(value)),
        None => (key, value),
    });
    Yaml { kind: YamlKind::Map(entries.collect()), span }
}

fn map_items(list: Yaml, change: impl FnMut(Yaml) -> Yaml) -> Yaml {
    match list.kind {
        YamlKind::List(items) => {
            Yaml { kind: YamlKind::List(items.into_iter().map(change).collect()), span: list.span }
        }
        kind => Yaml { kind, span: list.span },
    }
}
