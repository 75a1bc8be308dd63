//! The function `str`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{any, example};
use crate::values::text::shared_text_of;

pub(super) const STR: Function = Function {
    name: "str",
    doc: "The value as text: numbers in decimal, lists and maps as JSON. NULL stays NULL.",
    params: &[any("value")],
    returns: Type::Text,
    examples: &[
        example("str(12)", r#""12""#),
        example("str(0.1234567890123)", r#""0.123456789""#),
        example("str([72, 105])", r#""[72,105]""#),
        example("str(null)", "null"),
    ],
    call: |args| match args.value(0) {
        Value::Null => Ok(Value::Null),
        bytes @ Value::Bytes(_) => Ok(bytes.clone()),
        other => Ok(shared_text_of(other).into()),
    },
};
