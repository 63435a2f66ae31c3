//! Unit tests as declared.

use serde_json::{Map, Value as Json};

use super::Reader;
use crate::diagnostics::{Diagnostic, Span, Spanned};
use crate::parse::config_layer::{ConfigLayer, config_layer};
use crate::yaml::Yaml;
use crate::yaml::fields::{Fields, wrong_type};

/// An entry of `unit_tests:`.
#[derive(Clone, Debug)]
pub enum UnitTestEntry {
    /// A test of a model.
    OfModel(UnitTestProperties),
    /// A test of a macro: ours alone, dbt has no such thing.
    OfMacro(MacroTestProperties),
}

/// A test of a macro as written.
#[derive(Clone, Debug)]
pub struct MacroTestProperties {
    /// Name.
    pub name: Spanned<String>,
    /// The macro that is tested.
    pub macro_name: Spanned<String>,
    /// Description, as written.
    pub description: Option<Spanned<String>>,
    /// What it is called with: a list, or a mapping by name.
    pub args: Option<Yaml>,
    /// Rows that the macro's SQL is tried on.
    pub rows: Option<FixtureProperties>,
    /// What it must come to.
    pub expect: MacroExpectProperties,
    /// What templates are answered instead of the truth.
    pub overrides: Overrides,
    /// `config:`.
    pub config: ConfigLayer,
}

/// What a macro must come to.
#[derive(Clone, Debug)]
pub enum MacroExpectProperties {
    /// Its SQL gives these rows.
    Rows(FixtureProperties),
    /// It writes this text, but for space.
    Sql(Spanned<String>),
    /// It returns this value.
    Value(Yaml),
    /// It refuses, and says this among other things.
    Error(Spanned<String>),
}

/// A unit test of a model as written.
#[derive(Clone, Debug)]
pub struct UnitTestProperties {
    /// Name.
    pub name: Spanned<String>,
    /// The model that is tested.
    pub model: Spanned<String>,
    /// Description, as written.
    pub description: Option<Spanned<String>>,
    /// What stands in for the model's inputs.
    pub given: Vec<GivenProperties>,
    /// The rows that the model must make of them.
    pub expect: FixtureProperties,
    /// What templates are answered instead of the truth.
    pub overrides: Overrides,
    /// Which versions of the model are tested; all where absent.
    pub versions: Option<TestedVersions>,
    /// `config:`.
    pub config: ConfigLayer,
}

/// What stands in for one input.
#[derive(Clone, Debug)]
pub struct GivenProperties {
    /// `ref(...)`, `source(...)` or `this`.
    pub input: Spanned<String>,
    /// Its rows.
    pub fixture: FixtureProperties,
}

/// Rows, or where they are.
#[derive(Clone, Debug)]
pub struct FixtureProperties {
    /// How the rows are written.
    pub format: FixtureFormat,
    /// The rows, as written.
    pub rows: Option<Yaml>,
    /// A file in the folder `fixtures` of the tests.
    pub file: Option<Spanned<String>>,
    /// Where it is written.
    pub span: Span,
}

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FixtureFormat {
    /// A list of mappings.
    Dict,
    /// Lines of values.
    Csv,
    /// A query.
    Sql,
}

impl FixtureFormat {
    /// The word in YAML and artifacts.
    pub fn as_str(self) -> &'static str {
        match self {
            FixtureFormat::Dict => "dict",
            FixtureFormat::Csv => "csv",
            FixtureFormat::Sql => "sql",
        }
    }
}

/// What templates are answered instead of the truth.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    /// Results of macros.
    pub macros: Map<String, Json>,
    /// Variables.
    pub vars: Map<String, Json>,
    /// Environment variables.
    pub env_vars: Map<String, Json>,
}

/// Which versions of a model are tested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TestedVersions {
    /// These.
    Include(Vec<String>),
    /// All but these.
    Exclude(Vec<String>),
}

