//! Whole projects in memory to the JSON that would be on disk.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::compile;
use crate::diagnostics::{Diagnostics, Sources};
use crate::graph;
use crate::node::{NodeId, UniqueId};
use crate::parse;
use crate::project::files::MemoryFiles;
use crate::project::{self, LoadOptions};
use crate::run::{NodeResult, Status};

/// A project that was resolved.
struct Resolved {
    project: Project,
    graph: Graph,
    sources: Sources,
    files: MemoryFiles,
}

#[track_caller]
fn resolved(files: &[(&str, &str)]) -> Resolved {
    let mut memory = MemoryFiles::default();
    memory.insert("project.yml", "name: shop\n");
    for (path, text) in files {
        memory.insert(path, *text);
    }
    let options = LoadOptions {
        profile: None,
        target: None,
        vars: BTreeMap::new(),
        env: BTreeMap::new(),
        profiles: None,
        invocation_id: "invocation".to_owned(),
        started_at: "2026-01-02T03:04:05.000006Z".to_owned(),
        flags: project::flags("build", false, false, false),
    };
    let (mut diags, mut sources) = (Diagnostics::default(), Sources::default());
    let project = project::load(&mut diags, &mut sources, &memory, &options).expect("a project");
    let parsed = parse::parse(&mut diags, &mut sources, &project);
    let graph = graph::resolve(&mut diags, parsed);
    assert!(!diags.has_errors(), "{:#?}", diags.all());
    Resolved { project, graph, sources, files: memory }
}

fn stamp() -> Stamp {
    Stamp {
        generated_at: "2026-01-02T03:04:05.5Z".to_owned(),
        invocation_id: "invocation".to_owned(),
        args: json!({ "which": "build" }),
    }
}

impl Resolved {
    fn compiled(&self) -> Compiled {
        let all = self.graph.nodes().map(|(id, _)| id).collect();
        compile::compile(&self.project, &self.graph, &all)
    }

    fn input<'a>(&'a self, compiled: Option<&'a Compiled>) -> ManifestInput<'a> {
        ManifestInput {
            project: &self.project,
            graph: &self.graph,
            compiled,
            sources: &self.sources,
            files: &self.files,
        }
    }

    fn manifest(&self) -> Json {
        serde_json::to_value(manifest(&self.input(None), &stamp())).unwrap()
    }

    fn compiled_manifest(&self) -> Json {
        let compiled = self.compiled();
        serde_json::to_value(manifest(&self.input(Some(&compiled)), &stamp())).unwrap()
    }

    fn id(&self, unique_id: &str) -> NodeId {
        self.graph.find(&UniqueId(unique_id.to_owned())).expect(unique_id)
    }
}

const ORDERS: [(&str, &str); 2] = [
    ("models/stg.sql", "select 1 as id\n"),
    (
        "models/orders.sql",
        "\n{{ config(materialized='table', tags=['daily']) }}\nselect * from {{ ref('stg') }}\n",
    ),
];

const SCHEMA: &str = "
models:
  - name: orders
    description: All orders.
    columns:
      - name: id
        description: \"{{ doc('key') }}\"
        data_tests:
          - unique
          - not_null: {config: {severity: warn, limit: 5}}
          - relationships: {arguments: {to: ref('stg'), field: id}}
";

fn described() -> Resolved {
    let docs = ("models/docs.md", "{% docs key %}\nThe key.\n{% enddocs %}\n");
    resolved(&[ORDERS[0], ORDERS[1], ("models/schema.yml", SCHEMA), docs])
}

fn keys(value: &Json) -> Vec<&str> {
    value.as_object().expect("a mapping").keys().map(String::as_str).collect()
}

/// dbt 1.11's keys, in its order.
const NODE_KEYS: &str = "database schema name resource_type package_name path original_file_path unique_id fqn \
    alias checksum config tags description columns meta group docs patch_path build_path unrendered_config \
    created_at relation_name raw_code doc_blocks";
const CODE_KEYS: &str = "language refs sources metrics functions depends_on compiled_path";
const COMPILED_KEYS: &str = "compiled compiled_code extra_ctes_injected extra_ctes";
const MODEL_KEYS: &str = "access constraints version latest_version deprecation_date primary_key time_spine";
const TEST_KEYS: &str = "column_name file_key_name attached_node test_metadata";

#[track_caller]
fn check_keys(value: &Json, expected: &[&str]) {
    let expected: Vec<&str> = expected.iter().flat_map(|it| it.split_whitespace()).collect();
    assert_eq!(keys(value), expected);
}

