//! Tokens that real signers make: each algorithm, keys that come from a server, keys that change.

use crate::support::{self, Answers, HttpServer, signer};
use auth::{
    AuthenticatorKind, AuthenticatorOptions, Credentials, Decision, HttpClientOptions, JwtOptions, KeyOptions,
    OnFailure, Verdict,
};
use events::{ConnackReason, Timestamp};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

const AT: Timestamp = Timestamp(1_700_000_000_000);

fn keys(change: impl FnOnce(&mut KeyOptions)) -> auth::Auth {
    let mut keys = KeyOptions { jwks_refresh_s: 3600, ..KeyOptions::default() };
    change(&mut keys);
    let kind = AuthenticatorKind::Jwt(Box::new(JwtOptions { keys, ..JwtOptions::default() }));
    support::open(vec![("token".to_owned(), AuthenticatorOptions { on_failure: OnFailure::Deny, kind })])
}

fn token(algorithm: Algorithm, key_id: Option<&str>, key: &EncodingKey) -> String {
    let header = Header { kid: key_id.map(String::from), ..Header::new(algorithm) };
    encode(&header, &json!({"sub": "ann", "exp": 1_700_000_060}), key).unwrap()
}

fn credentials(token: &str) -> Credentials<'_> {
    Credentials {
        client_id: "c1",
        username: None,
        password: Some(token.as_bytes()),
        peer: "10.0.0.1:5".parse().unwrap(),
        listener: "default",
        certificate: None,
        at: AT,
    }
}

fn name(decision: &Decision) -> &str {
    match &decision.verdict {
        Verdict::Allow(identity) => identity.username.as_deref().unwrap_or("nobody"),
        Verdict::Deny(reason) => reason.name(),
    }
}

#[tokio::test]
async fn tokens_of_every_algorithm_are_checked_by_the_key_of_their_signer() {
    for algorithm in [
        Algorithm::RS256,
        Algorithm::RS384,
        Algorithm::RS512,
        Algorithm::PS256,
        Algorithm::PS384,
        Algorithm::PS512,
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::EdDSA,
    ] {
        let (ours, theirs) = (signer(algorithm), signer(algorithm));
        let auth = keys(|keys| keys.public_key_pem = Some(ours.public_pem.clone()));
        let decision = auth.check_fast(&credentials(&token(algorithm, None, &ours.key))).unwrap();
        assert_eq!((name(&decision), &*decision.decided_by), ("ann", "token"), "{algorithm:?}");
        let decision = auth.check(&credentials(&token(algorithm, None, &theirs.key))).await;
        assert_eq!((name(&decision), &*decision.decided_by), ("bad_username_or_password", "none"), "{algorithm:?}");
        assert_eq!(decision.why.as_deref(), Some("token: the signature of the token is of no known key"));
    }
    for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        let auth = keys(|keys| keys.secret = Some("c2VjcmV0".to_owned().into()));
        let of = |secret: &[u8]| token(algorithm, None, &EncodingKey::from_secret(secret));
        assert_eq!(name(&auth.check(&credentials(&of(b"c2VjcmV0"))).await), "ann");
        assert_eq!(name(&auth.check(&credentials(&of(b"secret"))).await), "bad_username_or_password");
    }
    let auth = keys(|keys| {
        keys.secret = Some("c2VjcmV0".to_owned().into());
        keys.secret_is_base64 = true;
    });
    let token = token(Algorithm::HS256, None, &EncodingKey::from_secret(b"secret"));
    assert_eq!(name(&auth.check(&credentials(&token)).await), "ann");
}

/// An attacker signs with the public key as if it were a secret, or not at all.
#[tokio::test]
async fn a_public_key_is_no_secret_and_no_signature_is_none() {
    let ours = signer(Algorithm::RS256);
    let auth = keys(|keys| keys.public_key_pem = Some(ours.public_pem.clone()));
    let forged = token(Algorithm::HS256, None, &EncodingKey::from_secret(ours.public_pem.as_bytes()));
    assert_eq!(name(&auth.check(&credentials(&forged)).await), "bad_username_or_password");
    let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4iLCJleHAiOjE3MDAwMDAwNjB9.";
    assert_eq!(name(&auth.check(&credentials(unsigned)).await), "bad_username_or_password");
    let only_es = keys(|keys| {
        keys.public_key_pem = Some(ours.public_pem.clone());
        keys.algorithms = vec!["PS256".to_owned()];
    });
    let decision = only_es.check(&credentials(&token(Algorithm::RS256, None, &ours.key))).await;
    assert_eq!(decision.why.as_deref(), Some("token: tokens signed with RS256 are not taken"));
}

