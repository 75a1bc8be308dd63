//! The function `md5`.

use events::Type;

use super::hash::hex_digest;
use crate::functions::Function;
use crate::functions::function::{data, example, fails};

pub(super) const MD5: Function = Function {
    name: "md5",
    doc: "The MD5 digest in hexadecimal digits.",
    params: &[data("data")],
    returns: Type::Text,
    examples: &[
        example("md5('plant')", r#""9ea0a36b3a20901fafe834eb519a595c""#),
        example("md5('')", r#""d41d8cd98f00b204e9800998ecf8427e""#),
        fails("md5(5)", "`data` must be text or bytes, found the number 5"),
    ],
    call: |args| Ok(hex_digest::<md5::Md5>(args.data(0)?)),
};
