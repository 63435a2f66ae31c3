//! Relations that Tidemill made and no node of the project owns any more.
//!
//! In: the graph, what the history says was made, and what is there. Out: [`Orphan`]s, sorted by name. Nothing is
//! an orphan that another project or target made last, that was not made here at all, or that is not what was
//! made any more. Deliberately absent: dropping, which is one statement of the command.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::SCHEMA;
use crate::graph::Graph;
use crate::node::{Relation, RelationKind, quote_literal};
use crate::run::columns_hash;
use crate::sql;
use crate::warehouse::{Value, Warehouse, WarehouseError};

/// Whose relations are looked for.
#[derive(Clone, Copy)]
pub struct Owner<'a> {
    /// The project as it is now.
    pub graph: &'a Graph,
    /// Its name.
    pub project: &'a str,
    /// The target's name: what other targets made is theirs.
    pub target: &'a str,
}

/// A relation without a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// Its name, as it is in the warehouse.
    pub relation: Relation,
    /// Table or view.
    pub kind: RelationKind,
    /// Unique id of the node that it was made for.
    pub node_id: String,
    /// Why that node does not own it any more.
    pub why: Why,
    /// When it was made, in words for people.
    pub made_at: String,
    /// Whether its rows are in files, which stay.
    pub is_external: bool,
    /// Whether what is in it cannot be made again: a snapshot.
    pub is_history: bool,
    /// Why it must not be dropped, if so.
    pub kept: Option<String>,
}

/// Why a relation has no node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The node is not in the project.
    Gone,
    /// The node is there with `enabled: false`.
    Disabled,
    /// The node's relation has another name now.
    Moved,
}

impl Why {
    /// For people, after the node's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Why::Gone => "is gone",
            Why::Disabled => "is disabled",
            Why::Moved => "has another relation now",
        }
    }
}

/// The last time that something was made under a name.
struct Made {
    relation: String,
    node_id: String,
    project: Option<String>,
    target: Option<String>,
    shape: Option<String>,
    rows: Option<i64>,
    at: String,
    /// Projects that ever made something there.
    projects: BTreeSet<String>,
}

/// What is there now.
struct Present {
    relation: Relation,
    kind: RelationKind,
}

/// Finds them; nothing if there is no history, or one that does not say which project made what.
pub fn find(warehouse: &mut dyn Warehouse, owner: Owner<'_>) -> Result<Vec<Orphan>, WarehouseError> {
    let entries = warehouse.catalog(&[])?;
    let database = warehouse.database().to_owned();
    if !knows_projects(warehouse, &database)? {
        return Ok(Vec::new());
    }
    let key = |rendered: &str| rendered.to_lowercase();
    let owned: BTreeSet<String> = owner
        .graph
        .nodes()
        .filter_map(|(_, node)| node.relation.as_ref())
        .map(|it| key(&it.render()))
        .collect();
    let present: BTreeMap<String, Present> = entries
        .into_iter()
        .map(|it| (key(&it.relation.render()), Present { relation: it.relation, kind: it.kind }))
        .collect();
    let mut orphans = Vec::new();
    for made in made(warehouse, &database)? {
        let is_ours =
            made.project.as_deref() == Some(owner.project) && made.target.as_deref() == Some(owner.target);
        let Some(present) = present.get(&key(&made.relation)) else { continue };
        if !is_ours || owned.contains(&key(&made.relation)) {
            continue;
        }
        orphans.push(orphan(warehouse, owner, made, present)?);
    }
    orphans.sort_by(|a, b| a.relation.cmp(&b.relation));
    keep_what_is_read(warehouse, &mut orphans)?;
    Ok(orphans)
}

/// Whether the history is there, and written by a version that records projects.
fn knows_projects(warehouse: &mut dyn Warehouse, database: &str) -> Result<bool, WarehouseError> {
    let sql = format!(
        "select count(*) from duckdb_columns() where database_name = {} and schema_name = {} \
         and (table_name, column_name) in (('runs', 'project'), ('node_runs', 'made'), ('test_runs', 'made'))",
        quote_literal(database),
        quote_literal(SCHEMA)
    );
    Ok(warehouse.scalars(&sql)?.first().and_then(Value::as_i64) == Some(3))
}

