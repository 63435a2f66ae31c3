//! Templates in, text out: the cases are the files in `template/`.
//!
//! A file holds cases that start with `=== name`. Sections start with `---`: `macros [package]`,
//! `config` (JSON), `dispatch namespace package...` (the project's search order), `template`, and what is
//! expected: `text`, `value` (of `render_value`), `scan`, or `error` in place of any of them.
//! A name that ends in `(scan)` or `(value)` says that this is what is done instead of rendering.
//! Lines that start with `#` before the first case say what the file is about.
//!
//! `UPDATE_GOLDEN=1` rewrites the expectations, except what is in `template/jinja/`: there every `text` and
//! `value` is what dbt 1.11 renders, so only the errors are ours to rewrite.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use serde_json::{Value as Json, json};
use tidemill::diagnostics::{Diagnostic, Diagnostics, Sources};
use tidemill::node::Relation;
use tidemill::template::{
    Context, Globals, Host, HostError, MacroFile, Mode, RefCall, SourceCall, TemplateSource, TemplateValue,
    Templates, builtin_files,
};

use crate::project::source_tree;

/// The world as the cases see it.
struct World {
    config: Json,
}

impl Host for World {
    fn reference(&self, call: &RefCall) -> Result<Relation, HostError> {
        if call.name == "missing" {
            let message = "nothing is named `missing`".to_owned();
            return Err(HostError { code: "unknown-ref", message, help: Some("look again".to_owned()) });
        }
        let name = call.version.as_ref().map_or(call.name.clone(), |it| format!("{}_v{it}", call.name));
        Ok(Relation::new("db", call.package.as_deref().unwrap_or("main"), name))
    }

    fn source(&self, call: &SourceCall) -> Result<Relation, HostError> {
        Ok(Relation::new("db", &call.source, &call.table))
    }

    fn var(&self, name: &str, default: Option<Json>) -> Result<Json, HostError> {
        let vars =
            json!({"n": 5, "s": "text", "digits": "5", "l": [1, 2], "d": {"a": 1}, "t": "{{ 1 + 1 }}"});
        vars.get(name).cloned().or(default).ok_or_else(|| HostError {
            code: "missing-var",
            message: format!("variable `{name}` is not set"),
            help: None,
        })
    }

    fn has_var(&self, name: &str) -> bool {
        ["n", "s", "digits", "l", "d", "t"].contains(&name)
    }

    fn env_var(&self, name: &str, default: Option<String>) -> Result<String, HostError> {
        default.ok_or_else(|| HostError {
            code: "missing-env-var",
            message: format!("environment variable `{name}` is not set"),
            help: None,
        })
    }

    fn doc(&self, _package: Option<&str>, name: &str) -> Result<String, HostError> {
        Ok(format!("about {name}"))
    }

    fn config_get(&self, key: &str) -> Option<Json> {
        self.config.get(key).cloned()
    }

    fn is_incremental(&self) -> bool {
        true
    }

    fn log(&self, _message: &str, _info: bool) {}

    fn warn(&self, _message: &str) {}
}

pub(crate) fn context(mode: Mode) -> Context {
    let globals = Globals {
        target: json!({"name": "dev", "database": "db", "schema": "main", "type": "duckdb", "threads": 4}),
        project_name: "shop".to_owned(),
        invocation_id: "0001".to_owned(),
        run_started_at: "2024-03-01T10:20:30.5Z".to_owned(),
        flags: json!({"FULL_REFRESH": false, "STORE_FAILURES": false}),
        quoting: tidemill::node::Quoting::ALL,
    };
    Context {
        mode,
        globals: Arc::new(globals),
        host: Arc::new(World { config: json!({"materialized": "table", "meta": {"owner": "me"}}) }),
        this: Some(Relation::new("db", "main", "orders")),
        model: Some(json!({"name": "orders", "config": {"tags": ["a"]}})),
        locals: Vec::new(),
    }
}

/// A section: its head without the dashes, and its text.
struct Section {
    head: String,
    text: String,
}

struct Case {
    name: String,
    sections: Vec<Section>,
}

/// The lines before the first case.
fn preface(text: &str) -> &str {
    if text.starts_with("=== ") { "" } else { text.find("\n=== ").map_or(text, |it| &text[..=it]) }
}

