//! The function `rm_prefix`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, text};

pub(super) const RM_PREFIX: Function = Function {
    name: "rm_prefix",
    doc: "The text without the prefix, where it begins with that.",
    params: &[text("text"), text("prefix")],
    returns: Type::Text,
    examples: &[
        example("rm_prefix('pre-x', 'pre-')", r#""x""#),
        example("rm_prefix('aab', 'a')", r#""ab""#),
        example("rm_prefix('x', 'y')", r#""x""#),
        example("rm_prefix('x', '')", r#""x""#),
        fails("rm_prefix(5, 'x')", "`text` must be text, found the number 5"),
    ],
    call: |args| {
        let text = args.text(0)?;
        Ok(text.strip_prefix(&**args.text(1)?).map_or_else(|| text.clone(), |rest| text.slice_ref(rest)).into())
    },
};
