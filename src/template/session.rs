//! One rendering: what its templates see, and what it records.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use minijinja::value::Object;
use minijinja::{Error, Value};
use serde_json::Value as Json;

use super::context;
use super::fault::bad_call;
use super::library::Library;
use super::lone_expression::{WRITTEN, Written};
use super::macros::{Answer, MacroObject, PackageObject};
use super::made::Made;
use super::unit::Unit;
use super::values::convert::from_json;
use super::values::filters::AS_VALUE;
use super::{Context, FunctionCall, Mode, RefCall, Scan, SourceCall, TemplateValue};
use crate::diagnostics::{Span, Spanned};

/// How deep macros may call each other. Worker threads have small stacks.
const MAX_DEPTH: usize = 150;

/// The state of one rendering, shared by everything it creates.
pub(super) struct Session {
    /// All macros.
    pub(super) library: Arc<Library>,
    /// What the caller gave.
    pub(super) context: Context,
    /// The template.
    pub(super) main: Arc<Unit>,
    /// Whether the value of its expression is wanted.
    pub(super) as_value: bool,
    /// What the template wrote last.
    pub(super) written: Arc<Written>,
    depth: AtomicUsize,
    record: Mutex<Record>,
    /// Macros that were entered and not left yet, outermost first.
    running: Mutex<Vec<String>>,
    /// Results of statements by name; `None` for one that was loaded.
    results: Mutex<BTreeMap<String, Option<Value>>>,
    graph: OnceLock<Value>,
    /// What calls made so far, for every template that is being rendered, outermost first.
    made: Mutex<Vec<Vec<Made>>>,
}

#[derive(Default)]
struct Record {
    scan: Scan,
    macros: BTreeSet<String>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({})", self.main.name)
    }
}

impl Session {
    /// Starts a rendering.
    pub(super) fn new(library: Arc<Library>, context: Context, main: Arc<Unit>, as_value: bool) -> Arc<Self> {
        Arc::new(Self {
            library,
            context,
            main,
            as_value,
            written: Arc::default(),
            depth: AtomicUsize::new(0),
            record: Mutex::default(),
            running: Mutex::default(),
            results: Mutex::default(),
            graph: OnceLock::new(),
            made: Mutex::default(),
        })
    }

    /// Results of statements by name; `None` for one that was loaded.
    pub(super) fn results(&self) -> MutexGuard<'_, BTreeMap<String, Option<Value>>> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go of the results: their tables hold the session, which would keep the connection open for ever.
    pub(super) fn forget_results(&self) {
        self.results().clear();
    }

    /// Whether a macro was entered and not left yet.
    pub(super) fn is_running(&self, index: usize) -> bool {
        let name = &self.library.get(index).1.name;
        self.running.lock().unwrap_or_else(PoisonError::into_inner).contains(name)
    }

    /// `graph`, made when it is first asked for.
    pub(super) fn graph(&self) -> Value {
        self.graph.get_or_init(|| context::graph(self)).clone()
    }

    /// Whether rendering may look at the world.
    pub(super) fn is_execute(&self) -> bool {
        self.context.mode == Mode::Execute
    }

    /// What was recorded.
    pub(super) fn take_scan(&self) -> Scan {
        let record = std::mem::take(&mut *self.record.lock().unwrap_or_else(PoisonError::into_inner));
        Scan { macros: record.macros.into_iter().collect(), ..record.scan }
    }

