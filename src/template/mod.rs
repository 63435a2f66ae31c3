//! The minijinja wall: everything that knows how dbt's Jinja is read and rendered.
//!
//! In: macro files, and one template text at a time with a [`Context`] that says what the outside
//! answers. Out: what a template refers to ([`Scan`]), or its text with a map back to the source
//! ([`Rendered`]), or a [`TemplateError`] with the place and the chain of macro calls.
//! Deliberately absent: files, clock, environment and engine; all of them are behind [`Host`].

mod blocks;
mod context;
mod docs_block;
mod edits;
mod expressions;
mod fault;
mod library;
mod lone_expression;
mod macro_call;
mod macros;
mod made;
mod materializations;
mod modules;
mod operands;
mod rewrite;
mod segments;
mod session;
mod snapshot_block;
mod static_scan;
mod syntax;
mod tables;
mod templates;
mod unit;
mod values;
mod wording;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde_json::Value as Json;

pub use self::docs_block::docs_blocks;
pub use self::macro_call::{MacroCall, TestVerdict};
pub use self::materializations::FoundMaterialization;
pub use self::snapshot_block::{may_have_snapshots, snapshot_blocks};
pub use self::templates::Templates;
pub(crate) use self::values::print::float_text;
use crate::diagnostics::{Diagnostic, FileId, Span, Spanned};
use crate::node::{Quoting, Relation};
use crate::warehouse::{CatalogEntry, Column, Rows};

/// The built-in macros, as path shown and text: files of the package `dbt`.
pub fn builtin_files() -> &'static [(&'static str, &'static str)] {
    &[
        ("builtin/aggregates.sql", include_str!("builtin/aggregates.sql")),
        ("builtin/arrays.sql", include_str!("builtin/arrays.sql")),
        ("builtin/columns.sql", include_str!("builtin/columns.sql")),
        ("builtin/comparisons.sql", include_str!("builtin/comparisons.sql")),
        ("builtin/dates.sql", include_str!("builtin/dates.sql")),
        ("builtin/external.sql", include_str!("builtin/external.sql")),
        ("builtin/generic_tests.sql", include_str!("builtin/generic_tests.sql")),
        ("builtin/hooks.sql", include_str!("builtin/hooks.sql")),
        ("builtin/incremental.sql", include_str!("builtin/incremental.sql")),
        ("builtin/materializations.sql", include_str!("builtin/materializations.sql")),
        ("builtin/names.sql", include_str!("builtin/names.sql")),
        ("builtin/node_settings.sql", include_str!("builtin/node_settings.sql")),
        ("builtin/relations.sql", include_str!("builtin/relations.sql")),
        ("builtin/replacing.sql", include_str!("builtin/replacing.sql")),
        ("builtin/schemas.sql", include_str!("builtin/schemas.sql")),
        ("builtin/seeds.sql", include_str!("builtin/seeds.sql")),
        ("builtin/series.sql", include_str!("builtin/series.sql")),
        ("builtin/snapshot_tables.sql", include_str!("builtin/snapshot_tables.sql")),
        ("builtin/snapshots.sql", include_str!("builtin/snapshots.sql")),
        ("builtin/strings.sql", include_str!("builtin/strings.sql")),
        ("builtin/test_queries.sql", include_str!("builtin/test_queries.sql")),
        ("builtin/types.sql", include_str!("builtin/types.sql")),
        ("builtin/upkeep.sql", include_str!("builtin/upkeep.sql")),
        ("builtin/validation.sql", include_str!("builtin/validation.sql")),
    ]
}

/// Whether a text has anything that must be rendered; if not, it is its own rendering.
pub fn has_template_syntax(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.windows(2).any(|it| matches!(it, b"{{" | b"{%" | b"{#" | b"#}" | b"}}" | b"%}"))
}

/// Runs what calls itself for everything that is nested: threads have small stacks.
fn with_stack<T>(run: impl FnOnce() -> T) -> T {
    const LEFT: usize = 1024 * 1024;
    const MORE: usize = 16 * 1024 * 1024;
    stacker::maybe_grow(LEFT, MORE, run)
}

