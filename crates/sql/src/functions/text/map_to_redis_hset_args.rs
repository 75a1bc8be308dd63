//! The function `map_to_redis_hset_args`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{any, example};

/// What the list begins with, so that the Redis action knows it among the arguments of a command.
const TAG: Value = Value::from_static("map_to_redis_hset_args");

pub(super) const MAP_TO_REDIS_HSET_ARGS: Function = Function {
    name: "map_to_redis_hset_args",
    doc: "The keys and values of a map, one after the other, behind the name of this function, as the Redis action takes \
          them for HSET. Members that are lists, maps or NULL are left out; what is no map has no members.",
    params: &[any("map")],
    returns: Type::List,
    examples: &[
        example("map_to_redis_hset_args({'a': 1, 'b': 'x', 'c': [1]})", r#"["map_to_redis_hset_args","a",1,"b","x"]"#),
        example("map_to_redis_hset_args('bad json')", r#"["map_to_redis_hset_args"]"#),
    ],
    call: |args| {
        let Ok(map) = args.map(0) else { return Ok(vec![TAG].into()) };
        args.budget.charge(2 * map.len() * size_of::<Value>())?;
        let plain = map.iter().filter(|(_, value)| !matches!(value, Value::Null | Value::List(_) | Value::Map(_)));
        let pairs = plain.flat_map(|(key, value)| [Value::from(key.clone()), value.clone()]);
        Ok(std::iter::once(TAG).chain(pairs).collect::<Vec<_>>().into())
    },
};
