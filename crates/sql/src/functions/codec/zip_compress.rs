//! The function `zip_compress`.

use std::io::Read;

use events::Type;

use super::gzip::finish;
use crate::functions::Function;
use crate::functions::function::{data, example};

pub(super) const ZIP_COMPRESS: Function = Function {
    name: "zip_compress",
    doc: "The data compressed as zlib does (RFC 1950).",
    params: &[data("data")],
    returns: Type::Bytes,
    examples: &[
        example("zip_uncompress(zip_compress('plant data'))", r#""plant data""#),
        example("left(bin2hexstr(zip_compress('x')), 4)", r#""789C""#),
    ],
    call: |args| {
        let mut out = Vec::new();
        let read = flate2::read::ZlibEncoder::new(args.data(0)?, flate2::Compression::default()).read_to_end(&mut out);
        finish(args, read, out)
    },
};
