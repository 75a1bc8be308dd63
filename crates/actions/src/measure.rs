//! Sizes and times of options, as `"64MiB"` and `"1d"`.

use engine::{BYTE_UNITS, TIME_UNITS, measure};
use serde::Deserialize as _;
use serde::de::Error as _;

/// A number of bytes, above 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ByteLen(pub(crate) u64);

/// A length of time in ms, above 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpanMs(pub(crate) u64);

/// The size that `text` says: the default of an option.
///
/// # Panics
///
/// Where `text` says none.
pub(crate) fn size(text: &str) -> ByteLen {
    ByteLen(measure(text, &BYTE_UNITS).expect("a default is a size"))
}

impl<'de> serde::Deserialize<'de> for ByteLen {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<ByteLen, D::Error> {
        read(deserializer, &BYTE_UNITS, "a size such as `64MiB`").map(ByteLen)
    }
}

impl<'de> serde::Deserialize<'de> for SpanMs {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<SpanMs, D::Error> {
        read(deserializer, &TIME_UNITS, "a time such as `1d`").map(SpanMs)
    }
}

fn read<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
    units: &[(&str, u64)],
    expected: &str,
) -> Result<u64, D::Error> {
    let value = toml::Value::deserialize(deserializer)?;
    let found = value.as_str().and_then(|text| measure(text, units)).filter(|number| *number > 0);
    found.ok_or_else(|| D::Error::custom(format!("expected {expected}, found {value}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_and_a_time_have_units() {
        assert_eq!(toml::Value::from("64MiB").try_into(), Ok(size("64MiB")));
        assert_eq!(toml::Value::from("1d").try_into(), Ok(SpanMs(86_400_000)));
        for wrong in [toml::Value::from("0MiB"), toml::Value::from(5), toml::Value::from("64 megs")] {
            let error = wrong.clone().try_into::<ByteLen>().unwrap_err();
            assert_eq!(error.message(), format!("expected a size such as `64MiB`, found {wrong}"));
        }
    }
}
