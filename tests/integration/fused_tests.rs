//! One scan for many tests gives what each test gives alone: a property, on random tables.

use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::builtin_tests::results;
use super::project::project;

/// A row: numbers from few values so that they repeat, texts with all that is odd, times.
type Row = (Option<i32>, Option<&'static str>, Option<&'static str>, Option<i32>);

fn row() -> impl Strategy<Value = Row> {
    let number = prop_oneof![1 => Just(None), 6 => (-3..9).prop_map(Some)];
    let text = prop::sample::select(vec!["a", "A", " ", "", "it''s", "null", "b-1", "ä"]);
    let real = prop::sample::select(vec!["0", "-0", "1.5", "nan", "inf", "-7"]);
    (
        number,
        prop::option::weighted(0.8, text),
        prop::option::weighted(0.8, real),
        prop::option::weighted(0.9, 0..2000_i32),
    )
}

/// Conditions and limits that a test is given.
fn config() -> impl Strategy<Value = String> {
    let condition = prop::sample::select(vec!["", "", "n > 1", "n > 0 or t = 'a'", "t is not null", "false"]);
    let limits = prop::sample::select(vec![
        "",
        "",
        "error_if: '> 1'",
        "error_if: '> 20%'",
        "error_if: '>= 50%', warn_if: '> 10%'",
        "severity: warn",
        "warn_if: 'between 1 and 2', error_if: '> 3'",
    ]);
    (condition, limits).prop_map(|(condition, limits)| {
        let condition = if condition.is_empty() { String::new() } else { format!("where: \"{condition}\"") };
        [condition, limits.to_owned()].into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join(", ")
    })
}

/// Every test that can share a query, and some that cannot.
const TESTS: &[(&str, &str)] = &[
    ("not_null", "column_name: n"),
    ("not_null", "column_name: t"),
    ("unique", "column_name: n"),
    ("unique", "column_name: r"),
    ("unique", "column_name: \"t || n\""),
    ("accepted_values", "column_name: t, values: [a, b-1]"),
    ("accepted_values", "column_name: n, values: [1, 2, 3], quote: false"),
    ("relationships", "column_name: n, to: ref('parent'), field: id"),
    ("not_accepted_values", "column_name: t, values: ['', ' ', \"it''s\"]"),
    ("accepted_range", "column_name: n, min_value: 0, max_value: 5"),
    ("accepted_range", "column_name: r, min_value: 0, inclusive: false"),
    ("not_empty_string", "column_name: t"),
    ("not_empty_string", "column_name: t, trim_whitespace: false"),
    ("expression_is_true", "expression: \"n < 5 or t = 'a'\""),
    ("expression_is_true", "expression: \"> 2\", column_name: n"),
    ("unique_combination_of_columns", "combination_of_columns: [n, t]"),
    ("unique_combination_of_columns", "combination_of_columns: [r]"),
    ("equal_rowcount", "compare_model: ref('parent')"),
    ("fewer_rows_than", "compare_model: ref('parent')"),
    ("at_least_one", "column_name: r"),
    ("not_constant", "column_name: r"),
    ("not_constant", "column_name: n"),
    ("matches_regex", "column_name: t, regex: '^[a-z]'"),
    ("matches_regex", "column_name: t, regex: '[a-z]', full: true, flags: i"),
    ("recency", "field: seen, datepart: hour, interval: 12"),
    ("freshness", "column: seen, error_after: {count: 12, period: hour}"),
    ("row_count_drift", "min_rows: 3"),
    ("sum_drift", "measure: sum(n), max_decrease: 10%, min_value: 1"),
    ("reconciles_with", "to: ref('parent'), measure: sum(n), to_measure: sum(id), tolerance: 30%"),
    ("reconciles_with", "to: ref('parent')"),
    ("sequential_values", "column_name: n"),
    ("at_least_one", "column_name: r, group_by_columns: [t]"),
];

fn sql(rows: &[Row]) -> String {
    let mut sql = String::from(
        "{{ config(materialized='table') }}\nselect n::int as n, t::varchar as t, r::double as r,\n\
         now()::timestamp - to_minutes(seen::int) as seen\nfrom (values (null, null, null, null)",
    );
    for (n, t, r, seen) in rows {
        let number = |it: &Option<i32>| it.map_or("null".to_owned(), |it| it.to_string());
        let text = |it: Option<&str>| it.map_or("null".to_owned(), |it| format!("'{it}'"));
        let _ = write!(sql, ", ({}, {}, {}, {})", number(n), text(*t), text(*r), number(seen));
    }
    sql.push_str(") v(n, t, r, seen) offset 1\n");
    sql
}

#[test]
fn a_shared_query_gives_what_each_gives_alone() {
    let tables = prop::collection::vec(
        (prop::collection::vec(row(), 0..14), prop::collection::vec(config(), TESTS.len())),
        6..8,
    );
    let mut runner = TestRunner::new(Config {
        cases: 3,
        max_shrink_iters: 6,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&tables, |tables| {
        let project = project(
            "
            //- models/parent.sql
            select range as id from range(1, 6)
            ",
        );
        let mut yaml = String::from("models:\n");
        for (n, (rows, configs)) in tables.iter().enumerate() {
            project.write(&format!("models/m{n}.sql"), sql(rows));
            let _ = writeln!(yaml, "  - name: m{n}\n    data_tests:");
            for (t, ((test, arguments), config)) in TESTS.iter().zip(configs).enumerate() {
                let is_about_rows = !matches!(*test, "freshness" | "row_count_drift" | "sum_drift");
                let config = if is_about_rows { config.as_str() } else { "" };
                let _ = writeln!(
                    yaml,
                    "      - {test}: {{name: m{n}_{t}_{test}, arguments: {{{arguments}}}, config: {{{config}}}}}"
                );
            }
        }
        project.write("models/schema.yml", yaml);
        project.run("run").exit(0);
        let together = results(&project, "test");
        let alone = results(&project, "test --no-fuse-tests");
        prop_assert_eq!(together.len(), tables.len() * TESTS.len());
        prop_assert!(!together.values().any(|it| it.starts_with("error")), "{:?}", together);
        let differ: Vec<_> = together.iter().filter(|(name, it)| alone[*name] != **it).collect();
        prop_assert!(differ.is_empty(), "{:?} {:?}", differ, alone);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

const COLLATED: &str = "
    //- models/m.sql
    select a collate nocase as a from (values ('x'), ('X'), ('y')) v(a)
    //- models/child.sql
    {{ config(materialized='table') }}
    select a from {{ ref('m') }}
    //- models/m.yml
    models:
      - name: m
        columns: [{name: a, data_tests: [{unique: {config: {severity: warn}}}]}]
      - name: child
        columns: [{name: a, data_tests: [{unique: {config: {severity: warn}}}, not_null]}]
    ";

#[test]
fn values_that_a_collation_takes_for_the_same_are_not_unique() {
    let project = project(COLLATED);
    for flags in ["build", "build", "test", "test --no-fuse-tests"] {
        let found = results(&project, flags);
        let expected =
            [("not_null_child_a", "pass 0"), ("unique_child_a", "warn 1"), ("unique_m_a", "warn 1")];
        let found: Vec<_> = found.iter().map(|(name, it)| (name.as_str(), it.as_str())).collect();
        assert_eq!(found, expected, "{flags}");
    }
}
