//! `deps` with folders and git repositories; what a project with missing packages says.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::project::{Outcome, TestProject, project};

/// A project with a folder of repositories beside its own files, which its list finds in `REMOTES`.
#[track_caller]
pub(crate) fn with_remotes(text: &str) -> TestProject {
    let project = project(text);
    let remotes = format!("file://{}/remotes", project.dir().display());
    let path = std::env::var("PATH").unwrap_or_default();
    project.env("REMOTES", &remotes).env("PATH", &path)
}

/// Runs git in a folder; authors and dates are always the same, and so are the commits.
#[track_caller]
pub(crate) fn git(dir: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command
        .current_dir(dir)
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "a").env(format!("GIT_{who}_EMAIL"), "a@example.org");
        command.env(format!("GIT_{who}_DATE"), "2026-01-01T00:00:00Z");
    }
    let output = command.output().expect("git runs");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Commits files to a repository below `remotes`, which is made if it is not there; gives the commit.
#[track_caller]
pub(crate) fn commit(project: &TestProject, name: &str, files: &[(&str, &str)], tag: Option<&str>) -> String {
    let dir = project.dir().join("remotes").join(name);
    if !dir.exists() {
        fs::create_dir_all(&dir).expect("a folder");
        git(&dir, &["init", "--quiet", "--initial-branch=main"]);
    }
    for (path, text) in files {
        project.write(&format!("remotes/{name}/{path}"), text);
    }
    git(&dir, &["add", "--all"]);
    git(&dir, &["commit", "--quiet", "--message", "a change"]);
    if let Some(tag) = tag {
        git(&dir, &["tag", "--force", tag]);
    }
    git(&dir, &["rev-parse", "HEAD"])
}

/// A package with one macro.
pub(crate) fn package(name: &str) -> Vec<(&'static str, String)> {
    vec![
        ("dbt_project.yml", format!("name: {name}\nversion: '1.0'\n")),
        ("macros/one.sql", format!("{{% macro {name}_one() %}}1{{% endmacro %}}\n")),
    ]
}

fn as_str<'a>(files: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    files.iter().map(|(path, text)| (*path, text.as_str())).collect()
}

fn git_package(project: &TestProject, name: &str, tag: &str) -> String {
    commit(project, name, &as_str(&package(name)), Some(tag))
}

/// What is written to standard error, without the names of the temporary folder.
fn errors(outcome: &Outcome) -> String {
    outcome.stderr.clone()
}

const LIST: &str = "
    //- packages.yml
    packages:
      - local: shared/near
      - git: \"{{ env_var('REMOTES') }}/tools.git\"
        revision: v1
      - git: \"{{ env_var('REMOTES') }}/many\"
        subdirectory: dbt/inner
        warn-unpinned: false
    //- shared/near/dbt_project.yml
    name: near
    //- shared/near/macros/m.sql
    {% macro near_one() %}1{% endmacro %}
    //- models/a.sql
    select {{ near.near_one() }} as a, {{ tools.tools_one() }} as b, {{ inner.inner_one() }} as c
    ";

fn listed() -> (TestProject, String, String) {
    let project = with_remotes(LIST);
    let tools = git_package(&project, "tools.git", "v1");
    let files: Vec<(String, String)> =
        package("inner").into_iter().map(|(path, text)| (format!("dbt/inner/{path}"), text)).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    project.write("remotes/tools.git/dbt_project.yml", "name: tools\n");
    project.write("remotes/tools.git/macros/one.sql", "{% macro tools_one() %}1{% endmacro %}\n");
    let tools_dir = project.dir().join("remotes/tools.git");
    git(&tools_dir, &["add", "--all"]);
    git(&tools_dir, &["commit", "--quiet", "--amend", "--message", "tools"]);
    git(&tools_dir, &["tag", "--force", "v1"]);
    let tools = if tools.is_empty() { tools } else { git(&tools_dir, &["rev-parse", "HEAD"]) };
    let many = commit(&project, "many", &files, None);
    (project, tools, many)
}

