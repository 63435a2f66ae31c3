//! What loops and assignments take apart: `for a, b in x` and `set a, b = x`.
#![expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]

use minijinja::value::{Tuple, ValueKind};
use minijinja::{Error, ErrorKind, Value};

use super::convert::own;
use super::list::List;
use super::print;

/// What a loop goes through: a text by its characters, and never anything without a length. With
/// `names`, every item is taken apart into so many values.
pub(super) fn each(value: Value, names: Option<usize>) -> Result<Value, Error> {
    if value.is_undefined() {
        return Ok(value);
    }
    let items: Vec<Value> = match value.as_str() {
        Some(text) => text.chars().map(|it| Value::from(it.to_string())).collect(),
        None if value.is_none() || value.try_iter().is_err() => {
            let message = format!("a loop needs something to go through, not {}", print::kind_of(&value));
            return Err(Error::new(ErrorKind::InvalidOperation, message));
        }
        None => value.try_iter()?.map(own).collect(),
    };
    Ok(List::value(match names {
        Some(names) => items.into_iter().map(|it| unpack(it, names)).collect::<Result<_, _>>()?,
        None => items,
    }))
}

/// A value as a tuple of so many values.
pub(super) fn unpack(value: Value, names: usize) -> Result<Value, Error> {
    let items: Vec<Value> = match (value.as_str(), value.kind()) {
        (Some(text), _) => text.chars().map(|it| Value::from(it.to_string())).collect(),
        (None, ValueKind::Undefined | ValueKind::None) => Vec::new(),
        (None, _) => value.try_iter().map(|it| it.map(own).collect()).unwrap_or_default(),
    };
    if items.len() == names {
        return Ok(Value::from(Tuple::from(items)));
    }
    let found = match (items.len(), value.try_iter().is_ok() && !value.is_undefined()) {
        (1, true) => "1 value".to_owned(),
        (count, true) => format!("{count} values"),
        (_, false) => print::kind_of(&value).to_owned(),
    };
    let message = format!("{names} names need {names} values, not {found}");
    Err(Error::new(ErrorKind::InvalidOperation, message))
}
