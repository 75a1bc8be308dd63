//! The function `hmac`.

use events::{Type, Value};
use hmac::{EagerHash, Hmac, KeyInit as _, Mac as _};

use super::hash::hex;
use crate::functions::Function;
use crate::functions::function::{data, example, fails, text};

/// The algorithms, for the message to who asks for another.
const ALGORITHMS: &str = "one of md5, sha, sha1, sha224, sha256, sha384, sha512";

pub(super) const HMAC: Function = Function {
    name: "hmac",
    doc: "A keyed digest (RFC 2104) in hexadecimal digits, by the name of its algorithm: `md5`, `sha`, `sha1`, `sha224`, `sha256`, `sha384`, `sha512`. `base64_encode(hexstr2bin(...))` makes base 64 of it.",
    params: &[text("algorithm"), data("key"), data("data")],
    returns: Type::Text,
    examples: &[
        example(
            "hmac('sha256', 'key', 'The quick brown fox jumps over the lazy dog')",
            r#""f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8""#,
        ),
        example("hmac('md5', '', '')", r#""74e6f7298a9c2d168935f58c001bad88""#),
        fails("hmac('crc32', 'k', 'x')", "`algorithm` must be one of md5, sha, sha1"),
    ],
    call: |args| {
        let (key, data) = (args.data(1)?, args.data(2)?);
        match &**args.text(0)? {
            "md5" => Ok(keyed::<md5::Md5>(key, data)),
            "sha" | "sha1" => Ok(keyed::<sha1::Sha1>(key, data)),
            "sha224" => Ok(keyed::<sha2::Sha224>(key, data)),
            "sha256" => Ok(keyed::<sha2::Sha256>(key, data)),
            "sha384" => Ok(keyed::<sha2::Sha384>(key, data)),
            "sha512" => Ok(keyed::<sha2::Sha512>(key, data)),
            _ => Err(args.out_of_range(0, ALGORITHMS)),
        }
    },
};

fn keyed<D: EagerHash>(key: &[u8], data: &[u8]) -> Value {
    let mut mac = Hmac::<D>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(data);
    hex(&mac.finalize().into_bytes())
}
