//! Numbers of text: when a text is compared with a number, and in `int` and `float`.

use events::Value;

use crate::json::number_of;

/// The number that `text` is: digits, perhaps with a sign, a point, an exponent. Nothing else, no white space.
pub(crate) fn number_of_text(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let well_formed = match mantissa.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(mantissa),
    };
    let exponent_well_formed =
        exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)));
    if !well_formed || !exponent_well_formed {
        return None;
    }
    number_of(text.strip_prefix('+').unwrap_or(text)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_a_number_or_it_is_not() {
        for (text, number) in [
            ("12", Value::Int(12)),
            ("-3", Value::Int(-3)),
            ("+4", Value::Int(4)),
            ("1e3", Value::Float(1000.0)),
            ("007.5", Value::Float(7.5)),
        ] {
            assert_eq!(number_of_text(text), Some(number), "{text}");
        }
        for text in ["", " 5", "5 ", "0x1F", "abc", "1.", ".5", "inf", "nan", "--1", "+-1", "1e", "1e400"] {
            assert_eq!(number_of_text(text), None, "{text}");
        }
    }
}
