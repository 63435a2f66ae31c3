//! How a source's columns differ from those that were accepted.

use similar::TextDiff;

use crate::project::sources_lock::LockedColumn;
use crate::warehouse::Column;

/// A difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A column is not there any more; perhaps it has another name.
    Gone {
        /// As it was accepted.
        locked: LockedColumn,
        /// A new column that is probably the same.
        renamed_to: Option<String>,
    },
    /// A column has another type.
    Retyped {
        /// As it was accepted.
        locked: LockedColumn,
        /// The type now.
        data_type: String,
    },
    /// A column was not there.
    New(Column),
    /// The same columns stand in another order.
    Reordered,
}

/// How close the names of a column before and after have to be, as a ratio.
const CLOSE: f32 = 0.6;

/// All differences: what is gone, in the order of the lock, then other types, then what is new.
pub fn changes(locked: &[LockedColumn], now: &[Column]) -> Vec<Change> {
    let is_same = |a: &str, b: &str| a.eq_ignore_ascii_case(b) || a.to_lowercase() == b.to_lowercase();
    let find = |name: &str| now.iter().find(|it| is_same(&it.name, name));
    let new: Vec<&Column> =
        now.iter().filter(|it| !locked.iter().any(|old| is_same(&old.name, &it.name))).collect();
    let gone: Vec<&LockedColumn> = locked.iter().filter(|it| find(&it.name).is_none()).collect();
    let renamed = renamed(&gone, &new);
    let mut changes: Vec<Change> = gone
        .iter()
        .zip(renamed)
        .map(|(column, renamed_to)| Change::Gone { locked: (*column).clone(), renamed_to })
        .collect();
    changes.extend(locked.iter().filter_map(|old| {
        let data_type = find(&old.name).map(|it| it.data_type.clone())?;
        (data_type != old.data_type).then(|| Change::Retyped { locked: old.clone(), data_type })
    }));
    let is_moved = {
        let kept_now = now.iter().filter(|it| locked.iter().any(|old| is_same(&old.name, &it.name)));
        let kept_before = locked.iter().filter(|it| find(&it.name).is_some());
        kept_now.zip(kept_before).any(|(now, before)| !is_same(&now.name, &before.name))
    };
    changes.extend(new.into_iter().cloned().map(Change::New));
    if is_moved {
        changes.push(Change::Reordered);
    }
    changes
}

/// For each column that is gone the new one that it probably became: of the same type, with a similar name, the
/// closest pair first. If there is one of each, the type is enough.
fn renamed(gone: &[&LockedColumn], new: &[&Column]) -> Vec<Option<String>> {
    let mut found: Vec<Option<String>> = vec![None; gone.len()];
    if let ([old], [column]) = (gone, new)
        && old.data_type == column.data_type
    {
        return vec![Some(column.name.clone())];
    }
    let mut pairs: Vec<(f32, usize, usize)> = Vec::new();
    for (index, old) in gone.iter().enumerate() {
        for (other, column) in new.iter().enumerate() {
            let (a, b) = (old.name.to_lowercase(), column.name.to_lowercase());
            let ratio = TextDiff::from_chars(a.as_str(), b.as_str()).ratio();
            if old.data_type == column.data_type && ratio >= CLOSE {
                pairs.push((ratio, index, other));
            }
        }
    }
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| (a.1, a.2).cmp(&(b.1, b.2))));
    let mut taken = vec![false; new.len()];
    for (_, index, other) in pairs {
        if found[index].is_none() && !taken[other] {
            found[index] = Some(new[other].name.clone());
            taken[other] = true;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(locked: &str, now: &str, expected: &[&str]) {
        let pairs = |text: &str| -> Vec<(String, String)> {
            let words = text.split(", ").filter_map(|it| it.split_once(' '));
            words.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect()
        };
        let locked: Vec<LockedColumn> =
            pairs(locked).into_iter().map(|(name, kind)| LockedColumn::new(name, kind)).collect();
        let now: Vec<Column> =
            pairs(now).into_iter().map(|(name, data_type)| Column { name, data_type }).collect();
        let said: Vec<String> = changes(&locked, &now)
            .into_iter()
            .map(|it| match it {
                Change::Gone { locked, renamed_to: None } => format!("gone {}", locked.name),
                Change::Gone { locked, renamed_to: Some(to) } => format!("renamed {} {to}", locked.name),
                Change::Retyped { locked, data_type } => format!("retyped {} {data_type}", locked.name),
                Change::New(column) => format!("new {}", column.name),
                Change::Reordered => "reordered".to_owned(),
            })
            .collect();
        assert_eq!(said, expected, "{locked:?} -> {now:?}");
    }

    #[test]
    fn differences_are_told_apart() {
        check("id INTEGER, b VARCHAR", "ID INTEGER, b VARCHAR", &[]);
        check("id INTEGER, b VARCHAR", "id INTEGER", &["gone b"]);
        check("id INTEGER", "id BIGINT", &["retyped id BIGINT"]);
        check("id INTEGER", "x VARCHAR, id INTEGER", &["new x"]);
        check("id INTEGER, b VARCHAR", "b VARCHAR, id INTEGER", &["reordered"]);
        check("id INTEGER, b VARCHAR", "id INTEGER, zzz VARCHAR", &["renamed b zzz", "new zzz"]);
        check("id INTEGER, b VARCHAR", "id INTEGER, zzz DATE", &["gone b", "new zzz"]);
    }

    #[test]
    fn of_several_candidates_the_closest_name_of_the_same_type_is_taken() {
        check(
            "amount DECIMAL(9,2), price DECIMAL(9,2)",
            "unit_price DECIMAL(9,2), amount_eur DECIMAL(9,2), note VARCHAR",
            &[
                "renamed amount amount_eur",
                "renamed price unit_price",
                "new unit_price",
                "new amount_eur",
                "new note",
            ],
        );
        check(
            "amount INTEGER, b DATE",
            "amounts VARCHAR, c DATE",
            &["gone amount", "gone b", "new amounts", "new c"],
        );
    }
}
