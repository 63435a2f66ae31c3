//! `unused-macro`: macros that no file of the project mentions.
//!
//! A mention anywhere counts, in comments too: a name may be put together or dispatched where no reader of files
//! can see it, so only what stands nowhere is sure to be unused. What takes the place of a built-in macro, tests
//! and materializations are called by others.

use std::collections::BTreeMap;

use crate::lint::finding::{Finding, of};
use crate::lint::rules::Rule;
use crate::lint::world::World;
use crate::template::{MacroDefinition, MacroKind};

pub(super) fn check(world: &World<'_>, found: &mut Vec<Finding>) {
    let graph = world.input.graph;
    let own: Vec<&MacroDefinition> = graph
        .templates
        .macros()
        .iter()
        .filter(|it| it.package == graph.root_package && it.kind == MacroKind::Macro)
        .filter(|it| !is_called_by_others(world, it))
        .collect();
    let mut counts: BTreeMap<&str, usize> = own.iter().map(|it| (base(&it.name), 0)).collect();
    for file in &world.input.project.files {
        count(&file.text, &mut counts);
    }
    count(&world.input.sources.get(world.input.project.config.span.file).text, &mut counts);
    for definition in own {
        let name = base(&definition.name);
        let mut inside = BTreeMap::from([(name, 0)]);
        count(world.input.sources.text_of(definition.block), &mut inside);
        let described = graph.macro_properties.iter().filter(|it| base(&it.name.value) == name).count();
        let others = counts.get(name).copied().unwrap_or(0);
        if others <= inside.get(name).copied().unwrap_or(0) + described {
            let message = format!("nothing calls the macro `{}`", definition.name);
            let diagnostic = of(Rule::UnusedMacro, message, definition.span, "no file mentions it")
                .help("delete it; if it is for `run-operation`, write {# noqa: unused-macro #} on this line");
            found.push(Finding { rule: Rule::UnusedMacro, node: None, diagnostic });
        }
    }
}

/// The name that callers write: `default__x` is reached by the name `x`.
fn base(name: &str) -> &str {
    name.split_once("__").map_or(name, |it| it.1).trim_start_matches('_')
}

fn is_called_by_others(world: &World<'_>, definition: &MacroDefinition) -> bool {
    let others = world.input.graph.templates.macros().iter();
    let is_same = |it: &MacroDefinition| base(&it.name) == base(&definition.name);
    others.filter(|it| it.package != definition.package).any(is_same)
        || definition.name.starts_with("get_incremental_")
}

/// Counts the words of a text that are among the names.
fn count(text: &str, counts: &mut BTreeMap<&str, usize>) {
    let words = text.split(|it: char| !it.is_alphanumeric() && it != '_');
    for word in words.filter(|it| !it.is_empty()) {
        if let Some(count) = counts.get_mut(base(word)) {
            *count += 1;
        }
    }
}
