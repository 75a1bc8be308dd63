//! The function `ascii`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{example, fails, word};

pub(super) const ASCII: Function = Function {
    name: "ascii",
    doc: "The first byte of the text.",
    params: &[word("text")],
    returns: Type::Int,
    examples: &[
        example("ascii('A')", "65"),
        example("ascii('é')", "195"),
        fails("ascii('')", "`text` must be text with characters"),
        example("ascii(true)", "116"),
    ],
    call: |args| {
        let text = args.word(0)?;
        text.as_bytes()
            .first()
            .map(|byte| Value::Int((*byte).into()))
            .ok_or_else(|| args.out_of_range(0, "text with characters"))
    },
};
