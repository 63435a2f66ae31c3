//! Capital and small letters as Python's `str` has them.

/// First letter large, all others small.
pub(super) fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + &chars.as_str().to_lowercase()
    })
}

/// Large letters small, small ones large.
pub(super) fn swap(text: &str) -> String {
    text.chars()
        .flat_map(|it| {
            if it.is_uppercase() { it.to_lowercase().to_string() } else { it.to_uppercase().to_string() }
                .chars()
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Python's title case: a letter after anything but a letter is a capital.
pub(super) fn title(text: &str) -> String {
    let mut after_letter = false;
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if after_letter {
            out.extend(char.to_lowercase());
        } else {
            out.extend(char.to_uppercase());
        }
        after_letter = char.is_alphabetic();
    }
    out
}

/// Whether a text is in title case.
pub(super) fn is_title(text: &str) -> bool {
    let mut after_letter = false;
    let mut has_letter = false;
    for char in text.chars() {
        let is_cased = char.is_uppercase() || char.is_lowercase();
        if is_cased && char.is_uppercase() == after_letter {
            return false;
        }
        after_letter = is_cased;
        has_letter |= is_cased;
    }
    has_letter
}

/// Whether there is a letter of one case and none of the other.
pub(super) fn is_all(text: &str, wanted: fn(char) -> bool, other: fn(char) -> bool) -> bool {
    text.chars().any(wanted) && !text.chars().any(other)
}
