//! What is read, and how files that are not as expected are taken.

use crate::phases::phases;
use crate::project::project;

#[test]
fn a_file_that_is_not_utf8_is_shown_up_to_the_bad_byte() {
    phases(
        "
        //- models/a.sql
        select 1
        ",
    )
    .file("models/b.sql", b"select 1,\n  'caf\xe9' as drink\n")
    .check()
    .shows(
        "
        error[not-utf8]: `models/b.sql` is not UTF-8 text
         --> models/b.sql:2:7
          |
        2 |   'caf
          |       ^ line 2 goes on with the byte 0xe9
          |
        help: save the file as UTF-8
        ",
    );
}

#[test]
fn a_project_file_that_is_not_utf8_is_an_error() {
    phases("").file("project.yml", b"name: caf\xe9\n").check().shows(
        "
        error[not-utf8]: `project.yml` is not UTF-8 text
         --> project.yml:1:10
          |
        1 | name: caf
          |          ^ line 1 goes on with the byte 0xe9
          |
        help: save the file as UTF-8
        ",
    );
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_text() {
    let checked = phases("")
        .file("models/a.sql", b"\xef\xbb\xbfselect 1")
        .file("models/s.yml", b"\xef\xbb\xbfmodels: [{name: a}]")
        .check();
    checked.shows("");
    assert_eq!(checked.sql("a"), "select 1");
}

#[test]
fn lines_may_end_with_cr_and_lf() {
    let checked = phases("")
        .file("models/a.sql", b"select\r\n  1 as id\r\n")
        .file("models/b.sql", b"select *\r\nfrom {{ ref('a') }}\r\n")
        .file("models/s.yml", b"models:\r\n  - name: a\r\n    description: of a\r\n")
        .check();
    checked.shows("");
    assert_eq!(checked.node("a").description, "of a");
    assert_eq!(checked.parents("b"), ["a"]);
}

#[test]
fn a_fault_in_a_file_with_cr_and_lf_is_in_its_line() {
    phases("").file("models/b.sql", b"select *\r\nfrom {{ ref('a') }}\r\n").check().shows(
        "
        error[unknown-ref]: model `b` refers to `a`, which is not in this project
         --> models/b.sql:2:13
          |
        2 | from {{ ref('a') }}
          |             ^^^ no model, seed or snapshot has this name
          |
        help: `tidemill list` shows all names
        ",
    );
}

#[test]
fn other_projects_inside_are_not_entered() {
    let shop = project(
        "
        //- models/a.sql
        select 1
        //- models/vendored/project.yml
        name: vendored
        //- models/vendored/b.sql
        select 1
        //- models/packaged/dbt_project.yml
        name: packaged
        //- models/packaged/c.sql
        select 1
        //- models/.hidden/d.sql
        select 1
        ",
    );
    shop.run("list").exit(0).stdout("shop.a");
}

#[test]
fn files_without_meaning_are_left_out() {
    let shop = project(
        "
        //- models/a.sql
        select 1
        //- models/notes.txt
        text
        //- models/b.sql.bak
        select 2
        //- seeds/c.sql
        select 3
        ",
    );
    shop.run("list").exit(0).stdout("shop.a");
}

#[test]
fn a_folder_that_leads_outside_is_refused() {
    phases(
        "
        //- project.yml
        name: shop
        model-paths: [../elsewhere]
        ",
    )
    .check()
    .shows(
        "
        error[path-outside-project]: `../elsewhere` leads out of the project
         --> project.yml:2:15
          |
        2 | model-paths: [../elsewhere]
          |               ^^^^^^^^^^^^ a project's folders are inside it
        ",
    );
}

#[test]
fn folders_may_be_named_in_the_project_file() {
    let checked = phases(
        "
        //- project.yml
        name: shop
        model-paths: [transform]
        //- transform/deep/a.sql
        select 1
        //- models/b.sql
        select 1
        ",
    )
    .check();
    checked.shows("");
    assert_eq!(checked.node("a").fqn, ["shop", "deep", "a"]);
    assert_eq!(checked.graph().nodes().count(), 1);
}

#[test]
fn a_folder_without_project_file_says_how_to_get_one() {
    let nothing = crate::project::folder("");
    nothing.run("build").exit(2).stdout("").stderr(
        "
        error[missing-project]: there is no project.yml or dbt_project.yml in this folder
        help: go to the project's folder, give it with `--project-dir`, or make one with `tidemill init`

        stopped: 1 error
        ",
    );
}

#[cfg(unix)]
#[test]
fn a_folder_that_may_not_be_read_is_named() {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    let shop = project(
        "
        //- models/a.sql
        select 1
        //- models/secret/b.sql
        select 1
        ",
    );
    let folder = shop.dir().join("models/secret");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o000)).expect("permissions");
    // Who may read everything sees no fault.
    let is_root = fs::read_dir(&folder).is_ok();
    let outcome = shop.run("list");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("permissions");
    if !is_root {
        outcome.exit(2).stderr_has("error[unreadable-file]: cannot read `models/secret`");
    }
}

#[cfg(unix)]
#[test]
fn a_link_to_nothing_is_named() {
    let shop = project(
        "
        //- models/a.sql
        select 1
        ",
    );
    std::os::unix::fs::symlink("nowhere.sql", shop.dir().join("models/b.sql")).expect("a link");
    shop.run("list").exit(2).stdout("").stderr(
        "
        error[unreadable-file]: cannot read `models/b.sql`
        note: No such file or directory (os error 2)

        stopped: 1 error
        ",
    );
}
