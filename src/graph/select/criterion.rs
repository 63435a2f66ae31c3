//! One part of a selector, between spaces and commas: steps, method and value.

use super::SelectorFault;
use super::method::Method;
use crate::diagnostics::suggest;
use crate::graph::Depth;

/// One part between spaces and commas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Criterion<'a> {
    pub(super) text: &'a str,
    /// Steps of ancestors, if any.
    pub(super) parents: Option<Depth>,
    /// Steps of descendants, if any.
    pub(super) children: Option<Depth>,
    /// `@`.
    pub(super) childrens_parents: bool,
    pub(super) method: Method,
    pub(super) value: &'a str,
}

impl<'a> Criterion<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, SelectorFault> {
        let (childrens_parents, rest) = match text.strip_prefix('@') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (parents, rest) = leading_depth(rest);
        let (children, rest) = trailing_depth(rest);
        let bad = |message: &str, help: Option<String>| SelectorFault {
            code: "invalid-selector",
            message: format!("`{text}` is not a selector: {message}"),
            help,
        };
        if rest.is_empty() {
            return Err(bad("no name is left", None));
        }
        if childrens_parents && children.is_some() {
            return Err(bad("`@` already takes all descendants, so no `+` may follow", None));
        }
        let (method, value) = match rest.split_once(':') {
            Some((name, value)) => {
                let Some(method) = Method::find(name) else {
                    let names = Method::names();
                    let help = suggest::did_you_mean(name, names.iter().copied())
                        .unwrap_or_else(|| format!("methods: {}", names.join(", ")));
                    return Err(bad(&format!("there is no method `{name}`"), Some(help)));
                };
                (method, value)
            }
            None if rest.contains('/') => (Method::Path, rest),
            None if has_file_ending(rest) => (Method::File, rest),
            None => (Method::Fqn, rest),
        };
        Ok(Self { text, parents, children, childrens_parents, method, value })
    }
}

fn has_file_ending(text: &str) -> bool {
    let ending = text.rsplit_once('.').map_or("", |(_, ending)| ending);
    ["sql", "csv", "yml", "yaml", "py"].iter().any(|it| ending.eq_ignore_ascii_case(it))
}

/// The digits beside a `+`.
fn depth(digits: &str) -> Depth {
    digits.parse().map_or(Depth::All, Depth::Steps)
}

/// `+` or `3+` before a name.
fn leading_depth(text: &str) -> (Option<Depth>, &str) {
    let digits = text.len() - text.trim_start_matches(|it: char| it.is_ascii_digit()).len();
    match text[digits..].strip_prefix('+') {
        Some(rest) => (Some(depth(&text[..digits])), rest),
        None => (None, text),
    }
}

/// `+` or `+3` after a name.
fn trailing_depth(text: &str) -> (Option<Depth>, &str) {
    let name = text.trim_end_matches(|it: char| it.is_ascii_digit());
    match name.strip_suffix('+') {
        Some(rest) => (Some(depth(&text[name.len()..])), rest),
        None => (None, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plus_and_numbers_are_read_off_both_ends() {
        let parts = |text| {
            Criterion::parse(text)
                .map(|it| (it.parents, it.children, it.childrens_parents, it.value))
                .unwrap()
        };
        assert_eq!(parts("orders"), (None, None, false, "orders"));
        assert_eq!(parts("+orders"), (Some(Depth::All), None, false, "orders"));
        assert_eq!(parts("2+orders+1"), (Some(Depth::Steps(2)), Some(Depth::Steps(1)), false, "orders"));
        assert_eq!(parts("orders_2024"), (None, None, false, "orders_2024"));
        assert_eq!(parts("@tag:daily"), (None, None, true, "daily"));
    }

    #[test]
    fn what_is_no_selector_says_why() {
        let message = |text| Criterion::parse(text).unwrap_err().message;
        assert_eq!(message("tgas:x"), "`tgas:x` is not a selector: there is no method `tgas`");
        assert_eq!(message("+"), "`+` is not a selector: no name is left");
        assert_eq!(
            message("@x+"),
            "`@x+` is not a selector: `@` already takes all descendants, so no `+` may follow"
        );
    }
}
