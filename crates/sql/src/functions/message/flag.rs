//! The function `flag`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{column, example, fails, text};

pub(super) const FLAG: Function = Function {
    name: "flag",
    doc: "One of the flags of the message, such as `retain`; NULL where there is no such flag.",
    params: &[text("name"), column("flags")],
    returns: Type::Bool,
    examples: &[
        example("flag('retain')", "true"),
        example("flag('gone')", "null"),
        fails("flag(1)", "`name` must be text, found the number 1"),
    ],
    call: |args| {
        let name = args.text(0)?;
        Ok(args.column(0).as_map().and_then(|flags| flags.get(name)).cloned().unwrap_or_default())
    },
};
