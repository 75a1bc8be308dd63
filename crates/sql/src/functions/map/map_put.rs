//! The function `map_put`.

use events::Type;

use crate::eval::too_deep;
use crate::functions::Function;
use crate::functions::function::{any, example, fails, text};
use crate::values::path::{Step, put};
use crate::values::weight::DEPTH_MAX;

pub(super) const MAP_PUT: Function = Function {
    name: "map_put",
    doc: "The map with a value put at the end of a path with dots.",
    params: &[text("path"), any("value"), any("map")],
    returns: Type::Map,
    examples: &[
        example("map_put('x.y', 2, {})", r#"{"x":{"y":2}}"#),
        example("map_put('a', 1, {'b': 2})", r#"{"b":2,"a":1}"#),
        example("map_put('k', 'v', 'text')", r#"{"k":"v"}"#),
        fails("map_put(repeat('a.', 300), 1, {})", "the evaluation nests lists and maps deeper than 256"),
    ],
    call: |args| {
        let steps: Vec<Step> = args.text(0)?.split('.').map(|key| Step::Key(key.into())).collect();
        if steps.len() > DEPTH_MAX {
            return Err(too_deep());
        }
        args.budget.steps(steps.len())?;
        args.budget.nest(args.value(1))?;
        args.budget.nest(args.value(2))?;
        let mut map = args.value(2).clone();
        put(&mut map, &steps, args.value(1).clone());
        Ok(map)
    },
};
