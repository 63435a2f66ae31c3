//! Enforced contracts: names and types are compared before anything is made, and constraints are part of
//! the table, so that rows that break them end the transaction.

use super::incremental::NewRows;
use super::step::{Failure, Worker};
use crate::compile::contract;
use crate::diagnostics::Diagnostic;
use crate::node::{Relation, quote_identifier};
use crate::parse::Body;
use crate::parse::model_details::ModelDetails;
use crate::parse::properties::{ColumnProperties, Constraint, ConstraintKind};
use crate::template::Rendered;
use crate::warehouse::{Column, Effect, ErrorKind, Warehouse as _};

impl<'a> Worker<'a> {
    /// The details of a model whose contract is enforced.
    pub(super) fn contract(&self) -> Option<&'a ModelDetails> {
        match &self.node.body {
            Body::Model { details, .. } if details.contract.enforced => Some(details),
            _ => None,
        }
    }

    /// Compares the query's columns with those of the contract, if there is one.
    pub(super) fn check_contract(&mut self, sql: &Rendered) -> Result<(), Failure> {
        if self.contract().is_none() {
            return Ok(());
        }
        let found = self.warehouse.describe(&sql.text).map_err(|error| self.failure(sql, 0, &error))?;
        self.check_columns(&found)
    }

    /// The same for rows whose query may have been run already.
    pub(super) fn check_contract_of(&mut self, rows: NewRows<'_>) -> Result<(), Failure> {
        match rows.staged {
            Some(staged) => self.check_columns(&staged.columns),
            None => self.check_contract(rows.query),
        }
    }

    /// The same for columns that are known.
    fn check_columns(&mut self, found: &[Column]) -> Result<(), Failure> {
        if self.contract().is_none() {
            return Ok(());
        }
        let promised = self.promised()?;
        match contract::compare(self.node, found, &promised) {
            Some(fault) => Err(Failure { kind: ErrorKind::Sql, fault }),
            None => Ok(()),
        }
    }

    /// The contract's columns with their types in the engine's words.
    fn promised(&mut self) -> Result<Vec<Column>, Failure> {
        let mut promised = Vec::new();
        for column in &self.node.columns {
            let (name, data_type) = (&column.name.value, column.data_type.as_deref().unwrap_or("varchar"));
            let sql = format!("select cast(null as {data_type}) as {}", quote_identifier(name));
            let described = self.warehouse.describe(&sql).map_err(|error| {
                let why = error.message.lines().next().unwrap_or_default();
                let message = format!("`{data_type}` is not a type: {why}");
                let fault = Diagnostic::error("unknown-type", message)
                    .at(column.name.span, "the type of this column in the contract");
                Failure { kind: ErrorKind::Sql, fault }
            })?;
            promised.extend(described);
        }
        Ok(promised)
    }

    /// A table with the contract's columns, types and constraints, then the rows.
    pub(super) fn make_by_contract(
        &mut self,
        relation: &Relation,
        sql: &Rendered,
    ) -> Result<Effect, Failure> {
        let Some(details) = self.contract() else { return Ok(Effect::default()) };
        let name = relation.render();
        let columns = self.node.columns.iter().map(|it| self.column_sql(it));
        let whole = details.constraints.iter().filter_map(|it| self.table_constraint(it));
        let parts: Vec<String> = columns.chain(whole).collect();
        self.execute(&format!("create or replace table {name} ({})", parts.join(", ")))?;
        if self.is_arranged(relation) {
            self.arrange(&name)?;
        }
        let names: Vec<String> = self.node.columns.iter().map(column_name).collect();
        let names = names.join(", ");
        let before = format!("insert into {name} ({names}) select {names} from (");
        self.execute_around(&before, sql, ") as model_subq").map_err(|failure| self.broken(failure))
    }

    fn column_sql(&self, column: &ColumnProperties) -> String {
        let mut parts = vec![column_name(column), column.data_type.clone().unwrap_or_default()];
        for constraint in &column.constraints {
            let expression = constraint.expression.as_ref().map_or("", |it| it.value.as_str());
            let written = match constraint.kind.value {
                ConstraintKind::Check if expression.is_empty() => String::new(),
                ConstraintKind::Check => format!("check ({expression})"),
                ConstraintKind::NotNull => format!("not null {expression}"),
                ConstraintKind::Unique => format!("unique {expression}"),
                ConstraintKind::PrimaryKey => format!("primary key {expression}"),
                ConstraintKind::ForeignKey => format!("references {}", self.pointed_at(constraint)),
                ConstraintKind::Custom => expression.to_owned(),
            };
            parts.push(written.trim().to_owned());
        }
        parts.retain(|it| !it.is_empty());
        parts.join(" ")
    }

    fn table_constraint(&self, constraint: &Constraint) -> Option<String> {
        let expression = constraint.expression.as_ref().map_or("", |it| it.value.as_str());
        let columns: Vec<&str> = constraint.columns.iter().map(|it| it.value.as_str()).collect();
        let columns = columns.join(", ");
        let name = constraint.name.as_ref().map_or(String::new(), |it| format!("constraint {it} "));
        let written = match constraint.kind.value {
            ConstraintKind::Check if !expression.is_empty() => format!("check ({expression})"),
            ConstraintKind::Unique => format!("unique {expression} ({columns})"),
            ConstraintKind::PrimaryKey => format!("primary key {expression} ({columns})"),
            ConstraintKind::ForeignKey => {
                format!("foreign key ({columns}) references {}", self.pointed_at(constraint))
            }
            ConstraintKind::Custom if !expression.is_empty() => expression.to_owned(),
            ConstraintKind::Check | ConstraintKind::NotNull | ConstraintKind::Custom => return None,
        };
        Some(format!("{name}{written}"))
    }

    /// What a foreign key points at. The engine takes no database there.
    fn pointed_at(&self, constraint: &Constraint) -> String {
        let expression = constraint.expression.as_ref().map_or("", |it| it.value.as_str());
        let Some(to) = &constraint.to else { return expression.to_owned() };
        let graph = self.shared.graph;
        // The call stands in the YAML as text; its last quoted word is the name.
        let words: Vec<&str> = to.value.split(['\'', '"']).skip(1).step_by(2).collect();
        let is_meant = |package: Option<&str>, name: &str| {
            words.last() == Some(&name) && package.is_none_or(|it| words.first() == Some(&it))
        };
        let refs = self.node.refs.iter().filter(|it| is_meant(it.0.package.as_deref(), &it.0.name));
        let sources = self.node.sources.iter().filter(|it| is_meant(Some(&it.0.source), &it.0.table));
        let found = refs.map(|it| *it.1).chain(sources.map(|it| *it.1)).next();
        let relation = found.and_then(|id| graph.node(id).relation.clone());
        let table = match relation {
            Some(relation) => Relation { database: None, ..relation }.render(),
            None => to.value.clone(),
        };
        format!("{table} ({})", constraint.to_columns.join(", "))
    }

    /// A failure of the rows, with the place of the constraint that they break.
    pub(super) fn broken(&self, failure: Failure) -> Failure {
        if self.contract().is_none() {
            return failure;
        }
        let text = failure.fault.message.clone();
        let kinds: &[ConstraintKind] = if text.contains("NOT NULL constraint") {
            &[ConstraintKind::NotNull, ConstraintKind::PrimaryKey]
        } else if text.contains("CHECK constraint") {
            &[ConstraintKind::Check]
        } else if text.contains("foreign key constraint") {
            &[ConstraintKind::ForeignKey]
        } else if text.contains("UNIQUE constraint") || text.contains("Duplicate key") {
            &[ConstraintKind::PrimaryKey, ConstraintKind::Unique]
        } else {
            return failure;
        };
        let of_columns = self.node.columns.iter().flat_map(|column| {
            column.constraints.iter().map(move |it| (Some(column.name.value.as_str()), it))
        });
        let of_model = self.contract().map(|it| it.constraints.iter()).into_iter().flatten();
        let all: Vec<_> = of_columns.chain(of_model.map(|it| (None, it))).collect();
        let of_kind: Vec<_> = all.into_iter().filter(|it| kinds.contains(&it.1.kind.value)).collect();
        let named = of_kind.iter().find(|(column, _)| {
            column.is_some_and(|it| text.ends_with(&format!(".{it}")) || text.contains(&format!("\"{it}:")))
        });
        let meant = match of_kind.as_slice() {
            [one] => Some(one),
            _ => named,
        };
        let fault = Diagnostic::error("constraint-failed", text)
            .at(meant.map_or(self.node.span, |it| it.1.kind.span), "rows break this constraint")
            .note(format!("the query of `{}` gives such rows", self.node.name));
        Failure { fault, ..failure }
    }
}

fn column_name(column: &ColumnProperties) -> String {
    let name = &column.name.value;
    if column.quote == Some(true) { quote_identifier(name) } else { name.clone() }
}
