//! The function `term_encode`.

use events::{Type, Value};

use super::term;
use crate::functions::Function;
use crate::functions::function::{any, example};

pub(super) const TERM_ENCODE: Function = Function {
    name: "term_encode",
    doc: "The value in the external term format of Erlang.",
    params: &[any("value")],
    returns: Type::Bytes,
    examples: &[
        example("bin2hexstr(term_encode('ab'))", r#""836D000000026162""#),
        example("bin2hexstr(term_encode([1, 2]))", r#""836B00020102""#),
        example(
            "bin2hexstr(term_encode({'b': 1, 'a': true}))",
            r#""8374000000026D00000001617704747275656D00000001626101""#,
        ),
        example("term_decode(term_encode({'k': [1, -2.5, true]}))", r#"{"k":[1,-2.5,true]}"#),
    ],
    call: |args| {
        let mut out = vec![term::VERSION];
        term::write(args.value(0), &mut out);
        args.budget.charge(out.len())?;
        Ok(Value::from_bytes(out.into()))
    },
};
