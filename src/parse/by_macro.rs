//! Which models are made by macros: those of custom materializations, and those of built-in ones where the
//! project has macros of its own for a part of the work.

use serde_json::Value as Json;

use super::config_layer::ConfigLayer;
use super::node_config::NodeConfig;
use super::{NodeMacros, Parser, incremental};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::node::Materialization;
use crate::project::Project;
use crate::template::{FoundMaterialization, MacroDefinition, Templates};

/// Macros that every built-in way of making a relation calls. Where one is the project's own, the built-in
/// materialization is run as the macro that calls it, instead of by the program.
const FOR_ALL: &[&str] = &[
    "alter_column_comment",
    "alter_relation_comment",
    "apply_grants",
    "copy_grants",
    "drop_relation",
    "drop_relation_if_exists",
    "get_assert_columns_equivalent",
    "get_drop_sql",
    "load_cached_relation",
    "make_backup_relation",
    "make_intermediate_relation",
    "persist_docs",
    "rename_relation",
    "run_hooks",
    "should_full_refresh",
    "should_revoke",
    "statement",
];

const FOR_VIEWS: &[&str] = &["create_view_as", "drop_view", "get_create_view_as_sql"];

const FOR_TABLES: &[&str] = &[
    "create_indexes",
    "create_table_as",
    "drop_table",
    "get_create_index_sql",
    "get_create_table_as_sql",
    "get_select_subquery",
    "get_table_columns_and_constraints",
];

const FOR_INCREMENTAL: &[&str] = &[
    "alter_column_type",
    "alter_relation_add_remove_columns",
    "check_for_schema_changes",
    "diff_column_data_types",
    "diff_columns",
    "get_columns_in_relation",
    "get_delete_insert_merge_sql",
    "get_incremental_append_sql",
    "get_incremental_default_sql",
    "get_incremental_delete_insert_sql",
    "get_incremental_merge_sql",
    "get_incremental_microbatch_sql",
    "get_insert_into_sql",
    "get_merge_sql",
    "get_merge_unique_key_match",
    "get_merge_update_columns",
    "get_quoted_csv",
    "incremental_validate_on_schema_change",
    "make_temp_relation",
    "process_schema_changes",
    "sync_column_schemas",
];

const FOR_SNAPSHOTS: &[&str] = &[
    "build_snapshot_staging_table",
    "build_snapshot_table",
    "create_columns",
    "get_dbt_valid_to_current",
    "post_snapshot",
    "snapshot_hash_arguments",
    "snapshot_merge_sql",
    "snapshot_staging_table",
    "strategy_dispatch",
    "unique_key_fields",
    "unique_key_is_not_null",
    "unique_key_is_null",
    "unique_key_join_on",
];

const FOR_SEEDS: &[&str] = &[
    "alter_column_comment",
    "alter_relation_comment",
    "apply_grants",
    "create_csv_table",
    "create_indexes",
    "get_batch_size",
    "get_binding_char",
    "get_csv_sql",
    "get_seed_column_quoted_csv",
    "load_csv_rows",
    "persist_docs",
    "reset_csv_table",
    "run_hooks",
    "should_full_refresh",
    "should_revoke",
    "statement",
];

/// What a project's macros say about materializations.
pub(super) struct ByMacro<'a> {
    pub(super) templates: &'a Templates,
    packages_may_override: bool,
    batches_for_all: bool,
}

impl<'a> ByMacro<'a> {
    pub(super) fn new(project: &Project, templates: &'a Templates) -> Self {
        const FLAG: &str = "REQUIRE_EXPLICIT_PACKAGE_OVERRIDES_FOR_BUILTIN_MATERIALIZATIONS";
        const BATCHES: &str = "REQUIRE_BATCHED_EXECUTION_FOR_CUSTOM_MICROBATCH_STRATEGY";
        let flag = |name: &str| project.settings.globals.flags.get(name);
        Self {
            templates,
            packages_may_override: flag(FLAG) == Some(&Json::Bool(false)),
            batches_for_all: flag(BATCHES) == Some(&Json::Bool(true)),
        }
    }

    /// The macro of a materialization by its name.
    pub(super) fn find(&self, name: &str) -> FoundMaterialization<'a> {
        self.templates.find_materialization(name, self.packages_may_override)
    }

    /// Names of the materializations that the project and its packages define.
    pub(super) fn names(&self) -> Vec<String> {
        self.templates.own_materializations()
    }

    /// Whether the last of these layers that names a materialization names one that is not built in.
    pub(super) fn is_custom(&self, layers: &[&ConfigLayer]) -> bool {
        let entries = layers.iter().rev().flat_map(|it| it.entries().iter().rev());
        let named = entries.filter(|(key, _)| key.value == "materialized").filter_map(|it| it.1.as_str());
        named.take(1).any(|it| matches!(self.find(it), FoundMaterialization::Macro(_)))
    }

    /// The project's own macro for an incremental strategy: one of its own, or one in place of a built-in one.
    pub(super) fn strategy_macro(&self, package: &str, strategy: &str) -> Option<&MacroDefinition> {
        let name = strategy.replace('+', "_");
        self.templates.override_of(package, &format!("get_incremental_{name}_sql"))
    }

    /// Whether the strategy `microbatch` is a macro of the project's own that knows nothing of batches: one in
    /// place of dbt's, not one that dbt's is dispatched to.
    pub(super) fn has_own_microbatch(&self, package: &str) -> bool {
        const NAME: &str = "get_incremental_microbatch_sql";
        let own = self.templates.override_of(package, NAME);
        !self.batches_for_all && own.is_some_and(|it| it.name == NAME)
    }
}

