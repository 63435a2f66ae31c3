//! Hooks of nodes and of runs: their forms, their moments, what they see, and what becomes of failing ones.

use crate::project::{TestProject, project};

/// A project whose hooks can write into a table `audit`.
fn audited(files: &str) -> TestProject {
    let project = project(files);
    let file = "name: shop\ntargets:\n  dev: {type: duckdb, path: shop.duckdb}\ntarget: dev\non-run-start:\n  \
                - create sequence if not exists s\n  \
                - create table if not exists audit (n integer default nextval('s'), what varchar)\n";
    project.write("project.yml", file);
    project
}

fn said(project: &TestProject) -> String {
    project.query("select what from audit order by n")
}

#[test]
fn hooks_are_texts_lists_and_mappings() {
    let project = audited(
        "
        //- models/a.sql
        {{ config(
            materialized='table',
            pre_hook=[\"insert into audit(what) values ('in, before')\",
                {'sql': \"insert into audit(what) values ('out, before')\", 'transaction': false}],
            post_hook=[after_commit(\"insert into audit(what) values ('out, after')\"),
                in_transaction(\"insert into audit(what) values ('in, {{ this.identifier }}')\"), '{{ nothing() }}',
                \"insert into audit(what) values ('1'); insert into audit(what) values ('2')\"]
        ) }}
        select 1 as id
        //- macros/nothing.sql
        {% macro nothing() %}{% do log('nothing to run', info=true) %}{% endmacro %}
        ",
    );
    project.run("build").exit(0).stderr("nothing to run\n");
    assert_eq!(said(&project), "out, before\nin, before\nin, a\n1\n2\nout, after");
}

#[test]
fn a_hook_after_the_commit_takes_nothing_back() {
    let project = project(
        "
        //- models/a.sql
        {{ config(materialized='table', post_hook={'sql': 'selec 1', 'transaction': false}) }}
        select 1 as id
        ",
    );
    project.run("build").exit(1).stdout_has("the new version is published").stdout_has(
        "error[hook-failed]: post-hook of `a`: syntax error at or near \"selec\"\n --> models/a.sql:1:33",
    );
    assert_eq!(project.query("select id from a"), "1");
}

#[test]
fn seeds_have_hooks_too() {
    let project = audited(
        "
        //- seeds/s.csv
        id
        1
        //- seeds/s.yml
        seeds:
          - name: s
            config:
              pre-hook: insert into audit(what) values ('before {{ this.identifier }}')
              post-hook: insert into audit(what) select 'rows ' || count(*) from {{ this }}
        ",
    );
    project.run("build").exit(0).stderr("");
    assert_eq!(said(&project), "before s\nrows 1");
}

#[test]
fn the_end_of_a_run_sees_its_results() {
    let project = project(
        "
        //- project.yml
        name: shop
        targets:
          dev: {type: duckdb, path: shop.duckdb}
        target: dev
        on-run-end:
          - \"{{ tell(results) }}\"
          - create table ended as select '{{ schemas | join(',') }}' as schemas, '{{ database_schemas | tojson }}' as pairs
        //- models/a.sql
        {{ config(materialized='table', schema='mart') }}
        select 1 as id
        //- models/b.sql
        select no_column from {{ ref('a') }}
        //- models/c.sql
        select * from {{ ref('b') }}
        //- models/m.yml
        models: [{name: a, columns: [{name: id, data_tests: [unique]}]}]
        //- macros/tell.sql
        {% macro tell(results) %}
          {% for it in results | sort(attribute='unique_id') %}
            {% do log(it.status ~ ' ' ~ it.node.unique_id ~ ' ' ~ it.failures ~ ' ' ~ it.node.config.materialized
              ~ ' ' ~ (it.execution_time is number) ~ ' ' ~ it.timing | length ~ ' ' ~ it.adapter_response, info=true) %}
          {% endfor %}
          {% do log(results | selectattr('status', 'equalto', 'success') | map(attribute='node') | map(attribute='name')
            | join(','), info=true) %}
        {% endmacro %}
        ",
    );
    project.run("build --no-check").exit(1).stderr(
        "
        success model.shop.a None table True 2 {'_message': 'OK'}
        error model.shop.b None view True 2 {}
        skipped model.shop.c None view True 0 {}
        pass test.shop.unique_a_id.f6a5f640da 0 test True 2 {'_message': 'OK'}
        a
        ",
    );
    assert_eq!(project.query("select * from ended"), "mart | [[\"shop\", \"mart\"]]");
}

#[test]
fn a_failing_start_lets_nothing_begin() {
    let project = audited("//- models/a.sql\nselect 1 as id\n");
    let file = project.read("project.yml") + "  - \"{{ broken() }}\"\n  - select 1\n";
    project.write("project.yml", file);
    project.write("macros/broken.sql", "{% macro broken() %}{% do run_query('selec 1') %}{% endmacro %}\n");
    project.run("build").exit(1).stderr(
        "
        error[sql-error]: syntax error at or near \"selec\"
         --> macros/broken.sql:1:27
          |
        1 | {% macro broken() %}{% do run_query('selec 1') %}{% endmacro %}
          |                           ^^^^^^^^^^^^^^^^^^^^
          |
         ::: project.yml:8:5
          |
        8 |   - \"{{ broken() }}\"
          |     ---------------- in macro `broken`, called here

        stopped: 1 error
        ",
    );
    let results = project.read("target/run_results.json");
    let status = |id: &str, status: &str| {
        let entry = format!(r#""status":"{status}""#);
        let at =
            results.find(&format!(r#""unique_id":"operation.shop.shop-on-run-start-{id}""#)).unwrap_or(0);
        assert!(
            results[..at].rfind(r#"{"status""#).is_some_and(|it| results[it..at].contains(&entry)),
            "{id}"
        );
    };
    status("1", "success");
    status("2", "error");
    status("3", "skipped");
    assert!(!results.contains("model.shop.a"), "{results}");
}

#[test]
fn a_failing_end_fails_the_run_but_not_its_nodes() {
    let project = project(
        "
        //- project.yml
        name: shop
        targets:
          dev: {type: duckdb, path: shop.duckdb}
        target: dev
        on-run-end: selec 1
        //- models/a.sql
        select 1 as id
        ",
    );
    project.run("build").exit(1).stdout_has("1 model published").stderr_has("error[hook-failed]: on-run-end");
    assert_eq!(project.query("select id from a"), "1");
    assert_eq!(project.query("select status from tidemill.runs"), "error");
}

#[test]
fn hooks_of_packages_come_before_those_of_the_project() {
    let project = audited(
        "
        //- models/a.sql
        select 1 as id
        //- dbt_packages/pack/dbt_project.yml
        name: pack
        on-run-end: \"insert into audit(what) values ('{{ var('who') }}')\"
        vars: {who: pack}
        ",
    );
    let file = project.read("project.yml") + "on-run-end: insert into audit(what) values ('shop')\n";
    project.write("project.yml", file);
    project.run("build").exit(0).stderr("");
    assert_eq!(said(&project), "pack\nshop");
}

#[test]
fn a_hook_that_refers_to_nothing_is_found_before_anything_runs() {
    let project = project(
        "
        //- project.yml
        name: shop
        targets:
          dev: {type: duckdb, path: shop.duckdb}
        target: dev
        on-run-end: select * from {{ ref('oders') }}
        //- models/orders.sql
        select 1 as id
        ",
    );
    project.run("build").exit(2).stderr_has("project.yml:5:13").stderr_has("did you mean `orders`?");
}
