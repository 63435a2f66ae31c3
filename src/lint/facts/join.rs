//! `from`: the relations of a query, what relates them, and what that does to their keys.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::select::fixed;
use super::{Facts, Reader, renamed};
use crate::lint::tree::{column, conjuncts, first_location, location, sides};
use crate::node::NodeId;
use crate::sql::lineage::json::{text, texts};

/// A column of a relation of the query: which one, and its name in lower case.
pub(super) type Name = (usize, String);

/// A relation in `from`.
#[derive(Clone, Debug)]
pub(super) struct Relation {
    /// What it is called here, in lower case.
    pub(super) alias: String,
    pub(super) facts: Facts,
}

/// A join as it was found.
#[derive(Clone, Debug)]
pub(in crate::lint) struct Join {
    /// The place of the first thing on its right side.
    pub(in crate::lint) right: Option<usize>,
    /// The place of the first thing in it.
    pub(in crate::lint) left: Option<usize>,
    /// Its condition's place.
    pub(in crate::lint) condition: Option<usize>,
    /// What is to be said about it.
    pub(in crate::lint) verdict: Verdict,
}

/// What is to be said about a join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::lint) enum Verdict {
    /// Nothing.
    Good,
    /// Every row of one side goes with every row of the other: `cross join`, or a comma.
    Cross,
    /// It has a condition, which does not relate both sides.
    Unrelated,
    /// Neither side is known to have its key once.
    FanOut {
        /// The node on the left, and its columns in the condition.
        left: (NodeId, Vec<String>),
        /// The node on the right, likewise.
        right: (NodeId, Vec<String>),
    },
}

/// What stands left or right of a join.
#[derive(Clone, Debug, Default)]
pub(super) struct Side {
    /// Its relations, by their indices.
    pub(super) members: BTreeSet<usize>,
    pub(super) keys: Vec<BTreeSet<Name>>,
    pub(super) is_complete: bool,
    pub(super) is_single_row: bool,
}

/// All of `from`.
#[derive(Clone, Debug, Default)]
pub(super) struct From {
    pub(super) relations: Vec<Relation>,
    /// Columns that are equal in all rows.
    pub(super) equal: Vec<(Name, Name)>,
    /// Names of columns of joins with `using`.
    pub(super) merged: BTreeSet<String>,
    /// Relations that may be filled up with nulls.
    pub(super) optional: BTreeSet<usize>,
}

impl From {
    /// What a column's name means.
    pub(super) fn resolve(&self, parts: &[&str]) -> Option<Name> {
        match parts {
            [name] => {
                let has = |it: &Relation| it.facts.column(name).is_some();
                let index = self.relations.iter().position(has)?;
                // A relation of unknown columns may have it as well.
                let is_sure = self.relations.iter().all(|it| it.facts.columns.is_some());
                is_sure.then(|| (index, name.to_lowercase()))
            }
            [.., table, name] => {
                let index = self.relations.iter().position(|it| it.alias.eq_ignore_ascii_case(table))?;
                Some((index, name.to_lowercase()))
            }
            [] => None,
        }
    }

    /// These columns and all that are equal to them.
    pub(super) fn closed(&self, names: &BTreeSet<Name>) -> BTreeSet<Name> {
        let mut all = names.clone();
        loop {
            let before = all.len();
            for (left, right) in &self.equal {
                if all.contains(left) {
                    all.insert(right.clone());
                }
                if all.contains(right) {
                    all.insert(left.clone());
                }
            }
            if all.len() == before {
                return all;
            }
        }
    }
}

/// What a condition says about two sides.
#[derive(Default)]
struct Condition {
    /// Columns of both sides that are equal.
    equal: Vec<(Name, Name)>,
    /// Whether anything compares the sides.
    relates: bool,
    /// Whether something else than plain columns decides, so that a key may be unique for reasons not seen here.
    is_vague: bool,
}

impl Reader<'_, '_> {
    /// Reads a reference and its joins. `filter` is the query's own condition, which may relate what a comma does not.
    pub(super) fn from(&mut self, reference: &Json, from: &mut From, filter: &[&Json]) -> Side {
        match text(reference, "type") {
            "JOIN" => self.join(reference, from, filter),
            "EMPTY" | "" => Side { is_single_row: true, is_complete: true, ..Side::default() },
            kind => {
                let facts = self.relation(reference, kind);
                let alias = [text(reference, "alias"), text(reference, "table_name")];
                let alias = alias.into_iter().find(|it| !it.is_empty()).unwrap_or_default().to_lowercase();
                let index = from.relations.len();
                let key = |it: &BTreeSet<String>| it.iter().map(|it| (index, it.clone())).collect();
                let side = Side {
                    members: BTreeSet::from([index]),
                    keys: facts.keys.iter().map(key).collect(),
                    is_complete: facts.is_complete,
                    is_single_row: facts.is_single_row,
                };
                from.relations.push(Relation { alias, facts });
                side
            }
        }
    }

