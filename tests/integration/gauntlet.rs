//! The gauntlet: every way in which sources go wrong that `gauntlet/faults.yml` lists, each put into the
//! example project after a good build. Each must be found before publication, and no table may change.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use fancy_regex::Regex;
use serde_json::Value as Json;
use tidemill::yaml::parse_value;

use crate::project::{TestProject, folder, source_tree};

/// Faults are tried several at a time.
const WORKERS: usize = 3;

/// Enough for every customer, product and month to have lines; the example itself has 500,000.
const ROWS: &str = "range(30000)";

struct Fault {
    name: String,
    fields: BTreeMap<String, String>,
}

impl Fault {
    fn get(&self, key: &str) -> Option<&str> {
        self.fields.get(key).map(String::as_str)
    }

    /// Puts the fault into a project.
    fn inject(&self, project: &TestProject) {
        if let Some(sql) = self.get("sql") {
            execute(project, sql);
        }
        let Some(file) = self.get("file") else { return };
        let path = project.dir().join(file);
        if self.get("delete").is_some() {
            fs::remove_file(path).expect("the file is there");
        } else if let Some(length) = self.get("cut") {
            let bytes = fs::read(&path).expect("the file is there");
            let length: usize = length.parse().expect("a number");
            assert!(length < bytes.len(), "{}: the file has {} bytes", self.name, bytes.len());
            fs::write(&path, &bytes[..length]).expect("a file");
        } else {
            let pattern = Regex::new(&format!("(?m){}", self.fields["pattern"])).expect("a pattern");
            let before = project.read(file);
            let after = pattern.replace_all(&before, self.fields["with"].as_str());
            assert_ne!(before, after, "{}: nothing is replaced", self.name);
            project.write(file, after.as_bytes());
        }
    }
}

/// Runs SQL in which `{dir}` is the project's folder.
fn execute(project: &TestProject, sql: &str) {
    project.execute(&sql.replace("{dir}", &project.dir().display().to_string()));
}

fn faults() -> Vec<Fault> {
    let Ok(Json::Array(entries)) = parse_value(include_str!("gauntlet/faults.yml")) else { panic!("a list") };
    let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    entries
        .iter()
        .map(|entry| {
            let entry = entry.as_object().expect("a mapping");
            let fields = entry.iter().map(|(key, value)| (key.clone(), text(value))).collect();
            Fault { name: text(&entry["fault"]), fields }
        })
        .collect()
}

/// The example project, with fewer rows, and without the hook that would mend the source again.
fn example() -> TestProject {
    let root = source_tree();
    let project = folder("");
    for place in ["project.yml", "sources.lock.yml", "models", "seeds", "macros", "tests"] {
        copy(&root.join(place), place, &project);
    }
    let loader = "macros/load_raw_sales.sql";
    project.write(loader, project.read(loader).replace("range(500000)", ROWS));
    // The harness knows one name for the database.
    let settings = project.read("project.yml").replace("example.duckdb", "shop.duckdb");
    project.write("project.yml", &settings);
    project.run("build").exit(0);
    project.write("project.yml", settings.replace("  - \"{{ load_raw_sales() }}\"\n", "  []\n"));
    let more = root.join("tests/integration/gauntlet/project");
    copy(&more.join("models"), "models", &project);
    execute(&project, include_str!("gauntlet/project/setup.sql"));
    project.run("source accept").exit(0);
    // A second good build: now there is something to compare with, as on any other day.
    project.run("build").exit(0);
    project
}

fn copy(from: &Path, to: &str, project: &TestProject) {
    if from.is_dir() {
        for entry in fs::read_dir(from).expect("a folder").flatten() {
            let name = entry.file_name().into_string().expect("a name");
            if name != "integration" {
                copy(&entry.path(), &format!("{to}/{name}"), project);
            }
        }
    } else {
        project.write(to, fs::read(from).expect("a file"));
    }
}

/// A copy of a project with its database.
fn copy_of(project: &TestProject) -> TestProject {
    let copied = folder("");
    for entry in fs::read_dir(project.dir()).expect("a folder").flatten() {
        let name = entry.file_name().into_string().expect("a name");
        if name != "target" {
            copy(&entry.path(), &name, &copied);
        }
    }
    copied
}

/// One line for each table that readers have, with a checksum of its rows.
fn published(project: &TestProject) -> String {
    let tables = project.query(
        "select schema_name || '.' || table_name from duckdb_tables() \
         where schema_name in ('reference', 'intermediate', 'marts') order by all",
    );
    let sums = tables.lines().map(|table| {
        let sum = project.query(&format!("select count(*), bit_xor(hash(t)) from {table} as t"));
        format!("{table}: {sum}\n")
    });
    sums.collect()
}

/// What is wrong with how a fault was found, if anything is.
fn complaint(fault: &Fault, baseline: &TestProject, before: &str) -> Option<String> {
    let project = copy_of(baseline);
    fault.inject(&project);
    let outcome = project.run("build --printer-width 160");
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    let after = published(&project);
    let expected = fault.get("says").unwrap_or("says nothing");
    let problem = if after != before {
        format!("tables changed:\n{after}")
    } else if !said.contains(expected) {
        format!("`{expected}` is not said")
    } else if !said.contains("failed in") && !said.contains("stopped:") {
        "the build did not fail".to_owned()
    } else {
        return None;
    };
    Some(format!("=== {}: {problem}\n{said}\n", fault.name))
}

#[test]
fn every_fault_is_found_before_publication() {
    let faults = faults();
    assert!(faults.len() >= 40, "{} faults", faults.len());
    let baseline = example();
    let before = published(&baseline);
    assert_eq!(before.lines().count(), 8, "{before}");
    let (next, complaints) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(fault) = faults.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let complaint = complaint(fault, &baseline, &before);
                    complaints.lock().expect("no worker panics").extend(complaint);
                }
            });
        }
    });
    let complaints = complaints.into_inner().expect("no worker panics");
    assert!(complaints.is_empty(), "{} of {}\n{}", complaints.len(), faults.len(), complaints.concat());
}
