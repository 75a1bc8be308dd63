//! The function `coalesce_ne`.

use events::{Type, Value};

use super::coalesce::first;
use crate::functions::Function;
use crate::functions::function::{any, example, rest};

pub(super) const COALESCE_NE: Function = Function {
    name: "coalesce_ne",
    doc: "The first value that is neither NULL nor empty: no empty text and no empty list; of the members of a list where there is one argument.",
    params: &[any("value"), rest(any("value"))],
    returns: Type::Any,
    examples: &[
        example("coalesce_ne('', 'd')", r#""d""#),
        example("coalesce_ne(['', null, 'x'])", r#""x""#),
        example("coalesce_ne(0, 1)", "0"),
        example("coalesce_ne([], [1])", "[1]"),
    ],
    call: |args| {
        first(args, |value| match value {
            Value::Null => false,
            Value::Text(text) => !text.is_empty(),
            Value::List(items) => !items.is_empty(),
            _ => true,
        })
    },
};
