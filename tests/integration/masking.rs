//! Values of columns that are marked sensitive are shown nowhere.

use super::project::{TestProject, project};

const SECRET: &str = "ann@example.com";

const PROJECT: &str = r"
    //- macros/tests.sql
    {% test shouting(model, column_name) %}
    select upper(email) as loud, id from {{ model }}
    {% endtest %}
    //- models/people.sql
    {{ config(materialized='table') }}
    select 1 as id, 'ann@example.com' as email, 'n' as region, null as phone
    union all select 2, 'ann@example.com', 'n', null
    //- tests/lone.sql
    select email as contact, id, count(*) as n from {{ ref('people') }} group by all
    //- models/schema.yml
    models:
      - name: people
        data_tests:
          - unique_combination_of_columns: {name: combined, arguments: {combination_of_columns: [email, region]}}
          - unique: {name: of_expression, arguments: {column_name: lower(email)}}
          - row_count_drift: {name: drift, arguments: {max_decrease: 0%, group_by: [email]}}
        columns:
          - name: id
            data_tests:
              - accepted_values: {name: values, arguments: {values: [7], quote: false}}
          - name: email
            config: {meta: {sensitive: true}}
            data_tests:
              - unique: {name: uniq}
              - accepted_values: {name: accepted, arguments: {values: [x]}}
              - not_empty_string: {name: empty}
              - shouting: {name: by_macro}
          - name: phone
            meta: {sensitive: true}
            data_tests:
              - not_null: {name: nulls}
    ";

/// Everything that a run leaves where people look.
fn traces(project: &TestProject, command: &str) -> String {
    let outcome = project.run(command);
    let results = project.read("target/run_results.json");
    format!("{}{}{}", outcome.stdout, outcome.stderr, without_sql(&results))
}

/// The compiled SQL holds what the model's file holds.
fn without_sql(results: &str) -> String {
    let mut results: serde_json::Value = serde_json::from_str(results).expect("JSON");
    for result in results["results"].as_array_mut().expect("results") {
        result["compiled_code"] = serde_json::Value::Null;
    }
    results.to_string()
}

#[test]
fn sensitive_values_are_shown_nowhere() {
    let project = project(PROJECT);
    for command in ["build --threads 1", "build --log-format json", "build --no-fuse-tests"] {
        let traces = traces(&project, command);
        assert!(!traces.to_lowercase().contains(SECRET), "{traces}");
        assert!(traces.contains("***"), "{traces}");
    }
    let history =
        project.query("select coalesce(samples, '') || coalesce(message, '') from tidemill.test_runs");
    assert!(!history.to_lowercase().contains(SECRET), "{history}");
    assert!(history.contains(r#"[{"id":1,"email":"***","region":"n","phone":null}"#), "{history}");
}

#[test]
fn what_is_not_sensitive_is_shown_beside_it() {
    let project = project(PROJECT);
    let outcome = project.run("build --threads 1");
    outcome
        .exit(1)
        .stdout_has("    id  email  region  phone\n    --  -----  ------  -----\n     1  ***    n       NULL")
        .stdout_has("    contact  id  n\n    -------  --  ---\n    ***")
        .stdout_has("    unique_field  n_records\n    ------------  ---------\n    ***                   2");
}

#[test]
fn groups_by_a_sensitive_column_are_told_apart_but_not_kept() {
    let project = project(
        "
        //- models/people.sql
        select * from (values ('ann', 3), ('bob', 3)) t(name, n), range(n)
        {% if var('few', false) %} where name <> 'ann' {% endif %}
        //- models/schema.yml
        models:
          - name: people
            data_tests: [row_count_drift: {arguments: {max_decrease: 0%, group_by: [name]}}]
            columns: [{name: name, meta: {sensitive: true}}]
        ",
    );
    project.run("build").exit(0);
    let outcome = project.run("build --vars '{few: true}'");
    outcome.exit(1).stdout_has("1 of 2 groups: `***`: 3 rows before, 0 rows now (-100.0%), gone");
    let kept = project.query("select \"group\" from tidemill.drift_measures");
    assert!(!kept.contains("ann") && !kept.contains("bob"), "{kept}");
}

#[test]
fn kept_rows_are_not_masked() {
    let project = project(PROJECT);
    project.run("build --store-failures").exit(1);
    let kept = project.query("select unique_field from dbt_test__audit.uniq");
    assert_eq!(kept, SECRET);
}

#[test]
fn keys_in_messages_are_masked_too() {
    let project = project(
        "
        //- models/people.sql
        {{ config(materialized='incremental', unique_key=['email', 'n'], incremental_strategy='merge') }}
        select 'ann@example.com' as email, unnest([1, 1]) as n
        //- models/people.yml
        models:
          - name: people
            columns: [{name: email, config: {meta: {sensitive: 'true'}}}]
        //- models/plain.sql
        select 'ann@example.com' as email union all select 'ann@example.com'
        //- snapshots/history.yml
        snapshots:
          - name: history
            relation: ref('plain')
            config: {unique_key: lower(email), strategy: check, check_cols: all}
            columns: [{name: email, meta: {sensitive: true}}]
        ",
    );
    project.run("build");
    let outcome = project.run("build");
    outcome
        .exit(1)
        .stdout_has("note: email, n = ***, 1: 2 rows")
        .stdout_has("note: lower(email) = ***: 2 rows");
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    let history = project.query("select coalesce(message, '') from tidemill.node_runs");
    assert!(!said.contains(SECRET) && !history.contains(SECRET), "{said}{history}");
}