    fn relation(&mut self, reference: &Json, kind: &str) -> Facts {
        let facts = match kind {
            "BASE_TABLE" => {
                let name = text(reference, "table_name");
                let is_plain = text(reference, "schema_name").is_empty();
                let cte = self.ctes.iter().rev().find(|it| is_plain && it.0.eq_ignore_ascii_case(name));
                match cte {
                    Some((_, facts)) => facts.clone(),
                    None => match self.known.node_of(reference) {
                        Some(id) => self.known.of_node(id),
                        None => Facts::unknown(),
                    },
                }
            }
            "SUBQUERY" => match reference.pointer("/subquery/node") {
                Some(node) => self.query(node),
                None => Facts::unknown(),
            },
            kind => Facts {
                is_made: matches!(kind, "TABLE_FUNCTION" | "EXPRESSION_LIST" | "COLUMN_DATA"),
                ..Facts::unknown()
            },
        };
        renamed(facts, &texts(reference, "column_name_alias"))
    }

    fn join(&mut self, join: &Json, from: &mut From, filter: &[&Json]) -> Side {
        let (Some(left_json), Some(right_json)) = (join.get("left"), join.get("right")) else {
            return Side::default();
        };
        let left = self.from(left_json, from, filter);
        let right = self.from(right_json, from, filter);
        let kind = text(join, "join_type");
        let using = texts(join, "using_columns");
        let mut condition = Condition::default();
        match text(join, "ref_type") {
            "REGULAR" | "" => {
                for name in &using {
                    condition.relates = true;
                    from.merged.insert(name.to_lowercase());
                    let of = |side: &Side| {
                        let has = |it: &&usize| from.relations[**it].facts.column(name).is_some();
                        side.members.iter().find(has).map(|it| (*it, name.to_lowercase()))
                    };
                    match (of(&left), of(&right)) {
                        (Some(left), Some(right)) => condition.equal.push((left, right)),
                        _ => condition.is_vague = true,
                    }
                }
                let parts = join.get("condition").map(conjuncts).unwrap_or_default();
                for part in parts {
                    read(part, from, (&left, &right), &mut condition);
                }
            }
            "CROSS" => {
                for part in filter {
                    read(part, from, (&left, &right), &mut condition);
                }
                condition.is_vague |= condition.relates;
            }
            // By names, by positions, by time: what they relate is not written down.
            _ => (condition.relates, condition.is_vague) = (true, true),
        }
        if matches!(kind, "LEFT" | "OUTER" | "FULL") {
            from.optional.extend(&right.members);
        }
        if matches!(kind, "RIGHT" | "OUTER" | "FULL") {
            from.optional.extend(&left.members);
        }
        if matches!(kind, "INNER" | "LEFT" | "SEMI") {
            from.equal.extend(condition.equal.iter().cloned());
        }
        let parts = join.get("condition").map(conjuncts).unwrap_or_default();
        let fixed = from.closed(&fixed(&parts, from).union(&fixed(filter, from)).cloned().collect());
        let has_one = |side: &Side| side.keys.iter().any(|key| key.is_subset(&fixed));
        let is_one_row = left.is_single_row || right.is_single_row || has_one(&left) || has_one(&right);
        let is_filter = matches!(kind, "SEMI" | "ANTI");
        let (left_once, right_once) =
            (has_once(&left, &condition, from, 0), has_once(&right, &condition, from, 1));
        let verdict = if is_filter {
            Verdict::Good
        } else {
            verdict(join, &condition, from, (&left, &right), (left_once, right_once, is_one_row))
        };
        self.looked.joins.push(Join {
            left: first_location(left_json),
            right: location(right_json).or_else(|| first_location(right_json)),
            condition: join.get("condition").and_then(first_location),
            verdict,
        });
        if is_filter {
            return left;
        }
        let mut keys = Vec::new();
        if right_once {
            keys.extend(left.keys.iter().cloned());
        }
        if left_once {
            keys.extend(right.keys.iter().cloned());
        }
        if keys.is_empty() {
            let both = |a: &BTreeSet<Name>, b: &BTreeSet<Name>| a.union(b).cloned().collect();
            keys.extend(left.keys.iter().flat_map(|a| right.keys.iter().map(move |b| both(a, b))).take(8));
        }
        Side {
            members: left.members.union(&right.members).copied().collect(),
            keys,
            is_complete: left.is_complete && right.is_complete && !condition.is_vague,
            is_single_row: left.is_single_row && right.is_single_row,
        }
    }
}

