//! The function `left`.

use events::{Type, Value};
use unicode_segmentation::UnicodeSegmentation;

use crate::functions::function::{example, int, word};
use crate::functions::{Args, Fault, Function};

pub(super) const LEFT: Function = Function {
    name: "left",
    doc: "The first characters of the text; with a negative number all but the last ones.",
    params: &[word("text"), int("count")],
    returns: Type::Text,
    examples: &[
        example("left('pump-17', 4)", r#""pump""#),
        example("left('pump-17', -3)", r#""pump""#),
        example("left('ab', 9)", r#""ab""#),
    ],
    call: |args| {
        let (text, places) = places(args)?;
        let kept = kept(&places, args.int(1)?);
        let end = places.get(kept).copied().unwrap_or(text.len());
        Ok(Value::from(text.slice_ref(text.get(..end).unwrap_or_default())))
    },
};

/// The text, and where its characters begin.
pub(super) fn places(args: &Args<'_>) -> Result<(bytestring::ByteString, Vec<usize>), Fault> {
    let text = args.word(0)?;
    args.budget.charge(text.len().saturating_mul(size_of::<usize>()))?;
    let places = text.grapheme_indices(true).map(|(at, _)| at).collect();
    Ok((text, places))
}

/// How many characters are asked for: those left over where `count` is negative.
pub(super) fn kept(places: &[usize], count: i64) -> usize {
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count < 0 { places.len().saturating_sub(wanted) } else { wanted.min(places.len()) }
}
