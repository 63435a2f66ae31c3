//! Relations as templates see them.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use minijinja::value::{DynObject, Enumerator, Object, ObjectRepr};
use minijinja::{Error, State, Value};

use super::relation_class;
use crate::diagnostics::suggest;
use crate::node::{IdentifierStyle, Quoting, Relation, RelationKind, is_word, quote_identifier};
use crate::template::TemplateValue;
use crate::template::fault::{bad_call, fail_with_help};
use crate::template::values::arguments::Arguments;
use crate::template::values::dict::Dict;
use crate::template::values::print;

/// Names of the three parts of a relation's name.
pub(super) const PARTS: [&str; 3] = ["database", "schema", "identifier"];

/// What a relation can be, in dbt's words.
const KINDS: &[&str] =
    &["table", "view", "cte", "materialized_view", "external", "pointer_table", "function"];

/// dbt's relation object: renders as the relation's name.
#[derive(Clone, Debug)]
pub(crate) struct RelationObject {
    /// Database, schema and identifier.
    pub(super) path: [Option<String>; 3],
    pub(super) kind: Option<String>,
    pub(super) include: [bool; 3],
    pub(super) quote: [bool; 3],
    /// A view of the information schema.
    view: Option<String>,
    is_cte: bool,
    /// A condition on the rows that are read where the relation is written into SQL; `render()` leaves it out.
    rows: Option<String>,
}

impl RelationObject {
    /// A relation by its parts.
    pub(super) fn new(path: [Option<String>; 3], kind: Option<String>) -> Self {
        Self { path, kind, include: [true; 3], quote: [true; 3], view: None, is_cte: false, rows: None }
    }

    /// A relation as a template value.
    pub(crate) fn value(relation: Relation) -> Value {
        Self::of(relation, None).into_value()
    }

    /// A relation of which only the rows are read for which a condition holds.
    pub(super) fn of_rows(relation: Relation, rows: Option<String>) -> Value {
        Self { rows, ..Self::of(relation, None) }.into_value()
    }

    /// What stands for it in SQL.
    fn written(&self) -> String {
        match &self.rows {
            Some(condition) => format!("(select * from {} where {condition})", self.sql()),
            None => self.sql(),
        }
    }

    /// A relation of a known kind.
    pub(super) fn of(relation: Relation, kind: Option<RelationKind>) -> Self {
        let is_cte = relation.style == IdentifierStyle::Verbatim && relation.schema.is_none();
        let mut quote = relation.quoting.parts();
        quote[2] &= relation.style == IdentifierStyle::Quoted;
        let path = [relation.database, relation.schema, Some(relation.identifier)];
        Self { quote, is_cte, ..Self::new(path, kind.map(|it| it.as_str().to_owned())) }
    }

    /// The value for templates.
    pub(super) fn into_value(self) -> Value {
        Value::from_object(self)
    }

    /// The relation that an argument of a function is.
    pub(super) fn from_argument(value: &Value, function: &str, name: &str) -> Result<Self, Error> {
        value.downcast_object_ref::<Self>().cloned().ok_or_else(|| {
            let given = print::kind_of(value);
            bad_call(format!("`{function}()` needs a relation for `{name}`, not {given}"))
        })
    }

    /// The relation for the world outside.
    pub(crate) fn to_template_value(&self) -> TemplateValue {
        if self.rows.is_some() {
            return TemplateValue::Relation(Relation::verbatim(self.written()));
        }
        let mut parts = self.path.iter().zip(self.quote);
        let is_name = parts.all(|(part, is_quoted)| is_quoted || part.as_deref().is_none_or(is_word));
        let is_plain = self.include == [true; 3] && is_name && self.view.is_none() && !self.is_cte;
        let [database, schema, identifier] = self.quote;
        let quoting = Quoting { database, schema, identifier };
        TemplateValue::Relation(match &self.path {
            [database, schema, Some(identifier)] if is_plain => Relation {
                database: database.clone(),
                schema: schema.clone(),
                ..Relation::new("", "", identifier.as_str()).quoted_as(quoting)
            },
            _ => Relation::verbatim(self.sql()),
        })
    }

    /// The name of its schema as SQL.
    pub(super) fn schema_sql(&self) -> String {
        Self { include: [true, true, false], ..self.clone() }.sql()
    }

