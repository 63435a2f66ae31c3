//! Changes a template's text so that stock minijinja does what dbt's Jinja does.
//!
//! - list and dictionary literals become `__list([..])` and `__dict({..})`: objects that can be changed;
//! - `{% set x = value %}` becomes `{% set x = __own((value)) %}`, for the same reason;
//! - `{% do anything %}` becomes `{% do __do(anything) %}`: minijinja wants a call there;
//! - `a % b` becomes `__rem(a , b)`, which formats texts;
//! - `ref(..)`, `source(..)` and `config(..)` get a number in their name, which tells where they are written;
//! - `{% call(x) f() %}body{% endcall %}` becomes `{{ f(caller=__caller(0)) }}` and a unit of its own for the body.
//!
//! Deliberately absent: meaning. What the helper names do is in `values` and `context`.

use std::ops::Range;
use std::sync::Arc;

use minijinja::machinery::Token;

use super::syntax::{SyntaxFault, Tokens, tag_end, tag_range};
use super::unit::{Assembler, Edit, Parameter, Site, Unit};
use crate::diagnostics::FileId;

/// Names whose calls are numbered.
const PLACED: &[&str] = &["ref", "source", "config", "function"];

/// Where ranks matter: closers of inner things come before closers of outer things, all before openers.
mod rank {
    pub(super) const CLOSE_LITERAL: u8 = 0;
    pub(super) const CLOSE_REMAINDER: u8 = 1;
    pub(super) const CLOSE_TAG: u8 = 2;
    pub(super) const OPEN_TAG: u8 = 5;
    pub(super) const OPEN_REMAINDER: u8 = 6;
    pub(super) const OPEN_LITERAL: u8 = 7;
    pub(super) const REPLACE: u8 = 9;
}

/// Where a text comes from.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    /// Package whose macros win.
    pub(super) package: String,
    /// The file.
    pub(super) file: FileId,
    /// Offset of the text in the file.
    pub(super) offset: usize,
    /// The text.
    pub(super) source: Arc<str>,
}

/// A parameter list as written: names, and the tokens of each default.
#[derive(Debug, Default)]
pub(super) struct Signature {
    /// Name and token range of the default.
    pub(super) parameters: Vec<(String, Option<Range<usize>>)>,
}

/// The body of a macro or call block: indices of the tokens of its opening and closing tag.
#[derive(Clone, Copy, Debug)]
pub(super) struct Body {
    /// `BlockEnd` of the opening tag.
    pub(super) opener_end: usize,
    /// `BlockStart` of the closing tag.
    pub(super) closer: usize,
}

/// Rewrites one tokenized text.
pub(super) struct Rewriter<'a> {
    /// The text's origin.
    pub(super) origin: &'a Origin,
    /// Its tokens.
    pub(super) tokens: &'a Tokens<'a>,
}

/// What a walk over tokens gathers for its unit.
#[derive(Default)]
struct Gathered {
    edits: Vec<Edit>,
    sites: Vec<Site>,
    callers: Vec<Arc<Unit>>,
    identifiers: Vec<String>,
}

