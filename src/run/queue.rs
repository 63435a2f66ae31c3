//! Which step is next: a pure structure without threads.

use std::collections::BTreeSet;

use crate::plan::{EdgeKind, Step, StepId};

/// Steps that wait, steps that are ready, and what keeps some from ever being ready.
#[derive(Debug)]
pub(super) struct ReadyQueue {
    /// Longest way to an end first, then in the order of the plan.
    ready: BTreeSet<(std::cmp::Reverse<usize>, StepId)>,
    children: Vec<Vec<(StepId, EdgeKind)>>,
    waiting: Vec<usize>,
    priority: Vec<usize>,
    blocked_by: Vec<Option<StepId>>,
}

/// A step whose parents are all done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It can be run.
    Run(StepId),
    /// It cannot: this step, or what that one waited for, failed.
    Skip {
        /// The step.
        step: StepId,
        /// Where the failure began.
        because_of: StepId,
    },
}

impl ReadyQueue {
    pub(super) fn new(steps: &[Step]) -> Self {
        let mut children = vec![Vec::new(); steps.len()];
        let mut waiting = vec![0; steps.len()];
        for (index, step) in steps.iter().enumerate() {
            for edge in &step.after {
                children[edge.step.index()].push((id(index), edge.kind));
                waiting[index] += 1;
            }
        }
        let priority: Vec<usize> = steps.iter().map(|it| it.priority).collect();
        let mut queue =
            Self { ready: BTreeSet::new(), children, waiting, priority, blocked_by: vec![None; steps.len()] };
        for index in 0..steps.len() {
            if queue.waiting[index] == 0 {
                queue.insert(id(index));
            }
        }
        queue
    }

    fn insert(&mut self, step: StepId) {
        self.ready.insert((std::cmp::Reverse(self.priority[step.index()]), step));
    }

    /// Takes the next step whose parents are done.
    pub(super) fn pop(&mut self) -> Option<Next> {
        let (_, step) = self.ready.pop_first()?;
        Some(match self.blocked_by[step.index()] {
            Some(because_of) => Next::Skip { step, because_of },
            None => Next::Run(step),
        })
    }

    /// Takes out a step that waits for nothing and was done before.
    pub(super) fn settle(&mut self, step: StepId, is_success: bool) {
        self.ready.remove(&(std::cmp::Reverse(self.priority[step.index()]), step));
        self.finish(step, is_success);
    }

    /// Frees the children that waited only for this step; those that need its success know if it failed.
    pub(super) fn finish(&mut self, done: StepId, is_success: bool) {
        let origin = self.blocked_by[done.index()].unwrap_or(done);
        for (child, kind) in std::mem::take(&mut self.children[done.index()]) {
            if !is_success && kind == EdgeKind::Blocks {
                self.blocked_by[child.index()].get_or_insert(origin);
            }
            let left = &mut self.waiting[child.index()];
            *left -= 1;
            if *left == 0 {
                self.insert(child);
            }
        }
    }
}

fn id(index: usize) -> StepId {
    StepId(u32::try_from(index).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::NodeId;
    use crate::plan::{Action, Edge};

    fn steps(edges: &[&[(u32, EdgeKind)]]) -> Vec<Step> {
        edges
            .iter()
            .enumerate()
            .map(|(index, after)| Step {
                node: NodeId(u32::try_from(index).unwrap()),
                action: Action::Nothing,
                relation: None,
                before: Vec::new(),
                after_commit: Vec::new(),
                tests: Vec::new(),
                source: None,
                after: after.iter().map(|(step, kind)| Edge { step: StepId(*step), kind: *kind }).collect(),
                priority: edges.len() - index,
            })
            .collect()
    }

    #[test]
    fn a_child_is_ready_when_its_last_parent_is_done() {
        use EdgeKind::Blocks;
        let mut queue = ReadyQueue::new(&steps(&[&[], &[], &[(0, Blocks), (1, Blocks)]]));
        assert_eq!(queue.pop(), Some(Next::Run(StepId(0))));
        queue.finish(StepId(0), true);
        assert_eq!(queue.pop(), Some(Next::Run(StepId(1))));
        assert_eq!(queue.pop(), None);
        queue.finish(StepId(1), true);
        assert_eq!(queue.pop(), Some(Next::Run(StepId(2))));
    }

    #[test]
    fn a_failure_skips_descendants_and_names_where_it_began() {
        use EdgeKind::{Blocks, Orders};
        let mut queue = ReadyQueue::new(&steps(&[&[], &[(0, Blocks)], &[(1, Blocks)], &[(0, Orders)]]));
        assert_eq!(queue.pop(), Some(Next::Run(StepId(0))));
        queue.finish(StepId(0), false);
        assert_eq!(queue.pop(), Some(Next::Skip { step: StepId(1), because_of: StepId(0) }));
        queue.finish(StepId(1), false);
        assert_eq!(queue.pop(), Some(Next::Skip { step: StepId(2), because_of: StepId(0) }));
        assert_eq!(queue.pop(), Some(Next::Run(StepId(3))));
    }
}
