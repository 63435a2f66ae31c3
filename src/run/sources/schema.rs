//! Whether a source still has the columns that were accepted, and which models that concerns.

use std::collections::BTreeSet;

use super::freshness::described;
use super::shape::{Change, changes};
use crate::compile::is_ephemeral;
use crate::diagnostics::{Diagnostic, Span};
use crate::graph::{Graph, Node};
use crate::node::{NodeId, NodeKind};
use crate::plan::{Action, Plan, Query, QueryText};
use crate::project::sources_lock::{LockedColumn, SOURCES_LOCK_FILE};
use crate::run::ColumnUse;
use crate::run::event::TestStatus;
use crate::sql::{self, Mentions};
use crate::template::{Rendered, SegmentKind};
use crate::warehouse::Column;

/// How many models are named, and shown with their place.
const NAMED: usize = 4;

/// One thing to say about a source's columns.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) status: TestStatus,
    pub(super) message: String,
    pub(super) fault: Option<Diagnostic>,
}

/// A model that reads the source, and what its query mentions.
struct Reader<'a> {
    node: &'a Node,
    /// The columns that it reads, as its lineage tells.
    traced: Option<BTreeSet<String>>,
    queries: Vec<(&'a Rendered, Mentions)>,
    is_known: bool,
}

/// A place where a column is read.
struct Use<'a> {
    node: &'a Node,
    span: Span,
}

/// Compares the columns with those accepted.
pub(super) fn compare(
    plan: &Plan,
    graph: &Graph,
    column_use: Option<&dyn ColumnUse>,
    source: NodeId,
    (locked, now): (&[LockedColumn], &[Column]),
) -> Vec<Finding> {
    let changes = changes(locked, now);
    if changes.is_empty() {
        return Vec::new();
    }
    let is_touched = |it: &Change| matches!(it, Change::Gone { .. } | Change::Retyped { .. });
    let column_use = column_use.filter(|_| changes.iter().any(is_touched));
    let readers = readers(plan, graph, source, column_use);
    let node = graph.node(source);
    let mut findings = Vec::new();
    let mut new = Vec::new();
    for change in &changes {
        match change {
            Change::New(column) => new.push(format!("`{}` {}", column.name, column.data_type)),
            Change::Gone { locked, .. } | Change::Retyped { locked, .. } => {
                findings.push(touched(node, &readers, change, locked));
            }
            Change::Reordered => findings.extend(reordered(node, &readers)),
        }
    }
    if !new.is_empty() {
        let message =
            format!("new: {}; `tidemill source accept` takes it into {SOURCES_LOCK_FILE}", new.join(", "));
        findings.push(Finding { status: TestStatus::Pass, message, fault: None });
    }
    findings
}

/// A column that is gone or has another type.
fn touched(node: &Node, readers: &[Reader<'_>], change: &Change, locked: &LockedColumn) -> Finding {
    let uses = uses(readers, &locked.name);
    let (what, renamed_to) = match change {
        Change::Retyped { data_type, .. } => {
            (format!("column `{}` was {} and is {data_type}", locked.name, locked.data_type), None)
        }
        Change::Gone { renamed_to, .. } => {
            (format!("column `{}` is gone", locked.name), renamed_to.as_deref())
        }
        Change::New(_) | Change::Reordered => (String::new(), None),
    };
    let probably = renamed_to.map(|it| format!(" (probably `{it}` now)")).unwrap_or_default();
    let message = match names(&uses) {
        Some(names) => format!("{what}{probably}, and {names} it"),
        None => format!("{what}{probably}; no model of this run reads it"),
    };
    let headline = format!("{}: {message}", described(node));
    let status = if uses.is_empty() { TestStatus::Warn } else { TestStatus::Fail };
    let mut fault = match status {
        TestStatus::Fail => Diagnostic::error("source-changed", headline),
        _ => Diagnostic::warning("source-changed", headline),
    };
    for (index, it) in uses.iter().take(NAMED).enumerate() {
        fault = if index == 0 { fault.at(it.span, "read here") } else { fault.and_at(it.span, "and here") };
    }
    let accepted = format!("accepted as {}", locked.data_type);
    fault = match locked.span {
        Some(span) if uses.is_empty() => fault.at(span, accepted),
        Some(span) => fault.and_at(span, accepted),
        None => fault.note(accepted),
    };
    let accept = accept(node);
    let help = match (uses.is_empty(), renamed_to) {
        (true, _) => format!("if that is right, accept it: {accept}"),
        (false, Some(name)) => format!("read `{name}` instead, then accept the change: {accept}"),
        (false, None) => format!("change what reads it, then accept the change: {accept}"),
    };
    Finding { status, message, fault: Some(fault.help(help)) }
}

fn accept(node: &Node) -> String {
    let id = node.unique_id.as_str();
    let name = id.splitn(3, '.').nth(2).unwrap_or(id);
    format!("tidemill source accept -s source:{name}")
}

/// The order of columns matters to what takes all of them.
fn reordered(node: &Node, readers: &[Reader<'_>]) -> Option<Finding> {
    let star = |it: &Reader<'_>| {
        let query = it.queries.iter().find_map(|(sql, found)| Some((*sql, found.star()?)));
        query.map(|(sql, offset)| place(it.node, sql, offset, 1))
    };
    let starred: Vec<(&Node, Span)> =
        readers.iter().filter_map(|it| star(it).map(|span| (it.node, span))).collect();
    let what = "the columns stand in another order than accepted";
    let (first, span) = starred.first()?;
    let message = format!("{what}, and `{}` takes all of them with `*`", first.name);
    let fault = Diagnostic::warning("source-changed", format!("{}: {message}", described(node)))
        .at(*span, "")
        .help(format!("if that is right, accept it: {}", accept(node)));
    Some(Finding { status: TestStatus::Warn, message, fault: Some(fault) })
}

/// `` `a` reads``, `` `a` and `b` read``, `` `a`, `b` and 3 more read``.
fn names(uses: &[Use<'_>]) -> Option<String> {
    let mut names: Vec<&str> = uses.iter().map(|it| it.node.name.as_str()).collect();
    names.dedup();
    let quoted: Vec<String> = names.iter().take(NAMED).map(|it| format!("`{it}`")).collect();
    let more = names.len().saturating_sub(NAMED);
    match (quoted.as_slice(), more) {
        ([], _) => None,
        ([one], _) => Some(format!("{one} reads")),
        ([first @ .., last], 0) => Some(format!("{} and {last} read", first.join(", "))),
        (all, more) => Some(format!("{} and {more} more read", all.join(", "))),
    }
}

fn uses<'a>(readers: &[Reader<'a>], column: &str) -> Vec<Use<'a>> {
    let mut uses = Vec::new();
    for reader in readers {
        let node = reader.node;
        let named = reader.queries.iter().find_map(|(sql, found)| Some((*sql, found.named(column)?)));
        let starred = reader.queries.iter().find_map(|(sql, found)| Some((*sql, found.star()?)));
        let traced = reader.traced.as_ref().map(|it| it.contains(&column.to_lowercase()));
        let span = match (named, starred, traced) {
            (Some((sql, offset)), ..) => place(node, sql, offset, column.len()),
            // All columns are taken, but not all of them have to be read.
            (None, Some((sql, offset)), None | Some(true)) => place(node, sql, offset, 1),
            (None, None, Some(true)) => start_of(node),
            (None, None, None) if !reader.is_known => start_of(node),
            (None, _, Some(false)) | (None, None, None) => continue,
        };
        uses.push(Use { node, span });
    }
    uses
}

