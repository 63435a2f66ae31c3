//! The YAML wall: text to a tree in which every key and value knows its place.
//!
//! In: one file's text. Out: a [`Yaml`] tree, or a diagnostic with the place of the syntax error.
//! [`fields`] reads such a tree into typed properties and reports unknown keys and wrong types, all of
//! them at once, which a derived `Deserialize` (it stops at the first fault) cannot do.

pub mod fields;

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;
use serde_yaml::{Location, Options};

use crate::diagnostics::{Diagnostic, Diagnostics, FileId, Span, Spanned};

/// A YAML value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Yaml {
    /// The value.
    pub kind: YamlKind,
    /// Where it is written; for an alias, where the alias is.
    pub span: Span,
}

/// What a YAML value is.
#[derive(Clone, Debug, PartialEq)]
pub enum YamlKind {
    /// Nothing, `null` or `~`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// A text.
    String(String),
    /// `- a`.
    List(Vec<Yaml>),
    /// `a: b`, in the order written.
    Map(Vec<(Spanned<String>, Yaml)>),
}

impl YamlKind {
    /// The kind in words, for messages.
    pub fn describe(&self) -> &'static str {
        match self {
            YamlKind::Null => "nothing",
            YamlKind::Bool(_) => "a true/false value",
            YamlKind::Int(_) | YamlKind::Float(_) => "a number",
            YamlKind::String(_) => "a text",
            YamlKind::List(_) => "a list",
            YamlKind::Map(_) => "a mapping",
        }
    }
}

impl Yaml {
    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            YamlKind::String(text) => Some(text),
            YamlKind::Null
            | YamlKind::Bool(_)
            | YamlKind::Int(_)
            | YamlKind::Float(_)
            | YamlKind::List(_)
            | YamlKind::Map(_) => None,
        }
    }

    /// The entries, if it is a mapping.
    pub fn as_map(&self) -> Option<&[(Spanned<String>, Yaml)]> {
        match &self.kind {
            YamlKind::Map(entries) => Some(entries),
            YamlKind::Null
            | YamlKind::Bool(_)
            | YamlKind::Int(_)
            | YamlKind::Float(_)
            | YamlKind::String(_)
            | YamlKind::List(_) => None,
        }
    }

    /// The items of a list.
    pub fn as_list(&self) -> Option<&[Yaml]> {
        match &self.kind {
            YamlKind::List(items) => Some(items),
            YamlKind::Null
            | YamlKind::Bool(_)
            | YamlKind::Int(_)
            | YamlKind::Float(_)
            | YamlKind::String(_)
            | YamlKind::Map(_) => None,
        }
    }

    /// The value under a key, if it is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Yaml> {
        self.as_map()?.iter().find(|(name, _)| name.value == key).map(|(_, value)| value)
    }

    /// Whether nothing is written there.
    pub fn is_null(&self) -> bool {
        self.kind == YamlKind::Null
    }

    /// The value without places.
    pub fn to_json(&self) -> Json {
        match &self.kind {
            YamlKind::Null => Json::Null,
            YamlKind::Bool(it) => Json::Bool(*it),
            YamlKind::Int(it) => Json::from(*it),
            YamlKind::Float(it) => Json::from(*it),
            YamlKind::String(it) => Json::String(it.clone()),
            YamlKind::List(items) => Json::Array(items.iter().map(Yaml::to_json).collect()),
            YamlKind::Map(entries) => Json::Object(
                entries.iter().map(|(key, value)| (key.value.clone(), value.to_json())).collect(),
            ),
        }
    }
}

/// Reads one document. An empty file is `Null`. A syntax error becomes a diagnostic, and `None`.
pub fn parse(diags: &mut Diagnostics, file: FileId, text: &str) -> Option<Yaml> {
    if text.trim().is_empty() {
        return Some(Yaml { kind: YamlKind::Null, span: Span::new(file, 0..0) });
    }
    match serde_yaml::from_str_with_options::<serde_yaml::Spanned<Raw>>(text, options()) {
        Ok(raw) => {
            let mut yaml = place(raw, file);
            end_with_file(&mut yaml, text);
            Some(yaml)
        }
        Err(error) => {
            diags.push(syntax_error(file, text, &error));
            None
        }
    }
}

