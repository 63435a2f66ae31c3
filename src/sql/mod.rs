//! The sqlparser wall: what is known of compiled SQL without an engine.

mod with_clause;

pub use self::with_clause::{WithClause, with_clause};
