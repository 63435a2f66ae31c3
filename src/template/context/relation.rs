//! Relations as templates see them.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use crate::node::{IdentifierStyle, Relation, RelationKind, quote_identifier};
use crate::template::TemplateValue;
use crate::template::values::arguments::Arguments;

/// dbt's relation object: renders as the relation's name.
#[derive(Clone, Debug)]
pub(crate) struct RelationObject {
    relation: Relation,
    kind: Option<RelationKind>,
    include: [bool; 3],
    quote: [bool; 3],
}

impl RelationObject {
    /// A relation as a template value.
    pub(crate) fn value(relation: Relation) -> Value {
        Self { relation, kind: None, include: [true; 3], quote: [true; 3] }.into_value()
    }

    /// A relation of a known kind.
    pub(super) fn with_kind(relation: Relation, kind: Option<RelationKind>) -> Value {
        Self { relation, kind, include: [true; 3], quote: [true; 3] }.into_value()
    }

    fn into_value(self) -> Value {
        Value::from_object(self)
    }

    /// The relation for the world outside.
    pub(crate) fn to_template_value(&self) -> TemplateValue {
        let is_plain = self.include == [true; 3] && self.quote == [true; 3];
        TemplateValue::Relation(if is_plain { self.relation.clone() } else { Relation::verbatim(self.sql()) })
    }

    fn sql(&self) -> String {
        let relation = &self.relation;
        let identifier = Some(&relation.identifier);
        let parts = [relation.database.as_ref(), relation.schema.as_ref(), identifier];
        let written = parts.iter().enumerate().filter_map(|(index, part)| {
            let part = (*part)?;
            let is_verbatim = index == 2 && relation.style == IdentifierStyle::Verbatim;
            let text = if self.quote[index] && !is_verbatim { quote_identifier(part) } else { part.clone() };
            self.include[index].then_some(text)
        });
        written.collect::<Vec<_>>().join(".")
    }

    fn with_policy(&self, policy: [bool; 3], method: &'static str, args: &[Value]) -> Result<Self, Error> {
        let mut policy = policy;
        let mut args = Arguments::new(method, args);
        for (index, name) in ["database", "schema", "identifier"].into_iter().enumerate() {
            if let Some(value) = args.named(name) {
                policy[index] = value.is_true();
            }
        }
        args.finish()?;
        let mut changed = self.clone();
        if method == "include" {
            changed.include = policy;
        } else {
            changed.quote = policy;
        }
        Ok(changed)
    }

    fn incorporate(&self, args: &[Value]) -> Result<Self, Error> {
        let mut args = Arguments::new("incorporate", args);
        let mut changed = self.clone();
        if let Some(path) = args.named("path") {
            let part = |name: &str| path.get_attr(name).ok().filter(|it| !it.is_undefined() && !it.is_none());
            let relation = &mut changed.relation;
            relation.database = part("database").map(|it| it.to_string()).or(relation.database.take());
            relation.schema = part("schema").map(|it| it.to_string()).or(relation.schema.take());
            if let Some(identifier) = part("identifier") {
                relation.identifier = identifier.to_string();
            }
        }
        if let Some(kind) = args.named("type") {
            changed.kind = kind_from(&kind);
        }
        args.finish()?;
        Ok(changed)
    }

    fn field(&self, name: &str) -> Option<Value> {
        let relation = &self.relation;
        let is = |kind| Value::from(self.kind == Some(kind));
        let optional = |text: &Option<String>| Value::from(text.clone());
        Some(match name {
            "database" => optional(&relation.database),
            "schema" => optional(&relation.schema),
            "identifier" | "name" | "table" => Value::from(relation.identifier.as_str()),
            "type" => Value::from(self.kind.map(RelationKind::as_str)),
            "is_table" => is(RelationKind::Table),
            "is_view" => is(RelationKind::View),
            "is_cte" => Value::from(relation.style == IdentifierStyle::Verbatim && relation.schema.is_none()),
            _ => return None,
        })
    }
}

/// `table` or `view` as a kind.
pub(super) fn kind_from(value: &Value) -> Option<RelationKind> {
    match value.as_str()? {
        "table" => Some(RelationKind::Table),
        "view" => Some(RelationKind::View),
        _ => None,
    }
}

impl Object for RelationObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
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
            "include" => Ok(self.with_policy(self.include, "include", args)?.into_value()),
            "quote" => Ok(self.with_policy(self.quote, "quote", args)?.into_value()),
            "render" => Ok(Value::from(self.sql())),
            "incorporate" => Ok(self.incorporate(args)?.into_value()),
            "without_identifier" => {
                let mut changed = (**self).clone();
                changed.include[2] = false;
                Ok(changed.into_value())
            }
            "quoted" => {
                let name = Arguments::new("quoted", args).text("identifier")?;
                Ok(Value::from(quote_identifier(&name)))
            }
            "get" => {
                let mut args = Arguments::new("get", args);
                let key = args.text("key")?;
                let default = args.optional("default").unwrap_or_else(|| Value::from(()));
                Ok(self.field(&key).unwrap_or(default))
            }
            _ => Err(Error::new(ErrorKind::UnknownMethod, format!("a relation has no method `{method}`"))),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sql())
    }
}
