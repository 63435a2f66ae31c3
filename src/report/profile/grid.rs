//! A table of short cells, and what becomes of it where the terminal is narrow: each row as a few lines.

use std::fmt::Write as _;

use crate::report::layout;

/// Spaces between two columns.
const GAP: usize = 2;

/// The last column, of words, may be cropped down to this.
const MIN_LAST: usize = 20;

/// A column's name and side.
pub(super) struct Column {
    name: &'static str,
    is_right: bool,
}

impl Column {
    /// Words.
    pub(super) fn left(name: &'static str) -> Self {
        Self { name, is_right: false }
    }

    /// Numbers.
    pub(super) fn right(name: &'static str) -> Self {
        Self { name, is_right: true }
    }

    fn pad(&self, cell: &str, width: usize) -> String {
        let cell = layout::crop(cell, width);
        if self.is_right { layout::pad_left(&cell, width) } else { layout::pad_right(&cell, width) }
    }
}

/// Rows of as many cells as there are columns. Columns with nothing in them are left out.
pub(super) fn grid(columns: &[Column], rows: &[Vec<String>], width: usize) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|it| layout::one_line(it)).collect()).collect();
    let is_kept = |index: &usize| rows.iter().any(|row| !row[*index].is_empty());
    let kept: Vec<usize> = (0..columns.len()).filter(is_kept).collect();
    let widest = |index: &usize| {
        let cells = rows.iter().map(|row| layout::width(&row[*index]));
        cells.chain([layout::width(columns[*index].name)]).max().unwrap_or_default()
    };
    let mut widths: Vec<usize> = kept.iter().map(widest).collect();
    let total = |widths: &[usize]| widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
    if let (Some(last), false) = (kept.last(), total(&widths) <= width)
        && !columns[*last].is_right
    {
        let excess = total(&widths) - width;
        if let Some(last) = widths.last_mut() {
            *last = last.saturating_sub(excess).max(MIN_LAST.min(*last));
        }
    }
    if total(&widths) > width {
        return stacked(columns, &rows, &kept, width);
    }
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> = kept
            .iter()
            .zip(&widths)
            .zip(cells)
            .map(|((index, width), cell)| columns[*index].pad(cell, *width))
            .collect();
        format!("{}\n", padded.join(&" ".repeat(GAP)).trim_end())
    };
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    let mut text = line(kept.iter().map(|it| columns[*it].name).collect());
    text.push_str(&line(rule.iter().map(String::as_str).collect()));
    for row in &rows {
        text.push_str(&line(kept.iter().map(|it| row[*it].as_str()).collect()));
    }
    text
}

/// The first cell, and below it the others with their columns' names.
fn stacked(columns: &[Column], rows: &[Vec<String>], kept: &[usize], width: usize) -> String {
    let mut text = String::new();
    for row in rows {
        let Some((first, others)) = kept.split_first() else { break };
        let others: Vec<String> = others
            .iter()
            .filter(|it| !row[**it].is_empty())
            .map(|it| format!("{} {}", columns[*it].name, row[*it]).trim_start().to_owned())
            .collect();
        text.push_str(&row[*first]);
        text.push('\n');
        let mut line = String::new();
        for other in others {
            // With a comma behind it.
            if !line.is_empty() && 2 + layout::width(&line) + 2 + layout::width(&other) + 1 > width {
                let _ = writeln!(text, "  {line},");
                line.clear();
            }
            if !line.is_empty() {
                line.push_str(", ");
            }
            line.push_str(&other);
        }
        text.push_str(&layout::indent(&layout::wrap(&line, width.saturating_sub(2), 2), 2));
    }
    text
}
