//! Filters and operators that differ from minijinja's own, and those of dbt.
#![expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]

use minijinja::formatting::{FormatStyle, format};
use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value};

use super::convert::{from_json, own, spread, to_json};
use super::dict::{Dict, entries_of};
use super::json::dumps_for_html;
use super::list::List;
use super::literal::literal_eval;
use super::print;

/// Names the scope answers to when the result itself is wanted, not its text.
pub(crate) const AS_VALUE: &str = "__as_value";

/// Adds all of them, and the helpers that rewritten templates call.
pub(crate) fn register(env: &mut Environment<'_>) {
    env.add_filter("list", list);
    env.add_filter("tojson", |value: Value| dumps_for_html(&to_json(&value)));
    env.add_filter("string", |value: Value| text(&value));
    env.add_filter("join", join);
    env.add_filter("is_list", |value: Value| value.kind() == ValueKind::Seq && !value.is_tuple());
    env.add_filter("as_text", as_text);
    env.add_filter("as_native", |state: &State<'_, '_>, value: Value| as_native(state, value, Wanted::Any));
    env.add_filter("as_bool", |state: &State<'_, '_>, value: Value| as_native(state, value, Wanted::Bool));
    env.add_filter("as_number", |state: &State<'_, '_>, value: Value| {
        as_native(state, value, Wanted::Number)
    });
    env.add_filter("pprint", |value: Value| print::repr(&value));
    env.add_filter("wordcount", |value: String| value.split_whitespace().count());
    env.add_filter("center", center);
    env.add_filter("truncate", truncate);
    env.add_function("__list", |value: Value| List::value(value.try_iter().into_iter().flatten().collect()));
    env.add_function("__dict", |value: Value| Dict::value(entries_of(&value).unwrap_or_default()));
    env.add_function("__own", own);
    env.add_function("__do", |_: Rest<Value>| Value::from(()));
    env.add_function("__rem", remainder);
    env.add_function("dict", dict);
    env.remove_global("debug");
}

fn list(value: Value) -> Result<Value, Error> {
    if let Some(text) = value.as_str() {
        return Ok(List::value(text.chars().map(|it| Value::from(it.to_string())).collect()));
    }
    if value.is_undefined() {
        return Ok(List::value(Vec::new()));
    }
    Ok(List::value(value.try_iter()?.collect()))
}

fn text(value: &Value) -> Value {
    if value.kind() == ValueKind::String { value.clone() } else { Value::from(print::text(value)) }
}

fn join(value: Value, separator: Option<Value>, named: Kwargs) -> Result<String, Error> {
    let separator = match separator {
        Some(separator) => Some(separator),
        None => named.get("d")?,
    };
    let attribute: Option<Value> = named.get("attribute")?;
    named.assert_all_used()?;
    let mut parts = Vec::new();
    for item in value.try_iter()? {
        parts.push(match &attribute {
            Some(attribute) => print::text(&item.get_item(attribute)?),
            None => print::text(&item),
        });
    }
    Ok(parts.join(&separator.map(|it| print::text(&it)).unwrap_or_default()))
}

fn dict(first: Option<Value>, named: Kwargs) -> Result<Value, Error> {
    let mut entries = match first {
        Some(first) => entries_of(&first)?,
        None => Vec::new(),
    };
    for name in named.args() {
        entries.push((Value::from(name), named.get(name)?));
    }
    Ok(Dict::value(entries))
}

/// `a % b`: formats a text, or is the remainder with the divisor's sign.
fn remainder(left: Value, right: Value) -> Result<Value, Error> {
    if let Some(template) = left.as_str() {
        return format(FormatStyle::Printf, template, &spread(right)).map(Value::from);
    }
    let zero = || Error::new(ErrorKind::InvalidOperation, "remainder of a division by zero");
    if let (true, true, Some(a), Some(b)) =
        (left.is_integer(), right.is_integer(), left.as_i64(), right.as_i64())
    {
        let rest = a.checked_rem(b).ok_or_else(zero)?;
        return Ok(Value::from(if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }));
    }
    let (Ok(a), Ok(b)) = (f64::try_from(left.clone()), f64::try_from(right.clone())) else {
        let message =
            format!("`%` does not work with {} and {}", print::kind_of(&left), print::kind_of(&right));
        return Err(Error::new(ErrorKind::InvalidOperation, message));
    };
    if b == 0.0 {
        return Err(zero());
    }
    let rest = a % b;
    Ok(Value::from(if rest != 0.0 && (rest < 0.0) != (b < 0.0) { rest + b } else { rest }))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Any,
    Bool,
    Number,
}

fn as_text(state: &State<'_, '_>, value: Value) -> Value {
    if is_value_wanted(state) { text(&value) } else { value }
}

/// Where a value is wanted, a text that is a Python literal becomes what it says.
fn as_native(state: &State<'_, '_>, value: Value, wanted: Wanted) -> Result<Value, Error> {
    if !is_value_wanted(state) {
        return Ok(value);
    }
    let written = print::text(&value);
    let result = literal_eval(&written).map_or_else(|| Value::from(written.as_str()), |it| from_json(&it));
    let (is_wanted, name) = match wanted {
        Wanted::Any => (true, ""),
        Wanted::Bool => (result.kind() == ValueKind::Bool, "a boolean"),
        Wanted::Number => (result.kind() == ValueKind::Number, "a number"),
    };
    if is_wanted {
        return Ok(result);
    }
    Err(Error::new(ErrorKind::InvalidOperation, format!("`{written}` cannot be read as {name}")))
}

fn is_value_wanted(state: &State<'_, '_>) -> bool {
    state.lookup(AS_VALUE).is_some_and(|it| it.is_true())
}

fn center(value: String, width: Option<usize>) -> String {
    let gap = width.unwrap_or(80).saturating_sub(value.chars().count());
    let left = gap / 2;
    format!("{}{value}{}", " ".repeat(left), " ".repeat(gap - left))
}

/// Jinja's `truncate` with its leeway of five characters.
fn truncate(
    value: String,
    length: Option<usize>,
    kill_words: Option<bool>,
    end: Option<String>,
    leeway: Option<usize>,
) -> String {
    let (length, end, leeway) =
        (length.unwrap_or(255), end.unwrap_or_else(|| "...".to_owned()), leeway.unwrap_or(5));
    if value.chars().count() <= length + leeway {
        return value;
    }
    let kept: String = value.chars().take(length.saturating_sub(end.chars().count())).collect();
    if kill_words.unwrap_or(false) {
        return kept + &end;
    }
    let words = kept.rsplit_once(' ').map_or(kept.as_str(), |it| it.0);
    format!("{words}{end}")
}
