//! `noqa` in comments: what is not to be said about a line, and comments that silence nothing.
//!
//! `-- noqa` silences all rules on its line, `-- noqa: a, b` only these. Names that `SQLFluff` has for its own
//! rules are left to it.

use std::collections::{BTreeMap, BTreeSet};

use super::rules::Rule;
use super::scanner::{Language, PieceKind, pieces};
use crate::diagnostics::{Diagnostic, FileId, Sources, Span, suggest};
use crate::project::files::ProjectPath;

/// A comment that silences rules.
#[derive(Clone, Debug)]
pub(super) struct Noqa {
    /// The word and its names.
    span: Span,
    /// The names with their places; none means all rules.
    names: Vec<(String, Span)>,
    /// Whether it says `noqa:`, perhaps with names of other programs only.
    is_named: bool,
}

/// All of them in a file, by line.
pub(super) fn in_file(sources: &Sources, file: FileId) -> BTreeMap<usize, Noqa> {
    let source = sources.get(file);
    let extension = ProjectPath::new(&source.path).extension();
    let is_yaml = ["yml", "yaml"].contains(&extension.as_str());
    let comments = if is_yaml { yaml_comments(&source.text) } else { sql_comments(&source.text) };
    let mut found = BTreeMap::new();
    for (start, text) in comments {
        if let Some(noqa) = read(file, start, text) {
            let (line, _) = sources.line_column(file, noqa.span.start as usize);
            found.insert(line, noqa);
        }
    }
    found
}

fn sql_comments(text: &str) -> Vec<(usize, &str)> {
    let pieces = pieces(text, Language::Template).into_iter();
    let comments = pieces.filter(|it| it.kind == PieceKind::Comment);
    comments.map(|it| (it.range.start, &text[it.range])).collect()
}

fn yaml_comments(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let is_comment = |at: &usize| *at == 0 || line[..*at].ends_with([' ', '\t']);
        if let Some(at) = line.match_indices('#').map(|it| it.0).find(is_comment) {
            found.push((start + at, line[at..].trim_end()));
        }
        start += line.len();
    }
    found
}

/// Reads a comment that begins at a place of its file; `None` if it says something else.
fn read(file: FileId, start: usize, comment: &str) -> Option<Noqa> {
    let inner = comment.trim_start_matches(['-', '#', '{', '/', '*', ' ', '\t']);
    let word = "noqa";
    if !inner.get(..word.len()).is_some_and(|it| it.eq_ignore_ascii_case(word)) {
        return None;
    }
    let begin = start + comment.len() - inner.len();
    let rest = &inner[word.len()..];
    let after = begin + word.len();
    let Some(listed) = rest.strip_prefix(':') else {
        let is_alone = !rest.starts_with(|it: char| it.is_alphanumeric() || it == '_');
        let span = Span::new(file, begin..after);
        return is_alone.then_some(Noqa { span, names: Vec::new(), is_named: false });
    };
    let mut names = Vec::new();
    let mut at = after + 1;
    for part in listed.split(',') {
        let ends = |it: char| it.is_whitespace() || "#*}".contains(it);
        let (name, more) = part.trim_start().split_once(ends).unwrap_or((part.trim_start(), ""));
        let from = at + part.len() - part.trim_start().len();
        if !name.is_empty() && !is_of_sqlfluff(name) {
            names.push((name.to_owned(), Span::new(file, from..from + name.len())));
        }
        // Words after a name are for people.
        if more.contains(|it: char| it.is_alphanumeric()) {
            break;
        }
        at += part.len() + 1;
    }
    let end = names.last().map_or(after, |it| it.1.end as usize);
    Some(Noqa { span: Span::new(file, begin..end), names, is_named: true })
}

/// `LT01`, `L034`, `PRS`, `layout.spacing`, `disable=all`, `LT*`.
fn is_of_sqlfluff(name: &str) -> bool {
    let is_code = name.starts_with(|it: char| it.is_ascii_uppercase())
        && name.chars().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit() || "*?".contains(it));
    is_code || name.contains(['.', '=']) || name == "all"
}

impl Noqa {
    fn silences(&self, rule: Rule) -> bool {
        match rule {
            Rule::UnusedNoqa | Rule::UnknownNoqa => false,
            _ if !self.is_named => true,
            _ => self.names.iter().any(|it| it.0 == rule.code()),
        }
    }
}

