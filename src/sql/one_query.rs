//! Whether a text is one query, as far as its tokens tell.

use sqlparser::dialect::DuckDbDialect;
use sqlparser::tokenizer::{Token, Tokenizer};

use super::offset_of;

/// What a text is instead of one query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OneQuery {
    /// It may be one: the engine knows.
    Maybe,
    /// Nothing but space and comments.
    Empty,
    /// It has a `;` at this byte offset.
    Ended(usize),
}

/// Looks for a query and for what ends it. Of a text that is no SQL the engine will say what is wrong.
pub fn one_query(sql: &str) -> OneQuery {
    let Ok(tokens) = Tokenizer::new(&DuckDbDialect {}, sql).tokenize_with_location() else {
        return OneQuery::Maybe;
    };
    let mut is_empty = true;
    for token in tokens {
        match token.token {
            Token::Whitespace(_) | Token::EOF => {}
            Token::SemiColon => return OneQuery::Ended(offset_of(sql, token.span.start)),
            _ => is_empty = false,
        }
    }
    if is_empty { OneQuery::Empty } else { OneQuery::Maybe }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_no_query_and_a_semicolon_in_a_text_ends_none() {
        for (sql, expected) in [
            ("", OneQuery::Empty),
            ("-- one;\n/* two; */\n", OneQuery::Empty),
            ("select ';' -- ;", OneQuery::Maybe),
            ("select 'unclosed", OneQuery::Maybe),
            ("select 'é';", OneQuery::Ended(11)),
            ("select 1\n;\nselect 2", OneQuery::Ended(9)),
        ] {
            assert_eq!(one_query(sql), expected, "{sql}");
        }
    }
}