/// One text to read or render.
#[derive(Clone, Debug)]
pub struct TemplateSource {
    /// The package it belongs to: whose macros win when a name is looked up.
    pub package: String,
    /// The file it is in.
    pub file: FileId,
    /// The part of the file; its text is what is rendered, and places are reported in the file.
    pub text: Arc<str>,
    /// Offset of the first byte of `text` in the file.
    pub offset: usize,
}

/// A macro file of a package.
#[derive(Clone, Debug)]
pub struct MacroFile {
    /// The package it belongs to; built-in macros have the package `dbt`.
    pub package: String,
    /// The file.
    pub file: FileId,
    /// Whole text.
    pub text: Arc<str>,
}

/// What a block in a macro file defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MacroKind {
    /// `{% macro name(...) %}`.
    Macro,
    /// `{% test name(...) %}` or `{% data_test name(...) %}`; its macro name is `test_name`.
    Test,
    /// `{% materialization name, adapter='duckdb' %}`; its macro name is `materialization_name_duckdb`, or
    /// `materialization_name_default`.
    Materialization,
}

/// A macro as declared.
#[derive(Clone, Debug)]
pub struct MacroDefinition {
    /// Name to call it by (`test_...` for tests).
    pub name: String,
    /// Package.
    pub package: String,
    /// What kind of block it is.
    pub kind: MacroKind,
    /// Where the name is written.
    pub span: Span,
    /// The whole block.
    pub block: Span,
    /// Parameter names in order.
    pub parameters: Vec<String>,
    /// Materializations: the languages of models that they take.
    pub languages: Vec<String>,
}

/// A `{% docs name %}` block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocsBlock {
    /// Name to give to `doc()`.
    pub name: Spanned<String>,
    /// Text between the tags, trimmed as dbt does.
    pub contents: String,
}

/// A `{% snapshot name %}` block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotBlock {
    /// The snapshot's name.
    pub name: Spanned<String>,
    /// The template between the tags.
    pub text: Arc<str>,
    /// Offset of the template's first byte in the file.
    pub offset: usize,
}

/// A call of `ref()`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefCall {
    /// First argument of a two-argument call.
    pub package: Option<String>,
    /// The model, seed or snapshot.
    pub name: String,
    /// `v=` or `version=`.
    pub version: Option<String>,
}

/// A call of `source()`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceCall {
    /// First argument.
    pub source: String,
    /// Second argument.
    pub table: String,
}

/// A call of `function()`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunctionCall {
    /// First argument of a two-argument call.
    pub package: Option<String>,
    /// The function.
    pub name: String,
}

/// What a template says about itself when it is parsed.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// Calls of `ref()` in order, each with the place of the call's name argument.
    pub refs: Vec<Spanned<RefCall>>,
    /// Calls of `source()` in order, likewise.
    pub sources: Vec<Spanned<SourceCall>>,
    /// Calls of `function()` in order, likewise.
    pub functions: Vec<Spanned<FunctionCall>>,
    /// Keyword arguments of `config()` in order; a later one wins or adds, as the key says.
    pub config: Vec<(Spanned<String>, Json)>,
    /// Unique ids of macros that were called (`macro.package.name`), sorted.
    pub macros: Vec<String>,
    /// Whether it was read from its syntax tree without rendering.
    pub is_static: bool,
}

/// Whether rendering may look at the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `execute` is false: only calls are recorded.
    Parse,
    /// `execute` is true.
    Execute,
}

