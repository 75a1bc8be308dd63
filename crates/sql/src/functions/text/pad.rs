//! The function `pad`.

use events::Type;
use unicode_segmentation::UnicodeSegmentation;

use crate::functions::Function;
use crate::functions::function::{example, fails, int_from, one_of, optional, text, word, words};

pub(super) const PAD: Function = Function {
    name: "pad",
    doc: "The text filled up to a length in characters: `trailing` (the default), `leading` or at `both` ends, with spaces or other characters.",
    params: &[
        word("text"),
        int_from("length", 0),
        optional(one_of("direction", &words(&DIRECTIONS))),
        optional(text("character")),
    ],
    returns: Type::Text,
    examples: &[
        example("pad('abc', 5)", r#""abc  ""#),
        example("pad('7', 3, 'leading', '0')", r#""007""#),
        example("pad('abc', 6, 'both')", r#"" abc  ""#),
        example("pad('abc', 2)", r#""abc""#),
        fails("pad('abc', 5, 'up')", "`direction` must be `trailing`, `leading` or `both`"),
        example("pad('abc', 5, 'trailing', 'xy')", r#""abcxyxy""#),
        example("pad('é', 3)", r#""é  ""#),
    ],
    call: |args| {
        let (text, len) = (args.word(0)?, args.count(1)?);
        let sides = args.one_of_or(2, &DIRECTIONS, DIRECTIONS[0].1)?;
        let filler = args.text_or(3, " ")?;
        let missing = len.saturating_sub(text.graphemes(true).count());
        args.budget.charge(missing.saturating_mul(filler.len()).saturating_add(text.len()))?;
        let (before, after) = sides(missing);
        Ok([filler.repeat(before).as_str(), &text, &filler.repeat(after)].concat().into())
    },
};

/// How many of the missing characters stand before and behind the text.
type Sides = fn(usize) -> (usize, usize);

const DIRECTIONS: [(&str, Sides); 3] = [
    ("trailing", |missing| (0, missing)),
    ("leading", |missing| (missing, 0)),
    ("both", |missing| (missing / 2, missing - missing / 2)),
];
