//! Methods of Python's `str`.

use minijinja::value::{Tuple, ValueKind};
use minijinja::{Error, ErrorKind, Value};

use super::arguments::Arguments;
use super::dict::entries_of;
use super::formatting::format_braces;
use super::list::List;
use super::print;
use super::text_cases as cases;

/// Calls a method of a text; `None` if texts have no such method.
pub(super) fn call(text: &str, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
    Some(match method {
        "split" => split(text, args, false),
        "rsplit" => split(text, args, true),
        "splitlines" => split_lines(text, args),
        "partition" => partition(text, args, false),
        "rpartition" => partition(text, args, true),
        "join" => join(text, args),
        "strip" => strip(args, |is_cut| text.trim_matches(is_cut)),
        "lstrip" => strip(args, |is_cut| text.trim_start_matches(is_cut)),
        "rstrip" => strip(args, |is_cut| text.trim_end_matches(is_cut)),
        "replace" => replace(text, args),
        "translate" => translate(text, args),
        "expandtabs" => expand_tabs(text, args),
        "format" => format_braces(text, args).map(Value::from),
        "encode" | "decode" => Ok(Value::from(text)),
        "removeprefix" => cut(args, |it| text.strip_prefix(it).unwrap_or(text)),
        "removesuffix" => cut(args, |it| text.strip_suffix(it).unwrap_or(text)),
        "startswith" => affix(text, args, |text, wanted| text.starts_with(wanted)),
        "endswith" => affix(text, args, |text, wanted| text.ends_with(wanted)),
        "find" => position(text, args, |text, wanted| text.find(wanted)).map(found_or_minus_one),
        "rfind" => position(text, args, |text, wanted| text.rfind(wanted)).map(found_or_minus_one),
        "index" => position(text, args, |text, wanted| text.find(wanted)).and_then(|it| found(it, args)),
        "rindex" => position(text, args, |text, wanted| text.rfind(wanted)).and_then(|it| found(it, args)),
        "count" => count(text, args),
        "zfill" => width(args).map(|it| Value::from(zfill(text, it))),
        "ljust" => pad(text, args, |_, gap| (0, gap)),
        "rjust" => pad(text, args, |_, gap| (gap, 0)),
        "center" => pad(text, args, center_sides),
        _ => return no_arguments(text, method, args),
    })
}

/// Methods that take nothing.
fn no_arguments(text: &str, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
    let value = match method {
        "upper" => Value::from(text.to_uppercase()),
        "lower" => Value::from(text.to_lowercase()),
        "capitalize" => Value::from(cases::capitalize(text)),
        "casefold" => Value::from(text.to_lowercase().replace('ß', "ss")),
        "swapcase" => Value::from(cases::swap(text)),
        "title" => Value::from(cases::title(text)),
        "isupper" => Value::from(cases::is_all(text, char::is_uppercase, char::is_lowercase)),
        "islower" => Value::from(cases::is_all(text, char::is_lowercase, char::is_uppercase)),
        "istitle" => Value::from(cases::is_title(text)),
        "isalpha" => Value::from(is_each(text, char::is_alphabetic)),
        "isalnum" => Value::from(is_each(text, char::is_alphanumeric)),
        "isdigit" | "isdecimal" => Value::from(is_each(text, |it| it.is_ascii_digit())),
        "isnumeric" => Value::from(is_each(text, char::is_numeric)),
        "isspace" => Value::from(is_each(text, char::is_whitespace)),
        "isascii" => Value::from(text.is_ascii()),
        "isprintable" => Value::from(text.chars().all(print::is_printable)),
        "isidentifier" => Value::from(is_identifier(text)),
        _ => return None,
    };
    Some(Arguments::new("method", args).finish().map(|()| value))
}

fn is_each(text: &str, is_wanted: impl Fn(char) -> bool) -> bool {
    !text.is_empty() && text.chars().all(is_wanted)
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|it: char| it.is_ascii_digit())
        && text.chars().all(|it| it.is_alphanumeric() || it == '_')
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