impl Reader<'_> {
    pub(super) fn unit_test(&mut self, yaml: &Yaml) -> Option<UnitTestEntry> {
        if yaml.get("macro").is_some() {
            return self.macro_test(yaml, None).map(UnitTestEntry::OfMacro);
        }
        self.model_test(yaml).map(UnitTestEntry::OfModel)
    }

    fn model_test(&mut self, yaml: &Yaml) -> Option<UnitTestProperties> {
        let mut fields = Fields::new(self.diags, yaml, "a unit test")?;
        let name = self.name(&mut fields, yaml, "a unit test")?;
        let model = self.required(&mut fields, "model", &name);
        let description = fields.string(self.diags, "description");
        let given = fields.list(self.diags, "given");
        let given = given.iter().filter_map(|it| self.given(it, &name)).collect();
        let written = fields.get("expect");
        if written.is_none() {
            self.required(&mut fields, "expect", &name);
        }
        let expect = written.and_then(|it| self.fixture(it, "the expectation of a unit test")).map(|it| it.0);
        let overrides = fields.get("overrides").and_then(|it| self.overrides(it)).unwrap_or_default();
        let versions = fields.get("versions").and_then(|it| self.tested_versions(it));
        let config = config_layer(self.diags, &mut fields, &[]);
        fields.finish(self.diags, self.unknown);
        let (model, expect) = (model?, expect?);
        Some(UnitTestProperties { name, model, description, given, expect, overrides, versions, config })
    }

    /// A test of a macro; `of` is the macro whose entry it stands in.
    pub(super) fn macro_test(
        &mut self,
        yaml: &Yaml,
        of: Option<&Spanned<String>>,
    ) -> Option<MacroTestProperties> {
        let mut fields = Fields::new(self.diags, yaml, "a unit test of a macro")?;
        let name = self.name(&mut fields, yaml, "a unit test")?;
        let macro_name = match of {
            Some(of) => Some(of.clone()),
            None => self.required(&mut fields, "macro", &name),
        };
        let description = fields.string(self.diags, "description");
        let (mut args, mut rows) = (None, None);
        if let Some(given) = fields.get("given") {
            let mut inner = Fields::new(self.diags, given, "what a macro is given")?;
            args = inner.get("args").cloned();
            let has_rows = ["rows", "fixture"].iter().any(|it| given.get(it).is_some());
            inner.accept(&["rows", "fixture", "format"]);
            inner.finish(self.diags, self.unknown);
            rows = if has_rows { Some(self.fixture_of(given, &["args"])?) } else { None };
        }
        let expect = match fields.get("expect") {
            Some(written) => self.macro_expect(written),
            None => self.required(&mut fields, "expect", &name).and(None),
        };
        let overrides = fields.get("overrides").and_then(|it| self.overrides(it)).unwrap_or_default();
        let config = config_layer(self.diags, &mut fields, &[]);
        fields.finish(self.diags, self.unknown);
        let (macro_name, expect) = (macro_name?, expect?);
        Some(MacroTestProperties { name, macro_name, description, args, rows, expect, overrides, config })
    }

    fn macro_expect(&mut self, yaml: &Yaml) -> Option<MacroExpectProperties> {
        let mut fields = Fields::new(self.diags, yaml, "the expectation of a unit test")?;
        let sql = fields.string(self.diags, "sql");
        let error = fields.string(self.diags, "error");
        let value = fields.get("value").cloned();
        fields.accept(&["rows", "fixture", "format"]);
        fields.finish(self.diags, self.unknown);
        let has_rows = ["rows", "fixture"].iter().any(|it| yaml.get(it).is_some());
        let rows = if has_rows { self.fixture_of(yaml, &["sql", "error", "value"]) } else { None };
        let mut all = [
            sql.map(MacroExpectProperties::Sql),
            error.map(MacroExpectProperties::Error),
            value.map(MacroExpectProperties::Value),
            rows.map(MacroExpectProperties::Rows),
        ]
        .into_iter()
        .flatten();
        match (all.next(), all.next()) {
            (Some(one), None) => Some(one),
            (first, _) => {
                let label = if first.is_some() { "there are several here" } else { "there is none here" };
                self.diags.push(
                    Diagnostic::error("invalid-unit-test", "a macro is expected to come to one thing")
                        .at(yaml.span, label)
                        .help("write one of `rows` (with `format` and `fixture`), `sql`, `value`, `error`"),
                );
                None
            }
        }
    }

    /// Rows in a mapping that has other keys too, which others read.
    fn fixture_of(&mut self, yaml: &Yaml, others: &[&'static str]) -> Option<FixtureProperties> {
        let mut fields = Fields::new(self.diags, yaml, "rows")?;
        fields.accept(others);
        Some(self.fixture_fields(&mut fields, yaml.span))
    }

    fn required(
        &mut self,
        fields: &mut Fields<'_>,
        key: &'static str,
        name: &Spanned<String>,
    ) -> Option<Spanned<String>> {
        let found = fields.string(self.diags, key);
        if fields.key(key).is_none() {
            self.diags.push(
                Diagnostic::error("missing-key", format!("the unit test `{}` has no `{key}`", name.value))
                    .at(fields.near(key).map_or(name.span, |it| it.span), format!("write `{key}`")),
            );
        }
        found
    }

    fn given(&mut self, yaml: &Yaml, name: &Spanned<String>) -> Option<GivenProperties> {
        let (fixture, input) = self.fixture(yaml, "an input of a unit test")?;
        if input.is_none() {
            self.diags.push(
                Diagnostic::error(
                    "missing-key",
                    format!("the unit test `{}` does not say which input it gives rows for", name.value),
                )
                .at(yaml.span, "write `input: ref('...')`"),
            );
        }
        Some(GivenProperties { input: input?, fixture })
    }

    fn fixture(
        &mut self,
        yaml: &Yaml,
        what: &'static str,
    ) -> Option<(FixtureProperties, Option<Spanned<String>>)> {
        let mut fields = Fields::new(self.diags, yaml, what)?;
        let input = if what.starts_with("an input") { fields.string(self.diags, "input") } else { None };
        let fixture = self.fixture_fields(&mut fields, yaml.span);
        fields.finish(self.diags, self.unknown);
        Some((fixture, input))
    }

    fn fixture_fields(&mut self, fields: &mut Fields<'_>, span: Span) -> FixtureProperties {
        let format = self.word(fields, "format", &["dict", "csv", "sql"]);
        FixtureProperties {
            format: match format.as_ref().map(|it| it.value.as_str()) {
                Some("csv") => FixtureFormat::Csv,
                Some("sql") => FixtureFormat::Sql,
                _ => FixtureFormat::Dict,
            },
            rows: fields.get("rows").cloned(),
            file: fields.string(self.diags, "fixture"),
            span,
        }
    }

    fn overrides(&mut self, yaml: &Yaml) -> Option<Overrides> {
        let mut fields = Fields::new(self.diags, yaml, "overrides")?;
        let overrides = Overrides {
            macros: self.mapping(&mut fields, "macros"),
            vars: self.mapping(&mut fields, "vars"),
            env_vars: self.mapping(&mut fields, "env_vars"),
        };
        fields.finish(self.diags, self.unknown);
        Some(overrides)
    }

    fn mapping(&mut self, fields: &mut Fields<'_>, key: &'static str) -> Map<String, Json> {
        let Some(yaml) = fields.get(key) else { return Map::new() };
        if let Json::Object(entries) = yaml.to_json() {
            return entries;
        }
        self.diags.push(wrong_type(yaml, key, "a mapping of names to values"));
        Map::new()
    }

    fn tested_versions(&mut self, yaml: &Yaml) -> Option<TestedVersions> {
        let mut fields = Fields::new(self.diags, yaml, "versions")?;
        let include = fields.strings(self.diags, "include");
        let exclude = fields.strings(self.diags, "exclude");
        fields.finish(self.diags, self.unknown);
        let texts = |list: Vec<Spanned<String>>| list.into_iter().map(|it| it.value).collect();
        match (include, exclude) {
            (Some(_), Some(_)) => {
                self.diags.push(
                    Diagnostic::error("invalid-unit-test", "versions are either included or excluded")
                        .at(yaml.span, "both are written here"),
                );
                None
            }
            (Some(include), None) => Some(TestedVersions::Include(texts(include))),
            (None, Some(exclude)) => Some(TestedVersions::Exclude(texts(exclude))),
            (None, None) => None,
        }
    }
}
