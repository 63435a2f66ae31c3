//! Entries of `exposures`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value as Json, json};

use super::code::{Calls, Ref};
use super::config;
use super::entry::{Context, Entry};
use super::semantic::depends_on;
use crate::parse::Body;

/// An exposure with all keys that dbt gives it.
#[derive(Serialize)]
pub(super) struct ManifestExposure<'a> {
    name: &'a str,
    resource_type: &'static str,
    package_name: &'a str,
    path: &'a str,
    original_file_path: &'a str,
    unique_id: &'a str,
    fqn: &'a [String],
    #[serde(rename = "type")]
    kind: &'a str,
    owner: Json,
    description: &'a str,
    label: Option<&'a str>,
    maturity: Option<&'a str>,
    meta: &'a Json,
    tags: &'a [String],
    config: ExposureConfig<'a>,
    unrendered_config: BTreeMap<&'a str, Cow<'a, Json>>,
    url: Option<&'a str>,
    depends_on: Json,
    refs: Vec<Ref<'a>>,
    sources: Vec<[&'a str; 2]>,
    metrics: Vec<[&'a str; 1]>,
    created_at: f64,
}

#[derive(Serialize)]
struct ExposureConfig<'a> {
    enabled: bool,
    tags: &'a [String],
    meta: &'a Json,
}

impl<'a> ManifestExposure<'a> {
    /// `None` for another kind of node.
    pub(super) fn new(context: &Context<'a>, entry: &Entry<'a>) -> Option<Self> {
        let parsed = entry.parsed;
        let Body::Exposure(body) = &parsed.body else { return None };
        let calls = Calls::of(parsed);
        let mut owner = json!({ "email": null, "name": null });
        if let Json::Object(map) = &mut owner {
            map.extend(body.owner.0.iter().map(|(key, it)| (key.clone(), it.clone())));
        }
        Some(Self {
            name: &parsed.name,
            resource_type: parsed.kind.as_str(),
            package_name: &parsed.package,
            path: parsed.path.inside(&parsed.folder).unwrap_or(parsed.path.as_str()),
            original_file_path: context.project.path_in_package(&parsed.path),
            unique_id: parsed.unique_id.as_str(),
            fqn: &parsed.fqn,
            kind: &body.kind,
            owner,
            description: &parsed.description,
            label: body.label.as_deref(),
            maturity: body.maturity.as_deref(),
            meta: &parsed.config.meta,
            tags: &parsed.config.tags,
            config: ExposureConfig {
                enabled: parsed.config.enabled,
                tags: &parsed.config.tags,
                meta: &parsed.config.meta,
            },
            unrendered_config: config::unrendered(parsed),
            url: body.url.as_deref(),
            depends_on: depends_on(context, entry),
            refs: calls.refs.iter().map(|it| Ref::new(it)).collect(),
            sources: calls.sources.iter().map(|it| [it.source.as_str(), it.table.as_str()]).collect(),
            metrics: body.metrics.iter().map(|it| [it.value.as_str()]).collect(),
            created_at: context.created_at,
        })
    }
}
