//! Signers of tokens, made by `openssl`.

use std::process::Command;

use jsonwebtoken::{Algorithm, EncodingKey};

/// A key pair.
pub(crate) struct Signer {
    pub(crate) key: EncodingKey,
    pub(crate) public_pem: String,
}

/// A new key pair for an algorithm.
pub(crate) fn signer(algorithm: Algorithm) -> Signer {
    let is_curve = matches!(algorithm, Algorithm::ES256 | Algorithm::ES384);
    let options: &[&str] = if algorithm == Algorithm::ES256 {
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
    } else if algorithm == Algorithm::ES384 {
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]
    } else if algorithm == Algorithm::EdDSA {
        &["-algorithm", "ED25519"]
    } else {
        &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]
    };
    let dir = tempfile::tempdir().expect("a directory for the keys");
    let path = dir.path().join("key.pem");
    openssl(Command::new("openssl").arg("genpkey").args(options).arg("-out").arg(&path));
    let public_pem = openssl(Command::new("openssl").arg("pkey").arg("-in").arg(&path).arg("-pubout"));
    let private = std::fs::read(&path).expect("the key was written");
    let key = if is_curve {
        EncodingKey::from_ec_pem(&private)
    } else if algorithm == Algorithm::EdDSA {
        EncodingKey::from_ed_pem(&private)
    } else {
        EncodingKey::from_rsa_pem(&private)
    };
    Signer { key: key.expect("openssl writes PEM"), public_pem }
}

fn openssl(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{error}: install it with `apt-get install openssl`"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("openssl writes text")
}