/// What was made last under each name, and dropped by nobody we know of.
fn made(warehouse: &mut dyn Warehouse, database: &str) -> Result<Vec<Made>, WarehouseError> {
    let table = |name: &str| Relation::new(database, SCHEMA, name).render();
    let sql = format!(
        "with made as ( \
         select relation, node_id, run_id, made, rows, status, finished_at from {nodes} \
         where status in ('success', 'dropped') and relation is not null \
         union all by name \
         select relation, test_id as node_id, run_id, made, null as rows, 'success' as status, finished_at \
         from {tests} where relation is not null), \
         known as (select made.*, runs.project, runs.target, \
         string_agg(distinct coalesce(runs.project, ''), chr(10)) over (partition by lower(relation)) as projects \
         from made left join {runs} runs using (run_id)) \
         select relation, node_id, project, target, made, rows, \
         strftime(finished_at at time zone 'UTC', '%Y-%m-%d %H:%M:%S UTC'), projects from known \
         qualify row_number() over (partition by lower(relation) order by finished_at desc, status) = 1 \
         and status = 'success' order by relation",
        nodes = table("node_runs"),
        tests = table("test_runs"),
        runs = table("runs"),
    );
    let optional = |value: &Value| match value {
        Value::Null => None,
        value => Some(value.to_string()),
    };
    let rows = warehouse.query(&sql, None)?.rows;
    let made = rows.into_iter().filter_map(|row| {
        let [relation, node_id, project, target, shape, rows, at, projects] = &row[..] else { return None };
        Some(Made {
            relation: relation.to_string(),
            node_id: node_id.to_string(),
            project: optional(project),
            target: optional(target),
            shape: optional(shape),
            rows: rows.as_i64(),
            at: at.to_string(),
            projects: projects.to_string().lines().map(str::to_owned).collect(),
        })
    });
    Ok(made.collect())
}

fn orphan(
    warehouse: &mut dyn Warehouse,
    owner: Owner<'_>,
    made: Made,
    present: &Present,
) -> Result<Orphan, WarehouseError> {
    let has = |id: &str| owner.graph.nodes().any(|(_, node)| node.unique_id.as_str() == id);
    let is_disabled = || owner.graph.disabled.iter().any(|it| it.unique_id.as_str() == made.node_id);
    let why = match () {
        () if has(&made.node_id) => Why::Moved,
        () if is_disabled() => Why::Disabled,
        () => Why::Gone,
    };
    let others: Vec<&str> =
        made.projects.iter().map(String::as_str).filter(|it| *it != owner.project).collect();
    let kept = match others[..] {
        [] => changed(warehouse, &made, present)?,
        [""] => Some("a version of Tidemill that did not record projects made it too".to_owned()),
        [.., other] => Some(format!("the project `{other}` made it too")),
    };
    let shape = made.shape.as_deref().unwrap_or_default();
    Ok(Orphan {
        relation: present.relation.clone(),
        kind: present.kind,
        why,
        made_at: made.at,
        is_external: shape.starts_with("external "),
        is_history: made.node_id.starts_with("snapshot."),
        node_id: made.node_id,
        kept,
    })
}

/// What tells that the relation is not what was made.
fn changed(
    warehouse: &mut dyn Warehouse,
    made: &Made,
    present: &Present,
) -> Result<Option<String>, WarehouseError> {
    let name = present.relation.render();
    let Some((kind, hash)) = made.shape.as_deref().and_then(|it| it.split_once(' ')) else {
        return Ok(Some("it was not recorded what was made".to_owned()));
    };
    if ["table", "view"].contains(&kind) && kind != present.kind.as_str() {
        return Ok(Some(format!("it is a {} now, and a {kind} was made", present.kind.as_str())));
    }
    let Ok(columns) = warehouse.describe(&format!("select * from {name}")) else {
        return Ok(Some(
            "it cannot be read any more, so nobody knows whether it is what was made".to_owned(),
        ));
    };
    if columns_hash(&columns) != hash {
        return Ok(Some("its columns are not those that were made".to_owned()));
    }
    let Some(rows) = made.rows.filter(|_| present.kind == RelationKind::Table) else { return Ok(None) };
    let now = warehouse.scalars(&format!("select count(*) from {name}"))?.first().and_then(Value::as_i64);
    let now = now.filter(|it| *it != rows);
    Ok(now.map(|now| format!("it has {now} rows now, and {rows} were made")))
}

