//! `map_to_redis_hset_args`.

use events::{Map, Type, Value};

use crate::functions::Function;
use crate::functions::function::{any, example};
use crate::values::text::text_of;

pub(super) const MAP_TO_REDIS_HSET_ARGS: Function = Function {
    name: "map_to_redis_hset_args",
    doc: "The keys and values of a map, one after the other, as the arguments of HSET; members that are lists, maps or NULL are left out.",
    params: &[any("map")],
    returns: Type::List,
    examples: &[example("map_to_redis_hset_args({'a': 1, 'b': 'x', 'c': [1]})", r#"["a","1","b","x"]"#)],
    call: |args| {
        let map = args.map(0)?;
        let plain = map.iter().filter(|(_, value)| !matches!(value, Value::Null | Value::List(_) | Value::Map(_)));
        let pairs = plain.flat_map(|(key, value)| [Value::from(key.clone()), Value::from(text_of(value).into_owned())]);
        Ok(pairs.collect::<Vec<_>>().into())
    },
};
