//! The statements that make the project's functions: macros of the engine.

use crate::diagnostics::Spanned;
use crate::node::{Relation, quote_identifier};
use crate::parse::functions::{FunctionBody, FunctionKind, default_sql};
use crate::parse::properties::{FunctionArgument, FunctionReturns};

/// A statement that makes a macro of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MacroStatement {
    /// Bytes before the query.
    pub prefix: usize,
    /// The statement.
    pub statement: String,
}

/// Makes a function of the project, or makes it anew.
pub fn macro_statement(function: &FunctionBody, relation: &Relation, sql: &str) -> MacroStatement {
    let (arguments, opening) = (arguments(function), opening(function));
    let prefix = format!("create or replace macro {}({arguments}) as {opening}", relation.render());
    let statement = format!("{prefix}{sql}\n{}", closing(function));
    MacroStatement { prefix: prefix.len(), statement }
}

/// Makes a function that gives the query's rows, as a model is made.
pub fn table_function(parameters: &[String], relation: &Relation, sql: &str) -> MacroStatement {
    let prefix =
        format!("create or replace function {}({}) as table (", relation.render(), parameters.join(", "));
    MacroStatement { prefix: prefix.len(), statement: format!("{prefix}{sql}\n)") }
}

/// Names of arguments with their defaults. Types are left out: files of the engine's default storage version
/// hold no macros with typed parameters.
fn arguments(function: &FunctionBody) -> String {
    let argument = |it: &FunctionArgument| {
        let name = quote_identifier(&it.name.value);
        match &it.default_value {
            Some(value) => format!("{name} := {}", default_sql(value)),
            None => name,
        }
    };
    function.arguments.iter().map(argument).collect::<Vec<_>>().join(", ")
}

/// What stands before the function's own text, on the same line.
fn opening(function: &FunctionBody) -> String {
    match (function.kind, columns(&function.returns)) {
        (FunctionKind::Scalar | FunctionKind::Aggregate, _) => "(cast((".to_owned(),
        (FunctionKind::Table, None) => "table (".to_owned(),
        (FunctionKind::Table, Some(columns)) => format!("table (select {columns} from ("),
    }
}

/// What stands behind it, on a line of its own.
fn closing(function: &FunctionBody) -> String {
    match (function.kind, columns(&function.returns)) {
        (FunctionKind::Scalar | FunctionKind::Aggregate, _) => {
            let kind = function.returns.data_type.as_ref().map_or("varchar", |it| it.value.as_str());
            format!(") as {kind}))")
        }
        (FunctionKind::Table, None) => ")".to_owned(),
        (FunctionKind::Table, Some(_)) => "))".to_owned(),
    }
}

/// The columns of a table that a function gives, as types where they are said.
fn columns(returns: &FunctionReturns) -> Option<String> {
    let column = |(name, kind): &(Spanned<String>, Option<String>)| {
        let name = quote_identifier(&name.value);
        match kind {
            Some(kind) => format!("cast({name} as {kind}) as {name}"),
            None => name,
        }
    };
    (!returns.columns.is_empty()).then(|| returns.columns.iter().map(column).collect::<Vec<_>>().join(", "))
}
