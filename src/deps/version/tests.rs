//! Which version is taken, compared with what dbt 1.11 takes; the second is with prereleases.

use super::{Range, Version, newest};

const AVAILABLE: &[&str] = &[
    "0.9.0",
    "1.0.0-rc1",
    "1.0.0-rc.2",
    "1.0.0",
    "1.0.1",
    "1.2.0",
    "1.10.0",
    "2.0.0-alpha.1",
    "2.0.0-b1",
    "2.0.0",
    "2.1.0",
];

const TAKEN: &[(&str, &str, &str)] = &[
    (">=1.0.0 <2.0.0", "1.10.0", "1.10.0"),
    (">1.0.0 <=1.2.0", "1.2.0", "1.2.0"),
    ("1.2.0", "1.2.0", "1.2.0"),
    ("=1.2.0", "1.2.0", "1.2.0"),
    (">=1.0.0", "2.1.0", "2.1.0"),
    ("<2.0.0", "1.10.0", "1.10.0"),
    ("<=2.0.0", "2.0.0", "2.0.0"),
    (">2.1.0", "None", "None"),
    ("1.0.0-rc1", "None", "1.0.0-rc1"),
    (">=1.0.0-rc1 <1.0.0", "None", "None"),
    ("<1.0.0", "0.9.0", "0.9.0"),
    (">=2.0.0-alpha.1", "2.1.0", "2.1.0"),
    ("<2.0.0 >=1.0.0 >=1.2.0", "1.10.0", "1.10.0"),
    ("1.2.0 1.0.0", "conflict", "conflict"),
    (">=1.2.0 <1.0.0", "conflict", "conflict"),
    (">=1.2.0 <1.2.0", "conflict", "conflict"),
    (">=1.2.0 <=1.2.0", "1.2.0", "1.2.0"),
    (">1.2.0 <=1.2.0", "conflict", "conflict"),
    ("1.2.0 >=1.0.0", "1.2.0", "1.2.0"),
    ("1.2.0 <1.2.0", "conflict", "conflict"),
    ("1.2.0 <=1.2.0", "1.2.0", "1.2.0"),
    ("1.2.0 >1.2.0", "conflict", "conflict"),
    ("1.2.0 >=1.2.0", "1.2.0", "1.2.0"),
    ("1.0.0rc1", "None", "1.0.0-rc1"),
    (">2.0.0-alpha.1 <2.0.0", "None", "None"),
    ("<=2.0.0-b1", "1.10.0", "2.0.0-b1"),
];

fn version(text: &str) -> Version {
    Version::parse(text).unwrap_or_else(|| panic!("{text}"))
}

fn taken(bounds: &str, with_prereleases: bool) -> String {
    let bounds: Vec<Version> = bounds.split(' ').map(version).collect();
    let Ok(range) = Range::of_all(&bounds) else { return "conflict".to_owned() };
    let mut available: Vec<(&str, Version)> = AVAILABLE.iter().map(|it| (*it, version(it))).collect();
    available.retain(|it| with_prereleases || !it.1.is_prerelease());
    newest(&range, &available).unwrap_or("None").to_owned()
}

#[test]
fn the_version_is_taken_that_dbt_takes() {
    for (bounds, released, any) in TAKEN {
        assert_eq!(taken(bounds, false), *released, "{bounds}");
        assert_eq!(taken(bounds, true), *any, "{bounds}, with prereleases");
    }
}

#[test]
fn versions_are_ordered_as_numbers() {
    let mut sorted: Vec<Version> = AVAILABLE.iter().rev().map(|it| version(it)).collect();
    sorted.sort_by(Version::compare);
    let sorted: Vec<String> =
        sorted.iter().map(|it| it.to_string().trim_start_matches('=').to_owned()).collect();
    let expected = [
        "0.9.0",
        "1.0.0-rc.2",
        "1.0.0-rc1",
        "1.0.0",
        "1.0.1",
        "1.2.0",
        "1.10.0",
        "2.0.0-alpha.1",
        "2.0.0-b1",
        "2.0.0",
        "2.1.0",
    ];
    assert_eq!(sorted, expected);
}

#[test]
fn what_is_no_version_is_none() {
    for text in ["1.0", "1.0.0.0", "v1.0.0", "01.0.0", "~=1.0.0", "1.0.0 ", ">= 1.0.0", "1.0.0-a..b", ""] {
        assert!(Version::parse(text).is_none(), "{text}");
    }
    assert_eq!(version(">=1.0.0-rc1+b").to_string(), ">=1.0.0-rc1+b");
}
