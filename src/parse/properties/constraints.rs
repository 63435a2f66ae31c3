//! Constraints of models and of columns, as a contract holds them.

use super::Reader;
use crate::diagnostics::{Diagnostic, Spanned, suggest};
use crate::yaml::Yaml;
use crate::yaml::fields::Fields;

/// What rows must satisfy, as written into the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    /// What kind of constraint it is.
    pub kind: Spanned<ConstraintKind>,
    /// Its name in the database.
    pub name: Option<String>,
    /// The condition of a check, or SQL that follows the constraint's keyword.
    pub expression: Option<Spanned<String>>,
    /// Whether to warn if the database takes the constraint but does not hold it.
    pub warn_unenforced: bool,
    /// Whether to warn if the database does not know the constraint.
    pub warn_unsupported: bool,
    /// The columns of a constraint on the model as a whole.
    pub columns: Vec<Spanned<String>>,
    /// What a foreign key points to: `ref(...)` or `source(...)`.
    pub to: Option<Spanned<String>>,
    /// The columns there.
    pub to_columns: Vec<String>,
}

/// A kind of [`Constraint`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConstraintKind {
    /// A condition.
    Check,
    /// No nulls.
    NotNull,
    /// No value twice.
    Unique,
    /// The columns that identify a row.
    PrimaryKey,
    /// Values that are in another table.
    ForeignKey,
    /// SQL of its own.
    Custom,
}

const KINDS: [(&str, ConstraintKind); 6] = [
    ("check", ConstraintKind::Check),
    ("not_null", ConstraintKind::NotNull),
    ("unique", ConstraintKind::Unique),
    ("primary_key", ConstraintKind::PrimaryKey),
    ("foreign_key", ConstraintKind::ForeignKey),
    ("custom", ConstraintKind::Custom),
];

impl ConstraintKind {
    /// The word in YAML and artifacts.
    pub fn as_str(self) -> &'static str {
        KINDS.iter().find(|(_, kind)| *kind == self).map_or("", |(word, _)| *word)
    }
}

impl Reader<'_> {
    /// The list under `constraints`.
    pub(super) fn constraints(&mut self, fields: &mut Fields<'_>) -> Vec<Constraint> {
        let entries = fields.list(self.diags, "constraints");
        entries.iter().filter_map(|it| self.constraint(it)).collect()
    }

    fn constraint(&mut self, yaml: &Yaml) -> Option<Constraint> {
        let mut fields = Fields::new(self.diags, yaml, "a constraint")?;
        let kind = self.constraint_kind(&mut fields, yaml);
        let constraint = Constraint {
            kind: kind.clone().unwrap_or_else(|| Spanned::new(ConstraintKind::Custom, yaml.span)),
            name: fields.string(self.diags, "name").map(|it| it.value),
            expression: fields.string(self.diags, "expression"),
            warn_unenforced: fields.bool(self.diags, "warn_unenforced").unwrap_or(true),
            warn_unsupported: fields.bool(self.diags, "warn_unsupported").unwrap_or(true),
            columns: fields.strings(self.diags, "columns").unwrap_or_default(),
            to: fields.string(self.diags, "to"),
            to_columns: fields
                .strings(self.diags, "to_columns")
                .unwrap_or_default()
                .into_iter()
                .map(|it| it.value)
                .collect(),
        };
        fields.finish(self.diags, self.unknown);
        kind?;
        self.check_constraint(&constraint);
        Some(constraint)
    }

    fn constraint_kind(&mut self, fields: &mut Fields<'_>, yaml: &Yaml) -> Option<Spanned<ConstraintKind>> {
        let words = KINDS.map(|(word, _)| word);
        let Some(word) = fields.string(self.diags, "type") else {
            self.diags.push(
                Diagnostic::error("missing-key", "a constraint has no `type`")
                    .at(yaml.span, format!("write `type:` and one of {}", words.join(", "))),
            );
            return None;
        };
        let found = KINDS.iter().find(|(known, _)| *known == word.value);
        if found.is_none() {
            self.diags.push(
                Diagnostic::error(
                    "unknown-constraint",
                    format!("`{}` is not a type of constraint", word.value),
                )
                .at(word.span, format!("write one of {}", words.join(", ")))
                .help_opt(suggest::did_you_mean(&word.value, words)),
            );
        }
        found.map(|(_, kind)| Spanned::new(*kind, word.span))
    }

    /// A constraint that cannot be written as SQL.
    fn check_constraint(&mut self, constraint: &Constraint) {
        let missing = match constraint.kind.value {
            ConstraintKind::Check | ConstraintKind::Custom if constraint.expression.is_none() => {
                "`expression:` says what is checked"
            }
            ConstraintKind::ForeignKey
                if constraint.expression.is_none()
                    && (constraint.to.is_none() || constraint.to_columns.is_empty()) =>
            {
                "write `to: ref('...')` and `to_columns:`, or `expression:`"
            }
            ConstraintKind::Check
            | ConstraintKind::Custom
            | ConstraintKind::ForeignKey
            | ConstraintKind::NotNull
            | ConstraintKind::Unique
            | ConstraintKind::PrimaryKey => return,
        };
        let kind = constraint.kind.value.as_str();
        self.diags.push(
            Diagnostic::warning(
                "incomplete-constraint",
                format!("a `{kind}` constraint does not say all that it needs"),
            )
            .at(constraint.kind.span, missing),
        );
    }
}
