//! The function `rpad`.

use events::{Type, Value};

use super::lpad::filled;
use crate::functions::Function;
use crate::functions::function::{example, int_from, optional, text, word};

pub(super) const RPAD: Function = Function {
    name: "rpad",
    doc: "The text filled up at its end to a length in characters, with spaces or another text; a longer one is cut.",
    params: &[word("text"), int_from("length", 0), optional(text("filler"))],
    returns: Type::Text,
    examples: &[example("rpad('x', 4, 'ab')", r#""xaba""#), example("rpad('abcdef', 3)", r#""abc""#)],
    call: |args| {
        let (kept, filling) = filled(args)?;
        Ok(Value::from(kept + &filling))
    },
};
