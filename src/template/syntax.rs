//! Tokens of a template with the checks that give the best places: brackets and block tags.
//!
//! In: a text. Out: minijinja's own tokens with byte ranges, and which opening tag belongs to which
//! closing tag; or the fault, at the bracket or tag that was opened and never closed.

use std::collections::HashMap;
use std::ops::Range;

use minijinja::machinery::{Token, Tokenizer};
use minijinja::syntax::SyntaxConfig;

use crate::diagnostics::suggest;

/// A token and its bytes.
pub(super) type Lexeme<'a> = (Token<'a>, Range<usize>);

/// A fault in the syntax, with its place in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SyntaxFault {
    /// Bytes of the text.
    pub(super) range: Range<usize>,
    /// Headline.
    pub(super) message: String,
    /// Advice.
    pub(super) help: Option<String>,
    /// A second place that explains the first.
    pub(super) note: Option<(Range<usize>, String)>,
}

impl SyntaxFault {
    /// A fault without advice.
    pub(super) fn new(range: Range<usize>, message: impl Into<String>) -> Self {
        Self { range, message: message.into(), help: None, note: None }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// A text cut into tokens.
#[derive(Debug)]
pub(super) struct Tokens<'a> {
    /// All tokens in order.
    pub(super) list: Vec<Lexeme<'a>>,
    /// Index of an opening tag's `BlockStart` to the index of its closing tag's.
    pub(super) closers: HashMap<usize, usize>,
}

/// Tags that need an end tag, dbt's own among them. `set` does only without a value.
const PAIRED: &[&str] = &[
    "if",
    "for",
    "macro",
    "call",
    "filter",
    "with",
    "autoescape",
    "block",
    "test",
    "data_test",
    "materialization",
    "snapshot",
    "docs",
];

const SINGLE: &[&str] = &["set", "do", "include", "import", "from", "extends", "break", "continue"];

/// The environment's syntax: Jinja's own, but the trailing newline is cut by us where dbt cuts it.
pub(super) fn syntax_config() -> SyntaxConfig {
    SyntaxConfig::builder().keep_trailing_newline(true).build().unwrap_or_default()
}

/// How deep brackets and tags may be nested: what reads them calls itself for each.
const MAX_NESTING: usize = 100;

/// How many operators may stand between two commas, for the same reason.
const MAX_PARTS: usize = 1000;

/// Cuts a text into tokens and checks brackets and tags.
pub(super) fn tokenize(text: &str) -> Result<Tokens<'_>, SyntaxFault> {
    let list = read_tokens(text)?;
    let closers = pair_tags(text, &list, false)?;
    Ok(Tokens { list, closers })
}

/// The same for a file of macros, in which what stands outside of blocks has no effect, whatever it says.
pub(super) fn tokenize_macro_file(text: &str) -> Result<Tokens<'_>, SyntaxFault> {
    let list = read_tokens(text)?;
    let closers = pair_tags(text, &list, true)?;
    Ok(Tokens { list, closers })
}

fn read_tokens(text: &str) -> Result<Vec<Lexeme<'_>>, SyntaxFault> {
    let mut tokenizer = Tokenizer::new(text, "", false, syntax_config());
    let mut list: Vec<Lexeme<'_>> = Vec::new();
    let mut open: Vec<Range<usize>> = Vec::new();
    let mut region: Option<Range<usize>> = None;
    let mut parts = vec![0];
    loop {
        let (token, range) = match tokenizer.next_token() {
            Ok(Some((token, span))) => (token, span.start_offset as usize..span.end_offset as usize),
            Ok(None) => break,
            Err(error) => return Err(lexer_fault(text, &error, &open, region.as_ref())),
        };
        check_size(&token, &range, &mut parts)?;
        match token {
            Token::VariableStart | Token::BlockStart => region = Some(range.clone()),
            Token::VariableEnd | Token::BlockEnd => region = None,
            Token::ParenOpen | Token::BracketOpen | Token::BraceOpen => open.push(range.clone()),
            Token::ParenClose | Token::BracketClose | Token::BraceClose => {
                close(text, &range, &mut open, region.as_ref())?;
            }
            _ => {}
        }
        list.push((token, range));
    }
    match (open.pop(), region) {
        (Some(opener), _) => Err(unclosed_bracket(text, opener)),
        (None, Some(opener)) => Err(unclosed_region(text, opener)),
        (None, None) => Ok(list),
    }
}

