//! The function `hmac`.

use events::{Type, Value};
use hmac::{EagerHash, Hmac, KeyInit as _, Mac as _};

use super::hash::hex;
use crate::functions::Function;
use crate::functions::function::{data, example, fails, one_of, words};

pub(super) const HMAC: Function = Function {
    name: "hmac",
    doc: "A keyed digest (RFC 2104) in hexadecimal digits, by the name of its algorithm. `base64_encode(hexstr2bin(...))` makes base 64 of it.",
    params: &[one_of("algorithm", &words(&ALGORITHMS)), data("key"), data("data")],
    returns: Type::Text,
    examples: &[
        example(
            "hmac('sha256', 'key', 'The quick brown fox jumps over the lazy dog')",
            r#""f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8""#,
        ),
        example("hmac('md5', '', '')", r#""74e6f7298a9c2d168935f58c001bad88""#),
        fails("hmac('crc32', 'k', 'x')", "`algorithm` must be `md5`, `sha`, `sha1`"),
    ],
    call: |args| {
        let (key, data) = (args.data(1)?, args.data(2)?);
        Ok(args.one_of(0, &ALGORITHMS)?(key, data))
    },
};

/// The digest of data with a key.
type Keyed = fn(&[u8], &[u8]) -> Value;

const ALGORITHMS: [(&str, Keyed); 7] = [
    ("md5", keyed::<md5::Md5>),
    ("sha", keyed::<sha1::Sha1>),
    ("sha1", keyed::<sha1::Sha1>),
    ("sha224", keyed::<sha2::Sha224>),
    ("sha256", keyed::<sha2::Sha256>),
    ("sha384", keyed::<sha2::Sha384>),
    ("sha512", keyed::<sha2::Sha512>),
];

fn keyed<D: EagerHash>(key: &[u8], data: &[u8]) -> Value {
    let mut mac = Hmac::<D>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(data);
    hex(&mac.finalize().into_bytes())
}
