//! [`Templates`]: all macros, compiled once, and everything that is done with a template.

use std::sync::Arc;

use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, Error, OutputSpan, Template, UndefinedBehavior, Value};

use super::blocks::{MacroBlock, read_macro_file};
use super::context::relation::RelationObject;
use super::fault::{Places, from_syntax, return_place, returned, unknown_macro};
use super::library::Library;
use super::lone_expression::{WRITTEN, Written, is_constant, is_lone_expression};
use super::macros::bind;
use super::made::Made;
use super::rewrite::{Origin, Rewriter};
use super::segments::{computed, rendered, verbatim};
use super::session::{Scope, Session, to_value};
use super::static_scan::static_scan;
use super::syntax::{syntax_config, tokenize};
use super::unit::Unit;
use super::values::convert::to_json;
use super::values::{filters, methods, print};
use super::{
    Context, MacroDefinition, MacroFile, Mode, Rendered, Scan, TemplateError, TemplateSource, TemplateValue,
    has_template_syntax, with_stack,
};
use crate::diagnostics::{Diagnostics, Span};

/// Names that may be a template's only calls if it is to be scanned without rendering.
const STATIC_NAMES: [&str; 5] = ["ref", "source", "config", "var", "function"];

/// Reads and renders templates. Immutable, so that worker threads can share it.
#[derive(Debug)]
pub struct Templates {
    pub(super) library: Arc<Library>,
    pub(super) parsing: Environment<'static>,
    pub(super) executing: Environment<'static>,
}

impl Templates {
    /// Reads all macro files; what is wrong in them is reported, the rest can be used.
    pub fn new(diags: &mut Diagnostics, root_package: &str, files: &[MacroFile]) -> Self {
        let mut blocks = Vec::new();
        for file in files {
            blocks.extend(read_macro_file(diags, file));
        }
        let mut executing = environment();
        blocks.retain(|block| match with_stack(|| compile_macro(&mut executing, block)) {
            Ok(()) => true,
            Err(error) => {
                diags.push(error.into_diagnostic());
                false
            }
        });
        let mut parsing = executing.clone();
        parsing.set_undefined_behavior(UndefinedBehavior::Chainable);
        parsing.set_unknown_method_callback(|state, value, method, args| match value.kind() {
            ValueKind::Undefined | ValueKind::None => Ok(Value::UNDEFINED),
            _ => methods::call(state, value, method, args),
        });
        Self { library: Arc::new(Library::new(diags, root_package, blocks)), parsing, executing }
    }

    /// The same with the project's own search order for a namespace in `adapter.dispatch`.
    #[must_use]
    pub fn with_dispatch(mut self, namespace: &str, packages: &[String]) -> Self {
        if let Some(library) = Arc::get_mut(&mut self.library) {
            library.dispatch.insert(namespace.to_owned(), packages.to_vec());
        }
        self
    }

    /// All macros, sorted by package and name.
    pub fn macros(&self) -> &[MacroDefinition] {
        self.library.definitions()
    }

    /// A macro by its bare name, as dbt looks for it: in the calling package, in the root project, in
    /// other packages, among the built-in ones.
    pub fn find_macro(&self, from_package: &str, name: &str) -> Option<&MacroDefinition> {
        self.library.anywhere(from_package, name).map(|it| self.library.get(it).0)
    }

    /// What a template refers to and configures.
    pub fn scan(&self, source: &TemplateSource, ctx: &Context) -> Result<Scan, TemplateError> {
        if !has_template_syntax(&source.text) {
            return Ok(Scan { is_static: true, ..Scan::default() });
        }
        if !STATIC_NAMES.iter().any(|it| self.is_taken(&source.package, ctx, it))
            && let Some(scan) = with_stack(|| static_scan(source))
        {
            return Ok(scan);
        }
        let session = self.session(Arc::new(template_unit(source, false)?), ctx, false);
        self.run(&session, Vec::new())?;
        Ok(session.take_scan())
    }

    fn is_taken(&self, package: &str, ctx: &Context, name: &str) -> bool {
        self.library.visible(package, name).is_some() || ctx.locals.iter().any(|it| it.0 == name)
    }

