//! Lint: what works today and hurts tomorrow.
//!
//! In: compiled SQL with its way back to the files, the columns of all nodes and their lineage, tests, and the
//! project's word on its rules. Out: findings as diagnostics at the files' own places. The rules about queries read
//! the engine's syntax tree, so they see what the engine sees. Deliberately absent: formatting, which other
//! programs look after (they read compiled SQL and its map, `compile --with-map`), and the warehouse.

pub mod config;
mod facts;
mod finding;
mod nodes;
mod noqa;
pub mod page;
mod query;
pub mod rules;
mod scanner;
mod tree;
mod whole;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use rayon::prelude::*;
use serde_json::Value as Json;

use self::config::LintConfig;
use self::facts::{Known, Looked};
use self::finding::{Finding, Model};
use self::noqa::Silencer;
use self::rules::{Level, RULES, Rule};
use self::scanner::{Language, pieces};
use self::whole::Usage;
use self::world::World;
use crate::compile::Compiled;
use crate::compile::lineage::{Lineage, ProjectTables};
use crate::compile::shapes::Shapes;
use crate::diagnostics::{Diagnostic, Severity, Sources, Span};
use crate::graph::Graph;
use crate::node::{NodeId, NodeKind};
use crate::project::Project;
use crate::sql::lineage::json::flag;
use crate::template::Rendered;
use crate::warehouse::WarehouseError;
use crate::warehouse::binder::Binder;

/// What rules work on.
pub struct LintInput<'a> {
    /// The project.
    pub project: &'a Project,
    /// Its graph.
    pub graph: &'a Graph,
    /// The SQL of all nodes with rows.
    pub compiled: &'a Compiled,
    /// Their columns.
    pub shapes: &'a Shapes,
    /// Where those come from.
    pub lineage: &'a Lineage,
    /// All texts.
    pub sources: &'a Sources,
    /// What the project says about rules.
    pub config: &'a LintConfig,
    /// The nodes that are looked at.
    pub selected: &'a BTreeSet<NodeId>,
    /// Whether these are all.
    pub is_whole: bool,
    /// Whether another linter's comments are in the project too, so that a `noqa` without names may be for it.
    pub has_other_linter: bool,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Linted {
    /// The findings, by file and place.
    pub findings: Vec<Diagnostic>,
    /// How many models and snapshots were read.
    pub n_queries: usize,
    /// Models whose queries could not be read, with the reasons.
    pub unread: BTreeMap<NodeId, String>,
}

/// How many models are held as trees at once.
const BATCH: usize = 64;

/// Looks for everything that the project's rules are about.
pub fn lint(input: &LintInput<'_>, mut binder: Box<dyn Binder>) -> Result<Linted, WarehouseError> {
    let world = World::new(input);
    let tables = ProjectTables::new(input.graph, input.compiled, input.shapes, binder.as_mut())?;
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let mut binders = vec![binder];
    while binders.len() < threads {
        let next = binders[0].connect()?;
        binders.push(next);
    }
    let mut known = Known::new(&world, &tables);
    let usage = Usage::new(input);
    let mut linted = Linted::default();
    let mut found = Vec::new();
    for batch in queries(input).chunks(BATCH) {
        let size = batch.len().div_ceil(binders.len()).max(1);
        let trees: Vec<Result<Json, String>> = batch
            .par_chunks(size)
            .zip(binders.par_iter_mut())
            .flat_map_iter(|(part, binder)| {
                part.iter().map(|it| tree(it.sql, binder.as_mut())).collect::<Vec<_>>()
            })
            .collect();
        let mut read: Vec<(&Query<'_>, &Json, Looked)> = Vec::new();
        for (query, tree) in batch.iter().zip(&trees) {
            match tree.as_ref().map(|it| it.pointer("/statements/0/node")) {
                Ok(Some(node)) => read.push((query, node, known.look_at(query.id, node))),
                Ok(None) => {}
                Err(reason) => drop(linted.unread.insert(query.id, reason.clone())),
            }
        }
        read.retain(|it| input.selected.contains(&it.0.id) && is_own(input, it.0.id));
        linted.n_queries += read.iter().filter(|it| it.0.kind != QueryKind::Update).count();
        found.par_extend(read.par_iter().flat_map_iter(|(query, node, looked)| {
            let model = model(&world, query.id, query.sql, node);
            let mut found = query::check(&model, looked, &known);
            match query.kind {
                QueryKind::Whole => whole::unused_columns(&model, &usage, &mut found),
                // What one of the two leaves out, the other may need.
                QueryKind::Update => found.retain(|it| it.rule != Rule::UnusedCte),
                QueryKind::WholeOfTwo => {
                    whole::unused_columns(&model, &usage, &mut found);
                    found.retain(|it| it.rule != Rule::UnusedCte);
                }
            }
            found
        }));
    }
    linted.unread.retain(|id, _| input.selected.contains(id) && is_own(input, *id));
    found.extend(whole::check(&world, &known, &usage));
    linted.findings = judged(&world, found);
    Ok(linted)
}

fn is_own(input: &LintInput<'_>, id: NodeId) -> bool {
    input.graph.node(id).package == input.graph.root_package
}

/// A query of a model or snapshot.
struct Query<'a> {
    id: NodeId,
    sql: &'a Rendered,
    kind: QueryKind,
}

