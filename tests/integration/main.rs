//! All Rust integration tests, in one binary.

mod report;
mod seed;
mod template_cases;
mod warehouse;
