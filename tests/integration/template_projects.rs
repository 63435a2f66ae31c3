//! Whole projects whose templates ask the warehouse, through the program.

use crate::project::project;

const PAYMENTS: &str = "
    //- seeds/payments.csv
    id,kind,amount
    1,card,10
    2,cash,5
    3,card,1
";

/// A project with seeds of payments.
#[track_caller]
fn payments(files: &str) -> crate::project::TestProject {
    project(&format!("{PAYMENTS}{files}"))
}

#[test]
fn a_model_is_made_of_what_the_warehouse_answers() {
    let project = payments(
        "
    //- models/pivoted.sql
    {% set kinds = run_query('select distinct kind from ' ~ ref('payments') ~ ' order by 1') %}
    select 1 as one
    {% if execute %}{% for kind in kinds.columns['kind'].values() %}
    , (select sum(amount) from {{ ref('payments') }} where kind = '{{ kind }}') as {{ kind }}
    {% endfor %}{% endif %}
",
    );
    project.run("build --threads 1").exit(0);
    project.run("show -s pivoted --output csv").exit(0).stdout("one,card,cash\n1,11,5\n");
    project.run("compile -s pivoted").exit(0);
    assert!(project.read("target/compiled/shop/models/pivoted.sql").contains("where kind = 'card') as card"));
}

#[test]
fn a_failing_question_is_shown_with_the_calls_that_led_to_it() {
    payments(
        "
    //- macros/ask.sql
    {% macro outer(relation) %}
    {{ return(inner(relation)) }}
    {% endmacro %}
    {% macro inner(relation) %}
    {{ return(run_query('select nope from ' ~ relation)) }}
    {% endmacro %}
    //- models/asking.sql
    {{ config(materialized='table') }}
    {% set x = outer(ref('payments')) %}
    select 1 as a
    //- models/after.sql
    select * from {{ ref('asking') }}
",
    )
    .run("build --threads 1")
    .exit(1)
    .stdout_has("skipped")
    .stdout_has(
        "\
error[sql-error]: Referenced column \"nope\" not found in FROM clause!
 --> macros/ask.sql:5:11
  |
2 | {{ return(inner(relation)) }}
  |           --------------- in macro `inner`, called here
...
5 | {{ return(run_query('select nope from ' ~ relation)) }}
  |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
 ::: models/asking.sql:2:12
  |
2 | {% set x = outer(ref('payments')) %}
  |            ---------------------- in macro `outer`, called here
",
    );
}

#[test]
fn a_macro_that_reads_columns_makes_the_list_of_a_select() {
    let project = payments(
        "
    //- macros/star.sql
    {% macro star(relation, except) %}
    {%- for column in adapter.get_columns_in_relation(relation) if column.name not in except -%}
    {{ column.quoted }}{{ ', ' if not loop.last }}
    {%- endfor -%}
    {% endmacro %}
    //- models/starred.sql
    select {{ star(ref('payments'), ['amount']) }} from {{ ref('payments') }}
    //- models/missing.sql
    select {{ adapter.get_columns_in_relation(api.Relation.create(schema='main', identifier='not_there')) | length }} as n
    -- {{ adapter.get_relation(target.database, target.schema, 'payments').type }}
    -- depends_on: {{ ref('payments') }}
",
    );
    project.run("build").exit(0);
    project.run("show -s starred --output csv").exit(0).stdout_has("id,kind\n1,card\n");
    project.run("show -s missing --output csv").exit(0).stdout("n\n0\n");
}

#[test]
fn the_graph_and_the_selection_can_be_read() {
    let project = payments(
        "
    //- models/listed.sql
    {{ config(tags=['x'], meta={'owner': 'me'}) }}
    select $${% if execute %}{% for node in graph.nodes.values() | sort(attribute='name') -%}
    {{ node.resource_type }}.{{ node.name }}:{{ node.config.materialized }}:{{ node.tags | join('+') }};
    {%- endfor %}{{ selected_resources }}{{ graph.sources | length }}{{ model.depends_on.nodes }}{% endif %}$$ as a
    -- depends_on: {{ ref('payments') }}
",
    );
    project.run("seed").exit(0);
    project.run("run -s listed").exit(0);
    project
        .run("show --inline 'from listed' --output csv")
        .exit(0)
        .stdout("a\nmodel.listed:view:x;seed.payments:seed:;['model.shop.listed']0['seed.shop.payments']\n");
}

#[test]
fn tests_and_hooks_ask_inside_the_transaction() {
    let project = payments(
        "
    //- macros/checks.sql
    {% test has_rows(model, at_least) %}
    {% set n = run_query('select count(*) as n from ' ~ model).rows[0].n if execute else 0 %}
    select {{ n }} as n where {{ n }} < {{ at_least }}
    {% endtest %}
    //- models/kept.sql
    {{ config(materialized='table', post_hook=\"{% set n = run_query('select count(*) as n from ' ~ this).rows[0].n if execute %}insert into {{ this }} values ({{ n }})\") }}
    select id from {{ ref('payments') }}
    //- models/properties.yml
    models:
      - name: kept
        data_tests: [{has_rows: {at_least: 4}}]
",
    );
    project.run("build").exit(0).stdout_has("1 test passed");
    project
        .run("show --inline 'select max(id) as m, count(*) as n from kept' --output csv")
        .stdout("m,n\n3,4\n");
}

#[test]
fn what_cannot_be_called_is_found_without_a_database() {
    payments(
        "
    //- models/a.sql
    select {{ adapter.get_columns_in_relaton(ref('payments')) }} as a
    //- models/b.sql
    select {{ modules.re.subs('a', 'b', 'c') }} as b
    //- models/c.sql
    select {{ modules.datetime.date(2024, 13, 1) }} as c
",
    )
    .run("parse")
    .exit(2)
    .stderr(
        "
error[template-call]: `adapter` has no method `get_columns_in_relaton`
 --> models/a.sql:1:11
  |
1 | select {{ adapter.get_columns_in_relaton(ref('payments')) }} as a
  |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
help: did you mean `get_columns_in_relation`?

error[template-call]: `modules.re` has no `subs`
 --> models/b.sql:1:11
  |
1 | select {{ modules.re.subs('a', 'b', 'c') }} as b
  |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
help: did you mean `sub`?

error[template-call]: there is no day 1 of month 13 in the year 2024
 --> models/c.sql:1:11
  |
1 | select {{ modules.datetime.date(2024, 13, 1) }} as c
  |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

stopped: 3 errors
",
    );
}

#[test]
fn an_error_that_a_template_raises_rolls_its_node_back() {
    let project = payments(
        "
    //- models/strict.sql
    {{ config(materialized='table') }}
    {% set t = run_query('select count(*) from ' ~ ref('payments')) %}{% set n = t.rows[0][0] if execute else 0 %}
    {% if n > 2 %}{% do exceptions.raise_compiler_error('too many: ' ~ n) %}{% endif %}
    select 1 as a
",
    );
    project.run("build").exit(1).stdout_has(
        "\
error[compilation-error]: too many: 3
 --> models/strict.sql:3:21
  |
3 | {% if n > 2 %}{% do exceptions.raise_compiler_error('too many: ' ~ n) %}{% endif %}
  |                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
",
    );
    project.run("show --inline 'select count(*) as n from duckdb_tables() where table_name = $$strict$$' --output csv").stdout("n\n0\n");
}