    /// The name as SQL.
    pub(super) fn sql(&self) -> String {
        let written = self.path.iter().enumerate().filter_map(|(index, part)| {
            let part = part.as_ref()?;
            let text = if self.quote[index] { quote_identifier(part) } else { part.clone() };
            self.include[index].then_some(text)
        });
        written.chain(self.view.clone()).collect::<Vec<_>>().join(".")
    }

    fn with_policy(&self, method: &'static str, args: &[Value]) -> Result<Self, Error> {
        let mut changed = self.clone();
        let mut args = Arguments::new(method, args);
        let policy = if method == "include" { &mut changed.include } else { &mut changed.quote };
        for (index, name) in PARTS.into_iter().enumerate() {
            if let Some(value) = args.optional(name).filter(|it| !it.is_none() && !it.is_undefined()) {
                policy[index] = value.is_true();
            }
        }
        args.finish()?;
        Ok(changed)
    }

    /// The same with other parts of its name: those that are given, also as none.
    fn with_path(mut self, parts: &Value) -> Result<Self, Error> {
        for (index, name) in PARTS.into_iter().enumerate() {
            let part = parts.get_attr(name).unwrap_or_default();
            if !part.is_undefined() {
                self.path[index] = part_text(name, &part)?;
            }
        }
        Ok(self)
    }

    fn incorporate(&self, args: &[Value]) -> Result<Self, Error> {
        let mut args = Arguments::new("incorporate", args);
        let mut changed = self.clone();
        if let Some(path) = args.named("path") {
            changed = changed.with_path(&path)?;
        }
        if let Some(kind) = args.named("type") {
            changed.kind = kind_of(&kind)?;
        }
        for (name, policy) in [("include_policy", &mut changed.include), ("quote_policy", &mut changed.quote)]
        {
            if let Some(given) = args.named(name) {
                merge_policy(policy, &given);
            }
        }
        args.finish()?;
        Ok(changed)
    }

    fn replace_path(&self, args: &[Value]) -> Result<Self, Error> {
        let named = Arguments::new("replace_path", args).rest_named();
        let parts = Dict::value(named.into_iter().map(|(name, value)| (Value::from(name), value)));
        self.clone().with_path(&parts)
    }

    /// The information schema of its database.
    fn information_schema(&self, view: Option<&str>) -> Self {
        let mut schema = self.clone();
        schema.path[1] = None;
        schema.path[2] = Some("INFORMATION_SCHEMA".to_owned());
        schema.include = [self.path[0].is_some(), false, true];
        schema.quote[2] = false;
        schema.kind = Some("view".to_owned());
        schema.view = view.map(str::to_owned);
        schema
    }

    /// Whether all parts that are given are its own. DuckDB does not tell names apart by their case.
    fn matches(&self, args: &[Value]) -> Result<bool, Error> {
        let mut args = Arguments::new("matches", args);
        let (mut is_match, mut is_asked) = (true, false);
        for (index, name) in PARTS.into_iter().enumerate() {
            if let Some(wanted) = args.optional(name).filter(|it| !it.is_none()) {
                is_asked = true;
                let own = self.path[index].as_deref().unwrap_or_default();
                is_match &= own.eq_ignore_ascii_case(wanted.as_str().unwrap_or_default());
            }
        }
        args.finish()?;
        if is_asked { Ok(is_match) } else { Err(bad_call("`matches()` needs a part of a name")) }
    }

    fn policy(policy: [bool; 3]) -> Value {
        let parts = PARTS.into_iter().zip(policy);
        Dict::value(parts.map(|(name, is_on)| (Value::from(name), Value::from(is_on))))
    }

    fn parts(&self) -> Value {
        let parts = PARTS.into_iter().zip(self.path.clone());
        Dict::value(parts.map(|(name, part)| (Value::from(name), Value::from(part))))
    }

    fn to_dict(&self) -> Value {
        let keys = ["path", "type", "include_policy", "quote_policy", "dbt_created"];
        Dict::value(keys.map(|key| (Value::from(key), self.field(key).unwrap_or_default())))
    }

