//! What the digits of a number are worth.

use events::Value;
use num_bigint::BigInt;

/// The most bits an integer may have.
pub(crate) const INTEGER_BITS_MAX: u64 = 4096;

/// More digits than these have more than [`INTEGER_BITS_MAX`] bits; they are refused before they are read.
const INTEGER_DIGITS_MAX: usize = 1234;

/// A number is beyond what an integer (4,096 bits) or a float (1.8e308) may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NumberTooLarge;

/// The number of a checked text: digits, perhaps with a sign, a point, an exponent.
pub(crate) fn number_of(text: &str) -> Result<Value, NumberTooLarge> {
    if text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) { float_of(text) } else { int_of(text) }
}

/// The number of a text with a point or an exponent.
pub(super) fn float_of(text: &str) -> Result<Value, NumberTooLarge> {
    let number: f64 = text.parse().map_err(|_| NumberTooLarge)?;
    if number.is_finite() { Ok(Value::Float(number)) } else { Err(NumberTooLarge) }
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
