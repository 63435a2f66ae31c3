//! The check of queries before anything runs, for the commands that begin with it.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use super::session::{Loaded, Session, Stopped};
use crate::compile::lineage::{self, Lineage, Table};
use crate::compile::shapes::{self, InWarehouse, Shapes, ShapesInput, Tables};
use crate::compile::{Compiled, is_ephemeral};
use crate::diagnostics::Diagnostic;
use crate::graph::Graph;
use crate::node::{NodeId, NodeKind, Relation};
use crate::run::ColumnUse;
use crate::warehouse::{Attachment, Column, ConnectOptions, Warehouse, WarehouseError, duckdb};

/// The target's database as the check looks into it.
struct Existing(Box<dyn Warehouse>);

impl Tables for Existing {
    fn named(&mut self, identifiers: &[String]) -> Result<Vec<(Relation, Vec<Column>)>, WarehouseError> {
        self.0.tables_named(identifiers)
    }

    fn definitions(&mut self) -> Result<Vec<String>, WarehouseError> {
        self.0.definitions()
    }
}

/// What there is to look into.
enum Peeked {
    Nothing,
    Existing(Existing),
    Unknown,
}

impl Session {
    /// Columns and types of the nodes wanted, and what is wrong with their queries. The database is only read,
    /// and only if that needs no waiting and no network.
    pub(super) fn shapes(
        &mut self,
        loaded: &Loaded,
        graph: &Graph,
        compiled: &Compiled,
        wanted: &BTreeSet<NodeId>,
        full_refresh: bool,
    ) -> Result<Shapes, Stopped> {
        let options = self.connect_options(loaded, true);
        let peeked = peek(loaded, &options);
        self.shapes_with(loaded, &of_all(loaded, graph, compiled, wanted, full_refresh), peeked)
    }

    /// The same without a look at the database: sources are as they were accepted or declared.
    pub(super) fn shapes_unseen(
        &mut self,
        loaded: &Loaded,
        graph: &Graph,
        compiled: &Compiled,
        wanted: &BTreeSet<NodeId>,
    ) -> Result<Shapes, Stopped> {
        self.shapes_with(loaded, &of_all(loaded, graph, compiled, wanted, false), Peeked::Unknown)
    }

    fn shapes_with(
        &mut self,
        loaded: &Loaded,
        input: &ShapesInput<'_>,
        mut peeked: Peeked,
    ) -> Result<Shapes, Stopped> {
        let options = self.connect_options(loaded, true);
        let warehouse = match &mut peeked {
            Peeked::Nothing => InWarehouse::Nothing,
            Peeked::Existing(existing) => InWarehouse::Tables(existing),
            Peeked::Unknown => InWarehouse::Unknown,
        };
        let found = duckdb::open_binder(&options).and_then(|binder| shapes::find(input, warehouse, binder));
        found.map_err(|error| {
            let fault = Diagnostic::error("check-failed", "the queries could not be checked");
            self.fail(error.message.lines().fold(fault, |it, line| it.note(line.trim())))
        })
    }

    /// Where the columns of all nodes with SQL come from.
    pub(super) fn lineage(
        &mut self,
        loaded: &Loaded,
        graph: &Graph,
        compiled: &Compiled,
        shapes: &Shapes,
    ) -> Result<Lineage, Stopped> {
        let options = self.connect_options(loaded, true);
        let traced =
            duckdb::open_binder(&options).and_then(|binder| lineage::trace(graph, compiled, shapes, binder));
        traced.map_err(|error| {
            let fault = Diagnostic::error("check-failed", "the queries could not be traced");
            self.fail(error.message.lines().fold(fault, |it, line| it.note(line.trim())))
        })
    }
}

/// Columns that queries read, traced when somebody asks: as the accepted shapes of sources have them, so that a
/// column that is gone is still one.
pub(super) struct ColumnsRead<'a> {
    loaded: &'a Loaded,
    graph: &'a Graph,
    compiled: &'a Compiled,
    options: ConnectOptions,
    traced: OnceLock<Option<Lineage>>,
}