/// The place of a word of a query in the file that it comes from.
fn place(node: &Node, sql: &Rendered, offset: usize, length: usize) -> Span {
    let length = u32::try_from(length).unwrap_or(0);
    match sql.source_of(offset) {
        Some((span, SegmentKind::Verbatim)) => Span { end: span.start + length, ..span },
        Some((span, SegmentKind::Expression)) => span,
        None => start_of(node),
    }
}

fn start_of(node: &Node) -> Span {
    Span { end: node.span.start, ..node.span }
}

/// The steps whose queries read the source, themselves or through ephemeral models.
fn readers<'a>(
    plan: &'a Plan,
    graph: &'a Graph,
    source: NodeId,
    column_use: Option<&dyn ColumnUse>,
) -> Vec<Reader<'a>> {
    let mut readers = Vec::new();
    let mut stack = graph.children(source);
    let mut seen = BTreeSet::new();
    while let Some(id) = stack.pop() {
        let node = graph.node(id);
        if !seen.insert(id) || node.kind == NodeKind::Test {
            continue;
        }
        if is_ephemeral(node) {
            stack.extend(graph.children(id));
        } else if let Some(step) = plan.steps.iter().find(|it| it.node == id) {
            let traced = column_use.and_then(|it| it.reads(id, source));
            readers.push(reader(node, &step.action, traced));
        }
    }
    readers.sort_by(|a, b| a.node.name.cmp(&b.node.name));
    readers
}

fn reader<'a>(node: &'a Node, action: &'a Action, traced: Option<BTreeSet<String>>) -> Reader<'a> {
    let of_query = |query: &'a Query| &query.sql;
    let texts: Vec<&QueryText> = match action {
        Action::CreateView(query)
        | Action::CreateTable(query)
        | Action::WriteFiles(query)
        | Action::CreateTableFunction(query)
        | Action::TakeSnapshot(query)
        | Action::CreateFunction(query) => vec![of_query(query)],
        Action::UpdateTable { whole, update, .. } => vec![of_query(whole), of_query(update)],
        Action::RunBatches(batches) => vec![&batches.query],
        Action::ByMacro(by_macro) => std::iter::once(&by_macro.whole).chain(&by_macro.update).collect(),
        Action::LoadSeed(_)
        | Action::Nothing
        | Action::NoOp
        | Action::TestPublished
        | Action::TestAlone
        | Action::UnitTest(_)
        | Action::Broken(_) => Vec::new(),
    };
    let (mut queries, mut is_known) = (Vec::new(), true);
    for text in texts {
        match text {
            QueryText::Ready(sql) => match sql::columns_mentioned(&sql.text) {
                Some(found) => queries.push((sql, found)),
                None => is_known = false,
            },
            QueryText::Late => is_known = false,
        }
    }
    Reader { node, traced, queries, is_known }
}
