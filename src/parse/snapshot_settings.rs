//! How a snapshot tells versions of a row apart: `strategy` and its kin, as types.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::properties::texts;
use crate::diagnostics::{Diagnostic, Diagnostics, Span, Spanned, suggest};

/// What the config of a snapshot says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotSettings {
    /// Columns or expressions that identify a row; never empty.
    pub unique_key: Vec<String>,
    /// When a row is a new version.
    pub strategy: SnapshotStrategy,
    /// What becomes of rows that are not there any more.
    pub hard_deletes: HardDeletes,
    /// SQL for the end of a version that still holds; `null` where absent.
    pub valid_to_current: Option<String>,
    /// Names of the columns that the snapshot adds.
    pub columns: MetaColumns,
}

/// When a row is a new version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotStrategy {
    /// When its time of change is later than that of the version that holds.
    Timestamp {
        /// Column or expression with the time of change.
        updated_at: String,
    },
    /// When a column has another value.
    Check {
        /// Which columns.
        columns: CheckColumns,
        /// Column or expression with the time of change; the time of the run where absent.
        updated_at: Option<String>,
    },
    /// When a macro of the project says so.
    Custom {
        /// The macro's name, perhaps with its package.
        macro_name: String,
    },
}

/// The columns that are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckColumns {
    /// All that the query has.
    All,
    /// These.
    Listed(Vec<Spanned<String>>),
}

/// What becomes of rows that are not there any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HardDeletes {
    /// Nothing.
    #[default]
    Ignore,
    /// Their last version ends.
    Invalidate,
    /// Their last version ends, and another says that they were deleted.
    NewRecord,
}

/// Names of the columns that a snapshot adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetaColumns {
    /// `dbt_scd_id`: identifies the version.
    pub scd_id: String,
    /// `dbt_updated_at`: the row's time of change.
    pub updated_at: String,
    /// `dbt_valid_from`: when the version begins.
    pub valid_from: String,
    /// `dbt_valid_to`: when it ends.
    pub valid_to: String,
    /// `dbt_is_deleted`: `True` in a version that says that the row was deleted.
    pub is_deleted: String,
}

impl Default for MetaColumns {
    fn default() -> Self {
        Self {
            scd_id: "dbt_scd_id".to_owned(),
            updated_at: "dbt_updated_at".to_owned(),
            valid_from: "dbt_valid_from".to_owned(),
            valid_to: "dbt_valid_to".to_owned(),
            is_deleted: "dbt_is_deleted".to_owned(),
        }
    }
}

/// Reads the config of a snapshot; `None` if it cannot be run. `find_strategy` gives the macro of a strategy
/// that the project defines.
pub(super) fn read(
    diags: &mut Diagnostics,
    name: &Spanned<String>,
    values: &BTreeMap<String, Spanned<Json>>,
    find_strategy: impl Fn(&str) -> Option<String>,
) -> Option<SnapshotSettings> {
    let mut reader = Reader { diags, name, values };
    reader.check_materialized();
    let unique_key = reader.unique_key();
    let strategy = reader.strategy(find_strategy);
    let hard_deletes = reader.hard_deletes();
    let valid_to_current = reader.text("dbt_valid_to_current").map(|it| it.value);
    let columns = reader.columns();
    Some(SnapshotSettings {
        unique_key: unique_key?,
        strategy: strategy?,
        hard_deletes,
        valid_to_current,
        columns,
    })
}

struct Reader<'a> {
    diags: &'a mut Diagnostics,
    name: &'a Spanned<String>,
    values: &'a BTreeMap<String, Spanned<Json>>,
}

