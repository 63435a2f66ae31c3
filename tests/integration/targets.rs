//! Which database: inline targets, and profiles.

use crate::phases::{check_error, phases};

const PROFILES: &str = "
    //- dbt_project.yml
    name: shop
    profile: shop
    //- profiles.yml
    shop:
      target: \"{{ env_var('STAGE', 'dev') }}\"
      outputs:
        dev: {type: duckdb, path: dev.duckdb, schema: ann, threads: 2}
        prod: {type: duckdb, path: \"{{ env_var('PROD_PATH', 'prod.duckdb') }}\"}
    ";

#[test]
fn a_profile_names_its_default_target() {
    let checked = phases(PROFILES).check();
    let target = &checked.project().target;
    assert_eq!((target.name.as_str(), target.path.as_str()), ("dev", "dev.duckdb"));
    assert_eq!((target.schema.as_str(), target.database.as_str(), target.threads), ("ann", "dev", Some(2)));
}

#[test]
fn a_profile_may_be_chosen_and_filled_by_the_environment() {
    let checked = phases(PROFILES).env("STAGE", "prod").env("PROD_PATH", "live/shop.duckdb").check();
    let target = &checked.project().target;
    assert_eq!((target.name.as_str(), target.path.as_str()), ("prod", "live/shop.duckdb"));
    assert_eq!((target.schema.as_str(), target.database.as_str()), ("main", "shop"));
}

#[test]
fn the_command_line_chooses_the_target() {
    assert_eq!(phases(PROFILES).target("prod").check().project().target.name, "prod");
}

#[test]
fn an_unknown_target_shows_a_near_name() {
    phases(PROFILES).target("prd").check().shows(
        "
        error[unknown-target]: there is no target `prd`
         --> profiles.yml:4:5
          |
        4 |     dev: {type: duckdb, path: dev.duckdb, schema: ann, threads: 2}
          |     ^ the targets are listed here
          |
        note: targets: dev, prod
        help: did you mean `prod`?
        ",
    );
}

#[test]
fn an_unknown_target_of_the_environment_is_shown_in_the_profile() {
    phases(PROFILES).env("STAGE", "development").check().shows(
        r#"
        error[unknown-target]: there is no target `development`
         --> profiles.yml:2:11
          |
        2 |   target: "{{ env_var('STAGE', 'dev') }}"
          |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ named as the default here
          |
        note: targets: dev, prod
        "#,
    );
}

#[test]
fn an_unknown_profile_lists_those_there_are() {
    phases(PROFILES).profile("shpo").check().shows(
        "
        error[unknown-profile]: there is no profile `shpo` in profiles.yml
         --> dbt_project.yml:1:1
          |
        1 | name: shop
          | ^ the project asks for this profile
          |
        note: profiles: shop
        help: did you mean `shop`?
        ",
    );
}

#[test]
fn a_missing_profiles_file_says_where_it_belongs() {
    check_error(
        "
        //- dbt_project.yml
        name: shop
        profile: shop
        ",
        "
        error[missing-profiles-file]: no profiles.yml was found for the profile `shop`
         --> dbt_project.yml:2:10
          |
        2 | profile: shop
          |          ^^^^ the project asks for this profile
          |
        help: put profiles.yml beside the project file, or give its folder with `--profiles-dir`
        ",
    );
}

#[test]
fn a_dbt_project_without_a_profile_is_an_error() {
    check_error(
        "
        //- dbt_project.yml
        name: shop
        ",
        "
        error[missing-profile]: the project names no profile
         --> dbt_project.yml:1:7
          |
        1 | name: shop
          |       ^^^^
          |
        help: add `profile: name` to the project file, or give `--profile name`
        ",
    );
}

#[test]
fn a_profile_without_outputs_is_an_error() {
    check_error(
        "
        //- dbt_project.yml
        name: shop
        profile: shop
        //- profiles.yml
        shop: {target: dev}
        ",
        "
        error[missing-key]: the profile `shop` has no `outputs`
         --> profiles.yml:1:7
          |
        1 | shop: {target: dev}
          |       ^ list the targets under `outputs:`
        ",
    );
}

#[test]
fn a_broken_profiles_file_is_shown() {
    check_error(
        "
        //- dbt_project.yml
        name: shop
        profile: shop
        //- profiles.yml
        shop: {target: dev
        ",
        "
        error[invalid-yaml]: this is not valid YAML
         --> profiles.yml:1:7
          |
        1 | shop: {target: dev
          |       ^ unclosed bracket '{'
        ",
    );
}

#[test]
fn a_missing_environment_variable_of_the_chosen_target_is_an_error() {
    check_error(
        "
        //- dbt_project.yml
        name: shop
        profile: shop
        //- profiles.yml
        shop:
          target: dev
          outputs:
            dev: {type: duckdb, path: \"{{ env_var('DB_PATH') }}\"}
            prod: {type: duckdb, path: \"{{ env_var('NOT_WANTED') }}\"}
        ",
        r#"
        error[unknown-env-var]: the environment variable `DB_PATH` is not set and has no default
         --> profiles.yml:4:31
          |
        4 |     dev: {type: duckdb, path: "{{ env_var('DB_PATH') }}"}
          |                               ^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
        help: set it, or give a default: `env_var('DB_PATH', '...')`
        "#,
    );
}

#[test]
fn another_engine_is_an_error() {
    check_error(
        "
        //- project.yml
        name: shop
        targets: {dev: {type: snowflake, account: x}}
        ",
        "
        error[unsupported-type]: `snowflake` is not an engine that Tidemill builds in
         --> project.yml:2:23
          |
        2 | targets: {dev: {type: snowflake, account: x}}
          |                       ^^^^^^^^^ only `duckdb` is
          |
        note: other databases can be attached to DuckDB and read from there: see `attach:`
        ",
    );
}

#[test]
fn several_inline_targets_need_a_default() {
    check_error(
        "
        //- project.yml
        name: shop
        targets:
          dev: {type: duckdb, path: dev.duckdb}
          prod: {type: duckdb, path: prod.duckdb}
        ",
        "
        error[missing-target]: there are several targets and none is the default
         --> project.yml:3:3
          |
        3 |   dev: {type: duckdb, path: dev.duckdb}
          |   ^ targets: dev, prod
          |
        help: add `target: dev` to the project file
        ",
    );
}

#[test]
fn an_unknown_default_target_shows_a_near_name() {
    check_error(
        "
        //- project.yml
        name: shop
        target: pro
        targets:
          dev: {type: duckdb, path: dev.duckdb}
          prod: {type: duckdb, path: prod.duckdb}
        ",
        "
        error[unknown-target]: there is no target `pro`
         --> project.yml:2:9
          |
        2 | target: pro
          |         ^^^ named as the default here
          |
        note: targets: dev, prod
        help: did you mean `prod`?
        ",
    );
}

#[test]
fn one_inline_target_needs_no_default() {
    let checked = phases(
        "
        //- project.yml
        name: shop
        targets: {only: {type: duckdb, path: only.duckdb}}
        ",
    )
    .check();
    assert_eq!(checked.project().target.name, "only");
}

#[test]
fn a_project_without_targets_works_beside_its_file() {
    let checked = phases(
        "
        //- project.yml
        name: shop
        ",
    )
    .check();
    let target = &checked.project().target;
    assert_eq!((target.name.as_str(), target.path.as_str()), ("default", "shop.duckdb"));
}

#[test]
fn bad_values_of_a_target_are_errors() {
    check_error(
        "
        //- project.yml
        name: shop
        targets: {dev: {type: duckdb, path: [a], threads: none, settings: 3, attach: [{alias: x}]}}
        ",
        "
        error[wrong-type]: `path` must be a text
         --> project.yml:2:37
          |
        2 | targets: {dev: {type: duckdb, path: [a], threads: none, settings: 3, attach: [{alias: x}]}}
          |                                     ^ this is a list

        error[wrong-type]: `threads` must be a whole number of at least 1
         --> project.yml:2:51
          |
        2 | targets: {dev: {type: duckdb, path: [a], threads: none, settings: 3, attach: [{alias: x}]}}
          |                                                   ^^^^

        error[wrong-type]: `settings` must be a mapping of settings to values
         --> project.yml:2:67
          |
        2 | targets: {dev: {type: duckdb, path: [a], threads: none, settings: 3, attach: [{alias: x}]}}
          |                                                                   ^ this is a number

        error[missing-key]: an attached database has no `path`
         --> project.yml:2:79
          |
        2 | targets: {dev: {type: duckdb, path: [a], threads: none, settings: 3, attach: [{alias: x}]}}
          |                                                                               ^ add `path:` here
        ",
    );
}

#[test]
fn targets_that_are_no_mapping_are_an_error() {
    check_error(
        "
        //- project.yml
        name: shop
        targets: duckdb
        ",
        "
        error[wrong-type]: `targets` must be a mapping of target names to connections
         --> project.yml:2:10
          |
        2 | targets: duckdb
          |          ^^^^^^ this is a text
        ",
    );
}
