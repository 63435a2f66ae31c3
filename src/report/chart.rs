//! A series of numbers as a line of bars, and the same for terminals that have no such characters.

/// Bars from the lowest to the highest.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// What stands for them in ASCII.
const PLAIN_BARS: [char; 8] = ['_', '.', ':', '-', '=', '+', '*', '#'];

/// One bar a value, from zero, or the lowest value below it, to the highest.
pub(super) fn bars(values: &[f64]) -> String {
    let finite = || values.iter().copied().filter(|it| it.is_finite());
    let (low, high) = (finite().fold(0.0, f64::min), finite().fold(0.0, f64::max));
    let bar = |value: &f64| {
        let share = if high > low { (value - low) / (high - low) } else { 0.0 };
        BARS[step(share)]
    };
    values.iter().map(bar).collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number from 0 to 7")]
fn step(share: f64) -> usize {
    if share.is_finite() { (share * 7.0).round().clamp(0.0, 7.0) as usize } else { 0 }
}

/// A text with the characters that reports draw replaced by ASCII ones of the same width.
pub(super) fn plain(text: &str) -> String {
    let plain = |it: char| match BARS.iter().position(|bar| *bar == it) {
        Some(index) => PLAIN_BARS[index],
        None if it == '…' => '~',
        None => it,
    };
    text.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_bar_is_zero_and_the_highest_the_largest_value() {
        assert_eq!(bars(&[0.0, 50.0, 100.0]), "▁▅█");
        assert_eq!(bars(&[100.0, 98.0, 5.0]), "██▁");
        assert_eq!(bars(&[-10.0, 0.0, 10.0]), "▁▅█");
        assert_eq!(bars(&[0.0, 0.0]), "▁▁");
        assert_eq!(bars(&[]), "");
    }

    #[test]
    fn a_plain_terminal_gets_ascii() {
        assert_eq!(plain("▁▅█ 漢…"), "_=# 漢~");
    }
}