impl<'a> ColumnsRead<'a> {
    pub(super) fn new(
        session: &Session,
        loaded: &'a Loaded,
        graph: &'a Graph,
        compiled: &'a Compiled,
    ) -> Self {
        let options = session.connect_options(loaded, true);
        Self { loaded, graph, compiled, options, traced: OnceLock::new() }
    }

    fn trace(&self) -> Option<Lineage> {
        let is_test = |id: &NodeId| self.graph.node(*id).kind == NodeKind::Test;
        let wanted = self.compiled.nodes.keys().copied().filter(|it| !is_test(it)).collect();
        let input = ShapesInput {
            project: &self.loaded.project,
            graph: self.graph,
            compiled: self.compiled,
            wanted: &wanted,
            files: &self.loaded.disk,
            full_refresh: false,
        };
        let binder = duckdb::open_binder(&self.options).ok()?;
        let shapes = shapes::find(&input, InWarehouse::Accepted, binder).ok()?;
        let binder = duckdb::open_binder(&self.options).ok()?;
        lineage::trace(self.graph, self.compiled, &shapes, binder).ok()
    }
}

impl ColumnUse for ColumnsRead<'_> {
    fn reads(&self, node: NodeId, source: NodeId) -> Option<BTreeSet<String>> {
        let lineage = self.traced.get_or_init(|| self.trace()).as_ref()?;
        let mut read = BTreeSet::new();
        let (mut stack, mut seen) = (vec![node], BTreeSet::new());
        while let Some(id) = stack.pop() {
            let traced = lineage.nodes.get(&id)?;
            if traced.unknown.is_some() || traced.columns.iter().any(|it| it.is_unknown) {
                return None;
            }
            let columns = traced.columns.iter().flat_map(|it| it.sources.keys()).chain(&traced.keys);
            for column in columns {
                let Table::Node(table) = column.table else { return None };
                if table == source {
                    read.insert(column.name.to_lowercase());
                } else if is_ephemeral(self.graph.node(table)) && seen.insert(table) {
                    stack.push(table);
                }
            }
        }
        Some(read)
    }
}

fn of_all<'a>(
    loaded: &'a Loaded,
    graph: &'a Graph,
    compiled: &'a Compiled,
    wanted: &'a BTreeSet<NodeId>,
    full_refresh: bool,
) -> ShapesInput<'a> {
    ShapesInput { project: &loaded.project, graph, compiled, wanted, files: &loaded.disk, full_refresh }
}

fn peek(loaded: &Loaded, options: &ConnectOptions) -> Peeked {
    let target = &loaded.project.target;
    let is_elsewhere = |path: &str| path.starts_with("md:") || path.contains("://");
    if options.main.is_some() || is_elsewhere(&target.path) {
        return Peeked::Unknown;
    }
    let is_missing = options.path.as_ref().is_none_or(|it| !it.exists());
    let is_local = |it: &&Attachment| {
        let is_duckdb = it.kind.as_deref().is_none_or(|it| it.eq_ignore_ascii_case("duckdb"));
        is_duckdb && !it.is_lake && !it.path.contains(':') && std::path::Path::new(&it.path).is_file()
    };
    let attach: Vec<Attachment> = options
        .attach
        .iter()
        .filter(is_local)
        .map(|it| Attachment { read_only: true, ..it.clone() })
        .collect();
    if is_missing && attach.is_empty() {
        return Peeked::Nothing;
    }
    let options = ConnectOptions {
        path: options.path.clone().filter(|_| !is_missing),
        read_only: !is_missing,
        schema: "main".to_owned(),
        attach,
        extensions: Vec::new(),
        create_secrets: Vec::new(),
        settings: Vec::new(),
        is_offline: true,
        wait: std::time::Duration::ZERO,
        ..options.clone()
    };
    duckdb::open(&options).map_or(Peeked::Unknown, |it| Peeked::Existing(Existing(it)))
}
