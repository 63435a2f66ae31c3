//! Hooks outside of a node's transaction: before it begins and after it is committed.

use super::event::{Kept, Outcome};
use super::step::{Failure, StepOutcome, Tried, Worker};
use crate::compile::Hook;
use crate::diagnostics::Spanned;

impl Worker<'_> {
    /// Makes and publishes the node, with the hooks around its transaction. What fails after the commit is
    /// the node's fault, but takes nothing back.
    pub(super) fn publish_with_hooks(&mut self) -> Tried {
        let step = self.step;
        if let Err(failure) = self.hooks_outside("pre-hook", &step.before) {
            return Tried::error(failure.fault, self.kept());
        }
        let mut tried = self.publish_all();
        if tried.outcome != StepOutcome::Done(Outcome::Success) {
            return tried;
        }
        match self.hooks_outside("post-hook", &step.after_commit) {
            Ok(()) => tried,
            Err(Failure { fault, .. }) => {
                let outcome = StepOutcome::Done(Outcome::Error { kept: Kept::New });
                (tried.outcome, tried.fault) = (outcome, Some(fault));
                tried
            }
        }
    }

    fn hooks_outside(&mut self, which: &str, hooks: &[Spanned<String>]) -> Result<(), Failure> {
        hooks.iter().try_for_each(|hook| self.hook(which, &Hook::Late(hook.clone())))
    }
}
