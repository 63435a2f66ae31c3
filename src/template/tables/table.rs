//! The table itself, and its methods.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, ValueKind};
use minijinja::{Error, State, Value};

use super::mapped::{Mapped, Role, tuple};
use super::print;
use crate::diagnostics::suggest;
use crate::template::fault::{bad_call, fail_with_help};
use crate::template::session::Session;
use crate::template::values::arguments::Arguments;
use crate::template::values::convert::to_json;
use crate::template::values::dict::entries_of;
use crate::template::values::json::dumps;
use crate::template::values::print::repr;

/// The type of a column, as dbt's tables have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::template) enum Kind {
    /// Whole numbers.
    Integer,
    /// Other numbers.
    Number,
    /// Truth values.
    Boolean,
    /// Days.
    Date,
    /// Points in time.
    DateTime,
    /// Everything else.
    Text,
}

impl Kind {
    /// The name of the class in Python.
    pub(in crate::template) fn name(self) -> &'static str {
        match self {
            Kind::Integer => "Integer",
            Kind::Number => "Number",
            Kind::Boolean => "Boolean",
            Kind::Date => "Date",
            Kind::DateTime => "DateTime",
            Kind::Text => "Text",
        }
    }
}

/// agate's `Table`. It never changes: methods give new tables.
#[derive(Clone, Debug)]
pub(in crate::template) struct Table {
    names: Arc<Vec<String>>,
    kinds: Vec<Kind>,
    rows: Vec<Arc<Vec<Value>>>,
    /// Where `print_table()` writes, once a template has it.
    session: Option<Arc<Session>>,
}

const METHODS: &[&str] = &[
    "distinct",
    "exclude",
    "find",
    "limit",
    "order_by",
    "print_csv",
    "print_json",
    "print_table",
    "rename",
    "select",
    "where",
];

impl Table {
    /// A table of these columns and rows.
    pub(in crate::template) fn new(names: Vec<String>, kinds: Vec<Kind>, rows: Vec<Arc<Vec<Value>>>) -> Self {
        Self { names: Arc::new(names), kinds, rows, session: None }
    }

    /// A table without columns and rows.
    pub(in crate::template) fn empty() -> Self {
        Self::new(Vec::new(), Vec::new(), Vec::new())
    }

    /// The table as a template value.
    pub(in crate::template) fn into_value(mut self, session: &Arc<Session>) -> Value {
        self.session = Some(Arc::clone(session));
        Value::from_object(self)
    }

    /// Column names.
    pub(in crate::template) fn names(&self) -> &[String] {
        &self.names
    }

    /// Column types.
    pub(in crate::template) fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// The values of each row.
    pub(in crate::template) fn rows(&self) -> impl Iterator<Item = &[Value]> {
        self.rows.iter().map(|it| it.as_slice())
    }

    /// Keeps the first rows.
    pub(in crate::template) fn truncate(&mut self, length: usize) {
        self.rows.truncate(length);
    }

    fn row(&self, index: usize) -> Option<Value> {
        let values = self.rows.get(index)?.to_vec();
        Some(Mapped::value(values, Some(Arc::clone(&self.names)), Role::Row))
    }

    fn columns(&self) -> Value {
        let column = |(index, name): (usize, &String)| {
            let values = self.rows.iter().map(|it| it[index].clone()).collect();
            let role = Role::Column { name: name.clone(), data_type: data_type(self.kinds[index]), index };
            Mapped::value(values, None, role)
        };
        let columns = self.names.iter().enumerate().map(column).collect();
        Mapped::value(columns, Some(Arc::clone(&self.names)), Role::Members)
    }

    fn with_rows(&self, rows: Vec<Arc<Vec<Value>>>) -> Value {
        Value::from_object(Self { rows, ..self.clone() })
    }

    fn index_of(&self, method: &str, name: &Value) -> Result<usize, Error> {
        if let Some(index) = name.as_usize().filter(|it| *it < self.names.len()) {
            return Ok(index);
        }
        let text = name.as_str().unwrap_or_default();
        self.names.iter().position(|it| it == text).ok_or_else(|| {
            let message = format!("`{method}()`: the table has no column {}", repr(name));
            let help = suggest::did_you_mean(text, self.names.iter().map(String::as_str));
            fail_with_help("template-call", message, help)
        })
    }