/// Counts operators, filters and items, for every bracket that is open.
fn check_size(token: &Token<'_>, range: &Range<usize>, parts: &mut Vec<usize>) -> Result<(), SyntaxFault> {
    if let Some(count) = parts.last_mut() {
        match token {
            Token::VariableStart | Token::BlockStart | Token::Comma | Token::TemplateData(_) => *count = 0,
            _ => *count += 1,
        }
        if *count > 2 * MAX_PARTS {
            let message = format!("this expression has more than {MAX_PARTS} parts");
            return Err(SyntaxFault::new(range.clone(), message));
        }
    }
    match token {
        Token::ParenOpen | Token::BracketOpen | Token::BraceOpen => parts.push(0),
        Token::ParenClose | Token::BracketClose | Token::BraceClose => drop(parts.pop()),
        _ => {}
    }
    if parts.len() > MAX_NESTING {
        let message = format!("brackets are nested more than {MAX_NESTING} levels deep");
        return Err(SyntaxFault::new(range.clone(), message));
    }
    Ok(())
}

fn close(
    text: &str,
    range: &Range<usize>,
    open: &mut Vec<Range<usize>>,
    region: Option<&Range<usize>>,
) -> Result<(), SyntaxFault> {
    let closer = &text[range.clone()];
    match open.pop() {
        Some(opener) if closing(&text[opener.clone()]) == closer => Ok(()),
        Some(opener) => Err(unclosed_bracket(text, opener)),
        None => Err(wrong_region_end(text, range, region)
            .unwrap_or_else(|| SyntaxFault::new(range.clone(), format!("`{closer}` closes nothing")))),
    }
}

/// `{{ x %}`, `{% x }}` or `{{ x }`.
fn wrong_region_end(text: &str, range: &Range<usize>, region: Option<&Range<usize>>) -> Option<SyntaxFault> {
    let mark = text[region?.clone()].trim_end_matches(['-', '+']);
    let right = if mark == "{{" { "}}" } else { "%}" };
    let place = match (&text[..range.start], &text[range.start..]) {
        (before, after) if before.ends_with('%') && after.starts_with('}') => range.start - 1..range.end,
        (_, after) if after.starts_with("}}") => range.start..range.end + 1,
        (_, after) if after.starts_with('}') => range.clone(),
        _ => return None,
    };
    let found = &text[place.clone()];
    let message = format!("`{mark}` cannot be closed with `{found}`");
    Some(SyntaxFault::new(place, message).help(format!("write `{right}`")))
}

fn closing(opener: &str) -> &'static str {
    match opener {
        "(" => ")",
        "[" => "]",
        _ => "}",
    }
}

fn unclosed_bracket(text: &str, opener: Range<usize>) -> SyntaxFault {
    let bracket = &text[opener.clone()];
    SyntaxFault::new(opener, format!("`{bracket}` is never closed"))
        .help(format!("write `{}`", closing(bracket)))
}

fn unclosed_region(text: &str, opener: Range<usize>) -> SyntaxFault {
    let mark = text[opener.clone()].trim_end_matches(['-', '+']);
    let end = if mark == "{{" { "}}" } else { "%}" };
    SyntaxFault::new(opener, format!("`{mark}` is never closed")).help(format!("write `{end}`"))
}

