//! Numbers with units, as options have them: `"10m"`, `"64MiB"`.

/// Units of time, in ms.
pub const TIME_UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Units of size, in bytes.
pub const BYTE_UNITS: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// A whole number with one of `units`, in whatever case; `None` where `text` is none.
pub fn measure(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let digits_end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(digits_end);
    let (_, worth) = units.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit.trim()))?;
    digits.parse::<u64>().ok()?.checked_mul(*worth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measure_is_a_number_and_a_unit() {
        assert_eq!(measure("15m", &TIME_UNITS), Some(900_000));
        assert_eq!(measure(" 64 mib", &BYTE_UNITS), Some(64 << 20));
        for text in ["", "15", "m", "-1m", "1.5h", "1w", "99999999999999999999d", "300000000000000d"] {
            assert_eq!(measure(text, &TIME_UNITS), None, "{text}");
        }
    }
}
