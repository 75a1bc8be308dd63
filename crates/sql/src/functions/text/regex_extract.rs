//! The function `regex_extract`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{example, regex, word};

pub(super) const REGEX_EXTRACT: Function = Function {
    name: "regex_extract",
    doc: "The groups of the first match, without the match itself; an empty list where there is none.",
    params: &[word("text"), regex("pattern")],
    returns: Type::List,
    examples: &[
        example("regex_extract('v=12;w=7', 'v=([0-9]+);w=([0-9]+)')", r#"["12","7"]"#),
        example("regex_extract('none', '([0-9]+)')", "[]"),
    ],
    call: |args| {
        let (text, pattern) = (args.word(0)?, args.regex(1)?);
        let captures = pattern.captures(&text);
        let groups = captures.iter().flat_map(|captures| captures.iter().skip(1));
        Ok(groups.map(|group| Value::from(group.map_or("", |found| found.as_str()))).collect::<Vec<_>>().into())
    },
};
