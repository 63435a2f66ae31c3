//! What a generic test checks, where Tidemill knows more than its query.

mod arguments;
mod drift;
mod own;
mod own_arguments;

use self::arguments::Arguments;
pub use self::drift::{Against, Drift, Limit, Measure, Reaction, SchemaDrift};
pub use self::own::{Gaps, OwnCheck};
use super::properties::{FreshnessRule, TestEntry};
use crate::diagnostics::{Diagnostics, Severity};

/// A check by its meaning. The aggregates among them share one scan of their table.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// Nothing is known but the query, whose rows are failures.
    Query,
    /// No nulls.
    NotNull,
    /// No value twice, nulls aside.
    Unique,
    /// Only these values, nulls aside.
    AcceptedValues {
        /// The values.
        values: Vec<String>,
        /// Whether they are written into SQL as texts.
        quote: bool,
    },
    /// Only values that another relation has, nulls aside.
    Relationships {
        /// The other relation as SQL, or as the template that gives it.
        to: String,
        /// Its column.
        field: String,
    },
    /// The newest row is young enough.
    Freshness {
        /// Column or expression with the time.
        column: String,
        /// How old is too old.
        rule: FreshnessRule,
    },
    /// A measure did not jump since the last published version.
    Drift(Drift),
    /// The columns are those of the last published version.
    SchemaDrift(SchemaDrift),
    /// A test whose query Tidemill writes.
    Own(OwnCheck),
}

impl Check {
    /// Whether its failures are rows of a query; else it judges one value, or compares with the history.
    pub fn is_about_rows(&self) -> bool {
        match self {
            Check::Query
            | Check::NotNull
            | Check::Unique
            | Check::AcceptedValues { .. }
            | Check::Relationships { .. }
            | Check::Own(_) => true,
            Check::Freshness { .. } | Check::Drift(_) | Check::SchemaDrift(_) => false,
        }
    }

    /// Whether it compares with what was published before.
    pub fn is_drift(&self) -> bool {
        matches!(self, Check::Drift(_) | Check::SchemaDrift(_))
    }

    /// Whether Tidemill writes its query, rather than a macro.
    pub fn is_own(&self) -> bool {
        matches!(self, Check::Freshness { .. } | Check::Drift(_) | Check::SchemaDrift(_) | Check::Own(_))
    }

    /// Replaces every argument that is SQL, such as a template by what it gives.
    pub fn map_sql<E>(&mut self, map: &mut dyn FnMut(&str) -> Result<String, E>) -> Result<(), E> {
        match self {
            Check::Query
            | Check::NotNull
            | Check::Unique
            | Check::AcceptedValues { .. }
            | Check::Freshness { .. }
            | Check::SchemaDrift(_) => Ok(()),
            Check::Relationships { to, .. } => {
                *to = map(to)?;
                Ok(())
            }
            Check::Drift(drift) => drift.map_sql(map),
            Check::Own(own) => own.map_sql(map),
        }
    }
}

/// Tests that Tidemill has and dbt itself does not.
pub const OWN_TESTS: [&str; 19] = [
    "accepted_range",
    "at_least_one",
    "column_types",
    "equal_rowcount",
    "expression_is_true",
    "fewer_rows_than",
    "freshness",
    "matches_regex",
    "mutually_exclusive_ranges",
    "not_accepted_values",
    "not_constant",
    "not_empty_string",
    "recency",
    "reconciles_with",
    "row_count_drift",
    "schema_drift",
    "sequential_values",
    "sum_drift",
    "unique_combination_of_columns",
];

/// Reads the arguments of a test that is Tidemill's own or one of dbt's four.
pub(super) fn read(
    diags: &mut Diagnostics,
    name: &str,
    entry: &TestEntry,
    column: Option<&str>,
    unknown: Severity,
) -> Option<Check> {
    let mut arguments = Arguments::new(diags, entry, name, column);
    let known = arguments::known(name).or_else(|| own_arguments::known_arguments(name));
    if !known.is_none_or(|known| arguments.are_known(known)) {
        return None;
    }
    match name {
        "not_null" => Some(Check::NotNull),
        "unique" => Some(Check::Unique),
        "accepted_values" => arguments.accepted_values(),
        "relationships" => arguments.relationships(),
        "freshness" => arguments.freshness(unknown),
        "row_count_drift" => arguments.row_count_drift().map(Check::Drift),
        "sum_drift" => arguments.sum_drift().map(Check::Drift),
        "schema_drift" => arguments.schema_drift().map(Check::SchemaDrift),
        _ if OWN_TESTS.contains(&name) => arguments.own().map(Check::Own),
        _ => Some(Check::Query),
    }
}
