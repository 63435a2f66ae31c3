//! Values that a macro gives beside its SQL, one for each `?`.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use crate::node::quote_literal;
use crate::template::fault::bad_call;
use crate::template::values::print;

/// The SQL with the values written where their marks stand.
pub(super) fn put_in(sql: &str, values: Option<Value>) -> Result<String, Error> {
    let Some(values) = values else { return Ok(sql.to_owned()) };
    let mut values = values.try_iter()?;
    let mut out = String::with_capacity(sql.len());
    let mut quote = None;
    for it in sql.chars() {
        match quote {
            Some(end) if it == end => quote = None,
            None if it == '\'' || it == '"' => quote = Some(it),
            None if it == '?' => {
                let value =
                    values.next().ok_or_else(|| bad_call("there are more `?` in the SQL than `bindings`"))?;
                out.push_str(&literal(&value));
                continue;
            }
            Some(_) | None => {}
        }
        out.push(it);
    }
    match values.count() {
        0 => Ok(out),
        more => Err(bad_call(format!("there are {more} more `bindings` than `?` in the SQL"))),
    }
}

/// A value as SQL. Dates and the like are texts that the engine converts.
fn literal(value: &Value) -> String {
    match value.kind() {
        ValueKind::None | ValueKind::Undefined => "null".to_owned(),
        ValueKind::Bool => value.is_true().to_string(),
        ValueKind::Number => print::text(value),
        _ => quote_literal(&print::text(value)),
    }
}