fn split_lines(text: &str, args: &[Value]) -> Result<Value, Error> {
    let mut args = Arguments::new("splitlines", args);
    let keeps_ends = args.optional("keepends").is_some_and(|it| it.is_true());
    args.finish()?;
    let is_break = |char: char| {
        matches!(char, '\n' | '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}')
    };
    let (mut lines, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find(is_break) {
        let length = if rest[at..].starts_with("\r\n") {
            2
        } else {
            rest[at..].chars().next().map_or(1, char::len_utf8)
        };
        lines.push(Value::from(if keeps_ends { &rest[..at + length] } else { &rest[..at] }));
        rest = &rest[at + length..];
    }
    if !rest.is_empty() {
        lines.push(Value::from(rest));
    }
    Ok(List::value(lines))
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

fn strip<'a>(args: &[Value], cut: impl Fn(&dyn Fn(char) -> bool) -> &'a str) -> Result<Value, Error> {
    let mut args = Arguments::new("strip", args);
    let characters = args.optional("chars").filter(|it| !it.is_none()).map(|it| print::text(&it));
    args.finish()?;
    Ok(Value::from(match characters {
        Some(characters) => cut(&|it| characters.contains(it)),
        None => cut(&char::is_whitespace),
    }))
}

fn replace(text: &str, args: &[Value]) -> Result<Value, Error> {
    let mut args = Arguments::new("replace", args);
    let (old, new) = (args.text("old")?, args.text("new")?);
    let limit = args.optional("count").and_then(|it| it.as_i64());
    args.finish()?;
    Ok(Value::from(match limit.and_then(|it| usize::try_from(it).ok()) {
        Some(limit) => text.replacen(&old, &new, limit),
        None => text.replace(&old, &new),
    }))
}

/// A table leads from a character's number to a text, a number, or none.
fn translate(text: &str, args: &[Value]) -> Result<Value, Error> {
    let table = entries_of(&Arguments::new("translate", args).required("table")?)?;
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        let number = Value::from(u32::from(char));
        match table.iter().find(|it| it.0 == number).map(|it| &it.1) {
            Some(with) if with.is_none() => {}
            Some(with) => match with.as_i64().and_then(|it| char::from_u32(u32::try_from(it).ok()?)) {
                Some(with) => out.push(with),
                None => out.push_str(&print::text(with)),
            },
            None => out.push(char),
        }
    }
    Ok(Value::from(out))
}

fn expand_tabs(text: &str, args: &[Value]) -> Result<Value, Error> {
    let mut args = Arguments::new("expandtabs", args);
    let size = args.optional("tabsize").and_then(|it| it.as_usize()).unwrap_or(8);
    args.finish()?;
    let (mut out, mut column) = (String::with_capacity(text.len()), 0);
    for char in text.chars() {
        match char {
            '\t' if size == 0 => {}
            '\t' => {
                let gap = size - column % size;
                out.extend(std::iter::repeat_n(' ', gap));
                column += gap;
            }
            '\n' | '\r' => {
                out.push(char);
                column = 0;
            }
            _ => {
                out.push(char);
                column += 1;
            }
        }
    }
    Ok(Value::from(out))
}

fn cut<'a>(args: &[Value], strip: impl Fn(&str) -> &'a str) -> Result<Value, Error> {
    let affix = Arguments::new("removeprefix", args).text("affix")?;
    Ok(Value::from(strip(&affix)))
}

