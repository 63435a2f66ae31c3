//! `selectors.yml`, the methods of selectors that need no run, and those that compare with an earlier one.

use crate::project::{TestProject, project};

const PROJECT: &str = "
    //- models/stg_a.sql
    {{ config(tags=['daily'], group='core', access='private') }}
    select 1 as id
    //- models/stg_b.sql
    {{ config(tags=['daily', 'raw'], meta={'owner': 'ann'}) }}
    select 1 as id
    //- models/mid.sql
    {{ config(materialized='table', group='core') }}
    select * from {{ ref('stg_a') }} join {{ ref('stg_b') }} using (id)
    //- models/top_v1.sql
    select * from {{ ref('mid') }}
    //- models/top_v2.sql
    select * from {{ ref('mid') }}
    //- models/top_v3.sql
    select * from {{ ref('mid') }}
    //- models/s.yml
    groups: [{name: core, owner: {name: Ann}}]
    models:
      - name: mid
        columns: [{name: id, data_tests: [unique, {relationships: {arguments: {to: ref('stg_b'), field: id}}}]}]
      - {name: top, latest_version: 2, versions: [{v: 1}, {v: 2}, {v: 3}]}
    exposures:
      - {name: board, type: dashboard, owner: {name: Ann}, depends_on: [ref('top')]}
    semantic_models:
      - {name: sem, model: ref('mid'), measures: [{name: total, agg: sum, expr: id}]}
    metrics:
      - {name: total, label: Total, type: simple, type_params: {measure: total}}
    saved_queries:
      - {name: weekly, query_params: {metrics: [total]}}
    unit_tests:
      - {name: joins, model: mid, given: [{input: ref('stg_a'), rows: [{id: 1}]}], expect: {rows: []}}
    //- selectors.yml
    selectors:
      - name: nightly
        description: what is made at night
        definition:
          union:
            - method: tag
              value: daily
              children: true
              children_depth: 1
            - 'config.materialized:table'
            - exclude: [{method: tag, value: raw}]
      - {name: both, definition: {intersection: [{tag: daily}, 'tag:raw']}}
      - {name: texts, definition: 'tag:raw,tag:daily exposure:board'}
      - name: inherits
        definition:
          method: selector
          value: both
          exclude: ['stg_b']
      - {name: careful, definition: {method: fqn, value: mid, indirect_selection: cautious}}
    ";

#[track_caller]
fn selects(project: &TestProject, arguments: &str, expected: &str) {
    let outcome = project.run(&format!("list --output name {arguments}"));
    outcome.exit(0).stdout(&expected.replace(' ', "\n"));
}

#[test]
fn selectors_have_names() {
    let project = project(PROJECT);
    for (name, expected) in [
        ("nightly", "joins mid stg_a unique_mid_id"),
        ("both", "relationships_mid_id__id__ref_stg_b_ stg_b"),
        ("texts", "board relationships_mid_id__id__ref_stg_b_ stg_b"),
        ("careful", "joins mid unique_mid_id"),
    ] {
        selects(&project, &format!("--selector {name}"), expected);
    }
    selects(&project, "--select selector:both --exclude resource_type:test", "stg_b");
    selects(&project, "--selector inherits", "");
}

