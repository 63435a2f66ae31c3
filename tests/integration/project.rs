//! The harness for tests of the program: a tiny project in one string, written to a temporary folder.
//!
//! ```text
//! project(
//!     "
//!     //- models/a.sql
//!     select 1 as id
//!     ",
//! )
//! .run("build -s a")
//! .exit(0)
//! .stdout("");
//! ```
//!
//! Times in what the program writes become `[time]` and the project's folder `[dir]`. Parallel steps
//! come in any order: `--threads 1` makes it stable.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use similar::TextDiff;
use tempfile::TempDir;
use tidemill::warehouse::{ConnectOptions, Warehouse, duckdb};

/// The project file of a project that gives none.
pub(crate) const PROJECT_FILE: &str =
    "name: shop\ntargets:\n  dev: {type: duckdb, path: shop.duckdb}\ntarget: dev\n";

/// A project in a temporary folder.
pub(crate) struct TestProject {
    dir: TempDir,
    env: BTreeMap<String, String>,
}

/// Writes a project; see the module's description.
#[track_caller]
pub(crate) fn project(text: &str) -> TestProject {
    let project = folder(text);
    if !["project.yml", "dbt_project.yml"].iter().any(|it| project.dir().join(it).exists()) {
        project.write("project.yml", PROJECT_FILE);
    }
    project
}

/// Writes a folder, without adding a project file.
#[track_caller]
pub(crate) fn folder(text: &str) -> TestProject {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let project = TestProject { dir, env: BTreeMap::new() };
    for (path, content) in files(text) {
        project.write(&path, &content);
    }
    project
}

/// The folder that this crate is built from. It is asked for when the tests run: checkouts that share a target folder share
/// what was compiled too.
pub(crate) fn source_tree() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from)
}

/// The files of a `//- path` fixture, in its order.
#[track_caller]
pub(crate) fn files(text: &str) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = Vec::new();
    for line in dedent(text).lines() {
        if let Some(path) = line.strip_prefix("//- ") {
            files.push((path.trim().to_owned(), String::new()));
        } else if let Some((_, content)) = files.last_mut() {
            content.push_str(line);
            content.push('\n');
        } else {
            assert!(line.is_empty(), "a fixture begins with `//- path`, not with `{line}`");
        }
    }
    files
}

/// The text without the indentation that all its lines share, and without its first line if that is empty.
pub(crate) fn dedent(text: &str) -> String {
    let text = text.strip_prefix('\n').unwrap_or(text);
    let indent = |line: &&str| line.len() - line.trim_start_matches(' ').len();
    let shared = text.lines().filter(|it| !it.trim().is_empty()).map(|it| indent(&it)).min().unwrap_or(0);
    let mut dedented = String::new();
    for line in text.split_inclusive('\n') {
        dedented.push_str(line.get(shared..).unwrap_or_else(|| line.trim_start_matches(' ')));
    }
    dedented
}

impl TestProject {
    /// The project's folder.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Writes one more file, or writes one anew.
    #[track_caller]
    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.dir().join(path);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("a folder");
        fs::write(path, content).expect("a file");
    }

    /// A file's text.
    #[track_caller]
    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.dir().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Sets a variable of the environment for the runs to come.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Runs the program in the project's folder; arguments are split at spaces outside of quotes.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &str) -> Outcome {
        self.command(arguments).output().map(|it| Outcome::new(self, arguments, &it)).expect("it starts")
    }

    /// The program in the project's folder with an environment of its own, not started yet.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidemill"));
        command.current_dir(self.dir()).args(words(arguments)).env_clear();
        command.env("HOME", self.dir()).envs(&self.env);
        command
    }

    /// Rows of a query on the project's database: values joined by ` | `, one line a row.
    #[track_caller]
    pub(crate) fn query(&self, sql: &str) -> String {
        let rows = self.open().query(sql, None).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let line = |row: &Vec<_>| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ");
        rows.rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// Changes the project's database behind the program's back.
    #[track_caller]
    pub(crate) fn execute(&self, sql: &str) {
        self.connect(false).execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// A connection that only reads the project's database.
    #[track_caller]
    pub(crate) fn open(&self) -> Box<dyn Warehouse> {
        self.connect(true)
    }

    /// A connection that writes, so that no other process can open the file while it is there.
    #[track_caller]
    pub(crate) fn hold(&self) -> Box<dyn Warehouse> {
        self.connect(false)
    }

    #[track_caller]
    fn connect(&self, read_only: bool) -> Box<dyn Warehouse> {
        let options = ConnectOptions {
            path: Some(self.dir().join("shop.duckdb")),
            read_only,
            schema: "main".to_owned(),
            workers: 1,
            settings: Vec::new(),
            extensions: Vec::new(),
            attach: Vec::new(),
            is_offline: false,
            wait: Duration::ZERO,
            secrets: Vec::new(),
            ..ConnectOptions::default()
        };
        duckdb::open(&options).unwrap_or_else(|error| panic!("shop.duckdb: {error}"))
    }
}

/// Words at spaces; quotes of either kind keep spaces, and what they enclose is taken as it is.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for it in text.chars() {
        match (quote, it) {
            (Some(open), _) if open == it => quote = None,
            (None, '\'' | '"') => {
                quote = Some(it);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            _ => word.get_or_insert_default().push(it),
        }
    }
    words.extend(word);
    words
}