/// What the outside answers to a template. An `Err` becomes a template error at the place of the call.
pub trait Host: Send + Sync {
    /// `ref(...)`: the relation. In [`Mode::Parse`] any relation will do: the call itself is recorded by the wall.
    fn reference(&self, call: &RefCall) -> Result<Relation, HostError>;
    /// `source(...)`: likewise.
    fn source(&self, call: &SourceCall) -> Result<Relation, HostError>;
    /// `function(...)`: likewise. Where there are no functions, every call is refused.
    fn function(&self, call: &FunctionCall) -> Result<Relation, HostError> {
        Err(HostError {
            code: "template-call",
            message: format!("`function('{}')` cannot be used here", call.name),
            help: None,
        })
    }
    /// `var(name)` or `var(name, default)`.
    fn var(&self, name: &str, default: Option<Json>) -> Result<Json, HostError>;
    /// `var.has_var(name)`.
    fn has_var(&self, name: &str) -> bool;
    /// `env_var(name)` or `env_var(name, default)`.
    fn env_var(&self, name: &str, default: Option<String>) -> Result<String, HostError>;
    /// `doc(name)` or `doc(package, name)`.
    fn doc(&self, package: Option<&str>, name: &str) -> Result<String, HostError>;
    /// `config.get(key)`; `None` if the key is not set.
    fn config_get(&self, key: &str) -> Option<Json>;
    /// `is_incremental()`.
    fn is_incremental(&self) -> bool;
    /// What a macro, or another name that templates know, is answered instead of the truth.
    fn answer(&self, _package: Option<&str>, _name: &str) -> Option<Json> {
        None
    }
    /// `log(message, info)` and `print(message)` (always info).
    fn log(&self, message: &str, info: bool);
    /// `exceptions.warn(message)`.
    fn warn(&self, message: &str);
    /// A condition on the rows that the template reads of a relation, where not all of them are meant: `ref()`
    /// and `source()` are then written as a query.
    fn rows_of(&self, _relation: &Relation) -> Option<String> {
        None
    }
    /// The warehouse, where it can be asked. Without it, a call that needs it fails with the code
    /// [`NEEDS_WAREHOUSE`].
    fn engine(&self) -> Option<&dyn Engine> {
        None
    }
    /// `graph`: the whole project as artifacts show it; `None` where it is not known yet.
    fn graph(&self) -> Option<Arc<Json>> {
        None
    }
    /// `ref.config`: the project as dbt's adapters know it; `None` where there is none.
    fn runtime_config(&self) -> Option<Arc<Json>> {
        None
    }
    /// `selected_resources`: unique ids of the nodes that the command works on.
    fn selected_resources(&self) -> Vec<String> {
        Vec::new()
    }
    /// `dbt_metadata_envs`: environment variables `DBT_ENV_CUSTOM_ENV_*` without that prefix.
    fn metadata_envs(&self) -> Vec<(String, String)> {
        Vec::new()
    }
    /// The file of the seed that is being made; `None` where none is.
    fn seed(&self) -> Option<&SeedFile> {
        None
    }
}

/// Code of the error of a template that has to wait until a warehouse can be asked.
pub const NEEDS_WAREHOUSE: &str = "needs-warehouse";

/// The warehouse as templates ask it: one connection, one question at a time. An `Err` becomes a template
/// error at the place of the call.
pub trait Engine: Send + Sync {
    /// Runs one or more statements and gives all rows of the last one, none if it has no result.
    fn query(&self, sql: &str) -> Result<Rows, HostError>;
    /// Names and types of the columns of a query, without running it.
    fn describe(&self, sql: &str) -> Result<Vec<Column>, HostError>;
    /// All tables and views that are there now, in all databases, sorted by name.
    fn catalog(&self) -> Result<Vec<CatalogEntry>, HostError>;
    /// Whether its answers are those of a trial: then nothing that a template writes into `graph` is kept.
    fn is_trial(&self) -> bool {
        false
    }
    /// What `statement` wants before its SQL: a transaction. Where a node is made there always is one.
    fn begin_transaction(&self) -> Result<(), HostError> {
        Ok(())
    }
    /// `adapter.commit()`. Where a node is made, its transaction ends when its tests have passed.
    fn commit_transaction(&self) -> Result<(), HostError> {
        Ok(())
    }
}

/// A seed's file, for the macros that load it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedFile {
    /// Where it is, as the engine finds it.
    pub path: String,
    /// The query of its rows; columns whose type the project gives are texts.
    pub rows: String,
}

/// A host's refusal: what is wrong in one lowercase phrase, and perhaps what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostError {
    /// Kebab-case code of the fault.
    pub code: &'static str,
    /// Headline.
    pub message: String,
    /// Advice.
    pub help: Option<String>,
}

/// Variables that are the same for every template of a run.
#[derive(Clone, Debug)]
pub struct Globals {
    /// `target`: name, schema, database, type, threads, path, ...
    pub target: Json,
    /// `project_name`.
    pub project_name: String,
    /// `invocation_id`.
    pub invocation_id: String,
    /// `run_started_at`, in RFC 3339, UTC; a datetime object in templates.
    pub run_started_at: String,
    /// `flags`: `FULL_REFRESH`, `WHICH`, ...
    pub flags: Json,
    /// How the project wants names to be written.
    pub quoting: Quoting,
}

