//! The function `map_put`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{any, example, text};
use crate::values::path::{Step, put};

pub(super) const MAP_PUT: Function = Function {
    name: "map_put",
    doc: "The map with a value put at the end of a path with dots.",
    params: &[text("path"), any("value"), any("map")],
    returns: Type::Map,
    examples: &[
        example("map_put('x.y', 2, {})", r#"{"x":{"y":2}}"#),
        example("map_put('a', 1, {'b': 2})", r#"{"b":2,"a":1}"#),
        example("map_put('k', 'v', 'text')", r#"{"k":"v"}"#),
    ],
    call: |args| {
        let steps: Vec<Step> = args.text(0)?.split('.').map(|key| Step::Key(key.into())).collect();
        args.budget.steps(steps.len())?;
        let mut map = args.value(2).clone();
        if let Value::Map(entries) = &map {
            args.budget.charge(entries.len() * size_of::<Value>())?;
        }
        put(&mut map, &steps, args.value(1).clone());
        Ok(map)
    },
};
