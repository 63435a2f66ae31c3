//! Commands, as the program runs them: output, exit status, files.

use std::fs;

use crate::project::{TestProject, folder, project};

/// A seed, a view on it with a test, and a table on that.
fn shop() -> TestProject {
    project(
        "
        //- seeds/codes.csv
        id,name
        1,one
        2,two
        3,\"three, or more\"
        //- models/a.sql
        select id, name from {{ ref('codes') }}
        //- models/marts/b.sql
        {{ config(materialized='table', tags=['daily']) }}
        select count(*) as n from {{ ref('a') }}
        //- models/s.yml
        models: [{name: a, columns: [{name: id, data_tests: [unique]}]}]
        ",
    )
}

#[test]
fn build_makes_and_tests_what_is_selected() {
    let shop = shop();
    shop.run("build -s +a --threads 1").exit(0).stderr("").stdout(
        "
        building 1 seed, 1 model, 1 test in shop.duckdb (target dev, 1 thread)
        1/2  published    seed main.codes                       3 rows [time]
        2/2  published    view main.a                           3 rows [time]
             1 test passed

        build succeeded in [time]: 1 seed, 1 model published; 1 test passed
        ",
    );
    let tables = "select table_name from information_schema.tables where table_schema = 'main' order by 1";
    assert_eq!(shop.query(tables), "a\ncodes");
    assert_eq!(shop.query("from a order by id"), "1 | one\n2 | two\n3 | three, or more");
}

#[test]
fn a_selector_that_matches_nothing_stops_the_command() {
    shop().run("build -s codez").exit(2).stdout("").stderr(
        "
        error[empty-selector]: the selector `codez` matches nothing
        help: near: `codes`

        stopped: 1 error
        ",
    );
}

