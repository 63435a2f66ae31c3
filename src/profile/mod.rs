//! What the queries of models cost, and where a pipeline could do less.
//!
//! In: a graph with its compiled queries, a connection that only reads, the history. Out: [`Profiled`], plain data for
//! people and programs. `queries` decides what is run, `measure` runs it, `facts` reads one query's measures, `pipeline`
//! looks at several together, `growth` at earlier runs. Deliberately absent: words (`report/profile`), and anything that writes.

mod facts;
mod growth;
mod measure;
mod pipeline;
mod queries;
mod tables;

use std::collections::BTreeSet;
use std::time::Duration;

pub use self::facts::{Aggregated, Facts, Joined, LateFilter, Read, ratio};
pub use self::growth::growth;
pub use self::measure::{Surroundings, measure};
pub use self::pipeline::findings;
use crate::compile::Compiled;
use crate::compile::lineage::Lineage;
use crate::diagnostics::Diagnostic;
use crate::graph::{Graph, Node};
use crate::node::{Materialization, NodeId, NodeKind};
use crate::parse::Body;
use crate::project::Project;
use crate::warehouse::profile::Profile;

/// Fewer rows than these cost nothing worth a word.
pub const MANY_ROWS: u64 = 10_000;

/// What a project's queries are measured by.
pub struct Input<'a> {
    /// The project.
    pub project: &'a Project,
    /// Its graph.
    pub graph: &'a Graph,
    /// The queries of the nodes selected, and of what they are made from.
    pub compiled: &'a Compiled,
    /// Which nodes.
    pub selected: &'a BTreeSet<NodeId>,
    /// Where columns come from, if that could be traced.
    pub lineage: Option<&'a Lineage>,
    /// Whether incremental models are measured as if made from scratch.
    pub full_refresh: bool,
    /// When the command began, RFC 3339 in UTC: microbatch models are measured by their newest batch.
    pub started_at: &'a str,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Profiled {
    /// Queries that were run, parents before children.
    pub measured: Vec<Measured>,
    /// Nodes that were not, and why.
    pub left_out: Vec<LeftOut>,
    /// Queries that could not be run.
    pub faults: Vec<Diagnostic>,
    /// Where the pipeline could do less, the dearest first.
    pub findings: Vec<Finding>,
    /// What grew, by earlier runs.
    pub growth: Vec<Growth>,
}

/// A node whose query was run.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The node.
    pub id: NodeId,
    /// Its unique id.
    pub unique_id: String,
    /// Its name.
    pub name: String,
    /// Its file, from the project's folder on.
    pub path: String,
    /// `table`, `view`, ...; `snapshot` for a snapshot.
    pub made_as: String,
    /// Whether a run executes the query and keeps its rows. Views and ephemeral models are run by their readers.
    pub is_stored: bool,
    /// Which of its queries it is.
    pub form: Form,
    /// What was measured.
    pub profile: Profile,
    /// What that says.
    pub facts: Facts,
}

/// Which query of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The whole.
    Whole,
    /// What the next run adds to an incremental model's table.
    Update,
    /// The newest batch of a microbatch model.
    Batch,
}

/// A node that was not measured.
#[derive(Clone, Debug)]
pub struct LeftOut {
    /// Its unique id.
    pub unique_id: String,
    /// Its name.
    pub name: String,
    /// Why.
    pub why: WhyLeftOut,
}

/// Why a node was not measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhyLeftOut {
    /// What it reads is not there: models and seeds, which a build makes, and sources, which others make.
    NotBuilt {
        /// Names of what a build makes.
        nodes: Vec<String>,
        /// Names of sources.
        sources: Vec<String>,
    },
    /// It is called with arguments.
    TableFunction,
    /// The engine does not measure a statement of its kind.
    NotExplained,
}

impl LeftOut {
    fn new(node: &Node, why: WhyLeftOut) -> Self {
        Self { unique_id: node.unique_id.as_str().to_owned(), name: called(node), why }
    }
}

/// Where the pipeline could do less.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What was found.
    pub what: What,
    /// Unique ids of the nodes it is about, the one to change first.
    pub nodes: Vec<String>,
    /// About how much time it costs in a run.
    pub at_stake: Duration,
}