fn key_set(keys: &[(&str, &support::Signer, Algorithm)]) -> String {
    let keys: Vec<Value> = keys
        .iter()
        .map(|(id, signer, algorithm)| {
            let mut jwk = Jwk::from_encoding_key(&signer.key, *algorithm).unwrap();
            jwk.common.key_id = Some((*id).to_owned());
            serde_json::to_value(jwk).unwrap()
        })
        .chain([json!({"kty": "oct", "k": "c2VjcmV0", "kid": "shown"}), json!({"kty": "odd"})])
        .collect();
    json!({ "keys": keys }).to_string()
}

#[tokio::test]
async fn keys_come_from_their_server_and_stay_when_it_is_away() {
    let (first, second) = (signer(Algorithm::ES256), signer(Algorithm::RS256));
    let server = HttpServer::start(Answers::json(key_set(&[("one", &first, Algorithm::ES256)]))).await;
    let auth = keys(|keys| {
        keys.jwks_url = Some(server.url("/keys"));
        keys.client = HttpClientOptions { timeout_ms: 2_000, ..HttpClientOptions::default() };
    });
    let of_first = token(Algorithm::ES256, Some("one"), &first.key);
    assert_eq!(auth.check_fast(&credentials(&of_first)), None, "the keys are not there yet");
    assert_eq!(name(&auth.check(&credentials(&of_first)).await), "ann");
    assert!(auth.check_fast(&credentials(&of_first)).is_some());

    // The server shows another key; a token that names it is not looked for at once, because one look was just now.
    server.answer(Answers::json(key_set(&[("two", &second, Algorithm::RS256)])));
    let of_second = token(Algorithm::RS256, Some("two"), &second.key);
    assert_eq!(name(&auth.check(&credentials(&of_second)).await), "bad_username_or_password");
    assert_eq!(server.requests().len(), 1, "anybody can send such tokens");
    let shown = token(Algorithm::HS256, Some("shown"), &EncodingKey::from_secret(b"secret"));
    assert_eq!(
        name(&auth.check(&credentials(&shown)).await),
        "bad_username_or_password",
        "a secret that is shown is none"
    );
    server.answer(Answers::status(500));
    assert_eq!(name(&auth.check(&credentials(&of_first)).await), "ann");
}

#[tokio::test]
async fn without_keys_a_client_is_told_to_come_again_later() {
    let server = HttpServer::start(Answers::status(503)).await;
    let auth = keys(|keys| keys.jwks_url = Some(server.url("/keys")));
    let key = signer(Algorithm::ES256);
    let decision = auth.check(&credentials(&token(Algorithm::ES256, Some("one"), &key.key))).await;
    assert_eq!(decision.verdict, Verdict::Deny(ConnackReason::ServerUnavailable));
    let stats = auth.stats();
    assert_eq!((&*stats[0].name, stats[0].kind, stats[0].failed), ("token", "jwt", 1));
}

#[test]
fn options_that_cannot_be_used_are_told() {
    let told = |change: fn(&mut KeyOptions)| {
        let mut keys = KeyOptions::default();
        change(&mut keys);
        let kind = AuthenticatorKind::Jwt(Box::new(JwtOptions { keys, ..JwtOptions::default() }));
        let options = AuthenticatorOptions { on_failure: OnFailure::Deny, kind };
        support::try_open(vec![("t".to_owned(), options)]).unwrap_err().to_string()
    };
    assert_eq!(told(|_| ()), "`auth.authenticators.t`: expected one of `secret`, `public_key_pem` and `jwks_url`");
    assert_eq!(
        told(|keys| keys.public_key_pem = Some("x".to_owned())),
        "`auth.authenticators.t.public_key_pem`: expected a public key in PEM (RSA, ECDSA or Ed25519), found other text"
    );
    assert!(
        told(|keys| keys.jwks_url = Some("ftp://x".to_owned())).contains("expected `http` or `https`, found `ftp`")
    );
    assert!(
        told(|keys| {
            keys.secret = Some("x".to_owned().into());
            keys.algorithms = vec!["XS1".to_owned()];
        })
        .contains("expected an algorithm such as `RS256`, found `XS1`")
    );
}
