//! One directive of a format: what it makes of a value.

use events::Value;
use num_bigint::BigInt;

use crate::values::describe::describe;
use crate::values::text::half_up;

/// What the letter of a directive asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Letter {
    Tilde,
    LineEnd,
    /// `~i` passes a value over.
    Ignored,
    /// `~X` and `~x`: an integer behind a prefix that is a value of its own.
    Prefixed(Case),
    Of(Kind),
}

/// What a directive makes of one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// Any value, as JSON.
    Term,
    Character,
    Integer(Case),
    /// `16#FF`
    Based(Case),
    Fixed,
    Exponential,
    General,
}

/// How digits beyond 9 are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Upper,
    Lower,
}

/// What stands before the letter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Directive {
    /// Negative: the text stands at the left.
    pub(super) width: Option<i64>,
    pub(super) precision: Option<usize>,
    pub(super) padding: char,
}

impl Letter {
    pub(super) const fn of(letter: char) -> Option<Letter> {
        Some(match letter {
            '~' => Letter::Tilde,
            'n' => Letter::LineEnd,
            'i' => Letter::Ignored,
            'X' => Letter::Prefixed(Case::Upper),
            'x' => Letter::Prefixed(Case::Lower),
            's' => Letter::Of(Kind::Text),
            'p' | 'w' | 'P' | 'W' => Letter::Of(Kind::Term),
            'c' => Letter::Of(Kind::Character),
            'B' => Letter::Of(Kind::Integer(Case::Upper)),
            'b' => Letter::Of(Kind::Integer(Case::Lower)),
            '#' => Letter::Of(Kind::Based(Case::Upper)),
            '+' => Letter::Of(Kind::Based(Case::Lower)),
            'f' => Letter::Of(Kind::Fixed),
            'e' => Letter::Of(Kind::Exponential),
            'g' => Letter::Of(Kind::General),
            _ => return None,
        })
    }
}

impl Directive {
    /// How wide the text is to be, if that is told.
    pub(super) fn width(&self) -> Option<usize> {
        self.width.map(|width| usize::try_from(width.unsigned_abs()).unwrap_or(usize::MAX))
    }

    pub(super) fn write(&self, kind: Kind, value: &Value) -> Result<String, String> {
        match (kind, value) {
            (Kind::Text, value) => {
                let mut text = String::new();
                characters_of(value, &mut text).ok_or_else(|| wants("~s", "text", value))?;
                self.cut_or_padded(&text)
            }
            (Kind::Term, value) => self.starred_or_padded(value.to_json()),
            (Kind::Character, Value::Int(code)) => {
                let character = u32::try_from(*code).ok().and_then(char::from_u32);
                let character = character.ok_or_else(|| wants("~c", "the number of a character", value))?;
                let count = self.precision.or_else(|| self.width()).unwrap_or(1);
                self.starred_or_padded(character.to_string().repeat(count))
            }
            (Kind::Integer(case), Value::Int(_) | Value::BigInt(_)) => {
                self.starred_or_padded(digits(&big(value), self.base()?, case))
            }
            (Kind::Based(case), Value::Int(_) | Value::BigInt(_)) => {
                let (number, base) = (big(value), self.base()?);
                let sign = if number.sign() == num_bigint::Sign::Minus { "-" } else { "" };
                let magnitude = digits(&number.magnitude().clone().into(), base, case);
                self.starred_or_padded(format!("{sign}{base}#{magnitude}"))
            }
            (Kind::Fixed, Value::Float(number)) => self.starred_or_padded(fixed(*number, self.precision.unwrap_or(6))?),
            (Kind::Exponential, Value::Float(number)) => {
                self.starred_or_padded(exponential(*number, self.precision.unwrap_or(6))?)
            }
            (Kind::General, Value::Float(number)) => {
                self.starred_or_padded(general(*number, self.precision.unwrap_or(6))?)
            }
            (Kind::Character, _) => Err(wants("~c", "the number of a character", value)),
            (Kind::Integer(_) | Kind::Based(_), _) => Err(wants("~B", "an integer", value)),
            (Kind::Fixed | Kind::Exponential | Kind::General, _) => Err(wants("~f", "a float", value)),
        }
    }

    /// An integer behind a prefix.
    pub(super) fn prefixed(&self, value: &Value, prefix: &Value, case: Case) -> Result<String, String> {
        let mut text = String::new();
        characters_of(prefix, &mut text).ok_or_else(|| wants("~X", "a prefix of text", prefix))?;
        if !matches!(value, Value::Int(_) | Value::BigInt(_)) {
            return Err(wants("~X", "an integer", value));
        }
        let number = big(value);
        let sign = if number.sign() == num_bigint::Sign::Minus { "-" } else { "" };
        let magnitude = digits(&number.magnitude().clone().into(), self.base()?, case);
        self.starred_or_padded(format!("{sign}{text}{magnitude}"))
    }

