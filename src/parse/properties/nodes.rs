//! Entries for nodes that have a file of their own, and their versions.

use super::columns::ColumnProperties;
use super::constraints::Constraint;
use super::{Reader, Section, TestEntry};
use crate::diagnostics::{Diagnostic, Spanned};
use crate::parse::config_layer::{ConfigLayer, config_layer};
use crate::yaml::fields::{Fields, wrong_type};
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
    /// Constraints on the node as a whole.
    pub constraints: Vec<Constraint>,
    /// When it will be gone, as written.
    pub deprecation_date: Option<Spanned<String>>,
    /// What makes it a table of days or other spans of time.
    pub time_spine: Option<TimeSpine>,
    /// Versions, in a versioned model.
    pub versions: Vec<VersionProperties>,
    /// `latest_version`, as text.
    pub latest_version: Option<Spanned<String>>,
    /// Snapshots that have no SQL of their own: what is read, `ref('orders')`.
    pub relation: Option<Spanned<String>>,
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
    /// The columns of this version: the model's that it includes, and its own.
    pub columns: Vec<ColumnProperties>,
    /// Tests of this version; the model's where absent.
    pub tests: Option<Vec<TestEntry>>,
    /// Constraints of this version; the model's where empty.
    pub constraints: Vec<Constraint>,
    /// When this version will be gone, as written.
    pub deprecation_date: Option<Spanned<String>>,
}

/// What makes a model a table of days or other spans of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeSpine {
    /// The column with the time.
    pub standard_granularity_column: Spanned<String>,
    /// Spans of the project's own: name, and the column where it is another.
    pub custom_granularities: Vec<(Spanned<String>, Option<Spanned<String>>)>,
}

