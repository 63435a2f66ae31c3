//! The live area at the bottom of a terminal: what is being worked on, and for how long.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::node::UniqueId;
use crate::run::event::NodeRef;

/// How often the clock in the area moves.
const TICK: Duration = Duration::from_millis(120);

/// The area, or nothing where there is no terminal.
pub(super) struct Live {
    area: Option<MultiProgress>,
    running: BTreeMap<UniqueId, ProgressBar>,
}

impl Live {
    /// An area at the bottom of the terminal behind standard error.
    pub(super) fn on_standard_error() -> Self {
        let area = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        Self { area: Some(area), running: BTreeMap::new() }
    }

    /// No area.
    pub(super) fn absent() -> Self {
        Self { area: None, running: BTreeMap::new() }
    }

    /// Adds a line for a node.
    pub(super) fn start(&mut self, node: &NodeRef) {
        let Some(area) = &self.area else { return };
        let style = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed:>4}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = area.add(ProgressBar::new_spinner().with_style(style).with_message(node.label.clone()));
        bar.enable_steady_tick(TICK);
        self.running.insert(node.unique_id.clone(), bar);
    }

    /// Removes a node's line.
    pub(super) fn finish(&mut self, node: &NodeRef) {
        if let Some(bar) = self.running.remove(&node.unique_id) {
            bar.finish_and_clear();
            if let Some(area) = &self.area {
                area.remove(&bar);
            }
        }
    }

    /// Does something that prints while the area is out of the way.
    pub(super) fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.area {
            Some(area) => area.suspend(print),
            None => print(),
        }
    }

    /// Removes all lines.
    pub(super) fn clear(&mut self) {
        for bar in std::mem::take(&mut self.running).into_values() {
            bar.finish_and_clear();
        }
        if let Some(area) = &self.area {
            // What cannot be cleared is gone already.
            let _ = area.clear();
        }
    }
}
