//! The function `strlen`.

use events::{Type, Value};
use unicode_segmentation::UnicodeSegmentation;

use crate::functions::Function;
use crate::functions::function::{example, fails, word};

pub(super) const STRLEN: Function = Function {
    name: "strlen",
    doc: "The number of characters of the text, as people count them.",
    params: &[word("text")],
    returns: Type::Int,
    examples: &[
        example("strlen('é漢🚀')", "3"),
        fails("strlen([1, 2])", "`text` must be text, found list"),
        example("strlen(true)", "4"),
        example("strlen('')", "0"),
    ],
    call: |args| {
        let text = args.word(0)?;
        let len = if text.is_ascii() && !text.contains('\r') { text.len() } else { text.graphemes(true).count() };
        Ok(i64::try_from(len).map_or(Value::Null, Value::Int))
    },
};
