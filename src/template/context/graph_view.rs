//! `graph` before there is a warehouse to ask: it can be read, and what is to be kept in it waits for the run.

use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error, State, Value};

use crate::template::NEEDS_WAREHOUSE;
use crate::template::fault::fail;
use crate::template::values::dict::entries_of;

/// Methods that change it.
const CHANGES: [&str; 5] = ["clear", "pop", "popitem", "setdefault", "update"];

/// The project for templates that are rendered before the run. What a hook at the start of the run puts into `graph` would
/// not be there yet, so a template that writes to it has to wait.
#[derive(Debug)]
pub(super) struct GraphToRead(pub(super) Value);

impl Object for GraphToRead {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.get_item(key).ok().filter(|it| !it.is_undefined())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let entries = entries_of(&self.0).unwrap_or_default();
        Enumerator::Values(entries.into_iter().map(|it| it.0).collect())
    }

    fn call_method(
        self: &Arc<Self>,
        state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        if CHANGES.contains(&method) {
            return Err(fail(
                NEEDS_WAREHOUSE,
                format!("`graph.{method}()` keeps something for the run, which is not there yet"),
            ));
        }
        self.0.call_method(state, method, args)
    }
}
