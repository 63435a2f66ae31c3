//! `deps` with a hub, which is a small server of the test: versions, archives, the cache, `--offline`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value as Json, json};

use super::project::{TestProject, project};

/// A server on loopback.
pub(crate) struct Hub {
    pub(crate) url: String,
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

/// The name of a file that the server begins to send and never ends.
pub(crate) const ENDLESS: &str = "/endless.tar.gz";

impl Hub {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let hub = Self { url, files: Arc::default(), asked: Arc::default() };
        let (files, asked) = (Arc::clone(&hub.files), Arc::clone(&hub.asked));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (files, asked) = (Arc::clone(&files), Arc::clone(&asked));
                thread::spawn(move || answer(stream, &files, &asked));
            }
        });
        hub
    }

    pub(crate) fn put(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.files.lock().expect("the files").insert(path.to_owned(), bytes.into());
    }

    /// Publishes a package with its versions: number, what it asks for, which dbt it needs.
    pub(crate) fn publish(&self, package: &str, versions: &[(&str, Json, Json)]) {
        let (organisation, name) = package.split_once('/').expect("an organisation");
        let mut all = serde_json::Map::new();
        for (version, packages, needed) in versions {
            let path = format!("/archives/{package}/{version}.tar.gz");
            let project = format!("name: {name}\nversion: {version}\n");
            let version_macro = format!("{{% macro version() %}}'{version}'{{% endmacro %}}\n");
            let files =
                [("dbt_project.yml", project.as_str()), ("macros/version.sql", version_macro.as_str())];
            self.put(&path, archive(&files));
            all.insert(
                (*version).to_owned(),
                json!({
                    "name": name, "version": version, "packages": packages,
                    "downloads": {"tarball": format!("{}{path}", self.url), "format": "tgz", "sha1": "x"},
                    "require_dbt_version": needed,
                }),
            );
        }
        let answer = json!({"name": name, "namespace": organisation, "latest": "x", "versions": all});
        self.put(&format!("/api/v1/{package}.json"), answer.to_string());
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().expect("the log"))
    }
}

fn answer(mut stream: TcpStream, files: &Mutex<BTreeMap<String, Vec<u8>>>, asked: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(stream.try_clone().expect("a stream")).lines().map_while(Result::ok);
    let path = lines.next().and_then(|it| it.split(' ').nth(1).map(str::to_owned)).unwrap_or_default();
    let _ = lines.find(String::is_empty);
    asked.lock().expect("the log").push(path.clone());
    let found = files.lock().expect("the files").get(&path).cloned();
    if path == ENDLESS {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbegin");
        // Until the client goes away.
        let _ = lines.next();
        return;
    }
    let (status, body) = match found {
        Some(body) if body == b"500" => ("500 Ill", Vec::new()),
        Some(body) => ("200 OK", body),
        None => ("404 Not Found", Vec::new()),
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
    let _ = stream.shutdown(Shutdown::Write);
}

/// A `.tar.gz` of one folder with these files.
pub(crate) fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, format!("folder-1.0/{path}"), text.as_bytes()).expect("an entry");
    }
    builder.into_inner().and_then(GzEncoder::finish).expect("an archive")
}

/// A project whose list is this, with a hub.
fn with_hub(list: &str) -> (TestProject, Hub) {
    let hub = Hub::new();
    let project = project("//- models/a.sql\nselect 1 as id\n").env("DBT_PACKAGE_HUB_URL", &hub.url);
    project.write("packages.yml", list);
    (project, hub)
}

/// The versions in the lock file.
fn locked(project: &TestProject) -> String {
    let lock = project.read("package-lock.yml");
    let values = lock.lines().filter_map(|it| it.trim().strip_prefix("version: "));
    values.collect::<Vec<_>>().join(" ")
}

fn without_cache(project: &TestProject) {
    let _ = fs::remove_dir_all(project.dir().join(".cache"));
}

const UTILS: &str = "packages:\n  - package: org/utils\n    version: [\">=1.0.0\", \"<2.0.0\"]\n";

