//! Options of connectors and actions: declared once with doc and default, read strictly.

use engine::ConfigError;
use serde::de::DeserializeOwned;

/// One option of a connector or an action, as the reference prints it.
#[derive(Clone, Copy, Debug)]
pub struct OptionField {
    /// The key in TOML.
    pub name: &'static str,
    /// The default, as Rust writes it; `None` where the option is absent by default.
    pub default: &'static str,
    /// What it does.
    pub doc: &'static str,
}

/// A struct of options that knows its own keys.
pub(crate) trait Options: DeserializeOwned {
    /// Every key, in the order of declaration.
    const FIELDS: &'static [OptionField];
}

/// Declares a struct of options. The comment of a field is its documentation, the value its default.
macro_rules! options {
    (
        $(#[doc = $about:literal])+
        struct $name:ident {
            $( $(#[doc = $doc:literal])+ $field:ident : $type:ty = $default:expr, )*
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, serde::Deserialize)]
        #[serde(default)]
        struct $name {
            $( $(#[doc = $doc])+ $field: $type, )*
        }

        impl Default for $name {
            fn default() -> $name {
                $name { $( $field: $default, )* }
            }
        }

        impl $crate::options::Options for $name {
            const FIELDS: &'static [$crate::options::OptionField] = &[
                $( $crate::options::OptionField {
                    name: stringify!($field),
                    default: stringify!($default),
                    doc: concat!($($doc, "\n"),+),
                }, )*
            ];
        }
    };
}
pub(crate) use options;

/// Reads options, and says everything that is wrong with them, not only the first thing.
pub(crate) fn read<T: Options>(table: &toml::Table) -> Result<T, Vec<ConfigError>> {
    let known: Vec<&str> = T::FIELDS.iter().map(|field| field.name).collect();
    let mut errors = Vec::new();
    for (key, value) in table {
        if known.is_empty() {
            errors.push(ConfigError { at_key: true, ..ConfigError::at(&[key], "it takes no options") });
        } else if !known.contains(&key.as_str()) {
            errors.push(ConfigError::unknown_key(&[key], &known));
        } else {
            // One key at a time, so that what is said about a value is said at its key.
            let alone: toml::Table = [(key.clone(), value.clone())].into_iter().collect();
            errors.extend(alone.try_into::<T>().err().map(|error| mistyped(key, &error)));
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    table.clone().try_into().map_err(|error| vec![ConfigError::at(&[], expected_and_found(&error))])
}

fn mistyped(key: &str, error: &toml::de::Error) -> ConfigError {
    ConfigError::at(&[key], format!("`{key}`: {}", expected_and_found(error)))
}

/// `invalid type: string "x", expected u16` of serde, in our words.
fn expected_and_found(error: &toml::de::Error) -> String {
    let message = error.message();
    let Some((_, rest)) = message.split_once("invalid type: ").or_else(|| message.split_once("invalid value: ")) else {
        return message.to_owned();
    };
    match rest.split_once(", expected ") {
        Some((found, expected)) => format!("expected {expected}, found {found}"),
        None => rest.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    options! {
        /// Options of a test.
        struct Sample {
            /// How long to wait.
            timeout_ms: u64 = 5_000,
            /// Where to.
            topic: Option<String> = None,
        }
    }

    fn errors(text: &str) -> Vec<(String, Option<String>)> {
        let table: toml::Table = text.parse().unwrap();
        read::<Sample>(&table).unwrap_err().into_iter().map(|error| (error.message, error.help)).collect()
    }

    #[test]
    fn what_is_not_given_has_its_default() {
        let sample = read::<Sample>(&"topic = 't'".parse().unwrap()).unwrap();
        assert_eq!((sample.timeout_ms, sample.topic.as_deref()), (5_000, Some("t")));
        assert_eq!(Sample::FIELDS[0].default, "5_000");
        assert_eq!(Sample::FIELDS[0].doc.trim(), "How long to wait.");
    }

    #[test]
    fn everything_wrong_is_said_at_once_with_what_was_meant() {
        assert_eq!(
            errors("timeout_m = 1\ntopic = 5\nzzz = 1"),
            [
                ("unknown option `timeout_m`".to_owned(), Some("did you mean `timeout_ms`?".to_owned())),
                ("`topic`: expected a string, found integer `5`".to_owned(), None),
                ("unknown option `zzz`".to_owned(), Some("expected one of `timeout_ms`, `topic`".to_owned())),
            ]
        );
    }
}
