//! Secrets are hidden here: in errors of the engine, reports, artifacts and the run history.
//!
//! Every way out has one place that calls a [`Scrubber`], so that nobody has to think of it elsewhere.

use std::collections::{BTreeMap, BTreeSet};

/// What stands for a secret.
const HIDDEN: &str = "***";

/// Shorter values are no secrets: they are found in ordinary words (`true`, `main`).
const MIN_LENGTH: usize = 6;

/// Values of environment variables that must not be shown: those with `_SECRET` in their names.
pub fn secrets_of(environment: &BTreeMap<String, String>) -> Vec<String> {
    let is_secret = |name: &str, value: &str| name.contains("_SECRET") && value.len() >= MIN_LENGTH;
    let found = environment.iter().filter(|(name, value)| is_secret(name, value));
    found.map(|(_, value)| value.clone()).collect()
}

/// Replaces texts that must not be shown.
#[derive(Clone, Debug, Default)]
pub struct Scrubber {
    /// Longest first, so that a secret that contains another one goes away whole.
    secrets: Vec<String>,
}

impl Scrubber {
    /// Hides these texts, be they written plainly, in an SQL literal or in JSON; empty ones are none.
    pub fn new(secrets: &[String]) -> Self {
        let mut forms = BTreeSet::new();
        for secret in secrets.iter().filter(|it| !it.is_empty()) {
            for plain in [secret.clone(), secret.replace('\'', "''")] {
                let quoted = serde_json::Value::from(plain.as_str()).to_string();
                forms.insert(quoted[1..quoted.len() - 1].to_owned());
                forms.insert(plain);
            }
        }
        let mut secrets: Vec<String> = forms.into_iter().collect();
        secrets.sort_by_key(|it| std::cmp::Reverse(it.len()));
        Self { secrets }
    }

    /// Whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// The text without known secrets.
    pub fn hide(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), HIDDEN);
            }
        }
        text
    }

    /// As [`Scrubber::hide`], and without passwords in connection texts.
    pub fn scrub(&self, text: &str) -> String {
        without_passwords(&self.hide(text))
    }
}

/// Hides what follows `password=` and what stands between `://user:` and `@`.
fn without_passwords(text: &str) -> String {
    const KEY: &str = "password=";
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let key = rest.to_ascii_lowercase().find(KEY).map(|at| at + KEY.len());
        let url = rest.find("://").map(|at| at + 3);
        let (start, is_key) = match (key, url) {
            (Some(key), Some(url)) if url < key => (url, false),
            (Some(key), _) => (key, true),
            (None, Some(url)) => (url, false),
            (None, None) => break,
        };
        let (before, after) = rest.split_at(start);
        out.push_str(before);
        let quote = after.chars().next().filter(|it| is_key && matches!(it, '\'' | '"'));
        let end = match quote {
            Some(quote) => after[1..].find(quote).map(|at| at + 2),
            None => after.find([' ', '\n', '\'', '"', ';', '&', '/', ',', ')']),
        };
        let end = end.unwrap_or(after.len());
        if is_key {
            out.push_str(HIDDEN);
            rest = &after[end..];
            continue;
        }
        match (after[..end].find(':'), after[..end].rfind('@')) {
            (Some(colon), Some(at)) if colon < at => {
                out.push_str(&after[..=colon]);
                out.push_str(HIDDEN);
                rest = &after[at..];
            }
            _ => rest = after,
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::{Scrubber, secrets_of};

    #[test]
    fn a_longer_secret_goes_before_one_that_it_contains() {
        let scrubber = Scrubber::new(&["key".to_owned(), "key-2".to_owned(), String::new()]);
        assert_eq!(scrubber.scrub("key-2, key"), "***, ***");
    }

    #[test]
    fn passwords_in_connection_texts_are_hidden() {
        let check = |text: &str, expected: &str| assert_eq!(Scrubber::default().scrub(text), expected);
        check("host=h Password=a1 user=u", "host=h Password=*** user=u");
        check("at 'postgres://u:p@h/db' and http://h:80/x", "at 'postgres://u:***@h/db' and http://h:80/x");
        check("(password='a b', c)", "(password=***, c)");
        check("See https://duckdb.org", "See https://duckdb.org");
    }

    #[test]
    fn a_secret_in_a_json_text_is_hidden_too() {
        let scrubber = Scrubber::new(&["a\"b\\c\nd".to_owned()]);
        assert_eq!(scrubber.hide(r#"{"x":"a\"b\\c\nd"}"#), r#"{"x":"***"}"#);
    }

    #[test]
    fn short_values_are_no_secrets() {
        let environment = [("USE_SECRETS", "true"), ("DBT_ENV_SECRET_X", "canary-1"), ("OTHER", "canary-2")];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(secrets_of(&environment), ["canary-1"]);
    }
}
