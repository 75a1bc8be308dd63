//! The function `sha`.

use events::Type;

use super::hash::hex_digest;
use crate::functions::Function;
use crate::functions::function::{data, example, fails};

pub(super) const SHA: Function = Function {
    name: "sha",
    doc: "The SHA-1 digest in hexadecimal digits.",
    params: &[data("data")],
    returns: Type::Text,
    examples: &[
        example("sha('plant')", r#""baf0bf92eb79156bdc34cddba390e31738b942f1""#),
        fails("sha(null)", "`data` must be text or bytes, found NULL"),
    ],
    call: |args| Ok(hex_digest::<sha1::Sha1>(args.data(0)?)),
};