#[test]
fn the_newest_version_that_fits_is_installed_and_stays_until_an_upgrade() {
    let (project, hub) = with_hub(UTILS);
    let (none, any) = (json!([]), json!([]));
    let version = |it| (it, none.clone(), any.clone());
    hub.publish("org/utils", &["0.9.0", "1.0.0", "1.2.0", "1.10.0", "1.11.0-rc1", "2.0.0"].map(version));
    project.run("deps").exit(0).stdout("").stderr(
        "
        utils  1.10.0  (org/utils; there is a newer one: 2.0.0)
        wrote package-lock.yml
        installed 1 package into dbt_packages
        ",
    );
    assert_eq!(locked(&project), "1.10.0");
    hub.publish("org/utils", &["1.10.0", "1.12.0"].map(version));
    project.write("models/a.sql", "select {{ utils.version() }} as v");
    project.run("deps").exit(0).stderr_has("utils  1.10.0");
    project.run("build").exit(0);
    assert_eq!(project.query("select * from a"), "1.10.0");
    project.run("deps --upgrade").exit(0).stderr_has("utils  1.12.0");
    // Another list is locked anew by itself.
    project.write("packages.yml", UTILS.replace(">=1.0.0", "<=1.10.0"));
    project.run("deps").exit(0).stderr_has("utils  1.10.0").stderr_has("wrote package-lock.yml");
}

#[test]
fn versions_before_a_release_and_for_another_dbt_are_left_out() {
    let (project, hub) = with_hub(UTILS);
    let none = json!([]);
    hub.publish(
        "org/utils",
        &[
            ("1.0.0", none.clone(), json!([">=1.0.0", "<2.0.0"])),
            ("1.1.0-rc1", none.clone(), json!(null)),
            ("1.3.0", none.clone(), json!(">=2.0.0")),
        ],
    );
    project.run("deps").exit(0).stderr_has("utils  1.0.0");
    project.write("packages.yml", format!("{UTILS}    install_prerelease: true\n"));
    project.run("deps").exit(0).stderr_has("utils  1.1.0-rc1");
    project.write("packages.yml", "packages:\n  - package: org/utils\n    version: 1.3.0\n");
    project.run("deps").exit(2).stderr(
        "
        error[unknown-package-version]: the hub has no version of `org/utils` that fits `1.3.0`
         --> packages.yml:2:14
          |
        2 |   - package: org/utils
          |              ^^^^^^^^^
          |
        note: it has 1.3.0, 1.1.0-rc1, 1.0.0
        note: 1.3.0 would fit, but needs another version of dbt: `--no-version-check` takes it

        stopped: 1 error
        ",
    );
    project.run("deps --no-version-check").exit(0).stderr_has("utils  1.3.0");
}

#[test]
fn a_version_suits_all_that_ask_for_the_package() {
    let list = "packages:\n  - package: org/utils\n    version: \">=1.0.0\"\n  - package: org/date\n    version: 1.0.0\n";
    let (project, hub) = with_hub(list);
    let asked = json!([{"package": "org/utils", "version": ["<1.2.0"]}]);
    hub.publish("org/date", &[("1.0.0", asked, json!(null))]);
    hub.publish("org/utils", &["1.0.0", "1.1.0", "1.2.0"].map(|it| (it, json!([]), json!(null))));
    project.run("deps").exit(0).stderr_has("utils  1.1.0").stderr_has("date  1.0.0");
    project.write("packages.yml", list.replace(">=1.0.0", ">=1.2.0"));
    project.run("deps").exit(2).stdout("").stderr(
        r#"
        error[package-conflict]: no version of `org/utils` suits all that ask for it
         --> packages.yml:2:14
          |
        2 |   - package: org/utils
          |              ^^^^^^^^^ `>=1.2.0` is asked for by the project
          |
         ::: org/date 1.0.0 on the hub:4:18
          |
        4 |       "package": "org/utils",
          |                  ----------- `<1.2.0` is asked for by the package `date`

        stopped: 1 error
        "#,
    );
    assert_eq!(locked(&project), "1.1.0 1.0.0");
}

