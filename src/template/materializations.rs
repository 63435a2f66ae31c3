//! Which macro makes a node: `{% materialization %}` blocks by name, and the macros that stand in for built-in ones.

use super::blocks::materialization_macro;
use super::library::{BUILTIN, Library};
use super::{MacroDefinition, MacroKind, Templates};

/// The engine whose macros come before the general ones.
const ENGINE: &str = "duckdb";

/// What is built in, with the engine it is for: what is for `default` gives way to anything for the engine.
const BUILT_IN: &[(&str, &str)] = &[
    ("clone", "default"),
    ("external", ENGINE),
    ("function", "default"),
    ("incremental", ENGINE),
    ("incremental", "default"),
    ("materialized_view", "default"),
    ("seed", "default"),
    ("snapshot", "default"),
    ("table", ENGINE),
    ("table", "default"),
    ("table_function", ENGINE),
    ("test", "default"),
    ("unit", "default"),
    ("view", "default"),
];

/// What a name in `materialized` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundMaterialization<'a> {
    /// A macro of the project or of a package.
    Macro(&'a str),
    /// What is built in.
    BuiltIn,
    /// Nothing.
    Unknown,
}

impl Library {
    fn find_materialization(&self, name: &str, packages_may_override: bool) -> Option<usize> {
        let is_built_in = BUILT_IN.iter().any(|it| it.0 == name);
        let may_import = packages_may_override || !is_built_in;
        // The engine comes before the place, as in dbt.
        [ENGINE, "default"].iter().find_map(|engine| {
            let macro_name = materialization_macro(name, engine);
            let is_here = BUILT_IN.contains(&(name, engine));
            let own = self.in_package(self.root(), &macro_name);
            let found = own.or_else(|| {
                let others = self.packages().filter(|it| *it != BUILTIN && *it != self.root());
                others.filter(|_| may_import).find_map(|it| self.in_package(it, &macro_name))
            });
            found.map(Some).or_else(|| is_here.then_some(None))
        })?
    }
}

impl Templates {
    /// The macro of a materialization by dbt's rules: one for the engine goes before one for all; then the
    /// project's before a package's before what is built in. A package may replace what is built in only if
    /// the project allows it.
    pub fn find_materialization(&self, name: &str, packages_may_override: bool) -> FoundMaterialization<'_> {
        match self.library.find_materialization(name, packages_may_override) {
            Some(index) => FoundMaterialization::Macro(&self.library.get(index).1.name),
            None if BUILT_IN.iter().any(|it| it.0 == name) => FoundMaterialization::BuiltIn,
            None => FoundMaterialization::Unknown,
        }
    }

    /// Names of the materializations that the project and its packages define, sorted.
    pub fn own_materializations(&self) -> Vec<String> {
        let is_own = |it: &&MacroDefinition| it.kind == MacroKind::Materialization && it.package != BUILTIN;
        let bare = |it: &MacroDefinition| {
            let name = it.name.strip_prefix("materialization_").unwrap_or(&it.name);
            name.rsplit_once('_').map_or(name, |it| it.0).to_owned()
        };
        let mut names: Vec<String> = self.macros().iter().filter(is_own).map(bare).collect();
        names.sort();
        names.dedup();
        names
    }

    /// The macro that a call of a built-in macro leads to instead, from templates of a package: one of the same
    /// name, or one that it is dispatched to.
    pub fn override_of(&self, package: &str, name: &str) -> Option<&MacroDefinition> {
        let library = &self.library;
        if !library.may_be_own(name) {
            return None;
        }
        let definition = |index: usize| library.get(index).0;
        let called = library.visible(package, name).map(definition).filter(|it| it.package != BUILTIN);
        called.or_else(|| {
            let order = library.dispatch.get(BUILTIN).cloned();
            let order = order.unwrap_or_else(|| vec![library.root().to_owned(), BUILTIN.to_owned()]);
            let prefixes = [ENGINE, "default"].map(|it| format!("{it}__{name}"));
            let found = order
                .iter()
                .find_map(|package| prefixes.iter().find_map(|name| library.in_package(package, name)));
            found.map(definition).filter(|it| it.package != BUILTIN)
        })
    }
}
