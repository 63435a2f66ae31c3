//! `api.Column`, and columns as templates see them.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use minijinja::value::{DynObject, Object, ObjectRepr};
use minijinja::{Error, State, Value};

use crate::diagnostics::suggest;
use crate::template::fault::{bad_call, fail_with_help};
use crate::template::values::arguments::Arguments;
use crate::template::values::list::List;
use crate::template::values::print::repr;
use crate::warehouse;

const STRINGS: &[&str] = &["text", "character varying", "character", "varchar"];
const FLOATS: &[&str] = &["real", "float", "float4", "float8", "double"];
const NUMERICS: &[&str] = &["numeric", "decimal"];
const INTEGERS: &[&str] = &[
    "tinyint",
    "smallint",
    "integer",
    "bigint",
    "hugeint",
    "utinyint",
    "usmallint",
    "uinteger",
    "ubigint",
    "int1",
    "int2",
    "int4",
    "int8",
    "short",
    "int",
    "signed",
    "long",
];

/// A column of a relation.
#[derive(Clone, Debug)]
pub(super) struct ColumnObject {
    pub(super) name: String,
    pub(super) dtype: String,
    char_size: Value,
    precision: Value,
    scale: Value,
}

impl ColumnObject {
    /// A column with this type.
    pub(super) fn new(name: impl Into<String>, dtype: impl Into<String>) -> Self {
        let none = || Value::from(());
        Self { name: name.into(), dtype: dtype.into(), char_size: none(), precision: none(), scale: none() }
    }

    /// A column that the engine describes.
    pub(super) fn of(column: warehouse::Column) -> Self {
        Self::new(column.name, column.data_type)
    }

    /// The value for templates.
    pub(super) fn into_value(self) -> Value {
        Value::from_object(self)
    }

    fn is_one_of(&self, types: &[&str]) -> bool {
        types.iter().any(|it| self.dtype.eq_ignore_ascii_case(it))
    }

    fn is_struct(&self) -> bool {
        self.dtype.to_lowercase().starts_with("struct")
    }

    fn data_type(&self) -> String {
        if self.is_one_of(STRINGS) {
            string_type(&Value::from(self.string_size()))
        } else if self.is_one_of(NUMERICS) {
            numeric_type(&self.dtype, &self.precision, &self.scale)
        } else {
            self.dtype.clone()
        }
    }

    fn string_size(&self) -> i64 {
        let size = self.char_size.as_i64().filter(|_| self.dtype != "text");
        size.unwrap_or(256)
    }

    /// The fields of a struct; a column of another type is itself.
    pub(super) fn flatten(self) -> Vec<Self> {
        let fields = self.fields();
        if !self.is_struct() {
            return vec![self];
        }
        let flat = fields.into_iter().flat_map(Self::flatten);
        flat.map(|it| Self::new(format!("{}.{}", self.name, it.name), it.dtype)).collect()
    }

    /// `STRUCT(a INTEGER, b VARCHAR)` in its parts.
    fn fields(&self) -> Vec<Self> {
        let inner = self.dtype.get(6..).filter(|_| self.is_struct()).map(str::trim);
        let Some(inner) = inner.and_then(|it| it.strip_prefix('(')?.strip_suffix(')')) else {
            return Vec::new();
        };
        let (mut depth, mut start, mut parts) = (0_i32, 0, Vec::new());
        for (at, char) in inner.char_indices() {
            match char {
                '(' => depth += 1,
                ')' => depth -= 1,
                ',' if depth == 0 => {
                    parts.push(&inner[start..at]);
                    start = at + 1;
                }
                _ => {}
            }
        }
        parts.push(&inner[start..]);
        let field = |it: &str| {
            let (name, dtype) = it.trim().split_once(' ')?;
            Some(Self::new(name, dtype))
        };
        parts.into_iter().filter_map(field).collect()
    }

    fn can_expand_to(&self, args: &[Value]) -> Result<Value, Error> {
        let other = Arguments::new("can_expand_to", args).required("other_column")?;
        let Some(other) = other.downcast_object_ref::<Self>() else {
            return Err(bad_call("`can_expand_to()` needs a column"));
        };
        let both = self.is_one_of(STRINGS) && other.is_one_of(STRINGS);
        Ok(Value::from(both && other.string_size() > self.string_size()))
    }
}

fn string_type(size: &Value) -> String {
    format!("character varying({size})")
}

fn numeric_type(dtype: &str, precision: &Value, scale: &Value) -> String {
    let is_missing = |it: &Value| it.is_none() || it.is_undefined();
    if is_missing(precision) || is_missing(scale) {
        return dtype.to_owned();
    }
    format!("{dtype}({precision},{scale})")
}

const METHODS: &[&str] = &[
    "can_expand_to",
    "flatten",
    "is_float",
    "is_integer",
    "is_number",
    "is_numeric",
    "is_string",
    "is_struct",
    "literal",
    "numeric_type",
    "string_size",
    "string_type",
];

