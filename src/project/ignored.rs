//! `.dbtignore`: files that are not part of a project, in the syntax of `.gitignore`.

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::files::{Files, ProjectPath};
use crate::diagnostics::{Diagnostic, Diagnostics, Sources};

/// Which files a package leaves out.
pub(super) struct Ignored {
    root: String,
    rules: Option<Gitignore>,
}

/// Reads the file in a package's folder, if there is one.
pub(super) fn read(diags: &mut Diagnostics, sources: &mut Sources, files: &dyn Files, root: &str) -> Ignored {
    let path = match root {
        "" => ProjectPath::new(".dbtignore"),
        root => ProjectPath::new(&format!("{root}/.dbtignore")),
    };
    let nothing = Ignored { root: root.to_owned(), rules: None };
    if !files.exists(&path) {
        return nothing;
    }
    let Some((file, text)) = super::reading::read_text(diags, sources, files, &path) else { return nothing };
    let mut builder = GitignoreBuilder::new("");
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        if let Err(error) = builder.add_line(None, line.trim_end_matches(['\r', '\n'])) {
            let span = crate::diagnostics::Span::new(file, offset..offset + line.trim_end().len());
            let reason = error.to_string();
            diags.push(
                Diagnostic::error("invalid-pattern", "this is not a pattern of files")
                    .at(span, reason.rsplit(": ").next().unwrap_or_default()),
            );
        }
        offset += line.len();
    }
    Ignored { root: root.to_owned(), rules: builder.build().ok() }
}

impl Ignored {
    /// Whether a file is left out, by its own path or by a folder that it is in.
    pub(super) fn has(&self, path: &ProjectPath) -> bool {
        let Some(rules) = &self.rules else { return false };
        let inside = path.inside(&self.root).unwrap_or(path.as_str());
        rules.matched_path_or_any_parents(inside, false).is_ignore()
    }
}
