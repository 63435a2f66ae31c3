//! Entries for nodes that have a file of their own, and their versions.

use super::columns::ColumnProperties;
use super::{Reader, Section, TestEntry};
use crate::diagnostics::{Diagnostic, Spanned};
use crate::parse::config_layer::{ConfigLayer, config_layer};
use crate::yaml::fields::Fields;
use crate::yaml::{Yaml, YamlKind};

/// What YAML says about a node that has a file of its own.
#[derive(Clone, Debug)]
pub struct NodeProperties {
    /// Which list it is in.
    pub section: Section,
    /// The node's name.
    pub name: Spanned<String>,
    /// Description, as written.
    pub description: Option<Spanned<String>>,
    /// `config:` and the keys that may stand beside it.
    pub config: ConfigLayer,
    /// Columns.
    pub columns: Vec<ColumnProperties>,
    /// Tests on the node as a whole.
    pub tests: Vec<TestEntry>,
    /// Versions, in a versioned model.
    pub versions: Vec<VersionProperties>,
    /// `latest_version`, as text.
    pub latest_version: Option<Spanned<String>>,
}

/// One version of a model.
#[derive(Clone, Debug)]
pub struct VersionProperties {
    /// `v`, as text.
    pub version: Spanned<String>,
    /// The file's name without `.sql`, where it is not `<model>_v<version>`.
    pub defined_in: Option<Spanned<String>>,
    /// Description of this version.
    pub description: Option<Spanned<String>>,
    /// Config of this version, over the model's.
    pub config: ConfigLayer,
    /// Columns of this version; the model's where absent.
    pub columns: Option<Vec<ColumnProperties>>,
    /// Tests of this version; the model's where absent.
    pub tests: Option<Vec<TestEntry>>,
}

impl Reader<'_> {
    pub(super) fn node(&mut self, yaml: &Yaml, section: Section) -> Option<NodeProperties> {
        let what = match section {
            Section::Models => "a model",
            Section::Seeds => "a seed",
            Section::Snapshots => "a snapshot",
            Section::Analyses => "an analysis",
        };
        let mut fields = Fields::new(self.diags, yaml, what)?;
        let name = self.name(&mut fields, yaml, what)?;
        let description = fields.string(self.diags, "description");
        let columns = self.columns(&mut fields);
        let tests = self.tests(&mut fields);
        let versions = fields.list(self.diags, "versions").iter().filter_map(|it| self.version(it)).collect();
        let latest_version = fields.string(self.diags, "latest_version");
        let config = config_layer(self.diags, &mut fields, &["meta", "docs", "access", "group", "tags"]);
        fields.accept(&["constraints", "deprecation_date", "time_spine", "primary_key", "relation"]);
        fields.finish(self.diags, self.unknown);
        Some(NodeProperties { section, name, description, config, columns, tests, versions, latest_version })
    }

    fn version(&mut self, yaml: &Yaml) -> Option<VersionProperties> {
        let mut fields = Fields::new(self.diags, yaml, "a version")?;
        let Some(version) = fields.string(self.diags, "v") else {
            self.diags.push(
                Diagnostic::error("missing-key", "a version has no `v`").at(yaml.span, "write `v: 1`, say"),
            );
            return None;
        };
        let own_columns = yaml.get("columns").is_some_and(|it| {
            // `- include: all` picks from the model's columns; only real columns replace them.
            matches!(&it.kind, YamlKind::List(items) if items.iter().any(|it| it.get("name").is_some()))
        });
        let columns = if own_columns {
            Some(self.columns(&mut fields))
        } else {
            fields.accept(&["columns"]);
            None
        };
        let has_tests = yaml.get("tests").is_some() || yaml.get("data_tests").is_some();
        let tests = has_tests.then(|| self.tests(&mut fields));
        let properties = VersionProperties {
            version,
            defined_in: fields.string(self.diags, "defined_in"),
            description: fields.string(self.diags, "description"),
            config: config_layer(self.diags, &mut fields, &["meta", "docs", "access", "group"]),
            columns,
            tests,
        };
        fields.accept(&["tests", "data_tests", "constraints", "deprecation_date"]);
        fields.finish(self.diags, self.unknown);
        Some(properties)
    }
}
