//! The function `rtrim`.

use events::Type;

use super::trim::is_white_space;
use crate::functions::Function;
use crate::functions::function::{example, optional, text, word};

pub(super) const RTRIM: Function = Function {
    name: "rtrim",
    doc: "The text without white space, or the characters that are given, at its end.",
    params: &[word("text"), optional(text("characters"))],
    returns: Type::Text,
    examples: &[
        example("rtrim('  x ')", r#""  x""#),
        example("rtrim('x100', '0')", r#""x1""#),
        example("rtrim('abccba', 'ab')", r#""abcc""#),
    ],
    call: |args| {
        let text = args.word(0)?;
        let kept = if args.has(1) {
            let chars = args.text(1)?;
            args.budget.pairs(text.len(), chars.len())?;
            text.trim_end_matches(|c| chars.contains(c))
        } else {
            text.trim_end_matches(is_white_space)
        };
        Ok(text.slice_ref(kept).into())
    },
};
