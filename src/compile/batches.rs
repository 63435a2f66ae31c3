//! What a template of a microbatch model sees of its batch: `model.batch`, and only the batch's rows of what it
//! reads.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::reading_name;
use crate::batch::Batch;
use crate::graph::{Graph, Node};
use crate::node::{NodeId, Relation, quote_identifier};
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

    /// Conditions on the rows of what the node reads, for those that say when their rows happened.
    pub(super) fn filters(self, graph: &Graph) -> BTreeMap<Relation, String> {
        let node = graph.node(self.node);
        let read = node.refs.values().chain(node.sources.values());
        let filter = |id: &NodeId| {
            let parent = graph.node(*id);
            Some((reading_name(parent), self.batch.condition(&event_time(parent)?)))
        };
        read.filter_map(filter).collect()
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

/// The expression that says when a row of a node happened, as SQL: quoted if its column or its source is.
fn event_time(node: &Node) -> Option<String> {
    let name = node.config.values.get("event_time")?.value.as_str()?;
    let column = node.columns.iter().find(|it| it.name.value == name);
    let of_node = || node.config.values.get("quoting")?.value.get("column")?.as_bool();
    let is_quoted = column.and_then(|it| it.quote).or_else(of_node).unwrap_or(false);
    Some(if is_quoted { quote_identifier(name) } else { name.to_owned() })
}
