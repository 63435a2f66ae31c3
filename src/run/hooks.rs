//! The hooks of a run: each is rendered when its turn has come, and run outside of any transaction.

use serde_json::{Value as Json, json};

use super::connection::Connection;
use super::event::RunEvent;
use super::operation::OperationResult;
use super::{NodeResult, Status, Surroundings, hook_failed, template_log};
use crate::compile::{Late, node_as_json};
use crate::diagnostics::Diagnostic;
use crate::graph::Graph;
use crate::node::NodeKind;
use crate::parse::run_hooks::{Moment, RunHook};
use crate::plan::Plan;
use crate::project::Project;
use crate::warehouse::Warehouse as _;

/// What became of the hooks of one moment.
#[derive(Default)]
pub(super) struct HookResults {
    pub(super) results: Vec<OperationResult>,
    /// Why the first of them that failed did; those after it were not run.
    pub(super) fault: Option<Diagnostic>,
}

/// Runs the hooks of a moment in order, up to the first that fails.
pub(super) fn run(
    plan: &Plan,
    graph: &Graph,
    around: &Surroundings<'_>,
    connection: &mut Connection,
    done: (Moment, &[NodeResult]),
    on_event: &mut dyn FnMut(&RunEvent),
) -> HookResults {
    let (moment, results) = done;
    let variables =
        if moment == Moment::End { variables(around.project, graph, results) } else { Vec::new() };
    let late = Late::new(around.project, graph, Some(connection.engine()));
    match late.query_comment(None) {
        Ok(comment) => connection.set_comment(comment),
        Err(fault) => return HookResults { fault: Some(fault), ..HookResults::default() },
    }
    let mut all = HookResults::default();
    for hook in plan.run_hooks.iter().filter(|it| it.moment == moment) {
        let (started_at, started) = (around.clock.now(), around.clock.monotonic());
        let name = format!("{}.{}.{}", hook.package, moment.as_str(), hook.index);
        let (status, message) = if all.fault.is_some() {
            (Status::Skipped, format!("{name} skipped"))
        } else {
            let done = one(hook, &late, &variables, connection);
            late.take_log().iter().for_each(|line| on_event(&template_log(line)));
            match done {
                Ok(()) => (Status::Success, format!("{name} passed")),
                Err(fault) => {
                    let message = format!("{name} failed, error:\n {}", fault.message);
                    all.fault = Some(fault);
                    (Status::Error, message)
                }
            }
        };
        let was_run = status != Status::Skipped;
        all.results.push(OperationResult {
            unique_id: hook.unique_id(),
            status,
            message: Some(message),
            started_at: if was_run { started_at } else { String::new() },
            completed_at: if was_run { around.clock.now() } else { String::new() },
            elapsed: around.clock.monotonic().saturating_sub(started),
        });
    }
    all
}

fn one(
    hook: &RunHook,
    late: &Late<'_>,
    variables: &[(String, Json)],
    connection: &mut Connection,
) -> Result<(), Diagnostic> {
    let sql = late.run_hook(hook, variables)?;
    if sql.text.trim().is_empty() {
        return Ok(());
    }
    let which = hook.moment.as_str();
    connection.execute(&sql.text).map(|_| ()).map_err(|error| hook_failed(which, &sql, &error))
}

/// What `on-run-end` sees of the run.
fn variables(project: &Project, graph: &Graph, results: &[NodeResult]) -> Vec<(String, Json)> {
    let mut schemas: Vec<(Option<String>, String)> = Vec::new();
    for result in results.iter().filter(|it| !is_bad(it.status)) {
        let node = graph.node(result.node);
        let is_relational = matches!(node.kind, NodeKind::Model | NodeKind::Seed | NodeKind::Snapshot);
        let relation = node.relation.as_ref().filter(|_| is_relational);
        if let Some((database, Some(schema))) = relation.map(|it| (&it.database, &it.schema)) {
            schemas.push((database.clone(), schema.clone()));
        }
    }
    schemas.sort();
    schemas.dedup();
    let mut names: Vec<&str> = schemas.iter().map(|it| it.1.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    vec![
        ("schemas".to_owned(), json!(names)),
        ("database_schemas".to_owned(), json!(schemas)),
        ("results".to_owned(), results.iter().map(|it| result_as_json(project, graph, it)).collect()),
    ]
}

fn is_bad(status: Status) -> bool {
    matches!(status, Status::Error | Status::Fail | Status::Skipped)
}

/// A result as dbt's templates know it.
fn result_as_json(project: &Project, graph: &Graph, result: &NodeResult) -> Json {
    let node = graph.node(result.node);
    let mut shown = node_as_json(project, graph, node);
    if let Json::Object(entries) = &mut shown {
        let name = node.relation.as_ref().map(crate::node::Relation::written);
        entries.entry("relation_name").or_insert_with(|| Json::from(name));
        let made_as = if node.kind == NodeKind::Test { "test" } else { node.made_as() };
        if let Some(Json::Object(config)) = entries.get_mut("config").filter(|_| !made_as.is_empty()) {
            config.entry("materialized").or_insert_with(|| Json::from(made_as));
        }
    }
    let timing: Vec<Json> = match result.status {
        Status::Skipped => Vec::new(),
        _ => ["compile", "execute"]
            .map(|name| {
                let end = if name == "compile" { &result.started_at } else { &result.completed_at };
                json!({ "name": name, "started_at": result.started_at, "completed_at": end })
            })
            .into(),
    };
    let is_made = result.status == Status::Success;
    let message = result.message.clone().or_else(|| is_made.then(|| "OK".to_owned()));
    let response = match result.status {
        Status::Skipped | Status::Error => json!({}),
        _ => json!({ "_message": "OK" }),
    };
    json!({
        "status": result.status.as_str(),
        "timing": timing,
        "thread_id": format!("Thread-{} (worker)", result.worker + 1),
        "execution_time": result.elapsed.as_secs_f64(),
        "adapter_response": response,
        "message": message,
        "failures": result.failures,
        "unique_id": node.unique_id.as_str(),
        "node": shown,
        "agate_table": null,
        "batch_results": null,
    })
}
