//! `[auth.authenticators.NAME]` and `[auth.authorizers.NAME]`: those who are asked whether a client may connect, beside
//! the users file, and what it may do, beside the ACL file.

use std::collections::BTreeMap;

use super::problem::{Code, Place, Problem};
use super::section::{Layers, join, section};
use super::setting::{Secret, Setting, choices};

choices! {
    /// The kinds of authenticators.
    AuthenticatorKind, "one of `jwt`, `http`, `postgres`, `certificate`" {
        /// Tokens.
        Jwt = "jwt",
        /// A service.
        Http = "http",
        /// A database.
        Postgres = "postgres",
        /// Certificates of clients.
        Certificate = "certificate",
    }
}

choices! {
    /// What becomes of a client when an authenticator cannot tell.
    OnFailure, "`deny` or `ignore`" {
        /// It is refused and comes again later.
        Deny = "deny",
        /// The next one is asked.
        Ignore = "ignore",
    }
}

choices! {
    /// Where a token is.
    TokenFrom, "`password` or `username`" {
        /// In the password.
        Password = "password",
        /// In the user name.
        Username = "username",
    }
}

section! {
    /// An authenticator of kind `jwt`: clients show a token that somebody we trust has signed.
    JwtAuthenticator {
        /// `jwt`: clients show a token that somebody we trust has signed.
        kind: AuthenticatorKind = "jwt",
        /// Where the token is: `password` or `username`.
        from: TokenFrom = "password",
        /// What signer and broker both know, for HS256, HS384 and HS512. One of `secret`, `public_key_pem` and `jwks_url`
        /// has to be set.
        secret: Secret = "",
        /// Whether `secret` is written in base 64.
        secret_base64: bool = "false",
        /// The public key of the signer in PEM, often `${file:signer.pem}`: RSA, ECDSA or Ed25519.
        public_key_pem: String = "",
        /// Where the signer shows its keys as a JSON Web Key Set. While it does not answer, the keys of before stay.
        jwks_url: String = "",
        /// Seconds between two looks at them. A token that names an unknown key has them looked at too, at most every
        /// 10 s.
        jwks_refresh_s: u32 = "300",
        /// Headers of the request for them.
        headers: BTreeMap<String, String> = "{}",
        /// How long that request may take, in ms.
        timeout_ms: u32 = "5_000",
        /// How long connecting may take for it, in ms.
        connect_timeout_ms: u32 = "2_000",
        /// Certificates of authorities to trust for it beside those of the system, in PEM.
        ca_pem: String = "",
        /// The algorithms that are taken, such as `ES256`; all that fit the keys where it is empty.
        algorithms: Vec<String> = "[]",
        /// Claims and what they have to be: `{ sub = "${username}", aud = "fleet" }`. `%u` and `%c` may be written for
        /// `${username}` and `${clientid}`. A claim that is a list has to hold it.
        verify_claims: BTreeMap<String, String> = "{}",
        /// Claims that have to be there. Without `exp` tokens are taken that never expire.
        required_claims: Vec<String> = "[\"exp\"]",
        /// Seconds that `exp` and `nbf` may be off.
        leeway_s: u32 = "5",
        /// The claim that is the user name in rules and events. Where a token does not have it, the name that CONNECT
        /// gives counts only if `verify_claims` compares it.
        username_claim: String = "sub",
        /// The claim that is a list of roles.
        roles_claim: String = "roles",
        /// The claim that has rules: `{"pub": [..], "sub": [..], "all": [..]}`, or a list of
        /// `{"permission", "action", "topic", "qos", "retain"}`, as EMQX has them.
        acl_claim: String = "acl",
        /// Whether a connection ends with `authentication_expired` when its token does.
        disconnect_after_expire: bool = "true",
        /// What becomes of a client while no key could be fetched: `deny` (`server_unavailable`) or `ignore` (the next
        /// one is asked).
        on_failure: OnFailure = "deny",
    }
}

choices! {
    /// How a service is asked.
    HttpMethod, "`post` or `get`" {
        /// With a body.
        Post = "post",
        /// With a query.
        Get = "get",
    }
}

