//! Python's methods on values that are not objects of ours: texts, and sequences that filters make.

use minijinja::value::{Tuple, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};
use minijinja_contrib::pycompat;

use super::arguments::Arguments;
use super::list::List;
use super::print;

/// Called by minijinja for a method it does not know.
pub(crate) fn call(
    state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    if let (ValueKind::String, Some(text)) = (value.kind(), value.as_str())
        && let Some(result) = text_method(text, method, args)
    {
        return result;
    }
    if is_sequence(value) && method == "index" {
        return index(value, args);
    }
    if is_sequence(value) && matches!(method, "append" | "extend" | "insert" | "pop" | "remove" | "sort") {
        let message =
            format!("this sequence cannot be changed with `{method}`; make a list of it with `| list`");
        return Err(Error::new(ErrorKind::InvalidOperation, message));
    }
    pycompat::unknown_method_callback(state, value, method, args)
        .map_err(|error| unknown(error, value, method))
}

fn is_sequence(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)
}

fn unknown(error: Error, value: &Value, method: &str) -> Error {
    let is_item = value.as_object().is_some_and(|it| it.get_value(&Value::from(method)).is_some());
    if error.kind() != ErrorKind::UnknownMethod || is_item || value.is_undefined() {
        return error;
    }
    let message = format!("{} has no method `{method}`", print::kind_of(value));
    Error::new(ErrorKind::UnknownMethod, message)
}

fn index(value: &Value, args: &[Value]) -> Result<Value, Error> {
    let wanted = Arguments::new("index", args).required("value")?;
    let position = value.try_iter()?.position(|it| it == wanted);
    position.map(Value::from).ok_or_else(|| {
        let message = format!("{} is not in the list", print::repr(&wanted));
        Error::new(ErrorKind::InvalidOperation, message)
    })
}

/// Methods of `str` that pycompat lacks or does otherwise; `None` leaves it to pycompat.
fn text_method(text: &str, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
    Some(match method {
        "split" => split(text, args, false),
        "rsplit" => split(text, args, true),
        "splitlines" => Ok(List::value(text.lines().map(Value::from).collect())),
        "partition" => partition(text, args, false),
        "rpartition" => partition(text, args, true),
        "join" => join(text, args),
        "zfill" => width(args).map(|it| Value::from(zfill(text, it))),
        "ljust" => pad(text, args, |gap| (0, gap)),
        "rjust" => pad(text, args, |gap| (gap, 0)),
        "center" => pad(text, args, |gap| (gap / 2, gap - gap / 2)),
        "swapcase" => Ok(Value::from(text.chars().map(swap_case).collect::<String>())),
        "casefold" => Ok(Value::from(text.to_lowercase())),
        "title" => Ok(Value::from(title(text))),
        "removeprefix" => cut(args, |it| text.strip_prefix(it).unwrap_or(text)),
        "removesuffix" => cut(args, |it| text.strip_suffix(it).unwrap_or(text)),
        "index" => position(text, args, |text, wanted| text.find(wanted)),
        "rindex" => position(text, args, |text, wanted| text.rfind(wanted)),
        "encode" => Ok(Value::from(text)),
        "isidentifier" => Ok(Value::from(is_identifier(text))),
        _ => return None,
    })
}

fn split(text: &str, args: &[Value], from_right: bool) -> Result<Value, Error> {
    let mut args = Arguments::new("split", args);
    let separator = args.optional("sep").filter(|it| !it.is_none());
    let limit = args.optional("maxsplit").and_then(|it| it.as_i64()).and_then(|it| usize::try_from(it).ok());
    args.finish()?;
    let Some(separator) = separator else {
        return Ok(List::value(split_blank(text, limit, from_right)));
    };
    let separator = separator
        .as_str()
        .filter(|it| !it.is_empty())
        .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "`split()` needs a text that is not empty"))?;
    let mut parts: Vec<&str> = match (limit, from_right) {
        (None, _) => text.split(separator).collect(),
        (Some(limit), false) => text.splitn(limit.saturating_add(1), separator).collect(),
        (Some(limit), true) => text.rsplitn(limit.saturating_add(1), separator).collect(),
    };
    if from_right && limit.is_some() {
        parts.reverse();
    }
    Ok(List::value(parts.into_iter().map(Value::from).collect()))
}

