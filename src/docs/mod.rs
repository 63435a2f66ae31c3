//! Phase 8, document: what a project is and how it is, as a site that opens from disk.
//!
//! In: the artifacts of this and earlier commands as texts, the run history, and what is known about columns.
//! Out: the files of the site, or a data dictionary. What is not known is shown as unknown. The site is data
//! and a page that shows it: `assets/` has the page, which is the same for every project. Deliberately
//! absent: the warehouse (history is given), the clock, and anything from the network.

mod columns;
mod dictionary;
mod health;
mod layout;
mod looks;
mod manifest;
mod markdown;
mod page;
mod pages;
mod results;
pub mod samples;
mod search;
pub mod serve;
mod site;

pub use self::columns::{ColumnEdge, ColumnFacts, EdgeKind, Inherited, KnownColumn, UnknownOrigins};
pub use self::dictionary::{csv, markdown};
use self::health::Past;
use self::manifest::Manifest;
pub use self::page::{SiteFile, one_file, split};
use self::samples::Samples;
pub use self::site::Site;
use crate::past::History;

/// What a site is made from.
#[derive(Clone, Copy)]
pub struct SiteInput<'a> {
    /// The content of `manifest.json`.
    pub manifest: &'a str,
    /// The content of `run_results.json`, if there is one.
    pub run_results: Option<&'a str>,
    /// The content of `catalog.json`, if there is one.
    pub catalog: Option<&'a str>,
    /// The content of `sources.json`, if there is one.
    pub sources: Option<&'a str>,
    /// The run history, if it can be read.
    pub history: Option<&'a History>,
    /// Rows that the project wants to be shown.
    pub samples: &'a Samples,
    /// What is known about columns.
    pub columns: &'a ColumnFacts,
    /// The program's name and version.
    pub tool: &'a str,
}

/// Makes a site. Fails only if the manifest is none.
pub fn make(input: &SiteInput<'_>) -> Result<Site, serde_json::Error> {
    let manifest = Manifest::read(input.manifest)?;
    let past = Past {
        history: input.history,
        results: results::run_results(input.run_results),
        looks: looks::of_sources(input.history, results::sources(input.sources)),
        samples: input.samples,
    };
    let columns = input.columns.clone().with_catalog(input.catalog);
    Ok(pages::site(&manifest, &columns, &past, input.tool))
}