/// The lexer stopped: often because something before was left open, which is what to show.
fn lexer_fault(
    text: &str,
    error: &minijinja::Error,
    open: &[Range<usize>],
    region: Option<&Range<usize>>,
) -> SyntaxFault {
    let at = error.range().unwrap_or(0..0);
    let at = at.start.min(text.len())..at.end.min(text.len());
    let detail = error.detail().unwrap_or("the template cannot be read");
    if detail.contains("end of comment") {
        let start = text.rfind("{#").unwrap_or(at.start);
        return SyntaxFault::new(start..start + 2, "`{#` is never closed").help("write `#}`");
    }
    if detail.contains("end of raw block") {
        let start = text.rfind("{%").unwrap_or(at.start);
        let end = text[start..].find("%}").map_or(start + 2, |it| start + it + 2);
        return SyntaxFault::new(start..end, "`{% raw %}` is never closed").help("write `{% endraw %}`");
    }
    let is_in_string = detail.contains("end of string");
    let quote = is_in_string.then(|| string_start(text, region, at.start));
    if let Some(quote) = &quote {
        let before = &text[region.map_or(0, |it| it.end)..quote.start];
        if !before.contains("}}") && !before.contains("%}") {
            return SyntaxFault::new(quote.clone(), "this text is never closed with a quote");
        }
    }
    if let Some(opener) = open.last() {
        return unclosed_bracket(text, opener.clone());
    }
    let past_end = region.is_some_and(|it| text[it.end..at.start.max(it.end)].contains(['{', '\n']));
    match region {
        Some(opener) if past_end => unclosed_region(text, opener.clone()),
        _ => {
            let end = text[at.start..].chars().next().map_or(at.start, |it| at.start + it.len_utf8());
            let found = &text[at.start..end];
            let message = format!("`{found}` cannot stand here in a template");
            let mut fault = SyntaxFault::new(at.start..end, message);
            fault.help = match found {
                "&" => Some("write `and`".to_owned()),
                "!" => Some("write `not`".to_owned()),
                "?" => Some("write `a if condition else b`".to_owned()),
                _ => None,
            };
            fault
        }
    }
}

/// Finds the quote that opened an unfinished text, by reading the region again from its start.
fn string_start(text: &str, region: Option<&Range<usize>>, fallback: usize) -> Range<usize> {
    let mut open: Option<(usize, char)> = None;
    let start = region.map_or(0, |it| it.end);
    let mut escaped = false;
    for (index, char) in text[start..].char_indices() {
        match open {
            Some(_) if escaped => escaped = false,
            Some(_) if char == '\\' => escaped = true,
            Some((_, quote)) if quote == char => open = None,
            None if char == '\'' || char == '"' => open = Some((start + index, char)),
            _ => {}
        }
    }
    let at = open.map_or(fallback, |(at, _)| at);
    at..(at + 1).min(text.len()).max(at)
}

