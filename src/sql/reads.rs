//! Whether SQL only reads, and whether it may read a table. Both answers are cautious.

use sqlparser::dialect::DuckDbDialect;
use sqlparser::tokenizer::{Token, Tokenizer};

use crate::node::Relation;

/// Words after which the name of a table stands without its schema.
const BEFORE_TABLES: [&str; 7] = ["from", "join", "table", "into", "update", "describe", "summarize"];

/// First words of statements that only read.
const READING: [&str; 8] = ["select", "with", "from", "values", "describe", "show", "summarize", "explain"];

/// Whether all statements of some SQL only read, as far as their first words tell.
pub fn only_reads(sql: &str) -> bool {
    let Ok(tokens) = Tokenizer::new(&DuckDbDialect {}, sql).tokenize() else { return false };
    tokens.split(|it| *it == Token::SemiColon).all(|statement| {
        let first = statement.iter().find(|it| !matches!(it, Token::Whitespace(_) | Token::LParen));
        first.is_none_or(|first| READING.iter().any(|it| is_word(first, it)))
    })
}

/// Whether some SQL names a relation where a table can stand. It may say yes where another thing has the same name, and says yes for a
/// text that is no SQL as far as its tokens tell.
pub fn names_table(sql: &str, relation: &Relation) -> bool {
    if !sql.to_lowercase().contains(&relation.identifier.to_lowercase()) {
        return false;
    }
    let Ok(tokens) = Tokenizer::new(&DuckDbDialect {}, sql).tokenize() else { return true };
    let tokens: Vec<&Token> = tokens.iter().filter(|it| !matches!(it, Token::Whitespace(_))).collect();
    tokens
        .iter()
        .enumerate()
        .filter(|(_, it)| is_word(it, &relation.identifier))
        .any(|(at, _)| can_be_the_table(&tokens[..at], relation))
}

/// Whether a name can be that of the relation, by what stands before it: nothing that is no part of its full name.
fn can_be_the_table(before: &[&Token], relation: &Relation) -> bool {
    match before {
        [.., qualifier, Token::Period] => {
            let names = [relation.schema.as_deref(), relation.database.as_deref()];
            names.into_iter().flatten().any(|it| is_word(qualifier, it))
        }
        [.., Token::Comma | Token::LParen] => true,
        [.., last] => BEFORE_TABLES.iter().any(|it| is_word(last, it)),
        [] => false,
    }
}

fn is_word(token: &Token, text: &str) -> bool {
    matches!(token, Token::Word(word) if word.value.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_reads_is_told_from_what_changes_something() {
        for sql in ["select 1", " -- x\n(select 1) union (select 2)", "from t; show tables;", ""] {
            assert!(only_reads(sql), "{sql}");
        }
        for sql in ["set variable x = 1", "select 1; create temp table t as select 1", "'unclosed"] {
            assert!(!only_reads(sql), "{sql}");
        }
    }

    #[test]
    fn a_table_is_named_by_its_full_name_or_a_part_of_it() {
        let orders = Relation::new("shop", "main", "orders");
        for sql in [
            "select max(at) from \"shop\".\"main\".\"orders\"",
            "select 1 from main.Orders",
            "select 1 from shop.orders",
            "select 1 from a, orders",
            "select 1 from a left join orders using (id)",
            "from orders",
            "select 'unclosed, orders",
        ] {
            assert!(names_table(sql, &orders), "{sql}");
        }
        for sql in [
            "select 1 from \"shop\".\"raw\".\"orders\"",
            "select 'main.orders' from a -- main.orders",
            "select a.orders from a",
            "select 1 as orders from orders_raw",
        ] {
            assert!(!names_table(sql, &orders), "{sql}");
        }
    }
}
