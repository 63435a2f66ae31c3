//! Result tables: what macros get from the warehouse, with the shape of the tables of Python's `agate`
//! that dbt hands out.
//!
//! `cells` turns the engine's rows into values of dbt's types, `mapped` is a row or a column, `table` is
//! the table, `print` draws it. Deliberately absent: asking the warehouse, which is in `context`.

pub(super) mod cells;
pub(super) mod mapped;
mod print;
pub(super) mod table;
