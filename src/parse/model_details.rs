//! What YAML alone says about a model: who may read it, its contract, when it will be gone.

use serde_json::Value as Json;

use super::node_config::NodeConfig;
use super::properties::{ColumnProperties, Constraint, ConstraintKind, TimeSpine};
use crate::diagnostics::{Diagnostic, Diagnostics, Span, Spanned, suggest};
use crate::node::Materialization;

/// Who may read a model, what it promises, and until when it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelDetails {
    /// Who may refer to it.
    pub access: Access,
    /// What its table promises.
    pub contract: Contract,
    /// Constraints on the model as a whole.
    pub constraints: Vec<Constraint>,
    /// When it will be gone.
    pub deprecation: Option<Deprecation>,
    /// What makes it a table of days or other spans of time.
    pub time_spine: Option<TimeSpine>,
    /// Whether it is written in Python, so that it cannot be run.
    pub is_python: bool,
}

/// Who may refer to a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nodes of its group.
    Private,
    /// Nodes of its package, and of others if the package does not restrict it.
    Protected,
    /// All.
    Public,
}

impl Access {
    /// The word in YAML and artifacts.
    pub fn as_str(self) -> &'static str {
        match self {
            Access::Private => "private",
            Access::Protected => "protected",
            Access::Public => "public",
        }
    }
}

/// What a model's table promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contract {
    /// Whether names and types of columns must be those of the YAML.
    pub enforced: bool,
    /// Whether types may be written with the words of other databases.
    pub alias_types: bool,
}

/// When a model will be gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deprecation {
    /// Date and time, ISO 8601; without a zone in YAML, in UTC.
    pub date: String,
    /// Whether that was before this run.
    pub is_past: bool,
    /// Where it is written.
    pub span: Span,
}

/// A model as the checks see it.
pub(super) struct Checked<'a> {
    pub(super) name: &'a str,
    pub(super) config: &'a NodeConfig,
    pub(super) materialized: Materialization,
    pub(super) columns: &'a [ColumnProperties],
}

impl ModelDetails {
    /// Reads access and contract from the merged config, and checks them with the constraints.
    pub(super) fn new(
        diags: &mut Diagnostics,
        model: &Checked<'_>,
        constraints: Vec<Constraint>,
        deprecation: Option<Deprecation>,
        time_spine: Option<TimeSpine>,
    ) -> Self {
        let access = access(diags, model);
        let contract = contract(diags, model);
        check_primary_keys(diags, model, &constraints);
        if let Some(spine) = &time_spine {
            check_time_spine(diags, model, spine);
        }
        Self { access, contract, constraints, deprecation, time_spine, is_python: false }
    }
}

fn access(diags: &mut Diagnostics, model: &Checked<'_>) -> Access {
    const WORDS: [(&str, Access); 3] =
        [("private", Access::Private), ("protected", Access::Protected), ("public", Access::Public)];
    let Some(written) = model.config.values.get("access").filter(|it| !it.value.is_null()) else {
        return Access::Protected;
    };
    let word = written.value.as_str().unwrap_or_default();
    let Some((_, access)) = WORDS.iter().find(|(known, _)| *known == word) else {
        diags.push(
            Diagnostic::error("invalid-access", format!("the access of `{}` cannot be `{word}`", model.name))
                .at(written.span, "write `private`, `protected` or `public`")
                .help_opt(suggest::did_you_mean(word, WORDS.map(|(known, _)| known))),
        );
        return Access::Protected;
    };
    if *access == Access::Public && model.materialized == Materialization::Ephemeral {
        diags.push(
            Diagnostic::error(
                "invalid-access",
                format!("`{}` is public, but ephemeral: there is no table to read", model.name),
            )
            .at(written.span, "public here")
            .help("make it a view or a table, or make it `protected`"),
        );
    }
    *access
}

fn contract(diags: &mut Diagnostics, model: &Checked<'_>) -> Contract {
    let none = Contract { enforced: false, alias_types: true };
    let Some(written) = model.config.values.get("contract").filter(|it| !it.value.is_null()) else {
        return none;
    };
    if !written.value.is_object() {
        diags.push(
            Diagnostic::error("wrong-type", "the config `contract` must be a mapping")
                .at(written.span, "set here")
                .help("write `contract: {enforced: true}`"),
        );
        return none;
    }
    let is = |key: &str| written.value.get(key).and_then(Json::as_bool);
    let contract = Contract {
        enforced: is("enforced").unwrap_or(false),
        alias_types: is("alias_types").unwrap_or(true),
    };
    if contract.enforced {
        check_enforced(diags, model, written.span);
    }
    contract
}