#[test]
fn a_selector_that_is_none_stops_the_command() {
    shop().run("list -s tga:daily b").exit(2).stdout("").stderr("
        error[invalid-selector]: `tga:daily` is not a selector: there is no method `tga`
        help: methods: fqn, name, path, file, tag, group, access, source, exposure, metric, semantic_model, saved_query, unit_test, resource_type, package, test_name, test_type, version, selector, state, result, source_status, config.materialized

        stopped: 1 error
        ");
}

#[test]
fn a_selector_that_matches_nothing_beside_one_that_does_is_a_warning() {
    shop().run("list -s b zebra").exit(0).stdout("shop.marts.b").stderr(
        "
        warning[empty-selector]: the selector `zebra` matches nothing
        help: `tidemill list` shows what can be selected
        ",
    );
}

#[test]
fn a_selection_without_work_for_the_command_says_so() {
    shop().run("seed -s b").exit(0).stdout("").stderr(
        "
        warning: nothing to do: no node of the selection is for this command
        ",
    );
}

#[test]
fn list_writes_selectors_names_and_paths() {
    let shop = shop();
    shop.run("list").exit(0).stderr("").stdout(
        "
        shop.a
        shop.codes
        shop.marts.b
        shop.unique_a_id
        ",
    );
    shop.run("ls --output name --resource-type model").exit(0).stdout("a\nb");
    shop.run("ls --output path --exclude-resource-type seed").exit(0).stdout(
        "
        models/a.sql
        models/marts/b.sql
        models/s.yml
        ",
    );
}

#[test]
fn list_writes_json_with_the_keys_asked_for() {
    let shop = shop();
    shop.run("list -s b --output json --output-keys name config.materialized tags depends_on nothing")
        .exit(0)
        .stdout(r#"
        {"name":"b","config.materialized":"table","tags":["daily"],"depends_on":{"nodes":["model.shop.a"],"macros":[]},"nothing":null}
        "#);
    shop.run("list -s b --output json").exit(0).stdout(r#"
        {"name":"b","resource_type":"model","package_name":"shop","original_file_path":"models/marts/b.sql","unique_id":"model.shop.b","alias":"b","config":{"materialized":"table","tags":["daily"]},"tags":["daily"],"depends_on":{"nodes":["model.shop.a"],"macros":[]}}
        "#);
}

#[test]
fn parse_counts_what_is_there() {
    shop().run("parse").exit(0).stdout("").stderr(
        "
        parsed 1 seed, 2 models, 1 test in [time]
        ",
    );
}

#[test]
fn compile_of_one_model_shows_its_sql() {
    shop().run("compile -s b").exit(0).stderr("").stdout(
        r#"

        select count(*) as n from "shop"."main"."a"
        "#,
    );
}

#[test]
fn compile_writes_all_sql_and_makes_no_database() {
    let shop = shop();
    shop.run("compile").exit(0).stdout("").stderr("compiled 3 nodes to target/compiled");
    assert_eq!(
        shop.read("target/compiled/shop/models/marts/b.sql").trim(),
        "select count(*) as n from \"shop\".\"main\".\"a\""
    );
    assert!(!shop.dir().join("shop.duckdb").exists());
}

#[test]
fn compile_shows_every_fault_and_fails() {
    let shop = project(
        "
        //- models/a.sql
        {% if execute %}select {{ nothing.inside }}{% endif %}
        //- models/b.sql
        {% if execute %}select {{ 1 / 0 }}{% endif %}
        //- models/c.sql
        select 1 as id
        ",
    );
    shop.run("compile").exit(1).stdout("").stderr(
        "
        error[undefined-variable]: `nothing` is undefined
         --> models/a.sql:1:27
          |
        1 | {% if execute %}select {{ nothing.inside }}{% endif %}
          |                           ^^^^^^^^^^^^^^

        error[template-call]: `1 / 0` cannot be calculated
         --> models/b.sql:1:27
          |
        1 | {% if execute %}select {{ 1 / 0 }}{% endif %}
          |                           ^^^^^
        ",
    );
}

#[test]
fn artifacts_go_where_target_path_says() {
    let shop = shop();
    shop.run("compile --target-path out/here").exit(0);
    assert!(shop.dir().join("out/here/manifest.json").exists());
    assert!(!shop.dir().join("target").exists());
}

#[test]
fn a_project_may_be_elsewhere() {
    let elsewhere = folder(
        "
        //- deep/project.yml
        name: shop
        //- deep/models/a.sql
        select 1 as id
        ",
    );
    elsewhere.run("run --project-dir deep --threads 1").exit(0).stdout(
        "
        running 1 model in shop.duckdb (target default, 1 thread)
        1/1  built        view main.a [time]

        run succeeded in [time]: 1 model built
        ",
    );
    assert!(elsewhere.dir().join("deep/shop.duckdb").exists());
    assert!(elsewhere.dir().join("deep/target/manifest.json").exists());
}

#[test]
fn a_project_folder_that_is_not_there_is_named() {
    folder("").run("build --project-dir nowhere").exit(2).stdout("").stderr(
        "
        error[missing-project]: there is no folder `nowhere`

        stopped: 1 error
        ",
    );
}

#[test]
fn a_profiles_folder_without_file_is_named() {
    shop().run("build --profiles-dir nowhere").exit(2).stdout("").stderr(
        "
        error[missing-profiles-file]: there is no profiles.yml in `nowhere`

        stopped: 1 error
        ",
    );
}

#[test]
fn profiles_are_found_in_the_home_folder() {
    let shop = project(
        "
        //- dbt_project.yml
        name: shop
        profile: shop
        //- .dbt/profiles.yml
        shop: {target: dev, outputs: {dev: {type: duckdb, path: shop.duckdb}}}
        //- models/a.sql
        select 1 as id
        ",
    );
    shop.run("run").exit(0);
    assert_eq!(shop.query("from a"), "1");
}

#[test]
fn show_writes_rows_of_a_model() {
    let shop = shop();
    shop.run("build").exit(0);
    shop.run("show a").exit(0).stderr("").stdout(
        "
        id  name
        --  --------------
         1  one
         2  two
         3  three, or more
        ",
    );
    shop.run("show -s a --limit 1").exit(0).stdout(
        "
        id  name
        --  ----
         1  one
        ",
    );
    shop.run("show a --output csv").exit(0).stdout(
        r#"
        id,name
        1,one
        2,two
        3,"three, or more"
        "#,
    );
    shop.run("show b --output json").exit(0).stdout(
        r#"
        [
          {"n":3}
        ]
        "#,
    );
    shop.run("show codes --limit -1 --output csv").exit(0).stdout(
        r#"
        id,name
        1,one
        2,two
        3,"three, or more"
        "#,
    );
}

#[test]
fn show_writes_rows_of_a_query() {
    let shop = shop();
    shop.run("build").exit(0);
    shop.run("show --inline \"select max(id) as top from {{ ref('a') }}\" --output csv")
        .exit(0)
        .stdout("top\n3");
}

#[test]
fn show_of_a_broken_query_points_into_it() {
    let shop = shop();
    shop.run("build").exit(0);
    shop.run("show --inline 'select nme from {{ ref(\"a\") }}'").exit(1).stdout("").stderr(
        r#"
        error[sql-error]: Referenced column "nme" not found in FROM clause!
         --> --inline:1:8
          |
        1 | select nme from {{ ref("a") }}
          |        ^^^
          |
        note: Candidate bindings: "name"

        stopped: 1 error
        "#,
    );
}

#[test]
fn show_of_several_nodes_names_them() {
    shop().run("show +b").exit(2).stdout("").stderr(
        "
        error[ambiguous-selector]: `+b` is not one node with rows
        note: it selects: a, b, codes

        stopped: 1 error
        ",
    );
}

#[test]
fn show_before_a_build_says_to_build() {
    shop().run("show b").exit(2).stdout("").stderr(
        "
        error[missing-database]: the database `shop.duckdb` does not exist yet
        help: `tidemill build` makes it

        stopped: 1 error
        ",
    );
}

#[test]
fn show_of_a_parent_that_is_not_built_says_to_build() {
    let shop = shop();
    shop.run("seed").exit(0);
    shop.run("show b").exit(1).stdout("").stderr(
        r"
        error[sql-error]: Table with name a does not exist!
         --> models/marts/b.sql:2:30
          |
        2 | select count(*) as n from {{ ref('a') }}
          |                              ^^^^^^^^ in the SQL that this makes
          |
        help: if it is a relation of this project, `tidemill build` makes it

        stopped: 1 error
        ",
    );
}

#[test]
fn clean_deletes_the_target_folder_and_nothing_else() {
    let shop = shop();
    shop.run("compile").exit(0);
    shop.run("clean").exit(0).stdout("").stderr("deleted target");
    assert!(!shop.dir().join("target").exists());
    assert!(shop.dir().join("models/a.sql").exists());
    shop.run("clean").exit(0).stderr("").stdout("");
}

#[test]
fn clean_deletes_nothing_outside_and_none_of_the_projects_own_files() {
    for (list, message) in [
        ("../elsewhere", "it is not a folder inside the project"),
        ("/", "it is not a folder inside the project"),
        (".", "it is not a folder inside the project"),
        ("models", "the project's own files are in it"),
    ] {
        let shop = project(&format!(
            "
            //- project.yml
            name: shop
            clean-targets: [target, '{list}']
            //- models/a.sql
            select 1
            //- target/old.sql
            select 1
            "
        ));
        shop.run("clean").exit(2).stdout("").stderr(&format!(
            "
            error[unsafe-clean]: `{list}` is not deleted: {message}
             --> project.yml:2:25
              |
            2 | clean-targets: [target, '{list}']
              |                         {carets} in the list of what to clean

            stopped: 1 error
            ",
            carets = "^".repeat(list.len() + 2)
        ));
        assert!(shop.dir().join("models/a.sql").exists() && shop.dir().join("target/old.sql").exists());
    }
}

#[cfg(unix)]
#[test]
fn clean_does_not_follow_a_link_out_of_the_project() {
    let (shop, elsewhere) = (shop(), folder("//- keep.txt\nkeep\n"));
    std::os::unix::fs::symlink(elsewhere.dir(), shop.dir().join("target")).expect("a link");
    shop.run("clean");
    assert_eq!(elsewhere.read("keep.txt"), "keep\n");
}

#[test]
fn debug_says_what_is_found() {
    let shop = shop();
    let platform = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    let stable =
        |text: &str| text.replace(&platform, "[platform]").replace(env!("CARGO_PKG_VERSION"), "[version]");
    let before = shop.run("debug --threads 2");
    before.exit(0).stderr("");
    crate::project::assert_text(
        &stable(&before.stdout),
        "
        tidemill       [version] (DuckDB v1.5.5)
        platform       [platform]
        project        shop (project.yml, Tidemill's rules)
        files          4
        profile        shop
        target         dev
        database       shop.duckdb (named `shop` in SQL)
        schema         main
        threads        2
        connection     not tried: the database file does not exist yet; a build makes it
        ",
    );
    assert!(!shop.dir().join("shop.duckdb").exists());
    shop.run("seed").exit(0);
    shop.run("debug").exit(0).stdout_has("connection     good: DuckDB v1.5.5");
}

#[test]
fn a_new_project_builds() {
    let place = folder("");
    let ready = "the project `bakery` is ready: cd bakery && tidemill build";
    place.run("init bakery").exit(0).stdout("").stderr(ready);
    place.run("build --project-dir bakery --threads 1").exit(0).stderr("");
    place.run("init bakery").exit(2).stdout("").stderr(
        "
        error[project-exists]: `bakery` is a project already
        note: it has a project.yml

        stopped: 1 error
        ",
    );
}

#[test]
fn init_makes_this_folder_a_project_and_overwrites_nothing() {
    let place = folder(
        "
        //- .gitignore
        mine
        ",
    );
    place.run("init").exit(0);
    assert_eq!(place.read(".gitignore"), "mine\n");
    place.run("build").exit(0);
}

#[test]
fn vars_that_are_no_mapping_are_an_error() {
    let shop = shop();
    shop.run("build --vars '[1, 2]'").exit(2).stdout("").stderr(
        "
        error[invalid-vars]: `--vars` cannot be read: it is not a mapping
        help: write it as YAML: --vars '{name: value, other: 3}'

        stopped: 1 error
        ",
    );
    shop.run("build --vars '{start: 1'").exit(2).stdout("").stderr(
        "
        error[invalid-vars]: `--vars` cannot be read: unclosed bracket '{'
        help: write it as YAML: --vars '{name: value, other: 3}'

        stopped: 1 error
        ",
    );
}

#[test]
fn vars_of_the_command_line_reach_models() {
    let shop = project(
        "
        //- models/a.sql
        select '{{ var('start') }}' as start
        ",
    );
    shop.run("run --vars 'start: 2025-01-01'").exit(0);
    shop.run("show a --vars 'start: 2026-01-01' --output csv").exit(0).stdout("start\n2026-01-01");
    let shop = shop.env("DBT_VARS", "{start: 7}");
    shop.run("show a --output csv").exit(0).stdout("start\n7");
}

#[test]
fn errors_and_warnings_are_counted_at_the_end() {
    let shop = project(
        "
        //- project.yml
        name: shop
        models: {shop: {nowhere: {+enabled: false}}}
        //- models/a.sql
        select * from {{ ref('x') }}
        //- models/b.sql
        select * from {{ ref('y') }}
        ",
    );
    shop.run("parse").exit(2).stdout("").stderr(
        "
        warning[unused-config]: no model is in `shop/nowhere`, so this config applies to nothing
         --> project.yml:2:17
          |
        2 | models: {shop: {nowhere: {+enabled: false}}}
          |                 ^^^^^^^ no folder of this name here

        error[unknown-ref]: model `a` refers to `x`, which is not in this project
         --> models/a.sql:1:22
          |
        1 | select * from {{ ref('x') }}
          |                      ^^^ no model, seed or snapshot has this name
          |
        help: `tidemill list` shows all names

        error[unknown-ref]: model `b` refers to `y`, which is not in this project
         --> models/b.sql:1:22
          |
        1 | select * from {{ ref('y') }}
          |                      ^^^ no model, seed or snapshot has this name
          |
        help: `tidemill list` shows all names

        stopped: 2 errors, 1 warning
        ",
    );
}

#[test]
fn errors_are_events_for_programs() {
    let shop = project(
        "
        //- models/a.sql
        select * from {{ ref('x') }}
        ",
    );
    let outcome = shop.run("parse --log-format json");
    outcome.exit(2);
    for line in outcome.stdout.lines().chain(outcome.stderr.lines()) {
        serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
    assert!(format!("{}{}", outcome.stdout, outcome.stderr).contains("unknown-ref"));
}

#[test]
fn an_unknown_flag_and_an_unknown_command_are_errors_with_near_names() {
    let shop = shop();
    shop.run("build --selct a").exit(2).stdout("").stderr(
        "
        error: unexpected argument '--selct' found

          tip: a similar argument exists: '--select'

        Usage: tidemill build --select <SELECTOR>...

        For more information, try '--help'.
        ",
    );
    shop.run("biuld").exit(2).stdout("").stderr(
        "
        error: unrecognized subcommand 'biuld'

          tip: a similar subcommand exists: 'build'

        Usage: tidemill [OPTIONS] <COMMAND>

        For more information, try '--help'.
        ",
    );
}

#[test]
fn log_and_warnings_of_templates_are_shown() {
    let shop = project(
        "
        //- models/a.sql
        {{ log('for the file') }}{{ log('for people', info=true) }}{% do exceptions.warn('old') %}
        select 1 as id
        ",
    );
    shop.run("compile").exit(0).stdout("").stderr(
        "
        for people
        warning: old
        compiled 1 node to target/compiled
        ",
    );
}

#[test]
fn a_target_folder_that_is_a_file_is_named() {
    let shop = shop();
    fs::write(shop.dir().join("target"), "").expect("a file");
    shop.run("compile").exit(2).stdout("").stderr(
        "
        error[unwritable-file]: cannot create the folder `target/compiled/shop/models`
        note: Not a directory (os error 20)

        stopped: 1 error
        ",
    );
}
