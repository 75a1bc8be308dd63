//! The function `find`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, optional, text, word};

pub(super) const FIND: Function = Function {
    name: "find",
    doc: "The text from the first (`leading`, the default) or the last (`trailing`) place of a part on; the empty text where it is nowhere.",
    params: &[word("text"), text("part"), optional(text("direction"))],
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
        let at = match args.text_or(2, "leading")? {
            "leading" => text.find(&**part),
            "trailing" if part.is_empty() => Some(0),
            "trailing" => text.rfind(&**part),
            _ => return Err(args.out_of_range(2, "`leading` or `trailing`")),
        };
        Ok(at.and_then(|at| text.get(at..)).map_or_else(|| "".into(), |rest| text.slice_ref(rest).into()))
    },
};
