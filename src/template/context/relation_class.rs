//! `api.Relation`: what makes relations.

use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr, ValueKind};
use minijinja::{Error, State, Value};

use super::relation::{PARTS, RelationObject, kind_of, merge_policy, part_text};
use crate::diagnostics::suggest;
use crate::node::Quoting;
use crate::template::fault::fail_with_help;
use crate::template::values::arguments::Arguments;
use crate::template::values::list::List;

/// `api.Relation`.
#[derive(Debug)]
pub(super) struct RelationClass {
    quoting: Quoting,
}

impl RelationClass {
    /// The class as a value; what it makes is written with these quotes.
    pub(super) fn value(quoting: Quoting) -> Value {
        Value::from_object(Self { quoting })
    }
}

const METHODS: &[&str] = &["create", "add_ephemeral_prefix", "get_relation_type", "scd_args"];

/// A kind of relation by the name that the class has for it.
pub(super) fn kind_constant(name: &str) -> Option<Value> {
    let kind = match name {
        "Table" => "table",
        "View" => "view",
        "CTE" => "cte",
        "External" => "external",
        "MaterializedView" => "materialized_view",
        "PointerTable" => "pointer_table",
        "Function" => "function",
        _ => return None,
    };
    Some(Value::from(kind))
}

/// A method of the class, which relations have too; `None` if there is none of this name.
pub(super) fn call(method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
    Some(match method {
        "create" => create(args, Quoting::ALL),
        "add_ephemeral_prefix" => {
            let name = Arguments::new("add_ephemeral_prefix", args).text("name");
            name.map(|it| Value::from(format!("__dbt__cte__{it}")))
        }
        "get_relation_type" => Arguments::new("get_relation_type", args)
            .required("type")
            .and_then(|it| kind_of(&it))
            .map(Value::from),
        "scd_args" => scd_args(args),
        _ => return None,
    })
}

fn create(args: &[Value], quoting: Quoting) -> Result<Value, Error> {
    let mut args = Arguments::new("create", args);
    let mut path = [None, None, None];
    for (index, name) in PARTS.into_iter().enumerate() {
        if let Some(part) = args.optional(name).filter(|it| !it.is_undefined()) {
            path[index] = part_text(name, &part)?;
        }
    }
    let kind = match args.optional("type") {
        Some(kind) => kind_of(&kind)?,
        None => None,
    };
    let mut relation = RelationObject::new(path, kind);
    relation.quote = quoting.parts();
    if let Some(given) = args.named("quote_policy") {
        merge_policy(&mut relation.quote, &given);
    }
    if let Some(given) = args.named("include_policy") {
        merge_policy(&mut relation.include, &given);
    }
    Ok(relation.into_value())
}

/// The columns that make a row of a snapshot unique.
fn scd_args(args: &[Value]) -> Result<Value, Error> {
    let mut args = Arguments::new("scd_args", args);
    let key = args.required("primary_key")?;
    let mut columns: Vec<Value> = match key.kind() {
        ValueKind::Seq | ValueKind::Iterable => key.try_iter()?.collect(),
        _ => vec![key],
    };
    columns.push(args.required("updated_at")?);
    args.finish()?;
    Ok(List::value(columns))
}

impl Object for RelationClass {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        kind_constant(key.as_str()?)
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        if method == "create" {
            return create(args, self.quoting);
        }
        call(method, args).unwrap_or_else(|| {
            let help = suggest::did_you_mean(method, METHODS.iter().copied());
            Err(fail_with_help("template-call", format!("`api.Relation` has no method `{method}`"), help))
        })
    }
}