#[test]
fn entries_have_the_keys_of_dbt() {
    let project = described();
    let parsed = project.manifest();
    check_keys(&parsed["nodes"]["model.shop.orders"], &[NODE_KEYS, CODE_KEYS, "contract", MODEL_KEYS]);
    let compiled = project.compiled_manifest();
    let orders = &compiled["nodes"]["model.shop.orders"];
    check_keys(orders, &[NODE_KEYS, CODE_KEYS, COMPILED_KEYS, "contract", MODEL_KEYS]);
    let test = keys(&compiled["nodes"]).into_iter().find(|it| it.starts_with("test.shop.unique_orders_id."));
    check_keys(
        &compiled["nodes"][test.unwrap()],
        &[NODE_KEYS, CODE_KEYS, COMPILED_KEYS, "contract", TEST_KEYS],
    );
    check_keys(
        &compiled,
        &["metadata nodes sources macros docs exposures metrics groups selectors disabled parent_map \
             child_map group_map saved_queries semantic_models unit_tests functions"],
    );
}

#[test]
fn a_model_is_described() {
    let manifest = described().compiled_manifest();
    let orders = &manifest["nodes"]["model.shop.orders"];
    let expected = json!({
        "relation_name": "\"shop\".\"main\".\"orders\"",
        "raw_code": "{{ config(materialized='table', tags=['daily']) }}\nselect * from {{ ref('stg') }}",
        "patch_path": "shop://models/schema.yml",
        "path": "orders.sql",
        "original_file_path": "models/orders.sql",
        "fqn": ["shop", "orders"],
        "tags": ["daily"],
        "refs": [{ "name": "stg", "package": null, "version": null }],
        "depends_on": { "macros": [], "nodes": ["model.shop.stg"] },
        "compiled_path": "target/compiled/shop/models/orders.sql",
        "primary_key": ["id"],
        "unrendered_config": { "materialized": "table", "tags": ["daily"] },
        "created_at": 1_767_323_045.5,
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&orders[key], value, "{key}");
    }
    assert_eq!(orders["config"]["materialized"], "table");
    assert_eq!(orders["config"]["on_schema_change"], "ignore");
    assert_eq!(orders["columns"]["id"]["description"], "The key.");
    assert_eq!(orders["columns"]["id"]["doc_blocks"], json!(["doc.shop.key"]));
    let code = orders["compiled_code"].as_str().unwrap();
    assert_eq!(code.trim(), "select * from \"shop\".\"main\".\"stg\"");
}

#[test]
fn a_generic_test_is_described() {
    let manifest = described().manifest();
    let named = |name: &str| {
        let nodes = manifest["nodes"].as_object().unwrap();
        nodes.values().find(|it| it["name"] == name).unwrap_or_else(|| panic!("no test {name}")).clone()
    };
    let not_null = named("not_null_orders_id");
    let call = "{{ test_not_null(**_dbt_generic_test_kwargs) }}{{ config(severity=\"warn\",limit=5) }}";
    assert_eq!(not_null["raw_code"], call);
    assert_eq!(not_null["path"], "not_null_orders_id.sql");
    assert_eq!(not_null["original_file_path"], "models/schema.yml");
    assert_eq!(not_null["attached_node"], "model.shop.orders");
    assert_eq!(not_null["file_key_name"], "models.orders");
    assert_eq!(not_null["config"]["severity"], "warn");
    assert_eq!(not_null["checksum"], json!({ "name": "none", "checksum": "" }));
    assert_eq!(
        not_null["test_metadata"],
        json!({
            "name": "not_null",
            "kwargs": { "column_name": "id", "model": "{{ get_where_subquery(ref('orders')) }}" },
            "namespace": null,
        })
    );
    let relationships = named("relationships_orders_id__id__ref_stg_");
    assert_eq!(relationships["depends_on"]["nodes"], json!(["model.shop.stg", "model.shop.orders"]));
}

#[test]
fn checksums_are_of_the_text_without_the_space_around_it() {
    let big = "id\n".to_owned() + &"1\n".repeat(600_000);
    let project = resolved(&[
        ("models/a.sql", "\n select 1 \n"),
        ("seeds/s.csv", "id\n1\n\n"),
        ("seeds/big.csv", &big),
    ]);
    let manifest = project.manifest();
    let checksum = |id: &str| manifest["nodes"][id]["checksum"].clone();
    let model = "822ae07d4783158bc1912bb623e5107cc9002d519e1143a9c200ed6ee18b6d0f";
    let seed = "605096a310e4908def91488e2d873d6bd9f4a9930bcb42eeac08d6f0ccf3ba0e";
    assert_eq!(checksum("model.shop.a"), json!({ "name": "sha256", "checksum": model }));
    assert_eq!(checksum("seed.shop.s"), json!({ "name": "sha256", "checksum": seed }));
    assert_eq!(checksum("seed.shop.big"), json!({ "name": "path", "checksum": "seeds/big.csv" }));
}

