//! What the manual says about rules, for `--list-rules` and `--explain`.

/// The page that users read.
const PAGE: &str = include_str!("../../manual/lint.md");

/// A rule's part of the page, from its heading on.
pub fn section(code: &str) -> Option<&'static str> {
    let heading = format!("### `{code}`\n");
    let start = PAGE.find(&heading)?;
    let rest = &PAGE[start..];
    let end =
        rest[heading.len()..].find("\n## ").into_iter().chain(rest[heading.len()..].find("\n### ")).min();
    Some(rest[..end.map_or(rest.len(), |it| heading.len() + it)].trim_end())
}

/// What a rule is about, in one sentence without its full stop.
pub fn summary(code: &str) -> &'static str {
    let sentence = || {
        let (_, text) = section(code)?.split_once("\n\n")?;
        let (_, text) = text.split_once(": ")?;
        Some(text.split_once(".\n").map_or(text, |it| it.0))
    };
    sentence().and_then(|it| it.split_once(". ").map_or(Some(it), |it| Some(it.0))).unwrap_or_default()
}
