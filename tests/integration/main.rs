//! All Rust integration tests, in one binary.

mod phases;
mod project;

mod artifacts;
mod builtin_tests;
mod commands;
mod gates;
mod references;
mod report;
mod run;
mod seed;
mod template_api;
mod template_cases;
mod templates;
mod tidy;
mod warehouse;
mod yaml_faults;
