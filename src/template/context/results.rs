//! Questions to the warehouse, and the results that templates keep by name.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Tuple};
use minijinja::{Error, State, Value};

use super::Call;
use crate::template::fault::{bad_call, fail, refused};
use crate::template::session::Session;
use crate::template::tables::cells::{is_nested, table_of};
use crate::template::tables::mapped::tuple;
use crate::template::tables::table::Table;
use crate::template::values::arguments::Arguments;
use crate::template::values::dict::Dict;
use crate::template::values::json::dumps;
use crate::template::values::list::List;
use crate::template::values::print;
use crate::template::{Engine, NEEDS_WAREHOUSE};
use crate::warehouse::{self, CatalogEntry, Column, Rows};

/// The warehouse, for a call that needs it.
fn engine<'a>(session: &'a Session, call: &str) -> Result<&'a dyn Engine, Error> {
    session.context.host.engine().ok_or_else(|| {
        fail(NEEDS_WAREHOUSE, format!("`{call}()` needs the warehouse, which cannot be asked here"))
    })
}

/// Runs statements for a call, and gives the rows of the last one.
pub(super) fn ask(session: &Session, call: &str, sql: &str) -> Result<Rows, Error> {
    engine(session, call)?.query(sql).map_err(refused)
}

/// The columns of a query, for a call.
pub(super) fn describe(session: &Session, call: &str, sql: &str) -> Result<Vec<Column>, Error> {
    engine(session, call)?.describe(sql).map_err(refused)
}

/// The tables and views that are there, for a call.
pub(super) fn catalog(session: &Session, call: &str) -> Result<Vec<CatalogEntry>, Error> {
    engine(session, call)?.catalog().map_err(refused)
}

/// `run_query(sql)`: a result table. As in dbt, nothing is asked while parsing.
pub(super) fn run_query(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let mut args = Arguments::new("run_query", call.args);
    let sql = args.required("sql")?;
    args.finish()?;
    if !call.session.is_execute() {
        return Ok(Value::UNDEFINED);
    }
    let table = execute(call.session, "run_query", &print::text(&sql), true)?;
    Ok(table.into_value(call.session))
}

/// `{% call statement(name, fetch_result, auto_begin, language) %}`: runs its block, and keeps the result.
pub(super) fn statement(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let mut args = Arguments::new("statement", call.args);
    let caller = args.named("caller");
    let name = args.optional("name").filter(|it| !it.is_none());
    let is_fetched = args.optional("fetch_result").is_some_and(|it| it.is_true());
    let begins = args.optional("auto_begin").is_none_or(|it| it.is_true());
    let language = args.optional("language");
    args.finish()?;
    if !call.session.is_execute() {
        return Ok(Value::from(""));
    }
    if language.is_some_and(|it| it.as_str() != Some("sql")) {
        return Err(fail("python-model", "`statement()` runs SQL only: Python models are not supported"));
    }
    let Some(caller) = caller else {
        return Err(bad_call(
            "`statement()` needs a block: `{% call statement('name') %}select 1{% endcall %}`",
        ));
    };
    // Asked before the block is rendered: what the block logs is then said once.
    engine(call.session, "statement")?;
    let sql = print::text(&caller.call(call.state, &[])?);
    if begins {
        begin(call.session)?;
    }
    let table = execute(call.session, "statement", &sql, is_fetched)?;
    if let Some(name) = name {
        store(call.session, &print::text(&name), Response::ok(), table.into_value(call.session));
    }
    Ok(Value::from(""))
}

/// Begins a transaction where there is none.
pub(super) fn begin(session: &Session) -> Result<(), Error> {
    engine(session, "adapter.begin")?.begin_transaction().map_err(refused)
}

/// Ends a transaction, where it is the template's own.
pub(super) fn commit(session: &Session) -> Result<(), Error> {
    engine(session, "adapter.commit")?.commit_transaction().map_err(refused)
}

/// Runs statements; without `is_fetched` their rows are dropped.
pub(super) fn execute(session: &Session, call: &str, sql: &str, is_fetched: bool) -> Result<Table, Error> {
    let mut rows = ask(session, call, sql)?;
    if !is_fetched {
        return Ok(Table::empty());
    }
    if rows.columns.iter().any(|it| is_nested(&it.data_type)) {
        write_nested_as_json(session, call, sql, &mut rows);
    }
    Ok(table_of(rows))
}

/// dbt hands over values that have parts as JSON. The engine writes them otherwise, so it is asked again; what
/// cannot be asked in another query's `from` stays as the engine writes it.
fn write_nested_as_json(session: &Session, call: &str, sql: &str, rows: &mut Rows) {
    let columns = rows.columns.iter().enumerate().map(|(index, column)| {
        let name = format!("__c{index}");
        if is_nested(&column.data_type) { format!("to_json({name})::varchar") } else { name }
    });
    let names: Vec<String> = (0..rows.columns.len()).map(|it| format!("__c{it}")).collect();
    let columns = columns.collect::<Vec<_>>().join(", ");
    let query = sql.trim().trim_end_matches(';');
    let sql = format!("select {columns} from (\n{query}\n) as __rows({})", names.join(", "));
    let Ok(again) = ask(session, call, &sql) else { return };
    let is_same = again.rows.len() == rows.rows.len() && again.columns.len() == rows.columns.len();
    if !is_same {
        return;
    }
    rows.rows = again.rows;
    for row in &mut rows.rows {
        for (value, column) in row.iter_mut().zip(&rows.columns) {
            if let (warehouse::Value::Text(text), true) = (&*value, is_nested(&column.data_type)) {
                let json = serde_json::from_str(text).unwrap_or_default();
                *value = warehouse::Value::Text(dumps(&json, false));
            }
        }
    }
}

