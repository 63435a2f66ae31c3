//! Runs whose models read a part of the rows (`--empty`, `--sample`): what they make is published, as in dbt. So they say it
//! aloud, the history remembers it, and no later version is compared with theirs.

use super::event::{LogLevel, RunEvent};
use super::step::Worker;
use super::{Shared, node_ref};
use crate::batch::{Batch, RowsRead, Sample};
use crate::node::{NodeId, NodeKind, RelationKind};
use crate::parse::snapshot_settings::{HardDeletes, SnapshotSettings};
use crate::plan::{Action, Plan, RunCommand};

/// Says that what is published lacks rows.
pub(super) fn announce(plan: &Plan, on_event: &mut dyn FnMut(&RunEvent)) {
    let is_publishing = match plan.command {
        RunCommand::Build | RunCommand::Run | RunCommand::Snapshot => true,
        RunCommand::Test | RunCommand::Seed => false,
    };
    if plan.rows_read.is_limited() && is_publishing {
        let message = format!(
            "models read {}, and what is made of them takes the place of what was published before",
            plan.rows_read
        );
        on_event(&RunEvent::Log { level: LogLevel::Warning, message });
    }
}

/// The batches that are made of these rows, never none. A batch deletes the rows of its time before it adds some, so it must not be
/// longer than what is read.
pub(super) fn batches(batches: Vec<Batch>, reads: RowsRead) -> Vec<Batch> {
    let Some(last) = batches.last().copied() else { return batches };
    let none = Batch { start: last.end, ..last };
    match reads {
        RowsRead::All => batches,
        RowsRead::Empty => vec![none],
        RowsRead::Sample(sample) => {
            let part = |it: Batch| {
                let Sample { start, end } = sample.of_batch(it);
                (start < end).then_some(Batch { start, end, ..it })
            };
            let parts: Vec<Batch> = batches.into_iter().filter_map(part).collect();
            if parts.is_empty() { vec![none] } else { parts }
        }
    }
}

/// Why a measure of this run says nothing about the rows that a node has.
pub(super) fn why_not_compared(shared: &Shared<'_>, owner: Option<NodeId>) -> Option<String> {
    let reads = shared.plan.rows_read;
    let is_limited = match reads {
        RowsRead::All => false,
        RowsRead::Empty => true,
        RowsRead::Sample(_) => owner.is_some_and(|it| is_made_of_rows(shared.graph.node(it).kind)),
    };
    is_limited.then(|| format!("not compared: models read {reads}"))
}

/// Whether a node is a query of other nodes.
fn is_made_of_rows(kind: NodeKind) -> bool {
    matches!(kind, NodeKind::Model | NodeKind::Snapshot)
}

impl Worker<'_> {
    /// Which rows the new version is made of, for the history; `None` for all. What is only added to stays what it was.
    pub(super) fn reads(&self) -> Option<String> {
        if !is_made_of_rows(self.node.kind) {
            return None;
        }
        if self.is_added_to() {
            return self.published_reads().map(str::to_owned);
        }
        let reads = self.shared.plan.rows_read;
        reads.is_limited().then(|| reads.to_string())
    }

    /// Tells that rows are added to a table that was made of a part of the rows.
    pub(super) fn warn_of_limited_version(&mut self) {
        if self.shared.plan.rows_read.is_limited() || !self.is_added_to() {
            return;
        }
        if let Some(reads) = self.published_reads() {
            let (label, name) = (node_ref(self.node).label, &self.node.name);
            let advice = match self.node.kind {
                NodeKind::Snapshot => String::new(),
                _ => format!("; `--full-refresh -s {name}` makes it anew"),
            };
            self.warnings
                .push(format!("{label} was made of {reads}, and only new rows are added to it{advice}"));
        }
    }

    /// A snapshot's config for this run: rows that were not read are not gone.
    pub(super) fn snapshot_settings(&mut self, settings: &SnapshotSettings) -> SnapshotSettings {
        let mut settings = settings.clone();
        if self.shared.plan.rows_read.is_limited() && settings.hard_deletes != HardDeletes::Ignore {
            settings.hard_deletes = HardDeletes::Ignore;
            self.warnings.push(format!(
                "{} ends no versions of rows that are gone: it does not read all rows",
                node_ref(self.node).label
            ));
        }
        settings
    }

    fn published_reads(&self) -> Option<&str> {
        self.shared.published.get(self.node.unique_id.as_str())?.reads.as_deref()
    }

    /// Whether the step leaves the rows that are there.
    fn is_added_to(&self) -> bool {
        let is_table = self.exists_as() == Some(RelationKind::Table);
        match &self.step.action {
            Action::UpdateTable { is_full_refresh, .. } => is_table && !is_full_refresh,
            Action::RunBatches(batches) => is_table && !batches.is_full_refresh,
            Action::ByMacro(made) => is_table && !made.is_full_refresh && made.update.is_some(),
            Action::TakeSnapshot(_) => is_table,
            Action::CreateView(_)
            | Action::CreateTable(_)
            | Action::WriteFiles(_)
            | Action::CreateTableFunction(_)
            | Action::LoadSeed(_)
            | Action::CreateFunction(_)
            | Action::Nothing
            | Action::NoOp
            | Action::TestPublished
            | Action::TestAlone
            | Action::UnitTest(_)
            | Action::Broken(_) => false,
        }
    }
}