fn read_cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text[preface(text).len()..].split_inclusive('\n') {
        if let Some(name) = line.strip_prefix("=== ") {
            cases.push(Case { name: name.trim().to_owned(), sections: Vec::new() });
            continue;
        }
        let case = cases.last_mut().expect("a file starts with a case");
        if let Some(head) = line.strip_prefix("--- ") {
            case.sections.push(Section { head: head.trim().to_owned(), text: String::new() });
        } else if let Some(section) = case.sections.last_mut() {
            section.text.push_str(line);
        }
    }
    cases
}

/// The last line break belongs to the file, not to the case.
fn body(text: &str) -> &str {
    text.strip_suffix('\n').unwrap_or(text)
}

/// The built-in macros and those of a case.
struct Macros {
    sources: Sources,
    templates: Arc<Templates>,
    /// The first fault in the macros, as it is shown.
    fault: Option<String>,
}

/// Most cases have no macros of their own.
static BUILTIN: LazyLock<Macros> = LazyLock::new(|| read_macros(&[]));

fn read_macros(sections: &[Section]) -> Macros {
    let mut sources = Sources::default();
    let mut files = Vec::new();
    for (path, text) in builtin_files() {
        files.push(MacroFile {
            package: "dbt".to_owned(),
            file: sources.add(*path, *text),
            text: (*text).into(),
        });
    }
    for section in sections.iter().filter(|it| it.head.starts_with("macros")) {
        let package = section.head.split(' ').nth(1).unwrap_or("shop");
        let file = sources.add(format!("{package}/macros.sql"), section.text.as_str());
        files.push(MacroFile { package: package.to_owned(), file, text: section.text.as_str().into() });
    }
    let mut diags = Diagnostics::default();
    let mut templates = Templates::new(&mut diags, "shop", &files);
    for order in sections.iter().filter_map(|it| it.head.strip_prefix("dispatch ")) {
        let mut words = order.split(' ').map(str::to_owned);
        let namespace = words.next().expect("a namespace");
        templates = templates.with_dispatch(&namespace, &words.collect::<Vec<_>>());
    }
    let fault = diags.all().first().map(|it| show(&sources, it));
    Macros { sources, templates: Arc::new(templates), fault }
}

/// What happens in a case: the head of the expected section, and its text.
fn outcome(case: &Case) -> (String, String) {
    let own = case.sections.iter().any(|it| it.head.starts_with("macros") || it.head.starts_with("dispatch"));
    let own = own.then(|| read_macros(&case.sections));
    let Macros { sources, templates, fault } = own.as_ref().unwrap_or_else(|| &BUILTIN);
    if let Some(fault) = fault {
        return ("error".to_owned(), fault.clone());
    }
    let mut sources = sources.clone();
    let section = case.sections.iter().find(|it| it.head == "template").expect("a template");
    let text: Arc<str> = body(&section.text).replace("\\r", "\r").into();
    let file = sources.add("model.sql", Arc::clone(&text));
    let source = TemplateSource { package: "shop".to_owned(), file, text, offset: 0 };
    let context = |mode| {
        let mut context = context(mode);
        if let Some(section) = case.sections.iter().find(|it| it.head == "config") {
            let config = serde_json::from_str(&section.text).expect("a config in JSON");
            context.host = Arc::new(World { config });
        }
        context
    };
    let result = if case.name.ends_with("(scan)") {
        templates.scan(&source, &context(Mode::Parse)).map(|scan| ("scan", show_scan(&sources, &scan)))
    } else if case.name.ends_with("(value)") {
        templates.render_value(&source, &context(Mode::Execute)).map(|it| ("value", show_value(&it)))
    } else {
        templates.render(&source, &context(Mode::Execute)).map(|it| {
            check_segments(&sources, &it);
            ("text", it.text)
        })
    };
    match result {
        Ok((head, text)) => (head.to_owned(), text),
        Err(error) => ("error".to_owned(), show(&sources, &error.into_diagnostic())),
    }
}

