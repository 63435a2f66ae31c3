//! Python's `Match`: where a pattern matched.

use std::fmt;
use std::sync::Arc;

use fancy_regex::{Captures, Regex};
use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, State, Value};

use super::unknown_method;
use crate::template::fault::bad_call;
use crate::template::tables::mapped::tuple;
use crate::template::values::arguments::Arguments;
use crate::template::values::dict::Dict;
use crate::template::values::print;

/// A match and its groups.
#[derive(Clone, Debug)]
pub(super) struct Match {
    text: Arc<str>,
    groups: Vec<Option<std::ops::Range<usize>>>,
    names: Vec<Option<String>>,
}

impl Match {
    /// The match that was found in a text.
    pub(super) fn new(text: &Arc<str>, regex: &Regex, found: &Captures<'_, str>) -> Self {
        Self {
            text: Arc::clone(text),
            groups: found.iter().map(|it| it.map(|it| it.start()..it.end())).collect(),
            names: regex.capture_names().map(|it| it.map(str::to_owned)).collect(),
        }
    }

    /// The value for templates.
    pub(super) fn into_value(self) -> Value {
        Value::from_object(self)
    }

    /// The bytes of the whole match.
    pub(super) fn range(&self) -> std::ops::Range<usize> {
        self.groups.first().cloned().flatten().unwrap_or_default()
    }

    /// The text of a group; `None` if the group took no part.
    pub(super) fn text(&self, group: usize) -> Option<&str> {
        self.groups.get(group)?.clone().map(|it| &self.text[it])
    }

    /// The number of groups, without the whole match.
    pub(super) fn count(&self) -> usize {
        self.groups.len().saturating_sub(1)
    }

    /// A group's text as a template value.
    pub(super) fn value(&self, group: usize, default: &Value) -> Value {
        self.text(group).map_or_else(|| default.clone(), Value::from)
    }

    /// The number of a group by number or name.
    pub(super) fn number(&self, group: &Value) -> Result<usize, Error> {
        let found = match group.as_str() {
            Some(name) => self.names.iter().position(|it| it.as_deref() == Some(name)),
            None => group.as_usize().filter(|it| *it < self.groups.len()),
        };
        found.ok_or_else(|| bad_call(format!("the pattern has no group {}", print::repr(group))))
    }

    /// Characters before a byte, as Python counts.
    fn chars(&self, byte: usize) -> usize {
        self.text[..byte].chars().count()
    }

    fn place(&self, args: &[Value]) -> Result<(Value, Value), Error> {
        let group = Arguments::new("span", args).optional("group").unwrap_or_else(|| Value::from(0));
        Ok(match &self.groups[self.number(&group)?] {
            Some(range) => (Value::from(self.chars(range.start)), Value::from(self.chars(range.end))),
            None => (Value::from(-1), Value::from(-1)),
        })
    }
}

impl Object for Match {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str() {
            Some("string") => return Some(Value::from(&*self.text)),
            Some("lastindex") => {
                let last = (1..self.groups.len()).rev().find(|it| self.groups[*it].is_some());
                return Some(Value::from(last));
            }
            _ => {}
        }
        self.number(key).ok().map(|it| self.value(it, &Value::from(())))
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        let none = Value::from(());
        match method {
            "group" => match args {
                [] => Ok(self.value(0, &none)),
                [group] => Ok(self.value(self.number(group)?, &none)),
                several => {
                    let groups: Result<Vec<Value>, Error> =
                        several.iter().map(|it| Ok(self.value(self.number(it)?, &none))).collect();
                    Ok(tuple(groups?))
                }
            },
            "groups" => {
                let default = Arguments::new("groups", args).optional("default").unwrap_or(none);
                Ok(tuple((1..self.groups.len()).map(|it| self.value(it, &default))))
            }
            "groupdict" => {
                let default = Arguments::new("groupdict", args).optional("default").unwrap_or(none);
                let named = self.names.iter().enumerate();
                let named = named.filter_map(|(group, name)| Some((group, name.as_deref()?)));
                Ok(Dict::value(named.map(|(group, name)| (Value::from(name), self.value(group, &default)))))
            }
            "start" => Ok(self.place(args)?.0),
            "end" => Ok(self.place(args)?.1),
            "span" => {
                let (start, end) = self.place(args)?;
                Ok(tuple([start, end]))
            }
            _ => Err(unknown_method("a match", method)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = self.range();
        let (start, end) = (self.chars(range.start), self.chars(range.end));
        let text = print::repr(&self.value(0, &Value::from("")));
        write!(f, "<re.Match object; span=({start}, {end}), match={text}>")
    }
}