/// What one rendering sees.
#[derive(Clone)]
pub struct Context {
    /// Parse or execute.
    pub mode: Mode,
    /// The run's variables.
    pub globals: Arc<Globals>,
    /// The outside.
    pub host: Arc<dyn Host>,
    /// `this`: the relation being built.
    pub this: Option<Relation>,
    /// `model`: the node as artifacts show it.
    pub model: Option<Json>,
    /// Variables of this rendering alone, over all others.
    pub locals: Vec<(String, TemplateValue)>,
}

/// A value handed to a template: plain data, or a relation that renders as its name.
#[derive(Clone, Debug, PartialEq)]
pub enum TemplateValue {
    /// Numbers, texts, lists, dictionaries, null.
    Json(Json),
    /// A relation object with `.database`, `.schema`, `.identifier`, `.name`, ...
    Relation(Relation),
}

/// How a stretch of output relates to the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentKind {
    /// Copied: offsets inside map one to one.
    Verbatim,
    /// The value of an expression: every byte maps to the whole expression.
    Expression,
}

/// A stretch of output and the source it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Bytes of the output.
    pub output: Range<usize>,
    /// Place in the source.
    pub source: Span,
    /// Copied or computed.
    pub kind: SegmentKind,
    /// The calls that led to the source, innermost first: place and `in macro x`-like text.
    pub calls: Vec<(Span, String)>,
}

impl Segment {
    /// The part of it that lies in a range of its text, moved to where the range begins now.
    pub fn moved(&self, range: &Range<usize>, base: usize) -> Option<Self> {
        made::moved(self, range, base)
    }
}

/// A template's output with the way back to its source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The text.
    pub text: String,
    /// Stretches in order, not overlapping; gaps have no known source.
    pub segments: Vec<Segment>,
}

impl Rendered {
    /// The place in the source that a byte of the output came from: an exact point for copied text,
    /// the whole expression for computed text, `None` if unknown.
    pub fn source_of(&self, output_offset: usize) -> Option<(Span, SegmentKind)> {
        let segment = self.segment_at(output_offset)?;
        Some(match segment.kind {
            SegmentKind::Verbatim => {
                let start = segment.source.start as usize + (output_offset - segment.output.start);
                (Span::new(segment.source.file, start..start), SegmentKind::Verbatim)
            }
            SegmentKind::Expression => (segment.source, SegmentKind::Expression),
        })
    }
}

impl Rendered {
    /// The calls that led to that place, innermost first.
    pub fn calls_at(&self, output_offset: usize) -> &[(Span, String)] {
        self.segment_at(output_offset).map_or(&[], |it| &it.calls)
    }

    fn segment_at(&self, output_offset: usize) -> Option<&Segment> {
        let index = self.segments.partition_point(|it| it.output.end <= output_offset);
        self.segments.get(index).filter(|it| it.output.start <= output_offset)
    }
}

/// A template could not be read or rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// Kebab-case code: `template-syntax`, `undefined-variable`, `unknown-macro`, `unknown-filter`,
    /// `unknown-test`, `template-call` (a call or operation that cannot work), `unsupported-call` (it needs
    /// the engine), `missing-config`, `compilation-error` (raised by the project itself), or the host's own.
    pub code: &'static str,
    /// Headline.
    pub message: String,
    /// Innermost place, where known.
    pub span: Option<Span>,
    /// The calls that led there, innermost first: place and `in macro x`-like text.
    pub trace: Vec<(Span, String)>,
    /// Advice.
    pub help: Option<String>,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl TemplateError {
    /// The error as a diagnostic.
    pub fn into_diagnostic(self) -> Diagnostic {
        let mut lines = self.message.lines();
        let headline = lines.next().unwrap_or_default();
        let diagnostic = Diagnostic::error(self.code, headline).at_opt(self.span, "").help_opt(self.help);
        let diagnostic = lines.map(str::trim).filter(|it| !it.is_empty()).fold(diagnostic, Diagnostic::note);
        self.trace.into_iter().fold(diagnostic, |it, (span, text)| it.and_at(span, text))
    }
}
