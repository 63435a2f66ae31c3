//! What is published and what is not: tests decide on their node, and failures on what is made from it.

use super::project::{TestProject, assert_text, project};

/// A table with readers, a view, a seed and a model that has nothing to do with them; `bad` makes all
/// tests fail.
fn gated() -> TestProject {
    project(
        "
        //- models/schema.yml
        models:
          - name: base
            columns:
              - name: id
                data_tests: [not_null, unique]
          - name: part
            columns:
              - name: id
                data_tests: [not_null]
        seeds:
          - name: codes
            columns:
              - name: id
                data_tests: [not_null]
        //- models/base.sql
        {{ config(materialized='table', pre_hook='create table if not exists main.hooked (i int)',
            post_hook='insert into main.hooked values (1)') }}
        select 1 as id, 'old' as version union all select 2, 'old'
        //- models/part.sql
        select 1 as id, 'old' as version
        //- models/child.sql
        {{ config(materialized='table') }}
        select * from {{ ref('base') }}
        //- models/grandchild.sql
        select * from {{ ref('child') }}
        //- models/sibling.sql
        {{ config(materialized='table') }}
        select 7 as x
        //- seeds/codes.csv
        id,name
        1,a
        2,b
        ",
    )
}

/// The text with `[date]` for the times of versions.
fn without_dates(text: &str) -> String {
    let line = |line: &str| match line.split_once("kept the version of 2") {
        Some((before, _)) => format!("{before}kept the version of [date]"),
        None => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn spoil(project: &TestProject) {
    project.write(
        "models/base.sql",
        "{{ config(materialized='table', pre_hook='insert into main.hooked values (2)') }}\n\
         select null::int as id, 'new' as version union all select 5, 'new' union all select 5, 'new'\n",
    );
    project.write("models/part.sql", "select null::int as id, 'new' as version\n");
    project.write("seeds/codes.csv", "id,name\n1,a\n,b\n");
    project.write("models/sibling.sql", "{{ config(materialized='table') }}\nselect 8 as x\n");
}

const STATE: &str = "select 'base' as t, id::varchar as a, version as b from base
    union all select 'part', id::varchar, version from part
    union all select 'codes', id::varchar, name from codes
    union all select 'child', id::varchar, version from child
    union all select 'sibling', x::varchar, null from sibling
    union all select 'hooked', i::varchar, null from hooked
    order by all";

const OLD_STATE: &str = "base | 1 | old\nbase | 2 | old\nchild | 1 | old\nchild | 2 | old\ncodes | 1 | a\ncodes | 2 | b\nhooked | 1 | NULL\npart | 1 | old\n";

#[test]
fn a_failing_test_leaves_tables_views_seeds_and_hooks_as_they_were() {
    let project = gated();
    project.run("build").exit(0);
    assert_eq!(project.query(STATE), format!("{OLD_STATE}sibling | 7 | NULL"));
    spoil(&project);
    let outcome = project.run("build --threads 1");
    outcome.exit(1).stderr("");
    assert_text(
        &without_dates(&outcome.stdout),
        r#"
        building 1 seed, 5 models, 4 tests in shop.duckdb (target dev, 1 thread)
        1/6  rolled back  table main.base                       3 rows [time]
             kept the version of [date]
             2 tests failed
             failed not_null_base_id: 1 failure
             failed unique_base_id: 1 failure
        2/6  skipped      table main.child                      (base failed)
        3/6  skipped      view main.grandchild                  (base failed)
        4/6  rolled back  view main.part                        1 row [time]
             kept the version of [date]
             1 test failed
             failed not_null_part_id: 1 failure
        5/6  published    table main.sibling                    1 row [time]
        6/6  rolled back  seed main.codes                       2 rows [time]
             kept the version of [date]
             1 test failed
             failed not_null_codes_id: 1 failure

        1 model published; 4 tests failed

        error[test-failed]: not_null on `base.id`: 1 failure
         --> models/schema.yml:5:22
          |
        5 |         data_tests: [not_null, unique]
          |                      ^^^^^^^^ declared here
          for example:
            id    version
            ----  -------
            NULL  new
          found before the rollback by:
            select * from "shop"."main"."base" where "id" is null

        error[test-failed]: unique on `base.id`: 1 failure
         --> models/schema.yml:5:32
          |
        5 |         data_tests: [not_null, unique]
          |                                ^^^^^^ declared here
          for example:
            unique_field  n_records
            ------------  ---------
                       5          2
          found before the rollback by:
            select
                id as unique_field,
                count(*) as n_records
            from "shop"."main"."base"
            where id is not null
            group by id
            having count(*) > 1

        error[test-failed]: not_null on `part.id`: 1 failure
         --> models/schema.yml:9:22
          |
        9 |         data_tests: [not_null]
          |                      ^^^^^^^^ declared here
          for example:
            id    version
            ----  -------
            NULL  new
          found before the rollback by:
            select * from "shop"."main"."part" where "id" is null

        error[test-failed]: not_null on `codes.id`: 1 failure
          --> models/schema.yml:14:22
           |
        14 |         data_tests: [not_null]
           |                      ^^^^^^^^ declared here
          for example:
            id    name
            ----  ----
            NULL  b
          found before the rollback by:
            select * from "shop"."main"."codes" where "id" is null

        next: tidemill build -s +base+ +codes+ +part+
        build failed in [time]: 3 nodes rolled back, 4 tests failed, 2 skipped
        "#,
    );
    // The sibling goes on; everything else is as it was.
    assert_eq!(project.query(STATE), format!("{OLD_STATE}sibling | 8 | NULL"));
    assert_eq!(
        project.query("select node_id, status, rows from tidemill.node_runs order by finished_at, node_id limit 7 offset 6"),
        "model.shop.base | rolled back | NULL\nmodel.shop.part | rolled back | NULL\nmodel.shop.sibling | success | 1\nseed.shop.codes | rolled back | NULL"
    );
    // The next good build publishes.
    project
        .write("models/base.sql", "{{ config(materialized='table') }}\nselect 9 as id, 'next' as version\n");
    project.run("build -s base").exit(0);
    assert_eq!(project.query("select * from base"), "9 | next");
}

#[test]
fn a_first_build_that_fails_leaves_nothing() {
    let project = gated();
    spoil(&project);
    project.write(
        "models/base.sql",
        "{{ config(materialized='table') }}\nselect null as id, 'new' as version\n",
    );
    project.run("build --threads 1").exit(1).stdout_has("nothing is published");
    let tables = "select table_name from information_schema.tables where table_schema = 'main'";
    assert_eq!(project.query(tables), "sibling");
}

#[test]
fn run_builds_without_tests_and_test_changes_nothing() {
    let project = gated();
    project.run("build").exit(0);
    spoil(&project);
    project.run("run --threads 1").exit(0).stderr("").stdout(
        "
        running 5 models in shop.duckdb (target dev, 1 thread)
        1/5  built        table main.base                       3 rows [time]
        2/5  built        table main.child                      3 rows [time]
        3/5  built        view main.grandchild [time]
        4/5  built        view main.part [time]
        5/5  built        table main.sibling                    1 row [time]

        run succeeded in [time]: 5 models built
        ",
    );
    assert_eq!(project.query("select * from part"), "NULL | new");
    let before = project.query("select count(*) from tidemill.node_runs where status = 'success'");
    project.run("test -s part base --threads 1").exit(1).stderr("").stdout(
        r#"
        testing 3 tests in shop.duckdb (target dev, 1 thread)
        1/2  failed       table main.base [time]
             2 tests failed
             failed not_null_base_id: 1 failure
             failed unique_base_id: 1 failure
        2/2  failed       view main.part [time]
             1 test failed
             failed not_null_part_id: 1 failure

        3 tests failed

        error[test-failed]: not_null on `base.id`: 1 failure
         --> models/schema.yml:5:22
          |
        5 |         data_tests: [not_null, unique]
          |                      ^^^^^^^^ declared here
          for example:
            id    version
            ----  -------
            NULL  new
          to see all of them:
            select * from "shop"."main"."base" where "id" is null

        error[test-failed]: unique on `base.id`: 1 failure
         --> models/schema.yml:5:32
          |
        5 |         data_tests: [not_null, unique]
          |                                ^^^^^^ declared here
          for example:
            unique_field  n_records
            ------------  ---------
                       5          2
          to see all of them:
            select
                id as unique_field,
                count(*) as n_records
            from "shop"."main"."base"
            where id is not null
            group by id
            having count(*) > 1

        error[test-failed]: not_null on `part.id`: 1 failure
         --> models/schema.yml:9:22
          |
        9 |         data_tests: [not_null]
          |                      ^^^^^^^^ declared here
          for example:
            id    version
            ----  -------
            NULL  new
          to see all of them:
            select * from "shop"."main"."part" where "id" is null

        next: tidemill test -s base part
        test failed in [time]: 3 tests failed
        "#,
    );
    assert_eq!(project.query("select * from part"), "NULL | new");
    let after = project.query("select count(*) from tidemill.node_runs where status = 'success'");
    assert_eq!(before, after);
    // What reads a node that failed under `test` is tested all the same.
    project.run("test -s codes").exit(0);
}

#[test]
fn a_warning_publishes() {
    project(
        "
        //- models/a.sql
        select null::int as id
        //- models/b.sql
        select * from {{ ref('a') }}
        //- models/schema.yml
        models:
          - name: a
            columns:
              - name: id
                data_tests:
                  - not_null: {config: {severity: warn}}
        ",
    )
    .run("build --threads 1")
    .exit(0)
    .stderr("")
    .stdout(
        r#"
        building 2 models, 1 test in shop.duckdb (target dev, 1 thread)
        1/2  published    view main.a                           1 row [time]
             1 test warned
             warning not_null_a_id: 1 failure
        2/2  published    view main.b [time]

        warning[test-warned]: not_null on `a.id`: 1 failure
         --> models/schema.yml:6:13
          |
        6 |           - not_null: {config: {severity: warn}}
          |             ^^^^^^^^ declared here
          for example:
            id
            ----
            NULL
          to see all of them:
            select * from "shop"."main"."a" where "id" is null

        build succeeded in [time]: 2 models published; 1 test warned
        "#,
    );
}

#[test]
fn a_test_that_cannot_be_run_shuts_the_gate_and_spares_the_others() {
    project(
        "
        //- models/a.sql
        {{ config(materialized='table') }}
        select 1 as id, 'x' as code
        //- models/b.sql
        select * from {{ ref('a') }}
        //- models/schema.yml
        models:
          - name: a
            columns:
              - name: id
                data_tests: [not_null, unique]
              - name: nope
                data_tests: [not_null]
        //- tests/also.sql
        select *
        from {{ ref('a') }}
        where nope
        ",
    )
    .run("build --no-check --threads 1")
    .exit(1)
    .stderr("")
    .stdout(
        r#"
        building 2 models, 4 tests in shop.duckdb (target dev, 1 thread)
        1/2  rolled back  table main.a                          1 row [time]
             nothing is published
             2 tests passed, 2 could not be run
             error also: Referenced column "nope" not found in FROM clause!
             error not_null_a_nope: Referenced column "nope" not found in FROM clause!
        2/2  skipped      view main.b                           (a failed)

        2 tests passed, 2 could not be run

        error[sql-error]: Referenced column "nope" not found in FROM clause!
         --> tests/also.sql:3:7
          |
        3 | where nope
          |       ^^^^
          |
        note: Candidate bindings: "code"

        error[test-error]: not_null on `a.nope`: Referenced column "nope" not found in FROM clause!
         --> models/schema.yml:7:22
          |
        7 |         data_tests: [not_null]
          |                      ^^^^^^^^ declared here
          |
        note: Candidate bindings: "code"

        next: tidemill build -s +a+
        build failed in [time]: 1 node rolled back, 2 tests could not be run, 1 skipped
        "#,
    );
}

#[test]
fn an_error_that_ends_the_transaction_is_that_of_its_test() {
    // The conversion fails while the query runs, and the engine gives the transaction up.
    let project = project(
        "
        //- models/a.sql
        {{ config(materialized='table') }}
        select 1 as id, 'x' as code
        //- models/schema.yml
        models:
          - name: a
            columns:
              - name: id
                data_tests: [not_null]
              - name: code
                data_tests:
                  - accepted_values: {name: codes, arguments: {values: [1, 2], quote: false}}
                  - not_null
        ",
    );
    project.run("build --threads 1").exit(1).stderr("").stdout("
        building 1 model, 3 tests in shop.duckdb (target dev, 1 thread)
        1/1  rolled back  table main.a                          1 row [time]
             nothing is published
             1 test could not be run, 2 skipped
             error codes: Could not convert string 'x' to INT32 when casting from source column value_field

        1 test could not be run, 2 skipped

        error[test-error]: accepted_values on `a.code`: Could not convert string 'x' to INT32 when casting from source column value_field
         --> models/schema.yml:8:13
          |
        8 |           - accepted_values: {name: codes, arguments: {values: [1, 2], quote: false}}
          |             ^^^^^^^^^^^^^^^ declared here

        next: tidemill build -s +a+
        build failed in [time]: 1 node rolled back, 1 test could not be run
        ");
    assert_eq!(
        project.query("select test_id, status from tidemill.test_runs order by test_id"),
        "test.shop.codes.830d041546 | error\n\
         test.shop.not_null_a_code.80bad19283 | skipped\n\
         test.shop.not_null_a_id.c1cebc1440 | skipped"
    );
    project.run("run").exit(0);
    // Without a transaction every test has its own result.
    project.run("test --threads 1").exit(1).stdout_has("2 tests passed, 1 could not be run");
}

#[test]
fn what_is_not_built_is_said_once_for_all_its_tests() {
    project(
        "
        //- models/a.sql
        select 1 as id, 2 as n
        //- models/schema.yml
        models:
          - name: a
            columns:
              - name: id
                data_tests: [not_null, unique]
              - name: n
                data_tests: [not_null]
        ",
    )
    .run("test")
    .exit(1)
    .stderr("")
    .stdout(
        "
        testing 3 tests in shop.duckdb (target dev, 2 threads)
        1/1  failed       view main.a [time]
             models/a.sql:1:1: model `a` is not built: there is no main.a
             3 tests could not be run

        3 tests could not be run

        error[not-built]: model `a` is not built: there is no main.a
         --> models/a.sql:1:1
          |
        1 | select 1 as id, 2 as n
          | ^
          |
        help: build it first: tidemill run -s a

        next: tidemill test -s a
        test failed in [time]: 3 tests could not be run
        ",
    );
}

#[test]
fn fail_fast_stops_after_the_first_failure() {
    project(
        "
        //- models/a.sql
        select null as id
        //- models/b.sql
        select * from {{ ref('a') }}
        //- models/z.sql
        select 1 as id
        //- models/schema.yml
        models:
          - name: a
            columns: [{name: id, data_tests: [not_null]}]
        ",
    )
    .run("build --threads 1 --fail-fast")
    .exit(1)
    .stdout_has("2/3  skipped      view main.b                           (a failed)")
    .stdout_has("3/3  skipped      view main.z                           (stopped after the first failure)");
}

#[test]
fn a_singular_test_gates_the_last_of_its_parents() {
    let project = project(
        "
        //- models/one.sql
        {{ config(materialized='table') }}
        select 1 as k
        //- models/two.sql
        {{ config(materialized='table') }}
        select k + 1 as k from {{ ref('one') }}
        //- models/after.sql
        select * from {{ ref('two') }}
        //- tests/of_one.sql
        select * from {{ ref('one') }} where k > 1
        //- tests/of_both.sql
        select two.k from {{ ref('two') }} as two join {{ ref('one') }} as one on two.k > one.k
        ",
    );
    project.run("build --threads 1").exit(1).stderr("").stdout(
        r#"
        building 3 models, 2 tests in shop.duckdb (target dev, 1 thread)
        1/3  published    table main.one                        1 row [time]
             1 test passed
        2/3  rolled back  table main.two                        1 row [time]
             nothing is published
             1 test failed
             failed of_both: 1 failure
        3/3  skipped      view main.after                       (two failed)

        1 model published; 1 test passed, 1 failed

        error[test-failed]: test `of_both`: 1 failure
         --> tests/of_both.sql:1:1
          |
        1 | select two.k from {{ ref('two') }} as two join {{ ref('one') }} as one on two.k > one.k
          | ^ declared here
          for example:
            k
            -
            2
          found before the rollback by:
            select two.k from "shop"."main"."two" as two join "shop"."main"."one" as one on two.k > one.k

        next: tidemill build -s +two+
        build failed in [time]: 1 node rolled back, 1 test failed, 1 skipped
        "#,
    );
    assert_eq!(
        project.query("select table_name from information_schema.tables where table_schema = 'main'"),
        "one"
    );
}

#[test]
fn a_singular_test_of_unrelated_parents_stands_alone_and_blocks_what_is_made_of_all() {
    project(
        "
        //- models/p.sql
        select 1 as k
        //- models/q.sql
        select 2 as k
        //- models/of_p.sql
        select * from {{ ref('p') }}
        //- models/of_both.sql
        select * from {{ ref('p') }} join {{ ref('q') }} using (k)
        //- models/later.sql
        select * from {{ ref('of_both') }}
        //- tests/common.sql
        select k from {{ ref('p') }} union all select k from {{ ref('q') }}
        ",
    )
    .run("build --threads 1")
    .exit(1)
    .stderr("")
    .stdout(
        r#"
        building 5 models, 1 test in shop.duckdb (target dev, 1 thread)
        1/6  published    view main.p [time]
        2/6  published    view main.q [time]
        3/6  failed       test common                           2 rows fail [time]
        4/6  skipped      view main.of_both                     (test common failed)
        5/6  published    view main.of_p [time]
        6/6  skipped      view main.later                       (test common failed)

        3 models published; 1 test failed

        error[test-failed]: test `common`: 2 failures
         --> tests/common.sql:1:1
          |
        1 | select k from {{ ref('p') }} union all select k from {{ ref('q') }}
          | ^ declared here
          for example:
            k
            -
            1
            2
          to see all of them:
            select k from "shop"."main"."p" union all select k from "shop"."main"."q"

        next: tidemill build
        build failed in [time]: 1 test failed, 2 skipped
        "#,
    );
}

#[test]
fn what_a_relationship_reads_is_built_before_its_owner() {
    // By name the other side would come last.
    let project = project(
        "
        //- models/a_orders.sql
        {{ config(materialized='table') }}
        select 1 as customer_id union all select 3
        //- models/z_customers.sql
        {{ config(materialized='table') }}
        select 1 as id
        //- models/schema.yml
        models:
          - name: a_orders
            columns:
              - name: customer_id
                data_tests:
                  - relationships: {arguments: {to: ref('z_customers'), field: id}}
        ",
    );
    project.run("build --threads 1").exit(1).stdout(
        r#"
        building 2 models, 1 test in shop.duckdb (target dev, 1 thread)
        1/2  published    table main.z_customers                1 row [time]
        2/2  rolled back  table main.a_orders                   2 rows [time]
             nothing is published
             1 test failed
             failed relationships_a_orders_customer_id__id__ref_z_customers_: 1 failure

        1 model published; 1 test failed

        error[test-failed]: relationships on `a_orders.customer_id`: 1 failure
         --> models/schema.yml:6:13
          |
        6 |           - relationships: {arguments: {to: ref('z_customers'), field: id}}
          |             ^^^^^^^^^^^^^ declared here
          for example:
            from_field
            ----------
                     3
          found before the rollback by:
            select child.from_field
            from (
                select customer_id as from_field
                from "shop"."main"."a_orders"
                where customer_id is not null
            ) as child
            left join (
                select id as to_field
                from "shop"."main"."z_customers"
            ) as parent on child.from_field = parent.to_field
            where parent.to_field is null

        next: tidemill build -s +a_orders+
        build failed in [time]: 1 node rolled back, 1 test failed
        "#,
    );
    assert_eq!(
        project.query("select table_name from information_schema.tables where table_schema = 'main'"),
        "z_customers"
    );
}

#[test]
fn a_relationship_to_what_is_made_from_its_owner_runs_after_both() {
    project(
        "
        //- models/orders.sql
        {{ config(materialized='table') }}
        select 1 as id union all select 2
        //- models/paid.sql
        {{ config(materialized='table') }}
        select * from {{ ref('orders') }} where id = 1
        //- models/schema.yml
        models:
          - name: orders
            columns:
              - name: id
                data_tests:
                  - relationships: {name: all_paid, arguments: {to: ref('paid'), field: id}}
        ",
    )
    .run("build --threads 1")
    .exit(1)
    .stdout(
        r#"
        building 2 models, 1 test in shop.duckdb (target dev, 1 thread)
        1/3  published    table main.orders                     2 rows [time]
        2/3  published    table main.paid                       2 -> 1 row [time]
        3/3  failed       test all_paid                         1 row fails [time]

        2 models published; 1 test failed

        error[test-failed]: relationships on `orders.id`: 1 failure
         --> models/schema.yml:6:13
          |
        6 |           - relationships: {name: all_paid, arguments: {to: ref('paid'), field: id}}
          |             ^^^^^^^^^^^^^ declared here
          for example:
            from_field
            ----------
                     2
          to see all of them:
            select child.from_field
            from (
                select id as from_field
                from "shop"."main"."orders"
                where id is not null
            ) as child
            left join (
                select id as to_field
                from "shop"."main"."paid"
            ) as parent on child.from_field = parent.to_field
            where parent.to_field is null

        next: tidemill build
        build failed in [time]: 1 test failed
        "#,
    );
}

#[test]
fn the_same_comes_out_with_one_thread_and_with_eight() {
    let state = |threads: usize| {
        let project = gated();
        project.run("build").exit(0);
        spoil(&project);
        project.run(&format!("build --threads {threads}")).exit(1);
        let history = "select node_id, status from tidemill.node_runs order by all";
        let tests = "select test_id, status, failures from tidemill.test_runs order by all";
        [project.query(STATE), project.query(history), project.query(tests)]
    };
    assert_eq!(state(1), state(8));
}