/// A block text (`>` or `|`) at the end of a file has no line break at its end: dbt takes that of the file away.
fn end_with_file(yaml: &mut Yaml, file: &str) {
    match &mut yaml.kind {
        YamlKind::List(items) => {
            if let Some(last) = items.last_mut() {
                end_with_file(last, file);
            }
        }
        YamlKind::Map(entries) => {
            if let Some((_, last)) = entries.last_mut() {
                end_with_file(last, file);
            }
        }
        YamlKind::String(text) => {
            let last_word = text.split_whitespace().next_back();
            if text.ends_with('\n') && last_word.is_some_and(|it| file.trim_end().ends_with(it)) {
                text.pop();
            }
        }
        YamlKind::Null | YamlKind::Bool(_) | YamlKind::Int(_) | YamlKind::Float(_) => {}
    }
}

/// Reads a short text that is not from a file, such as `--vars`; the message is one line.
pub fn parse_value(text: &str) -> Result<Json, String> {
    serde_yaml::from_str_with_options::<serde_yaml::Spanned<Raw>>(text, options())
        .map(|raw| raw.value.into_json())
        .map_err(|error| message_of(&error))
}

/// Writes a value as YAML; the message is one line.
pub fn write_value(value: &Json) -> Result<String, String> {
    serde_yaml::to_string(value).map_err(|error| error.to_string())
}

fn options() -> Options {
    // A bare `y`, `no` or `on` is a text, as a column's name for instance; where a truth value is wanted,
    // its reader takes the words.
    serde_yaml::options! { with_snippet: false, strict_booleans: true }
}

fn message_of(error: &serde_yaml::Error) -> String {
    let text = error.without_snippet().to_string();
    let first = text.lines().next().unwrap_or_default();
    // The place is shown by the excerpt; the parser's own "at line 3, column 5" would say it twice.
    let cut = first.find(" at line ").or_else(|| first.find(": line ")).unwrap_or(first.len());
    first[..cut].trim_end_matches('.').to_owned()
}

fn syntax_error(file: FileId, text: &str, error: &serde_yaml::Error) -> Diagnostic {
    let span = error.location().map_or_else(|| Span::new(file, 0..0), |it| span_in(file, text, &it));
    let message = message_of(error);
    if let Some(rest) = message.strip_prefix("duplicate mapping key: ") {
        let key = rest.split(',').next().unwrap_or(rest);
        return Diagnostic::error(
            "duplicate-key",
            format!("the key `{key}` is written twice in one mapping"),
        )
        .at(span, "again here")
        .help("keep one of the two");
    }
    if message.starts_with("multiple YAML documents") {
        return Diagnostic::error(
            "several-documents",
            "a file holds one YAML document, but this one holds more",
        )
        .at(span, "the next one begins here")
        .help("remove the line `---` before it, or move it into a file of its own");
    }
    let help = text[..(span.start as usize).min(text.len())]
        .lines()
        .last()
        .is_some_and(|line| line.contains('\t'))
        .then(|| "YAML is indented with spaces; a tab is not allowed there".to_owned());
    Diagnostic::error("invalid-yaml", "this is not valid YAML").at(span, message).help_opt(help)
}

/// A location without byte offsets (an error's) as a span of one character.
fn span_in(file: FileId, text: &str, location: &Location) -> Span {
    if let Some(start) = location.span().byte_offset() {
        let start = usize::try_from(start).unwrap_or(usize::MAX).min(text.len());
        return Span::new(file, start..start);
    }
    let line = usize::try_from(location.line()).unwrap_or(1).max(1);
    let column = usize::try_from(location.column()).unwrap_or(1).max(1);
    let line_start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let rest = text.get(line_start..).unwrap_or_default();
    let in_line: usize = rest.chars().take(column - 1).take_while(|it| *it != '\n').map(char::len_utf8).sum();
    let start = (line_start + in_line).min(text.len());
    Span::new(file, start..start)
}

/// The tree as the deserializer gives it, before file ids are known.
enum Raw {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    String(String),
    List(Vec<serde_yaml::Spanned<Raw>>),
    Map(Vec<(serde_yaml::Spanned<Key>, serde_yaml::Spanned<Raw>)>),
}

impl Raw {
    fn into_json(self) -> Json {
        match self {
            Raw::Null => Json::Null,
            Raw::Bool(it) => Json::Bool(it),
            Raw::Int(it) => Json::from(it),
            Raw::Float(it) => Json::from(it),
            Raw::String(it) => Json::String(it),
            Raw::List(items) => Json::Array(items.into_iter().map(|it| it.value.into_json()).collect()),
            Raw::Map(entries) => Json::Object(
                entries.into_iter().map(|(key, value)| (key.value.0, value.value.into_json())).collect(),
            ),
        }
    }
}

