//! SQL and templates cut into pieces: words, texts, comments, with their places.
//!
//! Good enough to find a keyword before a place, the end of a literal, and comments. It knows no grammar: that
//! is the engine's.

use std::ops::Range;

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) kind: PieceKind,
    /// Its bytes.
    pub(super) range: Range<usize>,
}

/// What a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PieceKind {
    /// A keyword or a plain name.
    Word,
    /// A name in quotes.
    Name,
    /// A text in quotes.
    Text,
    /// A number.
    Number,
    /// A comment of SQL or of a template.
    Comment,
    /// `{{ }}` or `{% %}`.
    Tag,
    /// Anything else, one character.
    Symbol,
}

/// Whether `{{` begins a template's tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Sql,
    Template,
}

/// The pieces of a text, without white space.
pub(super) fn pieces(text: &str, language: Language) -> Vec<Piece> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (kind, length) = piece(&text[at..], first, language);
        found.push(Piece { kind, range: at..at + length });
        at += length;
    }
    found
}

fn piece(text: &str, first: char, language: Language) -> (PieceKind, usize) {
    let until = |from: usize, end: &str| {
        text.get(from..).and_then(|it| it.find(end)).map_or(text.len(), |at| from + at + end.len())
    };
    let is_template = language == Language::Template;
    if text.starts_with("--") {
        return (PieceKind::Comment, text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return (PieceKind::Comment, until(2, "*/"));
    }
    if is_template && text.starts_with("{#") {
        return (PieceKind::Comment, until(2, "#}"));
    }
    for (open, close) in [("{{", "}}"), ("{%", "%}")] {
        if is_template && text.starts_with(open) {
            return (PieceKind::Tag, until(2, close));
        }
    }
    if text.starts_with("$$") {
        return (PieceKind::Text, until(2, "$$"));
    }
    match first {
        '\'' => (PieceKind::Text, quoted(text, '\'')),
        '"' => (PieceKind::Name, quoted(text, '"')),
        _ if first.is_ascii_digit()
            || first == '.' && text[1..].starts_with(|it: char| it.is_ascii_digit()) =>
        {
            (PieceKind::Number, number(text))
        }
        _ if is_word(first) => {
            (PieceKind::Word, text.find(|it: char| !is_word(it) && it != '$').unwrap_or(text.len()))
        }
        _ => (PieceKind::Symbol, first.len_utf8()),
    }
}

fn is_word(it: char) -> bool {
    it.is_alphanumeric() || it == '_'
}

/// Length of a text in quotes; the quote twice is the quote itself.
fn quoted(text: &str, quote: char) -> usize {
    let mut at = 1;
    while let Some(end) = text[at..].find(quote) {
        at += end + 1;
        if !text[at..].starts_with(quote) {
            return at;
        }
        at += 1;
    }
    text.len()
}

fn number(text: &str) -> usize {
    let mut before = ' ';
    let is_part = |it: char, before: char| {
        it.is_ascii_alphanumeric() || "._".contains(it) || "+-".contains(it) && "eE".contains(before)
    };
    for (at, it) in text.char_indices() {
        if !is_part(it, before) {
            return at;
        }
        before = it;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, language: Language, expected: &[(PieceKind, &str)]) {
        let found = pieces(text, language);
        let found: Vec<(PieceKind, &str)> =
            found.iter().map(|it| (it.kind, &text[it.range.clone()])).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn quotes_comments_and_numbers_are_pieces() {
        use PieceKind::{Comment, Name, Number, Symbol, Text, Word};
        check(
            "a.\"b\"\"c\" + 'it''s' -- x\n/* y */ 1e-3 .5",
            Language::Sql,
            &[
                (Word, "a"),
                (Symbol, "."),
                (Name, "\"b\"\"c\""),
                (Symbol, "+"),
                (Text, "'it''s'"),
                (Comment, "-- x"),
                (Comment, "/* y */"),
                (Number, "1e-3"),
                (Number, ".5"),
            ],
        );
    }

    #[test]
    fn tags_are_pieces_of_templates_only() {
        use PieceKind::{Comment, Symbol, Tag, Text, Word};
        check(
            "{# noqa #}{{ ref('a') }} x",
            Language::Template,
            &[(Comment, "{# noqa #}"), (Tag, "{{ ref('a') }}"), (Word, "x")],
        );
        check("{'a'", Language::Template, &[(Symbol, "{"), (Text, "'a'")]);
    }

    #[test]
    fn what_is_never_closed_goes_to_the_end() {
        check("'a", Language::Sql, &[(PieceKind::Text, "'a")]);
        check("/* a", Language::Sql, &[(PieceKind::Comment, "/* a")]);
    }
}