impl Reader<'_> {
    fn get(&self, key: &str) -> Option<Spanned<Json>> {
        self.values.get(key).filter(|it| !it.value.is_null()).cloned()
    }

    fn text(&mut self, key: &str) -> Option<Spanned<String>> {
        let found = self.get(key)?;
        match found.value {
            Json::String(text) if !text.trim().is_empty() => Some(Spanned::new(text, found.span)),
            Json::Number(it) => Some(Spanned::new(it.to_string(), found.span)),
            Json::Null | Json::Bool(_) | Json::String(_) | Json::Array(_) | Json::Object(_) => {
                self.wrong(key, found.span, "a text");
                None
            }
        }
    }

    fn wrong(&mut self, key: &str, span: Span, expected: &str) {
        let message = format!("the config `{key}` must be {expected}");
        self.diags.push(Diagnostic::error("wrong-type", message).at(span, "set here"));
    }

    fn missing(&mut self, key: &str, help: &str) {
        let message = format!("the snapshot `{}` has no `{key}`", self.name.value);
        self.diags.push(Diagnostic::error("missing-config", message).at(self.name.span, "").help(help));
    }

    fn check_materialized(&mut self) {
        let Some(found) = self.get("materialized") else { return };
        if found.value.as_str() != Some("snapshot") {
            let written = found.value.to_string();
            let message = format!("a snapshot cannot be materialized as `{}`", written.trim_matches('"'));
            self.diags.push(
                Diagnostic::error("invalid-value", message)
                    .at(found.span, "set here")
                    .help("leave `materialized` out"),
            );
        }
    }

    fn unique_key(&mut self) -> Option<Vec<String>> {
        let Some(found) = self.get("unique_key") else {
            self.missing(
                "unique_key",
                "add `unique_key: id`, say: the column or columns that identify a row",
            );
            return None;
        };
        let keys = texts(&found.value);
        let is_whole = match &found.value {
            Json::Array(items) => items.len() == keys.len(),
            _ => true,
        };
        if keys.is_empty() || !is_whole || keys.iter().any(|it| it.trim().is_empty()) {
            self.wrong("unique_key", found.span, "a column, or a list of columns");
            return None;
        }
        Some(keys)
    }

    fn strategy(&mut self, find: impl Fn(&str) -> Option<String>) -> Option<SnapshotStrategy> {
        let Some(name) = self.text("strategy") else {
            if self.get("strategy").is_none() {
                self.missing("strategy", "add `strategy: timestamp` or `strategy: check`");
            }
            return None;
        };
        // A project's own macro goes before the built-in strategy of the same name.
        if let Some(macro_name) = find(&name.value) {
            return Some(SnapshotStrategy::Custom { macro_name });
        }
        match name.value.as_str() {
            "timestamp" => self.timestamp(),
            "check" => self.check(),
            other => {
                let message = format!("there is no snapshot strategy `{other}`");
                let wanted = other.rsplit('.').next().unwrap_or(other);
                let known = suggest::did_you_mean(other, ["timestamp", "check"]);
                let help = known.unwrap_or_else(|| {
                    format!("write `timestamp` or `check`, or a macro `snapshot_{wanted}_strategy`")
                });
                self.diags.push(
                    Diagnostic::error("unknown-strategy", message).at(name.span, "set here").help(help),
                );
                None
            }
        }
    }

    fn timestamp(&mut self) -> Option<SnapshotStrategy> {
        if let Some(columns) = self.get("check_cols") {
            let message =
                format!("the snapshot `{}` has `check_cols`, but the strategy `timestamp`", self.name.value);
            self.diags.push(
                Diagnostic::error("unused-config", message)
                    .at(columns.span, "`timestamp` compares no columns")
                    .help("remove it, or set `strategy: check`"),
            );
        }
        let Some(updated_at) = self.text("updated_at") else {
            if self.get("updated_at").is_none() {
                self.missing(
                    "updated_at",
                    "add `updated_at: changed_at`, say: the time at which a row changed",
                );
            }
            return None;
        };
        Some(SnapshotStrategy::Timestamp { updated_at: updated_at.value })
    }

    fn check(&mut self) -> Option<SnapshotStrategy> {
        let updated_at = self.text("updated_at").map(|it| it.value);
        let Some(found) = self.get("check_cols") else {
            self.missing("check_cols", "add `check_cols: all`, or a list of columns");
            return None;
        };
        let columns = match &found.value {
            Json::String(text) if text == "all" => CheckColumns::All,
            Json::Array(items) if !items.is_empty() && items.iter().all(Json::is_string) => {
                CheckColumns::Listed(
                    texts(&found.value).into_iter().map(|it| Spanned::new(it, found.span)).collect(),
                )
            }
            _ => {
                self.wrong("check_cols", found.span, "`all` or a list of columns");
                return None;
            }
        };
        Some(SnapshotStrategy::Check { columns, updated_at })
    }

    fn hard_deletes(&mut self) -> HardDeletes {
        let (new, old) = (self.get("hard_deletes"), self.get("invalidate_hard_deletes"));
        if let (Some(new), Some(old)) = (&new, &old) {
            let message = "`hard_deletes` and `invalidate_hard_deletes` are both set";
            self.diags.push(
                Diagnostic::error("conflicting-config", message)
                    .at(new.span, "this one")
                    .and_at(old.span, "and this one")
                    .help("remove `invalidate_hard_deletes`, the older of the two"),
            );
        }
        if let Some(found) = new {
            let known = [
                ("ignore", HardDeletes::Ignore),
                ("invalidate", HardDeletes::Invalidate),
                ("new_record", HardDeletes::NewRecord),
            ];
            let text = found.value.as_str().unwrap_or_default();
            if let Some((_, value)) = known.iter().find(|(name, _)| *name == text) {
                return *value;
            }
            let written = found.value.to_string();
            let names = known.map(|(name, _)| name);
            self.diags.push(
                Diagnostic::error(
                    "invalid-value",
                    format!("`{}` is not a value of `hard_deletes`", written.trim_matches('"')),
                )
                .at(found.span, "set here")
                .help(
                    suggest::did_you_mean(text, names)
                        .unwrap_or_else(|| format!("write one of {}", names.join(", "))),
                ),
            );
        }
        match old.map(|it| (it.value, it.span)) {
            Some((Json::Bool(true), _)) => HardDeletes::Invalidate,
            Some((Json::Bool(false), _)) | None => HardDeletes::Ignore,
            Some((_, span)) => {
                self.wrong("invalidate_hard_deletes", span, "`true` or `false`");
                HardDeletes::Ignore
            }
        }
    }

    fn columns(&mut self) -> MetaColumns {
        let mut columns = MetaColumns::default();
        let Some(found) = self.get("snapshot_meta_column_names") else { return columns };
        let Json::Object(entries) = &found.value else {
            self.wrong("snapshot_meta_column_names", found.span, "a mapping of dbt's names to yours");
            return columns;
        };
        for (key, value) in entries {
            let slot = match key.as_str() {
                "dbt_scd_id" => &mut columns.scd_id,
                "dbt_updated_at" => &mut columns.updated_at,
                "dbt_valid_from" => &mut columns.valid_from,
                "dbt_valid_to" => &mut columns.valid_to,
                "dbt_is_deleted" => &mut columns.is_deleted,
                other => {
                    self.diags.push(unknown_column(other, found.span));
                    continue;
                }
            };
            match value {
                Json::String(name) if !name.trim().is_empty() => slot.clone_from(name),
                Json::Null => {}
                _ => self.wrong(&format!("snapshot_meta_column_names: {key}"), found.span, "a text"),
            }
        }
        if let Some(name) = columns.repeated() {
            self.diags.push(
                Diagnostic::error(
                    "duplicate-column",
                    format!("two columns of the snapshot are called `{name}`"),
                )
                .at(found.span, "set here"),
            );
        }
        columns
    }
}

impl MetaColumns {
    fn repeated(&self) -> Option<&str> {
        let all = [&self.scd_id, &self.updated_at, &self.valid_from, &self.valid_to, &self.is_deleted];
        let is_again = |index: usize| all[..index].iter().any(|it| it.eq_ignore_ascii_case(all[index]));
        (0..all.len()).find(|it| is_again(*it)).map(|it| all[it].as_str())
    }
}

fn unknown_column(name: &str, span: Span) -> Diagnostic {
    const KNOWN: [&str; 5] =
        ["dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to", "dbt_is_deleted"];
    Diagnostic::error("unknown-key", format!("`{name}` is not a column that a snapshot adds"))
        .at(span, "in `snapshot_meta_column_names`")
        .help(
            suggest::did_you_mean(name, KNOWN)
                .unwrap_or_else(|| format!("write one of {}", KNOWN.join(", "))),
        )
}
