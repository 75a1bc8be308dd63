//! The function `json_encode`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{any, example};

pub(super) const JSON_ENCODE: Function = Function {
    name: "json_encode",
    doc: "The value as JSON text.",
    params: &[any("value")],
    returns: Type::Text,
    examples: &[
        example("json_encode({'a': [1, null]})", r#""{\"a\":[1,null]}""#),
        example("json_encode(null)", r#""null""#),
        example("json_encode(1.0)", r#""1.0""#),
        example(r#"json_encode('é"')"#, r#""\"é\\\"\"""#),
    ],
    call: |args| {
        let json = args.value(0).to_json();
        args.budget.charge(json.len())?;
        Ok(json.into())
    },
};
