//! What can be known of a query's rows without running it: which columns together are there once, which have no
//! nulls, whether there is one row at most.
//!
//! In: the syntax tree of one model after the other, parents first, and what tests say about nodes. Out:
//! [`Facts`] of the model, and every join with what is known of both sides. A fact that is not sure is left out,
//! and [`Facts::is_complete`] says whether that is for want of a test or for want of understanding.

mod join;
mod select;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

pub(super) use self::join::{Join, Verdict};
use super::world::{World, plain};
use crate::compile::lineage::ProjectTables;
use crate::node::{NodeId, UniqueId};
use crate::sql::lineage::json::{flag, list, text, texts};
use crate::sql::lineage::{Tables, reference_key};

/// What is known of the rows of a query or a node.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// The columns in order; `None` where they are not known.
    pub(super) columns: Option<Vec<Column>>,
    /// Columns, in lower case, that together are there once.
    pub(super) keys: Vec<BTreeSet<String>>,
    /// Whether a key that is not listed would be, if somebody tested it.
    pub(super) is_complete: bool,
    /// Whether there is one row at most.
    pub(super) is_single_row: bool,
    /// Whether it reads no table: its rows are made of literals and functions, as those of a calendar are.
    pub(super) is_made: bool,
    /// The node that all rows are of, as they are or filtered.
    pub(super) node: Option<NodeId>,
}

/// A column of a query.
#[derive(Clone, Debug, Default)]
pub(super) struct Column {
    /// Its name, in lower case.
    pub(super) name: String,
    /// The node's column that it is.
    pub(super) origin: Option<(NodeId, String)>,
    /// Whether it has no nulls for sure.
    pub(super) is_not_null: bool,
}

impl Facts {
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.as_ref()?.iter().find(|it| it.name.eq_ignore_ascii_case(name))
    }

    fn unknown() -> Self {
        Self::default()
    }
}

/// Facts of the nodes looked at so far.
pub(super) struct Known<'a> {
    world: &'a World<'a>,
    tables: &'a ProjectTables<'a>,
    nodes: BTreeMap<NodeId, Facts>,
}

/// What was found on the way through one query.
#[derive(Clone, Debug, Default)]
pub(super) struct Looked {
    pub(super) joins: Vec<Join>,
    /// Places of `not in` a query of a column that may be null, with the column.
    pub(super) nullable_not_in: Vec<(usize, String)>,
}

impl<'a> Known<'a> {
    pub(super) fn new(world: &'a World<'a>, tables: &'a ProjectTables<'a>) -> Self {
        Self { world, tables, nodes: BTreeMap::new() }
    }

    /// Looks at a model's query, given as the engine's tree. Its parents were looked at before; of several looks at
    /// one model the last one counts for its children.
    pub(super) fn look_at(&mut self, id: NodeId, tree: &Json) -> Looked {
        let mut reader = Reader { known: self, ctes: Vec::new(), looked: Looked::default(), depth: 0 };
        let facts = reader.query(tree);
        let looked = std::mem::take(&mut reader.looked);
        self.nodes.insert(id, facts);
        looked
    }

    /// What is known of a node's own query.
    pub(super) fn of_query(&self, id: NodeId) -> Option<&Facts> {
        self.nodes.get(&id)
    }

    /// The node that a reference in `from` reads.
    pub(super) fn node_of(&self, reference: &Json) -> Option<NodeId> {
        let parts: Vec<&str> = ["catalog_name", "schema_name", "table_name"]
            .into_iter()
            .map(|it| text(reference, it))
            .filter(|it| !it.is_empty())
            .collect();
        let table = self.tables.table(&parts).or_else(|| self.tables.reference(&reference_key(reference)))?;
        self.world.input.graph.find(&UniqueId(table.name))
    }

    /// The ephemeral model that a common table expression stands for.
    pub(super) fn ephemeral_node(&self, name: &str) -> Option<NodeId> {
        self.world.input.graph.find(&UniqueId(self.tables.cte(name)?.name))
    }

