//! Jinja's filters on sequences and dictionaries that differ from minijinja's own.
#![expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Kwargs, Object, ObjectRepr, Rest, Tuple};
use minijinja::{Environment, Error, ErrorKind, State, Value};
use minijinja_contrib::filters as contrib;

use super::arguments::Arguments;
use super::dict::entries_of;
use super::list::List;
use super::print;

/// Adds all of them.
pub(super) fn register(env: &mut Environment<'_>) {
    env.add_filter("dictsort", dictsort);
    env.add_filter("groupby", groupby);
    env.add_filter("join", join);
    env.add_filter("list", list);
    env.add_filter("map", map);
    env.add_filter("random", contrib::random);
    env.add_filter("sort", sort);
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

/// `map('filter', ...)` or `map(attribute=..., default=...)`.
fn map(state: &mut State<'_, '_>, args: Rest<Value>, named: Kwargs) -> Result<Value, Error> {
    let mut args = Arguments::of("map", args, &named);
    let items = list(args.required("value")?)?;
    let filter = args.optional("filter");
    let mut rest = args.rest();
    if let Some(filter) = filter {
        let name = filter.as_str().unwrap_or_default();
        if !args.rest_named().is_empty() {
            rest.push(Value::from(named));
        }
        let apply = |item| {
            let mut args = vec![item];
            args.extend(rest.iter().cloned());
            state.apply_filter(name, &args)
        };
        return items.try_iter()?.map(apply).collect::<Result<_, _>>().map(List::value);
    }
    let attribute = args.named("attribute").ok_or_else(|| {
        Error::new(ErrorKind::MissingArgument, "`map` needs the name of a filter, or `attribute=`")
    })?;
    let default = args.named("default");
    args.finish()?;
    let found = |item: Value| {
        let found = part(&item, &attribute)?;
        Ok(if found.is_undefined() { default.clone().unwrap_or(found) } else { found })
    };
    items.try_iter()?.map(found).collect::<Result<_, _>>().map(List::value)
}

fn join(args: Rest<Value>, named: Kwargs) -> Result<String, Error> {
    let mut args = Arguments::of("join", args, &named);
    let value = args.required("value")?;
    let separator = args.optional("d").map(|it| print::text(&it)).unwrap_or_default();
    let attribute = args.optional("attribute").filter(|it| !it.is_none());
    args.finish()?;
    let mut parts = Vec::new();
    for item in value.try_iter()? {
        parts.push(match &attribute {
            Some(attribute) => print::text(&part(&item, attribute)?),
            None => print::text(&item),
        });
    }
    Ok(parts.join(&separator))
}

/// An attribute by its path: `a.b`, `0`, or a number.
fn part(value: &Value, path: &Value) -> Result<Value, Error> {
    let Some(path) = path.as_str() else { return value.get_item(path) };
    let mut found = value.clone();
    for name in path.split('.') {
        let key = name.parse::<usize>().map_or_else(|_| Value::from(name), Value::from);
        found = found.get_item(&key)?;
    }
    Ok(found)
}

/// Texts compare without regard to case, unless it is asked for.
fn folded(value: Value, is_case_sensitive: bool) -> Value {
    match value.as_str() {
        Some(text) if !is_case_sensitive => Value::from(text.to_lowercase()),
        _ => value,
    }
}

fn sort(args: Rest<Value>, named: Kwargs) -> Result<Value, Error> {
    let mut args = Arguments::of("sort", args, &named);
    let value = args.required("value")?;
    let is_reverse = args.optional("reverse").is_some_and(|it| it.is_true());
    let is_case_sensitive = args.optional("case_sensitive").is_some_and(|it| it.is_true());
    let attribute = args.optional("attribute").filter(|it| !it.is_none());
    args.finish()?;
    let paths: Vec<Value> = match attribute.as_ref().map(|it| (it, it.as_str())) {
        None => Vec::new(),
        Some((_, Some(names))) => names.split(',').map(|it| Value::from(it.trim())).collect(),
        Some((other, None)) => vec![other.clone()],
    };
    let mut keyed = Vec::new();
    for item in list(value)?.try_iter()? {
        let keys = match paths.as_slice() {
            [] => vec![folded(item.clone(), is_case_sensitive)],
            paths => paths
                .iter()
                .map(|it| part(&item, it).map(|it| folded(it, is_case_sensitive)))
                .collect::<Result<_, _>>()?,
        };
        keyed.push((keys, item));
    }
    sort_keyed(&mut keyed, is_reverse);
    Ok(List::value(keyed.into_iter().map(|it| it.1).collect()))
}

/// Equals keep their order, in both directions.
fn sort_keyed<T>(keyed: &mut [(Vec<Value>, T)], is_reverse: bool) {
    let order = |a: &(Vec<Value>, T), b: &(Vec<Value>, T)| -> Ordering { a.0.cmp(&b.0) };
    keyed.sort_by(|a, b| if is_reverse { order(b, a) } else { order(a, b) });
}

fn dictsort(args: Rest<Value>, named: Kwargs) -> Result<Value, Error> {
    let mut args = Arguments::of("dictsort", args, &named);
    let value = args.required("value")?;
    let is_case_sensitive = args.optional("case_sensitive").is_some_and(|it| it.is_true());
    let by_value = args.optional("by").is_some_and(|it| it.as_str() == Some("value"));
    let is_reverse = args.optional("reverse").is_some_and(|it| it.is_true());
    args.finish()?;
    let mut keyed: Vec<(Vec<Value>, Value)> = entries_of(&value)?
        .into_iter()
        .map(|(key, value)| {
            let wanted = if by_value { value.clone() } else { key.clone() };
            (vec![folded(wanted, is_case_sensitive)], Value::from(Tuple::from([key, value])))
        })
        .collect();
    sort_keyed(&mut keyed, is_reverse);
    Ok(List::value(keyed.into_iter().map(|it| it.1).collect()))
}

fn groupby(args: Rest<Value>, named: Kwargs) -> Result<Value, Error> {
    let mut args = Arguments::of("groupby", args, &named);
    let value = args.required("value")?;
    let attribute = args.required("attribute")?;
    let default = args.optional("default");
    let is_case_sensitive = args.optional("case_sensitive").is_some_and(|it| it.is_true());
    args.finish()?;
    let mut keyed = Vec::new();
    for item in list(value)?.try_iter()? {
        let found = part(&item, &attribute)?;
        let key = if found.is_undefined() { default.clone().unwrap_or(found) } else { found };
        keyed.push((vec![folded(key.clone(), is_case_sensitive)], (key, item)));
    }
    sort_keyed(&mut keyed, false);
    let mut groups: Vec<(Vec<Value>, Value, Vec<Value>)> = Vec::new();
    for (folded, (key, item)) in keyed {
        match groups.last_mut().filter(|it| it.0 == folded) {
            Some(group) => group.2.push(item),
            None => groups.push((folded, key, vec![item])),
        }
    }
    let groups = groups
        .into_iter()
        .map(|(_, grouper, items)| Value::from_object(Group { grouper, list: List::value(items) }));
    Ok(List::value(groups.collect()))
}

/// One group: a pair whose parts have names.
#[derive(Debug)]
struct Group {
    grouper: Value,
    list: Value,
}

impl Object for Group {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match (key.as_str(), key.as_usize()) {
            (Some("grouper"), _) | (_, Some(0)) => Some(self.grouper.clone()),
            (Some("list"), _) | (_, Some(1)) => Some(self.list.clone()),
            _ => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(2)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print::sequence("(", &[self.grouper.clone(), self.list.clone()], ")"))
    }
}
