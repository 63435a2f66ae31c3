//! Python models: known by their names and by what they read, so that the rest of a project can be worked
//! with. They cannot be run.

use crate::diagnostics::{Diagnostic, Spanned};
use crate::project::ProjectFile;
use crate::template::{RefCall, Scan, SourceCall};

use super::start_of;

/// Code of the fault of a Python model.
pub(crate) const PYTHON_MODEL: &str = "python-model";

/// What to do about one.
pub(crate) const PYTHON_HELP: &str =
    "write it as a `select` in a .sql file, or leave it out: `--exclude` it, or set `enabled: false`";

/// Says so once a file, before anything is run.
pub(super) fn notice(file: &ProjectFile) -> Diagnostic {
    Diagnostic::warning(
        PYTHON_MODEL,
        format!("`{}` is a Python model, which cannot be run", file.path.stem()),
    )
    .at(start_of(file.id), "known by its name alone; what reads it is skipped")
    .help(PYTHON_HELP)
}

/// Calls of `dbt.ref("...")` and `dbt.source("...", "...")` with texts as arguments.
pub(super) fn scan(file: &ProjectFile) -> Scan {
    let mut scan = Scan { is_static: true, ..Scan::default() };
    let span = start_of(file.id);
    let code = without_comments(&file.text);
    for arguments in calls(&code, "dbt.ref(") {
        let (package, name) = match arguments.as_slice() {
            [name] => (None, name.clone()),
            [package, name, ..] => (Some(package.clone()), name.clone()),
            [] => continue,
        };
        scan.refs.push(Spanned::new(RefCall { package, name, version: None }, span));
    }
    for arguments in calls(&code, "dbt.source(") {
        if let [source, table] = arguments.as_slice() {
            let call = SourceCall { source: source.clone(), table: table.clone() };
            scan.sources.push(Spanned::new(call, span));
        }
    }
    scan
}

fn without_comments(text: &str) -> String {
    let lines = text.lines().filter(|it| !it.trim_start().starts_with('#'));
    lines.collect::<Vec<_>>().join("\n")
}

/// The texts in quotes that are the arguments of each call.
fn calls(code: &str, call: &str) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for (start, _) in code.match_indices(call) {
        let rest = &code[start + call.len()..];
        let inside = rest.split(')').next().unwrap_or_default();
        let texts = inside.split(',').filter_map(|it| {
            let it = it.trim();
            let quote = it.chars().next().filter(|it| matches!(it, '"' | '\''))?;
            it.strip_prefix(quote)?.strip_suffix(quote).map(str::to_owned)
        });
        all.push(texts.collect());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_with_texts_are_found() {
        let code = "x = dbt.ref('a')\ny = dbt.ref(\"p\", \"b\")\nz = dbt.ref(name)\n";
        assert_eq!(
            calls(code, "dbt.ref("),
            [vec!["a".to_owned()], vec!["p".to_owned(), "b".to_owned()], vec![]]
        );
    }
}
