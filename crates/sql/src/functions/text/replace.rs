//! The function `replace`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{example, fails, optional, text, word};

pub(super) const REPLACE: Function = Function {
    name: "replace",
    doc: "The text with another in the place of a part: of `all` (the default), of the first (`leading`) or the last (`trailing`).",
    params: &[word("text"), text("part"), text("replacement"), optional(text("where"))],
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
        let once = |halves: Option<(&str, &str)>| halves.map(|(left, right)| [left, new, right].concat());
        let replaced = match args.text_or(3, "all")? {
            "all" => Some(text.replace(&**part, new)),
            "leading" => once(text.split_once(&**part)),
            "trailing" => once(text.rsplit_once(&**part)),
            _ => return Err(args.out_of_range(3, "`all`, `leading` or `trailing`")),
        };
        Ok(replaced.map_or_else(|| text.into(), Value::from))
    },
};
