//! The columns of a page: those the relation has, in its order, with what properties files say about them.

use super::Making;
use crate::docs::columns::KnownColumn;
use crate::docs::manifest::{Column, Constraint, Entry};
use crate::docs::markdown;
use crate::docs::site::ColumnDetail;

pub(super) fn columns(making: &Making<'_>, number: usize, entry: &Entry) -> Vec<ColumnDetail> {
    let declared = &entry.columns.0;
    let known = making.facts.columns.get(&entry.unique_id).map(Vec::as_slice).unwrap_or_default();
    let is_same = |declared: &Column, known: &KnownColumn| declared.name.eq_ignore_ascii_case(&known.name);
    let mut columns: Vec<ColumnDetail> = known
        .iter()
        .map(|known| {
            let own = declared.iter().find(|it| is_same(it, known));
            column(making, number, entry, own, Some(known))
        })
        .collect();
    for own in declared.iter().filter(|own| !known.iter().any(|known| is_same(own, known))) {
        let mut column = column(making, number, entry, Some(own), None);
        column.is_missing = !known.is_empty();
        columns.push(column);
    }
    columns
}

fn column(
    making: &Making<'_>,
    number: usize,
    entry: &Entry,
    own: Option<&Column>,
    known: Option<&KnownColumn>,
) -> ColumnDetail {
    let name = known.map(|it| &it.name).or(own.map(|it| &it.name)).cloned().unwrap_or_default();
    let known_type = known.and_then(|it| it.data_type.clone());
    let declared_type = own.map(|it| it.data_type.clone()).filter(|it| !it.is_empty());
    let inherited = making.facts.inherited.get(&(entry.unique_id.clone(), name.to_lowercase()));
    let written = own.map(|it| it.description.as_str()).filter(|it| !it.trim().is_empty());
    let inherited = inherited.filter(|_| written.is_none());
    let comment = known.and_then(|it| it.comment.as_deref());
    let text = written.or(inherited.map(|it| it.description.as_str())).or(comment).unwrap_or_default();
    ColumnDetail {
        is_declared: known_type.is_none() && declared_type.is_some(),
        data_type: known_type.or(declared_type).unwrap_or_default(),
        is_missing: false,
        description: markdown::tree(text),
        text: text.to_owned(),
        inherited: inherited
            .and_then(|it| Some((*making.numbers.get(it.from.0.as_str())?, it.from.1.clone()))),
        from: making.origins(&entry.unique_id, &name),
        is_origin_unknown: making
            .facts
            .unknown
            .get(&entry.unique_id)
            .is_some_and(|it| it.columns.iter().any(|it| it.eq_ignore_ascii_case(&name))),
        tags: own.map(|it| it.tags.clone()).unwrap_or_default(),
        meta: own.map(|it| it.meta.clone()).unwrap_or_default(),
        constraints: own.map(|it| it.constraints.iter().map(constraint).collect()).unwrap_or_default(),
        tests: making.tests_on(number, &name),
        name,
    }
}

/// A constraint in a few words.
pub(super) fn constraint(it: &Constraint) -> String {
    let kind = it.kind.replace('_', " ");
    let columns = if it.columns.is_empty() { String::new() } else { format!(" ({})", it.columns.join(", ")) };
    let expression = if it.expression.is_empty() { String::new() } else { format!(": {}", it.expression) };
    format!("{kind}{columns}{expression}")
}
