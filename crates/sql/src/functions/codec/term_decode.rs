//! The function `term_decode`.

use events::Type;

use super::term;
use crate::functions::Function;
use crate::functions::function::{data, example, fails};

pub(super) const TERM_DECODE: Function = Function {
    name: "term_decode",
    doc: "The value of data in the external term format of Erlang.",
    params: &[data("data")],
    returns: Type::Any,
    examples: &[
        example("term_decode(term_encode([1, 'x']))", r#"[1,"x"]"#),
        fails("term_decode('zz')", "`data` must be in the external term format"),
    ],
    call: |args| {
        let data = args.data(0)?;
        args.budget.charge(data.len())?;
        term::read_whole(data, args.budget)?.ok_or_else(|| args.out_of_range(0, "in the external term format"))
    },
};
