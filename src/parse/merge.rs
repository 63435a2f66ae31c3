//! What a `merge` does with rows that match and rows that do not: dbt-duckdb's `merge_...` configs, as types.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::properties::texts;
use crate::diagnostics::{Diagnostic, Diagnostics, Span, Spanned, suggest};

/// The clauses of a `merge`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merge {
    /// `merge_on_using_columns`: columns that rows are matched by, in place of the unique key.
    pub using: Vec<String>,
    /// What happens to a row that is there already, first match first.
    pub matched: Vec<Clause>,
    /// What happens to other rows, first match first.
    pub not_matched: Vec<Clause>,
}

/// One `when ... then ...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// `by source` or `by target`: whose row has no counterpart.
    pub by: Option<&'static str>,
    /// All of these must hold.
    pub conditions: Vec<String>,
    /// What is done.
    pub action: Action,
}

/// What a clause does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Columns of the same name get the new values, but for the exceptions.
    Update(Update),
    /// `update by position`, `update set *`: as the engine has it.
    UpdateAll(&'static str),
    /// Only what is written: column and expression.
    Set(Vec<(String, String)>),
    /// Columns of the same name are inserted.
    Insert,
    /// `insert by position`, `insert *`: as the engine has it.
    InsertAll(&'static str),
    /// Columns and expressions.
    InsertValues(Vec<String>, Vec<String>),
    /// The row goes.
    Delete,
    /// Nothing.
    Nothing,
    /// The merge fails, with a message if there is one.
    Error(Option<String>),
}

/// Which columns an update changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    /// Only these; all if empty.
    pub include: Vec<String>,
    /// Not these.
    pub exclude: Vec<String>,
    /// These get an expression.
    pub set: Vec<(String, String)>,
}

/// The configs that say the same as clauses do, in fewer words.
const BRIEF: [&str; 5] = [
    "merge_update_condition",
    "merge_insert_condition",
    "merge_update_columns",
    "merge_exclude_columns",
    "merge_update_set_expressions",
];

/// Reads the clauses of a model's `merge`, or makes them of the brief configs.
pub(super) fn read(diags: &mut Diagnostics, values: &BTreeMap<String, Spanned<Json>>) -> Merge {
    let list = |key: &str| values.get(key).map(|it| texts(&it.value)).unwrap_or_default();
    let using = list("merge_on_using_columns");
    let clauses = values.get("merge_clauses").filter(|it| !it.value.is_null());
    let Some(clauses) = clauses else { return Merge { using, ..brief(diags, values) } };
    for key in BRIEF {
        let is_set =
            |it: &&Spanned<Json>| !matches!(&it.value, Json::Null) && it.value != Json::Array(Vec::new());
        if let Some(value) = values.get(key).filter(is_set) {
            diags.push(
                Diagnostic::error(
                    "conflicting-config",
                    format!("`{key}` has no effect beside `merge_clauses`"),
                )
                .at(value.span, "set here")
                .and_at(clauses.span, "the clauses say what is merged")
                .help("say it in the clauses, or leave them out"),
            );
        }
    }
    let mut reader = Reader { diags, span: clauses.span };
    let Some(map) = reader.map("merge_clauses", &clauses.value, &["when_matched", "when_not_matched"]) else {
        return Merge { using, ..Merge::default() };
    };
    if map.is_empty() {
        reader.fault("`merge_clauses` needs `when_matched` or `when_not_matched`".to_owned());
    }
    let default = brief(&mut Diagnostics::default(), &BTreeMap::new());
    let mut clauses_of = |key: &'static str, default: Vec<Clause>| match map.get(key) {
        None => default,
        Some(Json::Array(items)) if !items.is_empty() => {
            items.iter().filter_map(|it| reader.clause(key, it)).collect()
        }
        Some(_) => {
            reader.fault(format!("`{key}` of `merge_clauses` must be a list with at least one clause"));
            default
        }
    };
    let matched = clauses_of("when_matched", default.matched);
    let not_matched = clauses_of("when_not_matched", default.not_matched);
    Merge { using, matched, not_matched }
}

/// One clause each: update what matches, insert the rest.
fn brief(diags: &mut Diagnostics, values: &BTreeMap<String, Spanned<Json>>) -> Merge {
    let list = |key: &str| values.get(key).map(|it| texts(&it.value)).unwrap_or_default();
    let mut condition = |key: &'static str| match values.get(key).map(|it| (&it.value, it.span)) {
        None | Some((Json::Null, _)) => Vec::new(),
        Some((Json::String(text), _)) => vec![text.clone()],
        Some((_, span)) => {
            diags.push(
                Diagnostic::error("wrong-type", format!("the config `{key}` must be a text"))
                    .at(span, "set here"),
            );
            Vec::new()
        }
    };
    let (update, insert) = (condition("merge_update_condition"), condition("merge_insert_condition"));
    let set = match values.get("merge_update_set_expressions").map(|it| (&it.value, it.span)) {
        None | Some((Json::Null, _)) => Vec::new(),
        Some((Json::Object(map), _)) => expressions(map),
        Some((_, span)) => {
            let message =
                "the config `merge_update_set_expressions` must be a mapping of columns to expressions";
            diags.push(Diagnostic::error("wrong-type", message).at(span, "set here"));
            Vec::new()
        }
    };
    let update_columns =
        Update { include: list("merge_update_columns"), exclude: list("merge_exclude_columns"), set };
    Merge {
        using: Vec::new(),
        matched: vec![Clause { by: None, conditions: update, action: Action::Update(update_columns) }],
        not_matched: vec![Clause { by: None, conditions: insert, action: Action::Insert }],
    }
}

