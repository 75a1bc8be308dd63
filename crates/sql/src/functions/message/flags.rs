//! The function `flags`.

use events::{Map, Type, Value};

use crate::functions::Function;
use crate::functions::function::{column, example};

pub(super) const FLAGS: Function = Function {
    name: "flags",
    doc: "The flags of the message; an empty map where there are none.",
    params: &[column("flags")],
    returns: Type::Map,
    examples: &[example("flags()", r#"{"dup":false,"retain":true}"#)],
    call: |args| match args.column(0) {
        Value::Null => Ok(Map::new().into()),
        flags => Ok(flags.clone()),
    },
};
