//! The words every phase shares: node, kind of node, relation, materialization, severity.
//!
//! Plain data without behaviour of its own; deliberately absent: anything read from files (that is
//! `parse/`), anything that is on disk (that is `artifacts/`), anything an engine knows (`warehouse/`).

use std::fmt;

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
        }
    }

    /// Text that stands for a relation as it is.
    pub fn verbatim(text: impl Into<String>) -> Self {
        Self { database: None, schema: None, identifier: text.into(), style: IdentifierStyle::Verbatim }
    }

    /// The relation as SQL: `"database"."schema"."identifier"`.
    pub fn render(&self) -> String {
        let mut sql = String::new();
        for part in [&self.database, &self.schema].into_iter().flatten() {
            sql.push_str(&quote_identifier(part));
            sql.push('.');
        }
        match self.style {
            IdentifierStyle::Quoted => sql.push_str(&quote_identifier(&self.identifier)),
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
