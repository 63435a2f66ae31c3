//! Faults in YAML files: each at its place, all of them at once.

use crate::phases::check_error;
use crate::project::project;

#[test]
fn broken_syntax_is_shown_where_it_breaks() {
    check_error(
        "
        //- models/s.yml
        models:
          - name: [a
          - name: b
        ",
        "
        error[invalid-yaml]: this is not valid YAML
         --> models/s.yml:3:9
          |
        3 |   - name: b
          |         ^ illegal placement of ':' indicator
        ",
    );
}

#[test]
fn a_tab_says_that_yaml_wants_spaces() {
    check_error(
        "
        //- models/s.yml
        models:
        \t- name: a
        ",
        "
        error[invalid-yaml]: this is not valid YAML
         --> models/s.yml:2:2
          |
        2 |     - name: a
          |     ^ tabs disallowed within this context (block indentation)
          |
        help: YAML is indented with spaces; a tab is not allowed there
        ",
    );
}

#[test]
fn a_key_written_twice_is_an_error() {
    check_error(
        "
        //- models/a.sql
        select 1
        //- models/s.yml
        models:
          - name: a
            description: one
            description: two
        ",
        "
        error[duplicate-key]: the key `description` is written twice in one mapping
         --> models/s.yml:4:5
          |
        4 |     description: two
          |     ^ again here
          |
        help: keep one of the two
        ",
    );
}

#[test]
fn an_unknown_key_of_the_project_file_is_an_error() {
    check_error(
        "
        //- project.yml
        name: shop
        model-path: [models]
        ",
        "
        error[unknown-key]: `model-path` is not a key of the project file
         --> project.yml:2:1
          |
        2 | model-path: [models]
          | ^^^^^^^^^^ nothing reads this key
          |
        help: did you mean `model-paths`?
        ",
    );
}

#[test]
fn an_unknown_key_in_a_dbt_project_is_a_warning() {
    check_error(
        "
        //- dbt_project.yml
        name: shop
        profile: shop
        model-path: [models]
        //- profiles.yml
        shop: {target: dev, outputs: {dev: {type: duckdb, path: shop.duckdb}}}
        ",
        "
        warning[unknown-key]: `model-path` is not a key of the project file
         --> dbt_project.yml:3:1
          |
        3 | model-path: [models]
          | ^^^^^^^^^^ nothing reads this key
          |
        help: did you mean `model-paths`?
        ",
    );
}

#[test]
fn an_unknown_key_of_a_properties_file_is_an_error() {
    check_error(
        "
        //- models/s.yml
        model:
          - name: a
        ",
        "
        error[unknown-key]: `model` is not a key of a properties file
         --> models/s.yml:1:1
          |
        1 | model:
          | ^^^^^ nothing reads this key
          |
        help: did you mean `models`?
        ",
    );
}

#[test]
fn an_unknown_key_of_a_model_is_an_error() {
    check_error(
        "
        //- models/a.sql
        select 1
        //- models/s.yml
        models:
          - name: a
            descripton: of a
        ",
        "
        error[unknown-key]: `descripton` is not a key of a model
         --> models/s.yml:3:5
          |
        3 |     descripton: of a
          |     ^^^^^^^^^^ nothing reads this key
          |
        help: did you mean `description`?
        ",
    );
}

#[test]
fn an_unknown_key_of_a_column_is_an_error() {
    check_error(
        "
        //- models/a.sql
        select 1
        //- models/s.yml
        models:
          - name: a
            columns:
              - name: id
                test: [not_null]
        ",
        "
        error[unknown-key]: `test` is not a key of a column
         --> models/s.yml:5:9
          |
        5 |         test: [not_null]
          |         ^^^^ nothing reads this key
          |
        help: did you mean `tests`?
        ",
    );
}

#[test]
fn an_unknown_key_of_a_source_and_of_its_table_is_an_error() {
    check_error(
        "
        //- models/s.yml
        sources:
          - name: raw
            shema: landing
            tables:
              - name: sales
                freshnes: {}
        ",
        "
        error[unknown-key]: `shema` is not a key of a source
         --> models/s.yml:3:5
          |
        3 |     shema: landing
          |     ^^^^^ nothing reads this key
          |
        help: did you mean `schema`?

        error[unknown-key]: `freshnes` is not a key of a table of a source
         --> models/s.yml:6:9
          |
        6 |         freshnes: {}
          |         ^^^^^^^^ nothing reads this key
          |
        help: did you mean `freshness`?
        ",
    );
}

#[test]
fn an_unknown_key_of_an_exposure_is_an_error() {
    check_error(
        "
        //- models/s.yml
        exposures:
          - name: board
            type: dashboard
            owner: {name: Ann}
            dependson: []
        ",
        "
        error[unknown-key]: `dependson` is not a key of an exposure
         --> models/s.yml:5:5
          |
        5 |     dependson: []
          |     ^^^^^^^^^ nothing reads this key
          |
        help: did you mean `depends_on`?
        ",
    );
}

#[test]
fn an_unknown_config_key_is_an_error() {
    check_error(
        "
        //- models/a.sql
        {{ config(materialised='table') }}
        select 1
        //- models/s.yml
        models:
          - name: a
            config: {materalized: view}
        ",
        "
        error[unknown-config]: `materalized` is not a config key
         --> models/s.yml:3:14
          |
        3 |     config: {materalized: view}
          |              ^^^^^^^^^^^ nothing reads this key
          |
        help: did you mean `materialized`?

        error[unknown-config]: `materialised` is not a config key
         --> models/a.sql:1:11
          |
        1 | {{ config(materialised='table') }}
          |           ^^^^^^^^^^^^ nothing reads this key
          |
        help: did you mean `materialized`?
        ",
    );
}

#[test]
fn an_unknown_key_of_a_target_is_an_error() {
    check_error(
        "
        //- project.yml
        name: shop
        targets:
          dev: {type: duckdb, pth: shop.duckdb}
        ",
        "
        error[unknown-key]: `pth` is not a key of a target
         --> project.yml:3:23
          |
        3 |   dev: {type: duckdb, pth: shop.duckdb}
          |                       ^^^ nothing reads this key
          |
        help: did you mean `path`?
        ",
    );
}

#[test]
fn an_unknown_argument_of_a_built_in_test_is_an_error() {
    check_error(
        "
        //- models/a.sql
        select 1
        //- models/s.yml
        models:
          - name: a
            data_tests:
              - row_count_drift: {arguments: {max_decreas: 10%}}
        ",
        "
        error[unknown-argument]: the test `row_count_drift` has no argument `max_decreas`
         --> models/s.yml:4:39
          |
        4 |       - row_count_drift: {arguments: {max_decreas: 10%}}
          |                                       ^^^^^^^^^^^
          |
        help: did you mean `max_decrease`?
        ",
    );
}

#[test]
fn a_text_where_a_list_belongs_is_an_error() {
    check_error(
        "
        //- models/s.yml
        models: orders
        ",
        "
        error[wrong-type]: `models` must be a list
         --> models/s.yml:1:9
          |
        1 | models: orders
          |         ^^^^^^ this is a text
          |
        help: write each entry on a line of its own, after `- `
        ",
    );
}

#[test]
fn a_list_where_a_text_belongs_is_an_error() {
    check_error(
        "
        //- models/a.sql
        select 1
        //- models/s.yml
        models:
          - name: a
            description: [of, a]
        ",
        "
        error[wrong-type]: `description` must be a text
         --> models/s.yml:3:18
          |
        3 |     description: [of, a]
          |                  ^ this is a list
        ",
    );
}

#[test]
fn a_text_where_a_mapping_belongs_is_an_error() {
    check_error(
        "
        //- project.yml
        name: shop
        models: table
        vars: 3
        ",
        "
        error[wrong-type]: `vars` must be a mapping of names to values
         --> project.yml:3:7
          |
        3 | vars: 3
          |       ^ this is a number

        error[wrong-type]: `models` must be a mapping of folders and `+config` keys
         --> project.yml:2:9
          |
        2 | models: table
          |         ^^^^^ this is a text
        ",
    );
}

#[test]
fn config_values_of_the_wrong_type_are_errors() {
    check_error(
        "
        //- models/a.sql
        {{ config(enabled='maybe', tags=3, meta=[1]) }}
        select 1
        ",
        "
        error[wrong-type]: the config `tags` must be a text or a list of texts
         --> models/a.sql:1:28
          |
        1 | {{ config(enabled='maybe', tags=3, meta=[1]) }}
          |                            ^^^^ set here

        error[wrong-type]: the config `meta` must be a mapping
         --> models/a.sql:1:36
          |
        1 | {{ config(enabled='maybe', tags=3, meta=[1]) }}
          |                                    ^^^^ set here

        error[wrong-type]: the config `enabled` must be `true` or `false`
         --> models/a.sql:1:11
          |
        1 | {{ config(enabled='maybe', tags=3, meta=[1]) }}
          |           ^^^^^^^ set here
        ",
    );
}

#[test]
fn a_model_without_a_name_is_an_error() {
    check_error(
        "
        //- models/s.yml
        models:
          - description: of what?
        ",
        "
        error[missing-key]: a model has no `name`
         --> models/s.yml:2:5
          |
        2 |   - description: of what?
          |     ^ this entry
        ",
    );
}

#[test]
fn a_project_without_a_name_is_an_error() {
    check_error(
        "
        //- project.yml
        version: 1.0
        ",
        "
        error[missing-key]: the project file has no `name`
         --> project.yml:1:1
          |
        1 | version: 1.0
          | ^
          |
        help: add `name: my_project` (letters, digits and underscores)
        ",
    );
}

#[test]
fn a_project_name_with_a_dash_is_an_error() {
    check_error(
        "
        //- project.yml
        name: my-shop
        ",
        "
        error[invalid-name]: `my-shop` cannot be a project's name
         --> project.yml:1:7
          |
        1 | name: my-shop
          |       ^^^^^^^ only letters, digits and underscores, not starting with a digit
        ",
    );
}

#[test]
fn an_empty_project_file_is_an_error() {
    check_error(
        "
        //- project.yml
        ",
        "
        error[missing-key]: the project file has no `name`
         --> project.yml:1:1
          |
        1 |
          | ^
          |
        help: add `name: my_project` (letters, digits and underscores)
        ",
    );
}

#[test]
fn errors_of_several_files_are_shown_together() {
    check_error(
        "
        //- project.yml
        name: shop
        colour: blue
        //- models/a.sql
        select * from {{ ref('b') }}
        //- models/c.sql
        {% if true %}select 1
        //- models/s.yml
        models:
          - nam: a
        //- models/t.yml
        models: [
        ",
        "
        error[unknown-key]: `colour` is not a key of the project file
         --> project.yml:2:1
          |
        2 | colour: blue
          | ^^^^^^ nothing reads this key
          |
        note: known keys: analyses, analysis-paths, asset-paths, clean-targets, config-version, data-paths, data_tests, dbt-cloud, dispatch, docs-paths, exposures, flags, function-paths, functions, lint, log-path, macro-paths, metrics, model-paths, models, name, on-run-end, on-run-start, packages-install-path, profile, project-root, publish, query-comment, quoting, require-dbt-version, restrict-access, saved-queries, seed-paths, seeds, semantic-models, snapshot-paths, snapshots, source-paths, sources, target, target-path, targets, test-paths, tests, unit_tests, vars, version

        error[missing-key]: a model has no `name`
         --> models/s.yml:2:5
          |
        2 |   - nam: a
          |     ^^^ write `name`

        error[invalid-yaml]: this is not valid YAML
         --> models/t.yml:1:9
          |
        1 | models: [
          |         ^ unclosed bracket '['

        error[template-syntax]: `{% if %}` is never closed
         --> models/c.sql:1:1
          |
        1 | {% if true %}select 1
          | ^^^^^^^^^^^^^
          |
        help: write `{% endif %}`

        error[unknown-ref]: model `a` refers to `b`, which is not in this project
         --> models/a.sql:1:22
          |
        1 | select * from {{ ref('b') }}
          |                      ^^^ no model, seed or snapshot has this name
          |
        help: `tidemill list` shows all names
        ",
    );
}

#[test]
fn an_empty_properties_file_says_nothing() {
    check_error(
        "
        //- models/a.sql
        select 1
        //- models/s.yml
        # nothing yet
        //- models/t.yml
        version: 2
        ",
        "",
    );
}

#[test]
fn a_column_listed_twice_is_an_error() {
    check_error(
        "
        //- models/a.sql
        select 1
        //- models/s.yml
        models:
          - name: a
            columns: [{name: id}, {name: ID}]
        ",
        "
        error[duplicate-column]: the column `ID` is listed twice
         --> models/s.yml:3:34
          |
        3 |     columns: [{name: id}, {name: ID}]
          |                      --          ^^ again here
          |                      |
          |                      first here
        ",
    );
}

#[test]
fn in_a_dbt_project_a_column_listed_twice_has_the_tests_of_both() {
    let project = project(
        "
        //- dbt_project.yml
        name: shop
        profile: shop
        //- profiles.yml
        shop: {target: dev, outputs: {dev: {type: duckdb, path: shop.duckdb}}}
        //- models/a.sql
        select 1 as id
        //- models/s.yml
        models:
          - name: a
            columns:
              - {name: id, description: one, data_tests: [not_null]}
              - {name: id, description: two, data_tests: [unique]}
        ",
    );
    let run = project.run("build");
    run.exit(0)
        .stdout_has("2 tests passed")
        .stderr_has("warning[duplicate-column]: the column `id` is listed twice\n --> models/s.yml:5:16");
    let manifest: serde_json::Value =
        serde_json::from_str(&project.read("target/manifest.json")).expect("the manifest");
    assert_eq!(manifest["nodes"]["model.shop.a"]["columns"]["id"]["description"], "two");
}

#[test]
fn a_model_described_twice_is_an_error() {
    check_error(
        "
        //- models/a.sql
        select 1
        //- models/s.yml
        models: [{name: a}]
        //- models/t.yml
        models: [{name: a}]
        ",
        "
        error[duplicate-properties]: the model `a` is described twice
         --> models/t.yml:1:17
          |
        1 | models: [{name: a}]
          |                 ^ again here
          |
         ::: models/s.yml:1:17
          |
        1 | models: [{name: a}]
          |                 - first here
          |
        help: join the two entries
        ",
    );
}

#[test]
fn a_description_of_a_model_that_is_not_there_is_an_error() {
    check_error(
        "
        //- models/orders.sql
        select 1
        //- models/s.yml
        models: [{name: oders}]
        ",
        "
        error[unknown-node]: there is no model `oders`
         --> models/s.yml:1:17
          |
        1 | models: [{name: oders}]
          |                 ^^^^^ described here, but no file has this name
          |
        help: did you mean `orders`?
        ",
    );
}

#[test]
fn bad_freshness_is_an_error() {
    check_error(
        "
        //- models/s.yml
        sources:
          - name: raw
            tables:
              - name: sales
                loaded_at_field: at
                freshness: {warn_after: {count: 1, period: fortnight}, error_after: {count: many, period: day}}
        ",
        "
        error[invalid-period]: `fortnight` is not a period
         --> models/s.yml:6:52
          |
        6 | ...   freshness: {warn_after: {count: 1, period: fortnight}, error_after: {count: many, perio...
          |                                                  ^^^^^^^^^ write `minute`, `hour` or `day`

        error[wrong-type]: `count` must be a whole number
         --> models/s.yml:6:85
          |
        6 | ...: fortnight}, error_after: {count: many, period: day}}
          |                                       ^^^^ this is not one
        ",
    );
}

#[test]
fn bad_severity_and_thresholds_are_errors() {
    check_error(
        "
        //- models/a.sql
        select 1 as id
        //- models/s.yml
        models:
          - name: a
            columns:
              - name: id
                data_tests:
                  - unique: {config: {severity: warning}}
                  - not_null: {config: {warn_if: lots}}
        ",
        r#"
        error[invalid-severity]: `warning` is not a severity
         --> models/s.yml:6:31
          |
        6 |           - unique: {config: {severity: warning}}
          |                               ^^^^^^^^ write `error` or `warn`
          |
        help: did you mean `warn`?

        error[invalid-threshold]: `lots` is not a condition
         --> models/s.yml:7:33
          |
        7 |           - not_null: {config: {warn_if: lots}}
          |                                 ^^^^^^^ `warn_if` is a comparison with the number of failures
          |
        help: write warn_if: "> 10", say, or warn_if: "> 1%" for a share of the rows
        "#,
    );
}

#[test]
fn an_unknown_test_is_an_error_with_a_near_name() {
    check_error(
        "
        //- models/a.sql
        select 1 as id
        //- models/s.yml
        models:
          - name: a
            columns:
              - name: id
                data_tests: [not_nul, fresh_and_tidy]
        ",
        "
        error[unknown-test]: there is no test `not_nul`
         --> models/s.yml:5:22
          |
        5 |         data_tests: [not_nul, fresh_and_tidy]
          |                      ^^^^^^^ declared here
          |
        help: did you mean `not_null`?

        error[unknown-test]: there is no test `fresh_and_tidy`
         --> models/s.yml:5:31
          |
        5 |         data_tests: [not_nul, fresh_and_tidy]
          |                               ^^^^^^^^^^^^^^ declared here
          |
        note: tests: accepted_range, accepted_values, at_least_one, column_types, equal_rowcount, expression_is_true, fewer_rows_than, freshness, matches_regex, mutually_exclusive_ranges, not_accepted_values, not_constant, not_empty_string, not_null, recency, reconciles_with, relationships, row_count_drift, schema_drift, sequential_values, sum_drift, unique, unique_combination_of_columns
        ",
    );
}

#[test]
fn a_missing_argument_of_a_test_is_an_error() {
    check_error(
        "
        //- models/a.sql
        select 1 as id
        //- models/s.yml
        models:
          - name: a
            columns:
              - name: id
                data_tests: [accepted_values, relationships, freshness, row_count_drift]
        ",
        "
        error[missing-argument]: the test `accepted_values` needs the argument `values`
         --> models/s.yml:5:22
          |
        5 |         data_tests: [accepted_values, relationships, freshness, row_count_drift]
          |                      ^^^^^^^^^^^^^^^ declared here
          |
        help: write `values: [a, b]` under `arguments:`

        error[missing-argument]: the test `relationships` needs the argument `to`
         --> models/s.yml:5:39
          |
        5 |         data_tests: [accepted_values, relationships, freshness, row_count_drift]
          |                                       ^^^^^^^^^^^^^ declared here
          |
        help: write `to: ref('customers')` under `arguments:`

        error[missing-argument]: the test `relationships` needs the argument `field`
         --> models/s.yml:5:39
          |
        5 |         data_tests: [accepted_values, relationships, freshness, row_count_drift]
          |                                       ^^^^^^^^^^^^^ declared here
          |
        help: write `field: customer_id` under `arguments:`

        error[missing-argument]: the test `freshness` needs the argument `error_after`
         --> models/s.yml:5:54
          |
        5 |         data_tests: [accepted_values, relationships, freshness, row_count_drift]
          |                                                      ^^^^^^^^^ declared here
          |
        help: write `error_after: {count: 1, period: day}` under `arguments:`

        error[missing-argument]: the test `row_count_drift` needs the argument `max_decrease`
         --> models/s.yml:5:65
          |
        5 |         data_tests: [accepted_values, relationships, freshness, row_count_drift]
          |                                                                 ^^^^^^^^^^^^^^^ declared here
          |
        help: write `max_decrease: 10%` under `arguments:`
        ",
    );
}

#[test]
fn materializations_that_are_not_supported_say_so() {
    check_error(
        "
        //- models/a.sql
        select 1
        //- models/b.sql
        {{ config(materialized='tabel') }} select 1
        //- models/c.py
        def model(dbt, session): ...
        ",
        "
        warning[python-model]: `c` is a Python model, which cannot be run
         --> models/c.py:1:1
          |
        1 | def model(dbt, session): ...
          | ^ known by its name alone; what reads it is skipped
          |
        help: write it as a `select` in a .sql file, or leave it out: `--exclude` it, or set `enabled: false`

        error[unknown-materialization]: there is no materialization `tabel`
         --> models/b.sql:1:11
          |
        1 | {{ config(materialized='tabel') }} select 1
          |           ^^^^^^^^^^^^ set here
          |
        help: did you mean `table`?
        ",
    );
}

#[test]
fn a_relationship_without_its_arguments_is_an_error() {
    check_error(
        "
        //- models/a.sql
        select 1 as id
        //- models/s.yml
        models:
          - name: a
            columns: [{name: id, data_tests: [relationships]}]
        ",
        "
        error[missing-argument]: the test `relationships` needs the argument `to`
         --> models/s.yml:3:39
          |
        3 |     columns: [{name: id, data_tests: [relationships]}]
          |                                       ^^^^^^^^^^^^^ declared here
          |
        help: write `to: ref('customers')` under `arguments:`

        error[missing-argument]: the test `relationships` needs the argument `field`
         --> models/s.yml:3:39
          |
        3 |     columns: [{name: id, data_tests: [relationships]}]
          |                                       ^^^^^^^^^^^^^ declared here
          |
        help: write `field: customer_id` under `arguments:`
        ",
    );
}

#[test]
fn an_argument_that_a_test_does_not_take_is_an_error() {
    check_error(
        "
        //- models/a.sql
        select 1 as id
        //- models/s.yml
        models:
          - name: a
            columns: [{name: id, data_tests: [not_null: {arguments: {wher: x}}]}]
        ",
        "
        error[unknown-argument]: the test `not_null` has no argument `wher`
         --> models/s.yml:3:62
          |
        3 |     columns: [{name: id, data_tests: [not_null: {arguments: {wher: x}}]}]
          |                                                              ^^^^
          |
        note: it takes no arguments
        ",
    );
}

#[test]
fn an_own_test_takes_its_arguments_and_config() {
    check_error(
        "
        //- macros/tests.sql
        {% test at_least(model, column_name, least=0) %}
        {{ config(severity='warn') }}
        select * from {{ model }} where {{ column_name }} < {{ least }}
        {% endtest %}
        //- models/a.sql
        select 1 as id
        //- models/s.yml
        models:
          - name: a
            columns:
              - name: id
                data_tests: [at_least, at_least: {arguments: {least: 1}}, at_least: {arguments: {lest: 1}}]
        ",
        "
        error[template-call]: macro `test_at_least` has no parameter `lest`
         --> models/s.yml:5:67
          |
        5 | ...   data_tests: [at_least, at_least: {arguments: {least: 1}}, at_least: {arguments: {lest: ...
          |                                                                 ^^^^^^^^
          |
        help: did you mean `least`?
        ",
    );
}

#[test]
fn a_file_that_is_no_mapping_is_an_error() {
    check_error(
        "
        //- models/s.yml
        - name: a
        //- models/t.yml
        orders
        ",
        "
        error[wrong-type]: a properties file must be a mapping of keys to values
         --> models/s.yml:1:1
          |
        1 | - name: a
          | ^ this is a list

        error[wrong-type]: a properties file must be a mapping of keys to values
         --> models/t.yml:1:1
          |
        1 | orders
          | ^^^^^^ this is a text
        ",
    );
}

#[test]
fn a_file_with_two_documents_is_an_error() {
    check_error(
        "
        //- models/s.yml
        models: []
        ---
        models: []
        ",
        "
        error[several-documents]: a file holds one YAML document, but this one holds more
         --> models/s.yml:3:1
          |
        3 | models: []
          | ^ the next one begins here
          |
        help: remove the line `---` before it, or move it into a file of its own
        ",
    );
}