/// The macro that makes a model, by its unique id; `None` if the program makes it itself.
pub(super) fn of_model(
    parser: &Parser<'_>,
    name: &str,
    materialized: Materialization,
    config: &NodeConfig,
) -> Option<String> {
    if materialized == Materialization::Ephemeral {
        return None;
    }
    if let FoundMaterialization::Macro(id) = parser.by_macro.find(name) {
        return Some(id.to_owned());
    }
    let (built_in, parts) = match materialized {
        Materialization::View => ("materialization_view_default", vec![FOR_VIEWS]),
        Materialization::Table => ("materialization_table_duckdb", vec![FOR_TABLES]),
        Materialization::Incremental => {
            ("materialization_incremental_duckdb", vec![FOR_TABLES, FOR_INCREMENTAL])
        }
        Materialization::Custom
        | Materialization::Ephemeral
        | Materialization::External
        | Materialization::TableFunction => return None,
    };
    let mut asked = parts.into_iter().chain([FOR_ALL]).flatten();
    let is_overridden = asked.any(|it| parser.templates.override_of(parser.package, it).is_some());
    let has_own_strategy = materialized == Materialization::Incremental
        && config.incremental.strategy == incremental::Strategy::Custom;
    (is_overridden || has_own_strategy).then(|| format!("macro.dbt.{built_in}"))
}

/// The macro that takes a package's snapshots; `None` if the program takes them itself.
pub(super) fn of_snapshots(parser: &Parser<'_>) -> Option<String> {
    let asked = || FOR_SNAPSHOTS.iter().chain(FOR_TABLES).chain(FOR_ALL);
    found(parser.by_macro, parser.package, "snapshot", asked())
}

/// The macros for seeds and tests.
pub(super) fn of_other_nodes(project: &Project, by_macro: &ByMacro<'_>) -> NodeMacros {
    let root = &project.config.name.value;
    let packages = project.packages.iter().map(|it| &it.name).chain([root]);
    let seeds = packages.filter_map(|it| Some((it.clone(), found(by_macro, it, "seed", FOR_SEEDS)?)));
    let tests = match by_macro.find("test") {
        FoundMaterialization::Macro(id) => Some(id.to_owned()),
        FoundMaterialization::BuiltIn | FoundMaterialization::Unknown => None,
    };
    NodeMacros { seeds: seeds.collect(), tests }
}

/// A materialization of the project's own, or the built-in one as a macro if the project has its own form of one of
/// those that it asks.
fn found<'m>(
    by_macro: &ByMacro<'_>,
    package: &str,
    name: &str,
    asked: impl IntoIterator<Item = &'m &'m str>,
) -> Option<String> {
    match by_macro.find(name) {
        FoundMaterialization::Macro(id) => Some(id.to_owned()),
        FoundMaterialization::BuiltIn | FoundMaterialization::Unknown => {
            let mut asked = asked.into_iter();
            let is_own = asked.any(|it| by_macro.templates.override_of(package, it).is_some());
            is_own.then(|| format!("macro.dbt.materialization_{name}_default"))
        }
    }
}

/// Macros of dbt that the program does the work of and never asks for, with who does it.
const NEVER_CALLED: &[(&[&str], &str)] = &[
    (&["create_schema"], "the schemas of models are made by the program itself"),
    (
        &["collect_freshness", "collect_freshness_custom_sql"],
        "the age of sources is measured by the program itself",
    ),
    (&["get_catalog", "get_catalog_relations"], "the catalog is read by the program itself"),
];

/// Materializations of nodes other than models.
const NOT_OF_MODELS: &[&str] = &["clone", "function", "unit"];

/// Reports macros of the project that stand in for one of dbt's which is never called.
pub(super) fn report_never_called(diags: &mut Diagnostics, project: &Project, by_macro: &ByMacro<'_>) {
    let root = project.config.name.value.as_str();
    let mut warn = |definition: &MacroDefinition, why: &str| {
        let message = format!("the macro `{}` is never called for its purpose: {why}", definition.name);
        diags.push(Diagnostic::warning("never-called", message).at(definition.span, ""));
    };
    for (names, why) in NEVER_CALLED {
        let found = names.iter().filter_map(|it| by_macro.templates.override_of(root, it));
        found.for_each(|it| warn(it, why));
    }
    for name in NOT_OF_MODELS {
        let FoundMaterialization::Macro(id) = by_macro.find(name) else { continue };
        let of_id = |it: &&MacroDefinition| format!("macro.{}.{}", it.package, it.name) == id;
        if let Some(definition) = by_macro.templates.macros().iter().find(of_id) {
            warn(definition, "only models are made by macros");
        }
    }
}
