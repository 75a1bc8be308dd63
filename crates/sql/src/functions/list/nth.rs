//! The function `nth`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, int_from, list};

pub(super) const NTH: Function = Function {
    name: "nth",
    doc: "The element of a list with that number, from 1.",
    params: &[int_from("number", 1), list("list")],
    returns: Type::Any,
    examples: &[
        example("nth(1, ['a', 'b'])", r#""a""#),
        fails("nth(4, [1, 2, 3])", "`number` must be from 1 to 3, found the number 4"),
        fails("nth(-1, [1])", "`number` must be an integer from 1 on, found the number -1"),
        fails("nth('1', [1])", "`number` must be an integer from 1 on, found the text '1'"),
    ],
    call: |args| {
        let items = args.list(1)?;
        let element = items.get(args.count(0)? - 1);
        element.cloned().ok_or_else(|| args.out_of_range(0, &format!("from 1 to {}", items.len())))
    },
};
