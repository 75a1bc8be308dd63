//! The function `mput`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{any, example, fails, text};

pub(super) const MPUT: Function = Function {
    name: "mput",
    doc: "The map with a value at a key, whatever characters the key has.",
    params: &[text("key"), any("value"), any("map")],
    returns: Type::Map,
    examples: &[
        example("mput('a.b', 1, {})", r#"{"a.b":1}"#),
        fails("mput('a', 9, 'x')", "`map` must be JSON, found the text 'x'"),
    ],
    call: |args| {
        let mut map = args.map(2)?.into_owned();
        args.budget.charge(map.len() * size_of::<Value>())?;
        args.budget.nest(args.value(1))?;
        map.insert(args.text(0)?.clone(), args.value(1).clone());
        Ok(map.into())
    },
};
