//! Flags given through environment variables, under our name or dbt's.
//!
//! The variables come in as a map, so that tests need no real environment.

use std::collections::BTreeMap;
use std::str::FromStr;

/// Environment variables by name.
pub type Environment = BTreeMap<String, String>;

/// A variable's value does not fit its flag. The text says which variable, what it holds and what would fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadVariable(pub String);

/// The variable for a flag and its value: `TIDEMILL_X`, else `DBT_ENGINE_X`, else `DBT_X`; empty is unset.
pub fn lookup<'a>(environment: &'a Environment, flag: &str) -> Option<(String, &'a str)> {
    ["TIDEMILL", "DBT_ENGINE", "DBT"].into_iter().find_map(|prefix| {
        let name = format!("{prefix}_{flag}");
        let value = environment.get(&name).filter(|value| !value.is_empty())?;
        Some((name, value.as_str()))
    })
}

/// A flag's text.
pub fn text(environment: &Environment, flag: &str) -> Option<String> {
    lookup(environment, flag).map(|(_, value)| value.to_owned())
}

/// A flag that is on or off, in the spellings that dbt takes.
pub fn switch(environment: &Environment, flag: &str) -> Result<Option<bool>, BadVariable> {
    parsed(environment, flag, |value| match value.to_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => Ok(true),
        "0" | "false" | "f" | "no" | "n" | "off" => Ok(false),
        _ => Err("expected `true` or `false`".to_owned()),
    })
}

/// A flag with a number.
pub fn number<T: FromStr>(environment: &Environment, flag: &str) -> Result<Option<T>, BadVariable> {
    parsed(environment, flag, |value| value.parse().map_err(|_| "expected a whole number above 0".to_owned()))
}

/// A flag's value made by a function that says what is wrong with a text it cannot take.
pub fn parsed<T>(
    environment: &Environment,
    flag: &str,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Option<T>, BadVariable> {
    let Some((name, value)) = lookup(environment, flag) else { return Ok(None) };
    let bad = |why| BadVariable(format!("invalid value '{value}' of environment variable {name}: {why}"));
    parse(value).map(Some).map_err(bad)
}
