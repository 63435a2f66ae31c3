//! All Rust integration tests, in one binary.

mod incremental;
mod merge;
mod phases;
mod project;

mod access;
mod artifacts;
mod builtin_tests;
mod commands;
mod config;
mod ephemeral;
mod files;
mod gates;
mod invariants;
mod project_settings;
mod references;
mod report;
mod run;
mod seed;
mod selection;
mod selectors_yml;
mod store_failures;
mod targets;
mod template_adapter;
mod template_api;
mod template_cases;
mod template_engine;
mod template_modules;
mod template_world;
mod templates;
mod tidy;
mod versions;
mod warehouse;
mod yaml_faults;
mod yaml_resources;
