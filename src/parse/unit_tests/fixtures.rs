//! Rows of unit tests: lists of mappings, CSV and queries, in YAML or in files of their own.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{Fixture, FixtureCell, FixtureRow, Input, Rows};
use crate::diagnostics::{Diagnostic, Diagnostics, Span, Spanned, suggest};
use crate::parse::Parser;
use crate::parse::properties::{FixtureFormat, FixtureProperties};
use crate::project::ProjectFile;
use crate::template::TemplateSource;
use crate::yaml::{Yaml, YamlKind};

/// What fixtures are read with.
pub(super) struct Fixtures<'a, 'p> {
    pub(super) parser: &'a Parser<'p>,
    /// The files for fixtures, by name.
    pub(super) files: BTreeMap<&'p str, &'p ProjectFile>,
}

/// A text with rows in it, and where its lines are.
struct Written {
    text: String,
    /// The whole of it.
    span: Span,
    /// Its lines, where they can be told apart in the file.
    lines: Vec<Span>,
}

impl Fixtures<'_, '_> {
    /// The rows that an entry gives; of an input that is a seed they may be left out.
    pub(super) fn read(
        &self,
        diags: &mut Diagnostics,
        yaml_file: &ProjectFile,
        entry: &FixtureProperties,
        input: Option<&Input>,
    ) -> Option<Fixture> {
        let written = match (&entry.file, &entry.rows) {
            (Some(name), _) => Some(self.file(diags, name, entry.format)?),
            (None, Some(rows)) => rows.as_str().map(|text| in_yaml(yaml_file, text, rows.span)),
            (None, None) => None,
        };
        let rows = match (entry.format, &written, &entry.rows) {
            (FixtureFormat::Dict, None, Some(rows)) => Rows::Values(self.mappings(diags, rows)?),
            (FixtureFormat::Dict, None, None) if matches!(input, Some(Input::Ref(_))) => Rows::OfSeed,
            (FixtureFormat::Csv, Some(written), _) => Rows::Values(csv_rows(diags, written)?),
            (FixtureFormat::Sql, Some(written), _) => Rows::Query(self.query(written)),
            (format, ..) => {
                let span = entry.file.as_ref().map(|it| it.span);
                let span = span.or(entry.rows.as_ref().map(|it| it.span)).unwrap_or(entry.span);
                diags.push(wrong_rows(format, span));
                return None;
            }
        };
        let span = entry.rows.as_ref().map_or(entry.span, |it| it.span);
        let file = entry.file.as_ref();
        let span = file.map_or(span, |it| it.span);
        Some(Fixture { format: entry.format, file: file.map(|it| it.value.clone()), rows, span })
    }

    fn query(&self, written: &Written) -> TemplateSource {
        TemplateSource {
            package: self.parser.package.to_owned(),
            file: written.span.file,
            text: written.text.as_str().into(),
            offset: written.span.start as usize,
        }
    }

    fn file(
        &self,
        diags: &mut Diagnostics,
        name: &Spanned<String>,
        format: FixtureFormat,
    ) -> Option<Written> {
        let wanted = name.value.trim_end_matches(".csv").trim_end_matches(".sql");
        if let Some(file) = self.files.get(wanted)
            && format != FixtureFormat::Dict
        {
            let text = file.text.trim_start();
            let start = file.text.len() - text.len();
            let text = text.trim_end();
            let span = Span::new(file.id, start..start + text.len());
            return Some(Written { lines: lines(text, span), text: text.to_owned(), span });
        }
        let diagnostic = if format == FixtureFormat::Dict && self.files.contains_key(wanted) {
            Diagnostic::error("invalid-fixture", "a fixture file holds CSV or a query")
                .at(name.span, "its format is `dict` here")
                .help("add `format: csv` or `format: sql`")
        } else {
            Diagnostic::error("unknown-fixture", format!("there is no fixture `{}`", name.value))
                .at(name.span, "no .csv or .sql file in `tests/fixtures` has this name")
                .help_opt(suggest::did_you_mean(wanted, self.files.keys().copied()))
        };
        diags.push(diagnostic);
        None
    }