impl Reader<'_> {
    pub(super) fn node(&mut self, yaml: &Yaml, section: Section) -> Option<NodeProperties> {
        let what = section.one();
        let mut fields = Fields::new(self.diags, yaml, what)?;
        let name = self.name(&mut fields, yaml, what)?;
        let description = fields.string(self.diags, "description");
        let columns = self.columns(&mut fields);
        let tests = self.tests(&mut fields);
        let constraints = self.constraints(&mut fields);
        let deprecation_date = fields.string(self.diags, "deprecation_date");
        let time_spine = fields.get("time_spine").and_then(|it| self.time_spine(it));
        let versions: Vec<VersionProperties> =
            fields.list(self.diags, "versions").iter().filter_map(|it| self.version(it, &columns)).collect();
        let latest_version = fields.string(self.diags, "latest_version");
        self.check_versions(&name, &versions, latest_version.as_ref());
        let config = config_layer(
            self.diags,
            &mut fields,
            &["meta", "docs", "access", "group", "tags", "quote_columns"],
        );
        let relation = match section {
            Section::Snapshots => fields.string(self.diags, "relation"),
            Section::Models | Section::Seeds | Section::Analyses => None,
        };
        fields.accept(&["primary_key"]);
        fields.finish(self.diags, self.unknown);
        Some(NodeProperties {
            section,
            name,
            description,
            config,
            columns,
            tests,
            constraints,
            deprecation_date,
            time_spine,
            versions,
            latest_version,
            relation,
        })
    }

    fn version(&mut self, yaml: &Yaml, of_model: &[ColumnProperties]) -> Option<VersionProperties> {
        let mut fields = Fields::new(self.diags, yaml, "a version")?;
        let Some(version) = fields.string(self.diags, "v") else {
            self.diags.push(
                Diagnostic::error("missing-key", "a version has no `v`").at(yaml.span, "write `v: 1`, say"),
            );
            return None;
        };
        let has_tests = yaml.get("tests").is_some() || yaml.get("data_tests").is_some();
        let tests = has_tests.then(|| self.tests(&mut fields));
        let properties = VersionProperties {
            version,
            defined_in: fields.string(self.diags, "defined_in"),
            description: fields.string(self.diags, "description"),
            config: config_layer(self.diags, &mut fields, &["meta", "docs", "access", "group"]),
            columns: self.version_columns(&mut fields, of_model),
            tests,
            constraints: self.constraints(&mut fields),
            deprecation_date: fields.string(self.diags, "deprecation_date"),
        };
        fields.accept(&["tests", "data_tests"]);
        fields.finish(self.diags, self.unknown);
        Some(properties)
    }

    /// The model's columns that a version includes (all, if it does not say), and its own over them.
    fn version_columns(
        &mut self,
        fields: &mut Fields<'_>,
        of_model: &[ColumnProperties],
    ) -> Vec<ColumnProperties> {
        let (mut included, mut own) = (None, Vec::new());
        for entry in fields.list(self.diags, "columns") {
            if entry.get("include").is_none() && entry.get("exclude").is_none() {
                own.extend(self.column(entry));
            } else if included.is_some() {
                self.diags.push(
                    Diagnostic::error("invalid-version", "a version includes columns of its model once")
                        .at(entry.span, "a second entry with `include`"),
                );
            } else {
                included = Some(self.included(entry, of_model));
            }
        }
        let mut columns = included.unwrap_or_else(|| of_model.to_vec());
        for column in own {
            match columns.iter_mut().find(|it| it.name.value == column.name.value) {
                Some(of_model) => *of_model = column,
                None => columns.push(column),
            }
        }
        columns
    }

    /// `{include: all, exclude: [a]}` or `{include: [a, b]}`.
    fn included(&mut self, entry: &Yaml, of_model: &[ColumnProperties]) -> Vec<ColumnProperties> {
        let Some(mut fields) = Fields::new(self.diags, entry, "a choice of columns") else {
            return Vec::new();
        };
        let include = fields.strings(self.diags, "include").unwrap_or_default();
        let exclude = fields.strings(self.diags, "exclude").unwrap_or_default();
        fields.finish(self.diags, self.unknown);
        let is_all = matches!(include.as_slice(), [one] if ["all", "*"].contains(&one.value.as_str()));
        for name in exclude.iter().chain(include.iter().filter(|_| !is_all)) {
            if !of_model.iter().any(|it| it.name.value == name.value) {
                self.diags.push(
                    Diagnostic::warning(
                        "unknown-column",
                        format!("the model has no column `{}` to include or leave out", name.value),
                    )
                    .at(name.span, "not among the model's `columns`"),
                );
            }
        }
        let names = |list: &[Spanned<String>], column: &ColumnProperties| {
            list.iter().any(|it| it.value == column.name.value)
        };
        let wanted = |it: &&ColumnProperties| (is_all || names(&include, it)) && !names(&exclude, it);
        of_model.iter().filter(wanted).cloned().collect()
    }

    fn check_versions(
        &mut self,
        name: &Spanned<String>,
        versions: &[VersionProperties],
        latest: Option<&Spanned<String>>,
    ) {
        for (index, version) in versions.iter().enumerate() {
            let number = &version.version;
            if let Some(first) = versions[..index].iter().find(|it| it.version.value == number.value) {
                self.diags.push(
                    Diagnostic::error(
                        "duplicate-version",
                        format!("the version {} of `{}` is listed twice", number.value, name.value),
                    )
                    .at(number.span, "again here")
                    .and_at(first.version.span, "first here"),
                );
            }
        }
        if let Some(latest) = latest
            && !versions.is_empty()
            && !versions.iter().any(|it| it.version.value == latest.value)
        {
            let known: Vec<&str> = versions.iter().map(|it| it.version.value.as_str()).collect();
            self.diags.push(
                Diagnostic::error(
                    "unknown-version",
                    format!("`latest_version` of `{}` is not one of its versions", name.value),
                )
                .at(latest.span, format!("versions: {}", known.join(", "))),
            );
        }
    }

    fn time_spine(&mut self, yaml: &Yaml) -> Option<TimeSpine> {
        let mut fields = Fields::new(self.diags, yaml, "a time spine")?;
        let column = fields.string(self.diags, "standard_granularity_column");
        let mut custom_granularities = Vec::new();
        for entry in fields.list(self.diags, "custom_granularities") {
            let Some(mut granularity) = Fields::new(self.diags, entry, "a granularity") else { continue };
            let name = self.name(&mut granularity, entry, "a granularity");
            let column = granularity.string(self.diags, "column_name");
            granularity.finish(self.diags, self.unknown);
            custom_granularities.extend(name.map(|it| (it, column)));
        }
        fields.finish(self.diags, self.unknown);
        if column.is_none() {
            self.diags.push(match yaml.kind {
                YamlKind::Map(_) => {
                    Diagnostic::error("missing-key", "a time spine has no `standard_granularity_column`")
                        .at(yaml.span, "which column holds the time?")
                }
                _ => wrong_type(yaml, "time_spine", "a mapping with `standard_granularity_column`"),
            });
        }
        Some(TimeSpine { standard_granularity_column: column?, custom_granularities })
    }
}
