//! Cuts macro files into their blocks.
//!
//! In: a macro file's text. Out: one [`MacroBlock`] for each `{% macro %}`, `{% test %}`, `{% data_test %}`
//! and `{% materialization %}` at the top level. `{% snapshot %}` and `{% docs %}` are known and passed
//! over; everything else at the top level has no effect, as in dbt.

use std::ops::Range;
use std::sync::Arc;

use minijinja::machinery::Token;

use super::rewrite::{Body, Origin, Rewriter, Signature};
use super::syntax::{Lexeme, SyntaxFault, tag_end, tokenize_macro_file};
use super::unit::Unit;
use super::{MacroDefinition, MacroFile, MacroKind};
use crate::diagnostics::{Diagnostic, Diagnostics, FileId, Span};

/// A macro ready to be compiled.
#[derive(Debug)]
pub(super) struct MacroBlock {
    /// What it declares.
    pub(super) definition: MacroDefinition,
    /// Its body.
    pub(super) unit: Arc<Unit>,
}

/// All macros of a file; what cannot be read is reported and left out.
pub(super) fn read_macro_file(diags: &mut Diagnostics, file: &MacroFile) -> Vec<MacroBlock> {
    if !file.text.contains("{%") {
        return Vec::new();
    }
    let tokens = match tokenize_macro_file(&file.text) {
        Ok(tokens) => tokens,
        Err(fault) => {
            diags.push(syntax_diagnostic(file.file, 0, fault));
            return Vec::new();
        }
    };
    let origin =
        Origin { package: file.package.clone(), file: file.file, offset: 0, source: Arc::clone(&file.text) };
    let rewriter = Rewriter { origin: &origin, tokens: &tokens };
    let mut blocks = Vec::new();
    let mut index = 0;
    while index < tokens.list.len() {
        if let Some(closer) = tokens.closers.get(&index).copied() {
            match read_block(&rewriter, index, closer) {
                Ok(block) => blocks.extend(block),
                Err(fault) => diags.push(syntax_diagnostic(file.file, 0, fault)),
            }
            index = tag_end(&tokens.list, closer);
        }
        index += 1;
    }
    blocks
}

fn read_block(
    rewriter: &Rewriter<'_>,
    start: usize,
    closer: usize,
) -> Result<Option<MacroBlock>, SyntaxFault> {
    let list = &rewriter.tokens.list;
    let kind = match list[start + 1].0 {
        Token::Ident("macro") => MacroKind::Macro,
        Token::Ident("test" | "data_test") => MacroKind::Test,
        Token::Ident("materialization") => MacroKind::Materialization,
        _ => return Ok(None),
    };
    let (Token::Ident(name), name_range) = &list[start + 2] else {
        let what = if kind == MacroKind::Materialization { "materialization" } else { "macro" };
        return Err(SyntaxFault::new(list[start + 1].1.clone(), format!("a {what} needs a name here")));
    };
    let head = match kind {
        MacroKind::Materialization => materialization_head(rewriter, start, name)?,
        MacroKind::Macro | MacroKind::Test => macro_head(rewriter, start, kind, name, name_range)?,
    };
    let origin = rewriter.origin;
    let id = unique_id(&origin.package, &head.name);
    let opener_end = tag_end(list, start);
    let unit = rewriter.body(&id, &head.signature, Body { opener_end, closer })?;
    let block = list[start].1.start..list[tag_end(list, closer)].1.end;
    let definition = MacroDefinition {
        name: head.name,
        package: origin.package.clone(),
        kind,
        span: Span::new(origin.file, name_range.clone()),
        block: Span::new(origin.file, block),
        parameters: names(&head.signature),
        languages: head.languages,
    };
    Ok(Some(MacroBlock { definition, unit: Arc::new(unit) }))
}

/// What an opening tag says.
struct Head {
    name: String,
    signature: Signature,
    languages: Vec<String>,
}

