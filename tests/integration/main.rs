//! All Rust integration tests, in one binary.

mod phases;
mod project;

mod artifacts;
mod commands;
mod report;
mod seed;
mod template_api;
mod template_cases;
mod tidy;
mod warehouse;
