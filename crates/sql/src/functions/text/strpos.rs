//! The function `strpos`.

use events::{Type, Value};
use unicode_segmentation::UnicodeSegmentation;

use crate::functions::Function;
use crate::functions::function::{example, text, word};

pub(super) const STRPOS: Function = Function {
    name: "strpos",
    doc: "Where a part begins in the text, in characters from 1; 0 where it is nowhere.",
    params: &[word("text"), text("part")],
    returns: Type::Int,
    examples: &[
        example("strpos('pump-17', '-')", "5"),
        example("strpos('é漢x', 'x')", "3"),
        example("strpos('abc', 'z')", "0"),
    ],
    call: |args| {
        let text = args.word(0)?;
        let before = text.find(&**args.text(1)?).and_then(|at| text.get(..at));
        let place = before.map_or(0, |before| before.graphemes(true).count() + 1);
        Ok(i64::try_from(place).map_or(Value::Null, Value::Int))
    },
};
