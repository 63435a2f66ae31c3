//! Entries of `sources`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value as Json, json};

use super::column::{self, Columns};
use super::config;
use super::entry::{Context, Entry};
use crate::parse::properties::{Age, FreshnessRule, SourceQuoting};
use crate::parse::{Body, ParsedNode, SourceBody};

/// A table of a source with all keys that dbt gives it.
#[derive(Serialize)]
pub(super) struct ManifestSource<'a> {
    database: &'a str,
    schema: &'a str,
    name: &'a str,
    resource_type: &'static str,
    package_name: &'a str,
    path: &'a str,
    original_file_path: &'a str,
    unique_id: &'a str,
    fqn: &'a [String],
    source_name: &'a str,
    source_description: &'a str,
    loader: &'a str,
    identifier: &'a str,
    quoting: Quoting,
    loaded_at_field: Option<&'a str>,
    loaded_at_query: Option<&'a str>,
    freshness: Option<Freshness<'a>>,
    external: Option<Json>,
    description: &'a str,
    columns: Columns<'a>,
    meta: &'a Json,
    source_meta: &'a serde_json::Map<String, Json>,
    tags: &'a [String],
    config: SourceConfig<'a>,
    patch_path: Option<&'a str>,
    unrendered_config: BTreeMap<&'a str, Cow<'a, Json>>,
    relation_name: Option<String>,
    created_at: f64,
    unrendered_database: Option<&'a str>,
    unrendered_schema: Option<&'a str>,
    doc_blocks: Vec<String>,
}

/// What is said about quoting; names are always quoted.
#[derive(Serialize)]
struct Quoting {
    database: Option<bool>,
    schema: Option<bool>,
    identifier: Option<bool>,
    column: Option<bool>,
}

#[derive(Serialize)]
struct SourceConfig<'a> {
    enabled: bool,
    event_time: Option<&'a Json>,
    freshness: Option<Freshness<'a>>,
    loaded_at_field: Option<&'a str>,
    loaded_at_query: Option<&'a str>,
    meta: &'a Json,
    tags: &'a [String],
    static_analysis: Option<&'a Json>,
}

/// Without a rule, thresholds of nothing: dbt has them so, and readers go into them without a look.
#[derive(Clone, Copy, Default, Serialize)]
struct Freshness<'a> {
    warn_after: Threshold,
    error_after: Threshold,
    filter: Option<&'a str>,
}

#[derive(Clone, Copy, Default, Serialize)]
struct Threshold {
    count: Option<u32>,
    period: Option<&'static str>,
}

impl<'a> ManifestSource<'a> {
    /// `None` for another kind of node.
    pub(super) fn new(context: &Context<'a>, entry: &Entry<'a>) -> Option<Self> {
        let parsed = entry.parsed;
        let Body::Source(body) = &parsed.body else { return None };
        let relation = parsed.relation.as_ref();
        let value = |key: &str| parsed.config.values.get(key).map(|it| &it.value);
        let said = body.freshness.as_ref().map(Freshness::of).unwrap_or_default();
        let freshness = (!body.is_freshness_off).then_some(said);
        let (field, query) = (body.loaded_at_field.as_deref(), body.loaded_at_query.as_deref());
        Some(Self {
            database: &body.details.database,
            schema: &body.details.schema,
            name: &parsed.name,
            resource_type: parsed.kind.as_str(),
            package_name: &parsed.package,
            path: parsed.path.as_str(),
            original_file_path: context.project.path_in_package(&parsed.path),
            unique_id: parsed.unique_id.as_str(),
            fqn: &parsed.fqn,
            source_name: &body.source,
            source_description: &body.source_description,
            loader: &body.loader,
            identifier: &body.details.identifier,
            quoting: Quoting::of(body.details.quoting),
            loaded_at_field: field,
            loaded_at_query: query,
            freshness,
            external: external(body),
            description: &parsed.description,
            columns: Columns::new(context, &parsed.columns),
            meta: &parsed.config.meta,
            source_meta: &body.details.source_meta,
            tags: &parsed.config.tags,
            config: SourceConfig {
                enabled: parsed.config.enabled,
                event_time: value("event_time"),
                freshness,
                loaded_at_field: field,
                loaded_at_query: query,
                meta: &parsed.config.meta,
                tags: &parsed.config.tags,
                static_analysis: value("static_analysis"),
            },
            patch_path: None,
            unrendered_config: unrendered(parsed, body),
            relation_name: relation.map(|it| {
                let quoting = body.details.quoting.over_names(context.project.config.quoting);
                it.clone().quoted_as(quoting).written()
            }),
            created_at: context.created_at,
            unrendered_database: body.details.unrendered_database.as_deref(),
            unrendered_schema: body.details.unrendered_schema.as_deref(),
            doc_blocks: column::of_node(context, parsed),
        })
    }
}

/// What the project says, and the keys that dbt always puts beside it.
fn unrendered<'a>(parsed: &'a ParsedNode, body: &'a SourceBody) -> BTreeMap<&'a str, Cow<'a, Json>> {
    let mut all = config::unrendered(parsed);
    all.insert("loaded_at_field", Cow::Owned(json!(body.loaded_at_field)));
    all.insert("loaded_at_query", Cow::Owned(json!(body.loaded_at_query)));
    all.entry("meta").or_insert_with(|| Cow::Owned(json!({})));
    all.entry("tags").or_insert_with(|| Cow::Owned(json!([])));
    if body.is_freshness_off {
        all.insert("freshness", Cow::Owned(Json::Null));
    }
    if let Some(rule) = &body.freshness {
        let threshold =
            |age: Option<Age>| json!({ "count": age.map(|it| it.count), "period": age.map(Age::unit) });
        let rule = json!({
            "warn_after": threshold(rule.warn_after),
            "error_after": threshold(rule.error_after),
            "filter": rule.filter,
        });
        all.insert("freshness", Cow::Owned(rule));
    }
    all
}

impl Quoting {
    fn of(said: SourceQuoting) -> Self {
        Self {
            database: said.database,
            schema: said.schema,
            identifier: said.identifier,
            column: said.column,
        }
    }
}

/// Where the data is kept, with the keys that dbt gives it.
fn external(body: &SourceBody) -> Option<Json> {
    let said = body.details.external.as_ref()?.as_object()?;
    let mut all = json!({
        "location": null, "file_format": null, "row_format": null, "tbl_properties": null, "partitions": null,
    });
    if let Json::Object(map) = &mut all {
        map.extend(said.iter().map(|(key, it)| (key.clone(), it.clone())));
    }
    Some(all)
}

impl<'a> Freshness<'a> {
    fn of(rule: &'a FreshnessRule) -> Self {
        Self {
            warn_after: Threshold::of(rule.warn_after),
            error_after: Threshold::of(rule.error_after),
            filter: rule.filter.as_deref(),
        }
    }
}

impl Threshold {
    fn of(age: Option<Age>) -> Self {
        Self { count: age.map(|it| it.count), period: age.map(Age::unit) }
    }
}
