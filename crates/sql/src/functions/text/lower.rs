//! The function `lower`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, word};

pub(super) const LOWER: Function = Function {
    name: "lower",
    doc: "The text in lower case.",
    params: &[word("text")],
    returns: Type::Text,
    examples: &[
        example("lower('AbÇ')", r#""abç""#),
        fails("lower(null)", "`text` must be text, found NULL"),
        example("lower(true)", r#""true""#),
        example("lower('ΑΣ')", r#""ασ""#),
    ],
    call: |args| {
        let text = args.word(0)?;
        args.budget.charge(text.len())?;
        if text.is_ascii() {
            return Ok(text.to_ascii_lowercase().into());
        }
        Ok(text.chars().flat_map(char::to_lowercase).collect::<String>().into())
    },
};
