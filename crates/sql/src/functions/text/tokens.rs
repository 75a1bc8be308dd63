//! The function `tokens`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{example, fails, optional, text, word};

pub(super) const TOKENS: Function = Function {
    name: "tokens",
    doc: "Splits the text at every one of the characters; empty parts are dropped. `nocrlf` splits at line ends too.",
    params: &[word("text"), text("characters"), optional(text("option"))],
    returns: Type::List,
    examples: &[
        example("tokens('a/b c//d', '/ ')", r#"["a","b","c","d"]"#),
        fails("tokens('a', ',', 'crlf')", "`option` must be `nocrlf`"),
    ],
    call: |args| {
        let (text, characters) = (args.word(0)?, args.text(1)?);
        let line_ends = match args.text_or(2, "")? {
            "" => false,
            "nocrlf" => true,
            _ => return Err(args.out_of_range(2, "`nocrlf`")),
        };
        args.budget.charge(text.len())?;
        let parts = text.split(|c| characters.contains(c) || (line_ends && matches!(c, '\r' | '\n')));
        let parts: Vec<Value> = parts.filter(|part| !part.is_empty()).map(|part| text.slice_ref(part).into()).collect();
        args.budget.steps(parts.len())?;
        Ok(parts.into())
    },
};
