//! Functions that nodes make, among what was there when the run began: the engine lists them apart from relations.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog_key;
use super::connection::Connection;
use super::history::Published;
use super::step::{Failure, Worker};
use crate::graph::{Graph, Node};
use crate::node::{Relation, RelationKind};
use crate::plan::{Plan, Step};
use crate::warehouse::{Value, Warehouse as _, WarehouseError};

/// Adds those of the plan's nodes to the catalog. Each stands there as a view does: it holds a query and no rows. Gives
/// those whose nodes make a table or a view now.
pub(super) fn add(
    catalog: &mut BTreeMap<String, RelationKind>,
    (plan, graph): (&Plan, &Graph),
    published: &BTreeMap<String, Published>,
    warehouse: &mut Connection,
) -> Result<BTreeSet<String>, WarehouseError> {
    // What is published, and is no relation, was a function.
    let was_function = |node: &Node| published.get(node.unique_id.as_str()).is_some_and(|it| !it.is_relation);
    let name = |step: &Step| {
        let key = catalog_key(&step.relation.as_ref()?.render());
        let node = graph.node(step.node);
        (node.is_called() || was_function(node) && !catalog.contains_key(&key)).then_some((key, step.node))
    };
    let wanted: BTreeMap<String, _> = plan.steps.iter().filter_map(name).collect();
    let mut former = BTreeSet::new();
    if wanted.is_empty() {
        return Ok(former);
    }
    let sql = "select distinct database_name, schema_name, function_name from duckdb_functions() \
               where not internal and function_type in ('macro', 'table_macro')";
    for row in warehouse.query(sql, None)?.rows {
        let [Value::Text(database), Value::Text(schema), Value::Text(name)] = &row[..] else { continue };
        let key = catalog_key(&Relation::new(database, schema, name).render());
        let Some(node) = wanted.get(&key) else { continue };
        if !graph.node(*node).is_called() {
            former.insert(key.clone());
        }
        catalog.entry(key).or_insert(RelationKind::View);
    }
    Ok(former)
}

impl Worker<'_> {
    /// Whether what the node made before, or makes now, is called: it has no columns of its own.
    pub(super) fn is_called(&self) -> bool {
        self.node.is_called() || self.was_function()
    }

    fn was_function(&self) -> bool {
        let relation = self.step.relation.as_ref();
        relation.is_some_and(|it| self.shared.former_functions.contains(&catalog_key(&it.render())))
    }

    /// Drops the function that a model was before it became a table or a view: it would answer with its old rows.
    pub(super) fn drop_former_function(&mut self) -> Result<(), Failure> {
        match &self.step.relation {
            Some(relation) if self.was_function() => {
                self.execute(&format!("drop macro table if exists {}", relation.render())).map(drop)
            }
            _ => Ok(()),
        }
    }
}
