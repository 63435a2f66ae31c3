//! Reads a template's references from its syntax tree, without rendering.
//!
//! That is possible if it has nothing but text, comments, and calls of `ref`, `source`, `function`,
//! `config` and `var` with constant arguments, each as a whole `{{ }}`. Anything else gives `None`: render it.

use minijinja::machinery::{ast, parse};
use serde_json::{Map, Value as Json};

use super::syntax::syntax_config;
use super::values::convert::to_json;
use super::{FunctionCall, RefCall, Scan, SourceCall, TemplateSource};
use crate::diagnostics::{Span, Spanned};

/// The references of a template, if they can be read off.
pub(super) fn static_scan(source: &TemplateSource) -> Option<Scan> {
    let mut scan = Scan { is_static: true, ..Scan::default() };
    if !source.text.contains("{{") && !source.text.contains("{%") && !source.text.contains("{#") {
        return Some(scan);
    }
    let ast::Stmt::Template(template) = parse(&source.text, "", syntax_config()).ok()? else { return None };
    for statement in &template.children {
        match statement {
            ast::Stmt::EmitRaw(_) => {}
            ast::Stmt::EmitExpr(emitted) => Reader { source }.call(&emitted.expr, &mut scan)?,
            _ => return None,
        }
    }
    Some(scan)
}

struct Reader<'a> {
    source: &'a TemplateSource,
}

impl Reader<'_> {
    fn span(&self, span: minijinja::machinery::Span) -> Span {
        let at = |offset: u32| self.source.offset + offset as usize;
        Span::new(self.source.file, at(span.start_offset)..at(span.end_offset))
    }

    fn call(&self, expr: &ast::Expr<'_>, scan: &mut Scan) -> Option<()> {
        let ast::Expr::Call(call) = expr else { return None };
        let ast::Expr::Var(function) = &call.expr else { return None };
        let mut positional = Vec::new();
        let mut named = Vec::new();
        for argument in &call.args {
            match argument {
                ast::CallArg::Pos(value) => positional.push((constant(value)?, self.span(value.span()))),
                ast::CallArg::Kwarg(name, value) => named.push((*name, constant(value)?)),
                ast::CallArg::PosSplat(_) | ast::CallArg::KwargSplat(_) => return None,
            }
        }
        match function.id {
            "ref" => scan.refs.push(reference(&positional, &named)?),
            "source" if named.is_empty() => scan.sources.push(source_call(&positional)?),
            "function" if named.is_empty() => scan.functions.push(function_call(&positional)?),
            "config" if positional.is_empty() => {
                let keywords = Keywords { text: &self.source.text, call: call.span() };
                for (name, value) in named {
                    let found = keywords.find(name).map(|it| self.source.offset + it);
                    let whole = || self.span(call.span());
                    let at = |start| Span::new(self.source.file, start..start + name.len());
                    scan.config.push((Spanned::new(name.to_owned(), found.map_or_else(whole, at)), value));
                }
            }
            "var" if matches!(positional.len(), 1 | 2) && positional[0].0.is_string() => {}
            _ => return None,
        }
        Some(())
    }
}

fn reference(positional: &[(Json, Span)], named: &[(&str, Json)]) -> Option<Spanned<RefCall>> {
    let (package, (name, span)) = match positional {
        [name] => (None, name),
        [package, name] => (Some(package.0.as_str()?.to_owned()), name),
        _ => return None,
    };
    let version = match named {
        [] => None,
        [("v" | "version", Json::String(text))] => Some(text.clone()),
        [("v" | "version", Json::Number(number))] if number.is_u64() => Some(number.to_string()),
        _ => return None,
    };
    Some(Spanned::new(RefCall { package, name: name.as_str()?.to_owned(), version }, *span))
}

fn source_call(positional: &[(Json, Span)]) -> Option<Spanned<SourceCall>> {
    let [(source, first), (table, last)] = positional else { return None };
    let call = SourceCall { source: source.as_str()?.to_owned(), table: table.as_str()?.to_owned() };
    Some(Spanned::new(call, Span { end: last.end, ..*first }))
}

fn function_call(positional: &[(Json, Span)]) -> Option<Spanned<FunctionCall>> {
    let (package, (name, span)) = match positional {
        [name] => (None, name),
        [package, name] => (Some(package.0.as_str()?.to_owned()), name),
        _ => return None,
    };
    Some(Spanned::new(FunctionCall { package, name: name.as_str()?.to_owned() }, *span))
}

/// A constant as plain data. A tuple is left to rendering: it prints otherwise than a list.
fn constant(expr: &ast::Expr<'_>) -> Option<Json> {
    match expr {
        ast::Expr::Const(value) => Some(to_json(&value.value)),
        ast::Expr::List(list) => list.items.iter().map(constant).collect::<Option<Vec<_>>>().map(Json::Array),
        ast::Expr::Map(map) => {
            let mut entries = Map::new();
            for (key, value) in map.keys.iter().zip(&map.values) {
                entries.insert(constant(key)?.as_str()?.to_owned(), constant(value)?);
            }
            Some(Json::Object(entries))
        }
        ast::Expr::UnaryOp(_) => expr.as_const().map(|it| to_json(&it)),
        _ => None,
    }
}

/// The tree keeps no place for the names of keyword arguments: they are looked for in the text.
struct Keywords<'a> {
    text: &'a str,
    call: minijinja::machinery::Span,
}

impl Keywords<'_> {
    fn find(&self, name: &str) -> Option<usize> {
        let start = self.call.start_offset as usize;
        let written = self.text.get(start..self.call.end_offset as usize)?;
        let mut quote = None;
        let mut depth = 0_usize;
        for (index, char) in written.char_indices() {
            match (quote, char) {
                (Some(open), _) if open == char => quote = None,
                (Some(_), _) => {}
                (None, '\'' | '"') => quote = Some(char),
                (None, '(' | '[' | '{') => depth += 1,
                (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
                _ if depth == 1 && is_keyword_at(written, index, name) => return Some(start + index),
                _ => {}
            }
        }
        None
    }
}

fn is_keyword_at(written: &str, index: usize, name: &str) -> bool {
    let is_word = |char: char| char.is_alphanumeric() || char == '_';
    let starts = !written[..index].ends_with(is_word);
    let after = written[index..].strip_prefix(name).map(str::trim_start);
    starts && after.is_some_and(|it| it.starts_with('=') && !it.starts_with("=="))
}
