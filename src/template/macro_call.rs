//! Macros that the program calls itself: operations, and the macros of materializations.

use minijinja::Value;
use minijinja::value::Kwargs;

use super::context::relation::RelationObject;
use super::fault::unknown_macro;
use super::macros::MacroObject;
use super::session::to_value;
use super::tables::table::Table;
use super::templates::{template_unit, to_template_value};
use super::values::print;
use super::{Context, MacroDefinition, Mode, TemplateError, TemplateSource, TemplateValue, Templates};
use crate::diagnostics::Span;
use crate::node::Relation;

/// A macro to call.
#[derive(Clone, Copy, Debug)]
pub struct MacroCall<'a> {
    /// Its unique id.
    pub macro_id: &'a str,
    /// The package whose macros win while it runs.
    pub package: &'a str,
    /// The text on whose behalf it is called, for what has no better place.
    pub place: Span,
}

impl Templates {
    /// A macro as an operation names it, `name` or `package.name`: the project's own goes before those of
    /// packages, and built-in ones come last.
    pub fn find_operation(&self, name: &str) -> Result<&MacroDefinition, TemplateError> {
        let library = &self.library;
        let found = match name.split_once('.') {
            Some((package, name)) => library.in_package(package, name),
            None => library.anywhere(library.root(), name),
        };
        found.map(|it| library.get(it).0).ok_or_else(|| {
            let full = |it: &MacroDefinition| format!("{}.{}", it.package, it.name);
            let bare = |it: &MacroDefinition| it.name.clone();
            let has_package = name.contains('.');
            let known: Vec<String> =
                self.macros().iter().map(|it| if has_package { full(it) } else { bare(it) }).collect();
            unknown_macro(name, known.iter().map(String::as_str))
        })
    }

    /// Calls a macro with arguments by name and gives what it returned, or else the text that it wrote.
    pub fn call_macro(
        &self,
        call: MacroCall<'_>,
        arguments: &[(&str, TemplateValue)],
        ctx: &Context,
    ) -> Result<TemplateValue, TemplateError> {
        let named = arguments.iter().map(|(name, value)| (*name, to_value(value)));
        let args = [Value::from(named.collect::<Kwargs>())];
        self.call(call, if arguments.is_empty() { &[] } else { &args }, ctx).map(|it| to_template_value(&it))
    }

    /// Calls a macro that the program does the work of, if a project or package has its own form of it.
    pub fn call_own(
        &self,
        (package, name): (&str, &str),
        arguments: &[(&str, TemplateValue)],
        ctx: &Context,
        place: Span,
    ) -> Option<Result<TemplateValue, TemplateError>> {
        self.override_of(package, name)?;
        let called = self.library.get(self.library.visible(package, name)?).1;
        Some(self.call_macro(MacroCall { macro_id: &called.name, package, place }, arguments, ctx))
    }

    /// Calls the macro of a materialization; gives the relations that it says it made.
    pub fn materialize(&self, call: MacroCall<'_>, ctx: &Context) -> Result<Vec<Relation>, TemplateError> {
        let (returned, main) = self.call_for_result(call, &[], ctx)?;
        let relations = relations(&returned).map_err(|found| TemplateError {
            message: format!("a materialization must return `{{'relations': [...]}}`, not {found}"),
            help: Some("end it with `{{ return({'relations': [target_relation]}) }}`".to_owned()),
            ..self.misbehaved(call)
        })?;
        if main.is_none() {
            return Err(TemplateError {
                code: "no-main-statement",
                message: "a materialization must run the statement `main`, which this one did not".to_owned(),
                help: Some(
                    "make the relation in `{% call statement('main') %} ... {% endcall %}`".to_owned(),
                ),
                ..self.misbehaved(call)
            });
        }
        Ok(relations)
    }

