//! The function `map`.

use events::{Map, Type, Value};

use crate::functions::Function;
use crate::functions::function::{any, example, fails};
use crate::values::text::shared_text_of;

pub(super) const MAP: Function = Function {
    name: "map",
    doc: "A map of itself, of its JSON text, or of a list of pairs.",
    params: &[any("value")],
    returns: Type::Map,
    examples: &[
        example(r#"map('{"k":1}')"#, r#"{"k":1}"#),
        example("map([['a', 1], ['b', 2]])", r#"{"a":1,"b":2}"#),
        example("map([])", "{}"),
        fails("map([1, 2])", "`value` must be a map or the JSON text of one, found the list [1,2]"),
        fails("map('[1]')", "`value` must be a map or the JSON text of one"),
    ],
    call: |args| {
        if let Value::List(items) = args.value(0)
            && let Some(map) = of_pairs(items)
        {
            return Ok(map.into());
        }
        Ok(args.map(0)?.into_owned().into())
    },
};

fn of_pairs(items: &[Value]) -> Option<Map> {
    let pair = |item: &Value| match item {
        Value::List(pair) => match pair.as_slice() {
            [key, value] => Some((shared_text_of(key), value.clone())),
            _ => None,
        },
        _ => None,
    };
    items.iter().map(pair).collect()
}
