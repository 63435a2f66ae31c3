//! Changes a template's text so that stock minijinja does what dbt's Jinja does.
//!
//! - list and dictionary literals become `__list([..])` and `__dict({..})`: objects that can be changed;
//! - `{% set x = value %}` becomes `{% set x = __own((value)) %}`, for the same reason;
//! - `{% do anything %}` becomes `{% do __do(anything) %}`: minijinja wants a call there;
//! - `a % b` becomes `__rem(a , b)`, which formats texts; the other operators likewise, for dates and decimals;
//! - `{% for x in y %}` becomes `{% for x in __each((y)) %}`: texts have characters, everything has a length;
//! - the insides of `{% set x %}` and `{% filter f %}` get a `{% with %}`: what they set is theirs;
//! - `ref(..)`, `source(..)` and `config(..)` get a number in their name, which tells where they are written;
//! - `{% call(x) f() %}body{% endcall %}` becomes `{{ f(caller=__caller(0)) }}` and a unit of its own for the body.
//!
//! Here are tags and whole texts; `expressions` has what is inside of an expression.
//! Deliberately absent: meaning. What the helper names do is in `values` and `context`.

use std::ops::Range;
use std::sync::Arc;

use minijinja::machinery::Token;

use super::edits::{Gathered, normalize_newlines, rank};
use super::expressions::comparison;
use super::syntax::{SyntaxFault, Tokens, is_set_block, tag_end, tag_range};
use super::unit::{Assembler, Parameter, Unit};
use crate::diagnostics::FileId;

/// Names whose calls are numbered.
const PLACED: &[&str] = &["ref", "source", "config", "function"];

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

impl Rewriter<'_> {
    /// The whole text as a template. With `as_value`, its only expression becomes the result.
    pub(super) fn template(&self, name: &str, as_value: bool) -> Result<Unit, SyntaxFault> {
        let source = &*self.origin.source;
        let end = source.strip_suffix('\n').unwrap_or(source);
        let end = if end.len() < source.len() || source.ends_with('\r') {
            end.strip_suffix('\r').unwrap_or(end).len()
        } else {
            end.len()
        };
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
                Token::TemplateData(_) | Token::Str(_) | Token::String(_) => {
                    normalize_newlines(&self.origin.source, bytes, into);
                }
                Token::VariableStart => self.bare_tuple(index, into),
                Token::BlockStart => index = self.tag(index, unit, parameters, into)?,
                Token::Ident(name) if !self.tokens.is_attribute(index) || self.is_builtin(index) => {
                    into.identifiers.push((*name).to_owned());
                    if PLACED.contains(name) && !parameters.contains(name) {
                        self.place_call(index, name, into);
                    }
                }
                Token::BracketOpen if !self.tokens.is_postfix(index) => self.literal(index, " __list(", into),
                Token::BraceOpen => self.literal(index, " __dict(", into),
                Token::Plus if self.tokens.is_sign(index) => self.drop_sign(index, into),
                Token::Minus if self.tokens.is_sign(index) => {}
                Token::Mul | Token::Div | Token::FloorDiv | Token::Mod | Token::Plus | Token::Minus => {
                    self.operator(index, into);
                }
                token if comparison(token).is_some() => self.comparison(index, into),
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
            "set" if is_set_block(list, start) => self.own_scope(start, into),
            "set" => self.assignment(start + 2..end, into)?,
            "filter" => self.own_scope(start, into),
            "for" => self.loop_head(start + 2..end, into)?,
            "do" if start + 2 == end => {
                let message = "`{% do %}` needs something to do, such as `{% do items.append(1) %}`";
                return Err(SyntaxFault::new(tag_range(list, start), message));
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

    /// The value of `{% set %}` becomes one that can be changed, or is taken apart.
    fn assignment(&self, tokens: Range<usize>, into: &mut Gathered) -> Result<(), SyntaxFault> {
        let list = &self.tokens.list;
        let Some(assign) = tokens.clone().find(|it| matches!(list[*it].0, Token::Assign)) else {
            return Ok(());
        };
        if assign + 1 == tokens.end {
            return Err(SyntaxFault::new(list[assign].1.clone(), "`{% set %}` needs a value after the `=`"));
        }
        if assign == tokens.start {
            return Err(SyntaxFault::new(list[assign].1.clone(), "`{% set %}` needs a name before the `=`"));
        }
        let names = self.names(tokens.start..assign);
        if names.is_none() && self.is_plain_constant(assign + 1..tokens.end) {
            return Ok(());
        }
        let function = if names.is_some() { " __unpack((" } else { " __own((" };
        into.insert(list[assign].1.end, rank::OPEN_TAG, function);
        into.insert(list[tokens.end].1.start, rank::CLOSE_TAG, &closer(names));
        Ok(())
    }

    /// What a loop goes through: all up to `if`, `recursive` or the end of the tag.
    fn loop_head(&self, tokens: Range<usize>, into: &mut Gathered) -> Result<(), SyntaxFault> {
        let list = &self.tokens.list;
        let word = |index: &usize, words: &[&str]| match list[*index].0 {
            Token::Ident(name) => words.contains(&name) && !self.tokens.is_attribute(*index),
            _ => false,
        };
        let Some(keyword) = tokens.clone().find(|it| word(it, &["in"])) else { return Ok(()) };
        if keyword == tokens.start {
            return Err(SyntaxFault::new(list[keyword].1.clone(), "`{% for %}` needs a name before `in`"));
        }
        let mut index = keyword + 1;
        while index < tokens.end && !word(&index, &["if", "recursive"]) {
            let is_open = matches!(list[index].0, Token::ParenOpen | Token::BracketOpen | Token::BraceOpen);
            index = if is_open { self.tokens.matching(index) + 1 } else { index + 1 };
        }
        if index > keyword + 1 {
            into.insert(list[keyword].1.end, rank::OPEN_TAG, " __each((");
            into.insert(list[index - 1].1.end, rank::CLOSE_TAG, &closer(self.names(tokens.start..keyword)));
        }
        Ok(())
    }

    /// How many names a target such as `a, b` or `(a, b)` has; `None` if it is one name.
    fn names(&self, mut target: Range<usize>) -> Option<usize> {
        let list = &self.tokens.list;
        if matches!(list[target.start].0, Token::ParenOpen)
            && self.tokens.matching(target.start) + 1 == target.end
        {
            target = target.start + 1..target.end - 1;
        }
        let commas = self.tokens.commas(target.clone());
        let ends_in_comma = matches!(list[target.end - 1].0, Token::Comma);
        (commas > 0).then(|| commas + 1 - usize::from(ends_in_comma))
    }

    /// What is set between a tag and its end tag stays there.
    fn own_scope(&self, start: usize, into: &mut Gathered) {
        let list = &self.tokens.list;
        let Some(closer) = self.tokens.closers.get(&start).copied() else { return };
        let (opener_end, closer) = (list[tag_end(list, start)].1.clone(), list[closer].1.clone());
        let trims_after = self.origin.source[opener_end.clone()].starts_with('-');
        let trims_before = self.origin.source[closer.clone()].ends_with('-');
        into.insert(opener_end.end, rank::OPEN_TAG, if trims_after { "{% with -%}" } else { "{% with %}" });
        let end = if trims_before { "{%- endwith %}" } else { "{% endwith %}" };
        into.insert(closer.start, rank::CLOSE_TAG, end);
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
}

/// What ends a call that was opened with two brackets, with the number of names as its second argument.
fn closer(names: Option<usize>) -> String {
    names.map_or_else(|| "))".to_owned(), |it| format!("), {it})"))
}
