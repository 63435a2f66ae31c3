//! What templates are answered while they are only read: names stand for themselves, nothing is looked up.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use super::Doc;
use crate::diagnostics::suggest;
use crate::node::{Quoting, Relation};
use crate::project::Project;
use crate::project::settings::{Settings, refuse_secret};
use crate::template::{FunctionCall, Host, HostError, RefCall, SourceCall};

/// Answers for [`crate::template::Mode::Parse`].
pub(super) struct ParseHost {
    settings: Settings,
    database: String,
    schema: String,
    quoting: Quoting,
    docs: BTreeMap<String, Doc>,
    runtime_config: Arc<Json>,
}

impl ParseHost {
    pub(super) fn new(project: &Project, settings: &Settings, docs: BTreeMap<String, Doc>) -> Self {
        let target = &project.target;
        Self {
            settings: settings.clone(),
            database: target.database.clone(),
            schema: target.schema.clone(),
            quoting: settings.globals.quoting,
            docs,
            runtime_config: project.runtime_config(),
        }
    }
}

/// A docs block's text by name.
pub(crate) fn doc(docs: &BTreeMap<String, Doc>, name: &str) -> Result<String, HostError> {
    docs.get(name).map(|it| it.contents.clone()).ok_or_else(|| HostError {
        code: "unknown-doc",
        message: format!("there is no docs block `{name}`"),
        help: Some(suggest::did_you_mean(name, docs.keys().map(String::as_str)).unwrap_or_else(|| {
            format!("write `{{% docs {name} %}} ... {{% enddocs %}}` in a .md file of the project")
        })),
    })
}

impl Host for ParseHost {
    fn reference(&self, call: &RefCall) -> Result<Relation, HostError> {
        Ok(Relation::new(&self.database, &self.schema, &call.name).quoted_as(self.quoting))
    }

    fn source(&self, call: &SourceCall) -> Result<Relation, HostError> {
        Ok(Relation::new(&self.database, &call.source, &call.table))
    }

    fn function(&self, call: &FunctionCall) -> Result<Relation, HostError> {
        Ok(Relation::new(&self.database, &self.schema, &call.name))
    }

    fn var(&self, name: &str, default: Option<Json>) -> Result<Json, HostError> {
        self.settings.var(name, default)
    }

    fn has_var(&self, name: &str) -> bool {
        self.settings.vars.contains_key(name)
    }

    fn env_var(&self, name: &str, default: Option<String>) -> Result<String, HostError> {
        refuse_secret(name)?;
        self.settings.env_var(name, default)
    }

    fn doc(&self, _package: Option<&str>, name: &str) -> Result<String, HostError> {
        doc(&self.docs, name)
    }

    fn config_get(&self, _key: &str) -> Option<Json> {
        None
    }

    fn is_incremental(&self) -> bool {
        false
    }

    fn runtime_config(&self) -> Option<Arc<Json>> {
        Some(Arc::clone(&self.runtime_config))
    }

    fn log(&self, _message: &str, _info: bool) {}

    fn warn(&self, _message: &str) {}
}
