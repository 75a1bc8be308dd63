//! The function `str_utf8`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{any, example};
use crate::values::text::shared_text_of;

pub(super) const STR_UTF8: Function = Function {
    name: "str_utf8",
    doc: "The value as UTF-8 text; bytes that are none become replacement characters. NULL stays NULL.",
    params: &[any("value")],
    returns: Type::Text,
    examples: &[example("str_utf8('é')", r#""é""#), example("str_utf8(5)", r#""5""#)],
    call: |args| match args.value(0) {
        Value::Null => Ok(Value::Null),
        other => Ok(shared_text_of(other).into()),
    },
};
