//! Which names a query mentions: a cautious answer to the question which columns it reads.
//!
//! A name that stands anywhere counts as read, and so does every column where a `*` takes all of them. That may
//! be too much, never too little.

use std::collections::BTreeMap;

use sqlparser::dialect::DuckDbDialect;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Token, Tokenizer, Word};

use super::offset_of;

/// The names in a query's text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mentions {
    /// Where all columns of something are taken.
    star: Option<usize>,
    /// Names in lower case, with the byte offset of the first one.
    names: BTreeMap<String, usize>,
}

impl Mentions {
    /// Where a column's name stands.
    pub fn named(&self, column: &str) -> Option<usize> {
        self.names.get(&column.to_lowercase()).copied()
    }

    /// Where all columns of something are taken.
    pub fn star(&self) -> Option<usize> {
        self.star
    }
}

/// The names in a query; `None` for a text that is no SQL as far as its tokens tell.
pub fn columns_mentioned(sql: &str) -> Option<Mentions> {
    let tokens = Tokenizer::new(&DuckDbDialect {}, sql).tokenize_with_location().ok()?;
    let mut found = Mentions::default();
    let mut before: [Option<Token>; 2] = [None, None];
    for token in tokens {
        if matches!(token.token, Token::Whitespace(_) | Token::EOF) {
            continue;
        }
        note(&mut found, sql, &before, &token.token, token.span.start);
        let [_, last] = before;
        before = [last, Some(token.token)];
    }
    Some(found)
}

fn note(found: &mut Mentions, sql: &str, before: &[Option<Token>; 2], token: &Token, start: Location) {
    if let Token::Word(word) = token {
        let name = word.value.to_lowercase();
        found.names.entry(name).or_insert_with(|| offset_of(sql, start));
    }
    if found.star.is_none() && takes_all(before, token) {
        found.star = Some(offset_of(sql, start));
    }
}

/// Whether all columns of something are taken here.
fn takes_all([second, last]: &[Option<Token>; 2], token: &Token) -> bool {
    match token {
        Token::Mul => match last {
            // The last is the end of `distinct on (a) *`, or of a factor.
            Some(Token::Comma | Token::Period | Token::RParen) => true,
            Some(Token::Word(word)) => {
                matches!(word.keyword, Keyword::SELECT | Keyword::DISTINCT | Keyword::ALL)
            }
            // `columns(*)`, but not `count(*)`.
            Some(Token::LParen) => {
                matches!(second, Some(Token::Word(word)) if word.value.eq_ignore_ascii_case("columns"))
            }
            _ => false,
        },
        Token::Word(word) => takes_all_by_word(last.as_ref(), word),
        _ => false,
    }
}

/// `from t` without `select`, and joins and reshapings that go by all columns.
fn takes_all_by_word(last: Option<&Token>, word: &Word) -> bool {
    if word.quote_style.is_some() {
        return false;
    }
    match word.value.to_lowercase().as_str() {
        "from" => matches!(last, None | Some(Token::LParen)) || is_set_operation(last),
        "natural" | "pivot" | "unpivot" | "summarize" | "columns" => true,
        _ => false,
    }
}

fn is_set_operation(token: Option<&Token>) -> bool {
    const WORDS: [&str; 5] = ["union", "all", "except", "intersect", "name"];
    matches!(token, Some(Token::Word(word)) if WORDS.contains(&word.value.to_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(sql: &str, column: &str) -> bool {
        columns_mentioned(sql).is_none_or(|it| it.named(column).or(it.star()).is_some())
    }

    #[test]
    fn a_column_is_read_where_its_name_stands() {
        assert!(reads("select Amount from t", "amount"));
        assert!(reads("select \"Amount\" * 2 from t", "amount"));
        assert!(reads("select 1 from t where t.amount > 0", "AMOUNT"));
        assert!(!reads("select id, count(*) from t -- amount\ngroup by id", "amount"));
        assert!(!reads("select 'amount', quantity * price from t", "amount"));
        assert_eq!(columns_mentioned("select id,\n  amount from t").unwrap().named("amount"), Some(13));
    }

    #[test]
    fn all_columns_are_read_where_a_star_takes_them() {
        for sql in [
            "select * from t",
            "select id, * from t",
            "select t.* from t",
            "select distinct * from t",
            "select distinct on (id) * from t",
            "select * exclude (x) from t",
            "select max(columns(*)) from t",
            "from t",
            "with a as (from t) select id from a",
            "select id from t natural join u",
            "pivot t on id",
            "select 1 union all from t",
            "select 'unclosed",
        ] {
            assert!(reads(sql, "amount"), "{sql}");
        }
        for sql in ["select extract(year from day) from t", "select count(*) from t", "select 2 * id from t"]
        {
            assert!(!reads(sql, "amount"), "{sql}");
        }
    }
}