/// `noop_statement`: keeps a result without asking for one.
pub(super) fn noop_statement(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let mut args = Arguments::new("noop_statement", call.args);
    args.named("caller");
    let name = args.optional("name").filter(|it| !it.is_none());
    let response = Response::read(&mut args);
    let table = args.optional("res").filter(|it| !it.is_none());
    args.finish()?;
    if let Some(name) = name {
        let table = table.unwrap_or_else(|| Table::empty().into_value(call.session));
        store(call.session, &print::text(&name), response, table);
    }
    Ok(Value::from(""))
}

/// `load_result(name)`: what was stored, once; the result called `main` any number of times.
pub(super) fn load_result(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let mut args = Arguments::new("load_result", call.args);
    let name = args.text("name")?;
    args.finish()?;
    let mut results = call.session.results();
    let Some(slot) = results.get_mut(&name) else { return Ok(Value::from(())) };
    let found = if name == "main" { slot.clone() } else { slot.take() };
    found.ok_or_else(|| {
        fail("template-call", format!("the result of the statement `{name}` was loaded before"))
    })
}

/// `store_result(name, response, agate_table)`.
pub(super) fn store_result(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let mut args = Arguments::new("store_result", call.args);
    let (name, response) = (args.text("name")?, args.required("response")?);
    let table = args.optional("agate_table").filter(|it| !it.is_none());
    args.finish()?;
    let table = table.unwrap_or_else(|| Table::empty().into_value(call.session));
    store(call.session, &name, response, table);
    Ok(Value::from(""))
}

/// `store_raw_result(name, message, code, rows_affected, agate_table)`.
pub(super) fn store_raw_result(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let mut args = Arguments::new("store_raw_result", call.args);
    let name = args.text("name")?;
    let response = Response::read(&mut args);
    let table = args.optional("agate_table").filter(|it| !it.is_none());
    args.finish()?;
    let table = table.unwrap_or_else(|| Table::empty().into_value(call.session));
    store(call.session, &name, response, table);
    Ok(Value::from(""))
}

fn store(session: &Session, name: &str, response: Value, table: Value) {
    let rows = table.downcast_object_ref::<Table>();
    let rows = rows.into_iter().flat_map(|it| it.rows().map(|row| tuple(row.iter().cloned())));
    let data = List::value(rows.collect());
    let result = Dict::value([
        (Value::from("response"), response),
        (Value::from("data"), data),
        (Value::from("table"), table),
    ]);
    session.results().insert(name.to_owned(), Some(result));
}

/// `load_agate_table()`: the rows of a seed.
pub(super) fn load_agate_table(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    Arguments::new("load_agate_table", call.args).finish()?;
    let Some(seed) = call.session.context.host.seed() else {
        return Err(fail(
            "template-call",
            "`load_agate_table()` works in the materialization of a seed only",
        ));
    };
    let rows = ask(call.session, "load_agate_table", &seed.rows)?;
    Ok(table_of(rows).into_value(call.session))
}

/// What the engine says about a statement: prints as its message.
#[derive(Debug)]
pub(super) struct Response {
    message: Value,
    code: Value,
    rows_affected: Value,
}

impl Response {
    /// dbt-duckdb's answer to every statement that does not fail.
    pub(super) fn ok() -> Value {
        let none = || Value::from(());
        Value::from_object(Self { message: Value::from("OK"), code: none(), rows_affected: none() })
    }

    fn read(args: &mut Arguments) -> Value {
        let mut part = |name: &str| args.optional(name).unwrap_or_else(|| Value::from(()));
        let (message, code, rows_affected) = (part("message"), part("code"), part("rows_affected"));
        Value::from_object(Self { message, code, rows_affected })
    }
}

impl Object for Response {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(&["_message", "code", "rows_affected", "query_id"])
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "_message" | "message" => Some(self.message.clone()),
            "code" => Some(self.code.clone()),
            "rows_affected" => Some(self.rows_affected.clone()),
            "query_id" => Some(Value::from(())),
            _ => None,
        }
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        _args: &[Value],
    ) -> Result<Value, Error> {
        match method {
            "to_dict" => {
                let keys = ["_message", "code", "rows_affected", "query_id"];
                let pair =
                    |key: &str| (Value::from(key), self.get_value(&Value::from(key)).unwrap_or_default());
                Ok(Dict::value(keys.map(pair)))
            }
            _ => Err(Error::from(minijinja::ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)
    }
}

/// A response with its table, as `adapter.execute()` gives them.
pub(super) fn with_response(table: Value) -> Value {
    Value::from(Tuple::from([Response::ok(), table]))
}
