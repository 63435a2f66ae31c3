//! `require-dbt-version`: which versions of dbt a project is written for.
//!
//! Tidemill stands in for one version of dbt, so that is the one that is compared.

use std::cmp::Ordering;

use crate::diagnostics::{Diagnostic, Diagnostics, Spanned};

/// The version of dbt whose behaviour this program has.
pub const DBT_VERSION: &str = "1.11.16";

/// Reports the ranges that the version is not in. `who` is the project or package.
pub(super) fn check(diags: &mut Diagnostics, who: &str, ranges: &[Spanned<String>]) {
    for range in ranges {
        for part in range.value.split(',').map(str::trim).filter(|it| !it.is_empty()) {
            match admits(part) {
                Some(true) => {}
                Some(false) => {
                    diags.push(not_met(who, range, part));
                    return;
                }
                None => diags.push(
                    Diagnostic::error("invalid-version", format!("`{part}` is not a range of versions"))
                        .at(range.span, "")
                        .help("write it as \">=1.8.0\", or several as [\">=1.8.0\", \"<2.0.0\"]"),
                ),
            }
        }
    }
}

fn not_met(who: &str, range: &Spanned<String>, part: &str) -> Diagnostic {
    Diagnostic::error("dbt-version", format!("`{who}` is not written for dbt {DBT_VERSION}"))
        .at(range.span, format!("it wants {part}"))
        .note(format!("tidemill behaves as dbt {DBT_VERSION} does"))
        .help("change `require-dbt-version`, or go on all the same with `--no-version-check`")
}

/// A version as numbers, and what stands before its release.
type Version<'a> = ([u64; 3], Option<&'a str>);

/// Whether a range such as `>=1.8.0` has the version in it; `None` if it is no range.
fn admits(range: &str) -> Option<bool> {
    let operator = range.trim_end_matches(|it: char| !matches!(it, '<' | '>' | '='));
    let wanted = version(range[operator.len()..].trim())?;
    let order = compare(&version(DBT_VERSION)?, &wanted);
    Some(match operator {
        ">=" => order != Ordering::Less,
        ">" => order == Ordering::Greater,
        "<=" => order != Ordering::Greater,
        "<" => order == Ordering::Less,
        "" | "=" | "==" => order == Ordering::Equal,
        _ => return None,
    })
}

fn version(text: &str) -> Option<Version<'_>> {
    let text = text.split('+').next()?;
    let end = text.find(|it: char| !it.is_ascii_digit() && it != '.').unwrap_or(text.len());
    let (numbers, rest) = text.split_at(end);
    let mut parts = numbers.trim_end_matches('.').split('.');
    let mut next = || parts.next()?.parse().ok();
    let numbers = [next()?, next()?, next()?];
    let before = rest.trim_start_matches('-');
    parts.next().is_none().then_some((numbers, (!before.is_empty()).then_some(before)))
}

/// A version before its release is less than the release.
fn compare(left: &Version<'_>, right: &Version<'_>) -> Ordering {
    left.0.cmp(&right.0).then_with(|| match (left.1, right.1) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(left), Some(right)) => left.cmp(right),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_compared_by_number() {
        for (range, expected) in [
            (">=1.8.0", Some(true)),
            (">= 1.11.16", Some(true)),
            (">1.11.16", Some(false)),
            ("<2.0.0", Some(true)),
            ("<1.11.2", Some(false)),
            ("<1.12.0-b1", Some(true)),
            (">=1.11.16rc1", Some(true)),
            ("1.11.16", Some(true)),
            ("=1.10.0", Some(false)),
            ("==1.11.16", Some(true)),
            (">=1.8", None),
            ("latest", None),
            ("~1.8.0", None),
        ] {
            assert_eq!(admits(range), expected, "{range}");
        }
    }
}
