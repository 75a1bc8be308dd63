//! The function `str`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::bits::BitString;
use crate::functions::function::{any, example, fails};
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
        example("str(1.0e22)", r#""10000000000000000000000.0""#),
        example("str(null)", "null"),
        fails("str(subbits('AB', 1, 12, 'bits'))", "`value` must be a value with a text"),
    ],
    call: |args| match args.value(0) {
        Value::Null => Ok(Value::Null),
        bytes @ Value::Bytes(_) => Ok(bytes.clone()),
        Value::Map(map) if BitString::is_one(map) => args.wrong_type(0, "a value with a text; whole bytes have one"),
        other => Ok(shared_text_of(other).into()),
    },
};
