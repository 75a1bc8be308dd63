//! The function `tokens`.

use events::{Type, Value};

use super::split::PART_BYTES;
use crate::functions::Function;
use crate::functions::function::{example, fails, one_of, optional, text, word, words};

pub(super) const TOKENS: Function = Function {
    name: "tokens",
    doc: "Splits the text at every one of the characters; empty parts are dropped. `nocrlf` splits at line ends too.",
    params: &[word("text"), text("characters"), optional(one_of("option", &words(&OPTIONS)))],
    returns: Type::List,
    examples: &[
        example("tokens('a/b c//d', '/ ')", r#"["a","b","c","d"]"#),
        fails("tokens('a', ',', 'crlf')", "`option` must be `nocrlf`"),
        example(r#"tokens(concat('a,b', unescape('\r\nc')), ',', 'nocrlf')"#, r#"["a","b","c"]"#),
        example("tokens('abc', '')", r#"["abc"]"#),
    ],
    call: |args| {
        let (text, characters) = (args.word(0)?, args.text(1)?);
        let line_ends = args.one_of_or(2, &OPTIONS, false)?;
        args.budget.pairs(text.len(), characters.len())?;
        let mut parts: Vec<Value> = Vec::new();
        for part in text.split(|c| characters.contains(c) || (line_ends && matches!(c, '\r' | '\n'))) {
            if !part.is_empty() {
                args.budget.step()?;
                args.budget.charge(PART_BYTES)?;
                parts.push(text.slice_ref(part).into());
            }
        }
        Ok(parts.into())
    },
};

/// Whether line ends are among the characters.
const OPTIONS: [(&str, bool); 1] = [("nocrlf", true)];