#[test]
fn sources_exposures_and_disabled_nodes_are_listed() {
    let schema = "
sources:
  - name: raw
    description: The shop's own tables.
    tables:
      - name: sales
        loaded_at_field: at
        freshness: {warn_after: {count: 1, period: day}}
exposures:
  - name: board
    type: dashboard
    owner: {email: a@example.com}
    depends_on: [ref('a')]
";
    let model = ("models/a.sql", "select * from {{ source('raw', 'sales') }}");
    let off = ("models/off.sql", "{{ config(enabled=false) }}select 1");
    let manifest = resolved(&[model, off, ("models/schema.yml", schema)]).manifest();
    let source = &manifest["sources"]["source.shop.raw.sales"];
    let none = json!({ "count": null, "period": null });
    let day = json!({ "count": 1, "period": "day" });
    assert_eq!(source["freshness"], json!({ "warn_after": day, "error_after": none, "filter": null }));
    assert_eq!(source["relation_name"], "\"shop\".\"raw\".\"sales\"");
    let board = &manifest["exposures"]["exposure.shop.board"];
    assert_eq!(board["depends_on"], json!({ "macros": [], "nodes": ["model.shop.a"] }));
    assert_eq!(manifest["disabled"]["model.shop.off"][0]["config"]["enabled"], false);
    assert_eq!(manifest["nodes"].get("model.shop.off"), None);
    assert_eq!(
        manifest["parent_map"],
        json!({
            "exposure.shop.board": ["model.shop.a"],
            "model.shop.a": ["source.shop.raw.sales"],
            "source.shop.raw.sales": [],
        })
    );
    assert_eq!(manifest["child_map"]["model.shop.a"], json!(["exposure.shop.board"]));
}

#[test]
fn ephemeral_models_are_listed_with_their_readers() {
    let ephemeral = ("models/stg.sql", "{{ config(materialized='ephemeral') }}select 1 as id");
    let manifest = resolved(&[ephemeral, ORDERS[1]]).compiled_manifest();
    assert_eq!(manifest["nodes"]["model.shop.stg"]["relation_name"], Json::Null);
    assert_eq!(manifest["nodes"]["model.shop.stg"]["schema"], "main");
    assert_eq!(
        manifest["nodes"]["model.shop.orders"]["extra_ctes"],
        json!([{ "id": "model.shop.stg", "sql": " __dbt__cte__stg as (\nselect 1 as id\n)" }])
    );
}

#[test]
fn the_same_project_gives_the_same_bytes() {
    let bytes = || {
        let project = described();
        let compiled = project.compiled();
        serde_json::to_string(&manifest(&project.input(Some(&compiled)), &stamp())).unwrap()
    };
    assert_eq!(bytes(), bytes());
}

fn result(node: NodeId, status: Status) -> NodeResult {
    NodeResult {
        node,
        status,
        started_at: "2026-01-02T03:04:06Z".to_owned(),
        completed_at: "2026-01-02T03:04:07Z".to_owned(),
        elapsed: Duration::from_millis(1500),
        worker: 0,
        message: None,
        failures: None,
        batches: None,
        rows: None,
    }
}

