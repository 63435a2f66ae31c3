//! The words every phase shares: node, kind of node, relation, materialization, severity.
//!
//! Plain data without behaviour of its own; deliberately absent: anything read from files (that is
//! `parse/`), anything that is on disk (that is `artifacts/`), anything an engine knows (`warehouse/`).

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

/// A node's index in the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

impl NodeId {
    /// The index as a number, for use with slices.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A node's stable name across runs and tools, such as `model.shop.orders`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UniqueId(pub String);

impl UniqueId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a node is. The names are dbt's resource types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeKind {
    /// A table loaded by others.
    Source,
    /// A CSV file of the project.
    Seed,
    /// One `select` in one file.
    Model,
    /// A table that keeps old versions of rows.
    Snapshot,
    /// A SQL function of the project.
    Function,
    /// A query that must return no rows.
    Test,
    /// A query that is compiled but not built.
    Analysis,
    /// A named use of nodes outside the project.
    Exposure,
    /// A model with made-up inputs and the rows that it must make of them.
    UnitTest,
    /// What a model's columns mean to the semantic layer.
    SemanticModel,
    /// A figure of the semantic layer.
    Metric,
    /// A question to the semantic layer.
    SavedQuery,
}

impl NodeKind {
    /// The word in unique ids, selectors and artifacts.
    pub fn as_str(self) -> &'static str {
        match self {
            NodeKind::Source => "source",
            NodeKind::Seed => "seed",
            NodeKind::Model => "model",
            NodeKind::Snapshot => "snapshot",
            NodeKind::Function => "function",
            NodeKind::Test => "test",
            NodeKind::Analysis => "analysis",
            NodeKind::Exposure => "exposure",
            NodeKind::UnitTest => "unit_test",
            NodeKind::SemanticModel => "semantic_model",
            NodeKind::Metric => "metric",
            NodeKind::SavedQuery => "saved_query",
        }
    }
}

impl fmt::Display for NodeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a model becomes a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Materialization {
    /// `create view`.
    View,
    /// `create table as`.
    Table,
    /// A table that is added to instead of made anew.
    Incremental,
    /// Files, and a view that reads them.
    External,
    /// A function that gives rows.
    TableFunction,
    /// Put into its readers as a common table expression; never in the warehouse.
    Ephemeral,
    /// By a macro of the project or of a package.
    Custom,
}

impl Materialization {
    /// The word in `materialized:`, where it is built in.
    pub fn as_str(self) -> &'static str {
        match self {
            Materialization::View => "view",
            Materialization::Table => "table",
            Materialization::Incremental => "incremental",
            Materialization::External => "external",
            Materialization::TableFunction => "table_function",
            Materialization::Ephemeral => "ephemeral",
            Materialization::Custom => "custom",
        }
    }
}

impl fmt::Display for Materialization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a relation is in the warehouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RelationKind {
    /// Holds rows.
    Table,
    /// Holds a query.
    View,
}

impl RelationKind {
    /// The word in SQL and in dbt's relation objects.
    pub fn as_str(self) -> &'static str {
        match self {
            RelationKind::Table => "table",
            RelationKind::View => "view",
        }
    }
}

/// A table or view in the warehouse by its name; it need not exist.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Relation {
    /// Database (DuckDB: catalog). `None` for what has no qualified name: an ephemeral model's
    /// common table expression, or a file that is read in place.
    pub database: Option<String>,
    /// Schema; absent as `database` is.
    pub schema: Option<String>,
    /// Name in the schema, or the text of a table function for external sources.
    pub identifier: String,
    /// How the identifier is written into SQL.
    pub style: IdentifierStyle,
    /// Which parts of the name people want to see in quotes.
    pub quoting: Quoting,
}

/// Which parts of a relation's name are written in quotes. It is no part of the name: all are equal.
#[derive(Clone, Copy, Debug)]
pub struct Quoting {
    /// The database.
    pub database: bool,
    /// The schema.
    pub schema: bool,
    /// The name in the schema.
    pub identifier: bool,
}

