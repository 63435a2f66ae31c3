//! Numbers as people read them: counts with their noun, thousands separators, durations.

use std::time::Duration;

/// `1 model`, `3 models`, `1,200 rows`: the only place that makes a plural.
pub fn count(n: usize, noun: &str) -> String {
    format!("{} {}", thousands(n as u64), plural(n as u64, noun))
}

/// The noun alone, in the number's form.
pub fn plural(n: u64, noun: &str) -> String {
    match (n, noun) {
        (1, _) => noun.to_owned(),
        (_, "analysis") => "analyses".to_owned(),
        _ if noun.ends_with("query") => format!("{}ies", noun.trim_end_matches('y')),
        _ => format!("{noun}s"),
    }
}

/// `500,000`.
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `18,204`, `0.25`: a measure, with at most two digits after the point.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "only what is small enough")]
pub fn short(value: f64) -> String {
    let size = value.abs();
    if !size.is_finite() || size >= 1e15 {
        return format!("{value:e}");
    }
    let sign = if value < 0.0 { "-" } else { "" };
    let fraction = format!("{:.2}", size.fract());
    let (whole, fraction) = if fraction.starts_with('1') {
        (size as u64 + 1, String::new())
    } else {
        (size as u64, fraction.trim_start_matches('0').trim_end_matches('0').trim_end_matches('.').to_owned())
    };
    format!("{sign}{}{fraction}", thousands(whole))
}

/// `1,200 rows`, or `500,000 -> 1,200 rows` where the rows it was made from are known and differ.
pub fn rows(rows: u64, rows_in: Option<u64>) -> String {
    let noun = plural(rows, "row");
    match rows_in {
        Some(rows_in) if rows_in != rows && rows_in > 0 => {
            format!("{} -> {} {noun}", thousands(rows_in), thousands(rows))
        }
        Some(_) | None => format!("{} {noun}", thousands(rows)),
    }
}

/// `0.03s`, `12.40s`, `1m 02s`, `2h 03m 09s`.
pub fn duration(elapsed: Duration) -> String {
    // Rounded before it is split, so that 59.999 s is a minute and not `60.00s`.
    let hundredths = (elapsed.as_nanos() + 5_000_000) / 10_000_000;
    if hundredths < 6_000 {
        return format!("{}.{:02}s", hundredths / 100, hundredths % 100);
    }
    let seconds = (elapsed.as_millis() + 500) / 1_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours == 0 {
        format!("{minutes}m {seconds:02}s")
    } else {
        format!("{hours}h {minutes:02}m {seconds:02}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_have_few_digits() {
        let pairs = [(18204.0, "18,204"), (0.254, "0.25"), (-3.999, "-4"), (1.5, "1.5"), (0.0, "0")];
        for (value, expected) in pairs {
            assert_eq!(short(value), expected);
        }
    }

    #[test]
    fn nouns_follow_their_number() {
        assert_eq!(count(0, "model"), "0 models");
        assert_eq!(count(1, "model"), "1 model");
        assert_eq!(count(2_000, "analysis"), "2,000 analyses");
    }

    #[test]
    fn thousands_are_separated() {
        let cases =
            [(0, "0"), (999, "999"), (1_000, "1,000"), (500_000, "500,000"), (12_345_678, "12,345,678")];
        for (n, text) in cases {
            assert_eq!(thousands(n), text);
        }
        assert_eq!(thousands(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn a_reduction_is_shown_where_there_is_one() {
        assert_eq!(rows(1_200, Some(500_000)), "500,000 -> 1,200 rows");
        assert_eq!(rows(5, Some(5)), "5 rows");
        assert_eq!(rows(1, None), "1 row");
    }

    #[test]
    fn durations_are_short_at_every_size() {
        let cases = [
            (0, "0.00s"),
            (31, "0.03s"),
            (12_400, "12.40s"),
            (59_994, "59.99s"),
            (59_996, "1m 00s"),
            (62_000, "1m 02s"),
            (7_389_000, "2h 03m 09s"),
        ];
        for (millis, text) in cases {
            assert_eq!(duration(Duration::from_millis(millis)), text);
        }
    }
}
