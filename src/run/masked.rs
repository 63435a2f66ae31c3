//! Values of rows in messages: those of sensitive columns are not shown.

use crate::graph::Node;
use crate::plan::is_sensitive;
use crate::warehouse::Value;

/// What stands for a value that must not be shown.
pub(super) const MASKED: &str = "***";

/// The values of a key in one line; `keys` are its columns or expressions.
pub(super) fn key(node: &Node, keys: &[String], values: &[Value]) -> String {
    let shown = |(index, value): (usize, &Value)| {
        let is_hidden = keys.get(index).is_none_or(|it| is_sensitive(node, it));
        if is_hidden && *value != Value::Null { MASKED.to_owned() } else { value.to_string() }
    };
    values.iter().enumerate().map(shown).collect::<Vec<_>>().join(", ")
}
