//! The function `unzip`.

use events::Type;

use super::gunzip::inflate;
use crate::functions::Function;
use crate::functions::function::{data, example, fails};

pub(super) const UNZIP: Function = Function {
    name: "unzip",
    doc: "What deflate has compressed, without a header (RFC 1951).",
    params: &[data("data")],
    returns: Type::Bytes,
    examples: &[example("unzip(zip(''))", r#""""#), fails("unzip('xx')", "`data` must be compressed by deflate")],
    call: |args| inflate(args, flate2::read::DeflateDecoder::new(args.data(0)?), "deflate"),
};
