//! Whether statements only define macros, types and the like, which touch no rows and no files.

use sqlparser::dialect::DuckDbDialect;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::offset_of;

/// What a text of statements does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Definitions {
    /// Nothing but defining: these statements, perhaps none.
    Only(Vec<String>),
    /// More, or what cannot be read.
    Other,
}

/// What may be defined.
const KINDS: [&str; 5] = ["macro", "function", "type", "sequence", "schema"];

/// Words between `create` and what is created.
const MODIFIERS: [&str; 5] = ["or", "replace", "temp", "temporary", "persistent"];

/// Takes a text of statements apart.
pub fn definitions(sql: &str) -> Definitions {
    let Ok(tokens) = Tokenizer::new(&DuckDbDialect {}, sql).tokenize_with_location() else {
        return Definitions::Other;
    };
    let mut found = Vec::new();
    for statement in tokens.split(|it| it.token == Token::SemiColon) {
        let mut words = statement.iter().filter(|it| !is_space(it)).map(word);
        let Some(first) = words.next() else { continue };
        let kind = words.find(|it| it.as_deref().is_none_or(|it| !MODIFIERS.contains(&it)));
        let is_definition = first.as_deref() == Some("create")
            && kind.flatten().is_some_and(|it| KINDS.contains(&it.as_str()));
        let (Some(start), Some(end), true) = (statement.first(), statement.last(), is_definition) else {
            return Definitions::Other;
        };
        let range = offset_of(sql, start.span.start)..offset_of(sql, end.span.end);
        found.extend(sql.get(range).map(str::to_owned));
    }
    Definitions::Only(found)
}

fn is_space(token: &TokenWithSpan) -> bool {
    matches!(token.token, Token::Whitespace(_) | Token::EOF)
}

fn word(token: &TokenWithSpan) -> Option<String> {
    match &token.token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_lowercase()),
        _ => None,
    }
}

/// The first of these words, in small letters, that stands in a query outside of quotes and comments.
pub fn mentions<'a>(sql: &str, words: &[&'a str]) -> Option<&'a str> {
    let lower = sql.to_lowercase();
    if !words.iter().any(|it| lower.contains(it)) {
        return None;
    }
    let tokens = Tokenizer::new(&DuckDbDialect {}, sql).tokenize().ok()?;
    tokens.iter().find_map(|token| match token {
        Token::Word(word) if word.quote_style.is_none() => {
            words.iter().find(|it| it.eq_ignore_ascii_case(&word.value)).copied()
        }
        _ => None,
    })
}

/// Whether a query has a `pivot` whose columns are the values that rows hold.
pub fn pivots_by_rows(sql: &str) -> bool {
    let lower = sql.to_lowercase();
    if !lower.contains("pivot") {
        return false;
    }
    let Ok(tokens) = Tokenizer::new(&DuckDbDialect {}, sql).tokenize() else { return true };
    let tokens: Vec<&Token> = tokens.iter().filter(|it| !matches!(it, Token::Whitespace(_))).collect();
    let is = |token: &Token, text: &str| matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(text));
    let pivots = tokens.iter().enumerate().filter(|(_, it)| is(it, "pivot") || is(it, "pivot_wider"));
    pivots.map(|(at, _)| &tokens[at + 1..]).any(|rest| {
        let mut depth = 0_i32;
        let mut after_on = false;
        for token in rest {
            match token {
                Token::LParen => depth += 1,
                Token::RParen if depth == 0 => break,
                Token::RParen => depth -= 1,
                _ if depth == 0 && is(token, "on") => after_on = true,
                _ if depth == 0 && after_on && is(token, "in") => return false,
                _ if depth == 0 && ["using", "group", "order", "limit"].iter().any(|it| is(token, it)) => {
                    break;
                }
                _ => {}
            }
        }
        after_on
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_told_from_other_statements() {
        let one = "create or replace temp macro f(x) as x + 1";
        assert_eq!(definitions(one), Definitions::Only(vec![one.to_owned()]));
        let two = definitions("create type mood as enum ('a;b'); -- end\n create schema s;");
        let expected = ["create type mood as enum ('a;b')", " -- end\n create schema s"];
        assert_eq!(two, Definitions::Only(expected.iter().map(|it| (*it).to_owned()).collect()));
        assert_eq!(definitions(" -- nothing\n"), Definitions::Only(Vec::new()));
        for other in ["create table t as select 1", "drop macro f", "create macro f() as 1; load json"] {
            assert_eq!(definitions(other), Definitions::Other, "{other}");
        }
    }

    #[test]
    fn a_pivot_without_values_is_made_by_rows() {
        assert!(pivots_by_rows("pivot t on year using sum(x)"));
        assert!(pivots_by_rows(
            "with a as (select 1) select * from (pivot t on year using sum(x) group by b)"
        ));
        assert!(!pivots_by_rows("pivot t on year in (2000, 2010) using sum(x)"));
        assert!(!pivots_by_rows("select * from t pivot (sum(x) for y in (1, 2))"));
        assert!(!pivots_by_rows("select 'pivot t on a'"));
    }

    #[test]
    fn words_in_quotes_are_not_mentioned() {
        assert_eq!(mentions("select Query('x')", &["query"]), Some("query"));
        assert_eq!(mentions("select \"query\", 'query' -- query", &["query"]), None);
    }
}
