//! A row or a column: values with names beside them.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Tuple};
use minijinja::{Error, ErrorKind, State, Value};

use crate::template::values::arguments::Arguments;
use crate::template::values::dict::Dict;
use crate::template::values::print;

/// What a sequence of values stands for.
#[derive(Clone, Debug)]
pub(in crate::template) enum Role {
    /// A row of a table.
    Row,
    /// A column of a table.
    Column {
        /// Its name.
        name: String,
        /// Its type as dbt prints it.
        data_type: Value,
        /// Its place in the table.
        index: usize,
    },
    /// The rows or the columns of a table.
    Members,
}

/// agate's `MappedSequence`: iterates over values, and gives them by place or by name.
#[derive(Clone, Debug)]
pub(in crate::template) struct Mapped {
    values: Vec<Value>,
    keys: Option<Arc<Vec<String>>>,
    role: Role,
}

impl Mapped {
    /// The sequence as a template value.
    pub(in crate::template) fn value(
        values: Vec<Value>,
        keys: Option<Arc<Vec<String>>>,
        role: Role,
    ) -> Value {
        Value::from_object(Self { values, keys, role })
    }

    /// The values with their names; none without names.
    pub(in crate::template) fn pairs(&self) -> Vec<(Value, Value)> {
        self.items("dict").unwrap_or_default()
    }

    fn named(&self, key: &str) -> Option<Value> {
        let index = self.keys.as_ref()?.iter().position(|it| it == key)?;
        self.values.get(index).cloned()
    }

    fn attribute(&self, key: &str) -> Option<Value> {
        match (&self.role, key) {
            (Role::Column { name, .. }, "name") => Some(Value::from(name.as_str())),
            (Role::Column { data_type, .. }, "data_type") => Some(data_type.clone()),
            (Role::Column { index, .. }, "index") => Some(Value::from(*index)),
            _ => None,
        }
    }

    fn keys_value(&self) -> Value {
        match &self.keys {
            Some(keys) => tuple(keys.iter().map(|it| Value::from(it.as_str()))),
            None => Value::from(()),
        }
    }

    fn items(&self, method: &str) -> Result<Vec<(Value, Value)>, Error> {
        let Some(keys) = &self.keys else {
            let message = format!("`{method}()` needs names, which these values do not have");
            return Err(Error::new(ErrorKind::InvalidOperation, message));
        };
        Ok(keys.iter().map(|it| Value::from(it.as_str())).zip(self.values.iter().cloned()).collect())
    }

    fn without_nulls(&self) -> impl Iterator<Item = Value> {
        self.values.iter().filter(|it| !it.is_none()).cloned()
    }

    /// Sorted, with nulls at the end.
    fn sorted(&self) -> Vec<Value> {
        let mut sorted = self.values.clone();
        sorted.sort_by(|a, b| a.is_none().cmp(&b.is_none()).then_with(|| a.cmp(b)));
        sorted
    }

    fn column_method(&self, method: &str) -> Option<Value> {
        if !matches!(self.role, Role::Column { .. }) {
            return None;
        }
        Some(match method {
            "values_distinct" => {
                let mut distinct: Vec<Value> = Vec::new();
                for value in &self.values {
                    if !distinct.contains(value) {
                        distinct.push(value.clone());
                    }
                }
                tuple(distinct)
            }
            "values_without_nulls" => tuple(self.without_nulls()),
            "values_sorted" => tuple(self.sorted()),
            "values_without_nulls_sorted" => tuple(self.sorted().into_iter().filter(|it| !it.is_none())),
            _ => return None,
        })
    }
}

/// Values as a Python tuple.
pub(in crate::template) fn tuple(values: impl IntoIterator<Item = Value>) -> Value {
    Value::from(Tuple::from(values.into_iter().collect::<Vec<_>>()))
}

impl Object for Mapped {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        if let Some(index) = key.as_usize() {
            return self.values.get(index).cloned();
        }
        let key = key.as_str()?;
        self.attribute(key).or_else(|| self.named(key))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.values.len())
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        if let Some(value) = self.column_method(method) {
            return Ok(value);
        }
        match method {
            "values" => Ok(tuple(self.values.iter().cloned())),
            "keys" => Ok(self.keys_value()),
            "items" => {
                let pairs = self.items("items")?.into_iter();
                Ok(tuple(pairs.map(|(key, value)| Value::from(Tuple::from([key, value])))))
            }
            "dict" => Ok(Dict::value(self.items("dict")?)),
            "get" => {
                let mut args = Arguments::new("get", args);
                let key = args.required("key")?;
                let default = args.optional("default").unwrap_or_else(|| Value::from(()));
                args.finish()?;
                Ok(key.as_str().and_then(|it| self.named(it)).unwrap_or(default))
            }
            "index" | "count" => {
                let wanted = Arguments::new("index", args).required("value")?;
                let mut found = (0..self.values.len()).filter(|it| self.values[*it] == wanted);
                if method == "count" {
                    return Ok(Value::from(found.count()));
                }
                found.next().map(Value::from).ok_or_else(|| {
                    let message = format!("{} is not among the values", print::repr(&wanted));
                    Error::new(ErrorKind::InvalidOperation, message)
                })
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.role {
            Role::Row => "Row",
            Role::Column { .. } => "Column",
            Role::Members => "MappedSequence",
        };
        let shown: Vec<String> = self.values.iter().take(5).map(print::repr).collect();
        let more = if self.values.len() > 5 { ", ..." } else { "" };
        write!(f, "<agate.{name}: ({}{more})>", shown.join(", "))
    }
}