/// Whether a side has at most one row for each row of the other.
fn has_once(side: &Side, condition: &Condition, from: &From, which: usize) -> bool {
    let pick = |it: &(Name, Name)| if which == 0 { it.0.clone() } else { it.1.clone() };
    let columns: BTreeSet<Name> = condition.equal.iter().map(pick).collect();
    let columns = from.closed(&columns);
    side.is_single_row || side.keys.iter().any(|key| key.is_subset(&columns))
}

fn verdict(
    join: &Json,
    condition: &Condition,
    from: &From,
    (left, right): (&Side, &Side),
    (left_once, right_once, is_one_row): (bool, bool, bool),
) -> Verdict {
    let is_made = |side: &Side| side.members.iter().all(|it| from.relations[*it].facts.is_made);
    if !condition.relates {
        let is_meant = is_one_row || is_made(left) || is_made(right) || is_lateral(join, from, left);
        return match text(join, "ref_type") {
            _ if is_meant => Verdict::Good,
            "CROSS" => Verdict::Cross,
            _ => Verdict::Unrelated,
        };
    }
    if left_once || right_once || condition.is_vague || condition.equal.is_empty() {
        return Verdict::Good;
    }
    // Only of tables whose keys could be tested.
    let of = |side: &Side, which: usize| {
        let names: Vec<&Name> =
            condition.equal.iter().map(|it| if which == 0 { &it.0 } else { &it.1 }).collect();
        let index = names.first()?.0;
        let is_one = side.is_complete && names.iter().all(|it| it.0 == index);
        let facts = &from.relations[index].facts;
        let node = facts.node.filter(|_| is_one)?;
        let origin = |it: &&Name| Some(facts.column(&it.1)?.origin.as_ref()?.1.clone());
        let columns: Option<Vec<String>> = names.iter().map(origin).collect();
        Some((node, columns?))
    };
    match (of(left, 0), of(right, 1)) {
        (Some(left), Some(right)) => Verdict::FanOut { left, right },
        _ => Verdict::Good,
    }
}

/// Reads a part of a condition that has to hold.
fn read(part: &Json, from: &From, (left, right): (&Side, &Side), condition: &mut Condition) {
    if text(part, "class") == "COMPARISON"
        && let Some((a, b)) = sides(part)
        && text(part, "type") == "COMPARE_EQUAL"
        && let (Some(a), Some(b)) = (column(a), column(b))
        && let (Some(a), Some(b)) = (from.resolve(&a), from.resolve(&b))
    {
        if left.members.contains(&a.0) && right.members.contains(&b.0) {
            condition.relates = true;
            condition.equal.push((a, b));
            return;
        }
        if left.members.contains(&b.0) && right.members.contains(&a.0) {
            condition.relates = true;
            condition.equal.push((b, a));
            return;
        }
    }
    let (mut reads_left, mut reads_right, mut is_unknown) = (false, false, false);
    super::super::tree::expressions(part, &mut |it| {
        let Some(parts) = column(it) else {
            is_unknown |= text(it, "class") == "SUBQUERY";
            return;
        };
        match from.resolve(&parts) {
            Some((index, _)) => {
                reads_left |= left.members.contains(&index);
                reads_right |= right.members.contains(&index);
            }
            None => is_unknown = true,
        }
    });
    condition.relates |= is_unknown || reads_left && reads_right;
    condition.is_vague |= is_unknown || reads_left || reads_right;
}

/// Whether the right side is made for each row of the left one.
fn is_lateral(join: &Json, from: &From, left: &Side) -> bool {
    let Some(right) = join.get("right") else { return false };
    let names: BTreeSet<&str> = left.members.iter().map(|it| from.relations[*it].alias.as_str()).collect();
    mentions(right, &names)
}

fn mentions(json: &Json, names: &BTreeSet<&str>) -> bool {
    if let Some(parts) = column(json)
        && parts.len() > 1
    {
        return names.contains(parts[parts.len() - 2].to_lowercase().as_str());
    }
    match json {
        Json::Object(entries) => entries.values().any(|it| mentions(it, names)),
        Json::Array(items) => items.iter().any(|it| mentions(it, names)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => false,
    }
}
