//! The clauses of a `merge`: what happens to rows that match and to rows that do not.

use crate::project::{TestProject, project};

/// A table with the rows (0, 0) and (1, 1), into which (0, 0), (1, 10) and (2, 20) are merged.
fn merged(config: &str) -> TestProject {
    let project = project(&format!(
        "
        //- models/raw.sql
        {{{{ config(materialized='table') }}}}
        select i as id, i * {{{{ var('factor', 1) }}}} as v from range({{{{ var('n', 2) }}}}) as t(i)
        //- models/totals.sql
        {{{{ config(materialized='incremental', incremental_strategy='merge', {config}) }}}}
        select id, v from {{{{ ref('raw') }}}}
        "
    ));
    project.run("build").exit(0);
    project
}

#[track_caller]
fn check(config: &str, rows: &str) {
    let project = merged(config);
    project.run("build --vars '{n: 3, factor: 10}'").exit(0);
    assert_eq!(project.query("select id, v from totals order by all"), rows);
}

#[test]
fn brief_configs_are_conditions_and_expressions() {
    check("unique_key='id', merge_update_condition='DBT_INTERNAL_SOURCE.v > 100'", "0 | 0\n1 | 1\n2 | 20");
    check("unique_key='id', merge_insert_condition='DBT_INTERNAL_SOURCE.v > 100'", "0 | 0\n1 | 10");
    let set = "merge_update_set_expressions={'v': 'DBT_INTERNAL_DEST.v + DBT_INTERNAL_SOURCE.v'}";
    check(&format!("unique_key='id', {set}"), "0 | 0\n1 | 11\n2 | 20");
    check("merge_on_using_columns=['id']", "0 | 0\n1 | 10\n2 | 20");
}

#[test]
fn the_first_clause_whose_condition_holds_counts() {
    let clauses = "merge_clauses={
        'when_matched': [
            {'action': 'delete', 'condition': 'DBT_INTERNAL_SOURCE.v = 0'},
            {'action': 'update', 'mode': 'explicit', 'update': {'set_expressions': {'v': '-1'}}}
        ],
        'when_not_matched': [
            {'action': 'insert', 'mode': 'explicit', 'insert': {'columns': ['id', 'v'], 'values': ['7', '8']}}
        ]}";
    check(&format!("unique_key='id', {clauses}"), "1 | -1\n7 | 8");
}

#[test]
fn a_side_without_clauses_does_what_it_does_without_them() {
    let clauses = "merge_clauses={'when_matched': [{'action': 'do_nothing'}]}";
    check(&format!("unique_key='id', {clauses}"), "0 | 0\n1 | 1\n2 | 20");
    let clauses = "merge_clauses={'when_not_matched': [{'action': 'insert', 'mode': 'star'}]}";
    check(&format!("unique_key='id', {clauses}"), "0 | 0\n1 | 10\n2 | 20");
    let by_source =
        "merge_clauses={'when_not_matched': [{'action': 'insert'}, {'by': 'source', 'action': 'delete'}]}";
    let project = merged(&format!("unique_key='id', {by_source}"));
    project.run("build --vars '{n: 1}'").exit(0);
    assert_eq!(project.query("select id, v from totals order by all"), "0 | 0");
}

#[test]
fn a_clause_can_refuse_rows() {
    let clauses = "merge_clauses={'when_matched': [{'action': 'error', 'error_message': \"it's there\"}]}";
    let project = merged(&format!("unique_key='id', {clauses}"));
    project.run("build --vars '{n: 3}'").exit(1).stdout_has("it's there");
    assert_eq!(project.query("select count(*) from totals"), "2");
}

#[test]
fn clauses_that_cannot_be_meant_are_errors() {
    let parse = |config: &str| {
        project(&format!(
            "
            //- models/m.sql
            {{{{ config(materialized='incremental', incremental_strategy='merge', unique_key='id', {config}) }}}}
            select 1 as id
            "
        ))
        .run("parse")
    };
    parse("merge_clauses=[]").exit(2).stderr_has("`merge_clauses` must be a mapping, not `[]`");
    parse("merge_clauses={'when_matchd': []}").exit(2).stderr_has("did you mean `when_matched`?");
    parse("merge_clauses={'when_matched': []}").exit(2).stderr_has("must be a list with at least one clause");
    parse("merge_clauses={'when_matched': [{'action': 'insert'}]}")
        .exit(2)
        .stderr_has("`when_matched` cannot have `insert`: it knows update, delete, do_nothing and error");
    parse("merge_clauses={'when_not_matched': [{'action': 'insert', 'mode': 'all'}]}")
        .exit(2)
        .stderr_has("`mode: all` must be one of by_name, by_position, star, explicit");
    parse("merge_clauses={'when_matched': [{'action': 'delete'}]}, merge_update_columns=['v']")
        .exit(2)
        .stderr_has("error[conflicting-config]: `merge_update_columns` has no effect beside `merge_clauses`");
    parse("merge_update_condition=1")
        .exit(2)
        .stderr_has("the config `merge_update_condition` must be a text");
}
