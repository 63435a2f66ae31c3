//! Entries of `unit_tests`.

use serde_json::{Value as Json, json};

use super::code;
use super::entry::{Context, Entry};
use super::semantic::{depends_on, head};
use crate::parse::Body;
use crate::parse::properties::{FixtureFormat, TestedVersions};
use crate::parse::unit_tests::{Fixture, Rows};

/// `None` for another kind of node.
pub(super) fn entry(context: &Context<'_>, entry: &Entry<'_>) -> Option<Json> {
    let parsed = entry.parsed;
    let Body::UnitTest(test) = &parsed.body else { return None };
    let mut map = head(parsed);
    let mut set = |key: &str, value: Json| map.insert(key.to_owned(), value);
    set("model", json!(test.model.value));
    let given: Vec<Json> = test
        .given
        .iter()
        .map(|it| {
            let mut given = fixture(&it.fixture);
            given["input"] = json!(it.text.value);
            given
        })
        .collect();
    set("given", Json::Array(given));
    set("expect", fixture(&test.expect));
    set("description", json!(parsed.description));
    let overrides = &test.overrides;
    let has_overrides =
        [&overrides.macros, &overrides.vars, &overrides.env_vars].iter().any(|it| !it.is_empty());
    let overrides =
        json!({ "macros": overrides.macros, "vars": overrides.vars, "env_vars": overrides.env_vars });
    set("overrides", if has_overrides { overrides } else { Json::Null });
    set("depends_on", depends_on(context, entry));
    let static_analysis = parsed.config.values.get("static_analysis").map(|it| it.value.clone());
    set(
        "config",
        json!({
            "tags": parsed.config.tags,
            "meta": parsed.config.meta,
            "enabled": parsed.config.enabled,
            "static_analysis": static_analysis,
        }),
    );
    set("checksum", Json::Null);
    let model = entry.id.and_then(|it| context.graph.parents(it).first());
    let relation = model.and_then(|it| context.graph.node(*it).relation.as_ref());
    set("schema", json!(relation.and_then(|it| it.schema.as_ref())));
    set("created_at", json!(context.created_at));
    let numbers = |list: &[String]| list.iter().map(|it| code::version(it)).collect::<Json>();
    set(
        "versions",
        match &test.versions {
            Some(TestedVersions::Include(list)) => json!({ "include": numbers(list), "exclude": null }),
            Some(TestedVersions::Exclude(list)) => json!({ "include": null, "exclude": numbers(list) }),
            None => Json::Null,
        },
    );
    set("version", json!(test.tested.version.as_deref().map(code::version)));
    Some(Json::Object(map))
}

fn fixture(fixture: &Fixture) -> Json {
    let rows = match &fixture.rows {
        Rows::Values(rows) => json!(rows),
        Rows::Query(sql) => json!(sql),
        Rows::OfSeed => Json::Null,
    };
    let format: FixtureFormat = fixture.format;
    json!({ "rows": rows, "format": format.as_str(), "fixture": fixture.file })
}
