//! The function `zip_uncompress`.

use events::Type;

use super::gunzip::inflate;
use crate::functions::Function;
use crate::functions::function::{data, example, fails};

pub(super) const ZIP_UNCOMPRESS: Function = Function {
    name: "zip_uncompress",
    doc: "What zlib has compressed (RFC 1950).",
    params: &[data("data")],
    returns: Type::Bytes,
    examples: &[
        example("zip_uncompress(zip_compress(''))", r#""""#),
        fails("zip_uncompress('xx')", "`data` must be compressed by zlib"),
    ],
    call: |args| inflate(args, flate2::read::ZlibDecoder::new(args.data(0)?), "zlib"),
};
