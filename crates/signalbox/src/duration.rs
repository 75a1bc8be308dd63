//! Lengths of time on the command line, such as `15m`.

use std::time::Duration;

/// Units and their seconds.
const UNITS: [(char, u64); 4] = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)];

/// Reads a whole number and its unit.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let read = UNITS.iter().find_map(|(unit, seconds)| {
        let number: u64 = text.strip_suffix(*unit)?.parse().ok()?;
        number.checked_mul(*seconds)
    });
    read.map(Duration::from_secs)
        .ok_or_else(|| format!("expected a time such as `30s`, `15m`, `12h` or `7d`, found `{text}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_and_a_unit() {
        assert_eq!(parse("15m"), Ok(Duration::from_secs(900)));
        assert_eq!(parse("7d"), Ok(Duration::from_secs(604_800)));
        for text in ["", "15", "m", "-1m", "1w", "99999999999999999999d", "300000000000000d"] {
            assert!(parse(text).unwrap_err().contains(&format!("found `{text}`")), "{text}");
        }
    }
}