/// The part of a text that the arguments `start` and `end` leave, and how many characters come before it.
fn window<'a>(text: &'a str, args: &mut Arguments) -> Option<(&'a str, usize)> {
    let length = text.chars().count();
    let mut place = |name, otherwise| match args.optional(name).and_then(|it| it.as_i64()) {
        Some(index) if index < 0 => length.saturating_sub(usize::try_from(-index).unwrap_or(length)),
        Some(index) => usize::try_from(index).unwrap_or(length),
        None => otherwise,
    };
    let (start, end) = (place("start", 0), place("end", length).min(length));
    let byte = |index| text.char_indices().nth(index).map_or(text.len(), |it| it.0);
    (start <= end).then(|| (&text[byte(start)..byte(end)], start))
}

fn affix(text: &str, args: &[Value], has: impl Fn(&str, &str) -> bool) -> Result<Value, Error> {
    let mut args = Arguments::new("startswith", args);
    let wanted = args.required("prefix")?;
    let part = window(text, &mut args);
    args.finish()?;
    let Some((part, _)) = part else { return Ok(Value::from(false)) };
    if let Some(wanted) = wanted.as_str() {
        return Ok(Value::from(has(part, wanted)));
    }
    if wanted.kind() == ValueKind::Seq {
        let is_one = wanted.try_iter()?.any(|it| has(part, it.as_str().unwrap_or_default()));
        return Ok(Value::from(is_one));
    }
    let kind = print::kind_of(&wanted);
    let message = format!("`startswith()` and `endswith()` need a text or a tuple, not {kind}");
    Err(Error::new(ErrorKind::InvalidOperation, message))
}

fn position(
    text: &str,
    args: &[Value],
    find: impl for<'a> Fn(&str, &'a str) -> Option<usize>,
) -> Result<Option<usize>, Error> {
    let mut args = Arguments::new("find", args);
    let wanted = args.text("sub")?;
    let part = window(text, &mut args);
    args.finish()?;
    let Some((part, before)) = part else { return Ok(None) };
    Ok(find(part, &wanted).map(|at| before + part[..at].chars().count()))
}

fn found_or_minus_one(position: Option<usize>) -> Value {
    position.map_or_else(|| Value::from(-1), Value::from)
}

fn found(position: Option<usize>, args: &[Value]) -> Result<Value, Error> {
    position.map(Value::from).ok_or_else(|| {
        let wanted = args.first().map(print::repr).unwrap_or_default();
        Error::new(ErrorKind::InvalidOperation, format!("{wanted} is not in the text"))
    })
}

fn count(text: &str, args: &[Value]) -> Result<Value, Error> {
    let mut args = Arguments::new("count", args);
    let wanted = args.text("sub")?;
    let part = window(text, &mut args);
    args.finish()?;
    Ok(Value::from(part.map_or(0, |(part, _)| part.matches(&wanted).count())))
}

fn width(args: &[Value]) -> Result<usize, Error> {
    let value = Arguments::new("width", &args[..args.len().min(1)]).required("width")?;
    Ok(value.as_i64().and_then(|it| usize::try_from(it).ok()).unwrap_or(0))
}

fn pad(text: &str, args: &[Value], sides: impl Fn(usize, usize) -> (usize, usize)) -> Result<Value, Error> {
    let fill = args.get(1).and_then(|it| it.as_str()?.chars().next()).unwrap_or(' ');
    let width = width(args)?;
    let (left, right) = sides(width, width.saturating_sub(text.chars().count()));
    let run = |count: usize| std::iter::repeat_n(fill, count).collect::<String>();
    Ok(Value::from(format!("{}{text}{}", run(left), run(right))))
}

/// What Python puts on either side: the odd blank goes left if the width is odd.
pub(super) fn center_sides(width: usize, gap: usize) -> (usize, usize) {
    let left = gap / 2 + (gap & width & 1);
    (left, gap - left)
}

fn zfill(text: &str, width: usize) -> String {
    let (sign, digits) = match text.strip_prefix(['-', '+']) {
        Some(digits) => (&text[..1], digits),
        None => ("", text),
    };
    let missing = width.saturating_sub(text.chars().count());
    format!("{sign}{}{digits}", "0".repeat(missing))
}