/// How a run of the program ended, and what it wrote.
pub(crate) struct Outcome {
    arguments: String,
    exit: Option<i32>,
    /// Standard output, made stable.
    pub(crate) stdout: String,
    /// Standard error, made stable.
    pub(crate) stderr: String,
}

impl Outcome {
    /// What the program left when it ended.
    pub(crate) fn new(project: &TestProject, arguments: &str, output: &std::process::Output) -> Self {
        let dir = project.dir().to_string_lossy().into_owned();
        let stable = |bytes: &[u8]| without_times(&String::from_utf8_lossy(bytes).replace(&dir, "[dir]"));
        Self {
            arguments: arguments.to_owned(),
            exit: output.status.code(),
            stdout: stable(&output.stdout),
            stderr: stable(&output.stderr),
        }
    }

    /// The exit status is this.
    #[track_caller]
    pub(crate) fn exit(&self, code: i32) -> &Self {
        let all = format!("{}\n{}", self.stdout, self.stderr);
        assert_eq!(self.exit, Some(code), "exit status of `{}`, which wrote\n{all}", self.arguments);
        self
    }

    /// Standard output is this, wholly.
    #[track_caller]
    pub(crate) fn stdout(&self, expected: &str) -> &Self {
        assert_text(&self.stdout, expected);
        self
    }

    /// Standard error is this, wholly.
    #[track_caller]
    pub(crate) fn stderr(&self, expected: &str) -> &Self {
        assert_text(&self.stderr, expected);
        self
    }

    /// Standard output has this somewhere.
    #[track_caller]
    pub(crate) fn stdout_has(&self, part: &str) -> &Self {
        assert!(self.stdout.contains(part), "no `{part}` in\n{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Standard error has this somewhere.
    #[track_caller]
    pub(crate) fn stderr_has(&self, part: &str) -> &Self {
        assert!(self.stderr.contains(part), "no `{part}` in\n{}\n{}", self.stderr, self.stdout);
        self
    }
}

/// Two texts are equal, but for the indentation of the one expected and line breaks at the end.
#[track_caller]
pub(crate) fn assert_text(actual: &str, expected: &str) {
    let expected = dedent(expected);
    let (actual, expected) = (actual.trim_end(), expected.trim_end());
    if actual != expected {
        let diff = TextDiff::from_lines(expected, actual).unified_diff().context_radius(30).to_string();
        panic!("- expected, + actual\n{diff}\n--- actual ---\n{actual}\n--- end ---");
    }
}

/// The text with `[time]` for every duration such as `0.02s` or `15 ms`, and one space before it.
fn without_times(text: &str) -> String {
    let mut stable = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|it: char| it.is_ascii_digit()) {
        let (before, number) = rest.split_at(start);
        let end = number.find(|it: char| !it.is_ascii_digit() && it != '.').unwrap_or(number.len());
        let (number, after) = number.split_at(end);
        let is_word = |it: char| it.is_alphanumeric() || it == '_';
        let unit = ["ms", "s", " ms", " s"]
            .into_iter()
            .find(|unit| after.strip_prefix(unit).is_some_and(|it| !it.starts_with(is_word)));
        stable.push_str(before);
        match unit {
            Some(unit) if !stable.ends_with(is_word) => {
                let kept = stable.trim_end_matches(' ').len();
                if kept < stable.len() && !stable[..kept].ends_with('\n') {
                    stable.truncate(kept + 1);
                }
                stable.push_str("[time]");
                rest = &after[unit.len()..];
            }
            _ => {
                stable.push_str(number);
                rest = after;
            }
        }
    }
    stable.push_str(rest);
    stable
}
