//! `api`: the classes of relations and columns.

use std::sync::Arc;

use minijinja::Value;
use minijinja::value::Object;

use super::column::ColumnClass;
use super::relation_class::RelationClass;
use crate::node::Quoting;

/// `api`, with `api.Relation` and `api.Column`.
#[derive(Debug)]
pub(super) struct ApiObject {
    quoting: Quoting,
}

impl ApiObject {
    /// The object as a value.
    pub(super) fn value(quoting: Quoting) -> Value {
        Value::from_object(Self { quoting })
    }
}

impl Object for ApiObject {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "Relation" => Some(RelationClass::value(self.quoting)),
            "Column" => Some(Value::from_object(ColumnClass)),
            _ => None,
        }
    }
}
