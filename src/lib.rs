//! Tidemill compiles a folder of templated SQL into a dependency graph and makes it true in DuckDB.

pub mod cli;
pub mod diagnostics;
pub mod node;
pub mod report;
pub mod run;
pub mod template;
pub mod warehouse;