fn macro_head(
    rewriter: &Rewriter<'_>,
    start: usize,
    kind: MacroKind,
    name: &str,
    name_range: &Range<usize>,
) -> Result<Head, SyntaxFault> {
    let list = &rewriter.tokens.list;
    let end = tag_end(list, start);
    if !matches!(list[start + 3].0, Token::ParenOpen) {
        let message = format!("`{name}` needs its parameters in parentheses, if only `()`");
        return Err(SyntaxFault::new(name_range.clone(), message));
    }
    let (signature, past) = rewriter.signature(start + 3)?;
    if past != end && !(past + 1 == end && matches!(list[past].0, Token::Colon)) {
        let message = "expected `%}` after the parameters";
        return Err(SyntaxFault::new(list[past].1.clone(), message));
    }
    let name = if kind == MacroKind::Test { format!("test_{name}") } else { name.to_owned() };
    Ok(Head { name, signature, languages: Vec::new() })
}

/// Reads `name, default` or `name, adapter='duckdb', supported_languages=['sql']`.
fn materialization_head(rewriter: &Rewriter<'_>, start: usize, name: &str) -> Result<Head, SyntaxFault> {
    let list = &rewriter.tokens.list;
    let end = tag_end(list, start);
    let (mut engine, mut languages) = ("default".to_owned(), vec!["sql".to_owned()]);
    let mut at = start + 3;
    while at < end {
        let (Token::Comma, Some((Token::Ident(key), range))) = (&list[at].0, list.get(at + 1)) else {
            return Err(SyntaxFault::new(list[at].1.clone(), "expected `,` or `%}` here"));
        };
        let past = list[at + 2..end].iter().position(|it| matches!(it.0, Token::Comma));
        let value = at + 2..match (*key, past) {
            // Its list has commas of its own.
            ("supported_languages", _) => rewriter.tokens.matching(at + 3) + 1,
            (_, Some(past)) => at + 2 + past,
            (_, None) => end,
        };
        match *key {
            "default" if value.is_empty() => {}
            "adapter" => {
                engine = texts(list, value.clone()).pop().ok_or_else(|| no_text(range, "adapter"))?;
            }
            "supported_languages" => languages = texts(list, value.clone()),
            _ => {
                let message = format!("`{key}` means nothing in `{{% materialization %}}`");
                let help = "write `default`, `adapter='duckdb'` or `supported_languages=['sql']`";
                return Err(SyntaxFault {
                    help: Some(help.to_owned()),
                    ..SyntaxFault::new(range.clone(), message)
                });
            }
        }
        at = value.end;
    }
    let name = materialization_macro(name, &engine);
    Ok(Head { name, signature: Signature::default(), languages })
}

/// The texts among tokens.
fn texts(list: &[Lexeme<'_>], range: Range<usize>) -> Vec<String> {
    let text = |token: &Token<'_>| match token {
        Token::Str(text) => Some((*text).to_owned()),
        Token::String(text) => Some(text.to_string()),
        _ => None,
    };
    list[range].iter().filter_map(|it| text(&it.0)).collect()
}

fn no_text(range: &Range<usize>, key: &str) -> SyntaxFault {
    SyntaxFault::new(range.clone(), format!("`{key}` needs a text, such as `{key}='duckdb'`"))
}

/// The name of the macro behind a materialization, as in dbt.
pub(super) fn materialization_macro(name: &str, engine: &str) -> String {
    format!("materialization_{name}_{engine}")
}

fn names(signature: &Signature) -> Vec<String> {
    signature.parameters.iter().map(|it| it.0.clone()).collect()
}

/// `macro.package.name`.
pub(super) fn unique_id(package: &str, name: &str) -> String {
    format!("macro.{package}.{name}")
}

/// A syntax fault as a diagnostic.
pub(super) fn syntax_diagnostic(file: FileId, offset: usize, fault: SyntaxFault) -> Diagnostic {
    let span = |range: std::ops::Range<usize>| Span::new(file, offset + range.start..offset + range.end);
    let mut diagnostic =
        Diagnostic::error("template-syntax", fault.message).at(span(fault.range), "").help_opt(fault.help);
    if let Some((range, text)) = fault.note {
        diagnostic = diagnostic.and_at(span(range), text);
    }
    diagnostic
}
