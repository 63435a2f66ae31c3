//! Constraints of models and columns, and the key that they tell.

use serde::Serialize;

use crate::parse::ParsedNode;
use crate::parse::model_details::ModelDetails;
use crate::parse::properties::{Constraint, ConstraintKind};

/// A constraint of a column.
#[derive(Serialize)]
pub(super) struct ColumnConstraint<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    name: Option<&'a str>,
    expression: Option<&'a str>,
    warn_unenforced: bool,
    warn_unsupported: bool,
    to: Option<&'a str>,
    to_columns: &'a [String],
}

/// A constraint of a model as a whole.
#[derive(Serialize)]
pub(super) struct ModelConstraint<'a> {
    #[serde(flatten)]
    shared: ColumnConstraint<'a>,
    columns: Vec<&'a str>,
}

impl<'a> ColumnConstraint<'a> {
    pub(super) fn new(constraint: &'a Constraint) -> Self {
        Self {
            kind: constraint.kind.value.as_str(),
            name: constraint.name.as_deref(),
            expression: constraint.expression.as_ref().map(|it| it.value.as_str()),
            warn_unenforced: constraint.warn_unenforced,
            warn_unsupported: constraint.warn_unsupported,
            to: constraint.to.as_ref().map(|it| it.value.as_str()),
            to_columns: &constraint.to_columns,
        }
    }
}

impl<'a> ModelConstraint<'a> {
    pub(super) fn new(constraint: &'a Constraint) -> Self {
        Self {
            shared: ColumnConstraint::new(constraint),
            columns: constraint.columns.iter().map(|it| it.value.as_str()).collect(),
        }
    }
}

/// The columns of a primary key, if a constraint says which.
pub(super) fn primary_key<'a>(parsed: &'a ParsedNode, details: &'a ModelDetails) -> Option<Vec<&'a str>> {
    let is_key = |it: &&Constraint| it.kind.value == ConstraintKind::PrimaryKey;
    if let Some(key) = details.constraints.iter().find(is_key) {
        let mut columns: Vec<&str> = key.columns.iter().map(|it| it.value.as_str()).collect();
        columns.sort_unstable();
        return Some(columns);
    }
    let column = parsed.columns.iter().find(|it| it.constraints.iter().any(|it| is_key(&it)))?;
    Some(vec![column.name.value.as_str()])
}
