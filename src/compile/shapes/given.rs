//! Shapes of what is no query of the project: sources, seeds, and nodes that are taken as they are.

use super::{KnownShape, Shape};
use crate::graph::Node;
use crate::node::{Relation, quote_identifier};
use crate::project::files::Files;
use crate::project::sources_lock::LockedColumn;
use crate::warehouse::Column;
use crate::warehouse::binder::Binder;
use crate::warehouse::seed::{SeedOptions, infer_seed};

impl KnownShape {
    pub(super) fn sure(columns: Vec<Column>) -> Self {
        Self { columns, guess: None }
    }
}

/// A source that the warehouse has not: what was accepted once, then what is declared.
pub(super) fn source(node: &Node, locked: Option<&[LockedColumn]>, binder: &mut dyn Binder) -> Shape {
    if let Some(locked) = locked.filter(|it| !it.is_empty()) {
        let column = |it: &LockedColumn| Column { name: it.name.clone(), data_type: it.data_type.clone() };
        return Shape::Known(KnownShape::sure(locked.iter().map(column).collect()));
    }
    let declared: Option<Vec<Column>> = node
        .columns
        .iter()
        .map(|it| Some(Column { name: it.name.value.clone(), data_type: it.data_type.clone()? }))
        .collect();
    let declared = declared.filter(|it| !it.is_empty()).and_then(|it| with_types(&it, binder));
    match declared {
        Some(columns) => {
            let guess = format!("the columns of its source `{}` are only declared", node.name);
            Shape::Known(KnownShape { columns, guess: Some(guess) })
        }
        None => Shape::Unknown(
            "its table is not in the database now, and no shape of it was accepted or declared".to_owned(),
        ),
    }
}

/// A source that is read in place.
pub(super) fn external(relation: &Relation, binder: &mut dyn Binder) -> Result<Vec<Column>, String> {
    let described = binder.describe(&format!("select * from {}", relation.render()));
    described.map_err(|it| it.error.message.lines().next().unwrap_or_default().to_owned())
}

/// A seed, by its file.
pub(super) fn seed(node: &Node, files: &dyn Files, binder: &mut dyn Binder) -> Shape {
    let options = SeedOptions {
        delimiter: node.config.delimiter.as_deref().and_then(|it| it.chars().next()).unwrap_or(','),
        column_types: node.config.column_types.clone(),
    };
    let Ok(reader) = files.open(&node.path) else {
        return Shape::Unknown("its file cannot be read".to_owned());
    };
    match infer_seed(reader, &options) {
        Ok(shape) => {
            let column =
                |it: crate::warehouse::seed::SeedColumn| Column { name: it.name, data_type: it.data_type };
            let columns: Vec<Column> = shape.columns.into_iter().map(column).collect();
            let columns = with_types(&columns, binder).unwrap_or(columns);
            Shape::Known(KnownShape::sure(columns))
        }
        Err(error) => Shape::Unknown(format!("its file cannot be loaded: {}", error.message)),
    }
}

/// Columns with types in the engine's words; `None` if one of them is no type.
pub(super) fn with_types(columns: &[Column], binder: &mut dyn Binder) -> Option<Vec<Column>> {
    let items: Vec<String> = columns
        .iter()
        .map(|it| format!("cast(null as {}) as {}", it.data_type, quote_identifier(&it.name)))
        .collect();
    binder.describe(&format!("select {}", items.join(", "))).ok()
}
