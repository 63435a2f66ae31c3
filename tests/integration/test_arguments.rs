//! Arguments of generic tests that are templates.

use super::project::project;

const PROJECT: &str = "
//- dbt_project.yml
name: shop
profile: shop
//- profiles.yml
shop: {target: dev, outputs: {dev: {type: duckdb, path: shop.duckdb, threads: 1}}}
//- macros/tests.sql
{% macro same(column) %}{{ column }}{% endmacro %}
{% test holds(model, expression) %}select * from {{ model }} where not ({{ expression }}){% endtest %}
//- models/first.sql
select 1 as a, 1 as b
";

fn with_argument(expression: &str) -> String {
    format!(
        "{PROJECT}//- models/first.yml
models:
  - name: first
    data_tests:
      - holds: {{arguments: {{expression: \"{expression}\"}}}}
"
    )
}

#[test]
fn template_with_text_around_it() {
    project(&with_argument("a = {{ same('b') }}")).run("build").exit(0).stdout_has("1 test passed");
    project(&with_argument("a = {{ same('b') }} + 1"))
        .run("build")
        .exit(1)
        .stdout_has("holds on `first`: 1 failure");
}

#[test]
fn two_expressions_and_a_block() {
    let argument = "{{ same('a') }} = {% if true %}b{% else %}c{% endif %} and {{ same('b') }} = 1";
    project(&with_argument(argument)).run("build").exit(0).stdout_has("1 test passed");
}

#[test]
fn text_that_only_begins_like_a_call() {
    let project = project(&with_argument("ref(a) = b"));
    project.run("build").exit(1).stdout_has("ref");
}

#[test]
fn templates_in_a_list() {
    let with_list = |values: &str| {
        let project = with_argument("a").replace(
            "holds: {arguments: {expression: \"a\"}}",
            &format!("among: {{arguments: {{values: [0, {values}]}}}}"),
        );
        format!(
            "{project}//- macros/among.sql
{{% test among(model, values) %}}select * from {{{{ model }}}} where a not in ({{{{ values | join(',') }}}}){{% endtest %}}
"
        )
    };
    project(&with_list("\"{{ same('b') }}\"")).run("build").exit(0).stdout_has("1 test passed");
    project(&with_list("\"{{ same('b') }} + 1\""))
        .run("build")
        .exit(1)
        .stdout_has("among on `first`: 1 failure");
}

#[test]
fn expression_that_is_not_closed() {
    project(&with_argument("a = {{ same('b')")).run("parse").exit(2).stderr_has("`{{` is never closed");
}

#[test]
fn tests_of_a_source_have_its_tags() {
    let project = project(
        "
//- dbt_project.yml
name: shop
profile: shop
//- profiles.yml
shop: {target: dev, outputs: {dev: {type: duckdb, path: shop.duckdb, threads: 1}}}
//- models/sources.yml
sources:
  - name: raw
    tags: [outer]
    tables:
      - name: orders
        tags: inner
        columns:
          - name: id
            tags: [key]
            data_tests: [unique]
",
    );
    project.run("list -s tag:outer,tag:inner,tag:key").exit(0).stdout_has("source_unique_raw_orders_id");
}
