//! Cuts macro files into their blocks.
//!
//! In: a macro file's text. Out: one [`MacroBlock`] for each `{% macro %}`, `{% test %}` and
//! `{% data_test %}` at the top level. `{% materialization %}`, `{% snapshot %}` and `{% docs %}` are
//! known and passed over; everything else at the top level has no effect, as in dbt.

use std::sync::Arc;

use minijinja::machinery::Token;

use super::rewrite::{Body, Origin, Rewriter, Signature};
use super::syntax::{SyntaxFault, tag_end, tokenize};
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
    let tokens = match tokenize(&file.text) {
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
        _ => return Ok(None),
    };
    let end = tag_end(list, start);
    let (Token::Ident(name), name_range) = &list[start + 2] else {
        return Err(SyntaxFault::new(list[start + 1].1.clone(), "a macro needs a name here"));
    };
    if !matches!(list[start + 3].0, Token::ParenOpen) {
        let message = format!("`{name}` needs its parameters in parentheses, if only `()`");
        return Err(SyntaxFault::new(name_range.clone(), message));
    }
    let (signature, past) = rewriter.signature(start + 3)?;
    if past != end && !(past + 1 == end && matches!(list[past].0, Token::Colon)) {
        let message = "expected `%}` after the parameters";
        return Err(SyntaxFault::new(list[past].1.clone(), message));
    }
    let name = match kind {
        MacroKind::Macro => (*name).to_owned(),
        MacroKind::Test => format!("test_{name}"),
    };
    let origin = rewriter.origin;
    let id = unique_id(&origin.package, &name);
    let unit = rewriter.body(&id, &signature, Body { opener_end: end, closer })?;
    let block = list[start].1.start..list[tag_end(list, closer)].1.end;
    let definition = MacroDefinition {
        name,
        package: origin.package.clone(),
        kind,
        span: Span::new(origin.file, name_range.clone()),
        block: Span::new(origin.file, block),
        parameters: names(&signature),
    };
    Ok(Some(MacroBlock { definition, unit: Arc::new(unit) }))
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
