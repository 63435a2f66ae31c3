//! How many queries may be run at the same time: a step has a slot while it is worked on, and what is free can help a step
//! that has more than one query to run.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The slots of a run, as many as `--threads` says.
pub(super) struct Slots {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    free: usize,
    /// Steps that wait until a helper gives way.
    waiting: usize,
}

/// The right to run one query at a time, until it is dropped.
pub(super) struct Slot {
    slots: Arc<Slots>,
}

impl Slots {
    pub(super) fn new(count: usize) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State { free: count, waiting: 0 }), changed: Condvar::new() })
    }

    /// For a step, which never waits long: helpers give way when they are done with what they are at.
    pub(super) fn take(self: &Arc<Self>) -> Slot {
        let mut state = self.lock();
        state.waiting += 1;
        while state.free == 0 {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.waiting -= 1;
        state.free -= 1;
        Slot { slots: Arc::clone(self) }
    }

    /// For a helper: a slot that nobody needs now.
    pub(super) fn take_idle(self: &Arc<Self>) -> Option<Slot> {
        let mut state = self.lock();
        if state.free <= state.waiting {
            return None;
        }
        state.free -= 1;
        Some(Slot { slots: Arc::clone(self) })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Whether a step waits for a slot.
    pub(super) fn is_wanted(&self) -> bool {
        let state = self.slots.lock();
        state.waiting > state.free
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.lock().free += 1;
        self.slots.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helpers_take_what_is_free_and_give_way_to_steps() {
        let slots = Slots::new(2);
        let step = slots.take();
        let helper = slots.take_idle().unwrap();
        assert!(slots.take_idle().is_none());
        assert!(!helper.is_wanted());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| drop(slots.take()));
            while !helper.is_wanted() {
                std::thread::yield_now();
            }
            drop(helper);
            waiting.join().unwrap();
        });
        drop(step);
        assert!(slots.take_idle().is_some());
    }
}