/// Segments are in order, and copied ones equal what they were copied from.
fn check_segments(sources: &Sources, rendered: &tidemill::template::Rendered) {
    let mut end = 0;
    for segment in &rendered.segments {
        assert!(segment.output.start >= end && segment.output.end <= rendered.text.len(), "{rendered:?}");
        end = segment.output.end;
        if segment.kind == tidemill::template::SegmentKind::Verbatim {
            assert_eq!(&rendered.text[segment.output.clone()], sources.text_of(segment.source));
        }
    }
}

fn show(sources: &Sources, diagnostic: &Diagnostic) -> String {
    let mut out = format!("{}: {}", diagnostic.code, diagnostic.message);
    let labels = diagnostic.primary.iter().chain(&diagnostic.secondary);
    for label in labels {
        let text = sources.text_of(label.span).lines().next().unwrap_or_default();
        let _ = write!(out, "\n{} |{text}| {}", sources.place(label.span), label.text);
    }
    for help in &diagnostic.helps {
        let _ = write!(out, "\nhelp: {help}");
    }
    out.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

fn show_scan(sources: &Sources, scan: &tidemill::template::Scan) -> String {
    let mut out = String::new();
    let mut line = |text: String, span| {
        let _ = writeln!(out, "{text} at {} |{}|", sources.place(span), sources.text_of(span));
    };
    for it in &scan.refs {
        let RefCall { package, name, version } = &it.value;
        line(format!("ref {}:{name}:{}", opt(package.as_ref()), opt(version.as_ref())), it.span);
    }
    for it in &scan.sources {
        line(format!("source {}.{}", it.value.source, it.value.table), it.span);
    }
    for (key, value) in &scan.config {
        line(format!("config {}={value}", key.value), key.span);
    }
    for id in &scan.macros {
        let _ = writeln!(out, "calls {id}");
    }
    let _ = write!(out, "{}", if scan.is_static { "static" } else { "rendered" });
    out
}

fn opt(text: Option<&String>) -> &str {
    text.map_or("-", String::as_str)
}

fn show_value(value: &TemplateValue) -> String {
    match value {
        TemplateValue::Json(json) => json.to_string(),
        TemplateValue::Relation(relation) => format!("relation {relation}"),
    }
}

fn case_files(folder: &str) -> Vec<PathBuf> {
    let folder = source_tree().join("tests/integration").join(folder);
    let entries = std::fs::read_dir(folder).expect("the folder of cases");
    let mut files: Vec<PathBuf> = entries.map(|it| it.expect("an entry").path()).collect();
    files.retain(|it| it.is_file());
    files.sort();
    files
}

/// Whose words an expectation is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    Ours,
    FromDbt,
}

#[test]
fn every_case_gives_what_its_file_says() {
    check_files("template", Expected::Ours);
}

#[test]
fn every_case_gives_what_dbt_gives() {
    check_files("template/jinja", Expected::FromDbt);
}

fn check_files(folder: &str, expected_by: Expected) {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut failures = String::new();
    for path in case_files(folder) {
        let text = std::fs::read_to_string(&path).expect("a file of cases");
        let mut golden = preface(&text).to_owned();
        for case in read_cases(&text) {
            let (head, actual) = outcome(&case);
            let expected = case.sections.iter().find(|it| !is_input(it));
            let is_fixed = expected_by == Expected::FromDbt && expected.is_some_and(|it| it.head != "error");
            let _ = writeln!(golden, "=== {}", case.name);
            for section in case.sections.iter().filter(|it| is_fixed || is_input(it)) {
                let _ = write!(golden, "--- {}\n{}", section.head, section.text);
            }
            if !is_fixed {
                let _ = writeln!(golden, "--- {head}\n{actual}");
            }
            if expected.is_none_or(|it| it.head != head || body(&it.text) != actual) {
                let expected = expected.map_or("", |it| &it.text);
                let name = format!("{}: {}", path.file_stem().expect("a name").display(), case.name);
                let _ = writeln!(failures, "## {name}\nexpected:\n{expected}\ngot {head}:\n{actual}\n");
            }
        }
        if update {
            std::fs::write(&path, golden).expect("to write the cases");
        }
    }
    assert!(update || failures.is_empty(), "{failures}");
}

/// Whether a section is what goes in, not what comes out.
fn is_input(section: &Section) -> bool {
    let word = section.head.split(' ').next().unwrap_or_default();
    ["macros", "config", "dispatch", "template"].contains(&word)
}