/// Names the views that read orphans and stay; those orphans stay too.
fn keep_what_is_read(warehouse: &mut dyn Warehouse, orphans: &mut [Orphan]) -> Result<(), WarehouseError> {
    if orphans.is_empty() {
        return Ok(());
    }
    let views = views(warehouse)?;
    loop {
        let goes: BTreeSet<Relation> =
            orphans.iter().filter(|it| it.kept.is_none()).map(|it| it.relation.clone()).collect();
        let mut is_done = true;
        for orphan in orphans.iter_mut().filter(|it| it.kept.is_none()) {
            let stays = |it: &&View| it.relation != orphan.relation && !goes.contains(&it.relation);
            let readers = views.iter().filter(stays).filter(|it| it.reads(&orphan.relation));
            let names: Vec<String> = readers.map(|it| it.relation.short()).collect();
            if !names.is_empty() {
                orphan.kept = Some(read_by(&names));
                is_done = false;
            }
        }
        if is_done {
            return Ok(());
        }
    }
}

fn read_by(views: &[String]) -> String {
    format!("{} {} it", views.join(", "), if views.len() == 1 { "reads" } else { "read" })
}

/// Sorts such that what reads another goes first.
pub fn readers_first(
    warehouse: &mut dyn Warehouse,
    orphans: Vec<Orphan>,
) -> Result<Vec<Orphan>, WarehouseError> {
    let views = views(warehouse)?;
    let mut left = orphans;
    let mut sorted = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let is_read = |it: &Orphan| {
            let others = left.iter().filter(|other| other.relation != it.relation);
            let mut others = others.filter_map(|other| views.iter().find(|v| v.relation == other.relation));
            others.any(|view| view.reads(&it.relation))
        };
        // Views that read each other cannot be there; if they seem to, any order will do.
        let next = left.iter().position(|it| !is_read(it)).unwrap_or(0);
        sorted.push(left.remove(next));
    }
    Ok(sorted)
}

/// A view or a macro that gives a table, and the relations that its query names.
struct View {
    relation: Relation,
    text: String,
    /// Schema and name in lower case; the schema is empty where none is written. `None` if the engine cannot say.
    names: Option<BTreeSet<(String, String)>>,
}

impl View {
    fn reads(&self, relation: &Relation) -> bool {
        let schema = relation.schema.as_deref().unwrap_or_default().to_lowercase();
        let name = relation.identifier.to_lowercase();
        match &self.names {
            Some(names) => names.contains(&(schema, name.clone())) || names.contains(&(String::new(), name)),
            // The name alone: too much rather than too little.
            None => sql::columns_mentioned(&self.text).is_none_or(|it| it.named(&name).is_some()),
        }
    }
}

fn views(warehouse: &mut dyn Warehouse) -> Result<Vec<View>, WarehouseError> {
    let sql = "with texts as ( \
               select database_name, schema_name, view_name as name, sql, \
               regexp_replace(rtrim(sql, ';'), '^CREATE VIEW .*? AS ', '', 's') as query \
               from duckdb_views() where not internal and not temporary \
               union all \
               select database_name, schema_name, function_name, macro_definition, macro_definition \
               from duckdb_functions() where function_type = 'table_macro' and not internal) \
               select database_name, schema_name, name, sql, \
               json_serialize_sql(query, skip_null := true, skip_empty := true) from texts \
               where sql is not null order by all";
    let rows = warehouse.query(sql, None)?.rows;
    let view = |row: Vec<Value>| {
        let [database, schema, name, text, tree] = &row[..] else { return None };
        let tree: Json = serde_json::from_str(&tree.to_string()).unwrap_or_default();
        let is_read = tree.get("error").and_then(Json::as_bool) == Some(false);
        let names = is_read.then(|| {
            let mut names = BTreeSet::new();
            collect_names(&tree, &mut names);
            names
        });
        let relation = Relation::new(database.to_string(), schema.to_string(), name.to_string());
        Some(View { relation, text: text.to_string(), names })
    };
    Ok(rows.into_iter().filter_map(view).collect())
}

/// The tables that a syntax tree names, wherever they stand.
fn collect_names(tree: &Json, names: &mut BTreeSet<(String, String)>) {
    match tree {
        Json::Object(fields) => {
            let text = |key: &str| fields.get(key).and_then(Json::as_str).unwrap_or_default().to_lowercase();
            if fields.contains_key("table_name") {
                names.insert((text("schema_name"), text("table_name")));
            }
            fields.values().for_each(|it| collect_names(it, names));
        }
        Json::Array(items) => items.iter().for_each(|it| collect_names(it, names)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}
