//! The function `map_values`.

use events::{Type, Value};

use super::map_to_entries::sorted;
use crate::functions::Function;
use crate::functions::function::{any, example};

pub(super) const MAP_VALUES: Function = Function {
    name: "map_values",
    doc: "The values of a map or its JSON text, in the order of their keys.",
    params: &[any("map")],
    returns: Type::List,
    examples: &[example("map_values({'b': 2, 'a': 1})", "[1,2]"), example(r#"map_values('{"a":[1]}')"#, "[[1]]")],
    call: |args| {
        let map = args.map(0)?;
        args.budget.charge(map.len() * 2 * size_of::<Value>())?;
        Ok(sorted(&map).into_iter().map(|(_, value)| value.clone()).collect::<Vec<Value>>().into())
    },
};