    /// What is known of a node for those who read it: by its tests, and by its query.
    fn of_node(&self, id: NodeId) -> Facts {
        let tested = self.world.tested(id);
        let own = self.nodes.get(&id);
        let shape = self.world.input.shapes.columns(id);
        let columns = shape.map(|it| {
            let column = |name: &str| {
                let name = plain(name);
                let by_test = tested.is_some_and(|it| it.not_null.contains(&name));
                let by_query = own.and_then(|it| it.column(&name)).is_some_and(|it| it.is_not_null);
                Column { origin: Some((id, name.clone())), is_not_null: by_test || by_query, name }
            };
            it.iter().map(|it| column(&it.name)).collect()
        });
        let mut keys = tested.map(|it| it.keys.clone()).unwrap_or_default();
        keys.extend(own.iter().flat_map(|it| it.keys.iter().cloned()));
        let is_single_row = own.is_some_and(|it| it.is_single_row);
        let is_made = own.is_some_and(|it| it.is_made);
        Facts { columns, keys, is_complete: true, is_single_row, is_made, node: Some(id) }
    }

    /// An ephemeral model by the name of its common table expression.
    fn ephemeral(&self, name: &str) -> Option<Facts> {
        self.ephemeral_node(name).map(|it| self.of_node(it))
    }
}

/// Reads one model's query.
struct Reader<'k, 'a> {
    known: &'k Known<'a>,
    ctes: Vec<(String, Facts)>,
    looked: Looked,
    depth: usize,
}

/// Queries in queries that are followed.
const DEEPEST: usize = 200;

impl Reader<'_, '_> {
    fn query(&mut self, node: &Json) -> Facts {
        if self.depth > DEEPEST {
            return Facts::unknown();
        }
        self.depth += 1;
        let facts = stacker::maybe_grow(128 * 1024, 4 * 1024 * 1024, || self.any_query(node));
        self.depth -= 1;
        facts
    }

    fn any_query(&mut self, node: &Json) -> Facts {
        let outside = self.ctes.len();
        for entry in node.get("cte_map").map(|it| list(it, "map")).unwrap_or_default() {
            let name = text(entry, "key");
            let facts = match self.known.ephemeral(name) {
                Some(facts) => facts,
                None => match entry.pointer("/value/query/node") {
                    Some(query) => {
                        let names = entry.get("value").map(|it| texts(it, "aliases")).unwrap_or_default();
                        renamed(self.query(query), &names)
                    }
                    None => Facts::unknown(),
                },
            };
            self.ctes.push((name.to_owned(), facts));
        }
        let facts = match text(node, "type") {
            "SELECT_NODE" => self.select(node),
            "SET_OPERATION_NODE" => self.set_operation(node),
            _ => {
                // A recursion: its parts are looked at for their joins.
                for side in ["left", "right", "query", "child"] {
                    if let Some(part) = node.get(side) {
                        self.query(part);
                    }
                }
                Facts::unknown()
            }
        };
        self.ctes.truncate(outside);
        facts
    }

    fn set_operation(&mut self, node: &Json) -> Facts {
        let (Some(left), Some(right)) = (node.get("left"), node.get("right")) else {
            return Facts::unknown();
        };
        let (left, right) = (self.query(left), self.query(right));
        let kind = text(node, "setop_type");
        let is_union = kind.starts_with("UNION");
        let is_all = node.get("setop_all").and_then(Json::as_bool).unwrap_or(true);
        let columns = left.columns.map(|it| {
            let both = |(index, own): (usize, Column)| {
                let other = right.columns.as_ref().and_then(|it| it.get(index));
                let is_not_null = own.is_not_null && (!is_union || other.is_some_and(|it| it.is_not_null));
                Column { origin: own.origin.filter(|_| !is_union), is_not_null, name: own.name }
            };
            it.into_iter().enumerate().map(both).collect::<Vec<_>>()
        });
        let columns = columns.filter(|_| kind != "UNION_BY_NAME");
        let mut keys = if is_union { Vec::new() } else { left.keys };
        if let (false, Some(columns)) = (is_all, &columns) {
            keys.push(columns.iter().map(|it| it.name.clone()).collect());
        }
        // Whether the branches have a value in common is not known, and no test can be put here.
        let is_made = left.is_made && right.is_made;
        Facts { columns, keys, is_complete: false, is_single_row: false, is_made, node: None }
    }
}

/// The same with other names of its first columns.
fn renamed(mut facts: Facts, names: &[&str]) -> Facts {
    let Some(columns) = &mut facts.columns else { return facts };
    for (column, name) in columns.iter_mut().zip(names) {
        let (old, new) = (std::mem::replace(&mut column.name, plain(name)), plain(name));
        for key in &mut facts.keys {
            if key.remove(&old) {
                key.insert(new.clone());
            }
        }
    }
    facts
}

/// Whether a select item is a star.
fn is_star(item: &Json) -> bool {
    text(item, "class") == "STAR" && !flag(item, "columns")
}
