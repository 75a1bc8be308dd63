//! The function `map_to_redis_hset_args`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{any, example};
use crate::functions::map::sorted;
use crate::values::text::{decimals, shared_text_of};

/// What the list begins with, so that the Redis action knows it among the arguments of a command.
const TAG: Value = Value::from_static("map_to_redis_hset_args");

pub(super) const MAP_TO_REDIS_HSET_ARGS: Function = Function {
    name: "map_to_redis_hset_args",
    doc: "The keys and values of a map or its JSON text as texts, one after the other behind the name of this function, \
          as the Redis action takes them for HSET: floats with at most 6 decimals. Members that are lists, maps or NULL \
          are left out; what is no map has no members.",
    params: &[any("map")],
    returns: Type::List,
    examples: &[
        example(
            "map_to_redis_hset_args({'a': 1, 'b': 'x', 'c': [1]})",
            r#"["map_to_redis_hset_args","b","x","a","1"]"#,
        ),
        example(r#"map_to_redis_hset_args('{"t":21.123456789}')"#, r#"["map_to_redis_hset_args","t","21.123457"]"#),
        example("map_to_redis_hset_args('bad json')", r#"["map_to_redis_hset_args"]"#),
    ],
    call: |args| {
        let Ok(map) = args.map(0) else { return Ok(vec![TAG].into()) };
        args.budget.charge(2 * map.len() * size_of::<Value>())?;
        let text = |value: &Value| match value {
            Value::Null | Value::List(_) | Value::Map(_) => None,
            Value::Float(number) => Some(decimals(*number, 6).into()),
            plain => Some(shared_text_of(plain).into()),
        };
        // The last key comes first, as ever.
        let pairs = sorted(&map).into_iter().rev().filter_map(|(key, value)| Some([key.clone().into(), text(value)?]));
        let pairs = pairs.flatten();
        Ok(std::iter::once(TAG).chain(pairs).collect::<Vec<_>>().into())
    },
};