    fn field(&self, name: &str) -> Option<Value> {
        let is = |kind: &str| Value::from(self.kind.as_deref() == Some(kind));
        Some(match name {
            "database" => Value::from(self.path[0].clone()),
            "schema" => Value::from(self.path[1].clone()),
            "identifier" | "name" | "table" => Value::from(self.path[2].clone()),
            "path" => self.parts(),
            "type" if self.is_cte => Value::from("cte"),
            "type" => Value::from(self.kind.clone()),
            "is_table" => is("table"),
            "is_view" => is("view"),
            "is_cte" => Value::from(self.is_cte || self.kind.as_deref() == Some("cte")),
            "is_materialized_view" => is("materialized_view"),
            "is_pointer" => is("pointer_table"),
            "is_function" => is("function"),
            "include_policy" => Self::policy(self.include),
            "quote_policy" => Self::policy(self.quote),
            "quote_character" => Value::from("\""),
            "metadata" => Dict::value([(Value::from("type"), Value::from("DuckDBRelation"))]),
            "__repr__" => Value::from(format!("<DuckDBRelation {}>", self.sql())),
            "information_schema_view" => Value::from(self.view.clone()?),
            "dbt_created" | "require_alias" | "can_be_renamed" | "can_be_replaced" => Value::from(false),
            "event_time_filter" => Value::from(self.rows.clone()),
            "limit" | "catalog" | "external" => Value::from(()),
            _ => return relation_class::kind_constant(name),
        })
    }
}

/// A policy with the parts that are given changed.
pub(super) fn merge_policy(policy: &mut [bool; 3], given: &Value) {
    for (index, name) in PARTS.into_iter().enumerate() {
        let part = given.get_attr(name).unwrap_or_default();
        if !part.is_undefined() && !part.is_none() {
            policy[index] = part.is_true();
        }
    }
}

/// A part of a name: a text, or nothing.
pub(super) fn part_text(name: &str, part: &Value) -> Result<Option<String>, Error> {
    match part.as_str() {
        Some(text) => Ok(Some(text.to_owned())),
        None if part.is_none() => Ok(None),
        None => {
            let message = format!("the {name} of a relation must be a text, not {}", print::kind_of(part));
            Err(bad_call(message))
        }
    }
}

/// The kind of relation that a text names.
pub(super) fn kind_of(value: &Value) -> Result<Option<String>, Error> {
    let Some(text) = value.as_str() else { return Ok(None) };
    if KINDS.contains(&text) {
        return Ok(Some(text.to_owned()));
    }
    let help = suggest::did_you_mean(text, KINDS.iter().copied());
    Err(fail_with_help("template-call", format!("`{text}` is not a kind of relation"), help))
}

const METHODS: &[&str] = &[
    "create",
    "get",
    "include",
    "incorporate",
    "information_schema",
    "information_schema_only",
    "matches",
    "quote",
    "quoted",
    "render",
    "replace_path",
    "to_dict",
    "without_identifier",
];

impl Object for RelationObject {
    /// A mapping, as in dbt: packages tell relations from texts by this.
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.field(key.as_str()?)
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match method {
            "include" => Ok(self.with_policy("include", args)?.into_value()),
            "quote" => Ok(self.with_policy("quote", args)?.into_value()),
            "render" => Ok(Value::from(self.sql())),
            "incorporate" => Ok(self.incorporate(args)?.into_value()),
            "replace_path" => Ok(self.replace_path(args)?.into_value()),
            "matches" => self.matches(args).map(Value::from),
            "to_dict" => Ok(self.to_dict()),
            "without_identifier" => {
                let mut changed = (**self).clone();
                changed.include[2] = false;
                changed.path[2] = None;
                Ok(changed.into_value())
            }
            "information_schema" | "information_schema_only" => {
                let view = Arguments::new("information_schema", args).optional("view_name");
                Ok(self.information_schema(view.as_ref().and_then(Value::as_str)).into_value())
            }
            "quoted" => {
                let name = Arguments::new("quoted", args).required("identifier")?;
                Ok(Value::from(quote_identifier(&name.to_string())))
            }
            "get" => {
                let mut args = Arguments::new("get", args);
                let key = args.text("key")?;
                let default = args.optional("default").unwrap_or_else(|| Value::from(()));
                Ok(self.field(&key).unwrap_or(default))
            }
            _ => relation_class::call(method, args).unwrap_or_else(|| {
                let help = suggest::did_you_mean(method, METHODS.iter().copied());
                Err(fail_with_help("template-call", format!("a relation has no method `{method}`"), help))
            }),
        }
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        let other = other.downcast_ref::<Self>()?;
        let key = |it: &Self| (it.sql(), it.path.clone(), it.kind.clone());
        Some(key(self).cmp(&key(other)))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written())
    }
}
