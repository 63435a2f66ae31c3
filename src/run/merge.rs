//! The statement of a `merge`.

use crate::node::{quote_identifier, quote_literal};
use crate::parse::incremental::Incremental;
use crate::parse::merge::{Action, Clause, Update};

/// The names that conditions use, as in dbt.
const TARGET: &str = "DBT_INTERNAL_DEST";
const SOURCE: &str = "DBT_INTERNAL_SOURCE";

/// Merges the rows of `new_rows` into `table`; `columns` are those that both have, quoted.
pub(super) fn statement(table: &str, new_rows: &str, columns: &[String], settings: &Incremental) -> String {
    let mut parts =
        vec![format!("merge into {table} as {TARGET} using {new_rows} as {SOURCE}"), condition(settings)];
    let when = |word: &str, clause: &Clause| format!("when {word}{}", then(clause, columns));
    parts.extend(settings.merge.matched.iter().map(|it| when("matched", it)));
    parts.extend(settings.merge.not_matched.iter().map(|it| when("not matched", it)));
    parts.join(" ")
}

/// Which rows belong together. Without a key none do, as in dbt.
fn condition(settings: &Incremental) -> String {
    let predicates = settings.predicates.iter().map(|it| format!("({it})"));
    if !settings.merge.using.is_empty() {
        let on: Vec<String> = predicates.collect();
        let on = if on.is_empty() { String::new() } else { format!(" on {}", on.join(" and ")) };
        return format!("using ({}){on}", settings.merge.using.join(", "));
    }
    let mut on: Vec<String> =
        settings.unique_key.iter().map(|key| format!("{SOURCE}.{key} = {TARGET}.{key}")).collect();
    if on.is_empty() {
        on.push("false".to_owned());
    }
    on.extend(predicates);
    format!("on {}", on.join(" and "))
}

fn then(clause: &Clause, columns: &[String]) -> String {
    let by = clause.by.map(|it| format!(" by {it}")).unwrap_or_default();
    let mut conditions = vec![by];
    conditions.extend(clause.conditions.iter().map(|it| format!("({it})")));
    format!("{} then {}", conditions.join(" and "), action(&clause.action, columns))
}

fn action(action: &Action, columns: &[String]) -> String {
    match action {
        Action::Update(update) => self::update(update, columns),
        Action::UpdateAll(words) | Action::InsertAll(words) => (*words).to_owned(),
        Action::Set(set) => format!("update set {}", assignments(set).join(", ")),
        Action::Insert => {
            let values: Vec<String> = columns.iter().map(|column| format!("{SOURCE}.{column}")).collect();
            format!("insert ({}) values ({})", columns.join(", "), values.join(", "))
        }
        Action::InsertValues(columns, values) => {
            format!("insert ({}) values ({})", columns.join(", "), values.join(", "))
        }
        Action::Delete => "delete".to_owned(),
        Action::Nothing => "do nothing".to_owned(),
        Action::Error(None) => "error".to_owned(),
        Action::Error(Some(message)) => format!("error {}", quote_literal(message)),
    }
}

fn update(update: &Update, columns: &[String]) -> String {
    let is_named =
        |list: &[String], column: &str| list.iter().any(|it| plain(it).eq_ignore_ascii_case(&plain(column)));
    let is_set =
        |column: &str| update.set.iter().any(|(name, _)| plain(name).eq_ignore_ascii_case(&plain(column)));
    let updated = columns.iter().filter(|column| {
        let is_chosen = update.include.is_empty() || is_named(&update.include, column);
        is_chosen && !is_named(&update.exclude, column) && !is_set(column)
    });
    let mut set = assignments(&update.set);
    set.extend(updated.map(|column| format!("{column} = {SOURCE}.{column}")));
    if set.is_empty() { "do nothing".to_owned() } else { format!("update set {}", set.join(", ")) }
}

fn assignments(set: &[(String, String)]) -> Vec<String> {
    set.iter().map(|(column, value)| format!("{} = {value}", quote_identifier(&plain(column)))).collect()
}

/// A name without its quotes.
fn plain(name: &str) -> String {
    name.strip_prefix('"').and_then(|it| it.strip_suffix('"')).unwrap_or(name).replace("\"\"", "\"")
}
