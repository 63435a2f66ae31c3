//! Which rows templates read: those of their batch (with `model.batch`), of a sample (`--sample`), or none (`--empty`).

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::reading_name;
use crate::batch::{Batch, RowsRead, Sample};
use crate::graph::{Graph, Node};
use crate::node::{NodeId, NodeKind, Relation, quote_identifier};
use crate::template::Context;

/// A batch of a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct BatchOf {
    pub(super) node: NodeId,
    pub(super) batch: Batch,
}

impl BatchOf {
    /// The batch that begins with the node's data.
    pub(super) fn first_of(node: &Node, id: NodeId) -> Option<Self> {
        let microbatch = node.config.incremental.microbatch.as_ref()?;
        let size = microbatch.batch_size;
        let start = size.truncate(microbatch.begin);
        Some(Self { node: id, batch: Batch { start, end: size.offset(start, 1), size } })
    }

    /// Puts the batch into `model`.
    pub(super) fn show(self, context: &mut Context) {
        let Some(Json::Object(model)) = &mut context.model else { return };
        let batch = json!({
            "id": self.batch.id(),
            "event_time_start": Batch::literal(self.batch.start),
            "event_time_end": Batch::literal(self.batch.end),
        });
        model.insert("batch".to_owned(), batch);
    }
}

/// What `--empty` lets be read of a relation: dbt writes the same.
pub(super) const NO_ROWS: &str = "false limit 0";

/// Conditions on the rows of what a node reads, for those that say when their rows happened.
pub(super) fn filters(
    graph: &Graph,
    id: NodeId,
    rows: RowsRead,
    batch: Option<Batch>,
) -> BTreeMap<Relation, String> {
    let node = graph.node(id);
    let sample = match rows {
        // As in dbt, tests look at all rows of what was made.
        RowsRead::Sample(sample) if matches!(node.kind, NodeKind::Model | NodeKind::Snapshot) => Some(sample),
        RowsRead::Sample(_) | RowsRead::All | RowsRead::Empty => None,
    };
    let part = match (batch, sample) {
        (Some(batch), Some(sample)) => sample.of_batch(batch),
        (Some(Batch { start, end, .. }), None) => Sample { start, end },
        (None, Some(sample)) => sample,
        (None, None) => return BTreeMap::new(),
    };
    let read = node.refs.values().chain(node.sources.values());
    let filter = |id: &NodeId| {
        let parent = graph.node(*id);
        Some((reading_name(parent), part.condition(&event_time(parent)?)))
    };
    read.filter_map(filter).collect()
}

/// The expression that says when a row of a node happened, as SQL: quoted if its column or its source is.
fn event_time(node: &Node) -> Option<String> {
    let name = node.config.values.get("event_time")?.value.as_str()?;
    let column = node.columns.iter().find(|it| it.name.value == name);
    let of_node = || node.config.values.get("quoting")?.value.get("column")?.as_bool();
    let is_quoted = column.and_then(|it| it.quote).or_else(of_node).unwrap_or(false);
    Some(if is_quoted { quote_identifier(name) } else { name.to_owned() })
}
