//! A list that can be changed.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use super::arguments::Arguments;
use super::convert::own;
use super::print;

/// Python's `list`.
#[derive(Debug, Default)]
pub(crate) struct List {
    items: Mutex<Vec<Value>>,
}

impl List {
    /// A list of these values as a template value.
    pub(crate) fn value(items: Vec<Value>) -> Value {
        Value::from_object(Self { items: Mutex::new(items) })
    }

    /// The items now.
    pub(crate) fn snapshot(&self) -> Vec<Value> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Value>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn position(&self, wanted: &Value) -> Option<usize> {
        self.snapshot().iter().position(|it| it == wanted)
    }
}

/// Lists in lists in lists are taken apart one after the other, not one inside of the other.
impl Drop for List {
    fn drop(&mut self) {
        let mut items = std::mem::take(self.items.get_mut().unwrap_or_else(PoisonError::into_inner));
        while let Some(item) = items.pop() {
            let Some(list) = item.downcast_object::<Self>() else { continue };
            drop(item);
            if let Some(mut list) = Arc::into_inner(list) {
                items.append(list.items.get_mut().unwrap_or_else(PoisonError::into_inner));
            }
        }
    }
}

impl Object for List {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.lock().get(key.as_usize()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.lock().len())
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
            "append" => self.append(args),
            "extend" => self.extend(args),
            "insert" => self.insert(args),
            "remove" => self.remove(args),
            "sort" => self.sort(args),
            "clear" => {
                self.lock().clear();
                Ok(Value::from(()))
            }
            "reverse" => {
                self.lock().reverse();
                Ok(Value::from(()))
            }
            "pop" => self.pop(args),
            "index" => self.index(args),
            "count" => {
                let wanted = Arguments::new("count", args).required("value")?;
                Ok(Value::from(self.snapshot().iter().filter(|it| **it == wanted).count()))
            }
            "copy" => Ok(Self::value(self.snapshot())),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print::sequence("[", &self.snapshot(), "]"))
    }
}

impl List {
    fn append(self: &Arc<Self>, args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("append", args);
        let item = own(args.required("object")?);
        args.finish()?;
        self.refuse_itself(&item)?;
        self.lock().push(item);
        Ok(Value::from(()))
    }

    fn extend(self: &Arc<Self>, args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("extend", args);
        let items: Vec<Value> = args.required("iterable")?.try_iter()?.map(own).collect();
        args.finish()?;
        self.lock().extend(items);
        Ok(Value::from(()))
    }

    fn insert(self: &Arc<Self>, args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("insert", args);
        let index = args.required("index")?.as_i64().unwrap_or(0);
        let item = own(args.required("object")?);
        args.finish()?;
        self.refuse_itself(&item)?;
        let mut items = self.lock();
        let at = place(index, items.len()).min(items.len());
        items.insert(at, item);
        Ok(Value::from(()))
    }

    fn remove(self: &Arc<Self>, args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("remove", args);
        let wanted = args.required("value")?;
        args.finish()?;
        let at = self.position(&wanted).ok_or_else(|| not_in_list(&wanted))?;
        self.lock().remove(at);
        Ok(Value::from(()))
    }

    fn index(self: &Arc<Self>, args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("index", args);
        let wanted = args.required("value")?;
        let items = self.snapshot();
        let mut bound = |name, otherwise| {
            let index = args.optional(name).and_then(|it| it.as_i64());
            index.map_or(otherwise, |it| place(it, items.len()))
        };
        let (start, stop) = (bound("start", 0), bound("stop", items.len()));
        args.finish()?;
        let found = items.iter().enumerate().skip(start).take(stop.saturating_sub(start));
        let mut found = found.filter(|it| *it.1 == wanted);
        found.next().map(|it| Value::from(it.0)).ok_or_else(|| not_in_list(&wanted))
    }

    fn sort(self: &Arc<Self>, args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("sort", args);
        let is_reverse = args.named("reverse").is_some_and(|it| it.is_true());
        args.finish()?;
        let mut items = self.snapshot();
        if is_reverse {
            items.sort_by(|a, b| b.cmp(a));
        } else {
            items.sort();
        }
        *self.lock() = items;
        Ok(Value::from(()))
    }

    fn pop(self: &Arc<Self>, args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("pop", args);
        let index = args.optional("index").and_then(|it| it.as_i64()).unwrap_or(-1);
        args.finish()?;
        let mut items = self.lock();
        let at = place(index, items.len());
        if at < items.len() {
            Ok(items.remove(at))
        } else {
            let message = if items.is_empty() { "pop from an empty list" } else { "pop index out of range" };
            Err(Error::new(ErrorKind::InvalidOperation, message))
        }
    }

    /// A list inside itself could not be printed or compared.
    fn refuse_itself(self: &Arc<Self>, item: &Value) -> Result<(), Error> {
        match item.downcast_object::<Self>() {
            Some(other) if Arc::ptr_eq(self, &other) => {
                Err(Error::new(ErrorKind::InvalidOperation, "a list cannot be an item of itself"))
            }
            _ => Ok(()),
        }
    }
}

/// Python's index: negative counts from the end.
fn place(index: i64, len: usize) -> usize {
    usize::try_from(index).unwrap_or_else(|_| {
        let back = usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX);
        len.saturating_sub(back)
    })
}

/// Python's `index()` and `remove()` refuse what is not there.
pub(super) fn not_in_list(value: &Value) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("{} is not in the list", print::repr(value)))
}