    fn mappings(&self, diags: &mut Diagnostics, yaml: &Yaml) -> Option<Vec<FixtureRow>> {
        let YamlKind::List(items) = &yaml.kind else {
            diags.push(wrong_rows(FixtureFormat::Dict, yaml.span));
            return None;
        };
        let mut rows = Vec::with_capacity(items.len());
        for item in items {
            let YamlKind::Map(entries) = &item.kind else {
                diags.push(wrong_rows(FixtureFormat::Dict, item.span));
                return None;
            };
            let mut cells: Vec<FixtureCell> = Vec::with_capacity(entries.len());
            for (column, value) in entries {
                if let Some(first) = cells.iter().find(|it| it.is_of(&column.value)) {
                    diags.push(
                        Diagnostic::error("invalid-fixture", format!("a row has `{}` twice", column.value))
                            .at(column.span, "again here")
                            .and_at(first.column.span, "first here"),
                    );
                    continue;
                }
                let span = value.span;
                let value = self.parser.settings.render_json(diags, &value.to_json(), span);
                cells.push(FixtureCell { column: column.clone(), value, span });
            }
            rows.push(FixtureRow { cells, span: item.span });
        }
        Some(rows)
    }
}

fn wrong_rows(format: FixtureFormat, span: Span) -> Diagnostic {
    let expected = match format {
        FixtureFormat::Dict => "a list of mappings from columns to values",
        FixtureFormat::Csv => "a text of lines with values, or the name of a `fixture`",
        FixtureFormat::Sql => "a query, or the name of a `fixture`",
    };
    let message = format!("rows of the format `{}` must be {expected}", format.as_str());
    Diagnostic::error("invalid-fixture", message)
        .at(span, "this is not")
        .help("`format:` can be `dict`, `csv` or `sql`")
}

/// A text of a YAML file. Where it is a block (`|`), its lines are those of the file.
fn in_yaml(file: &ProjectFile, text: &str, span: Span) -> Written {
    let raw = file.text.get(span.range()).unwrap_or_default();
    let is_block = raw.starts_with('|');
    let start = raw.find('\n').map_or(raw.len(), |it| it + 1);
    let all = lines(&raw[start..], Span { start: span.start + u32::try_from(start).unwrap_or(0), ..span });
    Written { text: text.to_owned(), span, lines: if is_block { all } else { Vec::new() } }
}

/// The places of a text's lines, without the space around them.
fn lines(text: &str, span: Span) -> Vec<Span> {
    let mut start = span.start as usize;
    let mut all = Vec::new();
    for line in text.split_inclusive('\n') {
        let content = line.trim();
        let at = start + (line.len() - line.trim_start().len());
        all.push(Span::new(span.file, at..at + content.len()));
        start += line.len();
    }
    all
}

/// Lines of values under a line of names; nothing between two commas is null.
fn csv_rows(diags: &mut Diagnostics, written: &Written) -> Option<Vec<FixtureRow>> {
    let skipped = written.text.len() - written.text.trim_start().len();
    let skipped = written.text[..skipped].matches('\n').count();
    let line = |number: u64| {
        let index = usize::try_from(number).unwrap_or(0).saturating_sub(1) + skipped;
        written.lines.get(index).copied().unwrap_or(written.span)
    };
    let mut reader = csv::ReaderBuilder::new().from_reader(written.text.trim().as_bytes());
    let read = |reader: &mut csv::Reader<&[u8]>| -> Result<Vec<FixtureRow>, csv::Error> {
        let header = reader.headers()?.clone();
        let names: Vec<Spanned<String>> = header
            .iter()
            .map(|name| Spanned::new(name.to_owned(), name_in(&written.text, line(1), name, skipped)))
            .collect();
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record?;
            let span = record.position().map_or(written.span, |it| line(it.line()));
            let value = |it: &str| if it.is_empty() { Json::Null } else { Json::from(it) };
            let cells = names.iter().zip(&record).map(|(column, it)| FixtureCell {
                column: column.clone(),
                value: value(it),
                span,
            });
            rows.push(FixtureRow { cells: cells.collect(), span });
        }
        Ok(rows)
    };
    match read(&mut reader) {
        Ok(rows) => Some(rows),
        Err(error) => {
            diags.push(
                Diagnostic::error("invalid-fixture", "the rows of a fixture are not CSV")
                    .at(written.span, "read from here")
                    .note(error.to_string()),
            );
            None
        }
    }
}

/// The place of a column's name in the header.
fn name_in(text: &str, header: Span, name: &str, skipped: usize) -> Span {
    let line = text.lines().nth(skipped).unwrap_or_default().trim();
    let mut from = 0;
    while let Some(at) = line.get(from..).and_then(|it| it.find(name)) {
        let (start, end) = (from + at, from + at + name.len());
        let is_edge = |it: Option<char>| it.is_none_or(|it| !(it.is_alphanumeric() || it == '_'));
        if !name.is_empty()
            && is_edge(line[..start].chars().next_back())
            && is_edge(line[end..].chars().next())
            && header.range().len() == line.len()
        {
            let base = header.start as usize;
            return Span::new(header.file, base + start..base + end);
        }
        from = end.max(from + 1);
    }
    header
}
