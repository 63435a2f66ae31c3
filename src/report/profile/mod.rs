//! A profile of queries as text: what each costs, where the time goes, where the pipeline could do less, what grew.
//!
//! In: [`Profiled`]. Out: text for a terminal of any width, or JSON for programs (`json`).

mod grid;
mod json;
mod words;

use std::fmt::Write as _;
use std::time::Duration;

use self::grid::{Column, grid};
pub use self::json::json;
use crate::profile::{Growth, LeftOut, Measured, Profiled, WhyLeftOut, ratio};
use crate::report::{layout, numbers};
use crate::warehouse::profile::Operator;

/// How a profile is written.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// Columns of the terminal; as many as it takes if absent.
    pub width: Option<usize>,
    /// Models and steps to show, the dearest of them.
    pub limit: usize,
}

/// Unbroken lines where no width is known are this long at most.
const WIDTH: usize = 120;

/// More steps than these say no more.
const HOT_SPOTS: usize = 10;

/// Nor do steps with less than one part in so many of the work.
const NOTABLE: u32 = 100;

impl Manner {
    fn width(self) -> usize {
        self.width.unwrap_or(WIDTH)
    }
}

/// The whole as text.
pub fn text(profiled: &Profiled, database: &str, manner: Manner) -> String {
    let mut text = String::new();
    if !profiled.measured.is_empty() {
        let n = numbers::count(profiled.measured.len(), "query");
        let line = format!("{n} run on {database} one after the other, to be measured; nothing was written");
        let _ = writeln!(text, "{}\n", layout::wrap(&line, manner.width(), 0));
        text.push_str(&models(&profiled.measured, manner));
        text.push_str(&hot_spots(&profiled.measured, manner));
        text.push_str(&findings(profiled, manner));
    }
    text.push_str(&growth(&profiled.growth, manner));
    text.push_str(&left_out(&profiled.left_out, manner));
    text
}

/// What grew alone, as text.
pub fn growth_text(grown: &[Growth], manner: Manner) -> String {
    match growth(grown, manner) {
        text if text.is_empty() => {
            "nothing takes notably longer or reads notably more than before\n".to_owned()
        }
        text => text.trim_start().to_owned(),
    }
}

fn models(measured: &[Measured], manner: Manner) -> String {
    let total: Duration = measured.iter().filter(|it| it.is_stored).map(|it| it.profile.elapsed).sum();
    let mut sorted: Vec<&Measured> = measured.iter().collect();
    sorted.sort_by_key(|it| (!it.is_stored, std::cmp::Reverse(it.profile.elapsed)));
    let row = |it: &&Measured| {
        let rows = it.profile.root.rows;
        vec![
            it.name.clone(),
            words::made_as(it),
            time(it.profile.elapsed),
            if it.is_stored { percent(it.profile.elapsed, total) } else { String::new() },
            numbers::thousands(it.facts.rows_in),
            numbers::thousands(rows),
            reduction(it.facts.rows_in, rows),
            words::bytes(it.facts.bytes_in),
            words::bytes(it.profile.root.bytes),
        ]
    };
    let columns = [
        Column::left("model"),
        Column::left("made as"),
        Column::right("time"),
        Column::right("share"),
        Column::right("rows in"),
        Column::right("rows out"),
        Column::right("reduction"),
        Column::right("read"),
        Column::right("made"),
    ];
    let rows: Vec<Vec<String>> = sorted.iter().take(manner.limit).map(row).collect();
    let mut text = grid(&columns, &rows, manner.width());
    let hidden = sorted.len().saturating_sub(manner.limit);
    if hidden > 0 {
        let _ = writeln!(text, "(and {hidden} more: --limit {})", sorted.len());
    }
    if measured.iter().any(|it| !it.is_stored) {
        let note = "(a view or an ephemeral model costs nothing by itself: what reads it pays for it)";
        let _ = writeln!(text, "{}", layout::wrap(note, manner.width(), 1));
    }
    text
}

fn hot_spots(measured: &[Measured], manner: Manner) -> String {
    // What a view does is measured again in those that read it.
    let counted: Vec<&Measured> = match measured.iter().filter(|it| it.is_stored).collect::<Vec<_>>() {
        stored if stored.is_empty() => measured.iter().collect(),
        stored => stored,
    };
    let total: Duration = counted.iter().map(|it| it.profile.busy).sum();
    let mut steps: Vec<(&Measured, &Operator)> = counted
        .iter()
        .flat_map(|it| it.profile.root.walk().into_iter().map(move |step| (*it, step)))
        .collect();
    steps.retain(|it| !it.1.busy.is_zero());
    steps.sort_by_key(|it| std::cmp::Reverse(it.1.busy));
    let is_notable = |busy: Duration| busy.saturating_mul(NOTABLE) >= total;
    let notable = steps.iter().take_while(|it| is_notable(it.1.busy)).count().max(1);
    steps.truncate(notable);
    let row = |(measured, step): &(&Measured, &Operator)| {
        vec![
            measured.name.clone(),
            time(step.busy),
            percent(step.busy, total),
            words::rows_through(step),
            words::step(step),
        ]
    };
    let columns = [
        Column::left("model"),
        Column::right("work"),
        Column::right("share"),
        Column::right("rows"),
        Column::left("step"),
    ];
    let rows: Vec<Vec<String>> = steps.iter().take(manner.limit.min(HOT_SPOTS)).map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    format!("\nwhere the time goes (all threads)\n\n{}", grid(&columns, &rows, manner.width()))
}

