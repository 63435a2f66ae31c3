//! Python's format specifications, such as `>10,.2f`: what stands after the colon in `'{:...}'`.

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};

use super::print;

/// Where the blanks of a width go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    /// Left for texts, right for numbers.
    Natural,
    /// Blanks at the right.
    Left,
    /// Blanks at the left.
    Right,
    /// Blanks on both sides.
    Center,
    /// Blanks between sign and digits.
    AfterSign,
}

/// A specification as read.
#[derive(Clone, Debug)]
pub(super) struct Spec {
    /// What fills up the width.
    pub(super) fill: char,
    /// Where it goes.
    pub(super) align: Align,
    /// `+`, ` ` or `-`: what positive numbers begin with.
    pub(super) sign: char,
    /// `#`.
    pub(super) is_alternate: bool,
    /// A zero before the width.
    pub(super) is_zero_padded: bool,
    /// At least so many characters.
    pub(super) width: Option<usize>,
    /// `,` or `_` between thousands.
    pub(super) grouping: Option<char>,
    /// Digits after the point, or characters of a text.
    pub(super) precision: Option<usize>,
    /// `d`, `f`, `s`, ...
    pub(super) kind: Option<char>,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            fill: ' ',
            align: Align::Natural,
            sign: '-',
            is_alternate: false,
            is_zero_padded: false,
            width: None,
            grouping: None,
            precision: None,
            kind: None,
        }
    }
}

impl Spec {
    /// Reads a specification.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut spec = Self::default();
        let chars: Vec<char> = text.chars().collect();
        let mut at = 0;
        if let Some(align) = chars.get(1).copied().and_then(align_of) {
            (spec.fill, spec.align, at) = (chars[0], align, 2);
        } else if let Some(align) = chars.first().copied().and_then(align_of) {
            (spec.align, at) = (align, 1);
        }
        let mut eat = |wanted: &str| {
            let found = chars.get(at).copied().filter(|it| wanted.contains(*it));
            at += usize::from(found.is_some());
            found
        };
        spec.sign = eat("+- ").unwrap_or('-');
        spec.is_alternate = eat("#").is_some();
        spec.is_zero_padded = eat("0").is_some();
        let number = |eat: &mut dyn FnMut(&str) -> Option<char>| {
            let mut digits = String::new();
            while let Some(digit) = eat("0123456789") {
                digits.push(digit);
            }
            digits.parse().ok()
        };
        spec.width = number(&mut eat);
        spec.grouping = eat(",_");
        if eat(".").is_some() {
            spec.precision = Some(number(&mut eat)?);
        }
        spec.kind = eat("bcdeEfFgGnosxX%");
        (at == chars.len()).then_some(spec)
    }

    /// A text under this specification.
    pub(super) fn text(&self, text: &str) -> String {
        let cut: String = match self.precision {
            Some(precision) => text.chars().take(precision).collect(),
            None => text.to_owned(),
        };
        self.pad("", &cut, Align::Left)
    }

    fn pad(&self, sign: &str, digits: &str, natural: Align) -> String {
        let length = sign.chars().count() + digits.chars().count();
        let gap = self.width.unwrap_or(0).saturating_sub(length);
        let run = |count: usize, fill: char| std::iter::repeat_n(fill, count).collect::<String>();
        if self.is_zero_padded
            && natural == Align::Right
            && matches!(self.align, Align::Natural | Align::Right)
        {
            return format!("{sign}{}{digits}", run(gap, '0'));
        }
        match if self.align == Align::Natural { natural } else { self.align } {
            Align::Left | Align::Natural => format!("{sign}{digits}{}", run(gap, self.fill)),
            Align::Right => format!("{}{sign}{digits}", run(gap, self.fill)),
            Align::Center => {
                format!("{}{sign}{digits}{}", run(gap / 2, self.fill), run(gap - gap / 2, self.fill))
            }
            Align::AfterSign => format!("{sign}{}{digits}", run(gap, self.fill)),
        }
    }

    fn number(&self, is_negative: bool, digits: &str) -> String {
        let sign = match (is_negative, self.sign) {
            (true, _) => "-",
            (false, '+') => "+",
            (false, ' ') => " ",
            (false, _) => "",
        };
        self.pad(sign, digits, Align::Right)
    }
}

fn align_of(char: char) -> Option<Align> {
    Some(match char {
        '<' => Align::Left,
        '>' => Align::Right,
        '^' => Align::Center,
        '=' => Align::AfterSign,
        _ => return None,
    })
}

