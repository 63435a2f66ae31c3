//! Statements that begin or end transactions.

use sqlparser::dialect::DuckDbDialect;
use sqlparser::tokenizer::{Token, Tokenizer, Whitespace};

use super::offset_of;

/// First words of such statements.
const WORDS: [&str; 6] = ["abort", "begin", "commit", "end", "rollback", "start"];

/// The first statement of some SQL that begins or ends a transaction: its first word and where it stands.
pub fn transaction_statement(sql: &str) -> Option<(String, usize)> {
    // Most SQL has none of these words, and `end` of a `case` stands at no statement's beginning.
    let lowered = sql.to_lowercase();
    if !WORDS.iter().any(|it| lowered.contains(it)) {
        return None;
    }
    let tokens = Tokenizer::new(&DuckDbDialect {}, sql).tokenize_with_location().ok()?;
    let mut at_start = true;
    for token in &tokens {
        match &token.token {
            Token::Whitespace(
                Whitespace::Space
                | Whitespace::Newline
                | Whitespace::Tab
                | Whitespace::SingleLineComment { .. }
                | Whitespace::MultiLineComment(_),
            ) => {}
            Token::SemiColon => at_start = true,
            Token::Word(word) if at_start && word.quote_style.is_none() => {
                let name = word.value.to_lowercase();
                if WORDS.contains(&name.as_str()) {
                    return Some((name, offset_of(sql, token.span.start)));
                }
                at_start = false;
            }
            _ => at_start = false,
        }
    }
    None
}
