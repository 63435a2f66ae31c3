//! What the rewriting does inside of expressions: literals, operators, and calls with a known place.

use std::ops::Range;

use minijinja::machinery::Token;

use super::edits::{Gathered, rank};
use super::operands::Level;
use super::rewrite::Rewriter;
use super::unit::Site;

impl Rewriter<'_> {
    pub(super) fn place_call(&self, index: usize, name: &str, into: &mut Gathered) {
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
    pub(super) fn split_arguments(&self, open: usize) -> Vec<Range<usize>> {
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

    pub(super) fn literal(&self, index: usize, opener: &str, into: &mut Gathered) {
        into.insert(self.tokens.list[index].1.start, rank::OPEN_LITERAL, opener);
        into.insert(self.tokens.list[self.tokens.matching(index)].1.end, rank::CLOSE_LITERAL, ")");
    }

    /// `a + b` and its like become calls, because objects such as dates and decimals may be meant.
    pub(super) fn operator(&self, index: usize, into: &mut Gathered) {
        let list = &self.tokens.list;
        let (function, level) = match list[index].0 {
            Token::Mul => ("__mul(", Level::Product),
            Token::Div => ("__div(", Level::Product),
            Token::FloorDiv => ("__floordiv(", Level::Product),
            Token::Mod => ("__rem(", Level::Product),
            Token::Minus => ("__sub(", Level::Sum),
            _ => ("__add(", Level::Sum),
        };
        let first = self.tokens.operand_before(index, level);
        let last = self.tokens.operand_after(index, level);
        let (Some(first), Some(last)) = (first, last) else { return };
        if function != "__rem("
            && self.is_plain_constant(first..index)
            && self.is_plain_constant(index + 1..last + 1)
        {
            return;
        }
        into.open(list[first].1.start, list[last].1.end, function);
        into.replace(list[index].1.clone(), " , ".to_owned());
        into.insert(list[last].1.end, rank::CLOSE_OPERATOR, ")");
    }

    /// `a < b` becomes `__cmp(a , '<' , b)`, for numbers that keep their places. Chains of comparisons, and
    /// comparisons with constants of other kinds, stay as they are.
    pub(super) fn comparison(&self, index: usize, into: &mut Gathered) {
        let list = &self.tokens.list;
        let first = self.tokens.operand_before(index, Level::Comparison);
        let last = self.tokens.operand_after(index, Level::Comparison);
        let (Some(first), Some(last), Some(sign)) = (first, last, comparison(&list[index].0)) else { return };
        let is_other = |range: Range<usize>| {
            self.is_text(range.clone()) || (range.len() == 1 && is_constant_name(&list[range.start].0))
        };
        if self.tokens.is_in_chain(first, last) || is_other(first..index) || is_other(index + 1..last + 1) {
            return;
        }
        into.open(list[first].1.start, list[last].1.end, "__cmp(");
        into.replace(list[index].1.clone(), format!(" , '{sign}' , "));
        into.insert(list[last].1.end, rank::CLOSE_OPERATOR, ")");
    }

    fn is_text(&self, range: Range<usize>) -> bool {
        range.len() == 1 && matches!(self.tokens.list[range.start].0, Token::Str(_) | Token::String(_))
    }

    /// `+5`: the sign says nothing.
    pub(super) fn drop_sign(&self, index: usize, into: &mut Gathered) {
        into.replace(self.tokens.list[index].1.clone(), String::new());
    }

    /// `{{ a, b }}` is a tuple.
    pub(super) fn bare_tuple(&self, start: usize, into: &mut Gathered) {
        let list = &self.tokens.list;
        let end = (start..list.len()).find(|it| matches!(list[*it].0, Token::VariableEnd));
        let Some(end) = end.filter(|it| self.tokens.commas(start + 1..*it) > 0) else { return };
        into.insert(list[start].1.end, rank::OPEN_TAG, " (");
        into.insert(list[end].1.start, rank::CLOSE_TAG, ") ");
    }

    /// `builtins.ref` and its like.
    pub(super) fn is_builtin(&self, index: usize) -> bool {
        index > 1 && matches!(self.tokens.list[index - 2].0, Token::Ident("builtins"))
    }

    pub(super) fn is_plain_constant(&self, range: Range<usize>) -> bool {
        range.len() == 1
            && matches!(
                self.tokens.list[range.start].0,
                Token::Str(_) | Token::String(_) | Token::Int(_) | Token::Float(_)
            )
    }
}

/// The sign of a comparison.
pub(super) fn comparison(token: &Token<'_>) -> Option<&'static str> {
    Some(match token {
        Token::Eq => "==",
        Token::Ne => "!=",
        Token::Lt => "<",
        Token::Lte => "<=",
        Token::Gt => ">",
        Token::Gte => ">=",
        _ => return None,
    })
}

fn is_constant_name(token: &Token<'_>) -> bool {
    matches!(token, Token::Ident("none" | "None" | "true" | "True" | "false" | "False"))
}
