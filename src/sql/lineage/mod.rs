//! Column lineage: from which columns of which tables each column of a query comes.
//!
//! In: a query's syntax tree as the engine writes it (`json_serialize_sql`), and [`Tables`], which knows what
//! names mean. Out: [`Traced`]. The engine's own tree is read because it is the only one that has all of the
//! engine's syntax: `from` first, `pivot`, `columns()`, lambdas, joins by position and the like. Deliberately
//! absent: the engine itself, and models (that is `compile/`).

mod calls;
mod columns;
mod expression;
mod from;
pub mod json;
mod pivot;
mod query;
mod scope;
mod star;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

pub use self::expression::has_aggregate;
use self::query::Tracer;
pub use self::scope::VALUES;

/// How a column of a query depends on a column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EdgeKind {
    /// It is that column, under its name.
    PassThrough,
    /// It is that column, under another name.
    Renamed,
    /// It is computed from it.
    Computed,
    /// It decides which rows there are: filters, join keys, groups.
    Key,
}

impl EdgeKind {
    /// The word for people and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            EdgeKind::PassThrough => "pass-through",
            EdgeKind::Renamed => "renamed",
            EdgeKind::Computed => "computed",
            EdgeKind::Key => "key",
        }
    }
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ColumnName {
    /// The table, as [`Tables`] calls it.
    pub table: String,
    /// The column, as its table spells it.
    pub column: String,
}

/// Where the columns of a query come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traced {
    /// The query's columns in order.
    pub columns: Vec<TracedColumn>,
    /// Columns that decide which rows there are: they matter to all columns.
    pub keys: BTreeSet<ColumnName>,
    /// Why something may be missing.
    pub unknown: Option<String>,
}

/// Where a column comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedColumn {
    /// Its name.
    pub name: String,
    /// The columns that it comes from.
    pub sources: BTreeMap<ColumnName, EdgeKind>,
    /// Whether it may come from more.
    pub is_unknown: bool,
}

/// A table that a query reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// What to call it.
    pub name: String,
    /// Its columns; `None` where they are not known.
    pub columns: Option<Vec<String>>,
}

/// What names in a query mean.
pub trait Tables {
    /// The table with this name: database, schema and table, as many as are written.
    fn table(&self, name: &[&str]) -> Option<Table>;

    /// The table that is read by this reference, such as a call that reads a file; see [`reference_key`].
    fn reference(&self, key: &str) -> Option<Table>;

    /// The table that a common table expression stands for, which is not looked into.
    fn cte(&self, name: &str) -> Option<Table>;

    /// The syntax tree and the parameters of a function that gives rows, or a value.
    fn function(&self, name: &[&str]) -> Option<(Json, Vec<String>)>;

    /// The columns of what is no table of the project, by the SQL that reads it: a call, or a quoted name.
    fn described(&self, sql: &str) -> Option<Vec<String>>;
}

/// Whether a query, by its syntax tree as text, has the same answer whatever is in the database.
pub fn reads_nothing(tree: &str) -> bool {
    fn reads(part: &Json) -> bool {
        matches!(json::text(part, "type"), "BASE_TABLE" | "TABLE_FUNCTION" | "SHOW_REF" | "DELIM_GET")
            || match part {
                Json::Object(entries) => entries.values().any(reads),
                Json::Array(items) => items.iter().any(reads),
                Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => false,
            }
    }
    serde_json::from_str::<Json>(tree).is_ok_and(|tree| !json::flag(&tree, "error") && !reads(&tree))
}

/// Names of columns as the engine makes them different where a query is read as a table.
pub fn unique_names<'n>(names: impl Iterator<Item = &'n str>) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let unique = |name: &str| {
        let mut unique = name.to_owned();
        while seen.contains_key(&unique.to_lowercase()) {
            let count = seen.entry(name.to_lowercase()).or_default();
            *count += 1;
            unique = format!("{name}_{count}");
        }
        seen.insert(unique.to_lowercase(), 0);
        unique
    };
    names.map(unique).collect()
}

/// What tells a reference in `from` from others: its syntax without places and aliases.
pub fn reference_key(reference: &Json) -> String {
    let mut key = reference.clone();
    json::strip(&mut key);
    key.to_string()
}

/// The reference that a query `select * from ...` reads.
pub fn only_reference(tree: &Json) -> Option<&Json> {
    tree.pointer("/statements/0/node/from_table")
}

/// Traces the columns of a query. `names` are the names that the engine gives them, where it was asked.
pub fn trace(tree: &Json, tables: &dyn Tables, names: Option<&[String]>) -> Traced {
    let unknown = |reason: &str| Traced { unknown: Some(reason.to_owned()), ..Traced::default() };
    if json::flag(tree, "error") {
        return unknown(json::text(tree, "error_message"));
    }
    let Some(node) = tree.pointer("/statements/0/node") else { return unknown("it is not one query") };
    let output = Tracer::new(tables).node(node, None);
    columns::named(output, names)
}
