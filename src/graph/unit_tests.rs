//! The inputs that unit tests stand in for: found, and given once each.

use super::Resolved;
use super::access::Rules;
use super::lookup::Found;
use crate::diagnostics::{Diagnostic, Diagnostics, Span, Spanned, suggest};
use crate::node::NodeId;
use crate::parse::ParsedNode;
use crate::parse::unit_tests::{Input, ModelTest};

/// Resolves what a test gives rows for; the test is not made from it, so there is no edge.
pub(super) fn resolve_inputs(
    diags: &mut Diagnostics,
    rules: &Rules<'_>,
    node: &ParsedNode,
    test: &ModelTest,
    resolved: &mut Resolved,
) {
    let lookup = rules.lookup;
    let mut seen: Vec<(Option<NodeId>, Span)> = Vec::new();
    for given in &test.given {
        let span = given.text.span;
        let found = match &given.input {
            Input::Ref(call) => match lookup.reference(call, &node.package) {
                Found::Node(id) => {
                    resolved.refs.insert(call.clone(), id);
                    Some(id)
                }
                Found::Disabled(_) | Found::Unknown => {
                    diags.push(lookup.unknown_ref(node, &Spanned::new(call.clone(), span)));
                    continue;
                }
            },
            Input::Source(call) => match lookup.source(call) {
                Found::Node(id) => {
                    resolved.sources.insert(call.clone(), id);
                    Some(id)
                }
                Found::Disabled(_) | Found::Unknown => {
                    diags.push(lookup.unknown_source(node, &Spanned::new(call.clone(), span)));
                    continue;
                }
            },
            Input::This => None,
        };
        if let Some((_, first)) = seen.iter().find(|it| it.0 == found) {
            diags.push(
                Diagnostic::error("duplicate-input", format!("`{}` is given twice", given.text.value))
                    .at(span, "again here")
                    .and_at(*first, "first here")
                    .help("put all rows of an input under one entry"),
            );
        } else {
            seen.push((found, span));
        }
    }
    report_unread(diags, rules, node, test);
}

/// Rows that the model never sees are a mistake more often than not. Macros may read more than is seen when a
/// model is parsed, so this is no error.
fn report_unread(diags: &mut Diagnostics, rules: &Rules<'_>, node: &ParsedNode, test: &ModelTest) {
    let Some(model) = rules.lookup.reference(&test.tested, &node.package).node() else { return };
    let model = &rules.nodes[model.index()];
    let lookup = rules.lookup;
    let reads: Vec<(NodeId, String)> = model
        .refs
        .iter()
        .filter_map(|it| {
            Some((lookup.reference(&it.value, &model.package).node()?, format!("ref('{}')", it.value.name)))
        })
        .chain(model.sources.iter().filter_map(|it| {
            let text = format!("source('{}', '{}')", it.value.source, it.value.table);
            Some((lookup.source(&it.value).node()?, text))
        }))
        .collect();
    for given in &test.given {
        let found = match &given.input {
            Input::Ref(call) => lookup.reference(call, &node.package).node(),
            Input::Source(call) => lookup.source(call).node(),
            Input::This => continue,
        };
        let Some(id) = found.filter(|id| reads.iter().all(|it| it.0 != *id)) else { continue };
        if rules.nodes[id.index()].unique_id == model.unique_id {
            continue;
        }
        let known = reads.iter().map(|it| it.1.as_str());
        diags.push(
            Diagnostic::warning(
                "unread-input",
                format!("`{}` does not read `{}`", model.name, given.text.value),
            )
            .at(given.text.span, format!("the unit test `{}` gives rows for it", node.name))
            .help_opt(suggest::did_you_mean(&given.text.value, known)),
        );
    }
}
