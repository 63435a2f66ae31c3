//! What is wrong with unit tests, at its place.

use crate::project::project;

/// What `test` says of one unit test of `orders`, whose entry goes on like this.
fn fault(entry: &str) -> String {
    let project = project(&format!(
        "
        //- models/raw.sql
        select 1::integer as id, 'a' as name
        //- models/other.sql
        select 1 as id
        //- models/orders.sql
        select id, name from {{{{ ref('raw') }}}} join {{{{ ref('other') }}}} using (id)
        //- tests/fixtures/some.csv
        id,nam
        1,x
        //- models/u.yml
        unit_tests:
          - name: x
            model: orders
{entry}
        "
    ));
    let run = project.run("test");
    let text = format!("{}{}", run.stdout, run.stderr);
    let start = text.find("\nerror[").map_or(0, |it| it + 1);
    let end = text[start..]
        .find("\n\nnext:")
        .or_else(|| text[start..].find("\n\nstopped"))
        .unwrap_or(text.len() - start);
    text[start..start + end].to_owned()
}

#[track_caller]
fn assert_fault(entry: &str, parts: &[&str]) {
    let text = fault(entry);
    for part in parts {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
}

const OTHER: &str = "              - {input: ref('other'), rows: [{id: 1}]}";

#[test]
fn a_column_that_is_not_there_is_an_error_at_its_name() {
    let text = fault(&format!(
        "            given:\n              - {{input: ref('raw'), rows: [{{idd: 1}}]}}\n{OTHER}\n            expect: {{rows: []}}"
    ));
    assert_eq!(
        text,
        "\
error[unknown-column]: `ref('raw')` has no column `idd`
 --> models/u.yml:5:37
  |
5 |       - {input: ref('raw'), rows: [{idd: 1}]}
  |                                     ^^^ a value for it is given here
  |
note: in the unit test `x`
help: did you mean `id`?"
    );
}

#[test]
fn a_column_of_a_fixture_file_is_shown_there() {
    assert_fault(
        &format!(
            "            given:\n              - {{input: ref('raw'), format: csv, fixture: some}}\n{OTHER}\n            expect: {{rows: []}}"
        ),
        &[
            "error[unknown-column]: `ref('raw')` has no column `nam`",
            "--> tests/fixtures/some.csv:1:4",
            "did you mean `name`",
        ],
    );
}

#[test]
fn rows_of_an_expectation_have_the_same_columns() {
    let given =
        format!("            given:\n              - {{input: ref('raw'), rows: [{{id: 1}}]}}\n{OTHER}\n");
    assert_fault(
        &format!("{given}            expect: {{rows: [{{id: 1, name: a}}, {{id: 2}}]}}"),
        &[
            "error[missing-column]: row 2 of `expect` has other columns than the first one",
            "no `name` here",
            ":7:39",
        ],
    );
    assert_fault(
        &format!("{given}            expect: {{rows: [{{id: 1}}, {{name: b, id: 2}}]}}"),
        &["the first row has no `name`"],
    );
    assert_fault(
        &format!("{given}            expect: {{rows: [{{id: 1, nome: a}}]}}"),
        &["error[unknown-column]: the model `orders` has no column `nome`", "did you mean `name`"],
    );
    assert_fault(
        &format!("{given}            expect: {{format: sql, rows: select 1 as id}}"),
        &["error[missing-column]: the query under `expect` has no column `name`"],
    );
    assert_fault(&format!("{given}            expect: {{rows: [{{id: 1, id: 2}}]}}"), &["error", "id"]);
}

#[test]
fn inputs_are_given_once_and_all_of_them() {
    assert_fault(
        "            given: [{input: ref('raw'), rows: []}]\n            expect: {rows: []}",
        &[
            "error[missing-input]: the unit test `x` gives no rows for `ref('other')`, which the model reads",
            "models/orders.sql:1:47",
            "help: add `- input: ref('other')` with its rows under `given:`",
        ],
    );
    assert_fault(
        &format!("            given:\n{OTHER}\n{OTHER}\n            expect: {{rows: []}}"),
        &["error[duplicate-input]: `ref('other')` is given twice", "again here", "first here"],
    );
    let unread = project(
        "
        //- models/raw.sql
        select 1 as id
        //- models/other.sql
        select 1 as id
        //- models/m.sql
        select * from {{ ref('raw') }}
        //- models/u.yml
        unit_tests:
          - name: x
            model: m
            given: [{input: ref('raw'), rows: [{id: 1}]}, {input: ref('other'), rows: [{nope: 1}]}]
            expect: {rows: [{id: 1}]}
        ",
    );
    unread.run("test").exit(0).stderr_has("warning[unread-input]: `m` does not read `ref('other')`");
}

#[test]
fn a_value_that_does_not_fit_is_shown() {
    let given = |row: &str| {
        format!("            given:\n              - {{input: ref('raw'), rows: [{row}]}}\n{OTHER}\n")
    };
    assert_fault(
        &format!("{}            expect: {{rows: []}}", given("{id: 1}, {id: abc, name: x}")),
        &[
            "error[invalid-value]: a value of `ref('raw')` does not fit its column: could not convert string 'abc'",
            ":5:50",
        ],
    );
    assert_fault(
        &format!("{}            expect: {{rows: [{{id: soon}}]}}", given("{id: 1}")),
        &["error[invalid-value]: a value of `expect` does not fit its column", ":7:26"],
    );
}

#[test]
fn a_query_that_cannot_be_run_is_shown_in_the_model() {
    project(
        "
        //- models/raw.sql
        select 1 as id
        //- models/m.sql
        select id,
            nonsense(id) as n
        from {{ ref('raw') }}
        //- models/u.yml
        unit_tests:
          - {name: x, model: m, given: [{input: ref('raw'), rows: [{id: 1}]}], expect: {rows: []}}
        ",
    )
    .run("test")
    .exit(1)
    .stdout_has("models/m.sql:2:5")
    .stdout_has("in this unit test")
    .stdout_has("test failed in [time]: 1 test could not be run");
}

#[test]
fn a_query_of_a_fixture_that_cannot_be_run_is_shown_there() {
    assert_fault(
        &format!(
            "            given:\n              - {{input: ref('raw'), format: sql, rows: select nope}}\n{OTHER}\n            expect: {{rows: []}}"
        ),
        &["error[invalid-fixture]: the query of `ref('raw')` cannot be run", ":5:"],
    );
}

#[test]
fn only_a_seed_has_rows_of_its_own() {
    assert_fault(
        &format!(
            "            given:\n              - {{input: ref('raw')}}\n{OTHER}\n            expect: {{rows: []}}"
        ),
        &["error[invalid-fixture]: `ref('raw')` has no rows", "only a seed has rows of its own"],
    );
}

#[test]
fn types_that_had_to_be_guessed_are_said_where_they_matter() {
    project(
        "
        //- models/m.sql
        select id + day as x from {{ source('lake', 't') }}
        //- models/u.yml
        sources: [{name: lake, tables: [{name: t}]}]
        unit_tests:
          - name: x
            model: m
            given: [{input: \"source('lake', 't')\", rows: [{id: a, day: b}]}]
            expect: {rows: []}
        ",
    )
    .run("test")
    .exit(1)
    .stdout_has("the types of `source('lake', 't')` are not known: they are those that the rows seem to have")
    .stdout_has("help: declare the input's columns with `data_type` in YAML");
}
