//! The index that the page searches: every word of names, columns, descriptions and SQL, with the pages it is on.
//!
//! Words are identifiers in lower case, whole and in their parts (`stg_orders`: also `stg` and `orders`). The
//! page looks for what was typed anywhere in the list of words, which is one text, and then reads only the
//! places of the words found. So a search costs a scan of the words, not of all that was written.

use std::collections::BTreeMap;

use serde::Serialize;

/// Longer words are no identifiers anybody types; hashes and encoded data are left out with them.
const MAX_WORD: usize = 64;

/// Where a word stands; what counts most comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
    Name,
    Column,
    Tag,
    Description,
    Code,
}

impl Field {
    fn bit(self) -> u8 {
        1 << (self as u8)
    }
}

/// Words and their places.
#[derive(Debug, Default)]
pub(super) struct Builder {
    /// Pages in order, each with the bits of its fields.
    words: BTreeMap<String, Vec<(usize, u8)>>,
}

/// The index as the page reads it.
#[derive(Debug, Serialize)]
pub(super) struct Index {
    /// All words in order, one a line.
    words: String,
    /// A line for each word: numbers of pages as differences, each with the bits of its fields after `.`.
    places: String,
}

impl Builder {
    /// Adds the words of a text that stands on a page; pages come in the order of their numbers.
    pub(super) fn add(&mut self, page: usize, field: Field, text: &str) {
        for whole in text.split(|it: char| !it.is_alphanumeric() && it != '_') {
            let trimmed = whole.trim_matches('_');
            if trimmed.is_empty() || trimmed.len() > MAX_WORD {
                continue;
            }
            let word = trimmed.to_lowercase();
            if word.contains('_') {
                for part in word.split('_').filter(|it| !it.is_empty()) {
                    self.put(page, field, part);
                }
            }
            self.put(page, field, &word);
        }
    }

    fn put(&mut self, page: usize, field: Field, word: &str) {
        // A single character says nothing, and is found in longer words anyway.
        if word.len() < 2 {
            return;
        }
        let places = match self.words.get_mut(word) {
            Some(places) => places,
            None => self.words.entry(word.to_owned()).or_default(),
        };
        match places.last_mut() {
            Some((last, bits)) if *last == page => *bits |= field.bit(),
            _ => places.push((page, field.bit())),
        }
    }

    pub(super) fn finish(self) -> Index {
        let mut words = String::new();
        let mut lines = String::new();
        for (word, places) in self.words {
            words.push_str(&word);
            words.push('\n');
            let mut last = 0;
            let pairs: Vec<String> = places
                .into_iter()
                .map(|(page, fields)| {
                    let pair = format!("{}.{fields}", page - last);
                    last = page;
                    pair
                })
                .collect();
            lines.push_str(&pairs.join(" "));
            lines.push('\n');
        }
        Index { words, places: lines }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_and_places_are_differences() {
        let mut index = Builder::default();
        index.add(1, Field::Name, "stg_orders");
        index.add(1, Field::Code, "select a, ORDERS from x");
        index.add(4, Field::Description, "Orders!");
        let index = index.finish();
        assert_eq!(index.words, "from\norders\nselect\nstg\nstg_orders\n");
        assert_eq!(index.places, "1.16\n1.17 3.8\n1.16\n1.1\n1.1\n");
    }
}
