//! The function `ltrim`.

use events::Type;

use super::trim::is_white_space;
use crate::functions::Function;
use crate::functions::function::{example, fails, optional, text, word};

pub(super) const LTRIM: Function = Function {
    name: "ltrim",
    doc: "The text without white space, or the characters that are given, at its beginning.",
    params: &[word("text"), optional(text("characters"))],
    returns: Type::Text,
    examples: &[
        example("ltrim('  x ')", r#""x ""#),
        example("ltrim('001', '0')", r#""1""#),
        fails("ltrim(null)", "`text` must be text, found NULL"),
    ],
    call: |args| {
        let text = args.word(0)?;
        let kept = if args.has(1) {
            let chars = args.text(1)?;
            args.budget.pairs(text.len(), chars.len())?;
            text.trim_start_matches(|c| chars.contains(c))
        } else {
            text.trim_start_matches(is_white_space)
        };
        Ok(text.slice_ref(kept).into())
    },
};
