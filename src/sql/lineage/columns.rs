//! From what was traced to the columns that the engine says the query has.

use std::collections::BTreeMap;

use super::scope::{Column, Output, Sources};
use super::{EdgeKind, Traced, TracedColumn};

/// Gives columns the engine's names. Where the numbers differ, they are matched by name, and what is left is
/// unknown rather than guessed.
pub(super) fn named(output: Output, names: Option<&[String]>) -> Traced {
    let Output { mut columns, keys, is_open, any, .. } = output;
    if let Some(names) = names.filter(|_| !is_open && any.is_none()) {
        columns = with_fields(columns, names.len());
    }
    let all_fit = names.is_none_or(|it| it.len() == columns.len());
    let traced: Vec<TracedColumn> = match names {
        Some(names) if all_fit && !is_open && any.is_none() => {
            names.iter().zip(&columns).map(|(name, it)| column(name, &it.sources)).collect()
        }
        Some(names) => {
            names.iter().map(|name| by_name(name, &columns, any.as_deref().filter(|_| !is_open))).collect()
        }
        None => columns.iter().map(|it| column(&it.name, &it.sources)).collect(),
    };
    let is_unknown = traced.iter().any(|it| it.is_unknown) || (names.is_none() && (is_open || any.is_some()));
    let unknown = is_unknown.then(|| match (is_open || any.is_some(), all_fit) {
        (true, _) => "it reads columns of something whose columns are not known".to_owned(),
        (false, false) => "its columns are not those that were traced".to_owned(),
        (false, true) => "the meaning of a name is not known".to_owned(),
    });
    Traced { columns: traced, keys, unknown }
}

/// Puts as many columns in the place of a struct as are left for its fields.
fn with_fields(columns: Vec<Column>, wanted: usize) -> Vec<Column> {
    let mut structs = columns.iter().filter(|it| it.is_struct);
    let (1, true) = (structs.by_ref().count(), wanted != columns.len()) else { return columns };
    let Some(fields) = (wanted + 1).checked_sub(columns.len()) else { return columns };
    let times = |it: &Column| if it.is_struct { fields } else { 1 };
    columns.iter().flat_map(|it| std::iter::repeat_n(it.clone(), times(it))).collect()
}

fn by_name(name: &str, columns: &[Column], any: Option<&str>) -> TracedColumn {
    let mut same = columns.iter().filter(|it| it.name.eq_ignore_ascii_case(name));
    match (same.next(), same.next(), any) {
        (Some(only), None, _) => column(name, &only.sources),
        (None, _, Some(table)) => column(name, &Sources::of(table, name)),
        _ => column(name, &Sources::unknown()),
    }
}

fn column(name: &str, sources: &Sources) -> TracedColumn {
    let mut edges = BTreeMap::new();
    for (source, is_exact) in &sources.from {
        let kind = match is_exact {
            true if source.column.eq_ignore_ascii_case(name) => EdgeKind::PassThrough,
            true => EdgeKind::Renamed,
            false => EdgeKind::Computed,
        };
        edges.insert(source.clone(), kind);
    }
    TracedColumn { name: name.to_owned(), sources: edges, is_unknown: sources.is_unknown }
}