/// A value under a specification.
pub(super) fn apply(value: &Value, spec: &Spec) -> Result<String, Error> {
    let wants_float = matches!(spec.kind, Some('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%' | 'n'));
    match value.kind() {
        ValueKind::Number if value.is_integer() && !wants_float => integer(value, spec),
        ValueKind::Bool if spec.kind.is_some_and(|it| it != 's') && !wants_float => integer(value, spec),
        ValueKind::Number | ValueKind::Bool if wants_float || value.kind() == ValueKind::Number => {
            let number = if value.kind() == ValueKind::Bool {
                Value::from(i64::from(value.is_true()))
            } else {
                value.clone()
            };
            float(f64::try_from(number)?, spec)
        }
        _ => match spec.kind {
            None | Some('s') => Ok(spec.text(&print::text(value))),
            Some(kind) => {
                let message = format!("the format `{kind}` needs a number, not {}", print::kind_of(value));
                Err(Error::new(ErrorKind::InvalidOperation, message))
            }
        },
    }
}

fn integer(value: &Value, spec: &Spec) -> Result<String, Error> {
    let bits = if value.kind() == ValueKind::Bool {
        Ok(i128::from(value.is_true()))
    } else {
        i128::try_from(value.clone())
    };
    let base = |prefix: &str, digits: &dyn Fn(u128) -> String| -> Result<(bool, String), Error> {
        let bits = *bits.as_ref().map_err(|_| {
            Error::new(ErrorKind::InvalidOperation, "the number is too large for this format")
        })?;
        let prefix = if spec.is_alternate { prefix } else { "" };
        Ok((bits < 0, format!("{prefix}{}", digits(bits.unsigned_abs()))))
    };
    let (is_negative, digits) = match spec.kind {
        Some('x') => base("0x", &|it| format!("{it:x}"))?,
        Some('X') => base("0X", &|it| format!("{it:X}"))?,
        Some('o') => base("0o", &|it| format!("{it:o}"))?,
        Some('b') => base("0b", &|it| format!("{it:b}"))?,
        Some('c') => {
            let char = bits.ok().and_then(|it| char::from_u32(u32::try_from(it).ok()?));
            return Ok(spec.text(&char.map(String::from).unwrap_or_default()));
        }
        Some('s') => return Ok(spec.text(&print::text(value))),
        _ => {
            if let Ok(bits) = &bits {
                (*bits < 0, bits.unsigned_abs().to_string())
            } else {
                let text = value.to_string();
                (text.starts_with('-'), text.trim_start_matches('-').to_owned())
            }
        }
    };
    Ok(spec.number(is_negative, &grouped(&digits, spec.grouping)))
}

fn float(value: f64, spec: &Spec) -> Result<String, Error> {
    let is_negative = value.is_sign_negative() && !value.is_nan();
    let size = value.abs();
    if !size.is_finite() {
        return Ok(
            Spec { is_zero_padded: false, ..spec.clone() }.number(is_negative, &print::float_text(size))
        );
    }
    let precision = spec.precision.unwrap_or(6);
    let digits = match spec.kind {
        Some('f' | 'F') => format!("{size:.precision$}"),
        Some('%') => format!("{:.precision$}%", size * 100.0),
        Some('e') => exponent(size, precision),
        Some('E') => exponent(size, precision).to_uppercase(),
        Some('g' | 'n') => general(size, precision, spec.is_alternate),
        Some('G') => general(size, precision, spec.is_alternate).to_uppercase(),
        None => match spec.precision {
            Some(precision) => general(size, precision, false),
            None => print::float_text(size),
        },
        Some(kind) => {
            let message =
                format!("the format `{kind}` needs a whole number, not {}", print::float_text(value));
            return Err(Error::new(ErrorKind::InvalidOperation, message));
        }
    };
    Ok(spec.number(is_negative, &grouped(&digits, spec.grouping)))
}

/// `1.5e+07`.
fn exponent(value: f64, precision: usize) -> String {
    let text = format!("{value:.precision$e}");
    let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
    match power.strip_prefix('-') {
        Some(power) => format!("{digits}e-{power:0>2}"),
        None => format!("{digits}e+{power:0>2}"),
    }
}

/// So many digits in all, with an exponent if the number is very large or small.
fn general(value: f64, precision: usize, keeps_zeros: bool) -> String {
    let precision = precision.max(1);
    let scientific = exponent(value, precision - 1);
    let power: i64 = scientific.split_once('e').and_then(|it| it.1.parse().ok()).unwrap_or(0);
    let trim = |text: &str| {
        let is_trimmed = !keeps_zeros && text.contains('.');
        if is_trimmed { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text.to_owned() }
    };
    let wanted = i64::try_from(precision).unwrap_or(i64::MAX);
    if value != 0.0 && (power < -4 || power >= wanted) {
        let (digits, power) = scientific.split_once('e').unwrap_or((&scientific, "+00"));
        return format!("{}e{power}", trim(digits));
    }
    let after_point = usize::try_from(wanted - 1 - power).unwrap_or(0);
    trim(&format!("{value:.after_point$}"))
}

/// Digits with a mark between thousands.
fn grouped(digits: &str, mark: Option<char>) -> String {
    let Some(mark) = mark else { return digits.to_owned() };
    let end = digits.find(|it: char| !it.is_ascii_hexdigit()).unwrap_or(digits.len());
    let (whole, rest) = digits.split_at(end);
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(mark);
        }
        out.push(digit);
    }
    out + rest
}
