//! The command line: arguments and environment in, calls of the phases, exit status out.

pub mod args;
pub mod environment;