    /// Places of the columns that are named by one name or a list of them.
    fn indexes(&self, method: &str, key: &Value) -> Result<Vec<usize>, Error> {
        match key.kind() {
            ValueKind::Seq | ValueKind::Iterable => {
                key.try_iter()?.map(|it| self.index_of(method, &it)).collect()
            }
            _ => Ok(vec![self.index_of(method, key)?]),
        }
    }

    fn select(&self, indexes: &[usize]) -> Value {
        let rows = self.rows.iter().map(|row| Arc::new(indexes.iter().map(|it| row[*it].clone()).collect()));
        Value::from_object(Self {
            names: Arc::new(indexes.iter().map(|it| self.names[*it].clone()).collect()),
            kinds: indexes.iter().map(|it| self.kinds[*it]).collect(),
            rows: rows.collect(),
            session: self.session.clone(),
        })
    }

    fn exclude(&self, args: &[Value]) -> Result<Value, Error> {
        let key = Arguments::new("exclude", args).required("key")?;
        let left_out: Vec<Value> = match key.kind() {
            ValueKind::Seq | ValueKind::Iterable => key.try_iter()?.collect(),
            _ => vec![key],
        };
        let is_kept = |it: &usize| !left_out.contains(&Value::from(self.names[*it].as_str()));
        Ok(self.select(&(0..self.names.len()).filter(is_kept).collect::<Vec<_>>()))
    }

    fn rename(&self, args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("rename", args);
        let given = args.optional("column_names").filter(|it| !it.is_none());
        args.finish()?;
        let Some(given) = given else { return Ok(self.with_rows(self.rows.clone())) };
        let names: Vec<String> = if given.kind() == ValueKind::Map {
            let pairs = entries_of(&given)?;
            let renamed = |name: &String| {
                let found = pairs.iter().find(|it| it.0.as_str() == Some(name.as_str()));
                found.map_or_else(|| name.clone(), |it| it.1.to_string())
            };
            self.names.iter().map(renamed).collect()
        } else {
            given.try_iter()?.map(|it| it.to_string()).collect()
        };
        if names.len() != self.names.len() {
            let message = format!("`rename()` got {} names for {} columns", names.len(), self.names.len());
            return Err(bad_call(message));
        }
        Ok(Value::from_object(Self { names: Arc::new(names), ..self.clone() }))
    }

    fn order_by(&self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("order_by", args);
        let key = args.required("key")?;
        let is_reverse = args.optional("reverse").is_some_and(|it| it.is_true());
        args.finish()?;
        let mut keyed = self.keyed(state, "order_by", &key)?;
        let null_last = |a: &Value, b: &Value| a.is_none().cmp(&b.is_none()).then_with(|| a.cmp(b));
        keyed.sort_by(|(a, _), (b, _)| {
            let order = a.iter().zip(b).map(|(a, b)| null_last(a, b)).find(|it| it.is_ne());
            let order = order.unwrap_or(std::cmp::Ordering::Equal);
            if is_reverse { order.reverse() } else { order }
        });
        Ok(self.with_rows(keyed.into_iter().map(|it| it.1).collect()))
    }

    fn distinct(&self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("distinct", args);
        let key = args.optional("key").filter(|it| !it.is_none());
        args.finish()?;
        let keyed = match key {
            Some(key) => self.keyed(state, "distinct", &key)?,
            None => self.rows.iter().map(|row| (row.to_vec(), Arc::clone(row))).collect(),
        };
        let mut seen: Vec<Vec<Value>> = Vec::new();
        let mut rows = Vec::new();
        for (key, row) in keyed {
            if !seen.contains(&key) {
                seen.push(key);
                rows.push(row);
            }
        }
        Ok(self.with_rows(rows))
    }

    /// Each row with the values that a column, several columns or a macro give for it.
    fn keyed(&self, state: &mut State<'_, '_>, method: &str, key: &Value) -> Result<Vec<Keyed>, Error> {
        if is_macro(key) {
            return self.by_macro(state, key);
        }
        let indexes = self.indexes(method, key)?;
        let values = |row: &Arc<Vec<Value>>| indexes.iter().map(|it| row[*it].clone()).collect();
        Ok(self.rows.iter().map(|row| (values(row), Arc::clone(row))).collect())
    }

    fn by_macro(&self, state: &mut State<'_, '_>, function: &Value) -> Result<Vec<Keyed>, Error> {
        let mut keyed = Vec::with_capacity(self.rows.len());
        for (index, row) in self.rows.iter().enumerate() {
            let argument = self.row(index).unwrap_or_default();
            keyed.push((vec![function.call(state, &[argument])?], Arc::clone(row)));
        }
        Ok(keyed)
    }

