//! The function `map_keys`.

use events::{Type, Value};

use super::map_to_entries::sorted;
use crate::functions::Function;
use crate::functions::function::{any, example, fails};

pub(super) const MAP_KEYS: Function = Function {
    name: "map_keys",
    doc: "The keys of a map or its JSON text, sorted.",
    params: &[any("map")],
    returns: Type::List,
    examples: &[
        example("map_keys({'b': 2, 'a': 1})", r#"["a","b"]"#),
        fails("map_keys(5)", "`map` must be a map or the JSON text of one, found the number 5"),
    ],
    call: |args| {
        let map = args.map(0)?;
        args.budget.charge(map.len() * 2 * size_of::<Value>())?;
        Ok(sorted(&map).into_iter().map(|(key, _)| key.clone().into()).collect::<Vec<Value>>().into())
    },
};
