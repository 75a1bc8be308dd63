//! The function `bin2hexstr`.

use events::Type;

use crate::functions::Function;
use crate::functions::bits::BitString;
use crate::functions::function::{any, example, fails, optional, text};

pub(super) const BIN2HEXSTR: Function = Function {
    name: "bin2hexstr",
    doc: "The bytes as hexadecimal digits in upper case, perhaps after a prefix.",
    params: &[any("data"), optional(text("prefix"))],
    returns: Type::Text,
    examples: &[
        example("bin2hexstr('Az9')", r#""417A39""#),
        example("bin2hexstr('Az', '0x')", r#""0x417A""#),
        fails("bin2hexstr('a', 5)", "`prefix` must be text, found the number 5"),
        example("bin2hexstr(subbits('AB', 1, 12, 'bits'))", r#""414""#),
    ],
    call: |args| {
        let bits = BitString::of(args, 0)?;
        args.budget.charge(bits.len() / 2)?;
        let mut out = args.text_or(1, "")?.to_owned();
        bits.write_hex(&mut out);
        Ok(out.into())
    },
};
