//! How an incremental model takes up new rows: `incremental_strategy` and its kin, as types.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::merge::{self, Merge};
use super::microbatch::{self, MICROBATCH, Microbatch};
use super::node_config::ConfigRules;
use super::properties::texts;
use crate::diagnostics::{Diagnostic, Diagnostics, Severity, Spanned, suggest};
use crate::node::Materialization;

/// What the config says about taking up new rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Incremental {
    /// Columns or expressions that identify a row; empty if rows are only added.
    pub unique_key: Vec<String>,
    /// What happens to rows that are there already.
    pub strategy: Strategy,
    /// What happens when the query's columns are not the table's.
    pub on_schema_change: OnSchemaChange,
    /// Conditions on the rows of the table that are looked at.
    pub predicates: Vec<String>,
    /// What `merge` does with rows.
    pub merge: Merge,
    /// The batches of the strategy `microbatch`.
    pub microbatch: Option<Microbatch>,
}

/// What happens to rows that are there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// Nothing: new rows are added.
    Append,
    /// Rows with a new row's key go, then new rows are added; without a key, rows are only added.
    #[default]
    DeleteInsert,
    /// A row with a new row's key is updated, other new rows are added.
    Merge,
    /// The rows of each batch's window of time go, then the batch's rows are added.
    Microbatch,
    /// The partitions that new rows are in go, then new rows are added; only for rows in files.
    InsertOverwrite,
    /// What the project's macro `get_incremental_..._sql` says.
    Custom,
}

/// What happens when the query's columns are not the table's (the words are dbt's).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnSchemaChange {
    /// The table's columns count: new ones are left out.
    #[default]
    Ignore,
    /// It is an error.
    Fail,
    /// New columns are added to the table.
    AppendNewColumns,
    /// The table gets the query's columns and types.
    SyncAllColumns,
}

/// Reads the config of an incremental model.
pub(super) fn read(
    diags: &mut Diagnostics,
    values: &BTreeMap<String, Spanned<Json>>,
    materialized: Option<Materialization>,
    rules: ConfigRules<'_>,
) -> Incremental {
    let list = |key: &str| values.get(key).map(|it| texts(&it.value)).unwrap_or_default();
    let mut predicates = list("incremental_predicates");
    predicates.extend(list("predicates"));
    let strategy = strategy(diags, values, rules);
    let is_microbatch =
        strategy == Strategy::Microbatch && materialized == Some(Materialization::Incremental);
    let incremental = Incremental {
        unique_key: list("unique_key"),
        strategy,
        on_schema_change: word(diags, values, "on_schema_change", SCHEMA_CHANGES).unwrap_or_default(),
        predicates,
        merge: merge::read(diags, values),
        microbatch: if is_microbatch { microbatch::read(diags, values) } else { None },
    };
    if incremental.strategy == Strategy::Merge
        && incremental.unique_key.is_empty()
        && incremental.merge.using.is_empty()
        && let Some(strategy) = values.get("incremental_strategy")
    {
        // dbt adds all rows then; its projects may have learned to live with it.
        let message = "the strategy `merge` needs a `unique_key`";
        let diagnostic = match rules.unknown {
            Severity::Error => Diagnostic::error("missing-config", message),
            Severity::Warning => {
                Diagnostic::warning("missing-config", message).note("all new rows are added")
            }
        };
        diags.push(
            diagnostic
                .at(strategy.span, "set here")
                .help("add `unique_key: id`, say, or use the strategy `append`"),
        );
    }
    incremental
}

/// One of the built-in strategies, or one for which there is a macro.
fn strategy(
    diags: &mut Diagnostics,
    values: &BTreeMap<String, Spanned<Json>>,
    rules: ConfigRules<'_>,
) -> Strategy {
    let name = values.get("incremental_strategy").and_then(|it| it.value.as_str()).unwrap_or_default();
    if name == MICROBATCH {
        // As in dbt, a macro of the project's own is given batches only if a flag says so.
        let is_custom = rules.by_macro.has_own_microbatch(rules.package);
        return if is_custom { Strategy::Custom } else { Strategy::Microbatch };
    }
    if rules.by_macro.strategy_macro(rules.package, name).is_some() {
        return Strategy::Custom;
    }
    word(diags, values, "incremental_strategy", STRATEGIES).unwrap_or_default()
}

const STRATEGIES: &[(&str, Strategy)] = &[
    ("append", Strategy::Append),
    ("delete+insert", Strategy::DeleteInsert),
    ("merge", Strategy::Merge),
    (MICROBATCH, Strategy::Microbatch),
    ("insert_overwrite", Strategy::InsertOverwrite),
    ("default", Strategy::DeleteInsert),
];

const SCHEMA_CHANGES: &[(&str, OnSchemaChange)] = &[
    ("ignore", OnSchemaChange::Ignore),
    ("fail", OnSchemaChange::Fail),
    ("append_new_columns", OnSchemaChange::AppendNewColumns),
    ("sync_all_columns", OnSchemaChange::SyncAllColumns),
];

fn word<T: Copy>(
    diags: &mut Diagnostics,
    values: &BTreeMap<String, Spanned<Json>>,
    key: &str,
    known: &[(&'static str, T)],
) -> Option<T> {
    let value = values.get(key).filter(|it| !it.value.is_null())?;
    let text = value.value.as_str().unwrap_or_default();
    if let Some((_, found)) = known.iter().find(|(name, _)| *name == text) {
        return Some(*found);
    }
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    let message = format!("`{}` is not a value of `{key}`", value.value.to_string().trim_matches('"'));
    diags.push(
        Diagnostic::error("invalid-value", message).at(value.span, "set here").help(
            suggest::did_you_mean(text, names.iter().copied())
                .unwrap_or_else(|| format!("write one of {}", names.join(", "))),
        ),
    );
    None
}
