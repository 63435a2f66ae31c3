//! Whether what the engine says about a query is a fault of the query, or only means that it cannot be known yet.

use crate::sql;
use crate::warehouse::binder::{BindError, BindReason};

/// What may still come to a query before its turn.
#[derive(Clone, Debug, Default)]
pub(super) struct Prospects {
    /// Why a parent's columns are not known.
    pub(super) unknown_parent: Option<String>,
    /// Why columns of ancestors may be others.
    pub(super) guessed: Option<String>,
    /// What may put tables, macros or types into the database first.
    pub(super) may_define: Option<String>,
    /// Whether nothing is in the warehouse but what is known.
    pub(super) knows_warehouse: bool,
}

/// Words of queries whose columns depend on more than their text.
const DYNAMIC: [&str; 5] = ["getvariable", "query", "query_table", "sniff_csv", "iceberg_metadata"];

/// Why a query cannot be known; `None` if it is at fault.
pub(super) fn excuse(error: &BindError, sql: &str, prospects: &Prospects) -> Option<String> {
    let line = || error.error.message.lines().next().unwrap_or_default().to_owned();
    match &error.reason {
        BindReason::Outside => return Some(line()),
        BindReason::Syntax => return None,
        BindReason::NoTable(name) => {
            if let Some(parent) = &prospects.unknown_parent {
                return Some(parent.clone());
            }
            // Whoever loads it may do so after this.
            return Some(if name.is_empty() {
                line()
            } else {
                format!("it reads `{name}`, which is no node of this project and not in the database now")
            });
        }
        BindReason::NotInCatalog(name) => {
            if let Some(who) = &prospects.may_define {
                return Some(format!("it needs `{name}`, which {who} may define"));
            }
            if !prospects.knows_warehouse {
                return Some(format!("it needs `{name}`, and the database cannot be looked into"));
            }
        }
        BindReason::Meaning => {}
    }
    if let Some(parent) = &prospects.unknown_parent {
        return Some(parent.clone());
    }
    if let Some(guess) = &prospects.guessed {
        return Some(guess.clone());
    }
    let dynamic = sql::mentions(sql, &DYNAMIC)?;
    Some(format!("its columns depend on `{dynamic}`"))
}
