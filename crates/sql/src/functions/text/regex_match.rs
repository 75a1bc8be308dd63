//! The function `regex_match`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, regex, word};

pub(super) const REGEX_MATCH: Function = Function {
    name: "regex_match",
    doc: "Whether the regular expression fits somewhere in the text.",
    params: &[word("text"), regex("pattern")],
    returns: Type::Bool,
    examples: &[
        example("regex_match('sensor-12', '^[a-z]+-[0-9]+$')", "true"),
        example("regex_match('ABC', '(?i)b')", "true"),
        fails("regex_match('x', '(')", "is no regular expression"),
        example("regex_match('', '')", "true"),
        fails("regex_match(5, '5')", "`text` must be text, found the number 5"),
    ],
    call: |args| Ok(args.regex(1)?.is_match(&args.word(0)?).into()),
};
