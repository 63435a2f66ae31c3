//! Which rows models read: `--empty` and `--sample`.

use std::collections::BTreeMap;

use clap::Args;
use jiff::civil::DateTime;
use serde_json::Value as Json;

use crate::batch::{BATCH_SIZES, BatchSize, RowsRead, Sample, in_utc, parse_time};
use crate::diagnostics::suggest;
use crate::yaml;

/// `--empty`.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Rows")]
pub struct EmptyArgs {
    /// Let every ref and source give no rows: SQL, columns and contracts are tried, data is not read
    #[arg(long, overrides_with = "no_empty")]
    pub empty: bool,
    /// Takes `--empty` back.
    #[arg(long, hide = true, overrides_with = "empty")]
    pub no_empty: bool,
}

/// `--empty` and `--sample`.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Rows")]
pub struct RowsArgs {
    /// `--empty`.
    #[command(flatten)]
    pub empty: EmptyArgs,
    /// Let refs and sources with an `event_time` give the rows of this time only: '3 days', or
    /// '{start: 2026-01-01, end: 2026-01-08}' in UTC
    #[arg(long, value_name = "WINDOW", value_parser = parse_sample)]
    pub sample: Option<SampleArg>,
}

/// A time, as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleArg {
    /// So many hours, days, months or years up to now.
    Last(i64, BatchSize),
    /// From one moment on and before another.
    Between(Sample),
}

impl EmptyArgs {
    /// Which rows are read.
    pub fn rows(self) -> RowsRead {
        if self.empty { RowsRead::Empty } else { RowsRead::All }
    }
}

impl RowsArgs {
    /// What an earlier command read, as it is in its artifacts.
    pub fn of_artifact(args: &BTreeMap<String, Json>) -> Self {
        let empty = args.get("empty") == Some(&Json::Bool(true));
        let moment = |key: &str| args.get("sample")?.get(key)?.as_str().and_then(parse_time);
        let sample = moment("start").zip(moment("end"));
        let sample = sample.map(|(start, end)| SampleArg::Between(Sample { start, end }));
        Self { empty: EmptyArgs { empty, no_empty: false }, sample }
    }

    /// Which rows are read by a command that began at this time. Who asks for both gets none: no row is in a sample of none.
    pub fn rows(self, began_at: &str) -> RowsRead {
        match (self.empty.rows(), self.sample) {
            (RowsRead::All, Some(SampleArg::Between(sample))) => RowsRead::Sample(sample),
            (RowsRead::All, Some(SampleArg::Last(count, size))) => {
                let end = in_utc(began_at).unwrap_or_default();
                RowsRead::Sample(Sample { start: size.before(end, count).unwrap_or(DateTime::MIN), end })
            }
            (rows, _) => rows,
        }
    }
}

/// `3 days`, or a mapping with `start` and `end`.
pub(in crate::cli) fn parse_sample(text: &str) -> Result<SampleArg, String> {
    if text.trim_start().starts_with('{') {
        return parse_between(text).map(SampleArg::Between);
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let [count, unit] = words[..] else {
        return Err(format!("`{text}` is neither a time such as `3 days` nor `{{start: ..., end: ...}}`"));
    };
    let count = count.parse::<i64>().ok().filter(|it| *it > 0);
    let count = count.ok_or_else(|| format!("`{}` is not a whole number above 0", words[0]))?;
    let lower = unit.to_lowercase();
    let singular = lower.trim_end_matches('s');
    if let Some((_, size)) = BATCH_SIZES.iter().find(|it| it.0 == singular) {
        return Ok(SampleArg::Last(count, *size));
    }
    let units = ["hours", "days", "months", "years"];
    let meant = suggest::did_you_mean(&lower, units);
    let meant = meant.unwrap_or_else(|| format!("units: {}", units.join(", ")));
    Err(format!("`{unit}` is no unit of time here ({meant})"))
}

fn parse_between(text: &str) -> Result<Sample, String> {
    let value = yaml::parse_value(text)?;
    let Json::Object(map) = &value else { return Err(format!("`{text}` is not a mapping")) };
    if let Some(key) = map.keys().find(|it| !matches!(it.as_str(), "start" | "end")) {
        return Err(format!("`{key}` is not known here: write `{{start: ..., end: ...}}`"));
    }
    let moment = |key: &str| {
        let value =
            map.get(key).ok_or_else(|| format!("`{key}` is missing: write `{{start: ..., end: ...}}`"))?;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        parse_time(&text)
            .ok_or_else(|| format!("`{text}` is not a time such as `2026-01-31` or `2026-01-31 12:00:00`"))
    };
    let sample = Sample { start: moment("start")?, end: moment("end")? };
    if sample.start < sample.end { Ok(sample) } else { Err("`start` must be before `end`".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_a_number_of_units_or_two_times() {
        assert_eq!(parse_sample("3 days"), Ok(SampleArg::Last(3, BatchSize::Day)));
        assert_eq!(parse_sample("1 Month"), Ok(SampleArg::Last(1, BatchSize::Month)));
        let start = parse_time("2026-01-01").unwrap_or_default();
        let end = parse_time("2026-01-02 12:00:00").unwrap_or_default();
        let sample = Ok(SampleArg::Between(Sample { start, end }));
        assert_eq!(parse_sample("{start: 2026-01-01, end: '2026-01-02T12:00:00Z'}"), sample);
    }

    #[test]
    fn what_is_no_sample_says_why() {
        let said = |text: &str| parse_sample(text).err().unwrap_or_default();
        assert_eq!(said("soon"), "`soon` is neither a time such as `3 days` nor `{start: ..., end: ...}`");
        assert_eq!(said("x days"), "`x` is not a whole number above 0");
        assert_eq!(said("3 weeks"), "`weeks` is no unit of time here (units: hours, days, months, years)");
        assert_eq!(said("{start: 2026-01-01}"), "`end` is missing: write `{start: ..., end: ...}`");
        assert_eq!(said("{start: 2026-01-02, end: 2026-01-01}"), "`start` must be before `end`");
    }

    #[test]
    fn a_sample_up_to_now_ends_when_the_command_began() {
        let args = RowsArgs { sample: parse_sample("1 month").ok(), ..RowsArgs::default() };
        let RowsRead::Sample(sample) = args.rows("2026-03-31T10:00:00.250000Z") else { panic!("no sample") };
        assert_eq!(
            sample.condition("at"),
            "at >= '2026-02-28 10:00:00.250000+00:00' and at < '2026-03-31 10:00:00.250000+00:00'"
        );
    }
}
