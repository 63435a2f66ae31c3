//! Column lineage of queries: the corpus in `lineage_corpus/` with the edges that are expected, and the same
//! queries run on data in which one column after the other is changed.
//!
//! A case is a comment with its name, a query, and a line for each column: `> name: sources`. A source is
//! `t.a` where it passes through, `~t.a` where it is renamed, `+t.a` where something is computed from it, `?`
//! where it is not known. `> keys:` are the columns that decide on rows.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use serde_json::Value as Json;
use tidemill::sql::lineage::{EdgeKind, Table, Tables, Traced, trace};
use tidemill::warehouse::binder::Binder;
use tidemill::warehouse::{ConnectOptions, Warehouse, duckdb};

use crate::project::source_tree;

/// The tables of the corpus, with values that have gaps, repetitions and nulls.
const TABLES: &[(&str, &[(&str, &str)])] = &[
    (
        "t",
        &[
            ("id", "i"),
            ("a", "i * 7 % 5"),
            ("b", "i * 3 % 4"),
            ("c", "['x', 'y', 'z'][i % 3 + 1]"),
            ("d", "date '2024-01-01' + (i * 5 % 6)::int"),
            ("k", "i % 4 + 1"),
        ],
    ),
    (
        "u",
        &[
            ("id", "i + 2"),
            ("k", "i % 5"),
            ("x", "i * 11 % 7"),
            ("y", "['p', 'q', 'r'][i * 2 % 3 + 1]"),
            ("d", "date '2024-01-01' + (i * 3 % 5)::int"),
        ],
    ),
    (
        "v",
        &[
            ("k", "i % 4 + 1"),
            ("z", "i * 1.5"),
            ("l", "[i, i + 1, i % 3]"),
            ("s", "{'p': i, 'q': 'q' || i}"),
            ("m", "map(['x', 'y'], [i, i * 2])"),
            ("j", "json_object('a', i, 'b', 'b' || i, 'c', i % 2)"),
        ],
    ),
    (
        "w",
        &[
            ("year", "2000 + i % 3"),
            ("region", "['n', 's'][i % 2 + 1]"),
            ("amount", "i * 13 % 9"),
            ("qty", "i % 4"),
        ],
    ),
    ("e", &[("id", "i"), ("parent", "case when i = 0 then null else i // 2 end"), ("name", "'e' || i")]),
    // In the manner of TPC-H and TPC-DS.
    (
        "lineitem",
        &[
            ("l_orderkey", "i % 6"),
            ("l_partkey", "i % 3"),
            ("l_suppkey", "i % 4"),
            ("l_quantity", "i * 5 % 4"),
            ("l_extendedprice", "i * 17 % 11"),
            ("l_discount", "i % 3 * 0.1"),
            ("l_returnflag", "['a', 'n', 'r'][i % 3 + 1]"),
            ("l_linestatus", "['f', 'o'][i % 2 + 1]"),
            ("l_shipdate", "date '2024-01-01' + (i * 5 % 7)::int"),
        ],
    ),
    (
        "orders",
        &[
            ("o_orderkey", "i % 8"),
            ("o_custkey", "i % 5"),
            ("o_orderdate", "date '2020-01-01' + (i * 200)::int"),
            ("o_orderpriority", "'p' || i % 3"),
        ],
    ),
    (
        "customer",
        &[
            ("c_custkey", "i % 9"),
            ("c_name", "'c' || i"),
            ("c_mktsegment", "['x', 'y'][i % 2 + 1]"),
            ("c_nationkey", "i % 4"),
        ],
    ),
    ("nation", &[("n_nationkey", "i % 6"), ("n_name", "'n' || i")]),
    ("supplier", &[("s_suppkey", "i % 7"), ("s_name", "'s' || i"), ("s_nationkey", "i % 5")]),
    ("part", &[("p_partkey", "i % 5"), ("p_brand", "'b' || i % 4")]),
    ("partsupp", &[("ps_partkey", "i % 4"), ("ps_suppkey", "i % 6"), ("ps_supplycost", "i * 7 % 10")]),
    (
        "store_sales",
        &[
            ("ss_sold_date_sk", "i % 6"),
            ("ss_item_sk", "i % 5"),
            ("ss_customer_sk", "i % 3"),
            ("ss_quantity", "i % 4"),
            ("ss_sales_price", "i * 13 % 12"),
            ("ss_discount", "i % 2"),
        ],
    ),
    (
        "store_returns",
        &[
            ("sr_returned_date_sk", "i % 6"),
            ("sr_item_sk", "i % 4"),
            ("sr_customer_sk", "i % 3"),
            ("sr_store_sk", "i % 2"),
            ("sr_return_amt", "i * i % 10"),
        ],
    ),
    (
        "date_dim",
        &[
            ("d_date_sk", "i % 7"),
            ("d_year", "2000 + i % 2"),
            ("d_week", "i % 5"),
            ("d_day", "['mon', 'tue', 'wed'][i % 3 + 1]"),
        ],
    ),
    (
        "item",
        &[
            ("i_item_sk", "i % 6"),
            ("i_brand", "'b' || i % 3"),
            ("i_category", "['x', 'y'][i % 2 + 1]"),
            ("i_price", "i * 7 % 10"),
        ],
    ),
];