/// What can be found.
#[derive(Clone, Debug)]
pub enum What {
    /// A join makes many rows of few.
    JoinMultiplies {
        /// The model.
        model: String,
        /// Sizes and conditions.
        join: Joined,
    },
    /// Many rows are looked up among few, and then aggregated.
    AggregateBeforeJoin {
        /// The model.
        model: String,
        /// Sizes and conditions.
        join: Joined,
    },
    /// A filter throws nearly all rows away after they were joined.
    LateFilter {
        /// The model.
        model: String,
        /// Sizes and conditions.
        filter: LateFilter,
    },
    /// A stored model whose readers keep few of its rows.
    FilterEarlier {
        /// The model.
        model: String,
        /// Its rows.
        rows: u64,
        /// The most that one reader keeps.
        kept: u64,
        /// Names of the readers.
        readers: Vec<String>,
        /// Their filters.
        filters: Vec<String>,
    },
    /// A stored model whose readers all aggregate it.
    AggregateEarlier {
        /// The model.
        model: String,
        /// Its rows.
        rows: u64,
        /// The most rows that one reader makes of it.
        at_most: u64,
        /// Names of the readers.
        readers: Vec<String>,
    },
    /// Several models read the same with the same filter.
    SameFilter {
        /// What they read.
        of: String,
        /// The filters.
        filters: Vec<String>,
        /// Rows that each looks at.
        looked_at: u64,
        /// Rows that each keeps.
        kept: u64,
        /// Names of the models.
        readers: Vec<String>,
    },
    /// A view or an ephemeral model that several stored models compute anew.
    ComputedAgain {
        /// The model.
        model: String,
        /// How it is made.
        made_as: String,
        /// Rows that it reads each time.
        rows_in: u64,
        /// Rows that it has.
        rows: u64,
        /// How long it takes.
        elapsed: Duration,
        /// Names of the models.
        readers: Vec<String>,
    },
    /// Columns of a stored model that no model reads.
    UnusedColumns {
        /// The model.
        model: String,
        /// Their names.
        columns: Vec<String>,
        /// How many columns it has.
        of: usize,
        /// Its rows.
        rows: u64,
    },
    /// A query did not fit into memory.
    Spilled {
        /// The model.
        model: String,
        /// Bytes on the disk at once.
        bytes: u64,
    },
}

/// How a node's last runs differ from those before: medians.
#[derive(Clone, Debug, PartialEq)]
pub struct Growth {
    /// Its unique id.
    pub unique_id: String,
    /// Its name.
    pub name: String,
    /// Seconds before.
    pub seconds_before: f64,
    /// Seconds now.
    pub seconds: f64,
    /// Rows read before, where they were counted.
    pub rows_in_before: Option<f64>,
    /// Rows read now.
    pub rows_in: Option<f64>,
    /// How many runs are "now".
    pub runs: usize,
    /// How many runs are "before".
    pub runs_before: usize,
    /// Whether it takes notably longer.
    pub is_slower: bool,
    /// Whether it reads notably more.
    pub reads_more: bool,
}

/// Whether a run executes a node's query and keeps the rows.
fn is_stored(node: &Node) -> bool {
    match &node.body {
        Body::Model { materialized, .. } => match materialized {
            Materialization::Table
            | Materialization::Incremental
            | Materialization::External
            | Materialization::Custom => true,
            Materialization::View | Materialization::Ephemeral | Materialization::TableFunction => false,
        },
        Body::Snapshot(_) => true,
        _ => false,
    }
}

/// Whether a node has a query that can be measured.
pub fn has_query(node: &Node) -> bool {
    matches!(node.kind, NodeKind::Model | NodeKind::Snapshot)
}

/// As people call a node: sources with their source.
fn called(node: &Node) -> String {
    match &node.body {
        Body::Source(source) => format!("{}.{}", source.source, node.name),
        Body::Model { version: Some(version), .. } => format!("{}.v{}", node.name, version.version),
        _ => node.name.clone(),
    }
}
