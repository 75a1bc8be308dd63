//! The function `trim`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, optional, text, word};

pub(super) const TRIM: Function = Function {
    name: "trim",
    doc: "The text without white space, or the characters that are given, at both ends.",
    params: &[word("text"), optional(text("characters"))],
    returns: Type::Text,
    examples: &[
        example("trim('  x ')", r#""x""#),
        example("trim('xxaxx', 'x')", r#""a""#),
        fails("trim(5)", "`text` must be text, found the number 5"),
    ],
    call: |args| {
        let text = args.word(0)?;
        let kept = if args.has(1) {
            let chars = args.text(1)?;
            args.budget.pairs(text.len(), chars.len())?;
            text.trim_matches(|c| chars.contains(c))
        } else {
            text.trim_matches(is_white_space)
        };
        Ok(text.slice_ref(kept).into())
    },
};

/// The white space of Unicode's patterns, which programs of text are written with: no-break spaces are none.
pub(super) const fn is_white_space(character: char) -> bool {
    matches!(character, '\t'..='\r' | ' ' | '\u{85}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}')
}
