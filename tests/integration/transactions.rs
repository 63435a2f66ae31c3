//! A node is made in one transaction, which nothing of the user's can end.

use tidemill::sql::transaction_statement;

use crate::project::{TestProject, project};

fn with(model: &str, macros: &str) -> TestProject {
    let project = project(&format!(
        "
//- models/m.sql
{model}
//- models/m.yml
models: [{{name: m, columns: [{{name: id, data_tests: [{{accepted_values: {{arguments: {{values: [1]}}}}}}]}}]}}]
//- macros/own.sql
{macros}
"
    ));
    project.execute("create table m as select 1 as id");
    project
}

#[test]
fn a_hook_cannot_publish_before_the_tests() {
    for hook in [
        "commit",
        "COMMIT;",
        "-- why\\nselect 1; /* x */ end",
        "rollback; begin",
        "start transaction",
        "abort",
        "select e'it\\\\'s'; commit; begin",
        "explain analyze commit",
    ] {
        let model = format!("{{{{ config(materialized='table', post_hook=\"{hook}\") }}}}\nselect 2 as id");
        let project = with(&model, "");
        project.run("build").exit(1).stdout_has("cannot be run while a node is made");
        assert_eq!(project.query("select id from m"), "1", "{hook}");
    }
}

/// Where statements begin is what the engine says, not what another reader of SQL makes of it.
#[test]
fn statements_are_found_where_the_engine_finds_them() {
    for sql in [
        r"select e'it\'s'; commit",
        r"select e'a''\'b'; commit",
        r"select '\'; commit",
        "select $$it's$$; commit",
        "select $a$ ' $a$; commit",
        "select 1 as a$b$; commit; select 1 as c$b$",
        "select $1; commit",
        "/* /* ' */ */ commit",
        "-- it's\rcommit",
        "\u{feff}commit",
        "\u{200b}commit",
        "explain analyze commit",
        "explain (analyze, format json) commit",
        "select \"it's\"; commit",
    ] {
        let found = transaction_statement(sql);
        assert_eq!(found, Some(("commit".to_owned(), sql.find("commit").unwrap())), "{sql}");
    }
    for sql in [
        r"select e'\'; commit; select '",
        "select $a$ $$; commit $a$",
        "/* /* */ commit; */ select 1",
        "select case when true then 1 \n end as begin, 'x; commit'",
        "explain select 1 as end",
        "select start from t where commit = 'a''; commit'",
    ] {
        assert_eq!(transaction_statement(sql), None, "{sql}");
    }
}

#[test]
fn the_place_of_the_statement_is_shown() {
    with("{{ config(materialized='table') }}\nselect 2 as id\n{{ publish() }}", "{% macro publish() %}{% if execute %}{% do run_query('select 1; commit') %}{% endif %}{% endmacro %}")
        .run("build")
        .exit(1)
        .stdout_has("`commit` cannot be run while a node is made: the node, its hooks and its tests are one transaction")
        .stdout_has("--> macros/own.sql:1:");
}

#[test]
fn words_that_are_no_such_statements_can_be_used() {
    let project = with(
        "{{ config(materialized='table', pre_hook=\"create or replace table t as select 'a; commit' as \\\"begin\\\", case when true then 1 end as b -- ; commit\") }}\nselect 1 as id",
        "",
    );
    project.run("build").exit(0);
}

#[test]
fn a_hook_outside_of_the_transaction_may_have_its_own() {
    let project = with(
        "{{ config(materialized='table', post_hook={'sql': 'begin; create table t as select 1 as id; commit', 'transaction': false}) }}\nselect 1 as id",
        "",
    );
    project.run("build").exit(0);
    assert_eq!(project.query("select * from t"), "1");
}

#[test]
fn an_operation_may_have_its_own() {
    let project = with(
        "select 1 as id",
        "{% macro work() %}{% do run_query('begin; create table t as select 1 as id; commit') %}{% endmacro %}",
    );
    project.run("run-operation work").exit(0);
    assert_eq!(project.query("select * from t"), "1");
}
