//! The sqlparser wall: what is known of compiled SQL without an engine.

mod definitions;
pub mod lineage;
mod mentions;
mod one_query;
mod reads;
mod transactions;
mod with_clause;

use sqlparser::tokenizer::Location;

pub use self::definitions::{Definitions, definitions, mentions, pivots_by_rows};
pub use self::mentions::{Mentions, columns_mentioned};
pub use self::one_query::{OneQuery, one_query};
pub use self::reads::{names_table, only_reads};
pub use self::transactions::transaction_statement;
pub use self::with_clause::{WithClause, with_clause};

/// The byte offset of a 1-based line and column (in characters).
fn offset_of(sql: &str, location: Location) -> usize {
    let line = usize::try_from(location.line).unwrap_or(1).max(1);
    let column = usize::try_from(location.column).unwrap_or(1).max(1);
    let start: usize = sql.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let rest = sql.get(start..).unwrap_or_default();
    start + rest.chars().take(column - 1).map(char::len_utf8).sum::<usize>()
}
