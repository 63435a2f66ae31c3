//! How the columns of a relation differ between two versions, in words.

use crate::warehouse::Column;

/// `added c INTEGER; dropped b; d is VARCHAR, was INTEGER`; `None` if nothing differs but the order.
pub(super) fn between(before: &[Column], after: &[Column]) -> Option<String> {
    let find = |columns: &[Column], name: &str| {
        columns.iter().find(|it| it.name.eq_ignore_ascii_case(name)).map(|it| it.data_type.clone())
    };
    let mut parts = Vec::new();
    for column in after {
        match find(before, &column.name) {
            None => parts.push(format!("added {} {}", column.name, column.data_type)),
            Some(old) if old != column.data_type => {
                parts.push(format!("{} is {}, was {old}", column.name, column.data_type));
            }
            Some(_) => {}
        }
    }
    for column in before {
        if find(after, &column.name).is_none() {
            parts.push(format!("dropped {}", column.name));
        }
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(text: &str) -> Vec<Column> {
        let column = |it: &str| {
            let (name, data_type) = it.split_once(' ').unwrap_or((it, ""));
            Column { name: name.to_owned(), data_type: data_type.to_owned() }
        };
        text.split(", ").map(column).collect()
    }

    #[test]
    fn columns_are_compared_by_name() {
        let before = columns("a INTEGER, b VARCHAR, c DATE");
        let after = columns("C DATE, a BIGINT, d DATE");
        let said = between(&before, &after);
        assert_eq!(said.as_deref(), Some("a is BIGINT, was INTEGER; added d DATE; dropped b"));
        assert_eq!(between(&before, &columns("c DATE, a INTEGER, b VARCHAR")), None);
    }
}
