//! Entries of `exposures`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value as Json;

use super::code::{Calls, DependsOn, Ref};
use super::config;
use super::entry::{Context, Entry};
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
    owner: Owner<'a>,
    description: &'a str,
    label: Option<&'a str>,
    maturity: Option<&'a str>,
    meta: &'a Json,
    tags: &'a [String],
    config: ExposureConfig<'a>,
    unrendered_config: BTreeMap<&'a str, Cow<'a, Json>>,
    url: Option<&'a str>,
    depends_on: DependsOn<'a>,
    refs: Vec<Ref<'a>>,
    sources: Vec<[&'a str; 2]>,
    metrics: [&'a str; 0],
    created_at: f64,
}

#[derive(Serialize)]
struct Owner<'a> {
    email: Option<&'a str>,
    name: Option<&'a str>,
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
        let (name, email) = (body.owner.0.as_deref(), body.owner.1.as_deref());
        Some(Self {
            name: &parsed.name,
            resource_type: parsed.kind.as_str(),
            package_name: &parsed.package,
            path: parsed.path.inside(&parsed.folder).unwrap_or(parsed.path.as_str()),
            original_file_path: parsed.path.as_str(),
            unique_id: parsed.unique_id.as_str(),
            fqn: &parsed.fqn,
            kind: &body.kind,
            owner: Owner { email, name },
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
            depends_on: DependsOn::new(context, entry, &calls),
            refs: calls.refs.iter().map(|it| Ref::new(it)).collect(),
            sources: calls.sources.iter().map(|it| [it.source.as_str(), it.table.as_str()]).collect(),
            metrics: [],
            created_at: context.created_at,
        })
    }
}
