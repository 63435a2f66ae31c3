//! `{% snapshot name %}...{% endsnapshot %}`: several of them may stand in a file.

use std::sync::Arc;

use minijinja::machinery::Token;

use super::SnapshotBlock;
use super::blocks::syntax_diagnostic;
use super::syntax::{SyntaxFault, tag_end, tag_range, tokenize};
use crate::diagnostics::{Diagnostics, FileId, Span, Spanned};

/// All snapshots of a text, in order. A file that cannot be read is reported and has none.
pub fn snapshot_blocks(diags: &mut Diagnostics, file: FileId, text: &str) -> Vec<SnapshotBlock> {
    let tokens = match tokenize(text) {
        Ok(tokens) => tokens,
        Err(fault) => {
            diags.push(syntax_diagnostic(file, 0, fault));
            return Vec::new();
        }
    };
    let list = &tokens.list;
    let mut blocks = Vec::new();
    let mut index = 0;
    while index < list.len() {
        let Some(closer) = tokens.closers.get(&index).copied() else {
            index += 1;
            continue;
        };
        if matches!(list[index + 1].0, Token::Ident("snapshot")) {
            let end = tag_end(list, index);
            match &list[index + 2] {
                (Token::Ident(name), range) if index + 3 == end => {
                    let inner = list[end].1.end..list[closer].1.start;
                    blocks.push(SnapshotBlock {
                        name: Spanned::new((*name).to_owned(), Span::new(file, range.clone())),
                        text: Arc::from(&text[inner.clone()]),
                        offset: inner.start,
                    });
                }
                _ => {
                    let fault = SyntaxFault::new(
                        tag_range(list, index),
                        "a snapshot needs one name: `{% snapshot orders_snapshot %}`",
                    );
                    diags.push(syntax_diagnostic(file, 0, fault));
                }
            }
        }
        index = tag_end(list, closer) + 1;
    }
    blocks
}

/// Whether a text has a snapshot block, at a first look.
pub fn may_have_snapshots(text: &str) -> bool {
    text.contains("endsnapshot")
}
