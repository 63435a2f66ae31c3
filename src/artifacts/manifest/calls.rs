//! Which macros a macro calls, as its text tells: names before a bracket, and dispatched ones.

use std::collections::BTreeSet;

use crate::template::{MacroDefinition, Templates};

/// Unique ids of the macros that a macro's text calls, itself left out, sorted.
pub(super) fn of_macro(templates: &Templates, definition: &MacroDefinition, text: &str) -> Vec<String> {
    let own = super::library::macro_id(definition);
    let mut ids = BTreeSet::new();
    let mut add = |package: &str, name: &str| {
        let found = templates.find_macro(package, name);
        ids.extend(found.map(super::library::macro_id).filter(|id| *id != own));
    };
    for (start, _) in text.match_indices('(') {
        let name = last_name(&text[..start]);
        let before = text[..start - name.len()].strip_suffix('.').map(last_name);
        match before {
            _ if name.is_empty() => {}
            None => add(&definition.package, name),
            Some("adapter") if name == "dispatch" => {
                let texts = texts(&text[start + 1..]);
                let Some(called) = texts.first() else { continue };
                let package = texts.get(1).copied().unwrap_or(&definition.package);
                for prefix in ["duckdb__", "default__"] {
                    add(package, &format!("{prefix}{called}"));
                }
            }
            Some(package) => add(package, name),
        }
    }
    ids.into_iter().collect()
}

/// The name that a text ends with.
fn last_name(text: &str) -> &str {
    let is_name = |it: char| it.is_alphanumeric() || it == '_';
    &text[text.trim_end_matches(is_name).len()..]
}

/// The first two texts in quotes before a call's closing bracket.
fn texts(arguments: &str) -> Vec<&str> {
    let inside = arguments.split(')').next().unwrap_or_default();
    let quoted = inside.split(['\'', '"']).skip(1).step_by(2);
    quoted.take(2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_are_read_off() {
        assert_eq!(last_name("{{ dbt.hash"), "hash");
        assert_eq!(last_name("x + "), "");
        assert_eq!(texts("'pivot', 'dbt_utils')(a)"), ["pivot", "dbt_utils"]);
        assert_eq!(texts("macro_name = \"pivot\")"), ["pivot"]);
    }
}
