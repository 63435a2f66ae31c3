//! Macros that the program calls itself: operations, and the macros of materializations.

use minijinja::Value;
use minijinja::value::Kwargs;

use super::context::relation::RelationObject;
use super::fault::unknown_macro;
use super::macros::MacroObject;
use super::session::to_value;
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
        let returned = self.call(call, &[], ctx)?;
        relations(&returned).map_err(|found| TemplateError {
            code: "template-call",
            message: format!("a materialization must return `{{'relations': [...]}}`, not {found}"),
            span: self.library.by_id(call.macro_id).map(|it| self.library.get(it).0.span),
            trace: Vec::new(),
            help: Some("end it with `{{ return({'relations': [target_relation]}) }}`".to_owned()),
        })
    }

    fn call(&self, call: MacroCall<'_>, args: &[Value], ctx: &Context) -> Result<Value, TemplateError> {
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
        session.forget_results();
        result.map_err(|error| {
            let mut error = self.describe(&session, &error);
            if error.span.is_none() {
                error.span = Some(self.library.get(index).0.span);
            }
            error
        })
    }
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
