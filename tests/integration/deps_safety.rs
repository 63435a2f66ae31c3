//! What a package must not do, and that packages are installed as a whole or not at all.

use std::fs;
use std::process::{Command, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{EntryType, Header};

use super::deps_hub::{ENDLESS, Hub, archive};
use super::project::{TestProject, project};

/// An entry as it may stand in an archive that somebody made by hand.
struct Entry {
    path: &'static str,
    kind: EntryType,
    link: &'static str,
    /// What the entry says of its size, if that is not the truth.
    size: Option<u64>,
}

const fn entry(path: &'static str, kind: EntryType, link: &'static str) -> Entry {
    Entry { path, kind, link, size: None }
}

/// An archive of a package, with more entries.
fn evil(entries: &[Entry]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let good = Entry { path: "p/dbt_project.yml", kind: EntryType::Regular, link: "", size: None };
    for (entry, text) in [(&good, "name: p\n")].into_iter().chain(entries.iter().map(|it| (it, "x"))) {
        let mut header = Header::new_gnu();
        let name = &mut header.as_old_mut().name;
        name[..entry.path.len()].copy_from_slice(entry.path.as_bytes());
        let link = &mut header.as_old_mut().linkname;
        link[..entry.link.len()].copy_from_slice(entry.link.as_bytes());
        let body = if entry.kind == EntryType::Regular { text } else { "" };
        header.set_entry_type(entry.kind);
        header.set_size(entry.size.unwrap_or(body.len() as u64));
        header.set_mode(0o777);
        header.set_cksum();
        builder.append(&header, body.as_bytes()).expect("an entry");
    }
    builder.into_inner().and_then(GzEncoder::finish).expect("an archive")
}

/// A project with a package installed, whose list names the archive `a.tar.gz`.
fn installed() -> TestProject {
    let project = project(
        "
        //- packages.yml
        packages:
          - tarball: a.tar.gz
            name: p
        ",
    );
    project.write("a.tar.gz", archive(&[("dbt_project.yml", "name: p\n"), ("macros/old.sql", "")]));
    project.run("deps").exit(0);
    let _ = fs::remove_dir_all(project.dir().join(".cache"));
    project
}

/// The old package is there as it was, and nothing beside it.
#[track_caller]
fn is_untouched(project: &TestProject) {
    assert!(project.dir().join("dbt_packages/p/macros/old.sql").exists());
    let mut names: Vec<String> = fs::read_dir(project.dir())
        .expect("the folder")
        .map(|it| it.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|it| it != ".cache")
        .collect();
    names.sort();
    assert_eq!(names, ["a.tar.gz", "dbt_packages", "package-lock.yml", "packages.yml", "project.yml"]);
}

#[test]
fn an_archive_that_reaches_outside_is_refused_with_the_entry() {
    let big = Some(1 << 40);
    let cases: &[(&[Entry], &str, &str)] = &[
        (
            &[entry("../evil", EntryType::Regular, "")],
            "../evil",
            "its path leads out of the package with `..`",
        ),
        (
            &[entry("p/../../evil", EntryType::Regular, "")],
            "p/../../evil",
            "its path leads out of the package with `..`",
        ),
        (
            &[entry("/tmp/tidemill-evil", EntryType::Regular, "")],
            "/tmp/tidemill-evil",
            "its path is absolute",
        ),
        (
            &[entry("p/link", EntryType::Symlink, "/etc/passwd")],
            "p/link",
            "it is a link to `/etc/passwd`, outside of the package",
        ),
        (
            &[entry("p/link", EntryType::Symlink, "../../secret")],
            "link",
            "it is a link to `../../secret`, which is not in the package",
        ),
        (
            &[entry("p/here", EntryType::Symlink, "."), entry("p/up", EntryType::Symlink, "here/..")],
            "up",
            "it is a link to `here/..`, which is not in the package",
        ),
        (
            &[entry("p/out", EntryType::Symlink, ".."), entry("p/out/evil", EntryType::Regular, "")],
            "p/out",
            "File exists",
        ),
        (
            &[entry("p/hard", EntryType::Link, "../packages.yml")],
            "p/hard",
            "its path leads out of the package with `..`",
        ),
        (
            &[entry("p/hard", EntryType::Link, "p/nothing")],
            "p/hard",
            "it is a hard link to `p/nothing`, which is no file of the archive",
        ),
        (&[entry("p/null", EntryType::Char, "")], "p/null", "a package holds files and folders, not devices"),
        (&[entry("p/pipe", EntryType::Fifo, "")], "p/pipe", "a package holds files and folders, not pipes"),
        (
            &[Entry { path: "p/big", kind: EntryType::Regular, link: "", size: big }],
            "p/big",
            "it would be larger than 512 MiB",
        ),
    ];
    for (entries, name, why) in cases {
        let project = installed();
        project.write("a.tar.gz", evil(entries));
        let outcome = project.run("deps --upgrade");
        outcome.exit(2).stderr_has(&format!(
            "error[unsafe-package]: `a.tar.gz` is not installed: its entry `{name}` is not safe"
        ));
        outcome.stderr_has(why).stderr_has("packages.yml:2:14");
        is_untouched(&project);
    }
}

#[test]
fn links_inside_of_a_package_are_kept_and_hard_links_become_files() {
    let project = installed();
    let entries = [
        entry("p/macros/one.sql", EntryType::Regular, ""),
        entry("p/macros/two.sql", EntryType::Symlink, "one.sql"),
        entry("p/three.sql", EntryType::Link, "p/macros/one.sql"),
    ];
    project.write("a.tar.gz", evil(&entries));
    project.run("deps --upgrade").exit(0);
    assert_eq!(project.read("dbt_packages/p/macros/two.sql"), "x");
    assert_eq!(project.read("dbt_packages/p/three.sql"), "x");
    assert!(project.dir().join("dbt_packages/p/macros/two.sql").is_symlink());
    // The old version is gone as a whole.
    assert!(!project.dir().join("dbt_packages/p/macros/old.sql").exists());
}

#[test]
fn what_is_no_archive_of_one_folder_is_refused() {
    for (bytes, why) in [
        (b"plain text".to_vec(), "it is not compressed with gzip"),
        (archive(&[]), "it is empty"),
        (
            evil(&[entry("q/x", EntryType::Regular, "")]),
            "it does not consist of one folder with the package in it",
        ),
        (archive(&[("dbt_project.yml", "name: p\n")])[..40].to_vec(), "error[broken-archive]"),
    ] {
        let project = installed();
        project.write("a.tar.gz", bytes);
        project.run("deps --upgrade").exit(2).stderr_has("error[broken-archive]").stderr_has(why);
        is_untouched(&project);
    }
    let project = installed();
    project.write("a.tar.gz", archive(&[("readme.md", "no package")]));
    project.run("deps --upgrade").exit(2).stderr_has("error[not-a-package]: `a.tar.gz` is no package");
    is_untouched(&project);
}

#[test]
fn packages_are_installed_into_a_folder_of_the_project_only() {
    let given = |path: &str| {
        let file = format!(
            "name: shop\npackages-install-path: {path}\ntargets:\n  dev: {{type: duckdb, path: shop.duckdb}}\n"
        );
        let project = installed();
        project.write("project.yml", file);
        project
    };
    for (path, why) in [
        ("../elsewhere", "it has to be a folder inside the project"),
        ("/tmp/tidemill-elsewhere", "it has to be a folder inside the project"),
        (".", "it is the project's own folder"),
        ("models", "the project's own files are there, and would be replaced"),
        ("macros/packages", "the project's own files are there, and would be replaced"),
        (".git/packages", "the project's own files are there, and would be replaced"),
    ] {
        let project = given(path);
        let outcome = project.run("deps");
        outcome
            .exit(2)
            .stderr_has(&format!("error[unsafe-packages-path]: packages cannot be installed into `{path}`"));
        outcome.stderr_has(why).stderr_has("project.yml:2:24");
        is_untouched(&project);
    }
    let project = given("vendor/dbt");
    project.run("deps").exit(0).stderr_has("installed 1 package into vendor/dbt");
    assert!(project.dir().join("vendor/dbt/p/macros/old.sql").exists());
}

#[cfg(unix)]
#[test]
fn a_link_does_not_lead_the_packages_out_of_the_project() {
    use std::os::unix::fs::symlink;
    let outside = tempfile::tempdir().expect("a folder");
    fs::write(outside.path().join("precious"), "x").expect("a file");
    let project = installed();
    fs::remove_dir_all(project.dir().join("dbt_packages")).expect("it is deleted");
    symlink(outside.path(), project.dir().join("dbt_packages")).expect("a link");
    project.run("deps").exit(2).stderr_has("note: it is a link or a file: delete it first");
    let file = project.read("project.yml");
    project.write("project.yml", format!("{file}packages-install-path: dbt_packages/inner\n"));
    project.run("deps").exit(2).stderr_has("note: a link leads it out of the project");
    assert!(outside.path().join("precious").exists() && !outside.path().join("inner").exists());
}

/// Stops an installation in the middle of a download; the packages of before are there.
#[cfg(unix)]
#[test]
fn an_interrupted_installation_leaves_the_old_packages() {
    let hub = Hub::new();
    for (signal, exit) in [("-INT", Some(130)), ("-KILL", None)] {
        let project = installed();
        project.write("packages.yml", format!("packages:\n  - tarball: {}{ENDLESS}\n    name: p\n", hub.url));
        let mut child = project
            .command("deps --log-format json --debug")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        while !hub.asked().iter().any(|it| it == ENDLESS) {
            std::thread::yield_now();
        }
        let id = child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().expect("kill runs").success());
        assert_eq!(child.wait().expect("it ends").code(), exit);
        project.write("packages.yml", "packages: []\n");
        is_untouched(&project);
    }
}
