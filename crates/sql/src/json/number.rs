//! What the digits of a number are worth.

use events::Value;
use num_bigint::BigInt;

/// The most bits an integer may have.
pub(crate) const INTEGER_BITS_MAX: u64 = 4096;

/// More digits than these have more than [`INTEGER_BITS_MAX`] bits; they are refused before they are read.
const INTEGER_DIGITS_MAX: usize = 1234;

/// A number is beyond what an integer (4,096 bits) or a float (1.8e308) may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberTooLarge;

/// The number of a checked text: digits, perhaps with a sign, a point, an exponent.
pub(crate) fn number_of(text: &str) -> Result<Value, NumberTooLarge> {
    if text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) { float_of(text) } else { int_of(text) }
}

/// The number of a text with a point or an exponent.
pub(super) fn float_of(text: &str) -> Result<Value, NumberTooLarge> {
    if let Some(number) = short_decimal(text.as_bytes()) {
        return Ok(Value::Float(number));
    }
    let number: f64 = text.parse().map_err(|_| NumberTooLarge)?;
    if number.is_finite() { Ok(Value::Float(number)) } else { Err(NumberTooLarge) }
}

/// A decimal such as `-21.5`, which most measurements are: where its digits and the power of ten that divides them are
/// floats exactly, their quotient is the nearest float to the decimal.
fn short_decimal(text: &[u8]) -> Option<f64> {
    const POWERS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    // With the point; fifteen digits are fewer than a float has.
    if digits.len() > 16 {
        return None;
    }
    let (mut whole, mut decimals) = (0u64, None);
    for byte in digits {
        match byte {
            b'0'..=b'9' => {
                whole = whole * 10 + u64::from(byte - b'0');
                decimals = decimals.map(|count| count + 1);
            }
            b'.' if decimals.is_none() => decimals = Some(0),
            _ => return None,
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "fifteen digits are exact")]
    let number = whole as f64 / POWERS.get(decimals?)?;
    Some(if digits.len() < text.len() { -number } else { number })
}

/// The number of digits, perhaps with a sign.
pub(super) fn int_of(text: &str) -> Result<Value, NumberTooLarge> {
    if let Ok(small) = text.parse::<i64>() {
        return Ok(Value::Int(small));
    }
    if text.len() > INTEGER_DIGITS_MAX {
        return Err(NumberTooLarge);
    }
    let large: BigInt = text.parse().map_err(|_| NumberTooLarge)?;
    if large.bits() > INTEGER_BITS_MAX { Err(NumberTooLarge) } else { Ok(Value::from_big(large)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn a_short_decimal_is_the_nearest_float(text in "-?[0-9]{1,9}\\.[0-9]{1,9}") {
            let exact: f64 = text.parse().unwrap();
            proptest::prop_assert_eq!(float_of(&text), Ok(Value::Float(exact)), "{}", text);
            if text.trim_start_matches('-').len() <= 16 {
                proptest::prop_assert_eq!(short_decimal(text.as_bytes()).map(f64::to_bits), Some(exact.to_bits()));
            }
        }
    }
}