    /// A template's text, with the way back to the file.
    pub fn render(&self, source: &TemplateSource, ctx: &Context) -> Result<Rendered, TemplateError> {
        if !has_template_syntax(&source.text) {
            return Ok(verbatim(source));
        }
        let session = self.session(Arc::new(template_unit(source, false)?), ctx, false);
        match self.run(&session, Vec::new())? {
            Outcome::Finished(text, spans, made) => Ok(rendered(&session.main, text, &spans, &made)),
            Outcome::Returned(value, place, made) => Ok(computed(&value, place, &made)),
        }
    }

    /// A text of a YAML file or a test's argument as dbt reads it: a lone `{{ expression }}` keeps its type.
    pub fn render_value(
        &self,
        source: &TemplateSource,
        ctx: &Context,
    ) -> Result<TemplateValue, TemplateError> {
        if !has_template_syntax(&source.text) {
            return Ok(TemplateValue::Json(source.text.to_string().into()));
        }
        let unit = template_unit(source, is_lone_expression(&source.text))?;
        let session = self.session(Arc::new(unit), ctx, true);
        match self.run(&session, Vec::new())? {
            Outcome::Finished(text, spans, _) => {
                Ok(match session.written.whole(&session.main, &text, &spans) {
                    Some(value) => to_template_value(&value),
                    None => TemplateValue::Json(text.into()),
                })
            }
            Outcome::Returned(value, ..) if is_constant(&source.text) => {
                Ok(TemplateValue::Json(print::text(&value).into()))
            }
            Outcome::Returned(value, ..) => Ok(to_template_value(&value)),
        }
    }

    /// Calls a macro, such as a generic test, with arguments by name; places are in the macro's file.
    pub fn call_test(
        &self,
        package: &str,
        macro_name: &str,
        kwargs: &[(String, TemplateValue)],
        ctx: &Context,
        call_site: Span,
    ) -> Result<Rendered, TemplateError> {
        let call = self.test_call(package, macro_name, kwargs, ctx, call_site)?;
        let outcome = self.run(&call.session, call.locals);
        match outcome.map_err(|error| called_at(error, macro_name, call_site))? {
            Outcome::Finished(text, spans, made) => Ok(rendered(&call.session.main, text, &spans, &made)),
            Outcome::Returned(value, place, made) => Ok(computed(&value, place, &made)),
        }
    }

    /// What such a call refers to and configures: rendered as when parsing.
    pub fn scan_test(
        &self,
        package: &str,
        macro_name: &str,
        kwargs: &[(String, TemplateValue)],
        ctx: &Context,
        call_site: Span,
    ) -> Result<Scan, TemplateError> {
        let call = self.test_call(package, macro_name, kwargs, ctx, call_site)?;
        let outcome = self.run(&call.session, call.locals);
        outcome.map_err(|error| called_at(error, macro_name, call_site))?;
        let mut scan = call.session.take_scan();
        scan.macros = vec![call.session.main.name.clone()];
        Ok(scan)
    }

    fn test_call(
        &self,
        package: &str,
        macro_name: &str,
        kwargs: &[(String, TemplateValue)],
        ctx: &Context,
        call_site: Span,
    ) -> Result<TestCall, TemplateError> {
        let Some(index) = self.library.anywhere(package, macro_name) else {
            let known = self.library.visible_names(package);
            let mut error = unknown_macro(macro_name, known.iter().map(String::as_str));
            error.span = Some(call_site);
            return Err(error);
        };
        let unit = Arc::clone(self.library.get(index).1);
        let session = self.session(unit, ctx, false);
        let named = kwargs.iter().map(|(name, value)| (name.as_str(), to_value(value)));
        let args = [Value::from(named.collect::<minijinja::value::Kwargs>())];
        let locals = bind(&format!("macro `{macro_name}`"), &session.main, &args).map_err(|error| {
            let mut error = self.describe(&session, &error);
            error.span = Some(call_site);
            error
        })?;
        // The test itself counts as called: what it calls is one level down, as in dbt.
        if let Err(error) = session.enter(&session.main.name) {
            return Err(self.describe(&session, &error));
        }
        Ok(TestCall { session, locals })
    }

    pub(super) fn session(&self, main: Arc<Unit>, ctx: &Context, as_value: bool) -> Arc<Session> {
        Session::new(Arc::clone(&self.library), ctx.clone(), main, as_value)
    }

