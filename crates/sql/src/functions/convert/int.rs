//! The function `int`.

use events::{Type, Value};

use super::float::number_in;
use crate::functions::Function;
use crate::functions::function::{any, example, fails};
use crate::values::arithmetic::big_of_float;

pub(super) const INT: Function = Function {
    name: "int",
    doc: "The integer of a number, of the text of one, or of a boolean; the next lower one where there is a fraction.",
    params: &[any("value")],
    returns: Type::Int,
    examples: &[
        example("int('5.9')", "5"),
        example("int(-5.1)", "-6"),
        example("int(true)", "1"),
        example("int('1e3')", "1000"),
        fails("int('abc')", "`value` must be a number or the text of one, found the text 'abc'"),
        example("int('+4')", "4"),
        fails("int('')", "`value` must be a number or the text of one, found the text ''"),
        fails("int(null)", "found NULL"),
    ],
    call: |args| match number_in(args.value(0)) {
        Some(Value::Float(number)) => {
            big_of_float(number.floor()).map(Value::from_big).ok_or_else(|| args.out_of_range(0, "a finite number"))
        }
        Some(number) => Ok(number),
        None => match args.value(0) {
            Value::Bool(flag) => Ok(Value::Int((*flag).into())),
            _ => args.wrong_type(0, "a number or the text of one"),
        },
    },
};
