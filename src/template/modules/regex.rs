//! `modules.re`: regular expressions with the meaning that Python gives them.

use std::fmt;
use std::sync::Arc;

use fancy_regex::Regex;
use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, State, Value};

use super::regex_flags::{compile, flag};
use super::regex_match::Match;
use super::{unknown, unknown_method};
use crate::template::fault::bad_call;
use crate::template::tables::mapped::tuple;
use crate::template::values::arguments::Arguments;
use crate::template::values::list::List;
use crate::template::values::print;

/// `modules.re`.
#[derive(Debug)]
pub(super) struct RegexModule;

const FUNCTIONS: &[&str] = &[
    "compile",
    "escape",
    "findall",
    "finditer",
    "fullmatch",
    "match",
    "purge",
    "search",
    "split",
    "sub",
    "subn",
];

impl Object for RegexModule {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        flag(name)
            .or_else(|| FUNCTIONS.iter().find(|it| **it == name).map(|it| Value::from_object(Function(it))))
    }

    fn call_method(
        self: &Arc<Self>,
        state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match FUNCTIONS.iter().find(|it| **it == method) {
            Some(name) => Function(name).run(state, args),
            None => Err(unknown("modules.re", method, FUNCTIONS)),
        }
    }
}

/// A function of the module as a value.
#[derive(Clone, Copy, Debug)]
struct Function(&'static str);

impl Function {
    fn run(self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        if self.0 == "purge" {
            return Ok(Value::from(()));
        }
        let mut args = Arguments::new(self.0, args);
        let pattern = args.required("pattern")?;
        if self.0 == "escape" {
            return Ok(Value::from(escape(&print::text(&pattern))));
        }
        // `flags` comes last, after the arguments of the function itself.
        let rest: usize = match self.0 {
            "compile" => 0,
            "sub" | "subn" => 3,
            "split" => 2,
            _ => 1,
        };
        let mut own = args.rest();
        let by_position = (own.len() > rest).then(|| own.remove(rest));
        let flags = by_position.or_else(|| args.named("flags")).and_then(|it| it.as_i64()).unwrap_or(0);
        let pattern = Pattern::of(&pattern, flags)?;
        if self.0 == "compile" {
            args.finish()?;
            return Ok(Value::from_object(pattern));
        }
        let named: minijinja::value::Kwargs = args.rest_named().into_iter().collect();
        own.push(Value::from(named));
        pattern.run(state, self.0, &own)
    }
}

impl Object for Function {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        self.run(state, args)
    }
}

/// A compiled pattern.
#[derive(Clone, Debug)]
struct Pattern {
    written: String,
    flags: i64,
    regex: Regex,
    /// The same at the start of a text, and for a whole text.
    anchored: Regex,
    whole: Regex,
}

impl Pattern {
    fn of(value: &Value, flags: i64) -> Result<Self, Error> {
        if let Some(pattern) = value.downcast_object_ref::<Self>() {
            return Ok(pattern.clone());
        }
        let Some(written) = value.as_str() else {
            return Err(bad_call(format!("a pattern must be a text, not {}", print::kind_of(value))));
        };
        // Behind a comment of a verbose pattern, the bracket stands on a line of its own.
        Ok(Self {
            written: written.to_owned(),
            flags,
            regex: compile(written, flags)?,
            anchored: compile(&format!(r"\A(?:{written}{})", line_end(flags)), flags)?,
            whole: compile(&format!(r"\A(?:{written}{})\Z", line_end(flags)), flags)?,
        })
    }

    fn run(&self, state: &mut State<'_, '_>, function: &str, args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("re", args);
        if matches!(function, "sub" | "subn") {
            let replacement = args.required("repl")?;
            let text = Arc::from(args.text("string")?);
            let count = args.optional("count").and_then(|it| it.as_usize()).unwrap_or(0);
            args.finish()?;
            let (text, n) = self.substitute(state, &replacement, &text, count)?;
            let text = Value::from(text);
            return Ok(if function == "sub" { text } else { tuple([text, Value::from(n)]) });
        }
        let text: Arc<str> = Arc::from(args.text("string")?);
        match function {
            "match" => first(&self.anchored, &text),
            "fullmatch" => first(&self.whole, &text),
            "search" => first(&self.regex, &text),
            "finditer" => {
                Ok(List::value(all(&self.regex, &text)?.into_iter().map(Match::into_value).collect()))
            }
            "findall" => {
                let empty = Value::from("");
                let found = |it: Match| match it.count() {
                    0 => it.value(0, &empty),
                    1 => it.value(1, &empty),
                    count => tuple((1..=count).map(|group| it.value(group, &empty))),
                };
                Ok(List::value(all(&self.regex, &text)?.into_iter().map(found).collect()))
            }
            "split" => {
                let limit = args.optional("maxsplit").and_then(|it| it.as_usize()).unwrap_or(0);
                self.split(&text, limit)
            }
            _ => Err(unknown_method("a pattern", function)),
        }
    }

