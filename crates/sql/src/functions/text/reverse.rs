//! The function `reverse`.

use events::Type;
use unicode_segmentation::UnicodeSegmentation;

use crate::functions::Function;
use crate::functions::function::{example, fails, word};

pub(super) const REVERSE: Function = Function {
    name: "reverse",
    doc: "The characters of the text from the last to the first.",
    params: &[word("text")],
    returns: Type::Text,
    examples: &[
        example("reverse('abc')", r#""cba""#),
        example("reverse('aé漢')", r#""漢éa""#),
        example("reverse(true)", r#""eurt""#),
        fails("reverse(5)", "`text` must be text, found the number 5"),
    ],
    call: |args| Ok(args.word(0)?.graphemes(true).rev().collect::<String>().into()),
};