const ROWS: usize = 12;

struct Case {
    file: String,
    name: String,
    sql: String,
    expected: Vec<(String, BTreeSet<String>)>,
    keys: BTreeSet<String>,
}

fn cases() -> Vec<Case> {
    let folder = source_tree().join("tests/integration/lineage_corpus");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        for block in text.split("\n\n").map(str::trim).filter(|it| !it.is_empty()) {
            let mut case = Case {
                file: path.file_name().unwrap().to_string_lossy().into_owned(),
                name: String::new(),
                sql: String::new(),
                expected: Vec::new(),
                keys: BTreeSet::new(),
            };
            for line in block.lines() {
                if let Some(name) = line.strip_prefix("# ") {
                    name.clone_into(&mut case.name);
                } else if let Some(edges) = line.strip_prefix("> ") {
                    let (column, sources) = edges.rsplit_once(':').unwrap();
                    let sources =
                        sources.split(',').map(|it| it.trim().to_owned()).filter(|it| !it.is_empty());
                    match column {
                        "keys" => case.keys.extend(sources),
                        column => case.expected.push((column.to_owned(), sources.collect())),
                    }
                } else {
                    case.sql.push_str(line);
                    case.sql.push('\n');
                }
            }
            cases.push(case);
        }
    }
    cases
}

struct Corpus;

impl Tables for Corpus {
    fn table(&self, name: &[&str]) -> Option<Table> {
        let name = name.last()?.to_lowercase();
        let (name, columns) = TABLES.iter().find(|it| it.0 == name)?;
        let columns = columns.iter().map(|it| it.0.to_owned()).collect();
        Some(Table { name: (*name).to_owned(), columns: Some(columns) })
    }

    fn reference(&self, _key: &str) -> Option<Table> {
        None
    }

    fn cte(&self, _name: &str) -> Option<Table> {
        None
    }

    fn function(&self, _name: &[&str]) -> Option<(Json, Vec<String>)> {
        None
    }

    fn described(&self, _sql: &str) -> Option<Vec<String>> {
        None
    }
}

fn create_tables() -> Vec<String> {
    let create = |(name, columns): &(&str, &[(&str, &str)])| {
        let items: Vec<String> =
            columns.iter().map(|(column, value)| format!("{value} as {column}")).collect();
        format!("create table {name} as select {} from range({ROWS}) as r(i)", items.join(", "))
    };
    TABLES.iter().map(create).collect()
}

fn binder() -> Box<dyn Binder> {
    let mut binder = duckdb::open_binder(&ConnectOptions::default()).unwrap();
    for statement in create_tables() {
        binder.define(&statement).unwrap();
    }
    binder
}

fn traced(binder: &mut dyn Binder, sql: &str) -> Traced {
    let names = binder.describe(sql).unwrap_or_else(|error| panic!("{sql}: {}", error.error));
    let names: Vec<String> = names.into_iter().map(|it| it.name).collect();
    let tree: Json = serde_json::from_str(&binder.syntax(sql).unwrap()).unwrap();
    trace(&tree, &Corpus, Some(&names))
}

/// Edges as the corpus writes them.
fn written(traced: &Traced) -> (Vec<(String, BTreeSet<String>)>, BTreeSet<String>) {
    let columns = traced.columns.iter().map(|column| {
        let mut sources: BTreeSet<String> = column
            .sources
            .iter()
            .map(|(source, kind)| {
                let mark = match kind {
                    EdgeKind::PassThrough => "",
                    EdgeKind::Renamed => "~",
                    EdgeKind::Computed => "+",
                    EdgeKind::Key => "!",
                };
                format!("{mark}{}.{}", source.table, source.column)
            })
            .collect();
        if column.is_unknown {
            sources.insert("?".to_owned());
        }
        (column.name.clone(), sources)
    });
    let keys = traced.keys.iter().map(|it| format!("{}.{}", it.table, it.column)).collect();
    (columns.collect(), keys)
}

