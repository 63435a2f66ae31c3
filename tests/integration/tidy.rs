//! The rules that keep `src/` readable, as tables, and the test that holds them.
//!
//! In: the text of every file, without comments and strings. Out: one line a violation, with its place, the
//! rule and the reason. Nothing deeper than names joined by `::` is understood; that is enough for imports.

use std::fs;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::project::source_tree;

/// The folders of `src/`, in the order of the arrow: each may import those above it, never one below.
const ORDER: &[&str] = &[
    // Words and walls: they know no phase.
    "node",
    "batch",
    "diagnostics",
    "yaml",
    "sql",
    "warehouse",
    "template",
    // The phases; `deps` fills the folder of packages that they read.
    "project",
    "deps",
    "parse",
    "graph",
    "compile",
    "lint",
    "plan",
    "run",
    "past",
    "profile",
    "artifacts",
    "docs",
    // What a user sees.
    "report",
    "cli",
];

const ORDER_WHY: &str = "the arrow runs one way, so a phase can be read without those after it";

/// A folder that may import less than its place in [`ORDER`] allows.
struct Narrow {
    folder: &'static str,
    from: &'static [&'static str],
    only: &'static str,
    why: &'static str,
}

const NARROW: &[Narrow] = &[Narrow {
    folder: "report",
    from: &["project", "parse", "graph", "compile", "lint", "plan", "run", "artifacts", "docs"],
    only: "run::event",
    why: "runner and reporter meet only in an event",
}];

/// Names that may be written only in some places; `name!` is a macro.
struct Wall {
    names: &'static [&'static str],
    /// Beginnings of paths below `src/`; none means nowhere.
    only_in: &'static [&'static str],
    why: &'static str,
}

#[rustfmt::skip]
const WALLS: &[Wall] = &[
    Wall { names: &["minijinja", "minijinja_contrib"],         only_in: &["template/"],             why: ONE_FOLDER },
    Wall { names: &["sqlparser"],                              only_in: &["sql/"],                  why: ONE_FOLDER },
    Wall { names: &["duckdb", "libduckdb_sys"],                only_in: &["warehouse/duckdb"],      why: ONE_FOLDER },
    Wall { names: &["petgraph"],                               only_in: &["graph/"],                why: ONE_FOLDER },
    Wall { names: &["clap", "clap_complete", "clap_mangen"],   only_in: &["cli/"],                  why: ONE_FOLDER },
    Wall { names: &["serde_yaml"],                             only_in: &["yaml/"],                 why: ONE_FOLDER },
    Wall { names: &["annotate_snippets"],                      only_in: &["diagnostics/render.rs"], why: ONE_FOLDER },
    Wall { names: &["std::fs", "std::env", "std::time::Instant", "std::time::SystemTime"],
           only_in: &["project/disk.rs", "deps/", "artifacts/", "cli/", "warehouse/duckdb", "main.rs"],
           why: "files, environment and clock are at the edges, so the middle is the same on every machine" },
    Wall { names: &["ureq", "tar", "std::process::Command", "std::process::Stdio"],
           only_in: &["deps/"],
           why: "only `deps` asks other machines, starts programs and unpacks what others made: everything else works offline" },
    Wall { names: &["std::net"],                               only_in: &["deps/", "docs/serve.rs"],
           why: "besides `deps`, only `docs serve` opens a socket, on this machine's own address" },
    Wall { names: &["flate2"],                                 only_in: &["deps/", "docs/page.rs"],
           why: "`deps` unpacks archives; the docs site carries its data compressed" },
    Wall { names: &["pulldown_cmark"],                         only_in: &["docs/markdown.rs"],      why: ONE_FOLDER },
    Wall { names: &["print!", "println!", "eprint!", "eprintln!", "dbg!"],
           only_in: &[],
           why: "only `report` writes to the terminal, through its own streams: output can be silenced and tested" },
];

const ONE_FOLDER: &str = "another version of a package must be a change in one folder";

/// Texts that may stand nowhere: in code, or in comments too.
struct Ban {
    text: &'static str,
    in_comments: bool,
    why: &'static str,
}

#[rustfmt::skip]
const BANS: &[Ban] = &[
    Ban { text: "#[allow(",  in_comments: false, why: "`#[expect(lint, reason = ...)]` says why, and goes away when it is not needed" },
    Ban { text: "#![allow(", in_comments: false, why: "`#![expect(lint, reason = ...)]` says why, and goes away when it is not needed" },
    Ban { text: "#[ignore",  in_comments: false, why: "a test that does not run proves nothing" },
    Ban { text: "TODO",      in_comments: true,  why: "open work is an issue, where others find it" },
    Ban { text: "FIXME",     in_comments: true,  why: "open work is an issue, where others find it" },
];

