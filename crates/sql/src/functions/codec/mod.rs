//! Digests, compression, encodings.

mod base64_decode;
mod base64_encode;
mod gunzip;
mod gzip;
mod hash;
mod hmac;
mod jq;
mod json_decode;
mod json_encode;
mod md5;
mod sha;
mod sha256;
mod term;
mod term_decode;
mod term_encode;
mod unzip;
mod zip;
mod zip_compress;
mod zip_uncompress;

use super::Function;

/// The functions of this folder.
pub(super) const ALL: &[&Function] = &[
    &base64_decode::BASE64_DECODE,
    &base64_encode::BASE64_ENCODE,
    &gunzip::GUNZIP,
    &gzip::GZIP,
    &hash::HASH,
    &hmac::HMAC,
    &jq::JQ,
    &json_decode::JSON_DECODE,
    &json_encode::JSON_ENCODE,
    &md5::MD5,
    &sha256::SHA256,
    &sha::SHA,
    &term_decode::TERM_DECODE,
    &term_encode::TERM_ENCODE,
    &unzip::UNZIP,
    &zip::ZIP,
    &zip_compress::ZIP_COMPRESS,
    &zip_uncompress::ZIP_UNCOMPRESS,
];