#[test]
fn run_results_say_what_became_of_nodes() {
    let project = resolved(&[ORDERS[0], ORDERS[1], ("seeds/s.csv", "id\n1\n")]);
    let compiled = project.compiled();
    let skipped = NodeResult {
        started_at: String::new(),
        completed_at: String::new(),
        elapsed: Duration::ZERO,
        message: Some("stg failed".to_owned()),
        ..result(project.id("model.shop.stg"), Status::Skipped)
    };
    let results = RunResults {
        results: vec![
            NodeResult { rows: Some(1), ..result(project.id("seed.shop.s"), Status::Success) },
            NodeResult {
                rows: Some(7),
                worker: 1,
                ..result(project.id("model.shop.orders"), Status::Success)
            },
            skipped,
        ],
        elapsed: Duration::from_secs(2),
        ..RunResults::default()
    };
    let stamp = stamp();
    let file = run_results(&project.project, &project.graph, &compiled, &results, &stamp);
    let file = serde_json::to_value(file).unwrap();
    assert_eq!(keys(&file), ["metadata", "results", "elapsed_time", "args"]);
    assert_eq!(file["metadata"]["dbt_schema_version"], "https://schemas.getdbt.com/dbt/run-results/v6.json");
    assert_eq!(file["results"].as_array().map(Vec::len), Some(3));
    let began = "2026-01-02T03:04:06Z";
    assert_eq!(
        file["results"][0],
        json!({
            "status": "success",
            "timing": [
                { "name": "compile", "started_at": began, "completed_at": began },
                { "name": "execute", "started_at": began, "completed_at": "2026-01-02T03:04:07Z" },
            ],
            "thread_id": "Thread-1",
            "execution_time": 1.5,
            "adapter_response": { "_message": "INSERT 1", "code": "INSERT", "rows_affected": 1 },
            "message": "INSERT 1",
            "failures": null,
            "unique_id": "seed.shop.s",
            "compiled": null,
            "compiled_code": null,
            "relation_name": null,
            "batch_results": null,
        })
    );
    let orders = &file["results"][1];
    assert_eq!(orders["adapter_response"], json!({ "_message": "OK", "rows_affected": 7 }));
    assert_eq!((&orders["compiled"], &orders["thread_id"]), (&json!(true), &json!("Thread-2")));
    let skipped = &file["results"][2];
    assert_eq!(skipped["timing"], json!([]));
    assert_eq!((&skipped["compiled"], &skipped["compiled_code"]), (&json!(false), &Json::Null));
    assert_eq!(skipped["relation_name"], "\"shop\".\"main\".\"stg\"");
}

#[test]
fn run_results_leave_out_sources_and_what_is_only_in_its_readers() {
    let ephemeral = ("models/stg.sql", "{{ config(materialized='ephemeral') }}select 1 as id");
    let schema = ("models/schema.yml", "sources: [{name: raw, tables: [{name: sales}]}]");
    let project = resolved(&[ephemeral, schema]);
    let compiled = project.compiled();
    let ids = ["source.shop.raw.sales", "model.shop.stg"];
    let results = RunResults {
        results: ids.iter().map(|it| result(project.id(it), Status::Success)).collect(),
        ..RunResults::default()
    };
    let stamp = stamp();
    let file = run_results(&project.project, &project.graph, &compiled, &results, &stamp);
    assert_eq!(serde_json::to_value(file).unwrap()["results"], json!([]));
}

fn listing(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = walkdir::WalkDir::new(dir)
        .into_iter()
        .filter_map(Result::ok)
        .filter(|it| it.file_type().is_file())
        .map(|it| it.path().strip_prefix(dir).unwrap().to_string_lossy().replace('\\', "/"))
        .collect();
    names.sort();
    names
}

#[test]
fn compiled_sql_is_laid_out_as_dbt_does() {
    let test = ("tests/none.sql", "select * from {{ ref('orders') }} where false");
    let schema = "models: [{name: orders, columns: [{name: id, data_tests: [unique: {name: ../../up}]}]}]";
    let analysis = ("analyses/look.sql", "select 1");
    let project = resolved(&[ORDERS[0], ORDERS[1], test, analysis, ("models/schema.yml", schema)]);
    let dir = tempfile::tempdir().unwrap();
    let output = Output::new(dir.path());
    for _ in 0..2 {
        output.write_compiled(&project.project, &project.graph, &project.compiled()).unwrap();
        output.write_manifest(&project.input(None), &stamp()).unwrap();
    }
    assert_eq!(
        listing(dir.path()),
        [
            "compiled/shop/analyses/look.sql",
            "compiled/shop/models/orders.sql",
            "compiled/shop/models/schema.yml/.._.._up.sql",
            "compiled/shop/models/stg.sql",
            "compiled/shop/tests/none.sql",
            "manifest.json",
        ]
    );
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let in_the_way = dir.path().join("target");
    fs::write(&in_the_way, "").unwrap();
    let project = resolved(&ORDERS);
    let error = Output::new(&in_the_way).write_manifest(&project.input(None), &stamp()).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot create the folder `{}`", in_the_way.display()));
    assert!(!error.is_disk_full());

    fs::create_dir(dir.path().join("manifest.json")).unwrap();
    let error = Output::new(dir.path()).write_manifest(&project.input(None), &stamp()).unwrap_err();
    let path = dir.path().join("manifest.json");
    assert_eq!(error.to_string(), format!("cannot write the manifest `{}`", path.display()));
    assert_eq!(listing(dir.path()), ["target"], "nothing temporary is left");
}