impl Quoting {
    /// All parts.
    pub const ALL: Self = Self { database: true, schema: true, identifier: true };

    /// Database, schema, identifier.
    pub fn parts(self) -> [bool; 3] {
        [self.database, self.schema, self.identifier]
    }
}

impl Default for Quoting {
    fn default() -> Self {
        Self::ALL
    }
}

impl PartialEq for Quoting {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Quoting {}

impl PartialOrd for Quoting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quoting {
    fn cmp(&self, _: &Self) -> Ordering {
        Ordering::Equal
    }
}

impl Hash for Quoting {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// How a relation's last part is written into SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdentifierStyle {
    /// A quoted name.
    Quoted,
    /// As it is: a common table expression's name, or an expression such as `read_parquet('x')`.
    Verbatim,
}

impl Relation {
    /// A relation with a full name.
    pub fn new(
        database: impl Into<String>,
        schema: impl Into<String>,
        identifier: impl Into<String>,
    ) -> Self {
        Self {
            database: Some(database.into()),
            schema: Some(schema.into()),
            identifier: identifier.into(),
            style: IdentifierStyle::Quoted,
            quoting: Quoting::ALL,
        }
    }

    /// Text that stands for a relation as it is.
    pub fn verbatim(text: impl Into<String>) -> Self {
        let (identifier, style) = (text.into(), IdentifierStyle::Verbatim);
        Self { database: None, schema: None, identifier, style, quoting: Quoting::ALL }
    }

    /// The same, written with other quotes.
    #[must_use]
    pub fn quoted_as(self, quoting: Quoting) -> Self {
        Self { quoting, ..self }
    }

    /// The relation as SQL: `"database"."schema"."identifier"`. A part that is not to be quoted is quoted
    /// all the same if it is a plain word, because a quoted word means the same and may be a keyword.
    pub fn render(&self) -> String {
        self.join(|part, is_quoted| is_quoted || is_word(part))
    }

    /// The relation as people write it, with quotes where they want them.
    pub fn written(&self) -> String {
        self.join(|_, is_quoted| is_quoted)
    }

    fn join(&self, is_quoted: impl Fn(&str, bool) -> bool) -> String {
        let quote = |part: &str, wanted| {
            if is_quoted(part, wanted) { quote_identifier(part) } else { part.to_owned() }
        };
        let mut sql = String::new();
        let parts = [(&self.database, self.quoting.database), (&self.schema, self.quoting.schema)];
        for (part, wanted) in parts {
            if let Some(part) = part {
                sql.push_str(&quote(part, wanted));
                sql.push('.');
            }
        }
        match self.style {
            IdentifierStyle::Quoted => sql.push_str(&quote(&self.identifier, self.quoting.identifier)),
            IdentifierStyle::Verbatim => sql.push_str(&self.identifier),
        }
        sql
    }

    /// `schema.identifier` for people: no quotes, no database.
    pub fn short(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{schema}.{}", self.identifier),
            None => self.identifier.clone(),
        }
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render())
    }
}

/// An identifier in double quotes, with inner double quotes doubled: the only place that quotes one.
pub fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Whether a name is a word that means the same with and without quotes.
pub fn is_word(name: &str) -> bool {
    let is_part = |it: char| it.is_ascii_alphanumeric() || it == '_';
    name.chars().all(is_part) && !name.starts_with(|it: char| it.is_ascii_digit()) && !name.is_empty()
}

/// A text in single quotes, with inner single quotes doubled: the only place that writes a string literal.
pub fn quote_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Where a test's failing rows are kept (`store_failures`, `store_failures_as`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFailures {
    /// Nowhere, whatever the command line says.
    Nowhere,
    /// In a table or a view.
    In(RelationKind),
}

/// What a failing test does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TestSeverity {
    /// Stops publication.
    Error,
    /// Is reported.
    Warn,
}
