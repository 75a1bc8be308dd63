//! The function `hexstr2bin`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{example, fails, optional, text};

pub(super) const HEXSTR2BIN: Function = Function {
    name: "hexstr2bin",
    doc: "The bytes that hexadecimal digits stand for; with a prefix, which has to be there, behind it.",
    params: &[text("digits"), optional(text("prefix"))],
    returns: Type::Bytes,
    examples: &[
        example("hexstr2bin('417A39')", r#""Az9""#),
        example("hexstr2bin('0x417A', '0x')", r#""Az""#),
        fails("hexstr2bin('4G')", "`digits` must be hexadecimal digits, found the text '4G'"),
        fails("hexstr2bin('417A', '0x')", "`digits` must be text that begins with `0x`, found the text '417A'"),
        example("bin2hexstr(hexstr2bin('f0a'))", r#""0F0A""#),
    ],
    call: |args| {
        let prefix = args.text_or(1, "")?;
        let digits = args.text(0)?.strip_prefix(prefix);
        let digits = digits.ok_or_else(|| args.out_of_range(0, &format!("text that begins with `{prefix}`")))?;
        let even = if digits.len() % 2 == 0 { digits.to_owned() } else { format!("0{digits}") };
        let byte = |pair: &[u8]| {
            let digit = |at: usize| pair.get(at).and_then(|byte| char::from(*byte).to_digit(16));
            u8::try_from(16 * digit(0)? + digit(1)?).ok()
        };
        let bytes: Option<Vec<u8>> = even.as_bytes().chunks(2).map(byte).collect();
        let bytes = bytes.ok_or_else(|| args.out_of_range(0, "hexadecimal digits"))?;
        Ok(Value::from_bytes(bytes.into()))
    },
};
