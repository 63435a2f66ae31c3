//! Where the time comes from at which a source was loaded.

use super::SourceBody;
use crate::diagnostics::{Span, Spanned};
use crate::node::{IdentifierStyle, Relation};

/// Where the time comes from at which a source was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadTime {
    /// The newest value of a column or an expression.
    Newest(String),
    /// A query of one value; a template that sees the source as `this`.
    Query(Spanned<String>),
    /// The time of the last change of files: an SQL expression for their paths.
    Files(String),
}

/// Functions that read files whose paths are their first argument.
const READERS: [&str; 12] = [
    "parquet_scan",
    "read_blob",
    "read_csv",
    "read_csv_auto",
    "read_json",
    "read_json_auto",
    "read_ndjson",
    "read_ndjson_auto",
    "read_parquet",
    "read_text",
    "read_xlsx",
    "sniff_csv",
];

impl LoadTime {
    /// As the source says it; `None` if nothing tells when it was loaded. `declared` is its place.
    pub fn of(source: &SourceBody, relation: &Relation, declared: Span) -> Option<Self> {
        if let Some(query) = &source.loaded_at_query {
            return Some(LoadTime::Query(Spanned::new(query.clone(), declared)));
        }
        if let Some(field) = &source.loaded_at_field {
            return Some(LoadTime::Newest(field.clone()));
        }
        files(relation).map(LoadTime::Files)
    }
}

/// The paths that a source is read from, as an SQL literal.
fn files(relation: &Relation) -> Option<String> {
    if relation.style != IdentifierStyle::Verbatim {
        return None;
    }
    let text = relation.identifier.trim();
    if text.starts_with('\'') {
        return literal(text).filter(|it| it.len() == text.len()).map(str::to_owned);
    }
    let (function, arguments) = text.split_once('(')?;
    if !READERS.contains(&function.trim().to_lowercase().as_str()) {
        return None;
    }
    literal(arguments.trim_start()).map(str::to_owned)
}

/// The text in quotes, or the list of such texts, that the text begins with.
fn literal(text: &str) -> Option<&str> {
    let is_list = text.starts_with('[');
    let mut is_inside = false;
    for (index, it) in text.char_indices() {
        match it {
            '\'' => {
                is_inside = !is_inside;
                // A doubled quote is one inside, and opens again at once.
                let goes_on = text[index + 1..].starts_with('\'');
                if !is_inside && !is_list && !goes_on {
                    return Some(&text[..=index]);
                }
            }
            ']' if is_list && !is_inside => return Some(&text[..=index]),
            '[' | ',' | ' ' | '\n' if is_list => {}
            _ if is_inside => {}
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paths_of_files_are_found_where_they_are_written_out() {
        for (text, expected) in [
            ("'data/a.parquet'", Some("'data/a.parquet'")),
            ("'it''s.csv'", Some("'it''s.csv'")),
            ("read_csv('a.csv', header=true)", Some("'a.csv'")),
            ("read_parquet(['a.parquet', 'b.parquet'])", Some("['a.parquet', 'b.parquet']")),
            ("READ_CSV ( 'a.csv' )", Some("'a.csv'")),
            ("read_csv(getenv('X'))", None),
            ("iceberg_scan('x')", None),
            ("'a' || 'b'", None),
            ("(select 1)", None),
        ] {
            assert_eq!(files(&Relation::verbatim(text)).as_deref(), expected, "{text}");
        }
        assert_eq!(files(&Relation::new("d", "s", "t")), None);
    }
}
