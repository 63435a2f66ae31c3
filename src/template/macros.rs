//! Macros as objects that templates call, packages as objects that hold them, and call blocks.

use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Tuple};
use minijinja::{Error, ErrorKind, OutputSpan, State, Value};
use serde_json::Value as Json;

use super::blocks::unique_id;
use super::context;
use super::fault::{bad_call, fail_with_help, in_block, in_call, return_place, returned, unknown_macro};
use super::library::BUILTIN;
use super::made::Made;
use super::segments;
use super::session::{Scope, Session};
use super::unit::Unit;
use super::values::arguments::split;
use super::values::convert::{from_json, own};
use super::values::dict::Dict;
use super::{Rendered, with_stack};

/// A macro that can be called.
#[derive(Debug)]
pub(super) struct MacroObject {
    session: Arc<Session>,
    index: usize,
}

impl MacroObject {
    /// The macro of this index as a value.
    pub(super) fn value(session: &Arc<Session>, index: usize) -> Value {
        Value::from_object(Self { session: Arc::clone(session), index })
    }
}

impl Object for MacroObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let (definition, _) = self.session.library.get(self.index);
        match key.as_str()? {
            "name" => Some(Value::from(definition.name.as_str())),
            "unique_id" => Some(Value::from(unique_id(&definition.package, &definition.name))),
            _ => None,
        }
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let (definition, unit) = self.session.library.get(self.index);
        let locals = bind(&format!("macro `{}`", definition.name), unit, args)?;
        self.session.enter(&unit.name)?;
        let scope = Scope::value(&self.session, unit, locals);
        let callee = format!("macro `{}`", definition.name);
        let render = || state.env().get_template(&unit.name).and_then(|it| it.render_with_spans(scope));
        let result = traced(&self.session, unit, callee, render);
        self.session.leave();
        result.or_else(|error| returned(&error).ok_or_else(|| in_call(&definition.name, error)))
    }
}

/// Runs a macro or block, and notes the text that it made with the way back to its lines.
fn traced(
    session: &Session,
    unit: &Unit,
    callee: String,
    render: impl FnOnce() -> Result<(String, Vec<OutputSpan>), Error>,
) -> Result<Value, Error> {
    session.begin();
    let result = with_stack(render);
    let made = session.end();
    if !session.is_execute() {
        return result.map(|(text, _)| Value::from(text));
    }
    let mut rendered = match &result {
        Ok((text, spans)) => segments::rendered(unit, text.clone(), spans, &made),
        Err(error) => match returned(error).filter(|it| it.as_str().is_some()) {
            Some(value) => segments::computed(&value, return_place(unit, error), &made),
            None => Rendered::default(),
        },
    };
    if unit.package == BUILTIN {
        // Nobody can mend a built-in macro: what it wrote by itself belongs to its caller.
        rendered.segments.retain(|it| !it.calls.is_empty());
    }
    if !rendered.segments.is_empty() {
        session.note_made(Made { callee, text: rendered.text, segments: rendered.segments });
    }
    result.map(|(text, _)| Value::from(text))
}

/// Variables from arguments, as Jinja binds them; `callee` is what messages call the macro or block.
pub(super) fn bind(callee: &str, unit: &Unit, args: &[Value]) -> Result<Vec<(String, Value)>, Error> {
    let (positional, mut named) = split(args);
    let mut positional = positional.into_iter();
    let mut locals = Vec::with_capacity(unit.parameters.len() + 4);
    let mut missing = Vec::new();
    for parameter in &unit.parameters {
        let by_name = named.iter().position(|it| it.0 == parameter.name);
        let value = match (positional.next(), by_name) {
            (Some(_), Some(_)) => {
                return Err(bad_call(format!("{callee} got `{}` twice", parameter.name)));
            }
            (Some(value), None) => own(value),
            (None, Some(index)) => own(named.remove(index).1),
            (None, None) => {
                if parameter.has_default {
                    missing.push((Value::from(parameter.name.as_str()), Value::from(true)));
                }
                Value::UNDEFINED
            }
        };
        locals.push((parameter.name.clone(), value));
    }
    let rest: Vec<Value> = positional.collect();
    if !rest.is_empty() && !unit.mentions("varargs") {
        let takes = match unit.parameters.len() {
            0 => "no arguments".to_owned(),
            1 => "1 argument at most".to_owned(),
            more => format!("{more} arguments at most"),
        };
        let given = unit.parameters.len() + rest.len();
        return Err(bad_call(format!("{callee} takes {takes}, but got {given}")));
    }
    let caller = named.iter().position(|it| it.0 == "caller").map(|it| named.remove(it).1);
    if caller.is_some() && !unit.mentions("caller") && !unit.mentions("kwargs") {
        return Err(bad_call(format!("{callee} takes no block: it never calls `caller()`")));
    }
    if let Some((unknown, _)) = named.first()
        && !unit.mentions("kwargs")
    {
        let known = unit.parameters.iter().map(|it| it.name.as_str());
        let help = crate::diagnostics::suggest::did_you_mean(unknown, known);
        let message = format!("{callee} has no parameter `{unknown}`");
        return Err(fail_with_help("template-call", message, help));
    }
    locals.push(("varargs".to_owned(), Value::from(Tuple::from(rest))));
    let named = named.into_iter().map(|(key, value)| (Value::from(key), own(value)));
    locals.push(("kwargs".to_owned(), Dict::value(named)));
    locals.extend(caller.map(|it| ("caller".to_owned(), it)));
    locals.push(("__missing".to_owned(), Dict::value(missing)));
    Ok(locals)
}

