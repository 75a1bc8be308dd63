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
    ],
    call: |args| args.decode(0, args.text(0)?),
};