    fn run(&self, session: &Arc<Session>, locals: Vec<(String, Value)>) -> Result<Outcome, TemplateError> {
        let env = match session.context.mode {
            Mode::Parse => &self.parsing,
            Mode::Execute => &self.executing,
        };
        let scope = Scope::value(session, &session.main, locals);
        session.begin();
        let result =
            with_stack(|| compile(env, &session.main).and_then(|template| template.render_with_spans(scope)));
        let made = session.end();
        session.forget_results();
        match result {
            Ok((text, spans)) => Ok(Outcome::Finished(text, spans, made)),
            Err(error) => match returned(&error) {
                Some(value) => Ok(Outcome::Returned(value, return_place(&session.main, &error), made)),
                None => Err(self.describe(session, &error)),
            },
        }
    }

    pub(super) fn describe(&self, session: &Session, error: &Error) -> TemplateError {
        Places { main: &session.main, library: &self.library, known: session.known_names() }.describe(error)
    }
}

/// How a rendering ended.
enum Outcome {
    Finished(String, Vec<OutputSpan>, Vec<Made>),
    Returned(Value, Span, Vec<Made>),
}

struct TestCall {
    session: Arc<Session>,
    locals: Vec<(String, Value)>,
}

/// An environment as dbt's: nothing is escaped, undefined prints as nothing.
fn environment() -> Environment<'static> {
    let mut env = Environment::new();
    env.set_debug(false);
    env.set_syntax(syntax_config());
    env.set_auto_escape_callback(|_| AutoEscape::None);
    env.set_undefined_behavior(UndefinedBehavior::Lenient);
    env.set_unknown_method_callback(methods::call);
    env.set_formatter(|out, state, value| {
        if state.name() == TEMPLATE
            && let Some(written) = state.lookup(WRITTEN)
            && let Some(written) = written.downcast_object_ref::<Written>()
        {
            written.note(value);
        }
        out.write_str(&print::text(value)).map_err(Error::from)
    });
    filters::register(&mut env);
    env
}

fn compile<'env>(env: &'env Environment<'env>, unit: &'env Unit) -> Result<Template<'env, 'env>, Error> {
    match env.get_template(&unit.name) {
        Ok(template) => Ok(template),
        Err(_) => env.template_from_named_str(&unit.name, &unit.text),
    }
}

fn compile_macro(env: &mut Environment<'static>, block: &MacroBlock) -> Result<(), TemplateError> {
    let unit = &block.unit;
    let mut units = vec![Arc::clone(unit)];
    while let Some(part) = units.pop() {
        let result = if part.name == unit.name {
            env.add_template_owned(unit.name.clone(), unit.text.clone())
        } else {
            env.template_from_named_str(&part.name, &part.text).map(|_| ())
        };
        if let Err(error) = result {
            return Err(compile_error(&part, &error));
        }
        units.extend(part.callers.iter().cloned());
    }
    Ok(())
}

fn compile_error(unit: &Arc<Unit>, error: &Error) -> TemplateError {
    let mut diags = Diagnostics::default();
    let library = Library::new(&mut diags, "", Vec::new());
    Places { main: unit, library: &library, known: Vec::new() }.describe(error)
}

/// The name under which a template is compiled; macros have a `macro.` before theirs.
const TEMPLATE: &str = "template";

pub(super) fn template_unit(source: &TemplateSource, as_value: bool) -> Result<Unit, TemplateError> {
    let origin = Origin {
        package: source.package.clone(),
        file: source.file,
        offset: source.offset,
        source: Arc::clone(&source.text),
    };
    let span = |range: std::ops::Range<usize>| {
        Span::new(source.file, source.offset + range.start..source.offset + range.end)
    };
    let tokens = tokenize(&source.text).map_err(|fault| from_syntax(span, fault))?;
    let rewriter = Rewriter { origin: &origin, tokens: &tokens };
    rewriter.template(TEMPLATE, as_value).map_err(|fault| from_syntax(span, fault))
}

pub(super) fn to_template_value(value: &Value) -> TemplateValue {
    match value.downcast_object_ref::<RelationObject>() {
        Some(relation) => relation.to_template_value(),
        None => TemplateValue::Json(to_json(value)),
    }
}

fn called_at(mut error: TemplateError, macro_name: &str, call_site: Span) -> TemplateError {
    let name = macro_name.strip_prefix("test_").unwrap_or(macro_name);
    error.trace.push((call_site, format!("in test `{name}`, called here")));
    error
}
