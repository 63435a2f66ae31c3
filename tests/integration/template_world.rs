//! The world of templates that ask a real warehouse: a database in memory, and what was logged.

use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};
use tidemill::diagnostics::{Diagnostics, Sources};
use tidemill::node::{Quoting, Relation};
use tidemill::template::{
    Context, Engine, Globals, Host, HostError, MacroFile, Mode, RefCall, SourceCall, TemplateError,
    TemplateSource, Templates, builtin_files,
};
use tidemill::warehouse::{CatalogEntry, Column, Rows, Warehouse, WarehouseError};

use crate::warehouse::memory;

/// A connection to a database in memory.
pub(crate) struct Connection(Mutex<Box<dyn Warehouse>>);

impl Connection {
    pub(crate) fn new() -> Self {
        let mut warehouse = memory();
        let setup = [
            "create table orders (id integer, price decimal(10, 2), day date, moment timestamp, who varchar, paid boolean)",
            "insert into orders values
                (1, 12.50, '2024-01-31', '2024-01-31 10:20:30', 'ann', true),
                (2, 3.00, '2024-02-01', '2024-02-01 00:00:00.25', null, false)",
            "create view big_orders as select id, price from orders where price > 10",
            "create schema other",
            "create table other.people (name varchar, address struct(street varchar, number integer))",
        ];
        for sql in setup {
            warehouse.execute(sql).expect(sql);
        }
        Self(Mutex::new(warehouse))
    }

    fn ask<T>(
        &self,
        ask: impl FnOnce(&mut dyn Warehouse) -> Result<T, WarehouseError>,
    ) -> Result<T, HostError> {
        let result = ask(self.0.lock().expect("one thread").as_mut());
        result.map_err(|error| HostError { code: "sql-error", message: error.message, help: None })
    }
}

impl Engine for Connection {
    fn query(&self, sql: &str) -> Result<Rows, HostError> {
        self.ask(|it| it.query(sql, None))
    }

    fn describe(&self, sql: &str) -> Result<Vec<Column>, HostError> {
        self.ask(|it| it.describe(sql))
    }

    fn catalog(&self) -> Result<Vec<CatalogEntry>, HostError> {
        self.ask(|it| it.catalog(&[]))
    }
}

/// The world outside, with what templates logged.
struct World {
    engine: Option<Connection>,
    log: Mutex<Vec<String>>,
}

impl Host for World {
    fn reference(&self, call: &RefCall) -> Result<Relation, HostError> {
        Ok(Relation::new("memory", "main", &call.name))
    }

    fn source(&self, call: &SourceCall) -> Result<Relation, HostError> {
        Ok(Relation::new("memory", &call.source, &call.table))
    }

    fn var(&self, _name: &str, default: Option<Json>) -> Result<Json, HostError> {
        Ok(default.unwrap_or_default())
    }

    fn has_var(&self, _name: &str) -> bool {
        false
    }

    fn env_var(&self, _name: &str, default: Option<String>) -> Result<String, HostError> {
        Ok(default.unwrap_or_default())
    }

    fn doc(&self, _package: Option<&str>, name: &str) -> Result<String, HostError> {
        Ok(name.to_owned())
    }

    fn config_get(&self, _key: &str) -> Option<Json> {
        None
    }

    fn is_incremental(&self) -> bool {
        false
    }

    fn log(&self, message: &str, _info: bool) {
        self.log.lock().expect("one thread").push(message.to_owned());
    }

    fn warn(&self, message: &str) {
        self.log(&format!("warning: {message}"), true);
    }

    fn engine(&self) -> Option<&dyn Engine> {
        self.engine.as_ref().map(|it| it as &dyn Engine)
    }

    fn graph(&self) -> Option<Arc<Json>> {
        Some(Arc::new(json!({"nodes": {"model.shop.a": {"name": "a", "tags": ["x"]}}, "sources": {}})))
    }

    fn selected_resources(&self) -> Vec<String> {
        vec!["model.shop.a".to_owned()]
    }

    fn metadata_envs(&self) -> Vec<(String, String)> {
        vec![("branch".to_owned(), "main".to_owned())]
    }
}

/// A rendering of `model.sql`.
pub(crate) struct Rendering {
    /// Its text.
    pub(crate) result: Result<String, TemplateError>,
    sources: Sources,
    /// What it logged.
    pub(crate) log: Vec<String>,
}

pub(crate) fn render_in(mode: Mode, engine: Option<Connection>, macros: &str, template: &str) -> Rendering {
    let mut sources = Sources::default();
    let mut files: Vec<MacroFile> = Vec::new();
    let builtin = builtin_files().iter().map(|(path, text)| ("dbt", *path, *text));
    for (package, path, text) in builtin.chain([("shop", "macros/m.sql", macros)]) {
        let file = sources.add(path, text);
        files.push(MacroFile { package: package.to_owned(), file, text: text.into() });
    }
    let mut diags = Diagnostics::default();
    let templates = Templates::new(&mut diags, "shop", &files);
    assert_eq!(diags.all(), []);
    let globals = Globals {
        target: json!({"name": "dev", "database": "memory", "schema": "main", "type": "duckdb", "path": ":memory:"}),
        project_name: "shop".to_owned(),
        invocation_id: "0000-0001".to_owned(),
        run_started_at: "2024-03-01T10:20:30Z".to_owned(),
        flags: json!({"WHICH": "build", "FULL_REFRESH": false}),
        quoting: Quoting::ALL,
    };
    let world = Arc::new(World { engine, log: Mutex::default() });
    let host: Arc<dyn Host> = Arc::<World>::clone(&world);
    let context = Context {
        mode,
        globals: Arc::new(globals),
        host,
        this: Some(Relation::new("memory", "main", "orders")),
        model: Some(json!({"unique_id": "model.shop.orders", "name": "orders"})),
        locals: Vec::new(),
    };
    let file = sources.add("model.sql", template);
    let source = TemplateSource { package: "shop".to_owned(), file, text: template.into(), offset: 0 };
    let result = match mode {
        Mode::Execute => templates.render(&source, &context).map(|it| it.text),
        Mode::Parse => templates.scan(&source, &context).map(|_| String::new()),
    };
    let log = world.log.lock().expect("one thread").clone();
    Rendering { result, sources, log }
}

pub(crate) fn render(template: &str) -> Rendering {
    render_in(Mode::Execute, Some(Connection::new()), "", template)
}

/// The text of a template, without white space around it.
#[track_caller]
pub(crate) fn check(template: &str, expected: &str) {
    match render(template).result {
        Ok(text) => assert_eq!(text.trim(), expected),
        Err(error) => panic!("{error}: {error:?}"),
    }
}

/// What is wrong with a template: code, message, places and advice, a line each.
#[track_caller]
pub(crate) fn check_error(macros: &str, template: &str, expected: &[&str]) {
    let rendering = render_in(Mode::Execute, Some(Connection::new()), macros, template);
    let error = rendering.result.expect_err("an error");
    let mut lines = vec![format!("{}: {}", error.code, error.message)];
    lines.extend(error.span.map(|it| rendering.sources.place(it)));
    lines.extend(error.trace.iter().map(|(span, text)| format!("{} {text}", rendering.sources.place(*span))));
    lines.extend(error.help);
    assert_eq!(lines, expected);
}