    fn split(&self, text: &Arc<str>, limit: usize) -> Result<Value, Error> {
        let limit = if limit == 0 { usize::MAX } else { limit };
        let (mut parts, mut at) = (Vec::new(), 0);
        for found in all(&self.regex, text)?.into_iter().take(limit) {
            let range = found.range();
            parts.push(Value::from(&text[at..range.start]));
            parts.extend((1..=found.count()).map(|it| found.value(it, &Value::from(()))));
            at = range.end;
        }
        parts.push(Value::from(&text[at..]));
        Ok(List::value(parts))
    }

    fn substitute(
        &self,
        state: &mut State<'_, '_>,
        replacement: &Value,
        text: &Arc<str>,
        count: usize,
    ) -> Result<(String, usize), Error> {
        let count = if count == 0 { usize::MAX } else { count };
        let (mut out, mut at, mut n) = (String::with_capacity(text.len()), 0, 0);
        for found in all(&self.regex, text)?.into_iter().take(count) {
            let range = found.range();
            out.push_str(&text[at..range.start]);
            if let Some(template) = replacement.as_str() {
                expand(template, &found, &mut out)?;
            } else {
                let value = replacement.call(state, &[found.into_value()])?;
                out.push_str(&print::text(&value));
            }
            at = range.end;
            n += 1;
        }
        out.push_str(&text[at..]);
        Ok((out, n))
    }
}

fn line_end(flags: i64) -> &'static str {
    if flags & 64 == 0 { "" } else { "\n" }
}

fn first(regex: &Regex, text: &Arc<str>) -> Result<Value, Error> {
    let found = regex.captures(&**text).map_err(|error| too_costly(&error))?;
    Ok(found.map_or_else(|| Value::from(()), |it| Match::new(text, regex, &it).into_value()))
}

fn all(regex: &Regex, text: &Arc<str>) -> Result<Vec<Match>, Error> {
    let found = regex.captures_iter(&**text);
    found.map(|it| Ok(Match::new(text, regex, &it.map_err(|error| too_costly(&error))?))).collect()
}

fn too_costly(error: &fancy_regex::Error) -> Error {
    bad_call(format!("the pattern could not be matched: {error}"))
}

/// Writes a replacement: `\1`, `\g<1>` and `\g<name>` stand for groups.
fn expand(template: &str, found: &Match, out: &mut String) -> Result<(), Error> {
    let mut rest = template;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(next) = rest.chars().next() else {
            out.push('\\');
            break;
        };
        let digits = rest.len() - rest.trim_start_matches(|it: char| it.is_ascii_digit()).len();
        if digits > 0 {
            let (number, after) = rest.split_at(digits.min(2));
            let group = found.number(&Value::from(number.parse::<usize>().unwrap_or(0)))?;
            out.push_str(found.text(group).unwrap_or_default());
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix("g<").and_then(|it| it.split_once('>')) {
            let key = name.parse::<usize>().map_or_else(|_| Value::from(name), Value::from);
            out.push_str(found.text(found.number(&key)?).unwrap_or_default());
            rest = after;
        } else {
            match next {
                'n' => out.push('\n'),
                't' => out.push('\t'),
                'r' => out.push('\r'),
                '\\' => out.push('\\'),
                other => out.extend(['\\', other]),
            }
            rest = &rest[next.len_utf8()..];
        }
    }
    out.push_str(rest);
    Ok(())
}

/// A backslash before everything that means something in a pattern.
fn escape(text: &str) -> String {
    const SPECIAL: &str = "()[]{}?*+-|^$\\.&~# \t\n\r\u{b}\u{c}";
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if SPECIAL.contains(char) {
            out.push('\\');
        }
        out.push(char);
    }
    out
}

impl Object for Pattern {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "pattern" => Some(Value::from(self.written.as_str())),
            "flags" => Some(Value::from(self.flags)),
            "groups" => Some(Value::from(self.regex.captures_len().saturating_sub(1))),
            _ => None,
        }
    }

    fn call_method(
        self: &Arc<Self>,
        state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        self.run(state, method, args)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pattern = Value::from(self.written.as_str());
        write!(f, "re.compile({})", print::repr(&pattern))
    }
}