fn split_blank(text: &str, limit: Option<usize>, from_right: bool) -> Vec<Value> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let Some(limit) = limit.filter(|it| *it < words.len().saturating_sub(1)) else {
        return words.into_iter().map(Value::from).collect();
    };
    let offset = |word: &str| word.as_ptr() as usize - text.as_ptr() as usize;
    if from_right {
        let first = words.len() - limit;
        let end = offset(words[first - 1]) + words[first - 1].len();
        let mut parts = vec![Value::from(text[..end].trim_start())];
        parts.extend(words[first..].iter().map(|it| Value::from(*it)));
        return parts;
    }
    let mut parts: Vec<Value> = words[..limit].iter().map(|it| Value::from(*it)).collect();
    parts.push(Value::from(text[offset(words[limit])..].trim_end()));
    parts
}

fn partition(text: &str, args: &[Value], from_right: bool) -> Result<Value, Error> {
    let separator = Arguments::new("partition", args).text("sep")?;
    let found = if from_right { text.rsplit_once(&separator) } else { text.split_once(&separator) };
    let parts = match found {
        Some((before, after)) => [before, separator.as_str(), after],
        None if from_right => ["", "", text],
        None => [text, "", ""],
    };
    Ok(Value::from(Tuple::from(parts.map(Value::from))))
}

/// Python refuses what is not a text here; a template that relies on the error is unlikely.
fn join(text: &str, args: &[Value]) -> Result<Value, Error> {
    let items = Arguments::new("join", args).required("iterable")?;
    let items: Vec<String> = items.try_iter()?.map(|it| print::text(&it)).collect();
    Ok(Value::from(items.join(text)))
}

fn width(args: &[Value]) -> Result<usize, Error> {
    let value = Arguments::new("width", &args[..args.len().min(1)]).required("width")?;
    Ok(value.as_i64().and_then(|it| usize::try_from(it).ok()).unwrap_or(0))
}

fn pad(text: &str, args: &[Value], sides: impl Fn(usize) -> (usize, usize)) -> Result<Value, Error> {
    let fill = args.get(1).and_then(|it| it.as_str()?.chars().next()).unwrap_or(' ');
    let (left, right) = sides(width(args)?.saturating_sub(text.chars().count()));
    let run = |count: usize| std::iter::repeat_n(fill, count).collect::<String>();
    Ok(Value::from(format!("{}{text}{}", run(left), run(right))))
}

fn zfill(text: &str, width: usize) -> String {
    let (sign, digits) = match text.strip_prefix(['-', '+']) {
        Some(digits) => (&text[..1], digits),
        None => ("", text),
    };
    let missing = width.saturating_sub(text.chars().count());
    format!("{sign}{}{digits}", "0".repeat(missing))
}

fn swap_case(char: char) -> String {
    if char.is_uppercase() { char.to_lowercase().collect() } else { char.to_uppercase().collect() }
}

/// Python's title case: a letter after anything but a letter is a capital.
fn title(text: &str) -> String {
    let mut after_letter = false;
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if after_letter {
            out.extend(char.to_lowercase());
        } else {
            out.extend(char.to_uppercase());
        }
        after_letter = char.is_alphabetic();
    }
    out
}

fn cut<'a>(args: &[Value], strip: impl Fn(&str) -> &'a str) -> Result<Value, Error> {
    let affix = Arguments::new("removeprefix", args).text("affix")?;
    Ok(Value::from(strip(&affix)))
}

fn position(
    text: &str,
    args: &[Value],
    find: impl for<'a> Fn(&str, &'a str) -> Option<usize>,
) -> Result<Value, Error> {
    let wanted = Arguments::new("index", args).text("sub")?;
    match find(text, &wanted) {
        Some(at) => Ok(Value::from(text[..at].chars().count())),
        None => Err(Error::new(ErrorKind::InvalidOperation, format!("`{wanted}` is not in the text"))),
    }
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|it: char| it.is_ascii_digit())
        && text.chars().all(|it| it.is_alphanumeric() || it == '_')
}
