//! The function `join_to_string`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{any, example, fails, list, optional};

pub(super) const JOIN_TO_STRING: Function = Function {
    name: "join_to_string",
    doc: "The texts of the members of a list with a separator between them, `, ` where none is given. NULL is empty text.",
    params: &[any("separator or list"), optional(list("list"))],
    returns: Type::Text,
    examples: &[
        example("join_to_string(['a', 1, true])", r#""a, 1, true""#),
        example("join_to_string('-', ['a', null, 2])", r#""a--2""#),
        fails("join_to_string('a')", "`separator or list` must be a list, found the text 'a'"),
        example("join_to_string([])", r#""""#),
        example("join_to_string('|', [{'k': 1}, [2]])", r#""{\"k\":1}|[2]""#),
    ],
    call: |args| {
        let (separator, items) = if args.has(1) { (&**args.text(0)?, args.list(1)?) } else { (", ", args.list(0)?) };
        args.joined(items, separator)
    },
};
