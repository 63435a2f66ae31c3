//! How a microbatch model is cut into batches of time: `event_time`, `begin`, `batch_size` and their kin, as types.

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use serde_json::Value as Json;

use crate::batch::{BATCH_SIZES, BatchSize, parse_time};
use crate::diagnostics::{Diagnostic, Diagnostics, Span, Spanned, suggest};

/// The config of a model with the strategy `microbatch`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Microbatch {
    /// The column, or an expression, that says when a row happened.
    pub event_time: String,
    /// Where the first batch of a new table begins.
    pub begin: DateTime,
    /// How long batches are.
    pub batch_size: BatchSize,
    /// How many batches before the newest are made again.
    pub lookback: i64,
    /// What is published together.
    pub publish: PublishBatches,
    /// Whether batches are computed side by side; if nobody says so, their query decides.
    pub concurrent: Option<bool>,
}

/// What of a microbatch model is published together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PublishBatches {
    /// All batches of a run, or none.
    #[default]
    Together,
    /// Every batch by itself, when the tests have passed with it.
    Each,
}

const PUBLISH: &[(&str, PublishBatches)] =
    &[("together", PublishBatches::Together), ("each", PublishBatches::Each)];

/// The strategy's name.
pub const MICROBATCH: &str = "microbatch";

/// Reads the config of a microbatch model; `None` if it cannot be run, which was reported.
pub(super) fn read(diags: &mut Diagnostics, values: &BTreeMap<String, Spanned<Json>>) -> Option<Microbatch> {
    let strategy = values.get("incremental_strategy")?.span;
    let mut reader = Reader { diags, values, strategy };
    reader.refuse_key();
    let event_time = reader.event_time();
    let begin = reader.begin();
    let batch_size = reader.batch_size();
    let lookback = reader.lookback();
    let concurrent = reader.concurrent_batches();
    let publish = reader.word("publish_batches", PUBLISH);
    Some(Microbatch {
        event_time: event_time?,
        begin: begin?,
        batch_size: batch_size?,
        lookback: lookback?,
        publish: publish.unwrap_or_default(),
        concurrent,
    })
}

struct Reader<'a> {
    diags: &'a mut Diagnostics,
    values: &'a BTreeMap<String, Spanned<Json>>,
    strategy: Span,
}

impl Reader<'_> {
    fn get(&self, key: &str) -> Option<&Spanned<Json>> {
        self.values.get(key).filter(|it| !it.value.is_null())
    }

    fn missing(&mut self, key: &str, help: &str) {
        let message = format!("the strategy `{MICROBATCH}` needs the config `{key}`");
        self.diags
            .push(Diagnostic::error("missing-config", message).at(self.strategy, "set here").help(help));
    }

    fn wrong(&mut self, key: &str, span: Span, expected: &str) {
        let message = format!("the config `{key}` must be {expected}");
        self.diags.push(Diagnostic::error("wrong-type", message).at(span, "set here"));
    }

    /// Batches are replaced by their time: a key would have no effect.
    fn refuse_key(&mut self) {
        let Some(key) = self.get("unique_key").filter(|it| it.value != Json::Array(Vec::new())) else {
            return;
        };
        let span = key.span;
        self.diags.push(
            Diagnostic::error(
                "no-effect",
                format!("`unique_key` does not go with the strategy `{MICROBATCH}`"),
            )
            .at(span, "set here")
            .note("a batch replaces all rows of its window of time, whatever their keys")
            .help("remove `unique_key`, or use the strategy `merge` or `delete+insert`"),
        );
    }

    fn event_time(&mut self) -> Option<String> {
        let Some(found) = self.get("event_time").cloned() else {
            self.missing(
                "event_time",
                "name the column that says when a row happened: event_time: created_at",
            );
            return None;
        };
        let text = found.value.as_str().filter(|it| !it.trim().is_empty()).map(str::to_owned);
        if text.is_none() {
            self.wrong("event_time", found.span, "the name of a column");
        }
        text
    }

    fn begin(&mut self) -> Option<DateTime> {
        let Some(found) = self.get("begin").cloned() else {
            self.missing("begin", "say when the first row happened: begin: '2024-01-01'");
            return None;
        };
        let time = found.value.as_str().and_then(parse_time);
        if time.is_none() {
            let written = found.value.to_string();
            let message = format!("`{}` is not a value of `begin`", written.trim_matches('"'));
            self.diags.push(
                Diagnostic::error("invalid-value", message)
                    .at(found.span, "set here")
                    .help("write a date, with a time if needed: '2024-01-01' or '2024-01-01T12:00:00'"),
            );
        }
        time
    }

    fn batch_size(&mut self) -> Option<BatchSize> {
        if self.get("batch_size").is_none() {
            self.missing("batch_size", "set `batch_size` to hour, day, month or year");
            return None;
        }
        self.word("batch_size", BATCH_SIZES)
    }

    fn lookback(&mut self) -> Option<i64> {
        let Some(found) = self.get("lookback").cloned() else { return Some(1) };
        let count = found.value.as_i64().filter(|it| *it >= 0);
        if count.is_none() {
            self.wrong("lookback", found.span, "a whole number, 0 or more");
        }
        count
    }

    fn concurrent_batches(&mut self) -> Option<bool> {
        let found = self.get("concurrent_batches").cloned()?;
        if !found.value.is_boolean() {
            self.wrong("concurrent_batches", found.span, "`true` or `false`");
        }
        found.value.as_bool()
    }

    fn word<T: Copy>(&mut self, key: &str, known: &[(&'static str, T)]) -> Option<T> {
        let found = self.get(key)?.clone();
        let text = found.value.as_str().unwrap_or_default();
        if let Some((_, value)) = known.iter().find(|it| it.0 == text) {
            return Some(*value);
        }
        let names: Vec<&str> = known.iter().map(|it| it.0).collect();
        let message = format!("`{}` is not a value of `{key}`", found.value.to_string().trim_matches('"'));
        self.diags.push(
            Diagnostic::error("invalid-value", message).at(found.span, "set here").help(
                suggest::did_you_mean(text, names.iter().copied())
                    .unwrap_or_else(|| format!("write one of {}", names.join(", "))),
            ),
        );
        None
    }
}
