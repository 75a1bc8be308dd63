//! The function `json_decode`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, text};

pub(super) const JSON_DECODE: Function = Function {
    name: "json_decode",
    doc: "The value of JSON text.",
    params: &[text("text")],
    returns: Type::Any,
    examples: &[
        example(r#"json_decode('{"a":[1,2.5]}')"#, r#"{"a":[1,2.5]}"#),
        fails("json_decode('nope')", "`text` must be JSON, found the text 'nope'"),
        example("json_decode('12345678901234567890')", "12345678901234567890"),
        example(r#"json_decode('{"a":1,"a":2}')"#, r#"{"a":2}"#),
        fails("json_decode('[1,]')", "`text` must be JSON, found the text '[1,]'"),
    ],
    call: |args| args.decode(0, args.text(0)?),
};