/// Finds the end tag of every opening tag.
fn pair_tags(
    text: &str,
    list: &[Lexeme<'_>],
    is_macro_file: bool,
) -> Result<HashMap<usize, usize>, SyntaxFault> {
    let mut closers = HashMap::new();
    let mut open: Vec<(usize, &str)> = Vec::new();
    let mut depth = Vec::new();
    for (index, (token, range)) in list.iter().enumerate() {
        if !matches!(token, Token::BlockStart) {
            continue;
        }
        let Some((Token::Ident(tag), tag_range)) = list.get(index + 1) else {
            return Err(SyntaxFault::new(range.clone(), "a `{%` must be followed by the name of a tag"));
        };
        if PAIRED.contains(tag) || (*tag == "set" && is_set_block(list, index)) {
            open.push((index, tag));
            depth.push(0_usize);
        } else if let Some(wanted) = tag.strip_prefix("end") {
            match open.pop() {
                Some((opener, name)) if closes(name, wanted) => {
                    closers.insert(opener, index);
                    depth.pop();
                }
                opener => return Err(wrong_end(text, list, opener, tag_range, tag)),
            }
        } else if matches!(*tag, "else" | "elif") {
            let opens = |name: &str| name == "if" || (name == "for" && *tag == "else");
            if open.last().is_none_or(|(_, name)| !opens(name)) {
                return Err(wrong_end(text, list, open.pop(), tag_range, tag));
            }
            // An `elif` is an `if` inside of the `else` before it.
            if let Some(it) = depth.last_mut() {
                *it += 1;
            }
        } else if !(SINGLE.contains(tag) || is_macro_file && open.is_empty()) {
            return Err(unknown_tag(tag_range, tag));
        }
        if depth.len() > MAX_NESTING || depth.last().is_some_and(|it| *it > MAX_PARTS) {
            let message = format!("tags are nested more than {MAX_NESTING} levels deep");
            return Err(SyntaxFault::new(range.clone(), message));
        }
    }
    match open.pop() {
        Some((opener, name)) => Err(unclosed_tag(list, opener, name)),
        None => Ok(closers),
    }
}

fn closes(name: &str, wanted: &str) -> bool {
    name == wanted || (name == "data_test" && wanted == "test") || (name == "test" && wanted == "data_test")
}

fn unclosed_tag(list: &[Lexeme<'_>], opener: usize, name: &str) -> SyntaxFault {
    SyntaxFault::new(tag_range(list, opener), format!("`{{% {name} %}}` is never closed"))
        .help(format!("write `{{% end{name} %}}`"))
}

fn wrong_end(
    text: &str,
    list: &[Lexeme<'_>],
    opener: Option<(usize, &str)>,
    range: &Range<usize>,
    tag: &str,
) -> SyntaxFault {
    let Some((opener, name)) = opener else {
        return SyntaxFault::new(range.clone(), format!("`{{% {tag} %}}` belongs to no opening tag"));
    };
    let expected = format!("end{name}");
    if suggest::nearest(tag, [expected.as_str()]).is_some() && !tag.starts_with("end") {
        return unknown_tag(range, tag);
    }
    let mut fault = unclosed_tag(list, opener, name);
    debug_assert!(text.len() >= range.end);
    fault.note = Some((range.clone(), format!("found `{{% {tag} %}}` instead")));
    fault
}

fn unknown_tag(range: &Range<usize>, tag: &str) -> SyntaxFault {
    let ends: Vec<String> = PAIRED.iter().map(|it| format!("end{it}")).collect();
    let known = PAIRED.iter().chain(SINGLE).copied().chain(["else", "elif", "raw", "endset"]);
    let mut fault = SyntaxFault::new(range.clone(), format!("there is no tag `{tag}`"));
    fault.help = suggest::did_you_mean(tag, known.chain(ends.iter().map(String::as_str)));
    fault
}

/// Bytes of a whole tag, from `{%` to `%}`.
pub(super) fn tag_range(list: &[Lexeme<'_>], start: usize) -> Range<usize> {
    let end = tag_end(list, start);
    list[start].1.start..list[end].1.end
}

/// Index of the `BlockEnd` of the tag that starts at this index.
pub(super) fn tag_end(list: &[Lexeme<'_>], start: usize) -> usize {
    let past = list[start..].iter().position(|(token, _)| matches!(token, Token::BlockEnd));
    past.map_or(list.len() - 1, |it| start + it)
}

/// `{% set x %}`: without a value it takes what follows until `{% endset %}`.
pub(super) fn is_set_block(list: &[Lexeme<'_>], start: usize) -> bool {
    let end = tag_end(list, start);
    let mut depth = 0;
    for (token, _) in &list[start + 2..end] {
        match token {
            Token::ParenOpen | Token::BracketOpen | Token::BraceOpen => depth += 1,
            Token::ParenClose | Token::BracketClose | Token::BraceClose => depth -= 1,
            Token::Assign if depth == 0 => return false,
            _ => {}
        }
    }
    true
}
