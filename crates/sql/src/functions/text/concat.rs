//! The function `concat`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{any, example, fails, rest};

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
        example("concat('a', hexstr2bin('ff'))", r#"{"$b64":"Yf8="}"#),
        fails("concat('a')", "`value` must be a list, found the text 'a'"),
    ],
    call: |args| {
        let values = match args.given() {
            [_] => args.list(0)?,
            given => given,
        };
        args.joined(values, "")
    },
};
