//! The function `sprintf_s`.

use events::Type;

use super::format::format;
use crate::functions::Function;
use crate::functions::function::{example, fails, list, text};

pub(super) const SPRINTF_S: Function = Function {
    name: "sprintf_s",
    doc: "The format with its directives filled in from a list; see `sprintf`.",
    params: &[text("format"), list("values")],
    returns: Type::Text,
    examples: &[
        example("sprintf_s('~s:~p', ['k', 9])", r#""k:9""#),
        fails("sprintf_s('~s', [])", "the format wants more values than the 0 that are given"),
    ],
    call: |args| format(args, args.list(1)?),
};
