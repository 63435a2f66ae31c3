//! A set that can be changed.

use std::cmp::Ordering;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::IndexSet;
use minijinja::value::{DynObject, Enumerator, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use super::arguments::Arguments;
use super::print;

/// Python's `set`, but in order of insertion, so that output is the same each time.
#[derive(Debug, Default)]
pub(crate) struct Set {
    items: Mutex<IndexSet<Value>>,
}

impl Set {
    /// A set of these values as a template value.
    pub(crate) fn value(items: impl IntoIterator<Item = Value>) -> Value {
        Value::from_object(Self { items: Mutex::new(items.into_iter().collect()) })
    }

    fn lock(&self) -> MutexGuard<'_, IndexSet<Value>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn snapshot(&self) -> Vec<Value> {
        self.lock().iter().cloned().collect()
    }
}

impl Object for Set {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Iter(Box::new(self.snapshot().into_iter()))
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
        let done = Ok(Value::from(()));
        match method {
            "add" => {
                let item = Arguments::new("add", args).required("element")?;
                self.lock().insert(item);
                done
            }
            "discard" | "remove" => {
                let item = Arguments::new("remove", args).required("element")?;
                if !self.lock().shift_remove(&item) && method == "remove" {
                    let message = format!("{} is not in the set", print::repr(&item));
                    return Err(Error::new(ErrorKind::InvalidOperation, message));
                }
                done
            }
            "update"
            | "union"
            | "intersection"
            | "difference"
            | "symmetric_difference"
            | "issubset"
            | "issuperset"
            | "isdisjoint" => {
                let other: IndexSet<Value> =
                    Arguments::new("set", args).required("other")?.try_iter()?.collect();
                Ok(self.combine(method, other))
            }
            "clear" => {
                self.lock().clear();
                done
            }
            "copy" => Ok(Self::value(self.snapshot())),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    /// Sets with the same items are equal, in whatever order they came.
    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        let other = other.downcast_ref::<Self>()?;
        let sorted = |set: &Self| {
            let mut items = set.snapshot();
            items.sort();
            items
        };
        Some(sorted(self).cmp(&sorted(other)))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items = self.snapshot();
        if items.is_empty() {
            return f.write_str("set()");
        }
        f.write_str(&print::sequence("{", &items, "}"))
    }
}

impl Set {
    /// The items that are not among others.
    pub(crate) fn without(&self, others: impl Iterator<Item = Value>) -> Value {
        self.combine("difference", others.collect())
    }

    fn combine(&self, method: &str, other: IndexSet<Value>) -> Value {
        let mut own = self.lock();
        let cloned = |it: &Value| it.clone();
        match method {
            "update" => {
                own.extend(other);
                Value::from(())
            }
            "union" => Self::value(own.union(&other).map(cloned)),
            "intersection" => Self::value(own.intersection(&other).map(cloned)),
            "difference" => Self::value(own.difference(&other).map(cloned)),
            "issubset" => Value::from(own.is_subset(&other)),
            "issuperset" => Value::from(own.is_superset(&other)),
            "isdisjoint" => Value::from(own.is_disjoint(&other)),
            _ => Self::value(own.symmetric_difference(&other).map(cloned)),
        }
    }
}
