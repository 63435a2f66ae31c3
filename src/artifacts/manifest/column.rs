//! Columns as described, in the order written.

use serde::Serialize;
use serde::ser::Serializer;
use serde_json::Value as Json;

use super::constraint::ColumnConstraint;
use super::entry::Context;
use crate::parse::ParsedNode;
use crate::parse::properties::ColumnProperties;

/// A mapping of columns by name.
pub(super) struct Columns<'a>(Vec<Column<'a>>);

#[derive(Serialize)]
struct Column<'a> {
    name: &'a str,
    description: &'a str,
    meta: &'a Json,
    data_type: Option<&'a str>,
    constraints: Vec<ColumnConstraint<'a>>,
    quote: Option<bool>,
    config: ColumnConfig<'a>,
    tags: &'a [String],
    granularity: Option<&'a str>,
    doc_blocks: Vec<String>,
}

#[derive(Serialize)]
struct ColumnConfig<'a> {
    meta: &'a Json,
    tags: &'a [String],
}

impl<'a> Columns<'a> {
    pub(super) fn new(context: &Context<'a>, columns: &'a [ColumnProperties]) -> Self {
        Self(columns.iter().map(|it| Column::new(context, it)).collect())
    }
}

impl Serialize for Columns<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|it| (it.name, it)))
    }
}

impl<'a> Column<'a> {
    fn new(context: &Context<'a>, column: &'a ColumnProperties) -> Self {
        let description = column.description.as_ref();
        Self {
            name: &column.name.value,
            description: description.map_or("", |it| &it.value),
            meta: &column.meta,
            data_type: column.data_type.as_deref(),
            constraints: column.constraints.iter().map(ColumnConstraint::new).collect(),
            quote: column.quote,
            config: ColumnConfig { meta: &column.meta, tags: &column.tags },
            tags: &column.tags,
            granularity: column.granularity.as_ref().map(|it| it.value.as_str()),
            // The place of a description is that of the text as written, before `doc()` was replaced.
            doc_blocks: description
                .map(|it| doc_blocks(context, context.sources.text_of(it.span)))
                .unwrap_or_default(),
        }
    }
}

/// The docs blocks that a node's description is made of.
pub(super) fn of_node(context: &Context<'_>, parsed: &ParsedNode) -> Vec<String> {
    let written = parsed.described_at.map(|it| context.sources.text_of(it));
    written.map(|it| doc_blocks(context, it)).unwrap_or_default()
}

/// The docs blocks that a description's template calls, in order.
fn doc_blocks(context: &Context<'_>, written: &str) -> Vec<String> {
    let docs = &context.graph.docs;
    let called = doc_calls(written).into_iter().filter_map(|name| docs.iter().find(|it| it.name == name));
    called.map(super::library::doc_id).collect()
}

/// The last argument of every `doc(...)`; quotes of YAML around those of the template are no matter.
fn doc_calls(written: &str) -> Vec<&str> {
    let is_name = |it: char| it.is_alphanumeric() || it == '_';
    let mut names = Vec::new();
    for (start, _) in written.match_indices("doc(") {
        if written[..start].ends_with(is_name) || !written[..start].contains("{{") {
            continue;
        }
        let arguments = written[start + "doc(".len()..].split(')').next().unwrap_or_default();
        let last = arguments.rsplit(',').next().unwrap_or_default();
        names.push(last.trim_matches(|it| !is_name(it)));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_doc_are_found_in_any_quotes() {
        for (written, names) in [
            ("plain text about doc('x')", &[][..]),
            ("{{ doc('x') }}", &["x"]),
            (r#""{{ doc(\"x\") }} and {{ doc('shop', 'y') }}""#, &["x", "y"]),
            ("'{{ doc(''__x__'') }}'", &["__x__"]),
            ("{{ my_doc('x') }}", &[]),
        ] {
            assert_eq!(doc_calls(written), names, "{written}");
        }
    }
}
