//! What a walk over the tokens of a template gathers: changes to the text, and what its unit needs to know.

use std::ops::Range;
use std::sync::Arc;

use super::unit::{Edit, Site, Unit};

/// Where ranks matter: closers of inner things come before closers of outer things, all before openers.
pub(super) mod rank {
    /// `)` after a literal.
    pub(crate) const CLOSE_LITERAL: u8 = 0;
    /// `)` after an operator's operands.
    pub(crate) const CLOSE_OPERATOR: u8 = 1;
    /// What closes the value of a tag.
    pub(crate) const CLOSE_TAG: u8 = 2;
    /// What opens the value of a tag.
    pub(crate) const OPEN_TAG: u8 = 5;
    /// The function of an operator.
    pub(crate) const OPEN_OPERATOR: u8 = 6;
    /// The function around a literal.
    pub(crate) const OPEN_LITERAL: u8 = 7;
    /// Text in place of other text.
    pub(crate) const REPLACE: u8 = 9;
}

/// What a walk over tokens gathers for its unit.
#[derive(Default)]
pub(super) struct Gathered {
    /// Changes to the text.
    pub(super) edits: Vec<Edit>,
    /// Calls with a known place.
    pub(super) sites: Vec<Site>,
    /// Bodies of `{% call %}` blocks.
    pub(super) callers: Vec<Arc<Unit>>,
    /// Names that occur.
    pub(super) identifiers: Vec<String>,
}

impl Gathered {
    /// Adds text of our own.
    pub(super) fn insert(&mut self, at: usize, rank: u8, text: &str) {
        self.edits.push(Edit { range: at..at, rank, reach: at, text: text.to_owned() });
    }

    /// Adds the function of an operator whose operands end at `reach`: the one that reaches further is outside.
    pub(super) fn open(&mut self, at: usize, reach: usize, text: &str) {
        self.edits.push(Edit { range: at..at, rank: rank::OPEN_OPERATOR, reach, text: text.to_owned() });
    }

    /// Puts text in place of other text.
    pub(super) fn replace(&mut self, range: Range<usize>, text: String) {
        self.edits.push(Edit { reach: range.end, range, rank: rank::REPLACE, text });
    }
}

/// Jinja writes every line break of a template as `\n`.
pub(super) fn normalize_newlines(source: &str, range: &Range<usize>, into: &mut Gathered) {
    let data = &source[range.clone()];
    for (index, _) in data.match_indices('\r') {
        let at = range.start + index;
        let with = if data[index + 1..].starts_with('\n') { "" } else { "\n" };
        into.replace(at..at + 1, with.to_owned());
    }
}
