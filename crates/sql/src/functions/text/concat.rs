//! The function `concat`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{any, example, fails, rest};
use crate::values::text::text_of;

pub(super) const CONCAT: Function = Function {
    name: "concat",
    doc: "The texts of the values one after the other; of the members of a list where there is one argument. NULL is empty text.",
    params: &[any("value"), rest(any("value"))],
    returns: Type::Text,
    examples: &[
        example("concat('a', 1)", r#""a1""#),
        example("concat(['a', 1, true])", r#""a1true""#),
        example("concat('a', null)", r#""a""#),
        example("concat([])", r#""""#),
        example("concat(1, 2.5)", r#""12.5""#),
        fails("concat('a')", "`value` must be a list, found the text 'a'"),
    ],
    call: |args| {
        let values = match args.given() {
            [_] => args.list(0)?,
            given => given,
        };
        let known = |value: &Value| value.as_text().map_or(0, str::len);
        let room: usize = values.iter().map(known).sum();
        let mut out = String::with_capacity(room.min(args.budget.bytes_left()));
        for value in values {
            let text = text_of(value);
            args.budget.charge(text.len())?;
            out.push_str(&text);
        }
        Ok(out.into())
    },
};
