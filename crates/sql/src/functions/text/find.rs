//! The function `find`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, one_of, optional, text, word, words};

pub(super) const FIND: Function = Function {
    name: "find",
    doc: "The text from the first (`leading`, the default) or the last (`trailing`) place of a part on; the empty text where it is nowhere.",
    params: &[word("text"), text("part"), optional(one_of("direction", &words(&DIRECTIONS)))],
    returns: Type::Text,
    examples: &[
        example("find('path/to/x', '/')", r#""/to/x""#),
        example("find('path/to/x', '/', 'trailing')", r#""/x""#),
        example("find('abc', 'z')", r#""""#),
        example("find('abc', '')", r#""abc""#),
        fails("find(12, '1')", "`text` must be text, found the number 12"),
    ],
    call: |args| {
        let (text, part) = (args.word(0)?, args.text(1)?);
        let at = args.one_of_or(2, &DIRECTIONS, DIRECTIONS[0].1)?(&text, part);
        Ok(at.and_then(|at| text.get(at..)).map_or_else(|| "".into(), |rest| text.slice_ref(rest).into()))
    },
};

/// Where the part is in the text.
type Place = fn(&str, &str) -> Option<usize>;

const DIRECTIONS: [(&str, Place); 2] = [
    ("leading", |text, part| text.find(part)),
    // The empty text is everywhere, so the last place where it is leaves nothing; all of the text is meant.
    ("trailing", |text, part| if part.is_empty() { Some(0) } else { text.rfind(part) }),
];
