//! The function `trim`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, optional, text, word};

pub(super) const TRIM: Function = Function {
    name: "trim",
    doc: "The text without white space, or the characters that are given, at both ends.",
    params: &[word("text"), optional(text("characters"))],
    returns: Type::Text,
    examples: &[example("trim('  x ')", r#""x""#), example("trim('xxaxx', 'x')", r#""a""#)],
    call: |args| {
        let text = args.word(0)?;
        let kept = if args.has(1) {
            let chars = args.text(1)?;
            text.trim_matches(|c| chars.contains(c))
        } else {
            text.trim()
        };
        Ok(text.slice_ref(kept).into())
    },
};
