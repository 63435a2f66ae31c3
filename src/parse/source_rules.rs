//! What is done about a source that is too old, and which sources have to be of about the same age.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::diagnostics::{Diagnostic, Diagnostics, Span, Spanned, suggest};

/// The config keys that are read here.
pub const SOURCE_RULE_KEYS: [&str; 4] = ["on_stale", "aligned_with", "within", "on_misaligned"];

/// What the config of a source, or of a model, says about loading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceRules {
    /// `on_stale`, where set.
    pub on_stale: Option<OnStale>,
    /// `aligned_with` with its limit.
    pub alignment: Option<Alignment>,
}

/// What is done about a source that is older than `error_after`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnStale {
    /// It fails, and what reads it is skipped.
    Error,
    /// What reads it is skipped, and the run is a success all the same.
    SkipDownstream,
    /// It is reported.
    Warn,
    /// It is noted.
    UseAnyway,
}

/// What is done about models whose sources were loaded too far apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnMisaligned {
    /// They fail.
    #[default]
    Error,
    /// They are skipped, and the run is a success all the same.
    SkipDownstream,
    /// It is reported.
    Warn,
}

/// Sources whose latest times of loading lie close together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alignment {
    /// The sources, as `table` or `source.table`.
    pub sources: Spanned<Vec<String>>,
    /// How many seconds they may lie apart.
    pub within: i64,
    /// What is done if they lie further apart.
    pub on_misaligned: OnMisaligned,
}

impl OnStale {
    const WORDS: [(&'static str, OnStale); 4] = [
        ("error", OnStale::Error),
        ("skip_downstream", OnStale::SkipDownstream),
        ("warn", OnStale::Warn),
        ("use_anyway", OnStale::UseAnyway),
    ];

    /// The word in YAML.
    pub fn as_str(self) -> &'static str {
        Self::WORDS.iter().find(|(_, it)| *it == self).map_or("", |(word, _)| word)
    }
}

impl OnMisaligned {
    const WORDS: [(&'static str, OnMisaligned); 3] = [
        ("error", OnMisaligned::Error),
        ("skip_downstream", OnMisaligned::SkipDownstream),
        ("warn", OnMisaligned::Warn),
    ];
}

/// Reads the keys from merged config.
pub(super) fn read(diags: &mut Diagnostics, values: &BTreeMap<String, Spanned<Json>>) -> SourceRules {
    let mut reader = Reader { diags, values };
    let on_stale = reader.word("on_stale", &OnStale::WORDS);
    SourceRules { on_stale, alignment: reader.alignment() }
}

struct Reader<'a> {
    diags: &'a mut Diagnostics,
    values: &'a BTreeMap<String, Spanned<Json>>,
}

impl Reader<'_> {
    fn get(&self, key: &str) -> Option<Spanned<Json>> {
        self.values.get(key).filter(|it| !it.value.is_null()).cloned()
    }

    fn word<T: Copy>(&mut self, key: &str, words: &[(&'static str, T)]) -> Option<T> {
        let found = self.get(key)?;
        let text = found.value.as_str().unwrap_or_default().to_lowercase();
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let written = found.value.as_str().map_or_else(|| found.value.to_string(), str::to_owned);
        let help = suggest::did_you_mean(&text, known.iter().copied())
            .unwrap_or_else(|| format!("write one of {}", known.join(", ")));
        self.diags.push(
            Diagnostic::error("invalid-value", format!("`{written}` is no value of `{key}`"))
                .at(found.span, "set here")
                .help(help),
        );
        None
    }

    fn alignment(&mut self) -> Option<Alignment> {
        let on_misaligned = self.word("on_misaligned", &OnMisaligned::WORDS);
        let (listed, within) = (self.get("aligned_with"), self.get("within"));
        let Some(listed) = listed else {
            if let Some(alone) = self.get("on_misaligned") {
                self.diags.push(
                    Diagnostic::error("invalid-alignment", "there is no `aligned_with` that this belongs to")
                        .at(alone.span, "set here")
                        .help("list the sources: `aligned_with: [sales, customers]`"),
                );
            }
            return None;
        };
        let Some(sources) = names(&listed.value) else {
            self.diags.push(
                Diagnostic::error("wrong-type", "the config `aligned_with` must be a list of sources")
                    .at(listed.span, "set here")
                    .help("write it as `aligned_with: [sales, customers]`"),
            );
            return None;
        };
        let Some(within) = within else {
            self.diags.push(
                Diagnostic::error("invalid-alignment", "`aligned_with` needs a limit")
                    .at(listed.span, "set here")
                    .help("say how far apart they may be loaded: `within: 6 hours`"),
            );
            return None;
        };
        let within = self.span_of_time(&within.value, within.span)?;
        let sources = Spanned::new(sources, listed.span);
        Some(Alignment { sources, within, on_misaligned: on_misaligned.unwrap_or_default() })
    }

    fn span_of_time(&mut self, value: &Json, span: Span) -> Option<i64> {
        let seconds = match value {
            Json::String(text) => seconds(text),
            Json::Object(parts) => {
                let count = parts.get("count").map(Json::to_string).unwrap_or_default();
                let period = parts.get("period").and_then(Json::as_str).unwrap_or_default();
                seconds(&format!("{count} {period}"))
            }
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) => None,
        };
        if seconds.is_none() {
            self.diags.push(
                Diagnostic::error("invalid-period", format!("`{value}` is not a span of time"))
                    .at(span, "set here")
                    .help("write it as `within: 6 hours`; minutes, hours and days are known"),
            );
        }
        seconds
    }
}

/// A list of texts, or one text.
fn names(value: &Json) -> Option<Vec<String>> {
    match value {
        Json::String(text) => Some(vec![text.clone()]),
        Json::Array(items) => items.iter().map(|it| it.as_str().map(str::to_owned)).collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_) => None,
    }
}

/// `6 hours`, `90m`, `1 day` in seconds.
fn seconds(text: &str) -> Option<i64> {
    let text = text.trim().to_lowercase();
    let digits = text.find(|it: char| !it.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let size = match unit.trim() {
        "s" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 3_600,
        "d" | "day" | "days" => 86_400,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time_have_a_unit() {
        for (text, expected) in [
            ("6 hours", Some(21_600)),
            ("1 day", Some(86_400)),
            ("90m", Some(5_400)),
            ("0 minutes", Some(0)),
            ("6", None),
            ("hours", None),
            ("6 weeks", None),
            ("99999999999999999999 days", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
