//! Text that must not be shown: passwords, tokens, header values.

use std::fmt;

use serde::de::Error as _;

/// Text that is used but never printed.
#[derive(Clone, Default)]
pub(crate) struct Secret(String);

impl Secret {
    /// The text itself, for the one place that sends it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Secret {
        Secret(text)
    }
}

/// By hand, because serde would show what it found instead of text: a password of digits without its quotes.
impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        let value = toml::Value::deserialize(deserializer)?;
        match value.as_str() {
            Some(text) => Ok(Secret(text.to_owned())),
            None => Err(D::Error::custom(format!("expected a string, found {}", value.type_str()))),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(format!("{:?}", Secret("hunter2".to_owned())), "(secret)");
    }

    #[test]
    fn a_secret_of_the_wrong_type_is_not_shown() {
        let error = toml::Value::Integer(31_337).try_into::<Secret>().unwrap_err();
        assert_eq!(error.message(), "expected a string, found integer");
    }
}