/// What a macro is answered instead of being called, whatever its arguments.
#[derive(Debug)]
pub(super) struct Answer(Value);

impl Answer {
    /// The answer as a value that can be called.
    pub(super) fn value(answer: &Json) -> Value {
        Value::from_object(Self(from_json(answer)))
    }
}

impl Object for Answer {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, _args: &[Value]) -> Result<Value, Error> {
        Ok(self.0.clone())
    }
}

/// `package` in `package.macro()`.
#[derive(Debug)]
pub(super) struct PackageObject {
    session: Arc<Session>,
    package: String,
}

impl PackageObject {
    /// The package as a value.
    pub(super) fn value(session: &Arc<Session>, package: &str) -> Value {
        Value::from_object(Self { session: Arc::clone(session), package: package.to_owned() })
    }
}

impl Object for PackageObject {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        if let Some(answer) = self.session.context.host.answer(Some(&self.package), name) {
            return Some(Answer::value(&answer));
        }
        match self.session.library.in_package(&self.package, name) {
            Some(index) => Some(MacroObject::value(&self.session, index)),
            None if self.package == BUILTIN => context::macro_of_dbt(&self.session, name),
            None => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let names: Vec<Value> = self.session.library.names_in(&self.package).map(Value::from).collect();
        Enumerator::Iter(Box::new(names.into_iter()))
    }

    fn call_method(
        self: &Arc<Self>,
        state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match self.get_value(&Value::from(method)) {
            Some(found) => found.call(state, args),
            None if method == "get" => Err(Error::from(ErrorKind::UnknownMethod)),
            None => {
                let help = unknown_macro(method, self.session.library.names_in(&self.package)).help;
                let message = format!("package `{}` has no macro `{method}`", self.package);
                Err(fail_with_help("unknown-macro", message, help))
            }
        }
    }
}

/// Makes the `caller` of a `{% call %}` block: `__caller(0)` in rewritten templates.
#[derive(Debug)]
pub(super) struct CallerFactory {
    session: Arc<Session>,
    unit: Arc<Unit>,
}

impl CallerFactory {
    /// The factory for the call blocks of a unit.
    pub(super) fn value(session: &Arc<Session>, unit: &Arc<Unit>) -> Value {
        Value::from_object(Self { session: Arc::clone(session), unit: Arc::clone(unit) })
    }
}

impl Object for CallerFactory {
    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let number = args.first().and_then(Value::as_usize).unwrap_or_default();
        let Some(unit) = self.unit.callers.get(number) else {
            return Err(bad_call("the block of this `{% call %}` is missing: this is a bug"));
        };
        // The block runs in a state of its own, so it takes along the variables it may use.
        let seen = unit.identifiers.iter().filter_map(|name| Some((name.clone(), state.lookup(name)?)));
        let caller =
            Caller { session: Arc::clone(&self.session), unit: Arc::clone(unit), seen: seen.collect() };
        Ok(Value::from_object(caller))
    }
}

/// The block of a `{% call %}`, with the variables around it.
#[derive(Debug)]
struct Caller {
    session: Arc<Session>,
    unit: Arc<Unit>,
    seen: Vec<(String, Value)>,
}

impl Object for Caller {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let mut locals = bind("the `{% call %}` block", &self.unit, args)?;
        locals.retain(|it| !matches!(it.0.as_str(), "varargs" | "kwargs"));
        locals.extend(self.seen.iter().cloned());
        let scope = Scope::value(&self.session, &self.unit, locals);
        let (name, text) = (&self.unit.name, &self.unit.text);
        let render = || state.env().template_from_named_str(name, text)?.render_with_spans(scope);
        let callee = "the `{% call %}` block".to_owned();
        traced(&self.session, &self.unit, callee, render).map_err(in_block)
    }
}
