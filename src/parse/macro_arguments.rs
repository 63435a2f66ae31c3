//! What YAML says about a macro against the macro itself, where the project asks for it.

use super::Parser;
use super::properties::MacroProperties;
use crate::diagnostics::{Diagnostic, Diagnostics, suggest};
use serde_json::Value as Json;

/// Types that an argument can be said to have, and how many types stand in their brackets.
const TYPES: [(&str, usize); 12] = [
    ("str", 0),
    ("string", 0),
    ("bool", 0),
    ("int", 0),
    ("integer", 0),
    ("float", 0),
    ("any", 0),
    ("list", 1),
    ("dict", 2),
    ("optional", 1),
    ("relation", 0),
    ("column", 0),
];

/// Warns of entries without a macro and, with the flag `validate_macro_args`, of arguments that are not its own.
pub(super) fn check(parser: &Parser<'_>, diags: &mut Diagnostics, entry: &MacroProperties) {
    let name = &entry.name.value;
    let own = |it: &&crate::template::MacroDefinition| it.package == parser.package;
    let macros = parser.templates.macros().iter().filter(own);
    let test = format!("test_{name}");
    let Some(definition) = macros.clone().find(|it| it.name == *name || it.name == test) else {
        let known: Vec<&str> = macros.map(|it| it.name.trim_start_matches("test_")).collect();
        diags.push(
            Diagnostic::warning("unknown-macro", format!("there is no macro `{name}`"))
                .at(entry.name.span, "described here, but no file defines it")
                .help_opt(suggest::did_you_mean(name, known)),
        );
        return;
    };
    if parser.project.config.flag("validate_macro_args") != Some(&Json::Bool(true)) {
        return;
    }
    let parameters: Vec<&str> = definition.parameters.iter().map(String::as_str).collect();
    if !entry.arguments.is_empty() && entry.arguments.len() != parameters.len() {
        diags.push(
            Diagnostic::warning(
                "macro-arguments",
                format!(
                    "the macro `{name}` has {} arguments, but {} are described",
                    parameters.len(),
                    entry.arguments.len()
                ),
            )
            .at(entry.name.span, "described here")
            .and_at(definition.span, "defined here"),
        );
    }
    for (argument, parameter) in entry.arguments.iter().zip(&parameters) {
        if argument.name.value != *parameter {
            diags.push(
                Diagnostic::warning(
                    "macro-arguments",
                    format!(
                        "the macro `{name}` has an argument `{parameter}` where `{}` is described",
                        argument.name.value
                    ),
                )
                .at(argument.name.span, "not its name")
                .and_at(definition.span, "defined here"),
            );
        }
    }
    for argument in &entry.arguments {
        if let Some(kind) =
            argument.kind.as_ref().filter(|it| !it.value.trim().is_empty() && !is_type(&it.value))
        {
            diags.push(
                Diagnostic::warning("macro-arguments", format!("`{}` is not a type of argument", kind.value))
                    .at(kind.span, format!("of the macro `{name}`"))
                    .note(format!("types: {}", TYPES.map(|(word, _)| word).join(", ")))
                    .help("types of parts stand in brackets: list[string], dict[string, int]"),
            );
        }
    }
}

fn is_type(text: &str) -> bool {
    let text: String = text.chars().filter(|it| !it.is_whitespace()).collect();
    after_type(&text) == Some("")
}

/// What stands after the type that a text begins with.
fn after_type(text: &str) -> Option<&str> {
    let end = text.find(|it: char| !it.is_ascii_lowercase()).unwrap_or(text.len());
    let (word, mut rest) = text.split_at(end);
    let (_, parts) = TYPES.iter().find(|(known, _)| *known == word)?;
    for part in 0..*parts {
        rest = rest.strip_prefix(if part == 0 { '[' } else { ',' })?;
        rest = after_type(rest)?;
    }
    if *parts > 0 { rest.strip_prefix(']') } else { Some(rest) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_may_have_parts() {
        for (text, expected) in [
            ("string", true),
            ("list[string]", true),
            ("dict[string, list[int]]", true),
            ("optional[relation]", true),
            ("list", false),
            ("dict[string]", false),
            ("text", false),
        ] {
            assert_eq!(is_type(text), expected, "{text}");
        }
    }
}
