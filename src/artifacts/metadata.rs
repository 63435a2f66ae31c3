//! What the head of every artifact says.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Stamp;
use crate::project::Project;

/// The dbt version whose artifacts these are shaped like. Readers look at it to see what to expect, some
/// refuse what they take for something old; it says nothing about the version of this program.
pub(super) const DBT_VERSION: &str = "1.11.0";

/// The keys that all artifacts have in common.
#[derive(Serialize)]
pub(super) struct Metadata<'a> {
    dbt_schema_version: &'static str,
    dbt_version: &'static str,
    generated_at: &'a str,
    invocation_id: &'a str,
    invocation_started_at: &'a str,
    /// Always empty: environment variables are the user's own affair.
    env: BTreeMap<&'a str, &'a str>,
}

impl<'a> Metadata<'a> {
    pub(super) fn new(schema: &'static str, project: &'a Project, stamp: &'a Stamp) -> Self {
        Self {
            dbt_schema_version: schema,
            dbt_version: DBT_VERSION,
            generated_at: &stamp.generated_at,
            invocation_id: &stamp.invocation_id,
            invocation_started_at: &project.settings.globals.run_started_at,
            env: BTreeMap::new(),
        }
    }
}
