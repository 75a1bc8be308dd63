//! The function `sqlserver_bin2hexstr`.

use events::Type;

use crate::functions::Function;
use crate::functions::bits::BitString;
use crate::functions::function::{data, example, fails};

pub(super) const SQLSERVER_BIN2HEXSTR: Function = Function {
    name: "sqlserver_bin2hexstr",
    doc: "The bytes as a literal of SQL Server: `0x` and hexadecimal digits in upper case.",
    params: &[data("data")],
    returns: Type::Text,
    examples: &[
        example("sqlserver_bin2hexstr('Az')", r#""0x417A""#),
        fails("sqlserver_bin2hexstr(5)", "`data` must be text or bytes, found the number 5"),
    ],
    call: |args| {
        let bits = BitString::of(args, 0)?;
        args.budget.charge(bits.len() / 2)?;
        let mut out = "0x".to_owned();
        bits.write_hex(&mut out);
        Ok(out.into())
    },
};
