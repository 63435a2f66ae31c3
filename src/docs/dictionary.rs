//! The data dictionary: every column with its type, description and tests, for spreadsheets and wikis.

use std::fmt::Write as _;

use super::site::{ColumnDetail, Page, Site};

/// Kinds whose columns are listed.
const LISTED: [&str; 4] = ["source", "seed", "model", "snapshot"];

const HEADER: [&str; 8] =
    ["kind", "relation", "description", "column", "type", "column_description", "inherited_from", "tests"];

struct Row<'a> {
    page: &'a Page,
    column: Option<&'a ColumnDetail>,
}

/// The dictionary as CSV.
pub fn csv(site: &Site) -> String {
    let mut text = HEADER.join(",");
    text.push('\n');
    for row in rows(site) {
        let cells = cells(site, &row);
        text.push_str(&cells.map(|it| quoted(&it)).join(","));
        text.push('\n');
    }
    text
}

/// The dictionary as Markdown: a section for each relation, a table of its columns.
pub fn markdown(site: &Site) -> String {
    let mut text = format!("# Data dictionary of {}\n", plain(&site.index.project.name));
    let mut last = None;
    for row in rows(site) {
        let [kind, relation, description, column, data_type, column_description, from, tests] =
            cells(site, &row);
        if last.as_ref() != Some(&row.page.id) {
            let _ = write!(text, "\n## {} ({kind})\n", plain(&relation));
            if !description.is_empty() {
                let _ = write!(text, "\n{}\n", description.trim());
            }
            if row.column.is_some() {
                text.push_str("\n| column | type | description | tests |\n| --- | --- | --- | --- |\n");
            }
            last = Some(row.page.id.clone());
        }
        if row.column.is_some() {
            let from = if from.is_empty() { String::new() } else { format!(" (from {from})") };
            let told = format!("{}{from}", column_description.trim());
            let cells = [column, data_type, told, tests].map(|it| plain(&it));
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
    }
    text
}

fn rows(site: &Site) -> impl Iterator<Item = Row<'_>> {
    let pages = site.index.pages.iter().zip(&site.details);
    pages.filter(|(page, _)| LISTED.contains(&page.kind.as_str())).flat_map(|(page, detail)| {
        let alone = detail.columns.is_empty().then_some(Row { page, column: None });
        let columns = detail.columns.iter().map(move |it| Row { page, column: Some(it) });
        alone.into_iter().chain(columns)
    })
}

fn cells(site: &Site, row: &Row<'_>) -> [String; 8] {
    let Row { page, column } = row;
    let name = |number: usize| site.index.pages.get(number).map(|it| it.name.clone()).unwrap_or_default();
    let from = column.and_then(|it| it.inherited.as_ref());
    [
        page.kind.clone(),
        page.name.clone(),
        page.text.clone(),
        column.map(|it| it.name.clone()).unwrap_or_default(),
        column.map(|it| it.data_type.clone()).unwrap_or_default(),
        column.map(|it| it.text.clone()).unwrap_or_default(),
        from.map(|(page, column)| format!("{}.{column}", name(*page))).unwrap_or_default(),
        column
            .map(|it| it.tests.iter().map(|it| name(*it)).collect::<Vec<_>>().join(", "))
            .unwrap_or_default(),
    ]
}

/// A cell of CSV. Spreadsheets take a text that begins with `=` for a formula: it gets a quote before it.
fn quoted(cell: &str) -> String {
    let cell =
        if cell.starts_with(['=', '+', '-', '@', '\t']) { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}

/// A text in one line, without what Markdown would take for a cell's end or for markup.
fn plain(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.replace('|', "\\|").replace('<', "&lt;")
}