/// Names of files and folders that do not say what is inside.
const EMPTY_NAMES: &[&str] = &["utils", "util", "common", "helpers", "helper", "misc", "imp"];

#[test]
fn source_keeps_the_rules() {
    let src = source_tree().join("src");
    let mut faults = Vec::new();
    for path in files_below(&src) {
        let name = slashed(&path, &src);
        faults.extend(name_faults(&name));
        if path.extension().is_some_and(|it| it == "rs") {
            faults.extend(text_faults(&name, &read(&path)));
        }
    }
    assert!(faults.is_empty(), "src/ breaks {} of its rules:\n{}\n", faults.len(), faults.join("\n"));
}

#[test]
fn nothing_names_a_path_of_one_machine() {
    let kinds = ["rs", "md", "yml", "yaml", "sql", "toml", "csv", "txt", "html", "css", "js", "lock", "svg"];
    let mut faults = Vec::new();
    for path in files_below(&source_tree()) {
        let name = slashed(&path, &source_tree());
        let is_text = path.extension().is_some_and(|it| kinds.iter().any(|kind| it == *kind));
        if is_text || name == ".ci/run" {
            faults.extend(machine_path_faults(&name, &read(&path)));
        }
    }
    assert!(faults.is_empty(), "a path of one machine means nothing on another:\n{}\n", faults.join("\n"));
}

#[test]
fn the_rules_find_what_they_forbid() {
    let check = |name: &str, text: &str, expected: &[&str]| {
        let faults = text_faults(name, &format!("//! Doc.\n{text}\n"));
        let found: Vec<String> = faults.iter().map(|it| it.split(" (").next().unwrap().to_owned()).collect();
        assert_eq!(found, expected, "{text}");
    };
    check("parse/a.rs", "use crate::plan::Plan;", &["src/parse/a.rs:2: `parse` imports `plan`"]);
    check(
        "parse/a.rs",
        "use crate::{\n    node::A,\n    cli,\n};",
        &["src/parse/a.rs:4: `parse` imports `cli`"],
    );
    check("parse/a.rs", "fn a() { super::super::run::go() }", &["src/parse/a.rs:2: `parse` imports `run`"]);
    check(
        "report/a.rs",
        "use crate::run::{event::E, queue};",
        &["src/report/a.rs:2: `report` imports `run::queue`"],
    );
    check(
        "run/a.rs",
        "use std::{fs, time::{Duration, Instant}};",
        &["src/run/a.rs:2: `std::fs` is used here", "src/run/a.rs:2: `std::time::Instant` is used here"],
    );
    check("run/a.rs", "use std::fs::*;", &["src/run/a.rs:2: `std::fs` is used here"]);
    check("run/a.rs", "use std::time;", &["src/run/a.rs:2: `std::time` is used here"]);
    check("graph/a.rs", "fn a() { std::println!() }", &["src/graph/a.rs:2: `std::println!` is used here"]);
    check("warehouse/mod.rs", "use duckdb::Row;", &["src/warehouse/mod.rs:2: `duckdb::Row` is used here"]);
    check(
        "parse/a.rs",
        "let a = serde_yaml::from_str::<A>(b);",
        &["src/parse/a.rs:2: `serde_yaml::from_str` is used here"],
    );
    check("compile/a.rs", "#[allow(dead_code)]", &["src/compile/a.rs:2: `#[allow(` is written here"]);
    check("other.rs", "", &["src/other.rs:1: `other` has no place in the order of the folders"]);
    assert_eq!(text_faults("node.rs", "use std::fmt;\n").len(), 1, "the module doc is missing");
    assert_eq!(name_faults("plan/helpers.rs").len(), 1);
    assert_eq!(machine_path_faults("a.md", concat!("see /ro", "ot/x")).len(), 1);
}

#[test]
fn the_rules_leave_what_they_allow() {
    let check = |name: &str, text: &str| {
        assert_eq!(text_faults(name, &format!("//! Doc.\n{text}\n")), [""; 0], "{text}");
    };
    check("plan/a.rs", "use crate::compile::Compiled;");
    check("parse/a.rs", "// crate::plan and minijinja::Value\n/* std::fs */");
    check(
        "parse/a.rs",
        "const A: &str = \"crate::plan \\\" std::fs\"; const B: &str = r#\"crate::cli \" \"#;",
    );
    check("parse/a.rs", "fn a<'a>(c: char) -> bool { c == '\"' || c == '\\'' || c == 'x' }");
    check("parse/a.rs", "const A: &str = env!(\"CARGO_PKG_VERSION\");");
    check("run/a.rs", "use std::time::Duration;");
    check("report/a.rs", "use crate::run::event::RunEvent;");
    check("warehouse/duckdb/a.rs", "use duckdb::Row;");
    check("warehouse/mod.rs", "pub use self::duckdb::open;\nfn a() { crate::warehouse::duckdb::open() }");
    check("cli/a.rs", "use crate::warehouse::duckdb;\nfn a() { duckdb::open() }");
    check("cli/a.rs", "use crate::plan::Plan;\nuse clap::Parser;");
    assert_eq!(
        machine_path_faults("a.md", concat!("https://example.org/wo", "rk/x and src/wo", "rk/y")),
        [""; 0]
    );
}

