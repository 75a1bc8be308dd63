//! The function `base64_decode`.

use base64::Engine;
use events::{Type, Value};

use super::base64_encode::{OPTION, engine};
use crate::functions::Function;
use crate::functions::function::{data, example, fails, rest};

pub(super) const BASE64_DECODE: Function = Function {
    name: "base64_decode",
    doc: "The data of base 64; white space counts for nothing. `'urlsafe'` and `'no_padding'` may be asked for.",
    params: &[data("text"), rest(OPTION)],
    returns: Type::Bytes,
    examples: &[
        example("base64_decode('cGxhbnQ/Pg==')", r#""plant?>""#),
        example("base64_decode('cGxh bnQ', 'no_padding')", r#""plant""#),
        fails("base64_decode('cGxhbnQ')", "`text` must be base 64, found the text 'cGxhbnQ'"),
        fails("base64_decode('!!!!')", "`text` must be base 64, found the text '!!!!'"),
    ],
    call: |args| {
        let text: Vec<u8> = args.data(0)?.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
        args.budget.charge(text.len())?;
        let data = engine(args)?.decode(text).map_err(|_| args.out_of_range(0, "base 64"))?;
        Ok(Value::from_bytes(data.into()))
    },
};
