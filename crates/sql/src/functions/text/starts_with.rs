//! The function `starts_with`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, text, word};

pub(super) const STARTS_WITH: Function = Function {
    name: "starts_with",
    doc: "Whether the text begins with the prefix.",
    params: &[word("text"), text("prefix")],
    returns: Type::Bool,
    examples: &[
        example("starts_with('pump-17', 'pump-')", "true"),
        example("starts_with('pump-17', '17')", "false"),
        fails("starts_with(null, 'a')", "`text` must be text, found NULL"),
    ],
    call: |args| Ok(args.word(0)?.starts_with(&**args.text(1)?).into()),
};