impl Object for ColumnObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(match key.as_str()? {
            "name" | "column" => Value::from(self.name.as_str()),
            "quoted" => Value::from(format!("\"{}\"", self.name)),
            "dtype" => Value::from(self.dtype.as_str()),
            "data_type" | "expanded_data_type" => Value::from(self.data_type()),
            "char_size" => self.char_size.clone(),
            "numeric_precision" => self.precision.clone(),
            "numeric_scale" => self.scale.clone(),
            "fields" => List::value(self.fields().into_iter().map(Self::into_value).collect()),
            _ => return None,
        })
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        Ok(match method {
            "is_string" => Value::from(self.is_one_of(STRINGS)),
            "is_float" => Value::from(self.is_one_of(FLOATS)),
            "is_integer" => Value::from(self.is_one_of(INTEGERS)),
            "is_numeric" => Value::from(self.is_one_of(NUMERICS)),
            "is_number" => Value::from([INTEGERS, NUMERICS, FLOATS].iter().any(|it| self.is_one_of(it))),
            "is_struct" => Value::from(self.is_struct()),
            "flatten" => {
                let flat = (**self).clone().flatten();
                List::value(flat.into_iter().map(Self::into_value).collect())
            }
            "string_size" if self.is_one_of(STRINGS) => Value::from(self.string_size()),
            "string_size" => {
                let message = format!("`string_size()`: the column `{}` is no text", self.name);
                return Err(bad_call(message));
            }
            "can_expand_to" => self.can_expand_to(args)?,
            "literal" => {
                let value = Arguments::new("literal", args).required("value")?;
                Value::from(format!("{value}::{}", self.data_type()))
            }
            _ => {
                return class_method(method, args)
                    .unwrap_or_else(|| Err(unknown("a column", method, METHODS)));
            }
        })
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        Some(describe(self).cmp(&describe(other.downcast_ref::<Self>()?)))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&describe(self))
    }
}

/// As Python prints a column.
fn describe(it: &ColumnObject) -> String {
    format!(
        "DuckDBColumn(column={}, dtype={}, char_size={}, numeric_precision={}, numeric_scale={}, fields=[{}])",
        repr(&Value::from(it.name.as_str())),
        repr(&Value::from(it.dtype.as_str())),
        repr(&it.char_size),
        repr(&it.precision),
        repr(&it.scale),
        it.fields().iter().map(describe).collect::<Vec<_>>().join(", "),
    )
}

fn unknown(what: &str, method: &str, known: &[&str]) -> Error {
    let help = suggest::did_you_mean(method, known.iter().copied());
    fail_with_help("template-call", format!("{what} has no method `{method}`"), help)
}

/// `api.Column`.
#[derive(Debug)]
pub(super) struct ColumnClass;

const CLASS_METHODS: &[&str] =
    &["create", "from_description", "numeric_type", "string_type", "translate_type"];

fn class_method(method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
    Some(match method {
        "create" => create(args),
        "translate_type" => {
            Arguments::new("translate_type", args).text("dtype").map(|it| Value::from(translated(&it)))
        }
        "string_type" => {
            Arguments::new("string_type", args).required("size").map(|it| Value::from(string_type(&it)))
        }
        "numeric_type" => numeric(args),
        "from_description" => from_description(args),
        _ => return None,
    })
}

/// dbt's one general name for a type that DuckDB spells otherwise.
fn translated(dtype: &str) -> &str {
    if dtype.eq_ignore_ascii_case("string") { "TEXT" } else { dtype }
}

fn create(args: &[Value]) -> Result<Value, Error> {
    let mut args = Arguments::new("create", args);
    let (name, dtype) = (args.text("name")?, args.text("label_or_dtype")?);
    args.finish()?;
    Ok(ColumnObject::new(name, translated(&dtype)).into_value())
}

fn numeric(args: &[Value]) -> Result<Value, Error> {
    let mut args = Arguments::new("numeric_type", args);
    let dtype = args.text("dtype")?;
    let (precision, scale) = (args.required("precision")?, args.required("scale")?);
    args.finish()?;
    Ok(Value::from(numeric_type(&dtype, &precision, &scale)))
}

/// A column by its name and a type such as `numeric(10, 2)` or `varchar(20)`.
fn from_description(args: &[Value]) -> Result<Value, Error> {
    let mut args = Arguments::new("from_description", args);
    let (name, raw) = (args.text("name")?, args.text("raw_data_type")?);
    args.finish()?;
    let (dtype, size) = raw
        .split_once('(')
        .map_or((raw.as_str(), None), |(dtype, rest)| (dtype, Some(rest.split(')').next().unwrap_or(rest))));
    let mut column = ColumnObject::new(name, dtype);
    let mut numbers = Vec::new();
    for part in size.into_iter().flat_map(|it| it.split(',')) {
        let number: i64 = part.trim().parse().map_err(|_| {
            bad_call(format!("the type `{raw}` cannot be read: `{part}` is not a whole number"))
        })?;
        numbers.push(Value::from(number));
    }
    match <[Value; 2]>::try_from(numbers) {
        Ok([precision, scale]) => (column.precision, column.scale) = (precision, scale),
        Err(numbers) => column.char_size = numbers.into_iter().next().unwrap_or_else(|| Value::from(())),
    }
    Ok(column.into_value())
}

impl Object for ColumnClass {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("Column", args);
        let mut column = ColumnObject::new(args.text("column")?, args.text("dtype")?);
        for (name, part) in [
            ("char_size", &mut column.char_size),
            ("numeric_precision", &mut column.precision),
            ("numeric_scale", &mut column.scale),
        ] {
            if let Some(value) = args.optional(name) {
                *part = value;
            }
        }
        args.finish()?;
        Ok(column.into_value())
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        class_method(method, args).unwrap_or_else(|| Err(unknown("`api.Column`", method, CLASS_METHODS)))
    }
}
