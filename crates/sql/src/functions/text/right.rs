//! The function `right`.

use events::{Type, Value};

use super::left::{kept, places};
use crate::functions::Function;
use crate::functions::function::{example, int, word};

pub(super) const RIGHT: Function = Function {
    name: "right",
    doc: "The last characters of the text; with a negative number all but the first ones.",
    params: &[word("text"), int("count")],
    returns: Type::Text,
    examples: &[
        example("right('pump-17', 2)", r#""17""#),
        example("right('pump-17', -5)", r#""17""#),
        example("right('ab', 0)", r#""""#),
    ],
    call: |args| {
        let (text, places) = places(args)?;
        let skipped = places.len() - kept(&places, args.int(1)?);
        let start = places.get(skipped).copied().unwrap_or(text.len());
        Ok(Value::from(text.slice_ref(text.get(start..).unwrap_or_default())))
    },
};