    fn filter(&self, state: &mut State<'_, '_>, args: &[Value], first: bool) -> Result<Value, Error> {
        let test = Arguments::new("where", args).required("test")?;
        let found = self.by_macro(state, &test)?.into_iter().filter(|it| it.0[0].is_true());
        if !first {
            return Ok(self.with_rows(found.map(|it| it.1).collect()));
        }
        let row = |it: Keyed| Mapped::value(it.1.to_vec(), Some(Arc::clone(&self.names)), Role::Row);
        Ok(found.map(row).next().unwrap_or_else(|| Value::from(())))
    }

    /// Python's slice of rows: `limit(stop)` or `limit(start, stop, step)`.
    fn limit(&self, args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("limit", args);
        let number = |value: Option<Value>| value.and_then(|it| it.as_i64());
        let first = number(args.optional("start_or_stop"));
        let stop = number(args.optional("stop"));
        let step = number(args.optional("step")).and_then(|it| usize::try_from(it).ok());
        args.finish()?;
        let (start, stop) = if stop.is_some() || step.is_some() { (first, stop) } else { (None, first) };
        let length = i64::try_from(self.rows.len()).unwrap_or(i64::MAX);
        let place = |at: i64| {
            let at = if at < 0 { at + length } else { at };
            usize::try_from(at.clamp(0, length)).unwrap_or(0)
        };
        let (start, stop) = (place(start.unwrap_or(0)), place(stop.unwrap_or(length)));
        let rows = self.rows.iter().take(stop).skip(start).step_by(step.unwrap_or(1).max(1));
        Ok(self.with_rows(rows.cloned().collect()))
    }

    fn print(&self, text: &str) -> Value {
        if let Some(session) = &self.session {
            session.context.host.log(text.trim_end_matches('\n'), true);
        }
        Value::from(())
    }

    fn json(&self) -> String {
        let row = |index| to_json(&self.row(index).map(|it| row_dict(&it)).unwrap_or_default());
        dumps(&serde_json::Value::Array((0..self.rows.len()).map(row).collect()), false)
    }
}

/// A row's key, and the row.
type Keyed = (Vec<Value>, Arc<Vec<Value>>);

fn row_dict(row: &Value) -> Value {
    let Some(row) = row.downcast_object_ref::<Mapped>() else { return Value::from(()) };
    crate::template::values::dict::Dict::value(row.pairs())
}

fn is_macro(value: &Value) -> bool {
    value.kind() == ValueKind::Plain
}

/// A column's type: an object that prints as Python's does.
pub(in crate::template) fn data_type(kind: Kind) -> Value {
    Value::from_object(DataType(kind))
}

#[derive(Debug)]
struct DataType(Kind);

impl Object for DataType {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

impl Object for Table {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        if let Some(index) = key.as_usize() {
            return self.row(index);
        }
        Some(match key.as_str()? {
            "columns" => self.columns(),
            "rows" => {
                let rows = (0..self.rows.len()).filter_map(|it| self.row(it)).collect();
                Mapped::value(rows, None, Role::Members)
            }
            "column_names" => tuple(self.names.iter().map(|it| Value::from(it.as_str()))),
            "column_types" => tuple(self.kinds.iter().map(|it| data_type(*it))),
            "row_names" => Value::from(()),
            _ => return None,
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.rows.len())
    }

    fn call_method(
        self: &Arc<Self>,
        state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match method {
            "select" => {
                let key = Arguments::new("select", args).required("key")?;
                Ok(self.select(&self.indexes("select", &key)?))
            }
            "exclude" => self.exclude(args),
            "rename" => self.rename(args),
            "order_by" => self.order_by(state, args),
            "limit" => self.limit(args),
            "distinct" => self.distinct(state, args),
            "where" => self.filter(state, args, false),
            "find" => self.filter(state, args, true),
            "print_table" => Ok(self.print(&print::table(self, args)?)),
            "print_csv" => Ok(self.print(&print::csv(self))),
            "print_json" => Ok(self.print(&self.json())),
            _ => {
                let message = format!("a result table has no method `{method}`");
                let help = suggest::did_you_mean(method, METHODS.iter().copied());
                Err(fail_with_help("template-call", message, help))
            }
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print::structure(self))
    }
}
