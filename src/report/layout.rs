//! Text that fits a terminal: display width, padding, cropping, wrapping, and cells in one line.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns that a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text with spaces after it up to a width.
pub fn pad_right(text: &str, to: usize) -> String {
    format!("{text}{}", " ".repeat(to.saturating_sub(width(text))))
}

/// The text with spaces before it up to a width.
pub fn pad_left(text: &str, to: usize) -> String {
    format!("{}{text}", " ".repeat(to.saturating_sub(width(text))))
}

/// The text itself if it fits, or its beginning and `…`.
pub fn crop(text: &str, to: usize) -> String {
    if width(text) <= to {
        return text.to_owned();
    }
    let mut cropped = String::new();
    let mut used = 1;
    for character in text.chars() {
        used += character.width().unwrap_or(0);
        if used > to {
            break;
        }
        cropped.push(character);
    }
    cropped.push('…');
    cropped
}

/// The text broken at spaces into lines of at most a width; all lines but the first are indented.
/// A word that is longer than a line stays whole, so that it can be copied.
pub fn wrap(text: &str, to: usize, indent: usize) -> String {
    let mut wrapped = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        let word_width = width(word);
        if column > 0 && column + 1 + word_width > to {
            wrapped.push('\n');
            wrapped.push_str(&" ".repeat(indent));
            column = indent;
        } else if column > 0 {
            wrapped.push(' ');
            column += 1;
        }
        wrapped.push_str(word);
        column += word_width;
    }
    wrapped
}

/// Every line of a text with spaces before it; empty lines stay empty.
pub fn indent(text: &str, by: usize) -> String {
    let mut indented = String::new();
    for line in text.lines() {
        if !line.is_empty() {
            indented.push_str(&" ".repeat(by));
            indented.push_str(line);
        }
        indented.push('\n');
    }
    indented
}

/// A text in one line: line breaks and other control characters, which could move the cursor or change
/// the direction of writing, are written as escapes.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' => line.extend(character.escape_default()),
            '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}' => {
                line.extend(character.escape_unicode());
            }
            _ if character.is_control() => line.extend(character.escape_unicode()),
            _ => line.push(character),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn wide_characters_count_double() {
        assert_eq!(pad_right("漢字", 6), "漢字  ");
        assert_eq!(pad_left("é", 3), "  é");
        assert_eq!(crop("漢字漢字", 6), "漢字…");
    }

    #[test]
    fn lines_break_at_spaces_and_long_words_stay_whole() {
        assert_eq!(wrap("one two three", 8, 2), "one two\n  three");
        assert_eq!(wrap("a_very_long_name x", 6, 2), "a_very_long_name\n  x");
    }

    #[test]
    fn control_characters_are_written_as_escapes() {
        assert_eq!(one_line("a\tb\r\n\u{1b}[31m\u{202e}é"), r"a\tb\r\n\u{1b}[31m\u{202e}é");
    }

    proptest! {
        #[test]
        fn cropped_text_fits(text in ".{0,40}", to in 1usize..30) {
            let text = one_line(&text);
            prop_assert!(width(&crop(&text, to)) <= to);
        }
    }
}
