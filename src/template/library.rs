//! All macros by package and name, and the order in which dbt looks for one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::Value;
use serde_json::Value as Json;

use super::MacroDefinition;
use super::blocks::{MacroBlock, unique_id};
use super::unit::Unit;
use super::values::convert::from_json;
use crate::diagnostics::{Diagnostic, Diagnostics};

/// The package of the built-in macros.
pub(super) const BUILTIN: &str = "dbt";

/// All macros.
#[derive(Debug)]
pub(super) struct Library {
    root: String,
    definitions: Vec<MacroDefinition>,
    units: Vec<Arc<Unit>>,
    by_package: BTreeMap<String, BTreeMap<String, usize>>,
    by_id: BTreeMap<String, usize>,
    /// Names of macros that are not built in, without the engine before them.
    own_names: BTreeSet<String>,
    /// Packages to search for a namespace given to `adapter.dispatch`, where the project says so.
    pub(super) dispatch: BTreeMap<String, Vec<String>>,
    /// `graph`, which is one object for all templates: what a hook writes into it, a node's macro finds there.
    graph: Mutex<Option<(Arc<Json>, Value)>>,
}

impl Library {
    /// The object for `graph`, made when the project is first seen as it is now.
    pub(super) fn graph(&self, project: &Arc<Json>) -> Value {
        let mut made = self.graph.lock().unwrap_or_else(PoisonError::into_inner);
        match &*made {
            Some((of, value)) if Arc::ptr_eq(of, project) => value.clone(),
            Some(_) | None => {
                let value = from_json(project);
                *made = Some((Arc::clone(project), value.clone()));
                value
            }
        }
    }

    /// Sorts macros; a name that is defined twice in a package is reported.
    pub(super) fn new(diags: &mut Diagnostics, root: &str, mut blocks: Vec<MacroBlock>) -> Self {
        blocks.sort_by(|a, b| {
            let key = |it: &MacroBlock| {
                (it.definition.package.clone(), it.definition.name.clone(), it.definition.span)
            };
            key(a).cmp(&key(b))
        });
        let mut library = Self {
            root: root.to_owned(),
            definitions: Vec::new(),
            units: Vec::new(),
            by_package: BTreeMap::new(),
            by_id: BTreeMap::new(),
            own_names: BTreeSet::new(),
            dispatch: BTreeMap::new(),
            graph: Mutex::default(),
        };
        for block in blocks {
            library.add(diags, block);
        }
        library
    }

    fn add(&mut self, diags: &mut Diagnostics, block: MacroBlock) {
        let definition = block.definition;
        let names = self.by_package.entry(definition.package.clone()).or_default();
        if let Some(first) = names.get(&definition.name) {
            let first = &self.definitions[*first];
            let message = format!("macro `{}` is defined twice in `{}`", definition.name, definition.package);
            diags.push(
                Diagnostic::error("duplicate-macro", message)
                    .at(definition.span, "")
                    .and_at(first.span, "first defined here"),
            );
            return;
        }
        if definition.package != BUILTIN {
            let name = definition.name.split_once("__").map_or(definition.name.as_str(), |it| it.1);
            self.own_names.extend([name.to_owned(), definition.name.clone()]);
        }
        let index = self.definitions.len();
        names.insert(definition.name.clone(), index);
        self.by_id.insert(unique_id(&definition.package, &definition.name), index);
        self.definitions.push(definition);
        self.units.push(block.unit);
    }

    /// All macros, sorted by package and name.
    pub(super) fn definitions(&self) -> &[MacroDefinition] {
        &self.definitions
    }

    /// The name of the root project.
    pub(super) fn root(&self) -> &str {
        &self.root
    }

    /// Macro and body of an index.
    pub(super) fn get(&self, index: usize) -> (&MacroDefinition, &Arc<Unit>) {
        (&self.definitions[index], &self.units[index])
    }

    /// The unit with this name: a macro's body or a call block inside one.
    pub(super) fn unit(&self, name: &str) -> Option<Arc<Unit>> {
        let id = name.split('/').next().unwrap_or(name);
        self.units[*self.by_id.get(id)?].find(name)
    }

    /// A macro by its unique id.
    pub(super) fn by_id(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// A macro of exactly this package.
    pub(super) fn in_package(&self, package: &str, name: &str) -> Option<usize> {
        self.by_package.get(package)?.get(name).copied()
    }

    /// Whether a package has any macros.
    pub(super) fn has_package(&self, package: &str) -> bool {
        self.by_package.contains_key(package)
    }

    /// Whether anything but a built-in macro could be meant by a call of this name.
    pub(super) fn may_be_own(&self, name: &str) -> bool {
        self.own_names.contains(name)
    }

    /// All packages that have macros, sorted.
    pub(super) fn packages(&self) -> impl Iterator<Item = &str> {
        self.by_package.keys().map(String::as_str)
    }

    /// Names of a package's macros.
    pub(super) fn names_in(&self, package: &str) -> impl Iterator<Item = &str> {
        self.by_package.get(package).into_iter().flat_map(|it| it.keys().map(String::as_str))
    }

    /// A macro by its bare name, as templates see it: the package's own, the root project's, a built-in one.
    pub(super) fn visible(&self, package: &str, name: &str) -> Option<usize> {
        let search = [package, &self.root, BUILTIN];
        search.iter().find_map(|package| self.in_package(package, name))
    }

    /// A macro by its bare name for the use of tests and overrides: other packages are searched too.
    pub(super) fn anywhere(&self, package: &str, name: &str) -> Option<usize> {
        let local = self.in_package(package, name).or_else(|| self.in_package(&self.root, name));
        local
            .or_else(|| {
                let others = self.by_package.iter().rev().filter(|it| it.0 != BUILTIN);
                others.map(|it| it.1).find_map(|names| names.get(name).copied())
            })
            .or_else(|| self.in_package(BUILTIN, name))
    }

    /// Every name that can be called without a package.
    pub(super) fn visible_names(&self, package: &str) -> Vec<String> {
        let mut names: Vec<String> = [package, &self.root, BUILTIN]
            .iter()
            .flat_map(|package| self.names_in(package))
            .map(str::to_owned)
            .collect();
        names.extend(self.by_package.keys().cloned());
        names.sort();
        names.dedup();
        names
    }
}