#[test]
fn a_package_that_the_hub_does_not_have_is_named_with_one_that_it_has() {
    let (project, hub) = with_hub("packages:\n  - package: org/util\n    version: 1.0.0\n");
    hub.put("/api/v1/index.json", json!(["org/utils", "org/date"]).to_string());
    project.run("deps").exit(2).stderr_has("error[unknown-package]: the hub has no package `org/util`");
    project.run("deps").exit(2).stderr_has("help: did you mean `org/utils`?");
    hub.put("/api/v1/org/util.json", "{}");
    project.run("deps").exit(2).stderr_has("note: it has no `versions`");
    hub.put("/api/v1/org/util.json", "500");
    hub.asked();
    project.run("deps").exit(2).stderr_has("note: the server says: status 500");
    assert_eq!(hub.asked().len(), 3, "a server that is ill is asked again");
}

#[test]
fn an_archive_that_changed_is_an_error_until_it_is_taken() {
    let (project, hub) = with_hub(UTILS);
    hub.publish("org/utils", &[("1.0.0", json!([]), json!(null))]);
    project.run("deps").exit(0);
    let lock = project.read("package-lock.yml");
    hub.put(
        "/archives/org/utils/1.0.0.tar.gz",
        archive(&[("dbt_project.yml", "name: utils\n"), ("evil.sql", "")]),
    );
    // What was fetched before is what was locked.
    project.run("deps").exit(0);
    without_cache(&project);
    project
        .run("deps")
        .exit(2)
        .stderr_has("error[changed-package]: `org/utils 1.0.0` is not what it was when it was locked");
    assert!(!project.dir().join("dbt_packages/utils/evil.sql").exists());
    assert_eq!(project.read("package-lock.yml"), lock);
    project.run("deps --upgrade").exit(0);
    assert!(project.dir().join("dbt_packages/utils/evil.sql").exists());
}

#[test]
fn a_lock_file_that_dbt_wrote_is_followed_and_gets_hashes() {
    let (project, hub) = with_hub(UTILS);
    hub.publish("org/utils", &["1.0.0", "1.2.0"].map(|it| (it, json!([]), json!(null))));
    project.run("deps --lock").exit(0);
    let lock = project.read("package-lock.yml");
    let hash = lock.lines().find(|it| it.starts_with("sha1_hash: ")).expect("a hash");
    // As dbt before 1.9 wrote it, without names.
    project.write("package-lock.yml", format!("packages:\n- package: org/utils\n  version: 1.0.0\n{hash}\n"));
    project.run("deps").exit(0).stderr_has("utils  1.0.0");
    let lock = project.read("package-lock.yml");
    let entries = "packages:\n  - name: utils\n    package: org/utils\n    version: 1.0.0\n";
    assert!(
        lock.starts_with(&format!("{entries}{hash}\n")) && lock.contains("\n#   utils: sha256:"),
        "{lock}"
    );
    project.write("package-lock.yml", lock.replace("1.0.0", "1.1.0"));
    without_cache(&project);
    project.run("deps").exit(2).stderr_has("the hub has no version of `org/utils` that fits `1.1.0`");
}

#[test]
fn a_broken_cache_is_not_believed() {
    let (project, hub) = with_hub(UTILS);
    hub.publish("org/utils", &[("1.0.0", json!([]), json!(null))]);
    project.run("deps").exit(0);
    let cache = project.dir().join(".cache/tidemill/packages");
    let entry = fs::read_dir(&cache).expect("a cache").flatten().next().expect("an entry").path();
    fs::write(entry.join("macros/version.sql"), "changed").expect("a file");
    hub.asked();
    project.run("deps").exit(0);
    assert!(!hub.asked().is_empty());
    assert!(project.read("dbt_packages/utils/macros/version.sql").contains("macro version"));
}