/// An enforced contract must say all that it enforces.
fn check_enforced(diags: &mut Diagnostics, model: &Checked<'_>, span: Span) {
    let name = model.name;
    if model.columns.is_empty() {
        diags.push(
            Diagnostic::error("incomplete-contract", format!("the contract of `{name}` lists no columns"))
                .at(span, "enforced here")
                .help("list all columns with their types under `columns:` of a properties file"),
        );
    }
    for column in model.columns.iter().filter(|it| it.data_type.is_none()) {
        let column_name = &column.name.value;
        diags.push(
            Diagnostic::error(
                "incomplete-contract",
                format!("the contract of `{name}` does not say the type of the column `{column_name}`"),
            )
            .at(column.name.span, "add `data_type:`")
            .and_at(span, "enforced here"),
        );
    }
    let on_change = model.config.values.get("on_schema_change");
    let is_kept = on_change
        .and_then(|it| it.value.as_str())
        .is_some_and(|it| ["append_new_columns", "fail"].contains(&it));
    if model.materialized == Materialization::Incremental && !is_kept {
        diags.push(
            Diagnostic::error(
                "invalid-contract",
                format!(
                    "the contract of the incremental model `{name}` could be broken by a change of columns"
                ),
            )
            .at(on_change.map_or(span, |it| it.span), "columns would not be kept")
            .help("set `on_schema_change` to `append_new_columns` or `fail`"),
        );
    }
}

fn check_primary_keys(diags: &mut Diagnostics, model: &Checked<'_>, constraints: &[Constraint]) {
    let is_key = |it: &&Constraint| it.kind.value == ConstraintKind::PrimaryKey;
    let of_columns: Vec<&Constraint> =
        model.columns.iter().flat_map(|it| it.constraints.iter().filter(is_key)).collect();
    let of_model: Vec<&Constraint> = constraints.iter().filter(is_key).collect();
    let (second, first, help) = match (of_columns.as_slice(), of_model.as_slice()) {
        ([first, second, ..], _) => {
            (second, first, "a key of several columns is one constraint of the model, with `columns: [...]`")
        }
        ([first, ..], [second, ..]) => (second, first, "keep one of the two"),
        _ => return,
    };
    diags.push(
        Diagnostic::error("invalid-constraint", format!("`{}` has two primary keys", model.name))
            .at(second.kind.span, "another one")
            .and_at(first.kind.span, "the first one")
            .help(help),
    );
}

fn check_time_spine(diags: &mut Diagnostics, model: &Checked<'_>, spine: &TimeSpine) {
    let find = |name: &Spanned<String>| model.columns.iter().find(|it| it.name.value == name.value);
    let unknown = |name: &Spanned<String>| {
        let known = model.columns.iter().map(|it| it.name.value.as_str());
        Diagnostic::error(
            "invalid-time-spine",
            format!(
                "the time spine of `{}` names a column `{}`, which is not listed",
                model.name, name.value
            ),
        )
        .at(name.span, "not among the model's `columns`")
        .help_opt(suggest::did_you_mean(&name.value, known))
    };
    let standard = &spine.standard_granularity_column;
    match find(standard) {
        None => diags.push(unknown(standard)),
        Some(column) if column.granularity.is_none() => diags.push(
            Diagnostic::error(
                "invalid-time-spine",
                format!("the column `{}` of a time spine has no `granularity`", standard.value),
            )
            .at(column.name.span, "write `granularity: day`, say"),
        ),
        Some(_) => {}
    }
    for (name, column) in &spine.custom_granularities {
        let column = column.as_ref().unwrap_or(name);
        if find(column).is_none() {
            diags.push(unknown(column));
        }
    }
}

/// Reads a date, or a date and a time; `now` is RFC 3339.
pub(super) fn deprecation(
    diags: &mut Diagnostics,
    written: &Spanned<String>,
    now: &str,
) -> Option<Deprecation> {
    let parsed = jiff::fmt::temporal::Pieces::parse(written.value.trim()).ok();
    let Some(pieces) = parsed else {
        diags.push(
            Diagnostic::error("invalid-date", format!("`{}` is not a date", written.value))
                .at(written.span, "write it as 2026-12-31"),
        );
        return None;
    };
    let time = pieces.date().to_datetime(pieces.time().unwrap_or_else(jiff::civil::Time::midnight));
    let offset = pieces.to_numeric_offset().unwrap_or(jiff::tz::Offset::UTC);
    let instant = offset.to_timestamp(time).ok()?;
    let is_past = now.parse::<jiff::Timestamp>().is_ok_and(|now| instant < now);
    let seconds = offset.seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.abs() / 60;
    let date = format!("{time}{sign}{:02}:{:02}", minutes / 60, minutes % 60);
    Some(Deprecation { date, is_past, span: written.span })
}
