//! Unit tests of macros: what they are called with, and what they must come to.

use serde_json::Value as Json;

use super::{Entry, Fixture, Reader, UnitTest};
use crate::diagnostics::{Diagnostic, Spanned, suggest};
use crate::parse::ParsedNode;
use crate::parse::properties::{MacroExpectProperties, MacroTestProperties, Overrides};
use crate::project::ProjectFile;
use crate::template::{MacroDefinition, MacroKind};
use crate::yaml::fields::wrong_type;
use crate::yaml::{Yaml, YamlKind};

/// A test of a macro.
#[derive(Clone, Debug)]
pub struct MacroTest {
    /// The macro as the test names it, perhaps with its package.
    pub macro_name: Spanned<String>,
    /// Its unique id.
    pub macro_id: String,
    /// What it is called with, by the names of its parameters.
    pub arguments: Vec<(String, Json)>,
    /// Rows that its SQL is tried on.
    pub rows: Option<Fixture>,
    /// What it must come to.
    pub expect: MacroExpect,
    /// What templates are answered instead of the truth.
    pub overrides: Overrides,
}

/// What a macro must come to.
#[derive(Clone, Debug)]
pub enum MacroExpect {
    /// Its SQL gives these rows.
    Rows(Fixture),
    /// It writes this text, but for space.
    Sql(Spanned<String>),
    /// It returns this value.
    Value(Spanned<Json>),
    /// It refuses, and says this among other things.
    Error(Spanned<String>),
}

impl Reader<'_, '_> {
    pub(super) fn macro_test(
        &mut self,
        file: &ProjectFile,
        entry: &MacroTestProperties,
    ) -> Option<ParsedNode> {
        let definition = self.definition(&entry.macro_name);
        let rows = match &entry.rows {
            Some(rows) => Some(self.fixtures.read(self.diags, file, rows, None)?),
            None => None,
        };
        let expect = match &entry.expect {
            MacroExpectProperties::Rows(rows) => {
                MacroExpect::Rows(self.fixtures.read(self.diags, file, rows, None)?)
            }
            MacroExpectProperties::Sql(text) => MacroExpect::Sql(text.clone()),
            MacroExpectProperties::Value(value) => {
                MacroExpect::Value(Spanned::new(value.to_json(), value.span))
            }
            MacroExpectProperties::Error(text) => MacroExpect::Error(text.clone()),
        };
        let definition = definition?;
        let arguments = self.arguments(entry, &definition)?;
        let test = MacroTest {
            macro_name: entry.macro_name.clone(),
            macro_id: format!("macro.{}.{}", definition.package, definition.name),
            arguments,
            rows,
            expect,
            overrides: entry.overrides.clone(),
        };
        let macros = vec![test.macro_id.clone()];
        let description = entry.description.as_ref();
        let (name, subject, config) = (&entry.name, &entry.macro_name, &entry.config);
        let head = Entry { file, name, subject, description, config };
        let mut node = self.node(&head, UnitTest::OfMacro(test));
        node.macros = macros;
        Some(node)
    }

    /// The macro: `name`, `package.name`, or the name of a generic test.
    fn definition(&mut self, name: &Spanned<String>) -> Option<MacroDefinition> {
        let templates = self.parser.templates;
        let test = format!("test_{}", name.value);
        let find = |wanted: &str| templates.find_macro(self.parser.package, wanted);
        let found = match name.value.split_once('.') {
            Some((package, wanted)) => {
                templates.macros().iter().find(|it| it.package == package && it.name == wanted)
            }
            None => find(&name.value).or_else(|| find(&test)),
        };
        if let Some(found) = found.filter(|it| it.kind != MacroKind::Materialization) {
            return Some(found.clone());
        }
        let known = templates.macros().iter().map(|it| it.name.trim_start_matches("test_"));
        self.diags.push(
            Diagnostic::error("unknown-macro", format!("there is no macro `{}`", name.value))
                .at(name.span, "tested here, but no file defines it")
                .help_opt(suggest::did_you_mean(&name.value, known)),
        );
        None
    }

    /// `args` by the names of parameters.
    fn arguments(
        &mut self,
        entry: &MacroTestProperties,
        definition: &MacroDefinition,
    ) -> Option<Vec<(String, Json)>> {
        let name = &definition.name;
        let Some(args) = &entry.args else { return Some(Vec::new()) };
        let mut arguments = Vec::new();
        match &args.kind {
            YamlKind::List(values) => {
                let n_parameters = definition.parameters.len();
                if let Some(extra) = values.get(n_parameters) {
                    let takes = format!("it takes {n_parameters}");
                    self.diags.push(
                        Diagnostic::error("invalid-unit-test", format!("`{name}` has no such argument"))
                            .at(extra.span, takes)
                            .and_at(definition.span, "defined here"),
                    );
                    return None;
                }
                for (parameter, value) in definition.parameters.iter().zip(values) {
                    arguments.push((parameter.clone(), self.value(value)));
                }
            }
            YamlKind::Map(entries) => {
                for (key, value) in entries {
                    let known = definition.parameters.iter().map(String::as_str);
                    if !definition.parameters.contains(&key.value) {
                        let message = format!("`{name}` has no argument `{}`", key.value);
                        self.diags.push(
                            Diagnostic::error("invalid-unit-test", message)
                                .at(key.span, "")
                                .and_at(definition.span, "defined here")
                                .help_opt(suggest::did_you_mean(&key.value, known)),
                        );
                        return None;
                    }
                    arguments.push((key.value.clone(), self.value(value)));
                }
            }
            YamlKind::Null => {}
            YamlKind::Bool(_) | YamlKind::Int(_) | YamlKind::Float(_) | YamlKind::String(_) => {
                self.diags.push(wrong_type(
                    args,
                    "args",
                    "a list of values, or a mapping of names to values",
                ));
                return None;
            }
        }
        Some(arguments)
    }

    fn value(&mut self, value: &Yaml) -> Json {
        self.parser.settings.render_json(self.diags, &value.to_json(), value.span)
    }
}