// ---- the rules ----

fn name_faults(name: &str) -> Vec<String> {
    let parts = name.split('/').map(|it| it.split('.').next().unwrap_or(it));
    let empty = parts.filter(|it| EMPTY_NAMES.contains(it));
    empty.map(|it| format!("src/{name}: `{it}` (a name must say what is inside)")).collect()
}

fn text_faults(name: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |line: usize, what: String, why: &str| {
        faults.push(format!("src/{name}:{line}: {what} ({why})"));
    };
    if !text.starts_with("//!") {
        fault(1, "no module doc".to_owned(), "a file begins with `//!` and what comes in and out");
    }
    let code = without_comments_and_strings(text);
    for ban in BANS {
        let searched = if ban.in_comments { text } else { &code };
        for (index, line) in searched.lines().enumerate() {
            if line.contains(ban.text) {
                fault(index + 1, format!("`{}` is written here", ban.text), ban.why);
            }
        }
    }
    let folder = name.split(['/', '.']).next().unwrap_or(name);
    let is_root = matches!(name, "lib.rs" | "main.rs");
    if !is_root && !ORDER.contains(&folder) {
        let what = format!("`{folder}` has no place in the order of the folders");
        fault(1, what, "every folder stands somewhere in ORDER of tests/integration/tidy.rs");
    }
    let paths = paths(&code);
    // A module of ours may have the name of a package: `use crate::warehouse::duckdb`.
    let is_module = |name: &str| {
        paths.iter().any(|(_, it)| is_inside(&it[0]) && it.last().is_some_and(|last| last == name))
    };
    for (line, path) in &paths {
        if let (false, Some(wanted)) = (is_root, crate_path(name, path))
            && let Some((what, why)) = import_fault(folder, &wanted)
        {
            fault(*line, what, why);
        }
        let written = path.join("::");
        for wall in WALLS {
            let is_home = wall.only_in.iter().any(|it| name.starts_with(it));
            if !is_home && !is_module(&path[0]) && wall.names.iter().any(|it| is_about(path, it)) {
                fault(*line, format!("`{written}` is used here"), wall.why);
            }
        }
    }
    faults
}

/// What is wrong with a module of `folder` that imports `wanted`, a path below the crate.
fn import_fault(folder: &str, wanted: &[String]) -> Option<(String, &'static str)> {
    let place = |it: &str| ORDER.iter().position(|other| *other == it);
    let (own, other) = (place(folder)?, place(wanted.first()?)?);
    if other > own {
        return Some((format!("`{folder}` imports `{}`", wanted[0]), ORDER_WHY));
    }
    let narrow = NARROW.iter().find(|it| it.folder == folder && it.from.contains(&wanted[0].as_str()))?;
    let written = wanted.join("::");
    let is_allowed = written == narrow.only || written.starts_with(&format!("{}::", narrow.only));
    (!is_allowed).then(|| (format!("`{folder}` imports `{written}`"), narrow.why))
}

/// Whether a path that begins with this word stays in the crate.
fn is_inside(word: &str) -> bool {
    matches!(word, "crate" | "self" | "super")
}

/// The part of a path below the crate, if it is sure to begin there.
fn crate_path(name: &str, path: &[String]) -> Option<Vec<String>> {
    match path.first()?.as_str() {
        "crate" | "tidemill" => Some(path[1..].to_vec()),
        "super" => {
            let parts: Vec<&str> =
                name.trim_end_matches(".rs").split('/').filter(|it| *it != "mod").collect();
            let ups = path.iter().take_while(|it| *it == "super").count();
            (ups >= parts.len()).then(|| path[ups..].to_vec())
        }
        _ => None,
    }
}

/// Whether a path is the name, something in it, or a module that brings it in.
fn is_about(path: &[String], name: &str) -> bool {
    if name.ends_with('!') {
        return path.last().is_some_and(|it| it == name);
    }
    let names: Vec<&str> = name.split("::").collect();
    let shared = names.iter().zip(path).take_while(|(left, right)| left == right).count();
    shared == names.len() || (shared >= 2 && shared == path.len())
}

fn machine_path_faults(name: &str, text: &str) -> Vec<String> {
    // Split, so that this file does not name them.
    let needles =
        [concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];
    let mut faults = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for needle in needles {
            let is_start = |at: usize| {
                line[..at].chars().next_back().is_none_or(|it| !it.is_alphanumeric() && !".-_/~".contains(it))
            };
            if line.match_indices(needle).any(|(at, _)| is_start(at)) {
                faults.push(format!("{name}:{}: `{needle}`", index + 1));
            }
        }
    }
    faults
}