    fn base(&self) -> Result<u32, String> {
        let base = self.precision.map_or(Some(10), |base| u32::try_from(base).ok());
        base.filter(|base| (2..=36).contains(base)).ok_or_else(|| "a base must be from 2 to 36".to_owned())
    }

    /// Text that is too long is cut; the precision is a width of its own inside the width.
    fn cut_or_padded(&self, text: &str) -> Result<String, String> {
        match (self.width(), self.precision) {
            (None, None) => Ok(text.to_owned()),
            (Some(width), None) => Ok(self.aligned(text.chars().take(width).collect(), width)),
            (width, Some(precision)) => {
                if width.is_some_and(|width| width < precision) {
                    return Err("the precision of `~s` is beyond its width".to_owned());
                }
                let mut inner: String = text.chars().take(precision).collect();
                let missing = precision - inner.chars().count();
                inner.extend(std::iter::repeat_n(self.padding, missing));
                Ok(width.map_or(inner.clone(), |width| self.aligned(inner, width)))
            }
        }
    }

    /// What is no text is not cut: stars stand where it does not fit.
    fn starred_or_padded(&self, text: String) -> Result<String, String> {
        Ok(match self.width() {
            None => text,
            Some(width) if text.chars().count() > width => "*".repeat(width),
            Some(width) => self.aligned(text, width),
        })
    }

    fn aligned(&self, text: String, width: usize) -> String {
        let missing = width.saturating_sub(text.chars().count());
        let padding: String = std::iter::repeat_n(self.padding, missing).collect();
        if self.width.is_some_and(|width| width < 0) { text + &padding } else { padding + &text }
    }
}

fn wants(directive: &str, wanted: &str, found: &Value) -> String {
    format!("`{directive}` wants {wanted}, found {}", describe(found))
}

/// The characters of text, of a boolean, or of a list of these and of numbers of characters.
fn characters_of(value: &Value, out: &mut String) -> Option<()> {
    match value {
        Value::Text(text) => out.push_str(text),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Bytes(bytes) => out.push_str(&String::from_utf8_lossy(bytes)),
        Value::List(items) => {
            for item in items.iter() {
                match item {
                    Value::Int(code) => out.push(char::from_u32(u32::try_from(*code).ok()?)?),
                    item => characters_of(item, out)?,
                }
            }
        }
        Value::Null | Value::Int(_) | Value::BigInt(_) | Value::Float(_) | Value::Map(_) => return None,
    }
    Some(())
}

fn big(value: &Value) -> BigInt {
    match value {
        Value::Int(number) => BigInt::from(*number),
        Value::BigInt(number) => (**number).clone(),
        _ => BigInt::default(),
    }
}

fn digits(number: &BigInt, base: u32, case: Case) -> String {
    let text = number.to_str_radix(base);
    if case == Case::Upper { text.to_uppercase() } else { text }
}

fn fixed(number: f64, decimals: usize) -> Result<String, String> {
    if decimals == 0 { Err("the precision of `~f` begins at 1".to_owned()) } else { Ok(half_up(number, decimals)) }
}

/// `1.50000e+0`: that many digits in all.
fn exponential(number: f64, digits: usize) -> Result<String, String> {
    if digits < 2 {
        return Err("the precision of `~e` begins at 2".to_owned());
    }
    let text = format!("{number:.*e}", digits - 1);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let sign = if exponent.starts_with('-') { "" } else { "+" };
    Ok(format!("{mantissa}e{sign}{exponent}"))
}

/// As `~f` from 0.1 up to 10,000, as `~e` elsewhere.
fn general(number: f64, digits: usize) -> Result<String, String> {
    let size = number.abs();
    let whole_digits = [0.1, 1.0, 10.0, 100.0, 1000.0, 10_000.0].iter().position(|bound| size < *bound);
    match whole_digits {
        // One digit less for each that stands before the point; a zero there is none of them.
        Some(whole @ 1..=5) if digits > whole || (whole == 1 && digits >= 1) => fixed(number, digits + 1 - whole),
        Some(_) | None => exponential(number, digits.max(2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_rounded_away_from_zero_where_they_are_in_the_middle() {
        assert_eq!(fixed(0.125, 2).unwrap(), "0.13");
        assert_eq!(fixed(2.675, 2).unwrap(), "2.67", "which is a little less than it looks");
        assert_eq!(fixed(-0.5, 1).unwrap(), "-0.5");
        assert_eq!(fixed(9.996, 2).unwrap(), "10.00");
        assert_eq!(general(1.5, 6).unwrap(), "1.50000");
        assert_eq!(general(0.5, 6).unwrap(), "0.500000");
        assert_eq!(general(1234.5, 6).unwrap(), "1234.50");
        assert_eq!(general(12345.0, 6).unwrap(), "1.23450e+4");
        assert_eq!(exponential(0.001, 3).unwrap(), "1.00e-3");
    }
}
