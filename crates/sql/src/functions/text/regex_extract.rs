//! The function `regex_extract`.

use events::{Type, Value};
use regex::Match;

use crate::functions::Function;
use crate::functions::function::{example, regex, word};

pub(super) const REGEX_EXTRACT: Function = Function {
    name: "regex_extract",
    doc: "The groups of the first match, without the match itself; an empty list where there is none. A group that took no part is empty text, and left out behind the last that did.",
    params: &[word("text"), regex("pattern")],
    returns: Type::List,
    examples: &[
        example("regex_extract('v=12;w=7', 'v=([0-9]+);w=([0-9]+)')", r#"["12","7"]"#),
        example("regex_extract('none', '([0-9]+)')", "[]"),
        example("regex_extract('a', '(x)?(a)(b)?')", r#"["","a"]"#),
    ],
    call: |args| {
        let (text, pattern) = (args.word(0)?, args.regex(1)?);
        let Some(captures) = pattern.captures(&text) else { return Ok(Vec::new().into()) };
        let last = (1..captures.len()).rfind(|group| captures.get(*group).is_some()).unwrap_or(0);
        args.budget.steps(last)?;
        let group = |found: Option<Match<'_>>| Value::from(text.slice_ref(found.map_or("", |found| found.as_str())));
        Ok(captures.iter().take(last + 1).skip(1).map(group).collect::<Vec<_>>().into())
    },
};