fn findings(profiled: &Profiled, manner: Manner) -> String {
    let mut text = "\nwhere the pipeline could do less\n\n".to_owned();
    if profiled.findings.is_empty() {
        text.push_str("nothing stands out\n");
        return text;
    }
    let path = |id: &str| profiled.measured.iter().find(|it| it.unique_id == id).map(|it| it.path.as_str());
    for (index, finding) in profiled.findings.iter().enumerate() {
        let number = format!("{}. ", index + 1);
        let indent = number.len();
        let place = finding.nodes.first().and_then(|it| path(it));
        let place = place.map(|it| format!(" ({it})")).unwrap_or_default();
        let message =
            format!("{number}{}: {}{place}", words::code(&finding.what), words::message(&finding.what));
        let _ = writeln!(text, "{}", layout::wrap(&message, manner.width(), indent));
        let help = format!("{}help: {}", " ".repeat(indent), words::help(&finding.what));
        let _ = writeln!(text, "{}", wrapped(&help, manner.width(), indent));
        let cost = format!("{}at stake: about {} of a run", " ".repeat(indent), time(finding.at_stake));
        let _ = writeln!(text, "{cost}");
    }
    text
}

/// Wraps a line that is indented itself.
fn wrapped(line: &str, width: usize, indent: usize) -> String {
    let inner = layout::wrap(line.trim_start(), width.saturating_sub(indent), 0);
    layout::indent(&inner, indent).trim_end().to_owned()
}

fn growth(grown: &[Growth], manner: Manner) -> String {
    let Some(first) = grown.first() else { return String::new() };
    let runs = format!("median of the last {} runs against those before", first.runs);
    let title = layout::wrap(&format!("what grew ({runs})"), manner.width(), 1);
    let row = |it: &Growth| {
        let change = |before: f64, now: f64| if before > 0.0 { factor(now / before) } else { String::new() };
        let rows = |n: Option<f64>| n.map(numbers::short).unwrap_or_default();
        vec![
            it.name.clone(),
            seconds(it.seconds_before),
            seconds(it.seconds),
            change(it.seconds_before, it.seconds),
            rows(it.rows_in_before),
            rows(it.rows_in),
            it.rows_in_before.zip(it.rows_in).map(|(before, now)| change(before, now)).unwrap_or_default(),
            words::growth(it).to_owned(),
        ]
    };
    let columns = [
        Column::left("model"),
        Column::right("before"),
        Column::right("now"),
        Column::right("times"),
        Column::right("rows before"),
        Column::right("rows now"),
        Column::right("times"),
        Column::left(""),
    ];
    let rows: Vec<Vec<String>> = grown.iter().take(manner.limit).map(row).collect();
    format!("\n{title}\n\n{}", grid(&columns, &rows, manner.width()))
}

fn left_out(left_out: &[LeftOut], manner: Manner) -> String {
    if left_out.is_empty() {
        return String::new();
    }
    let mut text = "\nnot measured\n\n".to_owned();
    for it in left_out {
        let line = format!("{}: {}", it.name, words::why_left_out(&it.why, &it.name));
        let _ = writeln!(text, "{}", layout::wrap(&line, manner.width(), 2));
    }
    text
}

impl WhyLeftOut {
    /// Whether something has to be done before it can be measured.
    pub fn is_lack(&self) -> bool {
        match self {
            WhyLeftOut::NotBuilt { .. } => true,
            WhyLeftOut::TableFunction | WhyLeftOut::NotExplained => false,
        }
    }
}

/// `417x fewer`, `10x more`; nothing where the difference is small.
fn reduction(rows_in: u64, rows: u64) -> String {
    if rows_in == 0 || rows == 0 {
        return String::new();
    }
    let (fewer, more) = (ratio(rows_in, rows), ratio(rows, rows_in));
    match (fewer, more) {
        (fewer, _) if fewer >= 1.1 => format!("{} fewer", factor(fewer)),
        (_, more) if more >= 1.1 => format!("{} more", factor(more)),
        _ => String::new(),
    }
}

/// `3.2x`, `417x`.
fn factor(times: f64) -> String {
    if times < 10.0 { format!("{times:.1}x") } else { format!("{}x", numbers::short(times.round())) }
}

/// `0.4 ms`, `31 ms`, `1.20s`.
fn time(elapsed: Duration) -> String {
    let millis = elapsed.as_secs_f64() * 1e3;
    match millis {
        it if it < 10.0 => format!("{it:.1} ms"),
        it if it < 1e3 => format!("{it:.0} ms"),
        _ => numbers::duration(elapsed),
    }
}

fn seconds(seconds: f64) -> String {
    time(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

fn percent(part: Duration, of: Duration) -> String {
    let share = part.as_secs_f64() / of.as_secs_f64().max(f64::MIN_POSITIVE);
    format!("{:.0}%", share * 100.0)
}