#[test]
fn the_default_selector_holds_where_nothing_else_is_said() {
    let project = project(
        "
        //- models/a.sql
        select 1
        //- models/b.sql
        select 1
        //- selectors.yml
        selectors: [{name: one, default: \"{{ target.name == 'dev' }}\", definition: a}]
        ",
    );
    selects(&project, "", "a");
    selects(&project, "--select b", "b");
}

#[test]
fn methods_look_at_what_nodes_are() {
    let project = project(PROJECT);
    for (select, expected) in [
        ("group:core", "joins mid relationships_mid_id__id__ref_stg_b_ stg_a unique_mid_id"),
        ("access:private", "stg_a"),
        ("version:latest", "top"),
        ("version:old", "top"),
        ("version:prerelease", "top"),
        ("metric:total", "total"),
        ("semantic_model:shop.sem", "sem"),
        ("saved_query:weekly", "weekly"),
        ("unit_test:*", "joins"),
        ("exposure:shop.board", "board"),
        ("config.meta.owner:ann --exclude resource_type:test", "stg_b"),
        ("config.materialized:table --exclude test_type:data test_type:unit", "mid"),
        ("test_type:unit", "joins"),
        ("test_name:unique", "unique_mid_id"),
        ("package:this,resource_type:metric", "total"),
        ("file:s.yml,resource_type:saved_query", "weekly"),
        (
            "+saved_query:weekly,resource_type:model --exclude test_type:data test_type:unit",
            "mid stg_a stg_b",
        ),
    ] {
        selects(&project, &format!("--select {select}"), expected);
    }
}

#[test]
fn tests_come_with_nodes_as_asked() {
    let project = project(PROJECT);
    for (mode, expected) in [
        ("eager", "joins mid relationships_mid_id__id__ref_stg_b_ unique_mid_id"),
        ("cautious", "joins mid unique_mid_id"),
        ("buildable", "joins mid relationships_mid_id__id__ref_stg_b_ unique_mid_id"),
        ("empty", "joins mid"),
    ] {
        selects(&project, &format!("--select mid --indirect-selection {mode}"), expected);
    }
}

#[test]
fn faults_of_selectors_are_shown() {
    let with =
        |selectors: &str| project(&format!("//- models/a.sql\nselect 1\n//- selectors.yml\n{selectors}"));
    with("selectors:\n  - {name: a, definition: {method: selector, value: b}}\n")
        .run("list")
        .exit(2)
        .stderr_has("error[unknown-selector]: there is no selector `b` before this one")
        .stderr_has("selectors.yml:2:53");
    with("selectors:\n  - {name: a, defintion: x}\n")
        .run("list")
        .exit(2)
        .stderr_has("error[missing-key]: a selector has no `definition`")
        .stderr_has("did you mean `definition`?");
    with("selectors:\n  - {name: a, definition: {method: tag}}\n")
        .run("list")
        .exit(2)
        .stderr_has("error[invalid-selector]: a part of a selector has a `method` and a `value`");
    with("selectors: [{name: a, default: true, definition: a}, {name: b, default: true, definition: a}]\n")
        .run("list")
        .exit(2)
        .stderr_has("error[duplicate-default]: two selectors are the default");
    let project = project("//- models/a.sql\nselect 1\n");
    project
        .run("list --selector nightly")
        .exit(2)
        .stderr_has("error[unknown-selector]: there is no selector `nightly`")
        .stderr_has("selectors are defined in selectors.yml");
    project.run("list -s access:privat").exit(2).stderr_has("`privat` is no value of this method");
    project.run("list -s state:modified").exit(2).stderr_has("name its folder with `--state DIR`");
    project.run("list -s state:modified --state nowhere").exit(2).stderr_has("error[missing-state]");
}

#[test]
fn an_earlier_state_tells_what_is_new_and_what_has_changed() {
    let project = project(
        "
        //- models/same.sql
        select 1 as id
        //- models/other.sql
        select {{ one() }} as id
        //- models/edited.sql
        select 1 as id
        //- models/broken.sql
        select nope
        //- macros/one.sql
        {% macro one() %}1{% endmacro %}
        ",
    );
    project.run("build --no-check").exit(1);
    std::fs::rename(project.dir().join("target"), project.dir().join("before")).expect("a folder");
    project.write("models/edited.sql", "select 2 as id");
    project.write("models/fresh.sql", "select 1 as id");
    project.write("models/same.yml", "models: [{name: same, config: {meta: {a: 1}}}]");
    project.write("macros/one.sql", "{% macro one() %}1 + 0{% endmacro %}");
    for (select, expected) in [
        ("state:new", "fresh"),
        ("state:old", "broken edited other same"),
        ("state:modified", "edited fresh other same"),
        ("state:modified.body", "edited fresh"),
        ("state:modified.configs", "fresh same"),
        ("state:modified.macros", "fresh other"),
        ("state:unmodified", "broken"),
        ("result:error", "broken"),
        ("result:success", "edited other same"),
    ] {
        selects(&project, &format!("--state before --select {select}"), expected);
    }
}
