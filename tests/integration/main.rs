//! All Rust integration tests, in one binary.

mod incremental;
mod merge;
mod phases;
mod project;

mod artifacts;
mod builtin_tests;
mod commands;
mod config;
mod deps;
mod deps_hub;
mod deps_safety;
mod ephemeral;
mod files;
mod gates;
mod invariants;
mod macro_faults;
mod references;
mod report;
mod run;
mod seed;
mod selection;
mod store_failures;
mod targets;
mod template_adapter;
mod template_api;
mod template_cases;
mod template_engine;
mod template_modules;
mod template_world;
mod templates;
mod test_arguments;
mod tidy;
mod warehouse;
mod yaml_faults;
