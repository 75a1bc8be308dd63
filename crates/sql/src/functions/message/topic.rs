//! The function `topic`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{column, example, fails, int_from, optional};

pub(super) const TOPIC: Function = Function {
    name: "topic",
    doc: "The topic of the message, or the level of it with that number, from 1.",
    params: &[optional(int_from("level", 1)), column("topic")],
    returns: Type::Text,
    examples: &[
        example("topic()", r#""plant/1""#),
        example("topic(2)", r#""1""#),
        fails("topic(3)", "`level` must be a level of `plant/1`, found the number 3"),
        fails("topic(0)", "`level` must be an integer from 1 on, found the number 0"),
    ],
    call: |args| {
        let topic = args.column(0);
        if !args.has(0) {
            return Ok(topic.clone());
        }
        let text = topic.as_text().unwrap_or_default();
        let level = text.split(['/']).nth(args.count(0)? - 1);
        let level = level.ok_or_else(|| args.out_of_range(0, &format!("a level of `{text}`")))?;
        Ok(if let Value::Text(topic) = topic { Value::Text(topic.slice_ref(level)) } else { Value::from("") })
    },
};
