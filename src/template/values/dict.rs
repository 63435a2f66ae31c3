//! A dictionary that can be changed.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;
use minijinja::value::{Enumerator, Object, ObjectRepr, Tuple};
use minijinja::{Error, ErrorKind, State, Value};

use super::arguments::Arguments;
use super::convert::own;
use super::print;
use super::views::{Shown, View};

/// Python's `dict`: keeps the order of insertion.
#[derive(Debug, Default)]
pub(crate) struct Dict {
    entries: Mutex<IndexMap<Value, Value>>,
}

impl Dict {
    /// A dictionary of these entries as a template value.
    pub(crate) fn value(entries: impl IntoIterator<Item = (Value, Value)>) -> Value {
        Value::from_object(Self { entries: Mutex::new(entries.into_iter().collect()) })
    }

    /// The entries now.
    pub(crate) fn snapshot(&self) -> Vec<(Value, Value)> {
        self.lock().iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, IndexMap<Value, Value>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Object for Dict {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.lock().get(key).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::KeyValueIter(Box::new(self.snapshot().into_iter()))
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.lock().len())
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match method {
            "get" => self.get(args),
            "keys" => Ok(View::value(self, Shown::Keys)),
            "values" => Ok(View::value(self, Shown::Values)),
            "items" => Ok(View::value(self, Shown::Items)),
            "fromkeys" => from_keys(args),
            "update" => self.update(args),
            "setdefault" => self.setdefault(args),
            "pop" => self.pop(args),
            "popitem" => {
                let last = self.lock().pop();
                last.map(|(key, value)| Value::from(Tuple::from([key, value])))
                    .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "the dictionary is empty"))
            }
            "clear" => {
                self.lock().clear();
                Ok(Value::from(()))
            }
            // Results and nodes are no dictionaries in dbt, where this makes one of them.
            "copy" | "to_dict" => Ok(Self::value(self.snapshot())),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print::mapping(&self.snapshot()))
    }
}

impl Dict {
    fn get(self: &Arc<Self>, args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("get", args);
        let key = args.required("key")?;
        let default = args.optional("default");
        args.finish()?;
        Ok(self.get_value(&key).or(default).unwrap_or_else(|| Value::from(())))
    }

    fn update(self: &Arc<Self>, args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("update", args);
        let mut entries = match args.optional("other") {
            Some(other) => entries_of(&other)?,
            None => Vec::new(),
        };
        entries.extend(args.rest_named().into_iter().map(|(key, value)| (Value::from(key), value)));
        let entries: Vec<_> = entries.into_iter().map(|(key, value)| (key, own(value))).collect();
        args.finish()?;
        self.refuse_itself(entries.iter().map(|it| &it.1))?;
        self.lock().extend(entries);
        Ok(Value::from(()))
    }

    fn setdefault(self: &Arc<Self>, args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("setdefault", args);
        let key = args.required("key")?;
        let default = args.optional("default").map_or_else(|| Value::from(()), own);
        args.finish()?;
        self.refuse_itself([&default])?;
        Ok(self.lock().entry(key).or_insert(default).clone())
    }

    fn pop(self: &Arc<Self>, args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("pop", args);
        let key = args.required("key")?;
        let default = args.optional("default");
        args.finish()?;
        let removed = self.lock().shift_remove(&key);
        removed.or(default).ok_or_else(|| {
            let message = format!("the dictionary has no key {}", print::repr(&key));
            Error::new(ErrorKind::InvalidOperation, message)
        })
    }

    /// A dictionary inside itself could not be printed or compared.
    fn refuse_itself<'a>(self: &Arc<Self>, values: impl IntoIterator<Item = &'a Value>) -> Result<(), Error> {
        let is_self =
            |value: &Value| value.downcast_object::<Self>().is_some_and(|other| Arc::ptr_eq(self, &other));
        if values.into_iter().any(is_self) {
            return Err(Error::new(ErrorKind::InvalidOperation, "a dictionary cannot be an item of itself"));
        }
        Ok(())
    }
}

/// `dict`: makes dictionaries of a mapping or pairs, and of names.
#[derive(Debug)]
pub(super) struct DictFunction;

impl DictFunction {
    /// The function as a value.
    pub(super) fn value() -> Value {
        Value::from_object(Self)
    }
}

impl Object for DictFunction {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("dict", args);
        let first = args.rest();
        let named = args.rest_named();
        Ok(Dict::value(merged(&first, named)?))
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        if method == "fromkeys" { from_keys(args) } else { Err(Error::from(ErrorKind::UnknownMethod)) }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<class 'dict'>")
    }
}

/// The entries of a mapping or pairs, and of names, as `dict()` and `namespace()` take them.
pub(super) fn merged(first: &[Value], named: Vec<(String, Value)>) -> Result<Vec<(Value, Value)>, Error> {
    let mut entries = match first {
        [] => Vec::new(),
        [first] => entries_of(first)?,
        _ => {
            let message = "takes one mapping, or pairs, and names";
            return Err(Error::new(ErrorKind::TooManyArguments, message));
        }
    };
    entries.extend(named.into_iter().map(|(key, value)| (Value::from(key), value)));
    Ok(entries.into_iter().map(|(key, value)| (key, own(value))).collect())
}

/// `dict.fromkeys(keys, value)`.
fn from_keys(args: &[Value]) -> Result<Value, Error> {
    let mut args = Arguments::new("fromkeys", args);
    let keys = args.required("iterable")?;
    let value = args.optional("value").unwrap_or_else(|| Value::from(()));
    args.finish()?;
    Ok(Dict::value(keys.try_iter()?.map(|key| (key, value.clone()))))
}

/// The entries of a mapping, or of a sequence of pairs.
pub(crate) fn entries_of(value: &Value) -> Result<Vec<(Value, Value)>, Error> {
    let is_map = value.kind() == minijinja::value::ValueKind::Map;
    let mut entries = Vec::new();
    for item in value.try_iter()? {
        if is_map {
            let inner = value.get_item(&item)?;
            entries.push((item, inner));
        } else {
            let pair: Vec<Value> = item.try_iter()?.collect();
            let [key, inner] = <[Value; 2]>::try_from(pair).map_err(|_| {
                Error::new(ErrorKind::InvalidOperation, "a dictionary is made of a mapping or of pairs")
            })?;
            entries.push((key, inner));
        }
    }
    Ok(entries)
}
