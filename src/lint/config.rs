//! What a project says about its rules: `lint:` of `project.yml`, in a dbt project `tidemill_lint` of `vars:`.
//!
//! In: the tree as it was read. Out: [`LintConfig`], every fault at its place. What a node says by itself is read
//! in [`super::nodes`].

use std::collections::{BTreeMap, BTreeSet};

use super::rules::{Level, RULES, Rule};
use crate::diagnostics::{Diagnostic, Diagnostics, Severity, Spanned, suggest};
use crate::graph::Graph;
use crate::graph::select::{self, Indirect, Selection};
use crate::node::NodeId;
use crate::project::Project;
use crate::yaml::fields::{Fields, scalar_text, wrong_type};
use crate::yaml::{Yaml, YamlKind};

/// What the rules go by.
#[derive(Clone, Debug, Default)]
pub struct LintConfig {
    levels: BTreeMap<Rule, Level>,
    /// The models that people read, if the project says which.
    pub(super) marts: Option<BTreeSet<NodeId>>,
    /// The models that take sources in, if the project says which.
    pub(super) staging: Option<BTreeSet<NodeId>>,
    /// Nodes that a rule does not look at.
    excluded: BTreeMap<Rule, BTreeSet<NodeId>>,
    /// Values that may stand in SQL, by rule.
    allowed: BTreeMap<Rule, BTreeSet<String>>,
    /// The longest list that may stand in SQL, if the project says so.
    max_items: Option<usize>,
    /// Whose columns need descriptions.
    pub(super) described_columns: DescribedColumns,
}

/// Whose columns need descriptions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum DescribedColumns {
    /// Those of marts.
    #[default]
    Marts,
    /// All.
    All,
    /// None.
    None,
}

/// A list with more entries than this is data.
const MAX_ITEMS: usize = 3;

impl LintConfig {
    /// How much a rule matters.
    pub fn level(&self, rule: Rule) -> Level {
        let usual = || RULES.iter().find(|it| it.0 == rule).map_or(Level::Off, |it| it.2);
        self.levels.get(&rule).copied().unwrap_or_else(usual)
    }

    /// Turns off all rules but these.
    pub fn only(&mut self, rules: &BTreeSet<Rule>) {
        for (rule, _, usual) in RULES {
            if !rules.contains(&rule) {
                self.levels.insert(rule, Level::Off);
            } else if self.level(rule) == Level::Off {
                // Who asks for a rule wants to see what it finds.
                self.levels.insert(rule, if usual == Level::Off { Level::Warn } else { usual });
            }
        }
    }

    pub(super) fn excludes(&self, rule: Rule, id: NodeId) -> bool {
        self.excluded.get(&rule).is_some_and(|it| it.contains(&id))
    }

    pub(super) fn allows(&self, rule: Rule, value: &str) -> bool {
        self.allowed.get(&rule).is_some_and(|it| it.contains(value))
    }

    pub(super) fn max_items(&self) -> usize {
        self.max_items.unwrap_or(MAX_ITEMS)
    }
}

/// Reads it.
pub fn read(diags: &mut Diagnostics, project: &Project, graph: &Graph) -> LintConfig {
    let Some(yaml) = &project.config.lint else { return LintConfig::default() };
    let mut reader = Reader { diags, project, graph };
    reader.config(yaml).unwrap_or_default()
}

/// Looks for faults alone, for commands that look at no rule: what selects nothing is no matter of theirs.
pub fn check(diags: &mut Diagnostics, project: &Project, graph: &Graph) {
    let mut found = Diagnostics::default();
    read(&mut found, project, graph);
    found.take().into_iter().filter(|it| it.severity == Severity::Error).for_each(|it| diags.push(it));
}

struct Reader<'a> {
    diags: &'a mut Diagnostics,
    project: &'a Project,
    graph: &'a Graph,
}

