//! What a node says about its rules: `lint: {off: [...]}` in its config, or in its `meta` where dbt reads the project too.

use serde_json::Value as Json;

use super::config::unknown_rule;
use super::rules::Rule;
use crate::diagnostics::{Diagnostic, Diagnostics, Sources, Span, Spanned};
use crate::graph::{Graph, Node};

/// Whether a node wants nothing to be said of a rule.
pub(super) fn is_off(node: &Node, rule: Rule) -> bool {
    said(node).any(|(_, it)| names(it).any(|it| it == rule.code()))
}

/// What is said, with the place of its key.
fn said(node: &Node) -> impl Iterator<Item = (Span, &Json)> {
    let config = node.config.values.get("lint").map(|it| (it.span, &it.value));
    let meta = node.config.values.get("meta").and_then(|it| Some((it.span, it.value.get("lint")?)));
    config.into_iter().chain(meta).filter(|it| !it.1.is_null())
}

fn names(said: &Json) -> impl Iterator<Item = &str> {
    let off = said.get("off");
    let listed = off.and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
    listed.chain(off.and_then(Json::as_str))
}

/// Reports names that no rule has, and anything but a list of names.
pub(super) fn check(diags: &mut Diagnostics, graph: &Graph, sources: &Sources) {
    for (_, node) in graph.nodes().filter(|it| it.1.package == graph.root_package) {
        for (span, said) in said(node) {
            let is_list = said.as_object().is_some_and(|it| {
                it.keys().all(|it| it == "off")
                    && it.values().all(|it| {
                        it.is_string() || it.as_array().is_some_and(|it| it.iter().all(Json::is_string))
                    })
            });
            if !is_list {
                diags.push(
                    Diagnostic::error("wrong-type", format!("`lint` of `{}` cannot be read", node.name))
                        .at(span, "set here")
                        .help("write `lint: {off: [select-star]}`"),
                );
            }
            for name in names(said).filter(|it| Rule::find(it).is_none()) {
                diags.push(unknown_rule(&Spanned::new(name.to_owned(), narrowed(sources, span, name))));
            }
        }
    }
}

/// The place of a name after its key, if it is written there.
fn narrowed(sources: &Sources, key: Span, name: &str) -> Span {
    let text = &sources.get(key.file).text;
    let from = key.start as usize;
    let found = text.get(from..).and_then(|it| it.find(name)).map(|it| from + it);
    found.map_or(key, |at| Span::new(key.file, at..at + name.len()))
}
