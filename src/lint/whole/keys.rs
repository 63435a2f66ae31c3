//! `missing-key-test`: models of which nothing says that a row is there once.

use crate::compile::is_ephemeral;
use crate::lint::facts::Known;
use crate::lint::finding::{Finding, of};
use crate::lint::rules::Rule;
use crate::lint::world::World;
use crate::node::Materialization;
use crate::parse::Body;

pub(super) fn check(world: &World<'_>, known: &Known<'_>, found: &mut Vec<Finding>) {
    for (id, node) in world.own_nodes() {
        let Body::Model { materialized, .. } = &node.body else { continue };
        // What has no rows of its own, or one at most, has no key.
        let has_one_row = known.of_query(id).is_some_and(|it| it.is_single_row);
        if is_ephemeral(node) || *materialized == Materialization::TableFunction || has_one_row {
            continue;
        }
        let tested = world.tested(id).cloned().unwrap_or_default();
        let message = if tested.is_key_tested {
            let singles: Vec<&String> = tested.keys.iter().filter(|it| it.len() == 1).flatten().collect();
            let is_column = |it: &&String| it.chars().all(|it| it.is_alphanumeric() || it == '_');
            let is_filled = |it: &&String| {
                tested.not_null.contains(*it)
                    || known.of_query(id).and_then(|facts| facts.column(it)).is_some_and(|it| it.is_not_null)
            };
            let is_fine = singles.len() < tested.keys.len() || singles.iter().any(is_filled);
            match singles.first().filter(|it| !is_fine && is_column(it)) {
                Some(key) => {
                    format!("the key `{key}` of `{}` is tested with unique, but not with not_null", node.name)
                }
                None => continue,
            }
        } else {
            format!("no test says that a row of `{}` is there once", node.name)
        };
        let diagnostic = of(Rule::MissingKeyTest, message, world.span_of(node), "has no tested key")
            .help("test its key with `unique` and `not_null`, or with `unique_combination_of_columns`");
        found.push(Finding { rule: Rule::MissingKeyTest, node: Some(id), diagnostic });
    }
}
