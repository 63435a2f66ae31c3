//! Unit tests as declared.

use serde_json::{Map, Value as Json};

use super::Reader;
use crate::diagnostics::{Diagnostic, Span, Spanned};
use crate::parse::config_layer::{ConfigLayer, config_layer};
use crate::yaml::Yaml;
use crate::yaml::fields::{Fields, wrong_type};

/// A unit test as written.
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
    pub(super) fn unit_test(&mut self, yaml: &Yaml) -> Option<UnitTestProperties> {
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
        let format = self.word(&mut fields, "format", &["dict", "csv", "sql"]);
        let fixture = FixtureProperties {
            format: match format.as_ref().map(|it| it.value.as_str()) {
                Some("csv") => FixtureFormat::Csv,
                Some("sql") => FixtureFormat::Sql,
                _ => FixtureFormat::Dict,
            },
            rows: fields.get("rows").cloned(),
            file: fields.string(self.diags, "fixture"),
            span: yaml.span,
        };
        fields.finish(self.diags, self.unknown);
        Some((fixture, input))
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
