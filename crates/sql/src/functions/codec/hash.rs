//! The function `hash`.

use bytestring::ByteString;
use events::{Type, Value};
use sha2::digest::{Digest, ExtendableOutput, Update};

use crate::functions::Function;
use crate::functions::function::{any, example, fails, one_of, words};

pub(super) const HASH: Function = Function {
    name: "hash",
    doc: "A digest in hexadecimal digits, by the name of its algorithm. `shake128` gives 16 bytes, `shake256` 32.",
    params: &[one_of("algorithm", &words(&ALGORITHMS)), any("data")],
    returns: Type::Text,
    examples: &[
        example("hash('md5', '')", r#""d41d8cd98f00b204e9800998ecf8427e""#),
        example("hash('md4', '')", r#""31d6cfe0d16ae931b73c59d7e0c089c0""#),
        example("hash('ripemd160', '')", r#""9c1185a5c5e9fc54612808977ee8f548b2258d31""#),
        example("hash('shake128', '')", r#""7f9c2ba4e88f827d616045507605853e""#),
        example("hash('shake256', '')", r#""46b9dd2b0ba88d13233b3feb743eeb243fcd52ea62b81b82b50c27646ed5762f""#),
        example("hash('sm3', 'abc')", r#""66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0""#),
        example("hash('md5', true)", r#""b326b5062b2f0e69046810717534cb09""#),
        fails("hash('md5', 5)", "`data` must be text or bytes, found the number 5"),
        fails("hash('md9', 'x')", "`algorithm` must be `md4`, `md5`, `ripemd160`, `sha`, `sha1`"),
    ],
    call: |args| {
        let text = match args.value(1) {
            Value::Bool(_) => args.word(1)?,
            _ => ByteString::new(),
        };
        let data = if text.is_empty() { args.data(1)? } else { text.as_bytes() };
        Ok(args.one_of(0, &ALGORITHMS)?(data))
    },
};

type Digester = fn(&[u8]) -> Value;

const ALGORITHMS: [(&str, Digester); 18] = [
    ("md4", hex_digest::<md4::Md4>),
    ("md5", hex_digest::<md5::Md5>),
    ("ripemd160", hex_digest::<ripemd::Ripemd160>),
    ("sha", hex_digest::<sha1::Sha1>),
    ("sha1", hex_digest::<sha1::Sha1>),
    ("sha224", hex_digest::<sha2::Sha224>),
    ("sha256", hex_digest::<sha2::Sha256>),
    ("sha384", hex_digest::<sha2::Sha384>),
    ("sha512", hex_digest::<sha2::Sha512>),
    ("sha3_224", hex_digest::<sha3::Sha3_224>),
    ("sha3_256", hex_digest::<sha3::Sha3_256>),
    ("sha3_384", hex_digest::<sha3::Sha3_384>),
    ("sha3_512", hex_digest::<sha3::Sha3_512>),
    ("shake128", hex_output::<shake::Shake128, 16>),
    ("shake256", hex_output::<shake::Shake256, 32>),
    ("blake2b", hex_digest::<blake2::Blake2b512>),
    ("blake2s", hex_digest::<blake2::Blake2s256>),
    ("sm3", hex_digest::<sm3::Sm3>),
];

/// The digest of `data` in hexadecimal digits.
pub(super) fn hex_digest<D: Digest>(data: &[u8]) -> Value {
    hex(&D::digest(data))
}

/// The first bytes of an output without an end, in hexadecimal digits.
fn hex_output<D: Default + Update + ExtendableOutput, const LEN: usize>(data: &[u8]) -> Value {
    let mut out = [0; LEN];
    let mut state = D::default();
    state.update(data);
    state.finalize_xof_into(&mut out);
    hex(&out)
}

/// Bytes in hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> Value {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digits = bytes.iter().flat_map(|byte| [usize::from(byte >> 4), usize::from(byte & 15)]);
    digits.map(|digit| DIGITS[digit]).collect::<String>().into()
}
