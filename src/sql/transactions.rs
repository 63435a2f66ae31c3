//! Statements that begin or end transactions.
//!
//! A scanner of its own, after the engine's: what sqlparser reads in another way (`e'it\'s'`, a comment that ends with a carriage
//! return) could hide such a statement.

/// First words of such statements.
const WORDS: [&str; 6] = ["abort", "begin", "commit", "end", "rollback", "start"];

/// The first statement of some SQL that begins or ends a transaction: its first word and where it stands.
pub fn transaction_statement(sql: &str) -> Option<(String, usize)> {
    // Most SQL has none of these words, and `end` of a `case` stands at no statement's beginning.
    let lowered = sql.to_lowercase();
    if !WORDS.iter().any(|it| lowered.contains(it)) {
        return None;
    }
    let mut scanner = Scanner { sql, at: 0 };
    // `explain analyze` runs what follows, whatever it is.
    let (mut at_start, mut is_explained) = (true, false);
    while let Some(piece) = scanner.next() {
        match piece {
            Piece::Blank => {}
            Piece::Semicolon => (at_start, is_explained) = (true, false),
            Piece::Word(word, place) if at_start => {
                let word = word.to_lowercase();
                if WORDS.contains(&word.as_str()) {
                    return Some((word, place));
                }
                is_explained = word == "explain" || is_explained && word == "analyze";
                at_start = is_explained;
            }
            Piece::Other('(') if is_explained && at_start => scanner.skip_brackets(),
            Piece::Word(..) | Piece::Other(_) => at_start = false,
        }
    }
    None
}

/// A piece of SQL, as far as it matters where statements begin.
enum Piece<'a> {
    /// White space or a comment.
    Blank,
    Semicolon,
    /// A word outside of quotes, and where it stands.
    Word(&'a str, usize),
    /// The first character of anything else.
    Other(char),
}

struct Scanner<'a> {
    sql: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn next(&mut self) -> Option<Piece<'a>> {
        let (sql, start) = (self.sql, self.at);
        let rest = &sql[start..];
        let first = rest.chars().next()?;
        self.at += first.len_utf8();
        Some(match first {
            ';' => Piece::Semicolon,
            '-' if rest.starts_with("--") => {
                self.at = rest.find(['\n', '\r']).map_or(sql.len(), |it| start + it);
                Piece::Blank
            }
            '/' if rest.starts_with("/*") => {
                self.skip_comment();
                Piece::Blank
            }
            '\'' | '"' => {
                self.skip_quoted(first, false);
                Piece::Other(first)
            }
            '$' => {
                self.skip_dollars();
                Piece::Other(first)
            }
            _ if is_letter(first) => {
                let end = rest.find(|it: char| !is_letter(it) && it != '$').unwrap_or(rest.len());
                self.at = start + end;
                let word = &rest[..end];
                if word.eq_ignore_ascii_case("e") && rest[end..].starts_with('\'') {
                    self.at += 1;
                    self.skip_quoted('\'', true);
                    return Some(Piece::Other(first));
                }
                Piece::Word(word, start)
            }
            // The engine takes white space of all kinds, and marks that have no width.
            _ if first.is_whitespace() || !first.is_ascii() => Piece::Blank,
            _ => Piece::Other(first),
        })
    }

    /// To the end of what a quote began. A quote that is written twice ends one text and begins another, which comes to the same.
    fn skip_quoted(&mut self, quote: char, has_escapes: bool) {
        let mut is_escaped = false;
        for (offset, it) in self.sql[self.at..].char_indices() {
            if it == quote && !is_escaped {
                let end = self.at + offset + it.len_utf8();
                if has_escapes && self.sql[end..].starts_with(quote) {
                    // Twice, within a text that goes on with escapes.
                    self.at = end + quote.len_utf8();
                    return self.skip_quoted(quote, has_escapes);
                }
                self.at = end;
                return;
            }
            is_escaped = has_escapes && it == '\\' && !is_escaped;
        }
        self.at = self.sql.len();
    }

    /// Comments may be in comments.
    fn skip_comment(&mut self) {
        let mut depth = 1;
        self.at += 1;
        while depth > 0 {
            let rest = &self.sql[self.at..];
            let (open, close) = (rest.find("/*"), rest.find("*/"));
            match (open, close) {
                (Some(open), Some(close)) if open < close => {
                    (depth, self.at) = (depth + 1, self.at + open + 2);
                }
                (_, Some(close)) => (depth, self.at) = (depth - 1, self.at + close + 2),
                (_, None) => {
                    self.at = self.sql.len();
                    return;
                }
            }
        }
    }

    /// `$$text$$` and `$tag$text$tag$`; a `$` of anything else stands for itself.
    fn skip_dollars(&mut self) {
        let rest = &self.sql[self.at..];
        let tag = rest.find(|it: char| !is_letter(it)).unwrap_or(rest.len());
        let is_tag = rest[tag..].starts_with('$') && !rest.starts_with(|it: char| it.is_ascii_digit());
        if is_tag {
            let mark = &self.sql[self.at - 1..=self.at + tag];
            let after = self.at + tag + 1;
            self.at = self.sql[after..].find(mark).map_or(self.sql.len(), |it| after + it + mark.len());
        }
    }

    /// To the bracket that closes the one before.
    fn skip_brackets(&mut self) {
        let mut depth = 1;
        while depth > 0 {
            match self.next() {
                Some(Piece::Other('(')) => depth += 1,
                Some(Piece::Other(')')) => depth -= 1,
                Some(_) => {}
                None => return,
            }
        }
    }
}

/// Of a word: other characters beyond ASCII are taken for white space, which at worst finds a statement that is none.
fn is_letter(it: char) -> bool {
    it.is_alphanumeric() || it == '_'
}
