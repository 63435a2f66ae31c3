//! Data tests as declared, in all the forms that dbt takes.

use super::Reader;
use crate::diagnostics::{Diagnostic, Spanned};
use crate::parse::config_layer::{ConfigLayer, config_layer};
use crate::yaml::fields::{Fields, scalar_text, wrong_type};
use crate::yaml::{Yaml, YamlKind};

/// What YAML says about a singular test.
#[derive(Clone, Debug)]
pub struct SingularTestProperties {
    /// The test's name: that of its file.
    pub name: Spanned<String>,
    /// Description, as written.
    pub description: Option<Spanned<String>>,
    /// `config:`.
    pub config: ConfigLayer,
}

/// A generic test as declared.
#[derive(Clone, Debug)]
pub struct TestEntry {
    /// Name of the test, perhaps with its package: `not_null`, `dbt_utils.expression_is_true`.
    pub name: Spanned<String>,
    /// A name given by the user.
    pub custom_name: Option<Spanned<String>>,
    /// Description, as written.
    pub description: Option<Spanned<String>>,
    /// Arguments, as written.
    pub arguments: Vec<(Spanned<String>, Yaml)>,
    /// `config:` and config keys beside it.
    pub config: ConfigLayer,
}

impl Reader<'_> {
    pub(super) fn tests(&mut self, fields: &mut Fields<'_>) -> Vec<TestEntry> {
        let mut entries = fields.list(self.diags, "data_tests").to_vec();
        if let (Some(new), Some(old), Some(_)) =
            (fields.key("data_tests"), fields.key("tests"), fields.get("tests"))
        {
            self.diags.push(
                Diagnostic::error("invalid-test", "`tests` and `data_tests` are two names of one list")
                    .at(old.span, "move these tests")
                    .and_at(new.span, "to this list"),
            );
        }
        entries.extend_from_slice(fields.list(self.diags, "tests"));
        entries.iter().filter_map(|it| self.test(it)).collect()
    }

    fn test(&mut self, yaml: &Yaml) -> Option<TestEntry> {
        if let Some(name) = yaml.as_str() {
            let name = Spanned::new(name.to_owned(), yaml.span);
            return Some(TestEntry::plain(name));
        }
        let entries = yaml.as_map().filter(|it| !it.is_empty()).or_else(|| {
            self.diags.push(
                wrong_type(yaml, "data_tests", "a list of tests")
                    .help("write a test's name, or its name with arguments: `- accepted_values: {arguments: {values: [a, b]}}`"),
            );
            None
        })?;
        // Either `{test_name: x, ...}` or `{x: {...}}`.
        if let Some(name) = yaml.get("test_name").and_then(|it| Some(Spanned::new(scalar_text(it)?, it.span)))
        {
            let rest = entries.iter().filter(|(key, _)| key.value != "test_name").cloned().collect();
            return self.test_body(name, &Yaml { kind: YamlKind::Map(rest), span: yaml.span });
        }
        if entries.len() > 1 {
            self.diags.push(
                Diagnostic::error("invalid-test", "a test has one name, but this entry has several keys")
                    .at(entries[1].0.span, format!("is this an argument of `{}`?", entries[0].0.value))
                    .help("indent the arguments two spaces more than the test's name"),
            );
            return None;
        }
        let (name, body) = &entries[0];
        self.test_body(name.clone(), body)
    }

    fn test_body(&mut self, name: Spanned<String>, body: &Yaml) -> Option<TestEntry> {
        const CONFIG_KEYS: [&str; 14] = [
            "severity",
            "tags",
            "enabled",
            "where",
            "limit",
            "warn_if",
            "error_if",
            "fail_calc",
            "store_failures",
            "store_failures_as",
            "meta",
            "database",
            "schema",
            "alias",
        ];
        let mut fields = Fields::new(self.diags, body, "a test")?;
        let custom_name = fields.string(self.diags, "name");
        let description = fields.string(self.diags, "description");
        let config = config_layer(self.diags, &mut fields, &CONFIG_KEYS);
        let mut arguments: Vec<(Spanned<String>, Yaml)> = Vec::new();
        if let Some(nested) = fields.get("arguments") {
            match nested.as_map() {
                Some(entries) => arguments.extend(entries.iter().cloned()),
                None => {
                    self.diags.push(wrong_type(nested, "arguments", "a mapping of argument names to values"));
                }
            }
        }
        arguments.extend(fields.rest().cloned());
        Some(TestEntry { name, custom_name, description, arguments, config })
    }

    pub(super) fn singular_test(&mut self, yaml: &Yaml) -> Option<SingularTestProperties> {
        let mut fields = Fields::new(self.diags, yaml, "a singular test")?;
        let name = self.name(&mut fields, yaml, "a singular test")?;
        let description = fields.string(self.diags, "description");
        let config = config_layer(self.diags, &mut fields, &["meta", "docs"]);
        fields.finish(self.diags, self.unknown);
        Some(SingularTestProperties { name, description, config })
    }
}

impl TestEntry {
    /// A test by its name alone.
    fn plain(name: Spanned<String>) -> Self {
        Self {
            name,
            custom_name: None,
            description: None,
            arguments: Vec::new(),
            config: ConfigLayer::default(),
        }
    }
}
