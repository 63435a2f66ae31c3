//! What an engine measured while it ran a query: a tree of the operators that it used.

use std::time::Duration;

/// A query that was run to be measured; its rows were dropped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// From its start to its end, planning included.
    pub elapsed: Duration,
    /// What all threads worked, summed up.
    pub busy: Duration,
    /// Bytes that were read from files, and not found in memory.
    pub bytes_read: u64,
    /// The most memory that the engine had at once while it ran, cached blocks included.
    pub peak_memory: u64,
    /// The most bytes that did not fit into memory and were on the disk at once.
    pub spilled: u64,
    /// What came last; all else is below it.
    pub root: Operator,
}

/// A step of a query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Operator {
    /// What it does.
    pub kind: OperatorKind,
    /// The engine's name for it, in lower case: `hash join`.
    pub name: String,
    /// Rows that came out of it.
    pub rows: u64,
    /// Bytes of these rows as the engine counts them: a long text counts as much as a short one.
    pub bytes: u64,
    /// What all threads worked on it, without what is below it.
    pub busy: Duration,
    /// Where its rows come from.
    pub inputs: Vec<Operator>,
}

/// What a step does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OperatorKind {
    /// Reads a table or files.
    Scan(Scan),
    /// Puts rows of two inputs together.
    Join {
        /// The conditions; none if every row meets every row.
        on: Vec<String>,
        /// Whether rows of the first input may only be kept or dropped, never be there twice.
        is_filter: bool,
    },
    /// Drops rows.
    Filter {
        /// Which ones it keeps.
        condition: String,
    },
    /// Makes one row of many.
    Aggregate {
        /// By what; nothing if all becomes one row.
        groups: Vec<String>,
    },
    /// Looks at the rows around each row.
    Window,
    /// Sorts all rows.
    Sort {
        /// By what.
        by: Vec<String>,
    },
    /// Computes columns.
    Project {
        /// What, as far as it is more than passing a column on.
        computed: Vec<String>,
    },
    /// Something else.
    #[default]
    Other,
}

/// What is read, and of it what is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// The table with its database and schema, as the engine writes it; or the files and what reads them.
    pub of: String,
    /// Whether `of` names a table.
    pub is_table: bool,
    /// The columns that are read.
    pub columns: Vec<String>,
    /// The filters that the scan itself applies, sorted.
    pub filters: Vec<String>,
    /// Rows looked at, before filters. Row groups that a filter excludes by minimum and maximum do not count; of
    /// files and other databases only the rows that came out are known.
    pub looked_at: u64,
}

impl Operator {
    /// It and all below it, from the top.
    pub fn walk(&self) -> Vec<&Operator> {
        let mut all = vec![self];
        let mut next = 0;
        while let Some(operator) = all.get(next) {
            let inputs: Vec<&Operator> = operator.inputs.iter().collect();
            next += 1;
            all.splice(next..next, inputs);
        }
        all
    }
}
