//! `adapter` and `api`: dispatch, quoting and relations. What asks the engine is refused for now.

use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use super::relation::{RelationObject, kind_from};
use crate::node::{Relation, quote_identifier};
use crate::template::fault::{bad_call, fail};
use crate::template::macros::MacroObject;
use crate::template::session::Session;
use crate::template::values::arguments::Arguments;

/// `adapter`.
#[derive(Debug)]
pub(super) struct AdapterObject {
    session: Arc<Session>,
}

impl AdapterObject {
    /// The object as a value.
    pub(super) fn value(session: &Arc<Session>) -> Value {
        Value::from_object(Self { session: Arc::clone(session) })
    }

    fn engine(&self) -> &str {
        self.session.context.globals.target.get("type").and_then(|it| it.as_str()).unwrap_or("duckdb")
    }

    /// The macro for this engine: `duckdb__name` or else `default__name`, in each package to search.
    fn dispatch(&self, args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("dispatch", args);
        let name = args.text("macro_name")?;
        let namespace = args.optional("macro_namespace").filter(|it| !it.is_none());
        args.finish()?;
        let namespace = namespace.map(|it| it.to_string());
        if let Some((package, name)) = name.split_once('.') {
            let message =
                format!("`adapter.dispatch('{package}.{name}')` names a package in the wrong place");
            let help = format!("write `adapter.dispatch('{name}', '{package}')`");
            return Err(crate::template::fault::fail_with_help("template-call", message, Some(help)));
        }
        let mut searched = Vec::new();
        for package in self.packages(namespace.as_deref()) {
            for prefix in [self.engine(), "default"] {
                let candidate = format!("{prefix}__{name}");
                if let Some(index) = self.find(package.as_deref(), &candidate) {
                    return Ok(MacroObject::value(&self.session, index));
                }
                searched.push(match &package {
                    Some(package) => format!("`{package}.{candidate}`"),
                    None => format!("`{candidate}`"),
                });
            }
        }
        let message = format!("no macro to dispatch `{name}` to: looked for {}", searched.join(", "));
        Err(fail("unknown-macro", message))
    }

    fn find(&self, package: Option<&str>, name: &str) -> Option<usize> {
        let library = &self.session.library;
        match package {
            None => library.visible(&self.session.main.package, name),
            Some(package) => library.in_package(package, name),
        }
    }

    fn packages(&self, namespace: Option<&str>) -> Vec<Option<String>> {
        let library = &self.session.library;
        let Some(namespace) = namespace else { return vec![None] };
        if let Some(order) = library.dispatch.get(namespace) {
            return order.iter().cloned().map(Some).collect();
        }
        // So too for the built-in package: any macro of the root project goes before its own, as in dbt.
        if library.has_package(namespace) {
            let mut packages = vec![Some(library.root().to_owned()), Some(namespace.to_owned())];
            packages.dedup();
            return packages;
        }
        vec![None]
    }
}

impl Object for AdapterObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match method {
            "dispatch" => self.dispatch(args),
            "type" => Ok(Value::from(self.engine())),
            "quote" => {
                let name = Arguments::new("quote", args).required("identifier")?;
                Ok(Value::from(quote_identifier(&name.to_string())))
            }
            // As in dbt, nothing is asked of the engine while parsing.
            "get_relation" | "load_relation" if !self.session.is_execute() => Ok(Value::from(())),
            _ if !self.session.is_execute() => Ok(Value::UNDEFINED),
            _ => Err(unsupported(&format!("adapter.{method}"))),
        }
    }
}

/// A call that needs the engine.
pub(super) fn unsupported(name: &str) -> Error {
    fail("unsupported-call", format!("`{name}()` needs the warehouse, which templates cannot ask yet"))
}

/// `api`, with `api.Relation.create(...)`.
#[derive(Debug)]
pub(super) struct ApiObject;

impl ApiObject {
    /// The object as a value.
    pub(super) fn value() -> Value {
        Value::from_object(Self)
    }
}

impl Object for ApiObject {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "Relation" => Some(Value::from_object(RelationClass)),
            "Column" => Some(Value::from_object(ColumnClass)),
            _ => None,
        }
    }
}

/// `api.Column`: of it only the names of types, which need no engine.
#[derive(Debug)]
struct ColumnClass;

impl Object for ColumnClass {
    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        if method != "translate_type" {
            return Err(unsupported(&format!("api.Column.{method}")));
        }
        let name = Arguments::new("translate_type", args).text("dtype")?;
        Ok(Value::from(if name.eq_ignore_ascii_case("string") { "TEXT" } else { &name }))
    }
}

#[derive(Debug)]
struct RelationClass;

impl Object for RelationClass {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let text = key.as_str()?;
        matches!(text, "Table" | "View").then(|| Value::from(text.to_lowercase()))
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        if method != "create" {
            return Err(Error::from(ErrorKind::UnknownMethod));
        }
        let mut args = Arguments::new("create", args);
        let database = args.optional("database").filter(|it| !it.is_none()).map(|it| it.to_string());
        let schema = args.optional("schema").filter(|it| !it.is_none()).map(|it| it.to_string());
        let identifier = args.optional("identifier").filter(|it| !it.is_none());
        let Some(identifier) = identifier else {
            return Err(bad_call("`api.Relation.create()` needs `identifier`"));
        };
        let kind = args.named("type").as_ref().and_then(kind_from);
        let mut relation = Relation::new("", "", identifier.to_string());
        (relation.database, relation.schema) = (database, schema);
        Ok(RelationObject::with_kind(relation, kind))
    }
}
