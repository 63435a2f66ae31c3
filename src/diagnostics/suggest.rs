//! Did-you-mean: the one name that is close to what was written.

use similar::TextDiff;

/// The closest of the known names, if one is close enough to be meant.
///
/// Close is a similarity ratio (2 x common characters / all characters) of 0.7 or more, compared
/// without regard to case; of equally close names the first in alphabetical order is taken.
pub fn nearest<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    several(wanted, known, 1).into_iter().next()
}

/// Up to `limit` close names, closest first.
pub fn several<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>, limit: usize) -> Vec<&'a str> {
    const CLOSE: f32 = 0.7;
    let lower = wanted.to_lowercase();
    let mut ranked: Vec<(f32, &str)> = known
        .into_iter()
        .filter(|name| !name.is_empty() && *name != wanted)
        .map(|name| (TextDiff::from_chars(lower.as_str(), name.to_lowercase().as_str()).ratio(), name))
        .filter(|(ratio, _)| *ratio >= CLOSE)
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    ranked.dedup_by(|a, b| a.1 == b.1);
    ranked.into_iter().take(limit).map(|(_, name)| name).collect()
}

/// `did you mean `x`?` for the closest known name.
pub fn did_you_mean<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(wanted, known).map(|name| format!("did you mean `{name}`?"))
}
