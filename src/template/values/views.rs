//! What Python prints by its kind: ranges, and the keys, values and items of a dictionary.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Tuple};
use minijinja::{Error, ErrorKind, Value};

use super::dict::Dict;
use super::print;

/// What a view shows of a dictionary.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shown {
    /// `d.keys()`.
    Keys,
    /// `d.values()`.
    Values,
    /// `d.items()`.
    Items,
}

/// `d.keys()` and its like: shows the dictionary as it is at the moment.
#[derive(Debug)]
pub(crate) struct View {
    dict: Arc<Dict>,
    shown: Shown,
}

impl View {
    /// A view as a template value.
    pub(crate) fn value(dict: &Arc<Dict>, shown: Shown) -> Value {
        Value::from_object(Self { dict: Arc::clone(dict), shown })
    }

    fn items(&self) -> impl Iterator<Item = Value> + Send + Sync + use<> {
        let shown = self.shown;
        self.dict.snapshot().into_iter().map(move |(key, value)| match shown {
            Shown::Keys => key,
            Shown::Values => value,
            Shown::Items => Value::from(Tuple::from([key, value])),
        })
    }
}

impl Object for View {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Iter(Box::new(self.items()))
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        self.dict.enumerator_len()
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.shown {
            Shown::Keys => "dict_keys",
            Shown::Values => "dict_values",
            Shown::Items => "dict_items",
        };
        write!(f, "{name}({})", print::sequence("[", &self.items().collect::<Vec<_>>(), "]"))
    }
}

/// dbt's Jinja refuses longer ranges.
const MAX_RANGE: usize = 100_000;

/// Python's `range`.
#[derive(Debug)]
pub(crate) struct Range {
    start: i64,
    step: i64,
    length: usize,
}

impl Range {
    /// `range(stop)`, `range(start, stop)` or `range(start, stop, step)`.
    pub(crate) fn call(args: Vec<Value>) -> Result<Value, Error> {
        let mut numbers = Vec::with_capacity(3);
        for value in args {
            let number = value.as_i64().filter(|_| value.is_integer()).ok_or_else(|| {
                fault(format!("`range()` needs whole numbers, not {}", print::kind_of(&value)))
            })?;
            numbers.push(number);
        }
        let (start, stop, step) = match numbers.as_slice() {
            [stop] => (0, *stop, 1),
            [start, stop] => (*start, *stop, 1),
            [start, stop, step] => (*start, *stop, *step),
            other => {
                return Err(fault(format!("`range()` takes one to three numbers, but got {}", other.len())));
            }
        };
        if step == 0 {
            return Err(fault("the step of `range()` cannot be zero"));
        }
        let (distance, stride) = (i128::from(stop) - i128::from(start), i128::from(step));
        let length = usize::try_from((distance + stride - stride.signum()) / stride).unwrap_or(0);
        if length > MAX_RANGE {
            return Err(fault(format!("`range()` makes {MAX_RANGE} numbers at most, not {length}")));
        }
        Ok(Value::from_object(Self { start, step, length }))
    }
}

fn fault(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

impl Object for Range {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let index = key.as_usize().filter(|it| *it < self.length)?;
        Some(Value::from(self.start + self.step * i64::try_from(index).ok()?))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.length)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { start, step, .. } = **self;
        // The stop that was written is not kept; one that gives the same numbers is.
        let stop = start + step * i64::try_from(self.length).unwrap_or(0);
        if step == 1 {
            write!(f, "range({start}, {stop})")
        } else {
            write!(f, "range({start}, {stop}, {step})")
        }
    }
}