choices! {
    /// How the body of a question is written.
    HttpEncoding, "`json` or `form`" {
        /// As a JSON object.
        Json = "json",
        /// As a form.
        Form = "form",
    }
}

section! {
    /// An authenticator of kind `http`: a service is asked about each client.
    HttpAuthenticator {
        /// `http`: a service is asked about each client. It answers 200 with `{"result": "allow"}`, `"deny"` or
        /// `"ignore"`, and where it wants `is_superuser`, `username`, `roles`, `client_attrs`, `acl` (rules as in a token)
        /// and `expire_at` (seconds since 1970); or 204, which allows. 401 and 403 deny. Anything else is a failure.
        kind: AuthenticatorKind = "http",
        /// The address. `${clientid}`, `${username}`, `${password}`, `${peerhost}`, `${peerport}`, `${listener}`,
        /// `${cert_common_name}`, `${cert_subject}` and `${cert_fingerprint}` are of the client, percent-encoded.
        url: String = "",
        /// How it is asked: `post`, or `get`, for which `body` becomes the query.
        method: HttpMethod = "post",
        /// Headers, which may have places of the client too. Secrets are written as `${env:NAME}` or `${file:/path}`.
        headers: BTreeMap<String, String> = "{}",
        /// Names and values of the body. What the client does not have is null.
        body: BTreeMap<String, String> = "{ clientid = \"${clientid}\", username = \"${username}\", password = \"${password}\" }",
        /// How the body is written: `json` or `form`.
        encoding: HttpEncoding = "json",
        /// How long a request may take, in ms.
        timeout_ms: u32 = "5_000",
        /// How long connecting may take, in ms.
        connect_timeout_ms: u32 = "2_000",
        /// Certificates of authorities to trust beside those of the system, in PEM.
        ca_pem: String = "",
        /// Requests under way at a time; further clients wait.
        concurrency_max: usize = "32",
        /// Clients that wait. One more is answered `server_busy`.
        queue_max: usize = "1_000",
        /// Seconds an answer is remembered, for the same client with the same password; 0 for not at all.
        cache_ttl_s: u32 = "0",
        /// Answers that are remembered. Beyond it the older half is forgotten.
        cache_max: usize = "10_000",
        /// What becomes of a client when the service fails: `deny` (`server_unavailable`) or `ignore` (the next one is
        /// asked).
        on_failure: OnFailure = "deny",
    }
}

choices! {
    /// The kinds of authorizers.
    AuthorizerKind, "`http`" {
        /// A service.
        Http = "http",
    }
}

section! {
    /// An authorizer of kind `http`: a service is asked what clients may publish and subscribe.
    HttpAuthorizer {
        /// `http`: a service is asked what clients may publish and subscribe where no rule of ours says it, in the order of
        /// the file if there are several. It answers 200 with `{"result": "allow"}`, `"deny"` or `"ignore"`; or 204, which
        /// allows. 401 and 403 deny. Anything else is a failure.
        kind: AuthorizerKind = "http",
        /// The address, with places as in an authenticator of this kind but for `${password}`, and `${action}` (`publish`
        /// or `subscribe`), `${topic}`, `${qos}`, `${retain}` and `${client_attrs.NAME}`. The topic is that which the
        /// client sees.
        url: String = "",
        /// How it is asked: `post`, or `get`, for which `body` becomes the query.
        method: HttpMethod = "post",
        /// Headers, which may have places too. Secrets are written as `${env:NAME}` or `${file:/path}`.
        headers: BTreeMap<String, String> = "{}",
        /// Names and values of the body. What the client does not have is null.
        body: BTreeMap<String, String> = "{ clientid = \"${clientid}\", username = \"${username}\", action = \"${action}\", topic = \"${topic}\" }",
        /// How the body is written: `json` or `form`.
        encoding: HttpEncoding = "json",
        /// How long a request may take, in ms. The client that asks waits, with everything that it sends meanwhile.
        timeout_ms: u32 = "5_000",
        /// How long connecting may take, in ms.
        connect_timeout_ms: u32 = "2_000",
        /// Certificates of authorities to trust beside those of the system, in PEM.
        ca_pem: String = "",
        /// Requests under way at a time; further ones wait.
        concurrency_max: usize = "32",
        /// Requests that wait. One more is a failure.
        queue_max: usize = "1_000",
        /// Seconds an answer is remembered for the same question; 0 for not at all. `signalbox acl forget` ends it.
        cache_ttl_s: u32 = "60",
        /// Answers that are remembered, some 100 bytes each. Beyond it the older half is forgotten.
        cache_max: usize = "100_000",
        /// What becomes of a question when the service fails: `deny` (it may not), or `ignore` (the next one is asked, and in
        /// the end `no_match` decides).
        on_failure: OnFailure = "deny",
    }
}

