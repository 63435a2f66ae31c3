//! Reading YAML by a table of its keys: the result has every key, with its default where nothing is said.

use serde_json::{Map, Value as Json, json};

use crate::diagnostics::{Diagnostic, Diagnostics, Severity, Spanned};
use crate::parse::properties::{texts, unknown_word};
use crate::yaml::fields::{Fields, scalar_text, wrong_type};
use crate::yaml::{Yaml, YamlKind};

/// The keys of a mapping.
pub(super) struct Shape {
    /// What it is, for messages: `a measure`.
    pub(super) what: &'static str,
    pub(super) keys: &'static [Key],
}

/// One key.
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) is_required: bool,
}

/// What stands under a key, and what it becomes.
pub(super) enum Kind {
    /// A text; a number or truth value becomes one.
    Text,
    /// A text that is empty where nothing is said.
    TextOrEmpty,
    /// One of these words.
    Word(&'static [&'static str]),
    /// One of these words, the first where nothing is said.
    WordOrFirst(&'static [&'static str]),
    /// A whole number.
    Int,
    /// A number.
    Number,
    /// False where nothing is said.
    Flag,
    /// A list of texts.
    Texts,
    /// One condition or several: `{where_filters: [...]}`.
    Filter,
    /// A span of time such as `7 days`.
    Window,
    /// A mapping.
    Object(&'static Shape),
    /// A list of mappings.
    List(&'static Shape),
    /// A name, or a mapping with that name.
    Named(&'static Shape),
    /// A list of those.
    NamedList(&'static Shape),
    /// Any mapping.
    Mapping,
    /// `config:` of which `meta` alone is kept.
    Meta,
}

/// A key that may be absent.
pub(super) const fn optional(name: &'static str, kind: Kind) -> Key {
    Key { name, kind, is_required: false }
}

/// A key that must be there.
pub(super) const fn required(name: &'static str, kind: Kind) -> Key {
    Key { name, kind, is_required: true }
}

/// Reads a mapping; faults are reported, and what is wrong counts as not said.
pub(super) fn read(
    diags: &mut Diagnostics,
    shape: &'static Shape,
    yaml: &Yaml,
    unknown: Severity,
) -> Option<Map<String, Json>> {
    let mut fields = Fields::new(diags, yaml, shape.what)?;
    let mut map = Map::new();
    for key in shape.keys {
        let value = fields.get(key.name);
        if value.is_none() && key.is_required {
            diags.push(missing(shape, key, &fields, yaml));
        }
        let read = value.and_then(|it| value_of(diags, key, it, unknown));
        map.insert(key.name.to_owned(), read.unwrap_or_else(|| default_of(&key.kind)));
    }
    fields.finish(diags, unknown);
    Some(map)
}

fn missing(shape: &Shape, key: &Key, fields: &Fields<'_>, yaml: &Yaml) -> Diagnostic {
    let diagnostic = Diagnostic::error("missing-key", format!("{} has no `{}`", shape.what, key.name));
    match fields.near(key.name) {
        Some(near) => diagnostic.at(near.span, format!("write `{}`", key.name)),
        None => diagnostic.at(yaml.span, "in this entry"),
    }
}

fn default_of(kind: &Kind) -> Json {
    match kind {
        Kind::Text
        | Kind::Word(_)
        | Kind::Int
        | Kind::Number
        | Kind::Filter
        | Kind::Window
        | Kind::Object(_)
        | Kind::Named(_) => Json::Null,
        Kind::TextOrEmpty => Json::from(""),
        Kind::WordOrFirst(words) => Json::from(words[0]),
        Kind::Flag => Json::Bool(false),
        Kind::Texts | Kind::List(_) | Kind::NamedList(_) => Json::Array(Vec::new()),
        Kind::Mapping => json!({}),
        Kind::Meta => json!({ "meta": {} }),
    }
}

fn value_of(diags: &mut Diagnostics, key: &Key, yaml: &Yaml, unknown: Severity) -> Option<Json> {
    let name = key.name;
    match &key.kind {
        Kind::Text | Kind::TextOrEmpty => {
            let text = scalar_text(yaml);
            if text.is_none() {
                diags.push(wrong_type(yaml, name, "a text"));
            }
            text.map(Json::from)
        }
        Kind::Word(words) | Kind::WordOrFirst(words) => word(diags, name, yaml, words),
        Kind::Int => number(diags, name, yaml, "a whole number", yaml.to_json().is_i64()),
        Kind::Number => number(diags, name, yaml, "a number", yaml.to_json().is_number()),
        Kind::Flag => {
            if !matches!(yaml.kind, YamlKind::Bool(_)) {
                diags.push(wrong_type(yaml, name, "`true` or `false`"));
            }
            matches!(yaml.kind, YamlKind::Bool(_)).then(|| yaml.to_json())
        }
        Kind::Texts => text_list(diags, name, yaml).map(Json::from),
        Kind::Filter => text_list(diags, name, yaml).map(|filters| {
            let filters: Vec<Json> =
                filters.into_iter().map(|it| json!({ "where_sql_template": it })).collect();
            json!({ "where_filters": filters })
        }),
        Kind::Window => window(diags, name, yaml),
        Kind::Object(shape) => read(diags, shape, yaml, unknown).map(Json::Object),
        Kind::List(shape) => {
            list(diags, name, yaml, |diags, it| read(diags, shape, it, unknown).map(Json::Object))
        }
        Kind::Named(shape) => named(diags, shape, yaml, unknown),
        Kind::NamedList(shape) => list(diags, name, yaml, |diags, it| named(diags, shape, it, unknown)),
        Kind::Mapping | Kind::Meta if yaml.as_map().is_none() => {
            diags.push(wrong_type(yaml, name, "a mapping"));
            None
        }
        Kind::Mapping => Some(yaml.to_json()),
        Kind::Meta => {
            let meta = yaml.get("meta").filter(|it| it.as_map().is_some()).map(Yaml::to_json);
            Some(json!({ "meta": meta.unwrap_or_else(|| json!({})) }))
        }
    }
}

fn number(diags: &mut Diagnostics, name: &str, yaml: &Yaml, expected: &str, is_good: bool) -> Option<Json> {
    if !is_good {
        diags.push(wrong_type(yaml, name, expected));
    }
    is_good.then(|| yaml.to_json())
}

fn word(diags: &mut Diagnostics, name: &str, yaml: &Yaml, words: &[&'static str]) -> Option<Json> {
    let Some(text) = scalar_text(yaml) else {
        diags.push(wrong_type(yaml, name, "a text"));
        return None;
    };
    let lower = text.to_lowercase();
    if words.contains(&lower.as_str()) {
        return Some(Json::from(lower));
    }
    diags.push(unknown_word(&Spanned::new(text, yaml.span), name, words));
    None
}

fn text_list(diags: &mut Diagnostics, name: &str, yaml: &Yaml) -> Option<Vec<String>> {
    let is_good = match &yaml.kind {
        YamlKind::List(items) => items.iter().all(|it| it.as_str().is_some()),
        YamlKind::String(_) => true,
        _ => false,
    };
    if !is_good {
        diags.push(wrong_type(yaml, name, "a text or a list of texts"));
    }
    is_good.then(|| texts(&yaml.to_json()))
}

fn list(
    diags: &mut Diagnostics,
    name: &str,
    yaml: &Yaml,
    mut read: impl FnMut(&mut Diagnostics, &Yaml) -> Option<Json>,
) -> Option<Json> {
    let YamlKind::List(items) = &yaml.kind else {
        diags.push(wrong_type(yaml, name, "a list"));
        return None;
    };
    Some(items.iter().filter_map(|it| read(diags, it)).collect())
}

fn named(diags: &mut Diagnostics, shape: &'static Shape, yaml: &Yaml, unknown: Severity) -> Option<Json> {
    if let Some(name) = yaml.as_str() {
        let keys = shape.keys.iter().map(|key| (key.name.to_owned(), default_of(&key.kind)));
        let mut map: Map<String, Json> = keys.collect();
        map.insert("name".to_owned(), Json::from(name));
        return Some(Json::Object(map));
    }
    read(diags, shape, yaml, unknown).map(Json::Object)
}

/// `7 days` as `{count: 7, granularity: day}`.
fn window(diags: &mut Diagnostics, name: &str, yaml: &Yaml) -> Option<Json> {
    use crate::parse::properties::columns::GRANULARITIES;
    let text = scalar_text(yaml).unwrap_or_default().to_lowercase();
    let parts: Vec<&str> = text.split_whitespace().collect();
    let read = match parts.as_slice() {
        [count, unit] => count.parse::<u32>().ok().map(|count| (count, *unit)),
        _ => None,
    };
    let Some((count, unit)) = read else {
        diags.push(wrong_type(yaml, name, "a span of time such as `7 days`"));
        return None;
    };
    let singular = unit.strip_suffix('s').filter(|it| GRANULARITIES.contains(it)).unwrap_or(unit);
    Some(json!({ "count": count, "granularity": singular }))
}
