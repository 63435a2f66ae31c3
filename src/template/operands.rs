//! Where values begin and end among tokens: brackets, operands, and what a `[` or `-` means.

use std::ops::Range;

use minijinja::machinery::Token;

use super::syntax::Tokens;

/// How strongly an operator binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// `*`, `/`, `//`, `%`.
    Product,
    /// `+`, `-`.
    Sum,
    /// `==`, `<` and their like.
    Comparison,
}

impl Tokens<'_> {
    /// Index of the bracket that closes the one at this index. Brackets were checked to be balanced.
    pub(super) fn matching(&self, open: usize) -> usize {
        let mut depth = 0;
        for (index, (token, _)) in self.list.iter().enumerate().skip(open) {
            match token {
                Token::ParenOpen | Token::BracketOpen | Token::BraceOpen => depth += 1,
                Token::ParenClose | Token::BracketClose | Token::BraceClose => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return index;
            }
        }
        self.list.len() - 1
    }

    /// How many commas there are that are not inside of brackets.
    pub(super) fn commas(&self, tokens: Range<usize>) -> usize {
        let (mut index, mut commas) = (tokens.start, 0);
        while index < tokens.end {
            match self.list[index].0 {
                Token::ParenOpen | Token::BracketOpen | Token::BraceOpen => index = self.matching(index),
                Token::Comma => commas += 1,
                _ => {}
            }
            index += 1;
        }
        commas
    }

    /// First token of what stands left of an operator: everything that binds at least as strongly.
    pub(super) fn operand_before(&self, index: usize, level: Level) -> Option<usize> {
        let mut at = index;
        let mut depth = 0_usize;
        while at > 0 {
            match &self.list[at - 1].0 {
                Token::ParenClose | Token::BracketClose | Token::BraceClose => depth += 1,
                Token::ParenOpen | Token::BracketOpen | Token::BraceOpen if depth == 0 => break,
                Token::ParenOpen | Token::BracketOpen | Token::BraceOpen => depth -= 1,
                _ if depth > 0 => {}
                Token::Minus | Token::Plus if self.is_sign(at - 1) => {}
                token if is_weaker(token, level) => break,
                Token::Ident(name) if is_keyword(name) && !self.is_attribute(at - 1) => break,
                _ => {}
            }
            at -= 1;
        }
        (at < index).then_some(at)
    }

    /// Last token of what stands right of an operator: everything that binds more strongly.
    pub(super) fn operand_after(&self, index: usize, level: Level) -> Option<usize> {
        match level {
            Level::Product => self.factor_after(index),
            Level::Sum | Level::Comparison => self.term_after(index, level),
        }
    }

    /// Whether the operands of a comparison belong to something longer: `a < b < c`, `a in b == c`, or a test
    /// such as `a is defined`, which binds more strongly.
    pub(super) fn is_in_chain(&self, first: usize, last: usize) -> bool {
        let is_link = |index: usize| match &self.list[index].0 {
            Token::Ident("in" | "is") => !self.is_attribute(index),
            Token::Ident("not") => matches!(
                (index.checked_sub(1).map(|it| &self.list[it].0), self.list.get(index + 1).map(|it| &it.0)),
                (Some(Token::Ident("is")), _) | (_, Some(Token::Ident("in")))
            ),
            Token::Eq | Token::Ne | Token::Gt | Token::Gte | Token::Lt | Token::Lte => true,
            _ => false,
        };
        first.checked_sub(1).is_some_and(is_link) || (last + 1 < self.list.len() && is_link(last + 1))
    }

    /// What binds more strongly than an operator: products, powers and joined texts, for a comparison also sums.
    fn term_after(&self, index: usize, level: Level) -> Option<usize> {
        let mut last = None;
        let mut at = index + 1;
        while let Some((token, _)) = self.list.get(at) {
            match token {
                Token::ParenOpen | Token::BracketOpen | Token::BraceOpen => at = self.matching(at),
                Token::Plus | Token::Minus if self.is_sign(at) => {}
                Token::Plus | Token::Minus if level == Level::Sum => break,
                Token::ParenClose
                | Token::BracketClose
                | Token::BraceClose
                | Token::VariableEnd
                | Token::BlockEnd => break,
                Token::Ident(name) if is_keyword(name) && !self.is_attribute(at) => break,
                token if is_weaker(token, level) => break,
                _ => {}
            }
            last = Some(at);
            at += 1;
        }
        last
    }

    /// A value with its calls, items and filters.
    fn factor_after(&self, index: usize) -> Option<usize> {
        let list = &self.list;
        let mut at = index + 1;
        while matches!(list.get(at)?.0, Token::Minus | Token::Plus) {
            at += 1;
        }
        if matches!(list.get(at)?.0, Token::ParenOpen | Token::BracketOpen | Token::BraceOpen) {
            at = self.matching(at);
        }
        loop {
            match list.get(at + 1).map(|it| &it.0) {
                Some(Token::Dot | Token::Pipe) => at += 2,
                Some(Token::ParenOpen | Token::BracketOpen) => at = self.matching(at + 1),
                Some(Token::Str(_) | Token::String(_)) => at += 1,
                Some(Token::Pow) => return self.factor_after(at + 1),
                _ => return Some(at),
            }
        }
    }

    /// Whether a `-` or `+` at this index is the sign of what follows.
    pub(super) fn is_sign(&self, index: usize) -> bool {
        match index.checked_sub(1).map(|it| &self.list[it].0) {
            Some(Token::Ident(name)) => is_keyword(name),
            Some(Token::Int(_) | Token::Int128(_) | Token::Float(_)) => false,
            Some(token) => !is_end_of_value(token),
            None => true,
        }
    }

    pub(super) fn is_attribute(&self, index: usize) -> bool {
        index > 0 && matches!(self.list[index - 1].0, Token::Dot)
    }

    /// Whether a `[` at this index takes an item of what stands before it.
    pub(super) fn is_postfix(&self, index: usize) -> bool {
        match index.checked_sub(1).map(|it| &self.list[it].0) {
            Some(Token::Ident(name)) => !is_keyword(name) || self.is_attribute(index - 1),
            Some(token) => is_end_of_value(token),
            None => false,
        }
    }
}

/// Whether a value may end with this token, other than a name or a number.
fn is_end_of_value(token: &Token<'_>) -> bool {
    matches!(
        token,
        Token::ParenClose | Token::BracketClose | Token::BraceClose | Token::Str(_) | Token::String(_)
    )
}

fn is_weaker(token: &Token<'_>, than: Level) -> bool {
    match token {
        Token::Plus | Token::Minus | Token::Tilde => than == Level::Product,
        _ => matches!(
            token,
            Token::Eq
                | Token::Ne
                | Token::Gt
                | Token::Gte
                | Token::Lt
                | Token::Lte
                | Token::Comma
                | Token::Colon
                | Token::Assign
                | Token::VariableStart
                | Token::BlockStart
        ),
    }
}

fn is_keyword(name: &str) -> bool {
    matches!(name, "in" | "and" | "or" | "not" | "if" | "elif" | "else" | "is" | "do" | "call")
}