impl Reader<'_> {
    fn config(&mut self, yaml: &Yaml) -> Option<LintConfig> {
        let mut fields = Fields::new(self.diags, yaml, "`lint`")?;
        let mut config = LintConfig {
            marts: self.nodes(&mut fields, "marts"),
            staging: self.nodes(&mut fields, "staging"),
            ..LintConfig::default()
        };
        match fields.get("rules") {
            Some(Yaml { kind: YamlKind::Map(entries), .. }) => {
                for (name, value) in entries {
                    self.rule(&mut config, name, value);
                }
            }
            Some(other) => self.diags.push(wrong_type(other, "rules", "a mapping of rules to levels")),
            None => {}
        }
        fields.finish(self.diags, Severity::Error);
        Some(config)
    }

    fn rule(&mut self, config: &mut LintConfig, name: &Spanned<String>, value: &Yaml) {
        let Some(rule) = Rule::find(&name.value) else {
            self.diags.push(unknown_rule(name));
            return;
        };
        if value.as_map().is_none() {
            config.levels.extend(self.level(value).map(|it| (rule, it)));
            return;
        }
        let Some(mut fields) = Fields::new(self.diags, value, "a rule") else { return };
        let level = fields.get("level");
        config.levels.extend(level.and_then(|it| self.level(it)).map(|it| (rule, it)));
        config.excluded.extend(self.nodes(&mut fields, "exclude").map(|it| (rule, it)));
        if is_about_values(rule)
            && let Some(values) = fields.get("allow")
        {
            let allowed = self.values(values);
            config.allowed.insert(rule, allowed);
        }
        if rule == Rule::HardCodedList
            && let Some(limit) = fields.get("max_items")
        {
            match limit.kind {
                YamlKind::Int(it) if it > 0 => config.max_items = usize::try_from(it).ok(),
                _ => self.diags.push(wrong_type(limit, "max_items", "a whole number above 0")),
            }
        }
        if rule == Rule::MissingDescription
            && let Some(columns) = fields.string(self.diags, "columns")
        {
            match columns.value.as_str() {
                "marts" => config.described_columns = DescribedColumns::Marts,
                "all" => config.described_columns = DescribedColumns::All,
                "none" => config.described_columns = DescribedColumns::None,
                other => self.diags.push(
                    Diagnostic::error("invalid-value", format!("`columns` cannot be `{other}`"))
                        .at(columns.span, "write `marts`, `all` or `none`")
                        .help_opt(suggest::did_you_mean(other, ["marts", "all", "none"])),
                ),
            }
        }
        fields.finish(self.diags, Severity::Error);
    }

    fn level(&mut self, yaml: &Yaml) -> Option<Level> {
        // YAML reads a plain `off` as false.
        let word = match yaml.kind {
            YamlKind::Bool(false) => Some("off".to_owned()),
            _ => scalar_text(yaml),
        };
        let word = word.unwrap_or_default();
        let level = Level::ALL.into_iter().find(|it| it.0 == word).map(|it| it.1);
        if level.is_none() {
            let words = Level::ALL.map(|it| it.0);
            self.diags.push(
                Diagnostic::error("invalid-value", format!("`{word}` is not a level of a rule"))
                    .at(yaml.span, "write `error`, `warn` or `off`")
                    .help_opt(suggest::did_you_mean(&word, words)),
            );
        }
        level
    }

    fn values(&mut self, yaml: &Yaml) -> BTreeSet<String> {
        let Some(items) = yaml.as_list() else {
            self.diags.push(wrong_type(yaml, "allow", "a list of values"));
            return BTreeSet::new();
        };
        items.iter().filter_map(scalar_text).collect()
    }

    /// Nodes by selectors as on the command line.
    fn nodes(&mut self, fields: &mut Fields<'_>, key: &'static str) -> Option<BTreeSet<NodeId>> {
        let selectors = fields.strings(self.diags, key)?;
        let mut nodes = BTreeSet::new();
        for selector in selectors {
            let selection = Selection {
                select: vec![selector.value],
                selectors: self.project.selectors.clone(),
                indirect: Indirect::Empty,
                ..Selection::default()
            };
            let selected = select::select(self.graph, &selection);
            nodes.extend(selected.nodes);
            for fault in selected.faults {
                let is_wrong = ["invalid-selector", "unknown-selector"].contains(&fault.code);
                let diagnostic = if is_wrong {
                    Diagnostic::error(fault.code, fault.message)
                } else {
                    Diagnostic::warning(fault.code, fault.message)
                };
                self.diags.push(diagnostic.at(selector.span, "").help_opt(fault.help));
            }
        }
        Some(nodes)
    }
}

fn is_about_values(rule: Rule) -> bool {
    matches!(
        rule,
        Rule::HardCodedId
            | Rule::HardCodedName
            | Rule::HardCodedList
            | Rule::HardCodedRate
            | Rule::HardCodedDate
    )
}

/// A name that no rule has.
pub fn unknown_rule(name: &Spanned<String>) -> Diagnostic {
    let help = suggest::did_you_mean(&name.value, Rule::codes());
    Diagnostic::error("unknown-rule", format!("there is no rule `{}`", name.value))
        .at(name.span, "no rule has this name")
        .help(help.unwrap_or_else(|| "`tidemill lint --list-rules` shows all rules".to_owned()))
}
