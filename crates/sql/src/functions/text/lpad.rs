//! The function `lpad`.

use events::{Type, Value};
use unicode_segmentation::UnicodeSegmentation;

use crate::functions::function::{example, int_from, optional, text, word};
use crate::functions::{Args, Fault, Function};

pub(super) const LPAD: Function = Function {
    name: "lpad",
    doc: "The text filled up at its beginning to a length in characters, with spaces or another text; a longer one is cut at its end. `pad` does not cut.",
    params: &[word("text"), int_from("length", 0), optional(text("filler"))],
    returns: Type::Text,
    examples: &[
        example("lpad('7', 3, '0')", r#""007""#),
        example("lpad('x', 4, 'ab')", r#""abax""#),
        example("lpad('abcdef', 3)", r#""abc""#),
    ],
    call: |args| {
        let (kept, filling) = filled(args)?;
        Ok(Value::from(filling + &kept))
    },
};

/// What is kept of the text, and what fills it up.
pub(super) fn filled(args: &Args<'_>) -> Result<(String, String), Fault> {
    let (text, len, filler) = (args.word(0)?, args.count(1)?, args.text_or(2, " ")?);
    let found = text.graphemes(true).count();
    let missing = if filler.is_empty() { 0 } else { len.saturating_sub(found) };
    args.budget.charge(missing.saturating_mul(filler.len()).saturating_add(text.len()))?;
    let kept = text.graphemes(true).take(len).collect();
    Ok((kept, filler.graphemes(true).cycle().take(missing).collect()))
}