choices! {
    /// What a stored password is.
    HashKind, "one of `auto`, `plain`, `sha256`, `sha512`, `pbkdf2_sha1`, `pbkdf2_sha256`, `pbkdf2_sha512`" {
        /// It says it itself.
        Auto = "auto",
        /// The password as it is.
        Plain = "plain",
        /// One round of SHA-256.
        Sha256 = "sha256",
        /// One round of SHA-512.
        Sha512 = "sha512",
        /// PBKDF2 with SHA-1.
        Pbkdf2Sha1 = "pbkdf2_sha1",
        /// PBKDF2 with SHA-256.
        Pbkdf2Sha256 = "pbkdf2_sha256",
        /// PBKDF2 with SHA-512.
        Pbkdf2Sha512 = "pbkdf2_sha512",
    }
}

choices! {
    /// Where a salt stands.
    SaltPosition, "one of `prefix`, `suffix`, `disable`" {
        /// Before the password.
        Prefix = "prefix",
        /// Behind it.
        Suffix = "suffix",
        /// Nowhere.
        Disable = "disable",
    }
}

section! {
    /// An authenticator of kind `postgres`: users in a table of a PostgreSQL database.
    PostgresAuthenticator {
        /// `postgres`: users in a table of a PostgreSQL database.
        kind: AuthenticatorKind = "postgres",
        /// The database: `postgres://user@host:5432/database`.
        url: String = "",
        /// The password of that user, often `${file:/path}`.
        password: Secret = "",
        /// The query. Its row has `password_hash` and, where it wants, `salt`, `is_superuser` and `roles`; no row is a
        /// client that this database does not know. Places are those of `http`, as parameters: without quotes.
        query: String = "SELECT password_hash, salt, is_superuser FROM mqtt_user WHERE username = ${username} LIMIT 1",
        /// How passwords stand in `password_hash`: `auto` for those that say it themselves (`$argon2id$`, `$2b$`, `$7$`,
        /// `$pbkdf2-sha256$`, `$sha256$`), else `plain`, `sha256`, `sha512`, `pbkdf2_sha1`, `pbkdf2_sha256`,
        /// `pbkdf2_sha512`, in hexadecimal.
        password_hash: HashKind = "auto",
        /// Where the salt of `sha256` and `sha512` stands: `prefix`, `suffix`, `disable`.
        salt_position: SaltPosition = "prefix",
        /// Iterations of `pbkdf2_...`.
        iterations: u32 = "4_096",
        /// Connections at a time.
        pool_size: u32 = "8",
        /// How long connecting and the query may take, in ms.
        timeout_ms: u32 = "5_000",
        /// Certificates of authorities to trust, in PEM.
        ca_pem: String = "",
        /// Queries under way at a time; further clients wait.
        concurrency_max: usize = "32",
        /// Clients that wait. One more is answered `server_busy`.
        queue_max: usize = "1_000",
        /// What becomes of a client when the database fails: `deny` (`server_unavailable`) or `ignore` (the next one is
        /// asked).
        on_failure: OnFailure = "deny",
    }
}

