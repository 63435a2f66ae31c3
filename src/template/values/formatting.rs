//! Python's two ways to put values into a text: `'%s' % x` and `'{}'.format(x)`.

use minijinja::value::{Tuple, ValueKind};
use minijinja::{Error, ErrorKind, Value};

use super::arguments::split;
use super::format_spec::{Align, Spec, apply};
use super::print;

/// `text % value`.
pub(super) fn format_percent(text: &str, value: &Value) -> Result<String, Error> {
    let tuple = value.downcast_object_ref::<Tuple>();
    let mut filling = Filling {
        mapping: (value.kind() == ValueKind::Map).then_some(value),
        items: tuple.map_or_else(|| vec![value.clone()], |it| it.to_vec()),
        used: 0,
        by_name: false,
    };
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = filling.conversion(&rest[at + 1..], &mut out)?;
    }
    out.push_str(rest);
    if filling.used < filling.items.len() && !filling.by_name && filling.mapping.is_none() {
        return Err(fault("not all values for `%` have a place in the text"));
    }
    Ok(out)
}

/// What `%` has to put in.
struct Filling<'a> {
    mapping: Option<&'a Value>,
    items: Vec<Value>,
    used: usize,
    by_name: bool,
}

impl Filling<'_> {
    /// Writes one `%...`; gives the text after it.
    fn conversion<'t>(&mut self, text: &'t str, out: &mut String) -> Result<&'t str, Error> {
        let mut rest = text;
        let mut key = None;
        if let Some(inner) = rest.strip_prefix('(') {
            let (name, after) = inner.split_once(')').ok_or_else(|| fault("`%(` is never closed"))?;
            (key, rest) = (Some(name), after);
        }
        let mut spec = Spec { align: Align::Right, ..Spec::default() };
        while let Some(flag) = rest.chars().next().filter(|it| "-+ #0".contains(*it)) {
            match flag {
                '-' => spec.align = Align::Left,
                '+' | ' ' => spec.sign = if spec.sign == '+' { '+' } else { flag },
                '#' => spec.is_alternate = true,
                _ => spec.is_zero_padded = true,
            }
            rest = &rest[1..];
        }
        (spec.width, rest) = self.number(rest)?;
        if let Some(after) = rest.strip_prefix('.') {
            let (precision, after) = self.number(after)?;
            (spec.precision, rest) = (Some(precision.unwrap_or(0)), after);
        }
        rest = rest.trim_start_matches(['h', 'l', 'L']);
        let kind = rest.chars().next().ok_or_else(|| fault("the text ends within a `%`"))?;
        rest = &rest[kind.len_utf8()..];
        if kind == '%' {
            out.push('%');
            return Ok(rest);
        }
        spec.kind = Some(kind);
        spec.is_zero_padded &= spec.align == Align::Right;
        let value = self.take(key)?;
        out.push_str(&percent_value(&value, &mut spec)?);
        Ok(rest)
    }

    /// A width or precision: digits, or `*` for the next value.
    fn number<'t>(&mut self, text: &'t str) -> Result<(Option<usize>, &'t str), Error> {
        if let Some(rest) = text.strip_prefix('*') {
            return Ok((self.take(None)?.as_usize(), rest));
        }
        let end = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
        Ok((text[..end].parse().ok(), &text[end..]))
    }

    fn take(&mut self, key: Option<&str>) -> Result<Value, Error> {
        if let Some(key) = key {
            self.by_name = true;
            let mapping =
                self.mapping.ok_or_else(|| fault(format!("`%({key})s` needs a dictionary after `%`")))?;
            let found = mapping.get_item(&Value::from(key))?;
            let missing = || fault(format!("`%({key})s` has no value: the dictionary has no key '{key}'"));
            return if found.is_undefined() { Err(missing()) } else { Ok(found) };
        }
        let value = self.items.get(self.used).cloned();
        self.used += 1;
        value.ok_or_else(|| {
            let given = counted(self.items.len());
            fault(format!("the text needs more than the {given} after `%`"))
        })
    }
}

