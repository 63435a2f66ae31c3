//! The hooks of whole runs, `on-run-start` and `on-run-end`, of the project and of its packages.

use std::sync::Arc;

use super::Parser;
use crate::diagnostics::{Diagnostics, Spanned};
use crate::project::config::ProjectConfig;
use crate::template::{RefCall, SourceCall, TemplateSource};

/// Before or after all nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// `on-run-start`.
    Start,
    /// `on-run-end`.
    End,
}

impl Moment {
    /// The key in the project file.
    pub fn as_str(self) -> &'static str {
        match self {
            Moment::Start => "on-run-start",
            Moment::End => "on-run-end",
        }
    }
}

/// One hook of a run. It is rendered when its turn has come.
#[derive(Clone, Debug)]
pub struct RunHook {
    /// When.
    pub moment: Moment,
    /// Whose project file it is in.
    pub package: String,
    /// Its number in that file, from 0.
    pub index: usize,
    /// Its text.
    pub sql: TemplateSource,
    /// Calls of `ref()`.
    pub refs: Vec<Spanned<RefCall>>,
    /// Calls of `source()`.
    pub sources: Vec<Spanned<SourceCall>>,
    /// Macros that were called, by unique id.
    pub macros: Vec<String>,
    /// The hook's text in its file.
    pub text: Spanned<String>,
}

impl RunHook {
    /// Its name, as dbt gives one: `shop-on-run-start-0`.
    pub fn name(&self) -> String {
        format!("{}-{}-{}", self.package, self.moment.as_str(), self.index)
    }

    /// Its unique id, of dbt's kind `operation`.
    pub fn unique_id(&self) -> String {
        format!("operation.{}.{}", self.package, self.name())
    }
}

/// Reads the hooks of one project file, in order. What asks the warehouse is not asked yet.
pub(super) fn read(parser: &Parser<'_>, diags: &mut Diagnostics, config: &ProjectConfig) -> Vec<RunHook> {
    let start = config.on_run_start.iter().enumerate().map(|it| (Moment::Start, it));
    let end = config.on_run_end.iter().enumerate().map(|it| (Moment::End, it));
    let mut hooks = Vec::new();
    for (moment, (index, text)) in start.chain(end) {
        let sql = TemplateSource {
            package: parser.package.to_owned(),
            file: text.span.file,
            text: Arc::from(text.value.as_str()),
            offset: text.span.start as usize,
        };
        match parser.templates.scan(&sql, &parser.context) {
            Ok(scan) => hooks.push(RunHook {
                moment,
                package: parser.package.to_owned(),
                index,
                sql,
                refs: scan.refs,
                sources: scan.sources,
                macros: scan.macros,
                text: text.clone(),
            }),
            Err(mut error) => {
                // A quoted or folded YAML text has other offsets than its value.
                error.span = Some(text.span);
                diags.push(error.into_diagnostic());
            }
        }
    }
    hooks
}