impl Rewriter<'_> {
    /// The whole text as a template. With `as_value`, its only expression becomes the result.
    pub(super) fn template(&self, name: &str, as_value: bool) -> Result<Unit, SyntaxFault> {
        let source = &*self.origin.source;
        let end =
            source.strip_suffix('\n').map_or(source.len(), |it| it.strip_suffix('\r').unwrap_or(it).len());
        let mut gathered = Gathered::default();
        self.walk(0..self.tokens.list.len(), name, &[], &mut gathered)?;
        if as_value {
            let list = &self.tokens.list;
            let open = list.iter().find(|it| matches!(it.0, Token::VariableStart)).map_or(0, |it| it.1.end);
            let close =
                list.iter().find(|it| matches!(it.0, Token::VariableEnd)).map_or(end, |it| it.1.start);
            gathered.insert(open, rank::OPEN_TAG, " __return((");
            gathered.insert(close, rank::CLOSE_TAG, ")) ");
        }
        let mut text = Assembler::new(source);
        text.source(0..end, std::mem::take(&mut gathered.edits));
        Ok(self.finish(name, text, 0..source.len(), Vec::new(), gathered))
    }

    /// The body of a macro or call block as a template that expects its parameters as variables.
    pub(super) fn body(&self, name: &str, signature: &Signature, body: Body) -> Result<Unit, SyntaxFault> {
        let list = &self.tokens.list;
        let source = &*self.origin.source;
        let range = list[body.opener_end].1.end..list[body.closer].1.start;
        let names: Vec<&str> = signature.parameters.iter().map(|it| it.0.as_str()).collect();
        let mut gathered = Gathered::default();
        let mut text = Assembler::new(source);
        for (parameter, default) in &signature.parameters {
            let Some(default) = default.clone().filter(|it| !it.is_empty()) else { continue };
            self.walk(default.clone(), name, &names, &mut gathered)?;
            let bytes = list[default.start].1.start..list[default.end - 1].1.end;
            let open = format!("{{% if __missing.{parameter} %}}{{% set {parameter} = __own((");
            text.generated(&open, bytes.start);
            text.source(bytes.clone(), std::mem::take(&mut gathered.edits));
            text.generated(")) %}{% endif %}", bytes.end);
        }
        if source[list[body.opener_end].1.clone()].starts_with('-') {
            text.generated("{# -#}", range.start);
        }
        self.walk(body.opener_end + 1..body.closer, name, &names, &mut gathered)?;
        text.source(range.clone(), std::mem::take(&mut gathered.edits));
        if source[list[body.closer].1.clone()].ends_with('-') {
            text.generated("{#- #}", range.end);
        }
        let parameters = signature
            .parameters
            .iter()
            .map(|(name, default)| Parameter { name: name.clone(), has_default: default.is_some() });
        Ok(self.finish(name, text, range, parameters.collect(), gathered))
    }

    fn finish(
        &self,
        name: &str,
        text: Assembler<'_>,
        range: Range<usize>,
        parameters: Vec<Parameter>,
        gathered: Gathered,
    ) -> Unit {
        let (text, map) = text.finish();
        let Gathered { sites, callers, mut identifiers, .. } = gathered;
        identifiers.sort();
        identifiers.dedup();
        Unit {
            name: name.to_owned(),
            package: self.origin.package.clone(),
            file: self.origin.file,
            offset: self.origin.offset,
            source: Arc::clone(&self.origin.source),
            text,
            map,
            range,
            sites,
            callers,
            parameters,
            identifiers,
        }
    }

    fn walk(
        &self,
        range: Range<usize>,
        unit: &str,
        parameters: &[&str],
        into: &mut Gathered,
    ) -> Result<(), SyntaxFault> {
        let list = &self.tokens.list;
        let mut index = range.start;
        while index < range.end {
            let (token, bytes) = &list[index];
            match token {
                Token::TemplateData(_) => normalize_newlines(&self.origin.source, bytes, into),
                Token::BlockStart => index = self.tag(index, unit, parameters, into)?,
                Token::Ident(name) if !self.tokens.is_attribute(index) || self.is_builtin(index) => {
                    into.identifiers.push((*name).to_owned());
                    if PLACED.contains(name) && !parameters.contains(name) {
                        self.place_call(index, name, into);
                    }
                }
                Token::BracketOpen if !self.tokens.is_postfix(index) => self.literal(index, "__list(", into),
                Token::BraceOpen => self.literal(index, "__dict(", into),
                Token::Mod => self.remainder(index, into),
                _ => {}
            }
            index += 1;
        }
        Ok(())
    }

    /// Edits around a block tag; gives the index of the last token it dealt with.
    fn tag(
        &self,
        start: usize,
        unit: &str,
        parameters: &[&str],
        into: &mut Gathered,
    ) -> Result<usize, SyntaxFault> {
        let list = &self.tokens.list;
        let end = tag_end(list, start);
        let Token::Ident(tag) = list[start + 1].0 else { return Ok(start) };
        if matches!(list[end - 1].0, Token::Colon) {
            into.replace(list[end - 1].1.clone(), String::new()); // `{% if x: %}`, as in Python
        }
        match tag {
            "set" => {
                let assign = (start + 2..end).find(|it| matches!(list[*it].0, Token::Assign));
                if let Some(assign) = assign.filter(|it| !self.is_plain_constant(it + 1..end)) {
                    into.insert(list[assign].1.end, rank::OPEN_TAG, " __own((");
                    into.insert(list[end].1.start, rank::CLOSE_TAG, "))");
                }
            }
            "do" => {
                into.insert(list[start + 1].1.end, rank::OPEN_TAG, " __do(");
                into.insert(list[end].1.start, rank::CLOSE_TAG, ")");
            }
            "call" => return self.call_block(start, unit, parameters, into),
            "include" | "import" | "from" | "extends" | "block" => {
                return Err(SyntaxFault::new(
                    tag_range(list, start),
                    format!("`{{% {tag} %}}` has no meaning here: templates reuse text by calling macros"),
                ));
            }
            "test" | "data_test" | "materialization" | "snapshot" | "docs" => {
                return Err(SyntaxFault::new(
                    tag_range(list, start),
                    format!("`{{% {tag} %}}` cannot stand inside another template"),
                ));
            }
            _ => {}
        }
        Ok(start + 1)
    }

    fn call_block(
        &self,
        start: usize,
        unit: &str,
        parameters: &[&str],
        into: &mut Gathered,
    ) -> Result<usize, SyntaxFault> {
        let list = &self.tokens.list;
        let end = tag_end(list, start);
        let closer = self.tokens.closers.get(&start).copied().unwrap_or(end);
        let closer_end = tag_end(list, closer);
        let mut first = start + 2;
        let mut signature = Signature::default();
        if matches!(list[first].0, Token::ParenOpen) {
            (signature, first) = self.signature(first)?;
        }
        if first >= end || !matches!(list[end - 1].0, Token::ParenClose) {
            let message = "`{% call %}` needs the call of a macro, such as `{% call f() %}`";
            return Err(SyntaxFault::new(tag_range(list, start), message));
        }
        self.walk(first..end, unit, parameters, into)?;
        let name = format!("{unit}/{}", into.callers.len());
        let mark = self.origin.source[list[start].1.clone()].trim_start_matches("{%");
        into.replace(list[start].1.start..list[first].1.start, format!("{{{{{mark} "));
        let closing = list[end - 1].1.start;
        let comma = if matches!(list[end - 2].0, Token::ParenOpen | Token::Comma) { "" } else { ", " };
        let caller = format!("{comma}caller=__caller({})", into.callers.len());
        into.insert(closing, rank::CLOSE_TAG, &caller);
        let mark = self.origin.source[list[closer_end].1.clone()].trim_end_matches("%}");
        into.replace(list[end].1.start..list[closer_end].1.end, format!(" {mark}}}}}"));
        let body = self.body(&name, &signature, Body { opener_end: end, closer })?;
        into.identifiers.extend(body.identifiers.iter().cloned());
        into.callers.push(Arc::new(body));
        Ok(closer_end)
    }

    /// Reads `(a, b=1)` at an opening parenthesis; gives the index past the closing one.
    pub(super) fn signature(&self, open: usize) -> Result<(Signature, usize), SyntaxFault> {
        let list = &self.tokens.list;
        let mut signature = Signature::default();
        for part in self.split_arguments(open) {
            let Token::Ident(name) = list[part.start].0 else {
                let message = "a parameter must be a name, with or without a default";
                return Err(SyntaxFault::new(list[part.start].1.clone(), message));
            };
            let assign = part.clone().find(|it| matches!(list[*it].0, Token::Assign));
            let annotated = matches!(list.get(part.start + 1), Some((Token::Colon, _)));
            if part.len() > 1 && assign != Some(part.start + 1) && !annotated {
                return Err(SyntaxFault::new(
                    list[part.start + 1].1.clone(),
                    "expected `,`, `=` or `)` here",
                ));
            }
            if assign.is_none() && signature.parameters.iter().any(|it: &(String, _)| it.1.is_some()) {
                let message = format!("`{name}` needs a default, because a parameter before it has one");
                return Err(SyntaxFault::new(list[part.start].1.clone(), message));
            }
            let default = assign.map(|it| it + 1..part.end);
            if let Some(empty) = default.clone().filter(Range::is_empty) {
                let message = format!("the default of `{name}` is missing");
                return Err(SyntaxFault::new(list[empty.start - 1].1.clone(), message));
            }
            signature.parameters.push((name.to_owned(), default));
        }
        Ok((signature, self.tokens.matching(open) + 1))
    }

    fn place_call(&self, index: usize, name: &str, into: &mut Gathered) {
        let list = &self.tokens.list;
        let is_call = matches!(list.get(index + 1), Some((Token::ParenOpen, _)));
        if !is_call || self.is_rebound(name) {
            return;
        }
        let mut site = Site {
            call: list[index].1.start..list[self.tokens.matching(index + 1)].1.end,
            ..Site::default()
        };
        for part in self.split_arguments(index + 1) {
            match (&list[part.start].0, list.get(part.start + 1)) {
                (Token::Ident(keyword), Some((Token::Assign, _))) => {
                    site.keywords.push(((*keyword).to_owned(), list[part.start].1.clone()));
                }
                (Token::Mul | Token::Pow, _) => {}
                _ => {
                    let range = list[part.start].1.start..list[part.end - 1].1.end;
                    let start = site.arguments.as_ref().map_or(range.start, |it| it.start);
                    site.arguments = Some(start..range.end);
                    site.argument = Some(range);
                }
            }
        }
        into.replace(list[index].1.clone(), format!("{name}__at_{}", into.sites.len()));
        into.sites.push(site);
    }

    /// Whether the text gives a name of its own to something else.
    fn is_rebound(&self, name: &str) -> bool {
        self.tokens.list.windows(2).any(|pair| match (&pair[0].0, &pair[1].0) {
            (Token::Ident("set" | "for"), Token::Ident(bound)) => *bound == name,
            _ => false,
        })
    }

    /// Token ranges of the arguments between an opening bracket and its closing one.
    fn split_arguments(&self, open: usize) -> Vec<Range<usize>> {
        let close = self.tokens.matching(open);
        let (mut parts, mut start, mut index) = (Vec::new(), open + 1, open + 1);
        while index < close {
            match self.tokens.list[index].0 {
                Token::ParenOpen | Token::BracketOpen | Token::BraceOpen => {
                    index = self.tokens.matching(index);
                }
                Token::Comma => {
                    parts.push(start..index);
                    start = index + 1;
                }
                _ => {}
            }
            index += 1;
        }
        parts.push(start..close);
        parts.retain(|it| !it.is_empty());
        parts
    }

    fn literal(&self, index: usize, opener: &str, into: &mut Gathered) {
        into.insert(self.tokens.list[index].1.start, rank::OPEN_LITERAL, opener);
        into.insert(self.tokens.list[self.tokens.matching(index)].1.end, rank::CLOSE_LITERAL, ")");
    }

    fn remainder(&self, index: usize, into: &mut Gathered) {
        let (Some(first), Some(last)) = (self.tokens.operand_before(index), self.tokens.operand_after(index))
        else {
            return;
        };
        let bytes = |index: usize| self.tokens.list[index].1.clone();
        into.insert(bytes(first).start, rank::OPEN_REMAINDER, "__rem(");
        into.replace(bytes(index), " , ".to_owned());
        into.insert(bytes(last).end, rank::CLOSE_REMAINDER, ")");
    }

    /// `builtins.ref` and its like.
    fn is_builtin(&self, index: usize) -> bool {
        index > 1 && matches!(self.tokens.list[index - 2].0, Token::Ident("builtins"))
    }

    fn is_plain_constant(&self, range: Range<usize>) -> bool {
        range.len() == 1
            && matches!(
                self.tokens.list[range.start].0,
                Token::Str(_) | Token::String(_) | Token::Int(_) | Token::Float(_)
            )
    }
}

impl Gathered {
    fn insert(&mut self, at: usize, rank: u8, text: &str) {
        self.edits.push(Edit { range: at..at, rank, text: text.to_owned() });
    }

    fn replace(&mut self, range: Range<usize>, text: String) {
        self.edits.push(Edit { range, rank: rank::REPLACE, text });
    }
}

/// Jinja writes every line break of a template as `\n`.
fn normalize_newlines(source: &str, range: &Range<usize>, into: &mut Gathered) {
    let data = &source[range.clone()];
    for (index, _) in data.match_indices('\r') {
        let at = range.start + index;
        let with = if data[index + 1..].starts_with('\n') { "" } else { "\n" };
        into.replace(at..at + 1, with.to_owned());
    }
}