#[test]
fn a_locked_project_is_installed_offline_from_the_cache() {
    let (project, hub) = with_hub(UTILS);
    hub.publish("org/utils", &[("1.0.0", json!([]), json!(null))]);
    project.run("deps").exit(0);
    fs::remove_dir_all(project.dir().join("dbt_packages")).expect("it is deleted");
    hub.asked();
    project.run("deps --offline").exit(0).stderr_has("installed 1 package");
    let project = project.env("TIDEMILL_OFFLINE", "true");
    project.run("deps").exit(0);
    without_cache(&project);
    project.run("deps").exit(2).stdout("").stderr(
        "
        error[offline]: `org/utils` has to be fetched, but the network must not be used
         --> packages.yml:2:14
          |
        2 |   - package: org/utils
          |              ^^^^^^^^^
          |
        note: `--offline` is set, and the package is not in the cache with the content that is locked
        help: run `tidemill deps` once without `--offline`; after that it works offline too

        stopped: 1 error
        ",
    );
    for list in [
        "git: https://127.0.0.1:1/a.git",
        "git: git@127.0.0.1:a/b.git",
        "tarball: http://127.0.0.1:1/a.tar.gz\n    name: a",
    ] {
        project.write("packages.yml", format!("packages:\n  - {list}\n"));
        project.run("deps").exit(2).stderr_has("error[offline]");
    }
    assert_eq!(hub.asked(), [""; 0], "no connection was opened");
    assert!(project.dir().join("dbt_packages/utils/macros/version.sql").exists());
}

#[test]
fn archives_of_servers_and_of_files_are_installed_under_their_names() {
    let (project, hub) = with_hub("");
    let bytes = archive(&[
        ("dbt_project.yml", "name: inside\n"),
        ("macros/m.sql", "{% macro one() %}1{% endmacro %}"),
    ]);
    hub.put("/a.tar.gz", bytes.clone());
    project.write("files/b.tar.gz", bytes);
    let entries = [
        format!("{}/a.tar.gz", hub.url),
        "files/b.tar.gz".to_owned(),
        format!("file://{}/files/b.tar.gz", project.dir().display()),
    ];
    for url in entries {
        project.write("packages.yml", format!("packages:\n  - tarball: \"{url}\"\n    name: inside\n"));
        let _ = fs::remove_dir_all(project.dir().join("dbt_packages"));
        project.run("deps").exit(0).stderr_has("inside  archive");
        assert!(project.dir().join("dbt_packages/inside/macros/m.sql").exists(), "{url}");
    }
    project.write(
        "packages.yml",
        format!("packages:\n  - tarball: {}/nothing.tar.gz\n    name: inside\n", hub.url),
    );
    project.run("deps").exit(2).stderr_has("note: the server has no such file");
}

#[test]
fn secrets_of_addresses_are_not_shown_and_not_locked() {
    let (project, hub) = with_hub("");
    let address = hub.url.replace("http://", "http://{{ env_var('DBT_ENV_SECRET_TOKEN') }}@");
    let project = project.env("DBT_ENV_SECRET_TOKEN", "user:very-secret");
    hub.put("/a.tar.gz", archive(&[("dbt_project.yml", "name: inside\n")]));
    project
        .write("packages.yml", format!("packages:\n  - tarball: \"{address}/a.tar.gz\"\n    name: inside\n"));
    let outcome = project.run("deps");
    outcome.exit(0);
    let all = format!("{}{}{}", outcome.stdout, outcome.stderr, project.read("package-lock.yml"));
    assert!(!all.contains("very-secret"), "{all}");
    assert!(project.read("package-lock.yml").contains("{{ env_var('DBT_ENV_SECRET_TOKEN') }}@127.0.0.1"));
    project.run("deps").exit(0);
    project
        .write("packages.yml", format!("packages:\n  - tarball: \"{address}/b.tar.gz\"\n    name: inside\n"));
    let outcome = project.run("deps");
    outcome.exit(2);
    assert!(!outcome.stderr.contains("very-secret"), "{}", outcome.stderr);
}

#[test]
fn offline_the_engine_fetches_nothing_either() {
    let project = project(
        "
        //- project.yml
        name: shop
        targets:
          dev: {type: duckdb, path: shop.duckdb, extensions: [spatial]}
        target: dev
        //- models/a.sql
        select 1 as id
        ",
    );
    let outcome = project.run("build --offline");
    outcome.exit(2).stderr_has("extension `spatial` is not installed, and `--offline` forbids to fetch it");
    let project = super::project::project("//- models/a.sql\nselect 1 as id\n");
    project.run("build --offline").exit(0);
}
