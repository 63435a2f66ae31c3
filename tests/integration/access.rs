//! Groups, and who may refer to a model.

use crate::phases::{check_error, phases};

const TWO_GROUPS: &str = "
    //- models/groups.yml
    groups:
      - {name: finance, owner: {name: Ann}}
      - {name: sales, owner: {email: sales@example.com}}
    models:
      - {name: ledger, config: {group: finance, access: private}, data_tests: [tiny]}
      - {name: report, config: {group: finance}}
    //- models/ledger.sql
    select 1 as id
    //- models/report.sql
    select * from {{ ref('ledger') }}
    //- macros/tiny.sql
    {% test tiny(model) %}select * from {{ model }} where id > 9{% endtest %}
    ";

#[test]
fn a_private_model_is_for_its_group_and_its_own_tests() {
    phases(TWO_GROUPS).check().shows("");
}

#[test]
fn a_private_model_is_not_for_another_group() {
    check_error(
        &format!(
            "{TWO_GROUPS}
    //- models/pipeline.sql
    {{{{ config(group='sales') }}}}
    select * from {{{{ ref('ledger') }}}}
    "
        ),
        "
        error[private-ref]: model `pipeline` refers to `ledger`, which is private to the group `finance`
         --> models/pipeline.sql:2:22
          |
        2 | select * from {{ ref('ledger') }}
          |                      ^^^^^^^^ this model is in the group `sales`
          |
         ::: models/groups.yml:5:45
          |
        5 |   - {name: ledger, config: {group: finance, access: private}, data_tests: [tiny]}
          |                                             ------ private here
          |
        help: set `group: finance` for `pipeline`, or `access: protected` for `ledger`
        ",
    );
}

#[test]
fn a_private_model_is_not_for_nodes_without_a_group() {
    check_error(
        "
        //- models/a.sql
        {{ config(access='private') }}
        select 1
        //- models/b.sql
        select * from {{ ref('a') }}
        ",
        "
        error[private-ref]: model `b` refers to `a`, which is private to no group
         --> models/b.sql:1:22
          |
        1 | select * from {{ ref('a') }}
          |                      ^^^ this model is in no group
          |
         ::: models/a.sql:1:11
          |
        1 | {{ config(access='private') }}
          |           ------ private here
          |
        help: put both into a group, or set `access: protected` for `a`
        ",
    );
}

#[test]
fn a_package_may_keep_its_protected_models() {
    let package = |restrict: &str| {
        format!(
            "
            //- dbt_packages/lake/dbt_project.yml
            name: lake
            {restrict}
            //- dbt_packages/lake/models/inner.sql
            select 1 as id
            //- dbt_packages/lake/models/outer.sql
            {{{{ config(access='public') }}}}
            select * from {{{{ ref('inner') }}}}
            //- models/a.sql
            select * from {{{{ ref('lake', 'inner') }}}} join {{{{ ref('outer') }}}} using (id)
            "
        )
    };
    phases(&package("version: 1.0.0")).check().shows("");
    check_error(
        &package("restrict-access: true"),
        "
        error[protected-ref]: model `a` refers to `inner`, which is protected: only the package `lake` may read it
         --> models/a.sql:1:30
          |
        1 | select * from {{ ref('lake', 'inner') }} join {{ ref('outer') }} using (id)
          |                              ^^^^^^^ in the package `shop`
          |
         ::: dbt_packages/lake/models/inner.sql:1:1
          |
        1 | select 1 as id
          | - this model
          |
        note: `lake` has `restrict-access: true` in its project file
        help: read a model of that package that is `access: public`
        ",
    );
}

#[test]
fn what_cannot_be_an_access_is_said() {
    check_error(
        "
        //- models/a.sql
        {{ config(access='privat') }}
        select 1
        ",
        "
        error[invalid-access]: the access of `a` cannot be `privat`
         --> models/a.sql:1:11
          |
        1 | {{ config(access='privat') }}
          |           ^^^^^^ write `private`, `protected` or `public`
          |
        help: did you mean `private`?
        ",
    );
    check_error(
        "
        //- models/a.sql
        {{ config(access='public', materialized='ephemeral') }}
        select 1
        ",
        "
        error[invalid-access]: `a` is public, but ephemeral: there is no table to read
         --> models/a.sql:1:11
          |
        1 | {{ config(access='public', materialized='ephemeral') }}
          |           ^^^^^^ public here
          |
        help: make it a view or a table, or make it `protected`
        ",
    );
}

#[test]
fn a_group_must_exist_and_have_an_owner() {
    check_error(
        "
        //- models/a.sql
        {{ config(group='finanse') }}
        select 1
        //- models/s.yml
        groups: [{name: finance, owner: {name: Ann}}]
        ",
        "
        error[unknown-group]: model `a` is in the group `finanse`, which is not declared
         --> models/a.sql:1:11
          |
        1 | {{ config(group='finanse') }}
          |           ^^^^^ no such group
          |
        help: did you mean `finance`?
        ",
    );
    check_error(
        "
        //- models/s.yml
        groups:
          - {name: finance, owner: {slack: money}}
          - {name: finance, owner: {name: Ann}}
        ",
        "
        error[missing-key]: the owner of the group `finance` has no `name` and no `email`
         --> models/s.yml:2:28
          |
        2 |   - {name: finance, owner: {slack: money}}
          |                            ^ write at least one of them

        error[duplicate-name]: there are two groups `finance`
         --> models/s.yml:3:12
          |
        2 |   - {name: finance, owner: {slack: money}}
          |            ------- first here
        3 |   - {name: finance, owner: {name: Ann}}
          |            ^^^^^^^ again here
        ",
    );
}