fn expressions(map: &Map<String, Json>) -> Vec<(String, String)> {
    let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    map.iter().map(|(column, value)| (column.clone(), text(value))).collect()
}

/// Reads `merge_clauses`, all of which has one place: the config's.
struct Reader<'a> {
    diags: &'a mut Diagnostics,
    span: Span,
}

impl Reader<'_> {
    fn fault(&mut self, message: String) {
        self.diags.push(Diagnostic::error("invalid-merge", message).at(self.span, "set here"));
    }

    fn map<'j>(&mut self, what: &str, value: &'j Json, known: &[&str]) -> Option<&'j Map<String, Json>> {
        let Json::Object(map) = value else {
            self.fault(format!("`{what}` must be a mapping, not `{value}`"));
            return None;
        };
        for key in map.keys().filter(|it| !known.contains(&it.as_str())) {
            let help = suggest::did_you_mean(key, known.iter().copied())
                .unwrap_or_else(|| format!("write one of {}", known.join(", ")));
            let message = format!("`{key}` is not a key of `{what}`");
            self.diags.push(Diagnostic::error("invalid-merge", message).at(self.span, "set here").help(help));
        }
        Some(map)
    }

    fn clause(&mut self, key: &'static str, value: &Json) -> Option<Clause> {
        const KEYS: &[&str] =
            &["action", "by", "condition", "mode", "update", "insert", "set_expressions", "error_message"];
        let map = self.map(key, value, KEYS)?;
        let is_matched = key == "when_matched";
        let text = |name: &str| map.get(name).and_then(Json::as_str);
        let mode = text("mode").unwrap_or("by_name");
        let action = match (text("action"), is_matched) {
            (Some("update"), true) => self.update(map, mode)?,
            (Some("update"), false) => Action::Set(self.set_expressions(map)),
            (Some("insert"), false) => self.insert(map, mode)?,
            (Some("delete"), _) => Action::Delete,
            (Some("do_nothing"), _) => Action::Nothing,
            (Some("error"), _) => Action::Error(text("error_message").map(str::to_owned)),
            (action, _) => {
                let known = if is_matched { "update, delete" } else { "insert, update, delete" };
                let action =
                    action.map_or_else(|| "a clause without `action`".to_owned(), |it| format!("`{it}`"));
                self.fault(format!("`{key}` cannot have {action}: it knows {known}, do_nothing and error"));
                return None;
            }
        };
        let by = match text("by").map(str::to_lowercase).as_deref() {
            None => None,
            Some("source") if !is_matched => Some("source"),
            Some("target") if !is_matched => Some("target"),
            Some(other) => {
                self.fault(format!(
                    "`by: {other}` of `{key}` must be `source` or `target`, of a row without a match"
                ));
                None
            }
        };
        let conditions = map.get("condition").map(texts).unwrap_or_default();
        Some(Clause { by, conditions, action })
    }

    fn update(&mut self, map: &Map<String, Json>, mode: &str) -> Option<Action> {
        match mode {
            "by_name" => Some(Action::Update(Update::default())),
            "by_position" => Some(Action::UpdateAll("update by position")),
            "star" => Some(Action::UpdateAll("update set *")),
            "explicit" => {
                let nothing = Json::Object(Map::new());
                let update = map.get("update").unwrap_or(&nothing);
                let update = self.map("update", update, &["include", "exclude", "set_expressions"])?;
                let list = |key: &str| update.get(key).map(texts).unwrap_or_default();
                let set = self.set_expressions(update);
                Some(Action::Update(Update { include: list("include"), exclude: list("exclude"), set }))
            }
            _ => self.unknown_mode(mode),
        }
    }

    fn insert(&mut self, map: &Map<String, Json>, mode: &str) -> Option<Action> {
        match mode {
            "by_name" => Some(Action::Insert),
            "by_position" => Some(Action::InsertAll("insert by position")),
            "star" => Some(Action::InsertAll("insert *")),
            "explicit" => {
                let insert =
                    self.map("insert", map.get("insert").unwrap_or(&Json::Null), &["columns", "values"])?;
                let list = |key: &str| insert.get(key).map(texts).unwrap_or_default();
                let (columns, values) = (list("columns"), list("values"));
                if columns.is_empty() || columns.len() != values.len() {
                    let message = format!(
                        "`insert` names {} columns and {} values: it needs a value for each column",
                        columns.len(),
                        values.len()
                    );
                    self.fault(message);
                }
                Some(Action::InsertValues(columns, values))
            }
            _ => self.unknown_mode(mode),
        }
    }

    fn set_expressions(&mut self, map: &Map<String, Json>) -> Vec<(String, String)> {
        match map.get("set_expressions") {
            Some(Json::Object(map)) => expressions(map),
            None | Some(Json::Null) => Vec::new(),
            Some(_) => {
                self.fault("`set_expressions` must be a mapping of columns to expressions".to_owned());
                Vec::new()
            }
        }
    }

    fn unknown_mode(&mut self, mode: &str) -> Option<Action> {
        self.fault(format!("`mode: {mode}` must be one of by_name, by_position, star, explicit"));
        None
    }
}
