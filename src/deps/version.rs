//! Versions and ranges of them, by the rules that dbt compares them with.
//!
//! They are those of semantic versioning but for one: a bound such as `<2.0.0` keeps out `2.0.0-rc1` too.

use std::cmp::Ordering;
use std::fmt;

/// How a version bounds others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Matcher {
    Exact,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// A version, or a bound such as `>=1.0.0`.
#[derive(Clone, Debug)]
pub(super) struct Version {
    matcher: Matcher,
    numbers: [u64; 3],
    prerelease: Option<String>,
    build: Option<String>,
}

/// No version lies in all of the ranges.
#[derive(Debug)]
pub(super) struct Incompatible;

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let matcher = match self.matcher {
            Matcher::Exact => "=",
            Matcher::Greater => ">",
            Matcher::GreaterOrEqual => ">=",
            Matcher::Less => "<",
            Matcher::LessOrEqual => "<=",
        };
        let [major, minor, patch] = self.numbers;
        write!(f, "{matcher}{major}.{minor}.{patch}")?;
        self.prerelease.as_ref().map_or(Ok(()), |it| write!(f, "-{it}"))?;
        self.build.as_ref().map_or(Ok(()), |it| write!(f, "+{it}"))
    }
}

impl Version {
    /// Reads `1.2.3`, `>=1.2.3-rc1+build`, `1.2.3rc1` and so on.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let signs = [
            (">=", Matcher::GreaterOrEqual),
            ("<=", Matcher::LessOrEqual),
            (">", Matcher::Greater),
            ("<", Matcher::Less),
            ("=", Matcher::Exact),
        ];
        let sign = signs.iter().find_map(|(sign, it)| Some((*it, text.strip_prefix(sign)?)));
        let (matcher, rest) = sign.unwrap_or((Matcher::Exact, text));
        let (rest, build) = match rest.split_once('+') {
            Some((rest, build)) => (rest, Some(build)),
            None => (rest, None),
        };
        let (major, rest) = rest.split_once('.')?;
        let (minor, rest) = rest.split_once('.')?;
        let digits = rest.find(|it: char| !it.is_ascii_digit()).unwrap_or(rest.len());
        let (patch, rest) = rest.split_at(digits);
        let prerelease = rest.strip_prefix('-').unwrap_or(rest);
        let is_plain = |text: &str| {
            let is_part = |part: &str| part.chars().all(|it| it.is_ascii_alphanumeric() || it == '-');
            text.split('.').all(|part| !part.is_empty() && is_part(part))
        };
        let is_good = (rest.is_empty() || is_plain(prerelease)) && build.is_none_or(is_plain);
        let number = |text: &str| {
            let is_number = text == "0" || !text.starts_with('0');
            let is_digits = text.chars().all(|it| it.is_ascii_digit());
            text.parse().ok().filter(|_| is_number && is_digits)
        };
        let numbers = [number(major)?, number(minor)?, number(patch)?];
        is_good.then(|| Self {
            matcher,
            numbers,
            prerelease: (!prerelease.is_empty()).then(|| prerelease.to_owned()),
            build: build.map(str::to_owned),
        })
    }

    /// Whether it comes before a release.
    pub(super) fn is_prerelease(&self) -> bool {
        self.prerelease.is_some()
    }

    /// The order of two versions or bounds; bounds at the same version differ by their signs.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let by_prerelease = || match (&self.prerelease, &other.prerelease) {
            (None, None) => Ordering::Equal,
            // What lies below a release keeps its prereleases out.
            (None, Some(_)) if self.matcher == Matcher::Less => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(a), Some(b)) => compare_prereleases(a, b),
        };
        self.numbers.cmp(&other.numbers).then_with(by_prerelease).then_with(|| self.compare_matchers(other))
    }

    fn compare_matchers(&self, other: &Self) -> Ordering {
        use Matcher::{Greater, GreaterOrEqual, Less, LessOrEqual};
        let is_lower = |it| matches!(it, Greater | GreaterOrEqual);
        let is_upper = |it| matches!(it, Less | LessOrEqual);
        match (self.matcher, other.matcher) {
            (GreaterOrEqual, LessOrEqual) | (LessOrEqual, GreaterOrEqual) => Ordering::Equal,
            (Less, LessOrEqual) | (GreaterOrEqual, Greater) => Ordering::Less,
            (LessOrEqual, Less) | (Greater, GreaterOrEqual) => Ordering::Greater,
            (a, b) if is_upper(a) && is_lower(b) => Ordering::Less,
            (a, b) if is_lower(a) && is_upper(b) => Ordering::Greater,
            _ => Ordering::Equal,
        }
    }

    fn is_exact(&self) -> bool {
        self.matcher == Matcher::Exact
    }
}