/// A mapping's key: any scalar, as text.
struct Key(String);

fn place(raw: serde_yaml::Spanned<Raw>, file: FileId) -> Yaml {
    let span = span_of(&raw.referenced, file);
    let kind = match raw.value {
        Raw::Null => YamlKind::Null,
        Raw::Bool(it) => YamlKind::Bool(it),
        Raw::Int(it) => YamlKind::Int(it),
        Raw::Float(it) => YamlKind::Float(it),
        Raw::String(it) => YamlKind::String(it),
        Raw::List(items) => YamlKind::List(items.into_iter().map(|it| place(it, file)).collect()),
        Raw::Map(entries) => YamlKind::Map(
            entries
                .into_iter()
                .map(|(key, value)| {
                    let span = span_of(&key.referenced, file);
                    (Spanned::new(key.value.0, span), place(value, file))
                })
                .collect(),
        ),
    };
    Yaml { kind, span }
}

fn span_of(location: &Location, file: FileId) -> Span {
    let span = location.span();
    let start = span.byte_offset().and_then(|it| usize::try_from(it).ok()).unwrap_or(0);
    let length = span.byte_len().and_then(|it| usize::try_from(it).ok()).unwrap_or(0);
    Span::new(file, start..start + length)
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Int(value))
    }

    #[expect(clippy::cast_precision_loss, reason = "a whole number past 63 bits is no count or id here")]
    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(i64::try_from(value).map_or(Raw::Float(value as f64), Raw::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::String(value))
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KeyVisitor)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text as key")
    }

    fn visit_str<E>(self, value: &str) -> Result<Key, E> {
        Ok(Key(value.to_owned()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Key, E> {
        Ok(Key(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Key, E> {
        Ok(Key(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Key, E> {
        Ok(Key(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Key, E> {
        Ok(Key(value.to_string()))
    }

    fn visit_unit<E>(self) -> Result<Key, E> {
        Ok(Key(String::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Sources;

    fn parsed(text: &str) -> (Yaml, Sources) {
        let mut sources = Sources::default();
        let file = sources.add("a.yml", text);
        let mut diags = Diagnostics::default();
        let yaml = parse(&mut diags, file, text);
        (yaml.unwrap_or_else(|| panic!("{:?}", diags.all())), sources)
    }

    #[test]
    fn every_key_and_value_knows_its_bytes() {
        let (yaml, sources) = parsed("models:\n  - name: orders\n    tags: [a, 'b']\n");
        let model = match &yaml.get("models").map(|it| &it.kind) {
            Some(YamlKind::List(items)) => items[0].clone(),
            other => panic!("{other:?}"),
        };
        let (key, value) = &model.as_map().unwrap()[0];
        assert_eq!(sources.text_of(key.span), "name");
        assert_eq!(sources.text_of(value.span), "orders");
        assert_eq!(sources.place(value.span), "a.yml:2:11");
        assert_eq!(yaml.to_json(), serde_json::json!({"models": [{"name": "orders", "tags": ["a", "b"]}]}));
    }

    #[test]
    fn anchors_and_merges_are_followed() {
        let (yaml, _) = parsed("a: &x {k: 1}\nb:\n  <<: *x\n  l: 2\nc: *x\n");
        assert_eq!(yaml.to_json(), serde_json::json!({"a": {"k": 1}, "b": {"k": 1, "l": 2}, "c": {"k": 1}}));
    }

    #[test]
    fn syntax_errors_have_a_place() {
        for (text, place) in
            [("a: [1, 2\nb: 3\n", "a.yml:"), ("a: 1\na: 2\n", "a.yml:2:1"), ("a:\n\t- b\n", "a.yml:2:")]
        {
            let mut sources = Sources::default();
            let file = sources.add("a.yml", text);
            let mut diags = Diagnostics::default();
            assert!(parse(&mut diags, file, text).is_none(), "{text:?}");
            let span = diags.all()[0].primary.as_ref().unwrap().span;
            assert!(
                sources.place(span).starts_with(place),
                "{text:?}: {} {:?}",
                sources.place(span),
                diags.all()
            );
        }
    }
}
