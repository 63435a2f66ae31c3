//! Relations without a node as text for people, and as JSON.

use std::fmt::Write as _;

use serde_json::json;

use crate::past::orphans::Orphan;
use crate::report::{layout, numbers};

/// What happens to an orphan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It would be dropped.
    Drop,
    /// It was.
    Dropped,
    /// It stays, for this reason.
    Kept(String),
    /// It was to be dropped, and the engine says why it was not.
    Failed(String),
}

impl Fate {
    fn word(&self) -> &'static str {
        match self {
            Fate::Drop => "drop",
            Fate::Dropped => "dropped",
            Fate::Kept(_) => "keep",
            Fate::Failed(_) => "failed",
        }
    }

    fn reason(&self) -> Option<&str> {
        match self {
            Fate::Drop | Fate::Dropped => None,
            Fate::Kept(reason) | Fate::Failed(reason) => Some(reason),
        }
    }
}

/// One line each, what goes before what stays; wrapped if it is for a terminal.
pub fn text(orphans: &[(Orphan, Fate)], width: Option<usize>) -> String {
    let name = |it: &Orphan| format!("{} {}", it.kind.as_str(), it.relation.short());
    let words = orphans.iter().map(|it| it.1.word().len()).max().unwrap_or_default();
    let names = orphans.iter().map(|it| layout::width(&name(&it.0))).max().unwrap_or_default();
    let (stay, go): (Vec<_>, Vec<_>) = orphans.iter().partition(|it| matches!(it.1, Fate::Kept(_)));
    let mut text = String::new();
    for (orphan, fate) in go.into_iter().chain(stay) {
        let files = if orphan.is_external { "; its files stay" } else { "" };
        let reason = fate.reason().map(|it| format!("; {it}")).unwrap_or_default();
        let line = format!(
            "{}  {}  {} {}{files}{reason}",
            layout::pad_right(fate.word(), words),
            layout::pad_right(&name(orphan), names),
            orphan.node_id,
            orphan.why.as_str(),
        );
        let line = width.map_or(line.clone(), |width| layout::wrap(&line, width, words + 2));
        let _ = writeln!(text, "{line}");
    }
    text
}

/// An array of objects.
pub fn json(orphans: &[(Orphan, Fate)]) -> String {
    let object = |(orphan, fate): &(Orphan, Fate)| {
        json!({
            "relation": orphan.relation.render(),
            "database": orphan.relation.database,
            "schema": orphan.relation.schema,
            "identifier": orphan.relation.identifier,
            "kind": orphan.kind.as_str(),
            "node_id": orphan.node_id,
            "why": orphan.why.as_str(),
            "made_at": orphan.made_at,
            "is_external": orphan.is_external,
            "is_history": orphan.is_history,
            "fate": fate.word(),
            "reason": fate.reason(),
        })
    };
    let objects: Vec<_> = orphans.iter().map(object).collect();
    format!("{}\n", serde_json::to_string_pretty(&objects).unwrap_or_default())
}

/// What the list comes to, in one line.
pub fn summary(orphans: &[(Orphan, Fate)]) -> String {
    let count = |fate: &dyn Fn(&Fate) -> bool| orphans.iter().filter(|it| fate(&it.1)).count();
    let relations = |n: usize| numbers::count(n, "relation");
    let to_drop = count(&|it| *it == Fate::Drop);
    let dropped = count(&|it| *it == Fate::Dropped);
    let failed = count(&|it| matches!(it, Fate::Failed(_)));
    let kept = count(&|it| matches!(it, Fate::Kept(_)));
    let mut parts = Vec::new();
    if orphans.is_empty() {
        parts.push("every relation that this project made here has its node".to_owned());
    }
    if to_drop > 0 {
        parts.push(format!("{} to drop: `tidemill clean --orphans --drop`", relations(to_drop)));
    }
    if dropped > 0 {
        parts.push(format!("{} dropped", relations(dropped)));
    }
    if failed > 0 {
        parts.push(format!("{} could not be dropped", relations(failed)));
    }
    if kept > 0 {
        parts.push(format!("{} without a node kept", relations(kept)));
    }
    parts.join("; ")
}
