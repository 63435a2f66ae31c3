//! Unit tests of macros: ours alone.

use serde_json::{Value as Json, json};

use crate::project::project;

const MACROS: &str = "
    //- macros/m.sql
    {% macro dollars(column, digits=2) %}round({{ column }} / 100.0, {{ digits }}){% endmacro %}
    {% macro names(prefix) %}{{ return([prefix ~ '_a', prefix ~ '_b']) }}{% endmacro %}
    {% macro picky(x) %}{% if x < 0 %}{{ exceptions.raise_compiler_error('x is negative: ' ~ x) }}{% endif %}{{ x }}{% endmacro %}
    {% macro columns() %}{{ run_query('select * from given').columns | map(attribute='name') | join(', ') }}{% endmacro %}
    {% test is_even(model, column_name) %}select * from {{ model }} where {{ column_name }} % 2 = 1{% endtest %}
    ";

#[test]
fn a_macro_is_tested_by_rows_text_value_or_error() {
    let project = project(&format!(
        "{MACROS}
    //- macros/m.yml
    unit_tests:
      - name: expression
        macro: dollars
        given:
          args: {{column: cents}}
          rows: [{{cents: 1999}}, {{cents: null}}]
        expect:
          rows: [{{cents: 1999, result: 19.99}}, {{cents: null, result: null}}]
      - name: expression_without_rows
        macro: dollars
        given: {{args: [\"1234\", 1]}}
        expect: {{format: csv, rows: \"result\\n12.3\"}}
      - {{name: text, macro: shop.dollars, given: {{args: [x]}}, expect: {{sql: \"round(x / 100.0,   2)\"}}}}
      - {{name: value, macro: names, given: {{args: [t]}}, expect: {{value: [t_a, t_b]}}}}
      - {{name: number, macro: picky, given: {{args: [3]}}, expect: {{value: 3}}}}
      - {{name: refusal, macro: picky, given: {{args: [-1]}}, expect: {{error: x is negative}}}}
      - {{name: test, macro: is_even, given: {{args: {{model: given, column_name: n}}, rows: [{{n: 1}}, {{n: 2}}]}}, expect: {{rows: [{{n: 1}}]}}}}
      - {{name: asks, macro: columns, given: {{rows: [{{a: 1, b: 2}}]}}, expect: {{sql: \"a, b\"}}}}
    "
    ));
    project.run("test").exit(0).stdout_has("8 tests passed");
    assert!(!project.dir().join("shop.duckdb").exists());
    let manifest: Json = serde_json::from_str(&project.read("target/manifest.json")).expect("JSON");
    let test = &manifest["unit_tests"]["unit_test.shop.names.value"];
    assert_eq!(test["depends_on"], json!({"macros": ["macro.shop.names"], "nodes": []}));
    assert_eq!(test["model"], json!("names"));
    assert_eq!(test["given"][0]["rows"], json!([{"prefix": "t"}]));
}

#[test]
fn a_macro_that_comes_to_something_else_fails() {
    let run = |expect: &str| {
        let project = project(&format!(
            "{MACROS}
    //- macros/m.yml
    unit_tests:
      - name: x
        macro: picky
        given: {{args: [5]}}
        expect: {{{expect}}}
    "
        ));
        let run = project.run("test");
        run.exit(1);
        run.stdout.clone()
    };
    for (expect, said) in [
        ("sql: \"6\"", "error[unit-test-failed]: the macro `picky` comes to something else"),
        ("value: 6", "note: expected: 6\nnote:   actual: \"5\""),
        ("error: negative", "error[unit-test-failed]: the macro `picky` raises no error"),
        ("rows: [{result: 6}]", "  ~  6 -> 5"),
        ("rows: [{resalt: 6}]", "help: did you mean `result`?"),
    ] {
        let stdout = run(expect);
        assert!(stdout.contains(said), "no `{said}` in\n{stdout}");
    }
}

#[test]
fn a_test_of_a_macro_must_make_sense() {
    for (entry, said) in [
        ("{name: x, macro: dolars, expect: {sql: a}}", "error[unknown-macro]: there is no macro `dolars`"),
        ("{name: x, macro: dollars, given: {args: {colum: a}}, expect: {sql: a}}", "did you mean `column`"),
        (
            "{name: x, macro: dollars, given: {args: [a, 1, 2]}, expect: {sql: a}}",
            "`dollars` has no such argument",
        ),
        ("{name: x, macro: dollars, expect: {sql: a, value: b}}", "there are several here"),
        ("{name: x, macro: dollars, expect: {}}", "a macro is expected to come to one thing"),
        ("{name: x, macro: dollars}", "error[missing-key]: the unit test `x` has no `expect`"),
        ("{name: x, macro: dollars, expect: {sql: a}, modle: b}", "error[unknown-key]: `modle` is not a key"),
    ] {
        let project = project(&format!("{MACROS}\n    //- macros/m.yml\n    unit_tests:\n      - {entry}\n"));
        project.run("test").exit(2).stderr_has(said);
    }
}

#[test]
fn in_a_dbt_project_tests_of_macros_stand_where_dbt_does_not_read_them() {
    project(&format!(
        "{MACROS}
    //- dbt_project.yml
    name: shop
    profile: shop
    //- profiles.yml
    shop: {{target: dev, outputs: {{dev: {{type: duckdb, path: shop.duckdb}}}}}}
    //- macros/m.yml
    macros:
      - name: dollars
        config:
          meta:
            unit_tests:
              - name: x
                given: {{args: {{column: c}}, rows: [{{c: 250}}]}}
                expect: {{rows: [{{result: 2.5}}]}}
    "
    ))
    .run("test -s test_type:unit")
    .exit(0)
    .stdout_has("1 test passed");
}