#[test]
fn folders_and_repositories_are_installed_and_locked_as_dbt_locks_them() {
    let (project, tools, many) = listed();
    project.run("deps").exit(0).stdout("").stderr(&format!(
        "
        near  local folder  (shared/near)
        tools  v1, {tools}  (file://[dir]/remotes/tools.git)
        inner  {many}  (file://[dir]/remotes/many/dbt/inner)
        wrote package-lock.yml
        installed 3 packages into dbt_packages
        "
    ));
    let lock = project.read("package-lock.yml");
    let (entries, rest) = lock.split_once("sha1_hash: ").expect("a hash");
    let expected = format!(
        "packages:\n  - local: shared/near\n    name: near\n  \
         - git: '{{{{ env_var(''REMOTES'') }}}}/tools.git'\n    name: tools\n    revision: {tools}\n  \
         - git: '{{{{ env_var(''REMOTES'') }}}}/many'\n    name: inner\n    revision: {many}\n    subdirectory: dbt/inner\n"
    );
    assert_eq!(entries, expected);
    assert!(rest.contains("\n#   tools: sha256:") && rest.trim_end().lines().count() == 4, "{rest}");
    assert!(!project.dir().join("dbt_packages/tools/.git").exists());
    assert!(project.dir().join("dbt_packages/near").is_symlink());
    project.run("build").exit(0);
    assert_eq!(project.query("select * from a"), "1 | 1 | 1");
    // The same again writes the same.
    project.run("deps").exit(0);
    assert_eq!(project.read("package-lock.yml"), lock);
}

#[test]
fn what_is_locked_is_installed_whatever_the_branch_has_by_now() {
    let project = with_remotes(
        "
        //- packages.yml
        packages:
          - git: \"{{ env_var('REMOTES') }}/tools\"
            revision: main
        ",
    );
    let first = git_package(&project, "tools", "v1");
    project
        .run("deps")
        .exit(0)
        .stderr_has("warning[unpinned-package]: the package `file://[dir]/remotes/tools` is not pinned");
    let second = commit(&project, "tools", &[("more.txt", "x")], None);
    let _ = fs::remove_dir_all(project.dir().join(".cache"));
    project.run("deps").exit(0).stderr_has(&first);
    assert!(!project.dir().join("dbt_packages/tools/more.txt").exists());
    project.run("deps --upgrade").exit(0).stderr_has(&second);
    assert!(project.dir().join("dbt_packages/tools/more.txt").exists());
}

#[test]
fn a_moved_tag_is_an_error_until_it_is_taken() {
    let project = with_remotes(
        "
        //- packages.yml
        packages:
          - git: \"{{ env_var('REMOTES') }}/tools\"
            revision: v1
        ",
    );
    let first = git_package(&project, "tools", "v1");
    project.run("deps").exit(0);
    let second = commit(&project, "tools", &[("more.txt", "x")], Some("v1"));
    project.run("deps").exit(2).stdout("").stderr(&format!(
        r#"
        error[moved-tag]: the tag `v1` of `file://[dir]/remotes/tools` was moved
         --> packages.yml:2:10
          |
        2 |   - git: "{{{{ env_var('REMOTES') }}}}/tools"
          |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
        note: package-lock.yml has the commit {first}
        note: now the tag leads to      {second}
        help: ask the package's authors why; `tidemill deps --upgrade` takes the new commit

        stopped: 1 error
        "#
    ));
    assert!(!project.dir().join("dbt_packages/tools/more.txt").exists());
    // Where the repository cannot be asked, the commit in the cache is what was locked.
    fs::rename(project.dir().join("remotes/tools"), project.dir().join("remotes/gone")).expect("it is moved");
    project.run("deps").exit(0).stderr_has(&first);
    fs::rename(project.dir().join("remotes/gone"), project.dir().join("remotes/tools")).expect("it is moved");
    project.run("deps --upgrade").exit(0).stderr_has(&second);
    assert!(project.dir().join("dbt_packages/tools/more.txt").exists());
}

#[test]
fn two_revisions_of_a_package_are_a_conflict_with_both_places() {
    let project = with_remotes(
        "
        //- packages.yml
        packages:
          - git: \"{{ env_var('REMOTES') }}/tools\"
            revision: v1
          - local: near
        //- near/dbt_project.yml
        name: near
        //- near/packages.yml
        packages:
          - git: \"{{ env_var('REMOTES') }}/tools.git\"
            revision: v2
        ",
    );
    git_package(&project, "tools", "v1");
    project.run("deps").exit(2).stdout("").stderr(
        r#"
        error[package-conflict]: `file://[dir]/remotes/tools` is asked for in two revisions
         --> packages.yml:2:10
          |
        2 |   - git: "{{ env_var('REMOTES') }}/tools"
          |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ `v1` is asked for by the project
          |
         ::: near/packages.yml:2:10
          |
        2 |   - git: "{{ env_var('REMOTES') }}/tools.git"
          |          ------------------------------------ `v2` is asked for by the package `near`
          |
        help: a git package can have one revision only: ask for the same everywhere

        stopped: 1 error
        "#,
    );
    assert!(!project.dir().join("package-lock.yml").exists() && !project.dir().join("dbt_packages").exists());
}

#[test]
fn packages_that_ask_for_each_other_end() {
    let project = project(
        "
        //- packages.yml
        packages:
          - local: one
        //- one/dbt_project.yml
        name: one
        //- one/packages.yml
        packages:
          - local: two
        //- two/dbt_project.yml
        name: two
        //- two/packages.yml
        packages:
          - local: one
        ",
    );
    project.run("deps").exit(0).stderr_has("installed 2 packages");
}

#[test]
fn two_packages_of_one_name_are_an_error() {
    let project = project(
        "
        //- packages.yml
        packages:
          - local: one
          - local: two
        //- one/dbt_project.yml
        name: same
        //- two/dbt_project.yml
        name: same
        ",
    );
    project.run("deps").exit(2).stderr(
        "
        error[duplicate-package]: there are two packages `same`
         --> packages.yml:3:12
          |
        2 |   - local: one
          |            --- `one` is the other
        3 |   - local: two
          |            ^^^ `two` is one
          |
        help: ask for the package in one way only, in all packages

        stopped: 1 error
        ",
    );
    project.write("one/dbt_project.yml", "name: shop\n");
    project
        .run("deps")
        .exit(2)
        .stderr_has("error[duplicate-package]: the package `shop` has the name of the project");
}

#[test]
fn git_is_given_no_flags_and_no_programs() {
    let project = with_remotes("//- packages.yml\npackages: []\n");
    git_package(&project, "tools", "v1");
    for (entry, part) in [
        ("git: --upload-pack=touch ran", "git would take it for a flag"),
        ("git: \"ext::sh -c touch% ran\"", "git would take its beginning for the name of a program"),
        (
            "git: \"{{ env_var('REMOTES') }}/tools\"\n    revision: --output=ran",
            "git would take it for a flag",
        ),
        ("git: \"{{ env_var('REMOTES') }}/tools\"\n    subdirectory: ../..", "is no package"),
        ("git: \"{{ env_var('REMOTES') }}/tools\"\n    subdirectory: macros", "is no package"),
        ("git: \"{{ env_var('REMOTES') }}/tools\"\n    revision: v11", "did you mean `v1`?"),
        ("git: \"{{ env_var('REMOTES') }}/nothing\"", "error[git-failed]"),
    ] {
        project.write("packages.yml", format!("packages:\n  - {entry}\n"));
        project.run("deps").exit(2).stderr_has(part);
        assert!(!project.dir().join("ran").exists(), "{entry}");
        assert!(!project.dir().join("dbt_packages").exists(), "{entry}");
    }
}

#[test]
fn lists_that_cannot_be_read_say_where() {
    let project = project("//- packages.yml\npackages: []\n");
    for (list, part) in [
        ("- private: org/repo", "error[unsupported-package]: `private:` packages need dbt Cloud"),
        (
            "- package: dbt-labs/dbt_utils",
            "error[missing-key]: the package `dbt-labs/dbt_utils` has no `version`",
        ),
        ("- package: dbt_utils\n    version: 1.0.0", "error[invalid-package-name]"),
        ("- tarball: x.tar.gz", "error[missing-key]: the archive `x.tar.gz` has no `name`"),
        ("- local: \"{{ env_var('NOT_SET') }}\"", "error[unknown-env-var]"),
        ("- locl: x", "did you mean `local`?"),
        ("- local: nowhere", "error[not-a-package]: `nowhere` is no package"),
        ("- package: a/b\n    version: latest", "error[invalid-version]: `latest` is not a version"),
    ] {
        project.write("packages.yml", format!("packages:\n  {list}\n"));
        project.run("deps").exit(2).stderr_has(part).stderr_has("packages.yml:2:");
    }
    project.write("packages.yml", "packages: []\n");
    project.write("dependencies.yml", "projects:\n  - name: other\n");
    project.run("deps").exit(2).stderr_has("error[unsupported-projects]");
    project.write("dependencies.yml", "packages:\n  - local: x\n");
    project.run("deps").exit(2).stderr_has("error[packages-twice]");
}

#[test]
fn a_list_may_be_in_dependencies_yml_and_empty() {
    let project =
        project("//- dependencies.yml\npackages:\n  - local: near\n//- near/dbt_project.yml\nname: near\n");
    project.run("deps").exit(0).stderr_has("installed 1 package into dbt_packages");
    project.write("dependencies.yml", "packages: []\n");
    project.run("deps").exit(0).stderr("no packages are listed in packages.yml\n");
}

#[test]
fn variables_of_the_command_line_choose_packages() {
    let project = project(
        "
        //- packages.yml
        packages:
          - local: \"{{ var('where', 'one') }}\"
        //- one/dbt_project.yml
        name: one
        //- two/dbt_project.yml
        name: two
        ",
    );
    project.run("deps --lock").exit(0).stderr("one  local folder  (one)\nwrote package-lock.yml\n");
    assert!(!project.dir().join("dbt_packages").exists());
    project.run("deps --vars '{where: two}'").exit(0).stderr_has("two  local folder  (two)");
}

#[test]
fn a_package_is_added_where_it_belongs() {
    let project = project(
        "
        //- packages.yml
        # Ours.
        packages:
          - local: near # beside us

          # The next is old.
          - local: far
        # The end.
        //- near/dbt_project.yml
        name: near
        //- far/dbt_project.yml
        name: far
        //- third/dbt_project.yml
        name: third
        ",
    );
    project
        .run("deps --add-package third --source local --lock")
        .exit(0)
        .stderr_has("added third to packages.yml\n");
    let list = "# Ours.\npackages:\n  - local: near # beside us\n\n  # The next is old.\n  - local: far\n";
    assert_eq!(project.read("packages.yml"), format!("{list}  - local: third\n# The end.\n"));
    // It is there once, however often it is added.
    project.run("deps --add-package third --source local --lock").exit(0);
    assert_eq!(project.read("packages.yml"), format!("{list}  - local: third\n# The end.\n"));
    project.run("deps --add-package a/b").exit(2).stderr(
        "
        error[missing-version]: `--add-package a/b` has no version
        help: write it behind an `@`: --add-package a/b@1.0.0

        stopped: 1 error
        ",
    );
    fs::remove_file(project.dir().join("packages.yml")).expect("it is deleted");
    project.run("deps --add-package near --source local").exit(0);
    assert_eq!(project.read("packages.yml"), "packages:\n  - local: near\n");
    project
        .run("deps --offline --add-package 'org/near@>=1.0.0,<2.0.0'")
        .exit(2)
        .stderr_has("added org/near to packages.yml instead of near");
    assert_eq!(
        project.read("packages.yml"),
        "packages:\n  - package: org/near\n    version: ['>=1.0.0', <2.0.0]\n"
    );
}

#[test]
fn a_missing_package_is_one_error_however_much_needs_it() {
    let project = project(
        "
        //- packages.yml
        packages:
          - package: dbt-labs/dbt_utils
            version: 1.3.0
          - local: near
        //- near/dbt_project.yml
        name: near
        //- dbt_packages/near/dbt_project.yml
        name: near
        //- models/a.sql
        select {{ dbt_utils.star(ref('b')) }} from {{ ref('b') }}
        //- models/b.sql
        select {{ near.nothing() }} as id
        //- models/schema.yml
        models:
          - name: a
            data_tests: [dbt_utils.at_least_one]
        ",
    );
    let expected = "
        error[missing-package]: the package `dbt-labs/dbt_utils` is not installed
         --> packages.yml:2:14
          |
        2 |   - package: dbt-labs/dbt_utils
          |              ^^^^^^^^^^^^^^^^^^ listed here
          |
        help: run `tidemill deps` to install into dbt_packages/

        stopped: 1 error
        ";
    for command in ["build", "parse", "compile", "list"] {
        project.run(command).exit(2).stdout("").stderr(expected);
    }
    // What needs no packages works.
    project.run("clean").exit(0);
}

#[test]
fn packages_that_are_there_are_used_as_they_are() {
    let project = project(
        "
        //- packages.yml
        packages:
          - git: https://example.org/dbt-some-tools.git
            revision: v1
          - git: https://example.org/other.git
            revision: v1
        //- dbt_packages/some_tools/dbt_project.yml
        name: some_tools
        //- dbt_packages/whatever/dbt_project.yml
        name: whatever
        //- models/a.sql
        select 1 as id
        ",
    );
    project.run("parse").exit(0).stderr("parsed 1 model in [time]\n");
    fs::remove_dir_all(project.dir().join("dbt_packages/whatever")).expect("it is deleted");
    project.run("parse").exit(2).stderr_has("the package `https://example.org/other.git` is not installed");
}

#[test]
fn a_package_in_another_version_than_is_locked_is_a_warning() {
    let project = with_remotes(
        "//- packages.yml\npackages:\n  - git: \"{{ env_var('REMOTES') }}/tools\"\n    revision: v1\n//- models/a.sql\nselect 1 as id\n",
    );
    let first = git_package(&project, "tools", "v1");
    project.run("deps").exit(0);
    project.run("parse").exit(0).stderr("parsed 1 model in [time]\n");
    let second = commit(&project, "tools", &[("more.txt", "x")], Some("v2"));
    let list = project.read("packages.yml").replace("v1", "v2");
    project.write("packages.yml", list);
    project.run("deps --lock").exit(0);
    let outcome = project.run("parse");
    outcome.exit(0);
    let text = errors(&outcome);
    assert!(text.starts_with("warning[package-not-as-locked]: the package `tools` in dbt_packages/ is not the one that is locked\n"), "{text}");
    assert!(text.contains(&format!("{second} is locked, {first} is installed")), "{text}");
    project.run("deps").exit(0);
    project.run("parse").exit(0).stderr("parsed 1 model in [time]\n");
}

#[test]
fn a_project_for_another_dbt_is_read_if_the_user_says_so() {
    let project = project(
        "
        //- project.yml
        name: shop
        require-dbt-version: \">=2.0.0\"
        targets:
          dev: {type: duckdb, path: shop.duckdb}
        target: dev
        //- models/a.sql
        select 1 as id
        ",
    );
    project.run("parse").exit(2).stderr_has("error[dbt-version]: `shop` is not written for dbt 1.11.16");
    project.run("parse --no-version-check").exit(0);
    project.env("DBT_VERSION_CHECK", "false").run("parse").exit(0);
}