choices! {
    /// A name in a certificate.
    CertificateName, "one of `common_name`, `subject`, `dns`, `email`, `uri`, `fingerprint`" {
        /// The common name of the subject.
        CommonName = "common_name",
        /// The whole distinguished name.
        Subject = "subject",
        /// The first DNS name.
        DnsName = "dns",
        /// The first mail address.
        Email = "email",
        /// The first URI.
        Uri = "uri",
        /// The SHA-256 of the certificate.
        Fingerprint = "fingerprint",
    }
}

section! {
    /// An authenticator of kind `certificate`: clients show a certificate that the listener has verified.
    CertificateAuthenticator {
        /// `certificate`: clients show a certificate that the listener has verified.
        kind: AuthenticatorKind = "certificate",
        /// What of the certificate is the user name: `common_name`, `subject`, `dns`, `email`, `uri`, `fingerprint`.
        username: CertificateName = "common_name",
        /// Whether a client that sends a user name of its own has to send that one.
        username_must_match: bool = "false",
        /// Whether the client identifier has to be that name too.
        client_id_must_match: bool = "false",
        /// The roles of all clients with a certificate.
        roles: Vec<String> = "[]",
    }
}

/// An authenticator of any kind.
#[derive(Debug, Clone)]
pub(crate) enum Authenticator {
    /// Tokens.
    Jwt(JwtAuthenticator),
    /// A service.
    Http(HttpAuthenticator),
    /// A database.
    Postgres(PostgresAuthenticator),
    /// Certificates.
    Certificate(CertificateAuthenticator),
}

impl Authenticator {
    /// What it says it is.
    pub(crate) const fn kind(&self) -> AuthenticatorKind {
        match self {
            Authenticator::Jwt(options) => options.kind,
            Authenticator::Http(options) => options.kind,
            Authenticator::Postgres(options) => options.kind,
            Authenticator::Certificate(options) => options.kind,
        }
    }
}

/// Reads all authorizers, in the order of the file.
pub(super) fn read_authorizers(layers: &mut Layers) -> Vec<(String, HttpAuthorizer)> {
    let mut authorizers = Vec::new();
    for entry in layers.table_at("auth.authorizers").entries() {
        let path = join("auth.authorizers", &entry.key);
        match kind_at(layers, &path, &entry.key_span) {
            Some(AuthorizerKind::Http) => authorizers.push((entry.key.clone(), layers.section(&path, &[]))),
            None => {}
        }
    }
    authorizers
}

/// Reads all authenticators, in the order of the file.
pub(super) fn read(layers: &mut Layers) -> Vec<(String, Authenticator)> {
    let mut authenticators = Vec::new();
    for entry in layers.table_at("auth.authenticators").entries() {
        let path = join("auth.authenticators", &entry.key);
        let Some(kind) = kind_at(layers, &path, &entry.key_span) else { continue };
        let authenticator = match kind {
            AuthenticatorKind::Jwt => Authenticator::Jwt(layers.section(&path, &[])),
            AuthenticatorKind::Http => Authenticator::Http(layers.section(&path, &[])),
            AuthenticatorKind::Postgres => Authenticator::Postgres(layers.section(&path, &[])),
            AuthenticatorKind::Certificate => Authenticator::Certificate(layers.section(&path, &[])),
        };
        authenticators.push((entry.key.clone(), authenticator));
    }
    authenticators
}

/// The kind that a section says it is of; it has to say one.
fn kind_at<K: Setting>(layers: &mut Layers, path: &str, name_span: &std::ops::Range<usize>) -> Option<K> {
    let expected = K::EXPECTED;
    let table = layers.table_at(path);
    let problem = match table.get("kind") {
        None => {
            let message = format!("`{path}`: expected a `kind`, {expected}; found none");
            Problem::at(Code::Value, Place::File(name_span.clone()), message)
        }
        Some(kind) => match K::read(&kind.node.value) {
            Ok(kind) => return Some(kind),
            Err(unfit) => {
                let found = kind.node.value.describe();
                let message = format!("`{path}.kind`: expected {expected}, found {found}");
                Problem::at(Code::Value, Place::File(kind.node.span.clone()), message).with_help(unfit.help)
            }
        },
    };
    layers.problems.push(problem);
    None
}
