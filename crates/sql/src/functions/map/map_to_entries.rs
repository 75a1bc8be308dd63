//! The function `map_to_entries`.

use bytestring::ByteString;
use events::{Map, Type, Value};

use crate::functions::Function;
use crate::functions::function::{any, example};

pub(super) const MAP_TO_ENTRIES: Function = Function {
    name: "map_to_entries",
    doc: "A list of maps with `key` and `value`, in the order of the keys.",
    params: &[any("map")],
    returns: Type::List,
    examples: &[
        example("map_to_entries({'b': 2, 'a': 1})", r#"[{"key":"a","value":1},{"key":"b","value":2}]"#),
        example("map_to_entries({})", "[]"),
    ],
    call: |args| {
        let map = args.map(0)?;
        args.budget.charge(map.len() * 4 * size_of::<Value>())?;
        let entry = |(key, value): (&ByteString, &Value)| {
            let key = (ByteString::from_static("key"), key.clone().into());
            let entry: Map = [key, (ByteString::from_static("value"), value.clone())].into_iter().collect();
            Value::from(entry)
        };
        Ok(sorted(&map).into_iter().map(entry).collect::<Vec<Value>>().into())
    },
};

/// The entries of a map in the order of their keys.
pub(in crate::functions) fn sorted(map: &Map) -> Vec<(&ByteString, &Value)> {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_unstable_by(|left, right| left.0.as_bytes().cmp(right.0.as_bytes()));
    entries
}
