//! The function `replace`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{example, fails, one_of, optional, text, word, words};

pub(super) const REPLACE: Function = Function {
    name: "replace",
    doc: "The text with another in the place of a part: of `all` (the default), of the first (`leading`) or the last (`trailing`).",
    params: &[word("text"), text("part"), text("replacement"), optional(one_of("where", &words(&PLACES)))],
    returns: Type::Text,
    examples: &[
        example("replace('banana', 'a', 'o')", r#""bonono""#),
        example("replace('banana', 'a', 'o', 'leading')", r#""bonana""#),
        example("replace('banana', 'a', 'o', 'trailing')", r#""banano""#),
        fails("replace('a', 'a', 1)", "`replacement` must be text, found the number 1"),
        example("replace('abc', '', 'x')", r#""abc""#),
    ],
    call: |args| {
        let (text, part, new) = (args.word(0)?, args.text(1)?, args.text(2)?);
        if part.is_empty() {
            return Ok(text.into());
        }
        let parts = text.matches(&**part).count();
        args.budget.steps(parts)?;
        args.budget.charge(text.len().saturating_add(parts.saturating_mul(new.len())))?;
        let replaced = args.one_of_or(3, &PLACES, PLACES[0].1)?(&text, part, new);
        Ok(replaced.map_or_else(|| text.into(), Value::from))
    },
};

/// The text with `new` in the place of a part; `None` where the part is nowhere.
type Replace = fn(&str, &str, &str) -> Option<String>;

const PLACES: [(&str, Replace); 3] = [
    ("all", |text, part, new| Some(text.replace(part, new))),
    ("leading", |text, part, new| text.split_once(part).map(|(left, right)| [left, new, right].concat())),
    ("trailing", |text, part, new| text.rsplit_once(part).map(|(left, right)| [left, new, right].concat())),
];
