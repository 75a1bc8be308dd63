//! The function `bytesize`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{any, example, fails};

pub(super) const BYTESIZE: Function = Function {
    name: "bytesize",
    doc: "The number of bytes of a text or of bytes, or of a list of texts, bytes and numbers from 0 to 255.",
    params: &[any("data")],
    returns: Type::Int,
    examples: &[
        example("bytesize('é')", "2"),
        example("bytesize([1, 'ab', [3]])", "4"),
        fails("bytesize(5)", "`data` must be text, bytes or a list of them, found the number 5"),
    ],
    call: |args| {
        let size = size_of(args.value(0));
        let size = size.and_then(|size| i64::try_from(size).ok());
        size.map_or_else(|| args.wrong_type(0, "text, bytes or a list of them"), |size| Ok(Value::Int(size)))
    },
};

fn size_of(data: &Value) -> Option<usize> {
    match data {
        Value::Text(text) => Some(text.len()),
        Value::Bytes(bytes) => Some(bytes.len()),
        Value::List(items) => {
            items.iter().map(|item| if matches!(item, Value::Int(0..=255)) { Some(1) } else { size_of(item) }).sum()
        }
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::BigInt(_) | Value::Float(_) | Value::Map(_) => None,
    }
}
