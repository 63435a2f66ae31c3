//! Where common table expressions can be added to a query.

use sqlparser::dialect::DuckDbDialect;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, Tokenizer};

use super::offset_of;

/// How a query begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithClause {
    /// With a `with` (or `with recursive`); the byte offset is just behind it.
    At(usize),
    /// Without one.
    Absent,
}

/// Finds the `with` that a query begins with. A text that is no SQL has none: the engine will say what is wrong.
pub fn with_clause(sql: &str) -> WithClause {
    let Ok(tokens) = Tokenizer::new(&DuckDbDialect {}, sql).tokenize_with_location() else {
        return WithClause::Absent;
    };
    let mut words = tokens.iter().filter(|it| !matches!(it.token, Token::Whitespace(_)));
    let is = |token: &Token, keyword| matches!(token, Token::Word(word) if word.keyword == keyword);
    let Some(first) = words.next().filter(|it| is(&it.token, Keyword::WITH)) else {
        return WithClause::Absent;
    };
    let last = words.next().filter(|it| is(&it.token, Keyword::RECURSIVE)).unwrap_or(first);
    WithClause::At(offset_of(sql, last.span.end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_with_is_found_behind_comments() {
        for (sql, expected) in [
            ("with a as (select 1) select * from a", WithClause::At(4)),
            ("-- with\n/* with */ WITH recursive a as (select 1)", WithClause::At(33)),
            ("select 1 -- with", WithClause::Absent),
            ("(with a as (select 1) select * from a)", WithClause::Absent),
            ("\n\n  -- é\n  with\na as (select 1) select 1", WithClause::At(16)),
            ("select 'unclosed", WithClause::Absent),
        ] {
            assert_eq!(with_clause(sql), expected, "{sql}");
        }
    }
}
