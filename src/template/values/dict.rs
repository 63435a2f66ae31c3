//! A dictionary that can be changed.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;
use minijinja::value::{Enumerator, Object, Tuple};
use minijinja::{Error, ErrorKind, State, Value};

use super::arguments::Arguments;
use super::list::List;
use super::print;

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
            "keys" => Ok(List::value(self.snapshot().into_iter().map(|it| it.0).collect())),
            "values" => Ok(List::value(self.snapshot().into_iter().map(|it| it.1).collect())),
            "items" => {
                let pairs = self.snapshot().into_iter().map(|(key, value)| Tuple::from([key, value]));
                Ok(List::value(pairs.map(Value::from).collect()))
            }
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
        args.finish()?;
        self.refuse_itself(entries.iter().map(|it| &it.1))?;
        self.lock().extend(entries);
        Ok(Value::from(()))
    }

    fn setdefault(self: &Arc<Self>, args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("setdefault", args);
        let key = args.required("key")?;
        let default = args.optional("default").unwrap_or_else(|| Value::from(()));
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