// ---- reading Rust, as far as it is needed ----

/// Paths that are written in code, one for each name of a `{}` group, with their lines; a macro's has a `!`.
/// A name without `::` counts only as a macro or as the package of a `use` group.
fn paths(code: &str) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    let mut groups: Vec<Vec<String>> = Vec::new();
    let mut path: Vec<String> = Vec::new();
    let mut line = 1;
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let is_word = |it: char| it.is_alphanumeric() || it == '_';
        let end = if is_word(first) {
            rest.find(|it| !is_word(it)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        let (token, after) = rest.split_at(end);
        rest = after;
        line += usize::from(token == "\n");
        if is_word(first) {
            let mut word = token.to_owned();
            if rest.starts_with('!') && !rest.starts_with("!=") {
                word.push('!');
            }
            let prefix = groups.last().filter(|_| path.is_empty()).cloned().unwrap_or_default();
            path.extend(prefix);
            path.push(word);
            if rest.starts_with("::") {
                continue;
            }
            if path.len() > 1 || path[0].ends_with('!') {
                found.push((line, std::mem::take(&mut path)));
            }
            path.clear();
        } else if token == "{" {
            // After `a::` a brace opens a group of names; any other is a block of code.
            groups.push(std::mem::take(&mut path));
        } else if token == "}" {
            groups.pop();
            path.clear();
        } else if token != "::" && !first.is_whitespace() {
            // `a::b::*` and `a::b::<T>()`.
            let path = std::mem::take(&mut path);
            found.extend((path.len() > 1).then_some((line, path)));
        }
    }
    found
}

/// The text with comments and the contents of strings blanked, its lines kept.
fn without_comments_and_strings(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = skipped(rest);
        if end > 0 {
            code.extend(rest[..end].chars().map(|it| if it == '\n' { '\n' } else { ' ' }));
            rest = &rest[end..];
            continue;
        }
        // A whole word at once, so that the `r` of a name is not taken for the start of a raw string.
        let word = rest.find(|it: char| !it.is_alphanumeric() && it != '_').unwrap_or(rest.len());
        let end = if word > 0 { word } else { rest.chars().next().map_or(0, char::len_utf8) };
        code.push_str(&rest[..end]);
        rest = &rest[end..];
    }
    code
}

/// Length of the comment, string or character that the text begins with; zero if with none.
fn skipped(text: &str) -> usize {
    let until =
        |from: usize, end: &str| text[from..].find(end).map_or(text.len(), |at| from + at + end.len());
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return until(2, "*/");
    }
    let unprefixed = text.trim_start_matches(['b', 'c']);
    let prefix = text.len() - unprefixed.len();
    if prefix <= 1 {
        if let Some(raw) = unprefixed.strip_prefix('r') {
            let hashes = raw.len() - raw.trim_start_matches('#').len();
            if raw[hashes..].starts_with('"') {
                return until(prefix + 1 + hashes + 1, &format!("\"{}", "#".repeat(hashes)));
            }
        }
        if unprefixed.starts_with('"') {
            return prefix + quoted(unprefixed, '"');
        }
        if unprefixed.starts_with('\'') {
            // A lifetime has no closing quote after one character.
            let mut chars = unprefixed.chars().skip(1);
            let (first, second) = (chars.next(), chars.next());
            if first == Some('\\') || (first.is_some() && second == Some('\'')) {
                return prefix + quoted(unprefixed, '\'');
            }
        }
    }
    0
}

/// Length of the literal that begins with `quote`, both quotes included.
fn quoted(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, it) in text.char_indices().skip(1) {
        if is_escaped {
            is_escaped = false;
        } else if it == '\\' {
            is_escaped = true;
        } else if it == quote {
            return at + it.len_utf8();
        }
    }
    text.len()
}

// ---- files ----

/// Files below a folder, sorted; what is built or fetched is left out.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let is_ours = |name: &str| name == ".ci" || !(name.starts_with('.') || name == "target");
    let walk = WalkDir::new(folder).sort_by_file_name().into_iter();
    walk.filter_entry(|it| it.depth() == 0 || it.file_name().to_str().is_some_and(is_ours))
        .map(|it| it.expect("the folder can be read"))
        .filter(|it| it.file_type().is_file())
        .map(walkdir::DirEntry::into_path)
        .collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()))
}

fn slashed(path: &Path, base: &Path) -> String {
    let below = path.strip_prefix(base).expect("the file is below the folder");
    below.iter().map(|it| it.to_string_lossy()).collect::<Vec<_>>().join("/")
}
