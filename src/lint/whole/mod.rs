//! Rules about the project as a whole: layers, what nobody uses, tests and descriptions.

mod carried;
mod described;
mod keys;
mod layers;
mod macros;
mod unused;
mod usage;

use super::facts::Known;
use super::finding::Finding;
use super::world::World;

pub(super) use self::carried::check as unused_columns;
pub(super) use self::usage::Usage;

/// All findings about the project as a whole. What is said of no node is only looked for if all nodes are.
pub(super) fn check(world: &World<'_>, known: &Known<'_>, usage: &Usage) -> Vec<Finding> {
    let mut found = Vec::new();
    layers::check(world, &mut found);
    unused::check(world, usage, &mut found);
    keys::check(world, known, &mut found);
    described::check(world, &mut found);
    if world.input.is_whole {
        macros::check(world, &mut found);
    }
    found
}
