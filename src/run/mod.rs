//! Phase 6: does what the plan says. Runner and reporter meet only in [`event`].

pub mod event;
