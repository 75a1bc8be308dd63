//! The function `map_size`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{any, example};

pub(super) const MAP_SIZE: Function = Function {
    name: "map_size",
    doc: "The number of entries of a map or its JSON text.",
    params: &[any("map")],
    returns: Type::Int,
    examples: &[example("map_size({'a': 1})", "1")],
    call: |args| Ok(i64::try_from(args.map(0)?.len()).map_or(Value::Null, Value::Int)),
};
