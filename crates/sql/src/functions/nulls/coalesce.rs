//! The function `coalesce`.

use events::{Type, Value};

use crate::functions::function::{any, example, fails, rest};
use crate::functions::{Args, Fault, Function};

pub(super) const COALESCE: Function = Function {
    name: "coalesce",
    doc: "The first value that is not NULL; of the members of a list where there is one argument.",
    params: &[any("value"), rest(any("value"))],
    returns: Type::Any,
    examples: &[
        example("coalesce(null, 'd')", r#""d""#),
        example("coalesce([null, 7, 8])", "7"),
        example("coalesce('', 'd')", r#""""#),
        example("coalesce([])", "null"),
        example("coalesce(null, null, 3)", "3"),
        fails("coalesce(5)", "`value` must be a list, found the number 5"),
    ],
    call: |args| first(args, |value| !value.is_null()),
};

/// The first argument, or member of the only one, that will do.
pub(super) fn first(args: &Args<'_>, will_do: fn(&Value) -> bool) -> Result<Value, Fault> {
    let candidates = match args.given() {
        [_] => args.list(0)?,
        given => given,
    };
    Ok(candidates.iter().find(|value| will_do(value)).cloned().unwrap_or_default())
}
