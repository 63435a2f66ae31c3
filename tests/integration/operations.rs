//! `run-operation`: macros by themselves, with their arguments, transactions and exit statuses.

use crate::project::{TestProject, project};

fn operations() -> TestProject {
    project(
        "
        //- models/a.sql
        select 1 as id
        //- macros/ops.sql
        {% macro greet(name, times=1) %}
          {% for i in range(times) %}{{ print('hello ' ~ name) }}{% endfor %}
          {% do log('said', info=true) %}{% do log('not said') %}
        {% endmacro %}
        {% macro by_query() %}
          {% do run_query('create or replace table by_query as select 1 as id') %}
          {% do run_query('select * from nothing_there') if var('fails', false) %}
        {% endmacro %}
        {% macro by_statement(commits=false) %}
          {% call statement('make') %}create or replace table by_statement as select 1 as id{% endcall %}
          {% do run_query('create or replace table also as select 1 as id') %}
          {% if commits %}{% do adapter.commit() %}{% endif %}
        {% endmacro %}
        {% macro count_rows() %}
          {% set found = run_query('select count(*) as n from ' ~ ref('a')) %}
          {{ log(found.columns[0].values()[0] ~ ' row in ' ~ target.name, info=true) }}
        {% endmacro %}
        {% macro outer() %}{{ inner() }}{% endmacro %}
        {% macro inner() %}{{ exceptions.raise_compiler_error('not like this') }}{% endmacro %}
        ",
    )
}

fn tables(project: &TestProject) -> String {
    project.query("select table_name from duckdb_tables() where schema_name = 'main' order by 1")
}

#[test]
fn a_macro_gets_its_arguments_and_its_messages_are_shown() {
    let project = operations();
    let expected = "hello you\nhello you\nsaid\n";
    project.run("run-operation greet --args '{name: you, times: 2}'").exit(0).stdout("").stderr(expected);
    project
        .run("run-operation shop.greet --args '{\"name\": \"you\", \"times\": 2}'")
        .exit(0)
        .stderr(expected);
    let results = project.read("target/run_results.json");
    assert!(results.contains(r#""unique_id":"macro.shop.greet""#), "{results}");
    assert!(results.contains(r#""status":"success""#) && results.contains(r#""failures":0"#), "{results}");
}

#[test]
fn a_macro_may_refer_to_nodes() {
    let project = operations();
    project.run("build").exit(0);
    project.run("run-operation count_rows").exit(0).stderr("1 row in dev\n");
}

#[test]
fn queries_are_committed_at_once_and_statements_by_the_macro() {
    let project = operations();
    project.run("run-operation by_query").exit(0).stderr("");
    project.run("run-operation by_query --vars '{fails: true}'").exit(1);
    assert_eq!(tables(&project), "by_query");
    project.run("run-operation by_statement").exit(0).stderr(
        "warning: the operation ended in a transaction that was never committed, so what it did since its \
         last `adapter.commit()` was rolled back",
    );
    assert_eq!(tables(&project), "by_query");
    project.run("run-operation by_statement --args '{commits: true}'").exit(0).stderr("");
    assert_eq!(tables(&project), "also\nby_query\nby_statement");
}

#[test]
fn a_failing_query_is_shown_in_the_macro() {
    let project = operations();
    project.run("run-operation by_query --vars '{fails: true}'").exit(1).stderr(
        "
        error[sql-error]: Table with name nothing_there does not exist!
         --> macros/ops.sql:7:9
          |
        7 |   {% do run_query('select * from nothing_there') if var('fails', false) %}
          |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
        note: Did you mean \"pg_attrdef\"?

        stopped: 1 error
        ",
    );
    let results = project.read("target/run_results.json");
    assert!(results.contains(r#""status":"error""#) && results.contains(r#""failures":1"#), "{results}");
}

#[test]
fn an_error_deep_inside_is_shown_with_the_calls_that_led_there() {
    operations().run("run-operation outer").exit(1).stderr(
        "
        error[compilation-error]: not like this
          --> macros/ops.sql:19:23
           |
        18 | {% macro outer() %}{{ inner() }}{% endmacro %}
           |                       ------- in macro `inner`, called here
        19 | {% macro inner() %}{{ exceptions.raise_compiler_error('not like this') }}{% endmacro %}
           |                       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        stopped: 1 error
        ",
    );
}

#[test]
fn unknown_macros_and_wrong_arguments_are_errors() {
    let project = operations();
    project.run("run-operation gret").exit(2).stderr(
        "
        error[unknown-macro]: no macro or function is named `gret`
        help: did you mean `greet`?

        stopped: 1 error
        ",
    );
    project.run("run-operation shop.gret").exit(2).stderr_has("did you mean `shop.greet`?");
    project.run("run-operation greet --args '{naem: you}'").exit(1).stderr(
        "
        error[template-call]: macro `greet` has no parameter `naem`
         --> macros/ops.sql:1:10
          |
        1 | {% macro greet(name, times=1) %}
          |          ^^^^^
          |
        help: did you mean `name`?

        stopped: 1 error
        ",
    );
    project.run("run-operation greet --args '[1]'").exit(2).stderr(
        "
        error[invalid-args]: `--args` cannot be read: it is not a mapping
        help: write it as YAML: --args '{name: value, other: 3}'

        stopped: 1 error
        ",
    );
}
