//! All Rust integration tests, in one binary.

mod incremental;
mod merge;
mod phases;
mod project;

mod artifacts;
mod builtin_tests;
mod commands;
mod config;
mod ephemeral;
mod files;
mod gates;
mod invariants;
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
mod template_projects;
mod template_world;
mod templates;
mod tidy;
mod warehouse;
mod yaml_faults;
