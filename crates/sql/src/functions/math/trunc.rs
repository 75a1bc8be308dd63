//! The function `trunc`.

use events::Type;

use super::round::{DECIMALS_MAX, to_decimals};
use crate::functions::Function;
use crate::functions::function::{example, fails, int_in, number, optional};

pub(super) const TRUNC: Function = Function {
    name: "trunc",
    doc: "The number cut towards 0: to an integer, or to some decimals.",
    params: &[number("number"), optional(int_in("decimals", 0, DECIMALS_MAX))],
    returns: Type::Number,
    examples: &[
        example("trunc(-1.8)", "-1"),
        example("trunc(2.789, 2)", "2.78"),
        example("trunc(0.29, 2)", "0.29"),
        example("trunc(7, 2)", "7"),
        fails("trunc('x')", "`number` must be a number, found the text 'x'"),
    ],
    call: |args| to_decimals(args, f64::trunc, cut),
};

/// The shortest text of the number, without what is behind some decimals.
fn cut(number: f64, decimals: usize) -> String {
    let mut text = number.to_string();
    if let Some(point) = text.find('.') {
        text.truncate((point + 1 + decimals).min(text.len()));
    }
    text
}
