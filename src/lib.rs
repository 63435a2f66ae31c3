//! Tidemill compiles a folder of templated SQL into a dependency graph and makes it true in DuckDB.
//!
//! The folders of this crate are the phases, in the order they run; each is a function from one type to
//! the next, and an import never points to a later phase:
//!
//! 1. [`project`] finds and reads files: a `Project`.
//! 2. [`parse`] reads what each file means by itself, properties and templates: `Parsed`.
//! 3. [`graph`] makes ids and edges of names, finds cycles, selects: a `Graph`.
//! 4. [`compile`] renders templates to SQL with a map back to the files: `Compiled`.
//! 5. [`plan`] says what to do, in what order, and who gates whom: a `Plan`.
//! 6. [`run`] executes a plan: build, test, publish; events on the way, `RunResults` at the end.
//! 7. [`artifacts`] writes manifest and run results in dbt's schemas.
//! 8. [`docs`] makes the site from artifacts and history.
//!
//! [`lint`] looks at what was compiled and says what will hurt. [`deps`] fetches the packages that the first phase reads.
//!
//! [`profile`] measures what the queries cost, for `tidemill profile`.
//!
//! Beside the phases stand the words they share ([`node`], [`batch`]), faults and their places ([`diagnostics`]), the
//! walls around packages ([`yaml`], [`template`], [`sql`], [`warehouse`]), the only printer ([`report`])
//! and the command line ([`cli`]). `ARCHITECTURE.md` has the whole picture.

pub mod batch;
pub mod diagnostics;
pub mod node;
pub mod sql;
pub mod template;
pub mod warehouse;
pub mod yaml;

pub mod artifacts;
pub mod compile;
pub mod deps;
pub mod docs;
pub mod graph;
pub mod lint;
pub mod parse;
pub mod past;
pub mod plan;
pub mod profile;
pub mod project;
pub mod run;

pub mod cli;
pub mod report;
