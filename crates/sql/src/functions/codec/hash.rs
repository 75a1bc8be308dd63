//! The function `hash`.

use events::{Type, Value};
use sha2::digest::Digest;

use crate::functions::Function;
use crate::functions::function::{data, example, fails, text};

/// The algorithms, for the message to who asks for another.
const ALGORITHMS: &str =
    "one of md5, sha, sha1, sha224, sha256, sha384, sha512, sha3_224, sha3_256, sha3_384, sha3_512, blake2b, blake2s";

pub(super) const HASH: Function = Function {
    name: "hash",
    doc: "A digest in hexadecimal digits, by the name of its algorithm: `md5`, `sha`, `sha1`, `sha224`, `sha256`, `sha384`, `sha512`, `sha3_224`, `sha3_256`, `sha3_384`, `sha3_512`, `blake2b`, `blake2s`.",
    params: &[text("algorithm"), data("data")],
    returns: Type::Text,
    examples: &[
        example("hash('md5', '')", r#""d41d8cd98f00b204e9800998ecf8427e""#),
        fails("hash('md9', 'x')", "`algorithm` must be one of md5, sha, sha1, sha224"),
    ],
    call: |args| {
        let data = args.data(1)?;
        match &**args.text(0)? {
            "md5" => Ok(hex_digest::<md5::Md5>(data)),
            "sha" | "sha1" => Ok(hex_digest::<sha1::Sha1>(data)),
            "sha224" => Ok(hex_digest::<sha2::Sha224>(data)),
            "sha256" => Ok(hex_digest::<sha2::Sha256>(data)),
            "sha384" => Ok(hex_digest::<sha2::Sha384>(data)),
            "sha512" => Ok(hex_digest::<sha2::Sha512>(data)),
            "sha3_224" => Ok(hex_digest::<sha3::Sha3_224>(data)),
            "sha3_256" => Ok(hex_digest::<sha3::Sha3_256>(data)),
            "sha3_384" => Ok(hex_digest::<sha3::Sha3_384>(data)),
            "sha3_512" => Ok(hex_digest::<sha3::Sha3_512>(data)),
            "blake2b" => Ok(hex_digest::<blake2::Blake2b512>(data)),
            "blake2s" => Ok(hex_digest::<blake2::Blake2s256>(data)),
            _ => Err(args.out_of_range(0, ALGORITHMS)),
        }
    },
};

/// The digest of `data` in hexadecimal digits.
pub(super) fn hex_digest<D: Digest>(data: &[u8]) -> Value {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digest = D::digest(data);
    let digits = digest.iter().flat_map(|byte| [usize::from(byte >> 4), usize::from(byte & 15)]);
    digits.map(|digit| DIGITS[digit]).collect::<String>().into()
}
