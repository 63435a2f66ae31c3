//! `{% docs name %}...{% enddocs %}` in markdown.
//!
//! Markdown may contain anything, so the text is not tokenized: only tags that open or close such a
//! block are looked for, outside comments and raw blocks. What is inside is not rendered.

use std::ops::Range;

use super::DocsBlock;
use crate::diagnostics::{Diagnostic, Diagnostics, FileId, Span, Spanned};

/// A block tag: its bytes, its word, and what follows the word.
struct Tag<'a> {
    range: Range<usize>,
    word: &'a str,
    argument: Range<usize>,
}

/// All `{% docs %}` blocks of a text; one that is never closed is reported at its opener.
pub fn docs_blocks(diags: &mut Diagnostics, file: FileId, text: &str) -> Vec<DocsBlock> {
    let mut blocks = Vec::new();
    let mut at = 0;
    while let Some(tag) = next_tag(text, at) {
        at = tag.range.end;
        match tag.word {
            "docs" => match find_end(text, at, "enddocs") {
                Some(end) => {
                    if let Some(block) = docs_block(diags, file, text, &tag, &end) {
                        blocks.push(block);
                    }
                    at = end.range.end;
                }
                None => diags.push(
                    Diagnostic::error("template-syntax", "`{% docs %}` is never closed")
                        .at(Span::new(file, tag.range), "")
                        .help("write `{% enddocs %}`"),
                ),
            },
            "raw" => at = find_end(text, at, "endraw").map_or(at, |it| it.range.end),
            "enddocs" => diags.push(
                Diagnostic::error("template-syntax", "`{% enddocs %}` belongs to no opening tag")
                    .at(Span::new(file, tag.range), ""),
            ),
            _ => {}
        }
    }
    blocks
}

fn docs_block(
    diags: &mut Diagnostics,
    file: FileId,
    text: &str,
    opener: &Tag<'_>,
    end: &Tag<'_>,
) -> Option<DocsBlock> {
    let name = &text[opener.argument.clone()];
    let is_name = |it: &str| {
        it.chars().all(|char| char.is_alphanumeric() || char == '_')
            && !it.starts_with(|char: char| char.is_ascii_digit())
    };
    if name.is_empty() || !is_name(name) {
        let message = if name.is_empty() {
            "`{% docs %}` needs a name".to_owned()
        } else {
            format!("`{name}` cannot be the name of a docs block: only letters, digits and `_` can")
        };
        let place = if name.is_empty() { opener.range.clone() } else { opener.argument.clone() };
        diags.push(Diagnostic::error("template-syntax", message).at(Span::new(file, place), ""));
        return None;
    }
    Some(DocsBlock {
        name: Spanned::new(name.to_owned(), Span::new(file, opener.argument.clone())),
        contents: text[opener.range.end..end.range.start].trim().to_owned(),
    })
}

fn find_end<'a>(text: &'a str, from: usize, word: &str) -> Option<Tag<'a>> {
    let mut at = from;
    loop {
        let tag = tag_after(text, at, false)?;
        if tag.word == word {
            return Some(tag);
        }
        if tag.word == "docs" && word == "enddocs" {
            return None; // the next block begins: this one was forgotten to be closed
        }
        at = tag.range.end;
    }
}

fn next_tag(text: &str, from: usize) -> Option<Tag<'_>> {
    tag_after(text, from, true)
}

/// The next `{% word ... %}`; with `skip_comments`, not one inside `{# #}`.
fn tag_after(text: &str, from: usize, skip_comments: bool) -> Option<Tag<'_>> {
    let mut at = from;
    loop {
        let open = at + text[at..].find("{%")?;
        if skip_comments && let Some(comment) = text[at..open].find("{#") {
            let Some(end) = text[at + comment..].find("#}") else { return read_tag(text, open) };
            at += comment + end + 2;
            continue;
        }
        match read_tag(text, open) {
            Some(tag) => return Some(tag),
            None => at = open + 2,
        }
    }
}

fn read_tag(text: &str, open: usize) -> Option<Tag<'_>> {
    let close = open + text[open..].find("%}")?;
    let inner = text.get(open + 2..close)?;
    let skipped = inner.len() - inner.trim_start_matches(['-', '+']).trim_start().len();
    let inner = inner[skipped..].trim_end_matches(['-', '+']).trim_end();
    let word_end = inner.find(|char: char| !char.is_alphanumeric() && char != '_').unwrap_or(inner.len());
    let rest = inner[word_end..].trim_start();
    let argument = open + 2 + skipped + (inner.len() - rest.len());
    (word_end > 0).then(|| Tag {
        range: open..close + 2,
        word: &inner[..word_end],
        argument: argument..argument + rest.len(),
    })
}