/// Which query of its model it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum QueryKind {
    /// The only one.
    Whole,
    /// That of an incremental model which makes its table anew.
    WholeOfTwo,
    /// That of an incremental model whose table is there.
    Update,
}

/// The queries of all models and snapshots, parents first; that which counts for children comes last of a model's.
fn queries<'a>(input: &LintInput<'a>) -> Vec<Query<'a>> {
    let ids = input.graph.order().iter().copied();
    let made = ids.filter(|it| matches!(input.graph.node(*it).kind, NodeKind::Model | NodeKind::Snapshot));
    let mut found = Vec::new();
    for id in made {
        let Some(node) = input.compiled.nodes.get(&id).or_else(|| input.shapes.rendered.get(&id)) else {
            continue;
        };
        let update = node.update.as_ref().map(|it| &it.sql).filter(|it| it.text != node.sql.text);
        let kind = if update.is_some() { QueryKind::WholeOfTwo } else { QueryKind::Whole };
        found.extend(update.map(|sql| Query { id, sql, kind: QueryKind::Update }));
        found.push(Query { id, sql: &node.sql, kind });
    }
    found
}

fn tree(sql: &Rendered, binder: &mut dyn Binder) -> Result<Json, String> {
    let text = binder.syntax(&sql.text).map_err(|it| it.message)?;
    let tree: Json = serde_json::from_str(&text).map_err(|it| it.to_string())?;
    if flag(&tree, "error") {
        return Err(crate::sql::lineage::json::text(&tree, "error_message").to_owned());
    }
    Ok(tree)
}

fn model<'a>(world: &'a World<'a>, id: NodeId, sql: &'a Rendered, node: &'a Json) -> Model<'a> {
    let is_ephemeral = |name: &str| name.starts_with("__dbt__cte__");
    Model {
        world,
        id,
        node: world.input.graph.node(id),
        sql,
        pieces: pieces(&sql.text, Language::Sql),
        parts: tree::parts(node, &is_ephemeral),
        tree: node,
    }
}

/// What is left of findings after config and comments, in order, with the severities of the project.
fn judged(world: &World<'_>, found: Vec<Finding>) -> Vec<Diagnostic> {
    let input = world.input;
    let mut silencer = Silencer::new(input.sources);
    let ran: BTreeSet<Rule> =
        RULES.iter().map(|it| it.0).filter(|it| input.config.level(*it) != Level::Off).collect();
    let mut kept: BTreeMap<(String, Span, &'static str), Diagnostic> = BTreeMap::new();
    let mut keep = |severity: Option<Severity>, span: Span, mut diagnostic: Diagnostic| {
        let Some(severity) = severity else { return };
        diagnostic.severity = severity;
        let path = input.sources.get(span.file).path.clone();
        // Several models find the same in a macro that they share.
        kept.entry((path, span, diagnostic.code)).or_insert(diagnostic);
    };
    for Finding { rule, node, diagnostic } in found {
        let Some(span) = diagnostic.primary.as_ref().map(|it| it.span) else { continue };
        let is_asked = node.is_none_or(|it| input.selected.contains(&it));
        let is_off = node
            .is_some_and(|it| input.config.excludes(rule, it) || nodes::is_off(input.graph.node(it), rule));
        if is_asked && !is_off && ran.contains(&rule) && !silencer.silences(rule, span) {
            keep(severity(input, rule), span, diagnostic);
        }
    }
    for file in files(world) {
        silencer.look_at(file);
    }
    let all_ran = ran.len() == RULES.len() && !input.has_other_linter;
    for (rule, span, diagnostic) in silencer.findings(&ran, all_ran) {
        if ran.contains(&rule) && files(world).contains(&span.file) {
            keep(severity(input, rule), span, diagnostic);
        }
    }
    kept.into_values().collect()
}

fn severity(input: &LintInput<'_>, rule: Rule) -> Option<Severity> {
    match input.config.level(rule) {
        Level::Error => Some(Severity::Error),
        Level::Warn => Some(Severity::Warning),
        Level::Off => None,
    }
}

/// The files whose comments can be judged: those of the nodes looked at, and all others if all nodes are.
fn files(world: &World<'_>) -> BTreeSet<crate::diagnostics::FileId> {
    if world.input.is_whole {
        return world.own_files.clone();
    }
    let own = world.own_nodes().filter(|it| world.input.selected.contains(&it.0));
    let own = own.filter(|it| matches!(it.1.kind, NodeKind::Model | NodeKind::Snapshot));
    own.map(|it| it.1.span.file).collect()
}

/// Faults of what nodes say about rules.
pub fn check_nodes(diags: &mut crate::diagnostics::Diagnostics, graph: &Graph, sources: &Sources) {
    nodes::check(diags, graph, sources);
}