    fn scan_mut(&self, change: impl FnOnce(&mut Record)) {
        change(&mut self.record.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Records a call of `ref()`.
    pub(super) fn record_ref(&self, call: RefCall, span: Span) {
        self.scan_mut(|it| it.scan.refs.push(Spanned::new(call, span)));
    }

    /// Records a call of `source()`.
    pub(super) fn record_source(&self, call: SourceCall, span: Span) {
        self.scan_mut(|it| it.scan.sources.push(Spanned::new(call, span)));
    }

    /// Records a call of `function()`.
    pub(super) fn record_function(&self, call: FunctionCall, span: Span) {
        self.scan_mut(|it| it.scan.functions.push(Spanned::new(call, span)));
    }

    /// Records an argument of `config()`.
    pub(super) fn record_config(&self, key: Spanned<String>, value: Json) {
        self.scan_mut(|it| it.scan.config.push((key, value)));
    }

    /// Enters a macro. dbt counts as called only what the template itself calls.
    pub(super) fn enter(&self, id: &str) -> Result<(), Error> {
        let depth = self.depth.fetch_add(1, Ordering::Relaxed);
        if depth >= MAX_DEPTH {
            self.depth.fetch_sub(1, Ordering::Relaxed);
            return Err(bad_call(format!("macros call each other more than {MAX_DEPTH} levels deep")));
        }
        self.running.lock().unwrap_or_else(PoisonError::into_inner).push(id.to_owned());
        if depth == 0 {
            self.scan_mut(|it| {
                it.macros.insert(id.to_owned());
            });
        }
        Ok(())
    }

    /// Begins a template inside of this one: from now on, calls are noted as its own.
    pub(super) fn begin(&self) {
        self.made().push(Vec::new());
    }

    /// Ends it; gives what its calls made.
    pub(super) fn end(&self) -> Vec<Made> {
        self.made().pop().unwrap_or_default()
    }

    /// Notes what a call made, for the template that called.
    pub(super) fn note_made(&self, made: Made) {
        if let Some(caller) = self.made().last_mut() {
            caller.push(made);
        }
    }

    fn made(&self) -> MutexGuard<'_, Vec<Vec<Made>>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves a macro.
    pub(super) fn leave(&self) {
        self.depth.fetch_sub(1, Ordering::Relaxed);
        self.running.lock().unwrap_or_else(PoisonError::into_inner).pop();
    }

    /// Names that a template can use, for suggestions.
    pub(super) fn known_names(&self) -> Vec<String> {
        let mut names = self.library.visible_names(&self.main.package);
        names.extend(context::NAMES.iter().map(|it| (*it).to_owned()));
        names.extend(["range", "dict", "namespace", "loop"].map(str::to_owned));
        names.extend(self.context.locals.iter().map(|it| it.0.clone()));
        names
    }
}

/// A value given from outside as a template value.
pub(super) fn to_value(value: &TemplateValue) -> Value {
    match value {
        TemplateValue::Json(json) => from_json(json),
        TemplateValue::Relation(relation) => context::relation::RelationObject::value(relation.clone()),
    }
}

/// The variables of a unit: its own first, then macros and packages, then dbt's functions.
#[derive(Debug)]
pub(super) struct Scope {
    session: Arc<Session>,
    unit: Arc<Unit>,
    locals: Vec<(String, Value)>,
}

impl Scope {
    /// The variables of a unit without those of its own.
    pub(super) fn outer(session: &Arc<Session>, unit: &Arc<Unit>) -> Self {
        Self { session: Arc::clone(session), unit: Arc::clone(unit), locals: Vec::new() }
    }

    /// The root context for rendering a unit.
    pub(super) fn value(session: &Arc<Session>, unit: &Arc<Unit>, locals: Vec<(String, Value)>) -> Value {
        Value::from_object(Self { session: Arc::clone(session), unit: Arc::clone(unit), locals })
    }

    /// The value of a name.
    pub(super) fn find(&self, name: &str) -> Option<Value> {
        let full = name;
        if let Some((_, value)) = self.locals.iter().find(|it| it.0 == name) {
            return Some(value.clone());
        }
        if let Some(value) = name.strip_prefix("__").and_then(|it| self.private(it)) {
            return Some(value);
        }
        let (name, _) = context::split_placed(name);
        self.local_or_macro(name).or_else(|| context::lookup(&self.session, &self.unit, full))
    }

    fn local_or_macro(&self, name: &str) -> Option<Value> {
        let session = &self.session;
        if let Some((_, value)) = session.context.locals.iter().find(|it| it.0 == name) {
            return Some(to_value(value));
        }
        let library = &session.library;
        if let Some(answer) = session.context.host.answer(None, name) {
            let is_macro = library.visible(&session.main.package, name).is_some()
                || context::macro_of_dbt(session, name).is_some();
            return Some(if is_macro { Answer::value(&answer) } else { from_json(&answer) });
        }
        let found = library
            .visible(&session.main.package, name)
            .or_else(|| library.in_package(&self.unit.package, name));
        if let Some(index) = found {
            return Some(MacroObject::value(session, index));
        }
        library.has_package(name).then(|| PackageObject::value(session, name))
    }

    fn private(&self, name: &str) -> Option<Value> {
        match name {
            "return" => Some(context::functions::return_function(&self.session)),
            "caller" => Some(super::macros::CallerFactory::value(&self.session, &self.unit)),
            _ if WRITTEN.strip_prefix("__") == Some(name) && self.session.as_value => {
                Some(Value::from_dyn_object(Arc::clone(&self.session.written)))
            }
            _ if AS_VALUE.strip_prefix("__") == Some(name) => Some(Value::from(self.session.as_value)),
            _ => None,
        }
    }
}

impl Object for Scope {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.find(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.find(key)
    }
}
