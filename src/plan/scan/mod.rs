//! Many tests of one relation as one query.
//!
//! Every test that is an aggregate becomes a column of one `select` over the relation. The result says
//! exactly how a test went, except where it says only whether there are failures: there, and for sample
//! rows, a failing test's own query is asked as well.

mod aggregates;
mod alone;

use self::aggregates::{Demand, aggregate};
pub use self::alone::WhyAlone;
use super::PlannedTest;
use crate::node::Relation;
use crate::parse::check::Check;

/// One query for several tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FusedScan {
    /// The query: one row; the first column is the relation's row count.
    pub sql: String,
    /// Tests by their index in the list given, in the order of the query's columns.
    pub columns: Vec<FusedColumn>,
}

/// One test's part of the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FusedColumn {
    /// The test's index in the list given.
    pub test: usize,
    /// The column that holds its value.
    pub index: usize,
    /// The column that holds how many rows were tested, if that matters.
    pub rows: Option<usize>,
    /// What the value is.
    pub value: FusedValue,
}

/// What a value of the scan means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FusedValue {
    /// The number of failures, as the test's own query would give it.
    Failures,
    /// Zero exactly if there are no failures.
    ZeroIfNone,
    /// The newest time as text; the next column is its age in seconds.
    NewestAndAge,
    /// A measure to be compared with the versions before.
    Measure,
}

/// An aggregate that remembers every value it has seen takes memory. On relations with more rows than this,
/// or when nobody knows how many there are, each of them has a scan of its own.
const MANY_ROWS: u64 = 1_000_000;

/// The relation that tests are about.
#[derive(Clone, Copy, Debug)]
pub struct TestedRelation<'a> {
    /// Its name.
    pub relation: &'a Relation,
    /// How many rows it has, where that is known; it is known of tables only.
    pub rows: Option<u64>,
    /// Whether a column of it may have a collation. Grouping takes for the same what a collation does, but
    /// `count(distinct ...)` does not, so that tests about values are left to their own queries.
    pub may_collate: bool,
}

/// Which tests may share a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// All that are aggregates.
    All,
    /// All but those that compare with another relation's values: the engine refuses that in an aggregate where
    /// the two have different types, while a join converts them.
    WithoutParents,
}

/// Joins those tests that can be; empty if there are none.
pub fn fuse(tested: TestedRelation<'_>, tests: &[PlannedTest], sharing: Sharing) -> Vec<FusedScan> {
    let mut counts = Scan::default();
    let mut looks = Scan::default();
    let mut memories = Vec::new();
    for (index, planned) in tests.iter().enumerate() {
        let Ok(aggregate) = aggregate(planned) else { continue };
        if (sharing == Sharing::WithoutParents && has_parent(planned))
            || (tested.may_collate && aggregate.demand.ignores_collations())
        {
            continue;
        }
        match (aggregate.demand, tested.rows) {
            // A query of counts alone is answered without reading a large table.
            (Demand::Counts, Some(MANY_ROWS..)) => counts.add(index, planned, aggregate),
            (Demand::Memory, Some(MANY_ROWS..)) => memories.push(Scan::of(index, planned, aggregate)),
            // Reading a view may be dear, so the first one is read with all else.
            (Demand::Memory, None) if looks.has_memory => {
                memories.push(Scan::of(index, planned, aggregate));
            }
            (Demand::Counts | Demand::Look | Demand::Bytes | Demand::Memory, _) => {
                looks.has_memory |= aggregate.demand == Demand::Memory;
                looks.add(index, planned, aggregate);
            }
        }
    }
    [counts, looks].into_iter().chain(memories).filter_map(|it| it.finish(tested.relation)).collect()
}

/// Whether a test compares with the values of another relation.
pub fn has_parent(test: &PlannedTest) -> bool {
    matches!(test.check, Check::Relationships { .. })
}

/// Why a test has a query of its own; `None` if it shares the common one.
pub fn why_alone(test: &PlannedTest) -> Option<WhyAlone> {
    aggregate(test).err()
}

/// A query in the making.
struct Scan {
    selected: Vec<String>,
    columns: Vec<FusedColumn>,
    has_memory: bool,
}

impl Default for Scan {
    fn default() -> Self {
        Self { selected: vec!["count(*)".to_owned()], columns: Vec::new(), has_memory: false }
    }
}

impl Scan {
    fn of(test: usize, planned: &PlannedTest, aggregate: aggregates::Aggregate) -> Self {
        let mut scan = Self::default();
        scan.add(test, planned, aggregate);
        scan
    }

    fn add(&mut self, test: usize, planned: &PlannedTest, aggregate: aggregates::Aggregate) {
        let index = self.selected.len();
        self.selected.extend(aggregate.expressions);
        let needs_rows = planned.verdict.needs_rows() && aggregate.value != FusedValue::NewestAndAge;
        let rows = needs_rows.then(|| {
            let filter = aggregates::filter(planned.where_.as_deref(), None);
            self.selected.push(format!("count(*){filter}"));
            self.selected.len() - 1
        });
        self.columns.push(FusedColumn { test, index, rows, value: aggregate.value });
    }

    fn finish(self, relation: &Relation) -> Option<FusedScan> {
        if self.columns.is_empty() {
            return None;
        }
        let sql = format!("select\n    {}\nfrom {}", self.selected.join(",\n    "), relation.render());
        Some(FusedScan { sql, columns: self.columns })
    }
}

/// The newest time as text and its age in seconds. A time without zone is UTC, as in dbt.
pub fn newest_and_age(newest: &str) -> Vec<String> {
    let epoch = format!(
        "case when typeof({newest}) = 'TIMESTAMP WITH TIME ZONE' then epoch(cast({newest} as timestamptz)) \
         else epoch(cast({newest} as timestamp)) end"
    );
    vec![format!("cast({newest} as varchar)"), format!("cast(round(epoch(now()) - {epoch}) as bigint)")]
}
