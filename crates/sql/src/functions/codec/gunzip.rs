//! The function `gunzip`.

use std::io::Read;

use events::{Type, Value};

use crate::functions::function::{data, example, fails};
use crate::functions::{Args, Fault, Function};

pub(super) const GUNZIP: Function = Function {
    name: "gunzip",
    doc: "What gzip has compressed (RFC 1952).",
    params: &[data("data")],
    returns: Type::Bytes,
    examples: &[example("gunzip(gzip(''))", r#""""#), fails("gunzip('not gzip')", "`data` must be compressed by gzip")],
    call: |args| inflate(args, flate2::read::GzDecoder::new(args.data(0)?), "gzip"),
};

/// Reads what was compressed, no more than the evaluation may hold.
pub(super) fn inflate(args: &Args<'_>, reader: impl Read, format: &str) -> Result<Value, Fault> {
    let left = args.budget.bytes_left();
    let mut out = Vec::new();
    let limit = u64::try_from(left).unwrap_or(u64::MAX).saturating_add(1);
    let read = reader.take(limit).read_to_end(&mut out);
    args.budget.charge(out.len())?;
    match read {
        Ok(_) => Ok(Value::from_bytes(out.into())),
        Err(_) => Err(args.out_of_range(0, &format!("compressed by {format}"))),
    }
}
