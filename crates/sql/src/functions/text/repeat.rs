//! The function `repeat`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, int_from, word};

pub(super) const REPEAT: Function = Function {
    name: "repeat",
    doc: "The text as often as is said, one after the other.",
    params: &[word("text"), int_from("count", 0)],
    returns: Type::Text,
    examples: &[
        example("repeat('ab', 3)", r#""ababab""#),
        example("repeat('ab', 0)", r#""""#),
        fails("repeat('ab', -1)", "`count` must be an integer from 0 on, found the number -1"),
        fails("repeat('ab', 1000000000)", "the evaluation makes more than a rule may hold in memory"),
    ],
    call: |args| {
        let (text, count) = (args.word(0)?, args.count(1)?);
        args.budget.charge(text.len().saturating_mul(count))?;
        Ok(if text.is_empty() { text.into() } else { text.repeat(count).into() })
    },
};
