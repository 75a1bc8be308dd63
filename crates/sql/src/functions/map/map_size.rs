//! The function `map_size`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{any, example, fails};

pub(super) const MAP_SIZE: Function = Function {
    name: "map_size",
    doc: "The number of entries of a map or its JSON text.",
    params: &[any("map")],
    returns: Type::Int,
    examples: &[
        example("map_size({'a': 1})", "1"),
        example(r#"map_size('{"a":1,"b":2}')"#, "2"),
        example("map_size([])", "0"),
        fails("map_size('x')", "`map` must be JSON, found the text 'x'"),
    ],
    call: |args| Ok(i64::try_from(args.map(0)?.len()).map_or(Value::Null, Value::Int)),
};
