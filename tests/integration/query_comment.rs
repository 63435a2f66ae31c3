//! `query-comment`: what stands beside every statement that is sent.

use crate::project::project;

const TARGETS: &str = "name: shop\ntargets:\n  dev: {type: duckdb, path: shop.duckdb}\ntarget: dev\n";

#[test]
fn a_comment_stands_before_the_statement() {
    let project = project(&format!(
        "
//- project.yml
{TARGETS}query-comment: run by {{{{ target.name }}}} for {{{{ node.name }}}}
//- models/m.sql
{{{{ config(materialized='table') }}}}
select current_query() as q
"
    ));
    project.run("build").exit(0);
    let sent = project.query("select q from m");
    assert!(sent.starts_with("/* run by dev for m */\n"), "{sent}");
    assert!(!project.read("target/compiled/shop/models/m.sql").contains("run by"));
}

#[test]
fn a_comment_can_stand_at_the_end_and_come_from_a_macro() {
    let project = project(&format!(
        "
//- project.yml
{TARGETS}query-comment:
  comment: '{{{{ note(node) }}}}'
  append: true
on-run-start: create or replace table t as select current_query() as q;
//- macros/note.sql
{{% macro note(node) %}}{{% if node is none %}}no node{{% else %}}of {{{{ node.unique_id }}}}{{% endif %}}{{% endmacro %}}
//- models/m.sql
{{{{ config(materialized='table') }}}}
select current_query() as q -- to the end
"
    ));
    project.run("build").exit(0);
    let sent = project.query("select q from m");
    assert!(sent.ends_with("\n/* of model.shop.m */"), "{sent}");
    let sent = project.query("select q from t");
    assert!(sent.ends_with("\n/* no node */;") || sent.ends_with("\n/* no node */"), "{sent}");
}

#[test]
fn an_error_keeps_its_place_behind_a_comment() {
    for append in ["false", "true"] {
        let project = project(&format!(
            "
//- project.yml
{TARGETS}query-comment: {{comment: \"first line\\nsecond line\", append: {append}}}
//- models/m.sql
select 1 as id,
    nope
"
        ));
        project.run("build --no-check").exit(1).stdout_has("--> models/m.sql:2:5");
    }
}

#[test]
fn a_comment_that_would_end_early_is_refused() {
    let project = project(&format!(
        "
//- project.yml
{TARGETS}query-comment: 'a */ b'
//- models/m.sql
select 1 as id
"
    ));
    project
        .run("build")
        .exit(1)
        .stderr_has("error[invalid-value]: the `query-comment` holds `*/`, which would end it");
}

#[test]
fn a_comment_whose_macro_is_not_there_is_an_error_with_its_place() {
    let project = project(&format!(
        "
//- project.yml
{TARGETS}query-comment: '{{{{ nothing() }}}}'
//- models/m.sql
select 1 as id
"
    ));
    project.run("build").exit(1).stderr_has("--> project.yml:5:16");
}
