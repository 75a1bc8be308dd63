//! The function `sha256`.

use events::Type;

use super::hash::hex_digest;
use crate::functions::Function;
use crate::functions::function::{data, example, fails};

pub(super) const SHA256: Function = Function {
    name: "sha256",
    doc: "The SHA-256 digest in hexadecimal digits.",
    params: &[data("data")],
    returns: Type::Text,
    examples: &[
        example("sha256('')", r#""e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855""#),
        fails("sha256([1])", "`data` must be text or bytes, found list"),
    ],
    call: |args| Ok(hex_digest::<sha2::Sha256>(args.data(0)?)),
};
