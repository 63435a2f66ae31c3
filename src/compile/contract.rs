//! Enforced contracts: whether the columns of a query are those that the YAML promises.

use crate::diagnostics::Diagnostic;
use crate::graph::Node;
use crate::parse::Body;
use crate::warehouse::Column;

/// Whether a node has a contract that is enforced.
pub fn is_enforced(node: &Node) -> bool {
    matches!(&node.body, Body::Model { details, .. } if details.contract.enforced)
}

/// What of a query is not as it was promised; `promised` are the node's columns with the engine's types.
pub fn compare(node: &Node, found: &[Column], promised: &[Column]) -> Option<Diagnostic> {
    let mut faults = Vec::new();
    for (column, promise) in node.columns.iter().zip(promised) {
        let name = &column.name.value;
        match found.iter().find(|it| it.name.eq_ignore_ascii_case(name)) {
            Some(it) if it.data_type == promise.data_type => {}
            Some(it) => faults.push((
                Some(column.name.span),
                format!("`{name}` is {} in the query, {} in the contract", it.data_type, promise.data_type),
            )),
            None => faults.push((Some(column.name.span), format!("`{name}` is not in the query"))),
        }
    }
    let is_promised = |it: &&Column| promised.iter().any(|own| own.name.eq_ignore_ascii_case(&it.name));
    for extra in found.iter().filter(|it| !is_promised(it)) {
        faults.push((None, format!("`{}` ({}) is not in the contract", extra.name, extra.data_type)));
    }
    let (span, _) = faults.first()?;
    let message = format!("the columns of `{}` are not those of its contract", node.name);
    let fault = Diagnostic::error("broken-contract", message).at(span.unwrap_or(node.span), "");
    Some(faults.iter().fold(fault, |it, (_, line)| it.note(line)))
}
