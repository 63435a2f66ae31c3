//! Keys of targets that dbt-duckdb's profiles have: secrets, attached databases, extensions, retries.

use crate::phases::{check_error, phases};
use crate::project::{folder, project};

fn target(keys: &str) -> String {
    format!(
        "
    //- project.yml
    name: shop
    targets:
      dev: {{type: duckdb, path: shop.duckdb, {keys}}}
    target: dev
    //- models/a.sql
    select 1 as id
    "
    )
}

#[test]
fn secrets_are_read_and_never_shown() {
    let text = target(
        "secrets: [{type: s3, region: eu, key_id: canary-1, secret: canary-2, scope: [s3://a, s3://b]}, \
         {type: gcs, name: mine, provider: credential_chain, persistent: true, extra_http_headers: {A: canary-3}}]",
    );
    let checked = phases(&text).check();
    let target = &checked.project().target;
    let [first, second] = target.create_secrets.as_slice() else { panic!("two secrets") };
    assert_eq!((first.name.as_str(), first.kind.as_str()), ("_dbt_secret_1", "s3"));
    assert_eq!(first.scope, ["s3://a", "s3://b"]);
    assert_eq!(second.name, "mine");
    assert_eq!((second.provider.as_deref(), second.is_persistent), (Some("credential_chain"), true));
    assert_eq!(target.secrets, ["canary-1", "canary-2", "canary-3"]);
    assert!(!format!("{:?} {}", target.create_secrets, target.context).contains("canary"));
}

#[test]
fn secrets_may_be_a_mapping_of_names() {
    let checked = phases(&target("secrets: {lake: {type: ducklake, metadata_path: x.db}}")).check();
    let secret = &checked.project().target.create_secrets[0];
    assert_eq!((secret.name.as_str(), secret.parameters.len()), ("lake", 1));
}

#[test]
fn a_secret_that_cannot_be_made_does_not_show_its_values() {
    let project = project(&target("secrets: [{type: nope, name: mine, password: canary-1}]"));
    let outcome = project.run("build");
    outcome.exit(2).stderr_has("note: the secret `mine` cannot be made: Secret type 'nope' not found");
    let target = project.dir().join("target");
    assert!(!target.exists() || !format!("{:?}", std::fs::read_dir(target)).contains("canary"));
}

#[test]
fn the_old_key_for_credentials_makes_a_secret() {
    let checked = phases(&target("use_credential_provider: aws")).check();
    let secret = &checked.project().target.create_secrets[0];
    assert_eq!((secret.kind.as_str(), secret.provider.as_deref()), ("s3", Some("credential_chain")));
}

#[test]
fn faults_of_secrets_have_their_places() {
    check_error(
        &target(
            "secrets: [{name: x}, {type: s3, 'a b': c}, {type: s3, key_id: {a: {b: c}}}], use_credential_provider: gcp",
        ),
        "
        error[missing-key]: a secret has no `type`
         --> project.yml:3:52
          |
        3 | ...p.duckdb, secrets: [{name: x}, {type: s3, 'a b': c}, {type: s3, key_id: {a: {b: c}}}], use...
          |                        ^ add `type:` here: `s3`, `azure`, `postgres`, ...

        error[invalid-value]: a parameter of a secret has letters, digits and `_` only
         --> project.yml:3:74
          |
        3 | ...db, secrets: [{name: x}, {type: s3, 'a b': c}, {type: s3, key_id: {a: {b: c}}}], use_crede...
          |                                        ^^^^^ in this name

        error[wrong-type]: `key_id` must be a text, a list of texts or a mapping of texts
         --> project.yml:3:104
          |
        3 | ... s3, 'a b': c}, {type: s3, key_id: {a: {b: c}}}], use_credential_provider: gcp}
          |                                       ^ this is a mapping

        error[invalid-value]: `gcp` is not a credential provider
         --> project.yml:3:144
          |
        3 | ...{b: c}}}], use_credential_provider: gcp}
          |                                        ^^^ only `aws` is
          |
        help: write a secret instead: `secrets: [{type: gcs, provider: credential_chain}]`, say
        ",
    );
}

#[test]
fn attached_databases_have_options_of_their_kind() {
    let checked = phases(&target(
        "attach: [{path: 'ducklake:m.db', alias: lake, options: {data_path: x, type: ducklake}}, \
         {path: '', alias: pg, type: postgres, secret: s, read_only: true}]",
    ))
    .check();
    let target = &checked.project().target;
    let [lake, pg] = target.attach.as_slice() else { panic!("two databases") };
    assert_eq!((lake.is_lake, lake.kind.as_deref(), lake.options.len()), (true, Some("ducklake"), 1));
    assert_eq!((pg.path.as_str(), pg.secret.as_deref(), pg.read_only), ("", Some("s"), true));
    assert!(target.is_lake("LAKE") && !target.is_lake("pg") && !target.is_lake("shop"));
}

#[test]
fn an_option_that_is_given_twice_is_an_error() {
    let project = project(&target("attach: [{path: x.db, read_only: true, options: {read_only: true}}]"));
    project
        .run("build")
        .exit(2)
        .stderr_has("error[duplicate-key]: `read_only` is given twice for this database");
}

