//! Values as text: what `str`, `concat`, `+` and templates make of them.

use std::borrow::Cow;
use std::fmt::Write as _;

use bytes::Bytes;
use bytestring::ByteString;
use events::Value;

/// The most digits after the point that a float shows as text.
const DECIMALS_MAX: usize = 10;

/// The text of a value: text as it is, numbers in decimal, lists and maps as JSON, NULL as nothing.
///
/// Bytes that are not UTF-8 are shown with replacement characters; who can carry bytes asks [`bytes_of`].
pub(crate) fn text_of(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::Bool(true) => Cow::Borrowed("true"),
        Value::Bool(false) => Cow::Borrowed("false"),
        Value::Int(number) => Cow::Owned(number.to_string()),
        Value::BigInt(number) => Cow::Owned(number.to_string()),
        Value::Float(number) => Cow::Owned(text_of_float(*number)),
        Value::Text(text) => Cow::Borrowed(text),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes),
        Value::List(_) | Value::Map(_) => Cow::Owned(value.to_json()),
    }
}

/// The text of a value as shared text; no copy where it is text already.
pub(crate) fn shared_text_of(value: &Value) -> ByteString {
    match value {
        Value::Text(text) => text.clone(),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::BigInt(_)
        | Value::Float(_)
        | Value::Bytes(_)
        | Value::List(_)
        | Value::Map(_) => text_of(value).into_owned().into(),
    }
}

/// The bytes of a value: those of its text, or the bytes themselves.
pub(crate) fn bytes_of(value: &Value) -> Bytes {
    match value {
        Value::Bytes(bytes) => bytes.clone(),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::BigInt(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::List(_)
        | Value::Map(_) => shared_text_of(value).into_bytes(),
    }
}

/// Up to ten decimals, without trailing zeros, with at least one: `1.0`, `0.123456789`.
pub(crate) fn text_of_float(number: f64) -> String {
    decimals(number, DECIMALS_MAX)
}

/// `number` with at most `digits` decimals, without trailing zeros, with at least one where `digits` is not 0.
///
/// The fraction is scaled and rounded as a float, as Erlang does it: 0.125 with two decimals is 0.13, and so is what is
/// as near to the middle as floats can tell.
pub(crate) fn decimals(number: f64, digits: usize) -> String {
    /// From here on a float has no fraction, or its scaled fraction is no exact integer any more.
    const SIZE_MAX: f64 = 9_007_199_254_740_992.0;
    const DIGITS_MAX: usize = 18;
    if number.abs() >= SIZE_MAX || digits > DIGITS_MAX {
        return without_zeros(format!("{number:.digits$}"));
    }
    let (size, sign) = (number.abs(), if number.is_sign_negative() { "-" } else { "" });
    let scale = 10f64.powi(i32::try_from(digits).unwrap_or(0));
    let (mut whole, mut fraction) = (size.trunc(), (size.fract() * scale).round());
    if fraction >= scale {
        (whole, fraction) = (whole + 1.0, 0.0);
    }
    let mut out = String::new();
    let written = if digits == 0 {
        write!(out, "{sign}{whole:.0}")
    } else {
        write!(out, "{sign}{whole:.0}.{fraction:0digits$.0}")
    };
    written.expect("writing into a String cannot fail");
    without_zeros(out)
}

fn without_zeros(mut out: String) -> String {
    if out.contains('.') {
        let kept = out.trim_end_matches('0').len();
        out.truncate(kept);
        if out.ends_with('.') {
            out.push('0');
        }
    }
    out
}

/// `number` with that many decimals; what is in the middle of two goes away from zero, as Erlang has it and people
/// expect it: 0.125 is 0.13.
pub(crate) fn half_up(number: f64, digits: usize) -> String {
    let mut out = String::new();
    // A number in the middle has at most one digit more; with these none is taken for one that is only near.
    write!(out, "{number:.*}", digits + SURELY_EXACT).expect("writing into a String cannot fail");
    let kept = out.len() - SURELY_EXACT;
    let goes_up = out.as_bytes().get(kept).is_some_and(|next| *next >= b'5');
    out.truncate(kept);
    if out.ends_with('.') {
        out.pop();
    }
    if goes_up { incremented(&out) } else { out }
}

/// More decimals than these are zeros where a number is in the middle of two with fewer.
const SURELY_EXACT: usize = 30;

/// The digits of a number with one more at the last place.
fn incremented(number: &str) -> String {
    let mut digits: Vec<char> = number.chars().collect();
    for digit in digits.iter_mut().rev().filter(|digit| digit.is_ascii_digit()) {
        if *digit != '9' {
            *digit = char::from_digit(digit.to_digit(10).unwrap_or(0) + 1, 10).unwrap_or('9');
            return digits.into_iter().collect();
        }
        *digit = '0';
    }
    let at = usize::from(number.starts_with('-'));
    digits.insert(at, '1');
    digits.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_goes_away_from_zero() {
        let cases = [(0.125, 2, "0.13"), (-0.125, 2, "-0.13"), (2.5, 0, "3"), (9.95, 1, "9.9"), (9.75, 1, "9.8")];
        let more = [(99.5, 0, "100"), (-99.5, 0, "-100"), (1e22, 1, "10000000000000000000000.0"), (0.0, 2, "0.00")];
        for (number, digits, text) in cases.into_iter().chain(more) {
            assert_eq!(half_up(number, digits), text, "{number} with {digits}");
        }
    }

    #[test]
    fn floats_are_short_and_keep_their_point() {
        let cases = [
            (1.0, "1.0"),
            (0.123_456_789_012_3, "0.123456789"),
            (100_000.0, "100000.0"),
            (1e-12, "0.0"),
            (1e22, "10000000000000000000000.0"),
            (-2.5, "-2.5"),
        ];
        for (number, text) in cases {
            assert_eq!(text_of_float(number), text);
        }
    }
}