#[test]
fn the_corpus_has_the_edges_that_are_expected() {
    let mut binder = binder();
    let cases = cases();
    let (mut right, mut missed, mut invented) = (0, 0, 0);
    let mut report = String::new();
    for case in &cases {
        let (columns, keys) = written(&traced(binder.as_mut(), &case.sql));
        let all = |columns: &[(String, BTreeSet<String>)], keys: &BTreeSet<String>| -> BTreeSet<String> {
            let edges =
                columns.iter().flat_map(|(name, it)| it.iter().map(move |it| format!("{name}: {it}")));
            edges.chain(keys.iter().map(|it| format!("keys: {it}"))).collect()
        };
        let (expected, found) = (all(&case.expected, &case.keys), all(&columns, &keys));
        right += expected.intersection(&found).count();
        missed += expected.difference(&found).count();
        invented += found.difference(&expected).count();
        let names = |it: &[(String, BTreeSet<String>)]| it.iter().map(|it| it.0.clone()).collect::<Vec<_>>();
        if expected != found || names(&case.expected) != names(&columns) {
            let _ = writeln!(report, "{}: {}\n{}", case.file, case.name, case.sql.trim());
            let _ = writeln!(report, "  missed {:?}", expected.difference(&found).collect::<Vec<_>>());
            let _ = writeln!(report, "  invented {:?}", found.difference(&expected).collect::<Vec<_>>());
            let _ = writeln!(report, "  columns {:?}", names(&columns));
        }
    }
    assert!(cases.len() >= 200, "{} cases", cases.len());
    assert!(report.is_empty(), "{right} edges right, {missed} missed, {invented} invented\n{report}");
}

/// Values of each column of a query, without the order of rows.
fn values(warehouse: &mut dyn Warehouse, sql: &str) -> Vec<BTreeMap<String, usize>> {
    let rows = warehouse.query(sql, None).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let mut columns = vec![BTreeMap::new(); rows.columns.len()];
    for row in &rows.rows {
        for (column, value) in columns.iter_mut().zip(row) {
            *column.entry(value.to_string()).or_default() += 1;
        }
    }
    columns
}

#[test]
fn no_column_changes_with_data_that_it_has_no_edge_to() {
    let mut binder = binder();
    let options = ConnectOptions {
        schema: "main".to_owned(),
        settings: vec![("threads".to_owned(), "1".to_owned())],
        ..ConnectOptions::default()
    };
    let mut warehouse = duckdb::open(&options).unwrap();
    for statement in create_tables() {
        warehouse.execute(&statement).unwrap();
    }
    let cases: Vec<(Case, Traced)> =
        cases().into_iter().map(|it| (traced(binder.as_mut(), &it.sql), it)).map(|(a, b)| (b, a)).collect();
    let before: Vec<_> = cases.iter().map(|(case, _)| values(warehouse.as_mut(), &case.sql)).collect();
    let mut faults = String::new();
    let mut seen = 0;
    for (table, columns) in TABLES {
        for (column, _) in *columns {
            // A third of the rows gets the value of another row, so that it still fits to something.
            let items: Vec<String> = columns
                .iter()
                .map(|(name, value)| {
                    if name == column {
                        let other = "if(r.i % 3 = 0, (r.i * 5 + 4) % 12, r.i)";
                        format!(
                            "(select w.{name} from {table}_0 as w where w.row_number = {other}) as {name}"
                        )
                    } else {
                        format!("{value} as {name}")
                    }
                })
                .collect();
            warehouse
                .execute(&format!(
                    "create or replace table {table}_0 as select *, row_number() over () - 1 as row_number from {table}"
                ))
                .unwrap();
            warehouse
                .execute(&format!(
                    "create or replace table {table} as select {} from range({ROWS}) as r(i)",
                    items.join(", ")
                ))
                .unwrap();
            for ((case, traced), before) in cases.iter().zip(&before) {
                // Another parent may be a descendant, and a query that follows it would never end.
                if *table == "e" && case.sql.contains("recursive") {
                    continue;
                }
                if !case.sql.split(|it: char| !it.is_alphanumeric()).any(|it| it.eq_ignore_ascii_case(table))
                {
                    continue;
                }
                let is_key = traced.keys.iter().any(|it| it.table == *table && it.column == *column);
                let after = values(warehouse.as_mut(), &case.sql);
                for (n, traced) in traced.columns.iter().enumerate() {
                    if before.get(n) == after.get(n) {
                        continue;
                    }
                    seen += 1;
                    let has_edge = traced.sources.keys().any(|it| it.table == *table && it.column == *column);
                    if !is_key && !has_edge && !traced.is_unknown {
                        let _ = writeln!(
                            faults,
                            "{}: {}: {} changes with {table}.{column}",
                            case.file, case.name, traced.name
                        );
                    }
                }
            }
            warehouse
                .execute(&format!(
                    "create or replace table {table} as select * exclude (row_number) from {table}_0"
                ))
                .unwrap();
        }
    }
    assert!(seen > 500, "only {seen} changes were seen");
    assert!(faults.is_empty(), "{faults}");
}
