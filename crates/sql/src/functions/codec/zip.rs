//! The function `zip`.

use std::io::Read;

use events::Type;

use super::gzip::finish;
use crate::functions::Function;
use crate::functions::function::{data, example};

pub(super) const ZIP: Function = Function {
    name: "zip",
    doc: "The data compressed by deflate, without a header (RFC 1951).",
    params: &[data("data")],
    returns: Type::Bytes,
    examples: &[example("unzip(zip('plant data'))", r#""plant data""#), example("bin2hexstr(zip(''))", r#""0300""#)],
    call: |args| {
        let mut out = Vec::new();
        let read =
            flate2::read::DeflateEncoder::new(args.data(0)?, flate2::Compression::default()).read_to_end(&mut out);
        finish(args, read, out)
    },
};
