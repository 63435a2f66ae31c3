//! All Rust integration tests, in one binary.

mod incremental;
mod phases;
mod project;

mod artifacts;
mod commands;
mod references;
mod report;
mod seed;
mod template_api;
mod template_cases;
mod templates;
mod tidy;
mod warehouse;
mod yaml_faults;
