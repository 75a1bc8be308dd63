//! The function `gzip`.

use std::io::Read;

use events::{Type, Value};

use crate::functions::function::{data, example, fails};
use crate::functions::{Args, Fault, Function};

pub(super) const GZIP: Function = Function {
    name: "gzip",
    doc: "The data compressed as gzip does (RFC 1952).",
    params: &[data("data")],
    returns: Type::Bytes,
    examples: &[
        example("gunzip(gzip('plant data'))", r#""plant data""#),
        example("left(bin2hexstr(gzip('x')), 6)", r#""1F8B08""#),
        fails("gzip(5)", "`data` must be text or bytes, found the number 5"),
    ],
    call: |args| {
        let mut out = Vec::new();
        let read = flate2::read::GzEncoder::new(args.data(0)?, flate2::Compression::default()).read_to_end(&mut out);
        finish(args, read, out)
    },
};

/// What a compressor has made.
pub(super) fn finish(args: &Args<'_>, read: std::io::Result<usize>, out: Vec<u8>) -> Result<Value, Fault> {
    args.budget.charge(out.len())?;
    read.map_err(|error| Fault::from(format!("the data cannot be compressed: {error}")))?;
    Ok(Value::from_bytes(out.into()))
}
