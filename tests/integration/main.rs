//! All Rust integration tests, in one binary.

mod report;
mod seed;
mod warehouse;
