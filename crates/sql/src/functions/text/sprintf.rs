//! The function `sprintf`.

use events::Type;

use super::format::format;
use crate::functions::Function;
use crate::functions::function::{any, example, fails, rest, text};

pub(super) const SPRINTF: Function = Function {
    name: "sprintf",
    doc: "The format with its directives filled in: `~s` text, `~p` and `~w` any value, `~B` an integer, `~.2f` a float, `~~` a tilde, `~n` a line end.",
    params: &[text("format"), rest(any("value"))],
    returns: Type::Text,
    examples: &[
        example("sprintf('~s has ~B, ~.2f', 'x', 5, 1.5)", r#""x has 5, 1.50""#),
        example("sprintf('~2..0B', 7)", r#""07""#),
        fails("sprintf('~z', 1)", "`format` must be a format"),
        fails("sprintf('~s')", "the format wants more values than the 0 that are given"),
    ],
    call: |args| format(args, args.given().get(1..).unwrap_or_default()),
};
