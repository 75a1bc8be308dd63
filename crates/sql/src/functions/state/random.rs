//! The function `random`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::example;

pub(super) const RANDOM: Function = Function {
    name: "random",
    doc: "A random number from 0 up to, and not, 1.",
    params: &[],
    returns: Type::Float,
    examples: &[example("random() < 1", "true"), example("floor(random())", "0")],
    call: |args| {
        #[expect(clippy::cast_precision_loss, reason = "53 bits are a float exactly")]
        let number = (args.budget.random() >> 11) as f64;
        Ok(Value::Float(number / (1u64 << 53) as f64))
    },
};
