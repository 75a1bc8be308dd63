//! The function `substr`.

use events::Type;
use unicode_segmentation::UnicodeSegmentation;

use crate::functions::Function;
use crate::functions::function::{example, fails, int_from, optional, word};

pub(super) const SUBSTR: Function = Function {
    name: "substr",
    doc: "The text from a place on, counted from 0 in characters; as many as are asked for.",
    params: &[word("text"), int_from("start", 0), optional(int_from("length", 0))],
    returns: Type::Text,
    examples: &[
        example("substr('abcdef', 2)", r#""cdef""#),
        example("substr('abcdef', 2, 3)", r#""cde""#),
        example("substr('abc', 9)", r#""""#),
        fails("substr('abc', -1)", "`start` must be an integer from 0 on, found the number -1"),
        example("substr('é漢🚀x', 1, 2)", r#""漢🚀""#),
        fails("substr('abc', 0, -1)", "`length` must be an integer from 0 on, found the number -1"),
    ],
    call: |args| {
        let (text, start) = (args.word(0)?, args.count(1)?);
        let len = if args.has(2) { args.count(2)? } else { usize::MAX };
        Ok(text.graphemes(true).skip(start).take(len).collect::<String>().into())
    },
};