/// The comments of files that were looked at, and what they silenced.
pub(super) struct Silencer<'a> {
    sources: &'a Sources,
    files: BTreeMap<FileId, BTreeMap<usize, Noqa>>,
    used: BTreeSet<(FileId, usize, Option<Rule>)>,
}

impl<'a> Silencer<'a> {
    pub(super) fn new(sources: &'a Sources) -> Self {
        Self { sources, files: BTreeMap::new(), used: BTreeSet::new() }
    }

    /// Looks for comments in a file.
    pub(super) fn look_at(&mut self, file: FileId) {
        self.files.entry(file).or_insert_with(|| in_file(self.sources, file));
    }

    /// Whether nothing is to be said about a place.
    pub(super) fn silences(&mut self, rule: Rule, span: Span) -> bool {
        self.look_at(span.file);
        let (line, _) = self.sources.line_column(span.file, span.start as usize);
        let Some(noqa) = self.files.get(&span.file).and_then(|it| it.get(&line)) else { return false };
        let silences = noqa.silences(rule);
        if silences {
            self.used.insert((span.file, line, noqa.is_named.then_some(rule)));
        }
        silences
    }

    /// Comments that silence nothing or name no rule. `ran` are the rules that were looked for; a comment without
    /// names is judged only if all were.
    pub(super) fn findings(&self, ran: &BTreeSet<Rule>, all_ran: bool) -> Vec<(Rule, Span, Diagnostic)> {
        let mut found = Vec::new();
        let unused = |span: Span, what: String| {
            let diagnostic = Diagnostic::warning(Rule::UnusedNoqa.code(), what)
                .at(span, "there is nothing to silence")
                .help("take it out, so that it silences nothing that comes later");
            (Rule::UnusedNoqa, span, diagnostic)
        };
        for (file, lines) in &self.files {
            for (line, noqa) in lines {
                if !noqa.is_named && all_ran && !self.used.contains(&(*file, *line, None)) {
                    found.push(unused(noqa.span, "this `noqa` silences nothing".to_owned()));
                }
                for (name, span) in &noqa.names {
                    match Rule::find(name) {
                        None => found.push((Rule::UnknownNoqa, *span, unknown(name, *span))),
                        Some(rule) if !ran.contains(&rule) => {}
                        Some(rule) if self.used.contains(&(*file, *line, Some(rule))) => {}
                        Some(_) => found.push(unused(*span, format!("`{name}` finds nothing on this line"))),
                    }
                }
            }
        }
        found
    }
}

fn unknown(name: &str, span: Span) -> Diagnostic {
    Diagnostic::warning(Rule::UnknownNoqa.code(), format!("`noqa` names `{name}`, which is no rule"))
        .at(span, "no rule has this name")
        .help_opt(suggest::did_you_mean(name, Rule::codes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn names(comment: &str) -> Option<Vec<String>> {
        let mut sources = Sources::default();
        let file = sources.add("a.sql", comment);
        let noqa = read(file, 0, comment)?;
        assert!(noqa.names.iter().all(|(name, span)| sources.text_of(*span) == name));
        Some(noqa.names.into_iter().map(|it| it.0).collect())
    }

    #[test]
    fn names_are_read_from_any_comment() {
        assert_eq!(names("-- noqa"), Some(vec![]));
        assert_eq!(names("-- NOQA: select-star"), Some(vec!["select-star".to_owned()]));
        assert_eq!(
            names("{# noqa: a-b, c-d because of this, and that #}"),
            Some(vec!["a-b".to_owned(), "c-d".to_owned()])
        );
        assert_eq!(names("/* noqa:a-b*/"), Some(vec!["a-b".to_owned()]));
        assert_eq!(names("# noqa: a-b"), Some(vec!["a-b".to_owned()]));
    }

    #[test]
    fn other_comments_and_other_programs_names_are_left_alone() {
        assert_eq!(names("-- not noqa"), None);
        assert_eq!(names("-- noqable"), None);
        assert_eq!(names("-- noqa: LT01, L034, layout.spacing, disable=all, PRS"), Some(vec![]));
    }
}
