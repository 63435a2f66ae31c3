//! Arguments of a call, by position and by name.

use minijinja::value::{Kwargs, Rest};
use minijinja::{Error, ErrorKind, Value};

/// The arguments that were not taken yet.
#[derive(Debug)]
pub(crate) struct Arguments {
    function: &'static str,
    positional: std::vec::IntoIter<Value>,
    named: Vec<(String, Value)>,
}

/// Splits what minijinja passes into positional values and named ones.
pub(crate) fn split(args: &[Value]) -> (Vec<Value>, Vec<(String, Value)>) {
    match args.split_last() {
        Some((last, rest)) if last.is_kwargs() => {
            let named = last.try_iter().into_iter().flatten().map(|key| {
                let value = last.get_item(&key).unwrap_or_default();
                (key.to_string(), value)
            });
            (rest.to_vec(), named.collect())
        }
        _ => (args.to_vec(), Vec::new()),
    }
}

impl Arguments {
    /// The arguments of a call of `function`.
    pub(crate) fn new(function: &'static str, args: &[Value]) -> Self {
        let (positional, named) = split(args);
        Self { function, positional: positional.into_iter(), named }
    }

    /// The same, of a filter or function that minijinja calls.
    pub(crate) fn of(function: &'static str, positional: Rest<Value>, named: &Kwargs) -> Self {
        let named = named.args().map(|name| (name.to_owned(), named.get(name).unwrap_or_default()));
        Self { function, positional: positional.0.into_iter(), named: named.collect() }
    }

    /// The next argument, if it was given by position or by this name.
    pub(crate) fn optional(&mut self, name: &str) -> Option<Value> {
        self.positional.next().or_else(|| self.named(name))
    }

    /// An argument that is only taken by name.
    pub(crate) fn named(&mut self, name: &str) -> Option<Value> {
        let index = self.named.iter().position(|it| it.0 == name)?;
        Some(self.named.remove(index).1)
    }

    /// The next argument, which must be there.
    pub(crate) fn required(&mut self, name: &str) -> Result<Value, Error> {
        self.optional(name).ok_or_else(|| {
            Error::new(ErrorKind::MissingArgument, format!("`{}()` needs `{name}`", self.function))
        })
    }

    /// The next argument, which must be a text.
    pub(crate) fn text(&mut self, name: &str) -> Result<String, Error> {
        let value = self.required(name)?;
        value.as_str().map(str::to_owned).ok_or_else(|| {
            let message = format!(
                "`{}()` needs a text for `{name}`, not {}",
                self.function,
                super::print::kind_of(&value)
            );
            Error::new(ErrorKind::InvalidOperation, message)
        })
    }

    /// All positional arguments that are left.
    pub(crate) fn rest(&mut self) -> Vec<Value> {
        self.positional.by_ref().collect()
    }

    /// All named arguments that are left.
    pub(crate) fn rest_named(&mut self) -> Vec<(String, Value)> {
        std::mem::take(&mut self.named)
    }

    /// Refuses what was not taken.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        if self.positional.next().is_some() {
            let message = format!("`{}()` got too many arguments", self.function);
            return Err(Error::new(ErrorKind::TooManyArguments, message));
        }
        match self.named.first() {
            Some((name, _)) => {
                let message = format!("`{}()` has no argument `{name}`", self.function);
                Err(Error::new(ErrorKind::TooManyArguments, message))
            }
            None => Ok(()),
        }
    }
}
