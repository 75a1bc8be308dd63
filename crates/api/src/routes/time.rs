//! Times as people and EMQX's tools read them.

use events::Timestamp;
use serde::Deserialize;
use utoipa::openapi::{KnownFormat, ObjectBuilder, OneOfBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::openapi::one_of_formats;

/// A moment of a query, in ms since 1970.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Moment(pub(crate) i64);

impl TryFrom<String> for Moment {
    type Error = String;

    fn try_from(text: String) -> Result<Moment, String> {
        let read = text.parse().ok().or_else(|| parse_ms(&text));
        read.map(Moment)
            .ok_or_else(|| format!("expected a time such as `2026-01-31T12:00:00Z` or ms since 1970, found `{text}`"))
    }
}

impl PartialSchema for Moment {
    fn schema() -> RefOr<Schema> {
        let text = one_of_formats([KnownFormat::DateTime]);
        let ms = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(i64::MIN)).maximum(Some(i64::MAX));
        RefOr::T(Schema::OneOf(OneOfBuilder::new().item(text).item(ms).build()))
    }
}

impl ToSchema for Moment {}

/// The time.
pub(crate) fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_millisecond())
}

/// A time as RFC 3339 writes it, in UTC, to the millisecond.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(|_out_of_range| at.0.to_string(), |at| format!("{at:.3}"))
}

/// ms since 1970 from a text of RFC 3339.
pub(crate) fn parse_ms(text: &str) -> Option<i64> {
    text.parse().ok().map(jiff::Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_and_read() {
        assert_eq!(rfc3339(Timestamp(1_709_210_096_007)), "2024-02-29T12:34:56.007Z");
        assert_eq!(parse_ms("2024-02-29T13:34:56.007+01:00"), Some(1_709_210_096_007));
        assert_eq!(parse_ms("yesterday"), None);
    }
}
