//! The columns of an event as a JSON object gives them: the context of `rules eval`, the event of `rules explain`.

use bytestring::ByteString;
use events::{Map, given_column};
use sql::{JsonNode, NumberTooLarge};

/// Room is made for that many columns at once; further ones make more.
const COLUMNS_EXPECTED: usize = 16;

/// The columns of an object with these members; numbers keep every digit, and bytes stand in base64.
pub(crate) fn columns<'d>(members: impl Iterator<Item = (ByteString, JsonNode<'d>)>) -> Result<Map, String> {
    let mut columns = Map::with_capacity(COLUMNS_EXPECTED);
    for (name, node) in members {
        let value = node.to_value().map_err(|NumberTooLarge| {
            format!("`{name}`: expected an integer of at most 4,096 bits or a float of at most 1.8e308")
        })?;
        let (name, value) = given_column(name, value)?;
        columns.insert(name, value);
    }
    Ok(columns)
}
