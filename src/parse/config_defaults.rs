//! dbt's values for config keys that are not set.

use std::sync::LazyLock;

use serde_json::{Map, Value as Json, json};

use crate::node::NodeKind;

/// The defaults of a kind of node.
pub fn defaults(kind: NodeKind) -> &'static Map<String, Json> {
    static MODEL: LazyLock<Map<String, Json>> =
        LazyLock::new(|| built(json!({ "materialized": "view", "access": "protected", "freshness": null })));
    static SEED: LazyLock<Map<String, Json>> =
        LazyLock::new(|| built(json!({ "materialized": "seed", "delimiter": ",", "quote_columns": null })));
    static SNAPSHOT: LazyLock<Map<String, Json>> = LazyLock::new(|| {
        built(json!({
            "materialized": "snapshot", "strategy": null, "target_schema": null, "target_database": null,
            "updated_at": null, "check_cols": null, "dbt_valid_to_current": null,
            "snapshot_meta_column_names": {
                "dbt_valid_to": null, "dbt_valid_from": null, "dbt_scd_id": null, "dbt_updated_at": null,
                "dbt_is_deleted": null,
            },
        }))
    });
    static FUNCTION: LazyLock<Map<String, Json>> = LazyLock::new(|| {
        built(json!({
            "materialized": "function", "type": "scalar", "volatility": null, "runtime_version": null,
            "entry_point": null,
        }))
    });
    static OTHER: LazyLock<Map<String, Json>> = LazyLock::new(|| built(json!({ "materialized": "view" })));
    static TEST: LazyLock<Map<String, Json>> = LazyLock::new(tested);
    match kind {
        NodeKind::Model => &MODEL,
        NodeKind::Seed => &SEED,
        NodeKind::Test => &TEST,
        NodeKind::Snapshot => &SNAPSHOT,
        NodeKind::Function => &FUNCTION,
        NodeKind::Source
        | NodeKind::Analysis
        | NodeKind::Exposure
        | NodeKind::UnitTest
        | NodeKind::SemanticModel
        | NodeKind::Metric
        | NodeKind::SavedQuery => &OTHER,
    }
}

/// dbt's defaults for everything with a relation.
fn built(own: Json) -> Map<String, Json> {
    let common = json!({
        "enabled": true, "alias": null, "schema": null, "database": null, "tags": [], "meta": {},
        "group": null, "static_analysis": null, "incremental_strategy": null, "batch_size": null,
        "lookback": 1, "begin": null, "persist_docs": {}, "post-hook": [], "pre-hook": [], "quoting": {},
        "column_types": {}, "full_refresh": null, "unique_key": null, "on_schema_change": "ignore",
        "on_configuration_change": "apply", "grants": {}, "packages": [],
        "docs": { "show": true, "node_color": null },
        "contract": { "enforced": false, "alias_types": true },
        "event_time": null, "concurrent_batches": null,
    });
    let mut all = into_map(common);
    all.extend(into_map(own));
    all
}

/// dbt's defaults for tests.
fn tested() -> Map<String, Json> {
    into_map(json!({
        "enabled": true, "alias": null, "schema": "dbt_test__audit", "database": null, "tags": [],
        "meta": {}, "group": null, "static_analysis": null, "materialized": "test", "severity": "ERROR",
        "store_failures": null, "store_failures_as": null, "where": null, "limit": null,
        "fail_calc": "count(*)", "warn_if": "!= 0", "error_if": "!= 0",
    }))
}

fn into_map(value: Json) -> Map<String, Json> {
    match value {
        Json::Object(map) => map,
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => Map::new(),
    }
}