#[test]
fn the_default_database_may_be_an_attached_one() {
    let project = project(
        "
        //- project.yml
        name: shop
        targets:
          dev: {type: duckdb, path: shop.duckdb, database: side, attach: [{path: side.duckdb, alias: side}]}
        target: dev
        seeds: {shop: {+schema: raw}}
        //- seeds/codes.csv
        id
        1
        2
        //- models/a.sql
        {{ config(materialized='table') }} select * from {{ ref('codes') }}
        //- models/b.sql
        {{ config(materialized='incremental', unique_key='id') }} select * from {{ ref('a') }}
        //- models/c.sql
        {{ config(materialized='table', database='shop') }} select * from {{ ref('b') }}
        //- models/properties.yml
        models:
          - {name: a, columns: [{name: id, data_tests: [{accepted_values: {arguments: {values: [1, 2]}}}]}]}
        ",
    );
    project.run("build").exit(0);
    project.write("seeds/codes.csv", "id\n9\n");
    project.run("build").exit(1).stdout_has("rolled back  table main.a");
    // The history stays in the target's own file.
    let runs = "select status, count(*) from tidemill.node_runs where node_id = 'model.shop.a' group by 1 order by 1";
    assert_eq!(project.query(runs), "rolled back | 1\nsuccess | 1");
    assert_eq!(project.query("select id from c order by id"), "1\n2");
}

#[test]
fn a_database_that_is_not_there_is_an_error() {
    check_error(
        &target("database: sohp"),
        "
        error[unknown-database]: this target has no database `sohp`
         --> project.yml:3:52
          |
        3 |   dev: {type: duckdb, path: shop.duckdb, database: sohp}
          |                                                    ^^^^ the database of `shop.duckdb` is called `shop`
          |
        help: did you mean `shop`?
        ",
    );
}

#[test]
fn a_database_is_called_as_its_file_up_to_the_first_point() {
    let name = |path: &str| {
        let text = target("").replace("shop.duckdb", path);
        phases(&text).check().project().target.database.clone()
    };
    assert_eq!(name("data/my.db.duckdb"), "my");
    assert_eq!(name(".hidden.duckdb"), "hidden");
    assert_eq!(name("'ducklake:lake/meta.ducklake'"), "meta");
    assert_eq!(name("':memory:'"), "memory");
    let project = project(&target("").replace("shop.duckdb", "my.db.duckdb"));
    project.run("build").exit(0);
}

#[test]
fn extensions_are_names_or_have_a_repository() {
    let checked = phases(&target(
        "extensions: [json, {name: h3, repo: community}, {name: x, repo: \"'https://a.b'\"}]",
    ))
    .check();
    let found: Vec<_> = checked
        .project()
        .target
        .extensions
        .iter()
        .map(|it| (it.name.as_str(), it.repository.as_deref()))
        .collect();
    assert_eq!(found, [("json", None), ("h3", Some("community")), ("x", Some("https://a.b"))]);
}

#[test]
fn an_extension_that_is_missing_says_how_to_name_it() {
    let project = project(&target("settings: {extension_directory: ext}"));
    project.write("models/a.sql", "select * from read_xlsx('x.xlsx')");
    project
        .run("build")
        .exit(1)
        .stdout_has("the extension `excel` is needed and is not installed")
        .stdout_has("note: Name it in the target: `extensions: [excel]`");
}

#[test]
fn services_and_python_are_refused_in_words() {
    let check = |keys: &str, expected: &str| {
        project(&target(keys)).run("build").exit(2).stderr_has(expected);
    };
    check(
        "remote: {host: h, port: 1, user: u}",
        "error[unsupported-key]: servers of Buena Vista (`remote`) are not supported",
    );
    check("motherduck_token: x", "error[unsupported-path]: MotherDuck databases are not supported");
    check("attach: [{path: 'md:x'}]", "error[unsupported-path]: MotherDuck databases are not supported");
    check("setings: {}", "help: did you mean `settings`?");
    check("retries: {conect_attempts: 2}", "help: did you mean `connect_attempts`?");
    let warned = project(&target(
        "filesystems: [{fs: gcs}], disable_transactions: true, keep_open: false, plugins: [{module: excel}]",
    ));
    warned
        .run("build")
        .exit(0)
        .stderr_has("warning[unsupported-key]: `filesystems` needs Python's fsspec, which is not here")
        .stderr_has("warning[no-effect]: `disable_transactions` has no effect");
}

#[test]
fn settings_of_the_moment_of_opening_are_taken() {
    let project = project(&target("config_options: {threads: 1, allow_unsigned_extensions: true}"));
    project.write("models/a.sql", "{{ config(materialized='table') }} select current_setting('threads')::int as n, current_setting('allow_unsigned_extensions') as u");
    project.run("build").exit(0);
    assert_eq!(project.query("select n, u from a"), "1 | true");
}

#[test]
fn paths_of_a_profile_begin_in_the_working_folder() {
    let project = folder(
        "
        //- p/dbt_project.yml
        name: shop
        profile: shop
        //- p/profiles.yml
        shop: {target: dev, outputs: {dev: {type: duckdb, path: shop.duckdb}}}
        //- p/models/a.sql
        {{ config(materialized='external') }} select 1 as id
        ",
    );
    project.run("build --project-dir p").exit(0);
    project
        .run("show --inline 'from {{ ref(\"a\") }}' --output csv --project-dir p")
        .exit(0)
        .stdout("id\n1\n");
    assert!(project.dir().join("a.parquet").exists() && !project.dir().join("p/shop.duckdb").exists());
}
