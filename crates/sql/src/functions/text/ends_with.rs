//! The function `ends_with`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, text, word};

pub(super) const ENDS_WITH: Function = Function {
    name: "ends_with",
    doc: "Whether the text ends with the suffix.",
    params: &[word("text"), text("suffix")],
    returns: Type::Bool,
    examples: &[example("ends_with('pump-17', '-17')", "true"), example("ends_with('pump-17', 'pump')", "false")],
    call: |args| Ok(args.word(0)?.ends_with(&**args.text(1)?).into()),
};
