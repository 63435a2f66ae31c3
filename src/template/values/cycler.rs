//! `cycler('odd', 'even')`: gives its items in turn.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use minijinja::value::{Object, ObjectRepr, Rest};
use minijinja::{Error, ErrorKind, State, Value};

/// Jinja's `cycler`.
#[derive(Debug)]
pub(super) struct Cycler {
    items: Vec<Value>,
    next: AtomicUsize,
}

impl Cycler {
    /// The function `cycler`.
    pub(super) fn call(items: Rest<Value>) -> Result<Value, Error> {
        if items.is_empty() {
            return Err(Error::new(ErrorKind::MissingArgument, "`cycler()` needs at least one item"));
        }
        Ok(Value::from_object(Self { items: items.0, next: AtomicUsize::new(0) }))
    }

    fn at(&self, turn: usize) -> Value {
        self.items[turn % self.items.len()].clone()
    }
}

impl Object for Cycler {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        (key.as_str() == Some("current")).then(|| self.at(self.next.load(Ordering::Relaxed)))
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        _args: &[Value],
    ) -> Result<Value, Error> {
        match method {
            "next" => Ok(self.at(self.next.fetch_add(1, Ordering::Relaxed))),
            "reset" => {
                self.next.store(0, Ordering::Relaxed);
                Ok(Value::from(()))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<cycler>")
    }
}
