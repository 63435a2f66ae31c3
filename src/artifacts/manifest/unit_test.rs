//! Entries of `unit_tests`.

use std::fmt::Write as _;
use std::io::Read as _;

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::code;
use super::entry::{Context, Entry};
use super::node::MAX_HASHED_SEED;
use super::semantic::{depends_on, head};
use crate::node::NodeId;
use crate::parse::Body;
use crate::parse::properties::{FixtureFormat, TestedVersions};
use crate::parse::unit_tests::{
    Fixture, FixtureRow, Input, MacroExpect, MacroTest, ModelTest, Rows, UnitTest,
};

/// `None` for another kind of node.
pub(super) fn entry(context: &Context<'_>, entry: &Entry<'_>) -> Option<Json> {
    let parsed = entry.parsed;
    let Body::UnitTest(test) = &parsed.body else { return None };
    let mut map = head(parsed);
    let mut set = |key: &str, value: Json| map.insert(key.to_owned(), value);
    let (given, expect, macros) = match test.as_ref() {
        UnitTest::OfModel(test) => (given(context, entry, test), fixture(&test.expect), json!([])),
        UnitTest::OfMacro(test) => (of_macro(test), expect_of_macro(&test.expect), json!([test.macro_id])),
    };
    let mut depends_on = depends_on(context, entry);
    depends_on["macros"] = macros;
    set("model", json!(test.subject().value));
    let overrides = test.overrides();
    let has_overrides =
        [&overrides.macros, &overrides.vars, &overrides.env_vars].iter().any(|it| !it.is_empty());
    let overrides =
        json!({ "macros": overrides.macros, "vars": overrides.vars, "env_vars": overrides.env_vars });
    let overrides = if has_overrides { overrides } else { Json::Null };
    let (versions, version) = match test.of_model() {
        Some(test) => (versions(test.versions.as_ref()), test.tested.version.as_deref().map(code::version)),
        None => (Json::Null, None),
    };
    let all = json!([test.subject().value, versions, given, expect, overrides]);
    set("checksum", json!(checksum(&all)));
    set("given", given);
    set("expect", expect);
    set("description", json!(parsed.description));
    set("overrides", overrides);
    set("depends_on", depends_on);
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
    let model = entry.id.and_then(|it| context.graph.parents(it).first());
    let relation = model.and_then(|it| context.graph.node(*it).relation.as_ref());
    let own_schema = model.map(|_| &context.project.target.schema);
    set("schema", json!(relation.and_then(|it| it.schema.as_ref()).or(own_schema)));
    set("created_at", json!(context.created_at));
    set("versions", versions);
    set("version", json!(version));
    Some(Json::Object(map))
}

fn versions(versions: Option<&TestedVersions>) -> Json {
    let numbers = |list: &[String]| list.iter().map(|it| code::version(it)).collect::<Json>();
    match versions {
        Some(TestedVersions::Include(list)) => json!({ "include": numbers(list), "exclude": null }),
        Some(TestedVersions::Exclude(list)) => json!({ "include": null, "exclude": numbers(list) }),
        None => Json::Null,
    }
}

fn given(context: &Context<'_>, entry: &Entry<'_>, test: &ModelTest) -> Json {
    let one = |it: &crate::parse::unit_tests::Given| {
        let mut given = fixture(&it.fixture);
        if let (Rows::OfSeed, Input::Ref(call)) = (&it.fixture.rows, &it.input) {
            let seed = entry.node.and_then(|node| node.refs.get(call).copied());
            given["rows"] = seed.and_then(|it| seed_rows(context, it)).unwrap_or(Json::Null);
        }
        given["input"] = json!(it.text.value);
        given
    };
    test.given.iter().map(one).collect()
}

/// The rows of a seed's file, all of them as texts; `None` if there are too many for an artifact.
fn seed_rows(context: &Context<'_>, seed: NodeId) -> Option<Json> {
    let file = context.files.open(&context.graph.node(seed).path).ok()?;
    let mut bytes = Vec::new();
    let size = file.take(MAX_HASHED_SEED + 1).read_to_end(&mut bytes).ok()?;
    if size as u64 > MAX_HASHED_SEED {
        return None;
    }
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes.as_slice());
    let header = reader.headers().ok()?.clone();
    let row = |record: csv::StringRecord| -> Json {
        header.iter().zip(&record).map(|(name, value)| (name.to_owned(), Json::from(value))).collect()
    };
    Some(reader.records().map_while(Result::ok).map(row).collect())
}

fn fixture(fixture: &Fixture) -> Json {
    let rows = match &fixture.rows {
        Rows::Values(rows) => whole_row_first(rows),
        // The line break at the end of a block of YAML is no part of the query.
        Rows::Query(sql) => json!(sql.text.trim_end_matches('\n')),
        Rows::OfSeed => Json::Null,
    };
    let format: FixtureFormat = fixture.format;
    json!({ "rows": rows, "format": format.as_str(), "fixture": fixture.file })
}

/// dbt exchanges the first row with the first one that has no null in it.
fn whole_row_first(rows: &[FixtureRow]) -> Json {
    let mut list: Vec<Json> = rows.iter().map(FixtureRow::to_json).collect();
    let is_whole = |row: &FixtureRow| row.cells.iter().all(|it| !it.value.is_null());
    if let Some(index) = rows.iter().position(is_whole) {
        list.swap(0, index);
    }
    Json::Array(list)
}

/// dbt has no tests of macros. What they are given stands where rows of inputs stand.
fn of_macro(test: &MacroTest) -> Json {
    let args: Json = test.arguments.iter().cloned().collect();
    let args = json!({ "input": "args", "rows": [args], "format": "dict", "fixture": null });
    let rows = test.rows.as_ref().map(|rows| {
        let mut rows = fixture(rows);
        rows["input"] = json!("rows");
        rows
    });
    std::iter::once(args).chain(rows).collect()
}

fn expect_of_macro(expect: &MacroExpect) -> Json {
    let one =
        |key: &str, value: &Json| json!({ "rows": [{ key: value }], "format": "dict", "fixture": null });
    match expect {
        MacroExpect::Rows(rows) => fixture(rows),
        MacroExpect::Sql(text) => one("sql", &json!(text.value)),
        MacroExpect::Value(value) => one("value", &value.value),
        MacroExpect::Error(text) => one("error", &json!(text.value)),
    }
}

fn checksum(all: &Json) -> String {
    let digest = Sha256::digest(all.to_string().as_bytes());
    digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