fn compare_prereleases(a: &str, b: &str) -> Ordering {
    let part = |a: &str, b: &str| match (a.parse::<u64>(), b.parse::<u64>()) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => a.cmp(b),
    };
    let parts = a.split('.').zip(b.split('.')).map(|(a, b)| part(a, b));
    let first = parts.into_iter().find(|it| it.is_ne());
    first.unwrap_or_else(|| a.len().cmp(&b.len()))
}

/// The versions between two bounds, each of which may be absent.
#[derive(Clone, Debug, Default)]
pub(super) struct Range {
    start: Option<Version>,
    end: Option<Version>,
}

impl Range {
    fn of(version: &Version) -> Self {
        let it = Some(version.clone());
        match version.matcher {
            Matcher::Exact => Self { start: it.clone(), end: it },
            Matcher::Greater | Matcher::GreaterOrEqual => Self { start: it, end: None },
            Matcher::Less | Matcher::LessOrEqual => Self { start: None, end: it },
        }
    }

    /// The versions in all of the ranges that the bounds make.
    pub(super) fn of_all<'a>(bounds: impl IntoIterator<Item = &'a Version>) -> Result<Self, Incompatible> {
        bounds.into_iter().try_fold(Self::default(), |range, bound| range.and(&Self::of(bound)))
    }

    fn and(&self, other: &Self) -> Result<Self, Incompatible> {
        let start = tighter(self.start.as_ref(), other.start.as_ref(), Ordering::Less)?;
        let end = tighter(self.end.as_ref(), other.end.as_ref(), Ordering::Greater)?;
        if let (Some(start), Some(end)) = (&start, &end)
            && start.compare(end).is_gt()
        {
            return Err(Incompatible);
        }
        Ok(Self { start, end })
    }

    /// Whether a version lies in the range.
    pub(super) fn has(&self, version: &Version) -> bool {
        self.and(&Self::of(version)).is_ok()
    }
}

/// The tighter of two bounds of one side; `looser` is how a looser one compares with a tighter one.
fn tighter(
    a: Option<&Version>,
    b: Option<&Version>,
    looser: Ordering,
) -> Result<Option<Version>, Incompatible> {
    let (Some(a), Some(b)) = (a, b) else { return Ok(a.or(b).cloned()) };
    let inclusive = |it: &Version| matches!(it.matcher, Matcher::GreaterOrEqual | Matcher::LessOrEqual);
    let within = |bound: &Version, exact: &Version| {
        let order = bound.compare(exact);
        let is_inside = order == looser || (order.is_eq() && inclusive(bound));
        if is_inside { Ok(Some(exact.clone())) } else { Err(Incompatible) }
    };
    match (a.is_exact(), b.is_exact()) {
        (true, true) if a.compare(b).is_eq() => Ok(Some(a.clone())),
        (true, true) => Err(Incompatible),
        (true, false) => within(b, a),
        (false, true) => within(a, b),
        (false, false) => Ok(Some(if a.compare(b) == looser { b } else { a }.clone())),
    }
}

/// The newest of the versions in a range.
pub(super) fn newest<'a>(range: &Range, available: &[(&'a str, Version)]) -> Option<&'a str> {
    let mut found: Option<&(&str, Version)> = None;
    for candidate in available.iter().filter(|it| range.has(&it.1)) {
        if found.is_none_or(|best| best.1.compare(&candidate.1).is_lt()) {
            found = Some(candidate);
        }
    }
    found.map(|it| it.0)
}

#[cfg(test)]
mod tests;
