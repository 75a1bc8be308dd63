//! The function `upper`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, word};

pub(super) const UPPER: Function = Function {
    name: "upper",
    doc: "The text in upper case.",
    params: &[word("text")],
    returns: Type::Text,
    examples: &[
        example("upper('aßé')", r#""ASSÉ""#),
        example("upper(1 = 1)", r#""TRUE""#),
        fails("upper(5)", "`text` must be text, found the number 5"),
    ],
    call: |args| {
        let text = args.word(0)?;
        args.budget.charge(text.len())?;
        let upper = if text.is_ascii() { text.to_ascii_uppercase() } else { text.to_uppercase() };
        Ok(upper.into())
    },
};