fn percent_value(value: &Value, spec: &mut Spec) -> Result<String, Error> {
    match spec.kind {
        Some('s') => Ok(spec.text(&print::text(value))),
        Some('r' | 'a') => Ok(spec.text(&print::repr(value))),
        Some('c') => {
            let char = value.as_i64().and_then(|it| char::from_u32(u32::try_from(it).ok()?));
            Ok(spec.text(&char.map_or_else(|| print::text(value), String::from)))
        }
        Some('d' | 'i' | 'u') => {
            spec.kind = Some('d');
            let whole = super::numbers::truncated(value)
                .ok_or_else(|| fault(format!("`%d` needs a number, not {}", print::kind_of(value))))?;
            apply(&whole, spec)
        }
        Some(kind @ ('x' | 'X' | 'o' | 'e' | 'E' | 'f' | 'F' | 'g' | 'G')) => match value.kind() {
            ValueKind::Number | ValueKind::Bool => apply(value, spec),
            _ => Err(fault(format!("`%{kind}` needs a number, not {}", print::kind_of(value)))),
        },
        kind => Err(fault(format!("`%{}` is no way to format a value", kind.unwrap_or(' ')))),
    }
}

/// `text.format(...)`.
pub(super) fn format_braces(text: &str, args: &[Value]) -> Result<String, Error> {
    let (positional, named) = split(args);
    Braces { positional, named, next: 0 }.fill(text)
}

struct Braces {
    positional: Vec<Value>,
    named: Vec<(String, Value)>,
    next: usize,
}

impl Braces {
    fn fill(&mut self, text: &str) -> Result<String, Error> {
        let (mut out, mut rest) = (String::with_capacity(text.len()), text);
        while let Some(at) = rest.find(['{', '}']) {
            out.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                out.push_str(brace);
                rest = after;
                continue;
            }
            let end = if brace == "{" { field_end(rest) } else { None };
            let end = end.ok_or_else(|| fault(format!("a single `{brace}` in the text of `format()`")))?;
            out.push_str(&self.field(&rest[..end])?);
            rest = &rest[end + 1..];
        }
        out.push_str(rest);
        Ok(out)
    }

    fn field(&mut self, field: &str) -> Result<String, Error> {
        let (name, spec) = field.split_once(':').unwrap_or((field, ""));
        let (name, conversion) = name.split_once('!').map_or((name, ""), |(name, it)| (name, it));
        let value = self.value(name)?;
        let spec = if spec.contains('{') { self.fill(spec)? } else { spec.to_owned() };
        let spec = Spec::parse(&spec)
            .ok_or_else(|| fault(format!("`{spec}` is no format that `format()` knows")))?;
        match conversion {
            "" => apply(&value, &spec),
            "s" => Ok(spec.text(&print::text(&value))),
            "r" | "a" => Ok(spec.text(&print::repr(&value))),
            other => Err(fault(format!("`!{other}` is no conversion that `format()` knows"))),
        }
    }

    /// `0`, `name`, `name.attribute[item]`, or nothing for the next value.
    fn value(&mut self, path: &str) -> Result<Value, Error> {
        let end = path.find(['.', '[']).unwrap_or(path.len());
        let (name, mut rest) = path.split_at(end);
        let mut value = if name.is_empty() {
            self.next += 1;
            self.at(self.next - 1)?
        } else if let Ok(index) = name.parse() {
            self.at(index)?
        } else {
            let named = self.named.iter().find(|it| it.0 == name).map(|it| it.1.clone());
            named.ok_or_else(|| fault(format!("`format()` got no value for `{{{name}}}`")))?
        };
        while !rest.is_empty() {
            let key;
            (key, rest) = if let Some(inner) = rest.strip_prefix('[') {
                inner.split_once(']').ok_or_else(|| fault("`[` is never closed"))?
            } else {
                let end = rest[1..].find(['.', '[']).map_or(rest.len(), |it| it + 1);
                (&rest[1..end], &rest[end..])
            };
            let index = key.parse::<usize>().map_or_else(|_| Value::from(key), Value::from);
            value = value.get_item(&index)?;
        }
        Ok(value)
    }

    fn at(&self, index: usize) -> Result<Value, Error> {
        let given = counted(self.positional.len());
        let missing = || fault(format!("the text needs more than the {given} that `format()` got"));
        self.positional.get(index).cloned().ok_or_else(missing)
    }
}

/// End of a field, past the fields inside of it.
fn field_end(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (index, char) in text.char_indices() {
        match char {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(index),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn counted(values: usize) -> String {
    if values == 1 { "1 value".to_owned() } else { format!("{values} values") }
}

fn fault(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}