    /// Calls the macro of a materialization of tests; gives the one row of its statement `main`: the number of
    /// failures, whether to warn and whether to fail.
    pub fn judge_by_macro(&self, call: MacroCall<'_>, ctx: &Context) -> Result<TestVerdict, TemplateError> {
        let (_, main) = self.call_for_result(call, &[], ctx)?;
        let table = main.and_then(|it| it.get_attr("table").ok());
        let verdict = table.as_ref().and_then(Value::downcast_object_ref::<Table>).and_then(verdict);
        verdict.ok_or_else(|| TemplateError {
            message: "the statement `main` of a test must give one row of `failures`, `should_warn` and \
                      `should_error`"
                .to_owned(),
            help: Some("select them in `{% call statement('main', fetch_result=True) %}`".to_owned()),
            ..self.misbehaved(call)
        })
    }

    /// A fault of the macro as a whole.
    fn misbehaved(&self, call: MacroCall<'_>) -> TemplateError {
        let span = self.library.by_id(call.macro_id).map(|it| self.library.get(it).0.span);
        TemplateError { code: "template-call", message: String::new(), span, trace: Vec::new(), help: None }
    }

    fn call(&self, call: MacroCall<'_>, args: &[Value], ctx: &Context) -> Result<Value, TemplateError> {
        self.call_for_result(call, args, ctx).map(|it| it.0)
    }

    /// What a macro returned, and the result of its statement `main`, if it ran one.
    fn call_for_result(
        &self,
        call: MacroCall<'_>,
        args: &[Value],
        ctx: &Context,
    ) -> Result<(Value, Option<Value>), TemplateError> {
        let Some(index) = self.library.by_id(call.macro_id) else {
            return Err(unknown_macro(call.macro_id, self.macros().iter().map(|it| it.name.as_str())));
        };
        let source = TemplateSource {
            package: call.package.to_owned(),
            file: call.place.file,
            text: "".into(),
            offset: call.place.start as usize,
        };
        let session = self.session(template_unit(&source, false)?.into(), ctx, false);
        let env = match ctx.mode {
            Mode::Parse => &self.parsing,
            Mode::Execute => &self.executing,
        };
        let result = MacroObject::value(&session, index).call(&mut env.empty_state(), args);
        let main = session.results().get("main").cloned().flatten();
        session.forget_results();
        result.map(|it| (it, main)).map_err(|error| {
            let mut error = self.describe(&session, &error);
            if error.span.is_none() {
                error.span = Some(self.library.get(index).0.span);
            }
            error
        })
    }
}

/// What the statement `main` of a test says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TestVerdict {
    /// How many rows fail.
    pub failures: i64,
    /// Whether they are enough for a warning.
    pub warns: bool,
    /// Whether they are enough for a failure.
    pub fails: bool,
}

fn verdict(table: &Table) -> Option<TestVerdict> {
    let mut rows = table.rows();
    let (row, None) = (rows.next()?, rows.next()) else { return None };
    let cell = |name: &str| row.get(table.names().iter().position(|it| it.eq_ignore_ascii_case(name))?);
    // An aggregate over no rows is null; dbt counts that as no failure.
    let failures = print::text(cell("failures")?).parse::<f64>().unwrap_or(0.0);
    #[expect(clippy::cast_possible_truncation, reason = "a number of rows")]
    let failures = failures as i64;
    Some(TestVerdict {
        failures,
        warns: cell("should_warn")?.is_true(),
        fails: cell("should_error")?.is_true(),
    })
}

/// The relations in `{'relations': [...]}`; else what was found instead.
fn relations(returned: &Value) -> Result<Vec<Relation>, String> {
    let list = match returned.get_attr("relations") {
        Ok(list) if !list.is_undefined() => list,
        _ if returned.as_str().is_some() => return Err("nothing at all".to_owned()),
        _ => return Err(print::kind_of(returned).to_owned()),
    };
    let items = list.try_iter().map_err(|_| format!("{} as `relations`", print::kind_of(&list)))?;
    let relation = |item: Value| match item.downcast_object_ref::<RelationObject>() {
        Some(relation) => match relation.to_template_value() {
            TemplateValue::Relation(relation) => Ok(relation),
            TemplateValue::Json(_) => Err("something that is no relation".to_owned()),
        },
        None => Err(format!("{} among its relations", print::kind_of(&item))),
    };
    items.map(relation).collect()
}
