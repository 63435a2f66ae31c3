//! Views that read what is made anew: they can be read after it, or somebody says which cannot.

use crate::project::{TestProject, project};

/// A table, a view of all its columns, a view of one of them, and a view of that.
fn base() -> TestProject {
    let project = project(
        "
        //- models/base.sql
        {{ config(materialized='table') }}
        select 1 as id, 5 as amount
        //- models/everything.sql
        select * from {{ ref('base') }}
        //- models/amounts.sql
        select amount from {{ ref('base') }}
        //- models/large.sql
        select amount from {{ ref('amounts') }} where amount > 1
        ",
    );
    project.run("build").exit(0);
    project
}

const RENAMED: &str = "{{ config(materialized='table') }}\nselect 1 as id, 5 as total\n";

#[test]
fn a_view_that_is_not_made_anew_keeps_a_version_out_that_it_cannot_read() {
    let project = base();
    project.write("models/base.sql", RENAMED);
    project.run("build -s base --threads 1").exit(1).stdout_has(
        "error[breaks-views]: the new version of `base` would break the views main.amounts, main.large, which read from it
 --> models/base.sql:1:1
  |
1 | {{ config(materialized='table') }}
  | ^
  |
note: main.amounts: it reads the column `amount`, which is gone
note: main.large: it reads the column `amount`, which is gone
help: make what reads it anew in the same run: tidemill build -s base+",
    );
    assert_eq!(project.query("from large"), "5");
    assert_eq!(project.query("select status from tidemill.node_runs where message like '%break%'"), "error");
}

#[test]
fn columns_that_nobody_misses_may_come_and_go() {
    let project = base();
    let other = "{{ config(materialized='table') }}\nselect 'x' as kind, 5::bigint as amount\n";
    project.write("models/base.sql", other);
    project.run("build -s base").exit(0).stderr("");
    assert_eq!(project.query("from everything"), "x | 5");
    assert_eq!(project.query("from large"), "5");
}

#[test]
fn views_that_are_made_anew_may_change_with_it() {
    let project = base();
    project.write("models/base.sql", RENAMED);
    project.write("models/amounts.sql", "select total as amount from {{ ref('base') }}\n");
    project.run("build").exit(0).stderr("");
    assert_eq!(project.query("from large"), "5");
}

#[test]
fn a_view_that_should_have_been_made_anew_is_named_at_the_end() {
    let project = base();
    project.write("models/base.sql", RENAMED);
    project.write("models/amounts.sql", "select total from {{ ref('base') }}\n");
    project.write("models/large.sql", "select total from {{ ref('amounts') }} where total > 1\n");
    project.write("models/tests.yml", "models: [{name: amounts, columns: [{name: total, data_tests: [{accepted_values: {arguments: {values: [6]}}}]}]}]\n");
    project.run("build").exit(1).stderr(
        "
        warning: view main.amounts cannot be read since base was published, because it was not made anew: Referenced column \"amount\" not found in FROM clause!
        warning: view main.large cannot be read since base was published, because it was not made anew: Referenced column \"amount\" not found in FROM clause!
        ",
    );
}

#[test]
fn views_that_are_no_models_are_named_in_a_warning() {
    let project = base();
    project
        .execute("create view by_hand as select id from base; create view was_broken as select id from base");
    project.execute("drop view was_broken; create table gone as select 1 as x");
    project.execute("create view was_broken as select b.id, g.x from base b, gone g; drop table gone");
    project.write("models/base.sql", "{{ config(materialized='table') }}\nselect 5 as amount\n");
    project.run("build -s base").exit(0).stderr(
        "warning: view main.by_hand cannot read the new version of base: Referenced column \"id\" not found in FROM clause!\n",
    );
}

#[test]
fn seeds_and_snapshots_are_held_to_it_too() {
    let project = project(
        "
        //- seeds/people.csv
        id,name
        1,Ann
        //- models/names.sql
        select name from {{ ref('people') }}
        ",
    );
    project.run("build").exit(0);
    project.write("seeds/people.csv", "id,town\n1,Rome\n");
    project.run("seed").exit(1).stdout_has(
        "error[breaks-views]: the new version of `people` would break the view main.names, which reads from it
note: main.names: it reads the column `name`, which is gone
help: make what reads it anew in the same run: tidemill build -s people+",
    );
    assert_eq!(project.query("from names"), "Ann");
}

#[test]
fn a_model_may_become_a_view_and_a_table_again_below_a_view() {
    let project = base();
    project.write("models/base.sql", "select 2 as id, 7 as amount\n");
    project.run("build -s base").exit(0).stderr("");
    assert_eq!(project.query("from large"), "7");
    project.write("models/base.sql", "{{ config(materialized='table') }}\nselect 2 as id, 9 as amount\n");
    project.run("build -s base").exit(0).stderr("");
    assert_eq!(project.query("from large"), "9");
    assert_eq!(project.query("select count(*) from duckdb_tables() where table_name = 'base'"), "1");
}
