//! `functions:` in properties files: what YAML says about SQL functions.

use serde_json::Value as Json;

use super::Reader;
use crate::diagnostics::{Diagnostic, Spanned};
use crate::parse::config_layer::{ConfigLayer, config_layer};
use crate::yaml::Yaml;
use crate::yaml::fields::Fields;

/// What YAML says about a function.
#[derive(Clone, Debug)]
pub struct FunctionProperties {
    /// The function's name: that of its file.
    pub name: Spanned<String>,
    /// Description, as written.
    pub description: Option<Spanned<String>>,
    /// What it takes, in order.
    pub arguments: Vec<FunctionArgument>,
    /// What it gives.
    pub returns: Option<FunctionReturns>,
    /// `config:`.
    pub config: ConfigLayer,
}

/// An argument of a function.
#[derive(Clone, Debug)]
pub struct FunctionArgument {
    /// Its name in the function's SQL.
    pub name: Spanned<String>,
    /// Its type.
    pub data_type: Option<String>,
    /// Description, as written.
    pub description: Option<String>,
    /// SQL for its value where a call leaves it out.
    pub default_value: Option<Json>,
}

/// What a function gives.
#[derive(Clone, Debug)]
pub struct FunctionReturns {
    /// The type of a value.
    pub data_type: Option<Spanned<String>>,
    /// Description, as written.
    pub description: Option<String>,
    /// Names and types of a table's columns.
    pub columns: Vec<(Spanned<String>, Option<String>)>,
}

impl Reader<'_> {
    /// One entry of `functions:`.
    pub(super) fn function(&mut self, yaml: &Yaml) -> Option<FunctionProperties> {
        let mut fields = Fields::new(self.diags, yaml, "a function")?;
        let name = self.name(&mut fields, yaml, "a function")?;
        let description = fields.string(self.diags, "description");
        let mut arguments: Vec<FunctionArgument> = Vec::new();
        for entry in fields.list(self.diags, "arguments") {
            let Some(argument) = self.function_argument(entry) else { continue };
            let same = |it: &&FunctionArgument| it.name.value.eq_ignore_ascii_case(&argument.name.value);
            if let Some(first) = arguments.iter().find(same) {
                let message = format!("the argument `{}` is listed twice", argument.name.value);
                self.diags.push(
                    Diagnostic::error("duplicate-argument", message)
                        .at(argument.name.span, "again here")
                        .and_at(first.name.span, "first here"),
                );
                continue;
            }
            arguments.push(argument);
        }
        let returns = fields.get("returns").and_then(|it| self.function_returns(it));
        let config =
            config_layer(self.diags, &mut fields, &["meta", "docs", "tags", "group", "access", "enabled"]);
        fields.accept(&["columns", "language"]);
        fields.finish(self.diags, self.unknown);
        Some(FunctionProperties { name, description, arguments, returns, config })
    }

    fn function_argument(&mut self, yaml: &Yaml) -> Option<FunctionArgument> {
        let mut fields = Fields::new(self.diags, yaml, "an argument")?;
        let name = self.name(&mut fields, yaml, "an argument")?;
        let argument = FunctionArgument {
            name,
            data_type: fields.string(self.diags, "data_type").map(|it| it.value),
            description: fields.string(self.diags, "description").map(|it| it.value),
            default_value: fields.json("default_value").map(|it| it.value),
        };
        fields.finish(self.diags, self.unknown);
        Some(argument)
    }

    fn function_returns(&mut self, yaml: &Yaml) -> Option<FunctionReturns> {
        let mut fields = Fields::new(self.diags, yaml, "`returns`")?;
        let data_type = fields.string(self.diags, "data_type");
        let description = fields.string(self.diags, "description").map(|it| it.value);
        let mut columns = Vec::new();
        for entry in fields.list(self.diags, "columns") {
            let Some(mut column) = Fields::new(self.diags, entry, "a column") else { continue };
            let Some(name) = self.name(&mut column, entry, "a column") else { continue };
            columns.push((name, column.string(self.diags, "data_type").map(|it| it.value)));
            column.accept(&["description"]);
            column.finish(self.diags, self.unknown);
        }
        fields.finish(self.diags, self.unknown);
        Some(FunctionReturns { data_type, description, columns })
    }
}
