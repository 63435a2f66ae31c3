//! What hooks put into the database before queries run: macros and types are made here too; what else a hook may
//! do is not known.

use crate::compile::{CompiledNode, Hook, Late};
use crate::graph::{Graph, Node};
use crate::parse::run_hooks::Moment;
use crate::project::Project;
use crate::sql::{self, Definitions};
use crate::warehouse::binder::Binder;

/// Runs what `on-run-start` defines. Gives what may define more.
pub(super) fn define(project: &Project, graph: &Graph, binder: &mut dyn Binder) -> Option<String> {
    let late = Late::new(project, graph, None);
    let mut opaque = None;
    for hook in graph.run_hooks.iter().filter(|it| it.moment == Moment::Start) {
        let sql = late.run_hook(hook, &[]).ok();
        let is_done = sql.is_some_and(|sql| match sql::definitions(&sql.text) {
            Definitions::Only(statements) => statements.iter().all(|it| binder.define(it).is_ok()),
            Definitions::Other => false,
        });
        if !is_done {
            opaque = Some("`on-run-start`".to_owned());
        }
    }
    opaque
}

/// What of a node's own may define things before its query: hooks and header.
pub(super) fn own(node: &Node, compiled: Option<&CompiledNode>, binder: &mut dyn Binder) -> Option<String> {
    if node.config.duckdb.sql_header.is_some() {
        return Some("its `sql_header`".to_owned());
    }
    if node.config.pre_hooks.is_empty() {
        return None;
    }
    let is_outside = node.config.pre_hooks.iter().any(|it| !it.in_transaction);
    let is_done = |hook: &Hook| match hook {
        Hook::Ready(sql) => match sql::definitions(&sql.text) {
            Definitions::Only(statements) => statements.iter().all(|it| binder.define(it).is_ok()),
            Definitions::Other => false,
        },
        Hook::Late(_) => false,
    };
    let all_done = !is_outside && compiled.is_some_and(|it| it.pre_hooks.iter().all(is_done));
    (!all_done).then(|| "its `pre_hook`".to_owned())
}

/// Whether a hook after a node may change its columns.
pub(super) fn changes_columns(node: &Node) -> bool {
    node.config.post_hooks.iter().any(|it| {
        let text = it.sql.value.to_lowercase();
        // A call of a macro may make any statement.
        text.contains("alter") || text.contains("create") || (text.contains("{{") && !text.contains("this"))
    })
}
