//! Reading a mapping key by key, with all unknown keys and wrong types reported at their places.

use serde_json::Value as Json;

use super::{Yaml, YamlKind};
use crate::diagnostics::{Diagnostic, Diagnostics, Severity, Spanned, suggest};

/// A mapping that is being read. Every getter marks its key as known; [`Fields::finish`] reports the rest.
pub struct Fields<'a> {
    entries: &'a [(Spanned<String>, Yaml)],
    known: Vec<&'static str>,
    what: &'static str,
}

impl<'a> Fields<'a> {
    /// Starts to read; `what` names the mapping in messages (`a model`). Nothing there counts as empty.
    pub fn new(diags: &mut Diagnostics, yaml: &'a Yaml, what: &'static str) -> Option<Self> {
        match &yaml.kind {
            YamlKind::Map(entries) => Some(Self { entries, known: Vec::new(), what }),
            YamlKind::Null => Some(Self { entries: &[], known: Vec::new(), what }),
            YamlKind::Bool(_)
            | YamlKind::Int(_)
            | YamlKind::Float(_)
            | YamlKind::String(_)
            | YamlKind::List(_) => {
                let message = format!("{what} must be a mapping of keys to values");
                let found = format!("this is {}", yaml.kind.describe());
                diags.push(Diagnostic::error("wrong-type", message).at(yaml.span, found));
                None
            }
        }
    }

    /// The value under a key; `None` if absent. `key:` with nothing behind it counts as absent.
    pub fn get(&mut self, key: &'static str) -> Option<&'a Yaml> {
        self.known.push(key);
        self.entries
            .iter()
            .find(|(name, _)| name.value == key)
            .map(|(_, value)| value)
            .filter(|it| !it.is_null())
    }

    /// The key as written, for its place.
    pub fn key(&self, key: &str) -> Option<&'a Spanned<String>> {
        self.entries.iter().map(|(name, _)| name).find(|name| name.value == key)
    }

    /// A text; numbers and truth values are taken as they are written in YAML.
    pub fn string(&mut self, diags: &mut Diagnostics, key: &'static str) -> Option<Spanned<String>> {
        let yaml = self.get(key)?;
        let text = scalar_text(yaml);
        if text.is_none() {
            diags.push(wrong_type(yaml, key, "a text"));
        }
        text.map(|text| Spanned::new(text, yaml.span))
    }

    /// `true` or `false`.
    pub fn bool(&mut self, diags: &mut Diagnostics, key: &'static str) -> Option<bool> {
        let yaml = self.get(key)?;
        match yaml.kind {
            YamlKind::Bool(value) => Some(value),
            YamlKind::String(ref text) if truth(text).is_some() => truth(text),
            YamlKind::Null
            | YamlKind::Int(_)
            | YamlKind::Float(_)
            | YamlKind::String(_)
            | YamlKind::List(_)
            | YamlKind::Map(_) => {
                diags.push(wrong_type(yaml, key, "`true` or `false`"));
                None
            }
        }
    }

    /// A list of texts; one text alone counts as a list of one, and entries with nothing in them as absent.
    pub fn strings(&mut self, diags: &mut Diagnostics, key: &'static str) -> Option<Vec<Spanned<String>>> {
        let yaml = self.get(key)?;
        if let Some(text) = scalar_text(yaml) {
            return Some(vec![Spanned::new(text, yaml.span)]);
        }
        let items = list_items(diags, yaml, key)?;
        let mut texts = Vec::new();
        for item in items {
            match scalar_text(item) {
                Some(text) => texts.push(Spanned::new(text, item.span)),
                None if item.is_null() => {}
                None => diags.push(wrong_type(item, key, "a text")),
            }
        }
        Some(texts)
    }

    /// A list; empty if the key is absent or holds something else.
    pub fn list(&mut self, diags: &mut Diagnostics, key: &'static str) -> &'a [Yaml] {
        self.get(key).and_then(|yaml| list_items(diags, yaml, key)).unwrap_or(&[])
    }

    /// Any value, without its inner places.
    pub fn json(&mut self, key: &'static str) -> Option<Spanned<Json>> {
        self.get(key).map(|yaml| Spanned::new(yaml.to_json(), yaml.span))
    }

    /// The key that is closest to one that is missing.
    pub fn near(&self, key: &'static str) -> Option<&'a Spanned<String>> {
        let nearest = suggest::nearest(key, self.rest().map(|(name, _)| name.value.as_str()))?;
        self.key(nearest)
    }

    /// Accepts keys that are valid but that nothing here reads.
    pub fn accept(&mut self, keys: &[&'static str]) {
        self.known.extend(keys);
    }

    /// The entries that no getter has asked for so far.
    pub fn rest(&self) -> impl Iterator<Item = &'a (Spanned<String>, Yaml)> + '_ {
        self.entries.iter().filter(|(name, _)| !self.known.contains(&name.value.as_str()))
    }

    /// Reports the keys that nobody asked for, each with the nearest known one.
    pub fn finish(self, diags: &mut Diagnostics, severity: Severity) {
        for (name, _) in self.rest() {
            diags.push(unknown_key(name, self.what, &self.known, severity));
        }
    }
}

/// The truth value that a word stands for, in YAML 1.1's spellings.
pub fn truth(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "true" | "yes" | "on" => Some(true),
        "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// A scalar as text: texts as they are, numbers and truth values in YAML's spelling.
pub fn scalar_text(yaml: &Yaml) -> Option<String> {
    match &yaml.kind {
        YamlKind::String(text) => Some(text.clone()),
        YamlKind::Int(it) => Some(it.to_string()),
        YamlKind::Float(it) => Some(it.to_string()),
        YamlKind::Bool(it) => Some(it.to_string()),
        YamlKind::Null | YamlKind::List(_) | YamlKind::Map(_) => None,
    }
}

fn list_items<'a>(diags: &mut Diagnostics, yaml: &'a Yaml, key: &str) -> Option<&'a [Yaml]> {
    match &yaml.kind {
        YamlKind::List(items) => Some(items),
        YamlKind::Null
        | YamlKind::Bool(_)
        | YamlKind::Int(_)
        | YamlKind::Float(_)
        | YamlKind::String(_)
        | YamlKind::Map(_) => {
            diags.push(
                wrong_type(yaml, key, "a list").help("write each entry on a line of its own, after `- `"),
            );
            None
        }
    }
}

/// `x` should be this but is that.
pub fn wrong_type(yaml: &Yaml, what: &str, expected: &str) -> Diagnostic {
    Diagnostic::error("wrong-type", format!("`{what}` must be {expected}"))
        .at(yaml.span, format!("this is {}", yaml.kind.describe()))
}

fn unknown_key(name: &Spanned<String>, what: &str, known: &[&'static str], severity: Severity) -> Diagnostic {
    let message = format!("`{}` is not a key of {what}", name.value);
    let mut diagnostic = match severity {
        Severity::Error => Diagnostic::error("unknown-key", message),
        Severity::Warning => Diagnostic::warning("unknown-key", message),
    };
    diagnostic = diagnostic.at(name.span, "nothing reads this key");
    if let Some(help) = suggest::did_you_mean(&name.value, known.iter().copied()) {
        diagnostic.help(help)
    } else {
        let mut names = known.to_vec();
        names.sort_unstable();
        names.dedup();
        diagnostic.note(format!("known keys: {}", names.join(", ")))
    }
}
