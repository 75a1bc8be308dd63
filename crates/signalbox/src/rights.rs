//! Users and rights as the configuration names them.

use std::collections::BTreeMap;
use std::path::Path;

use auth::{
    Auth, AuthConfig, AuthenticatorKind, AuthenticatorOptions, AuthorizerOptions, CertificateOptions, ClaimOptions,
    DatabaseOptions, HashFormat, HttpClientOptions, HttpOptions, HttpQuestionOptions, JwtOptions, KeyOptions, Limits,
    ListenerAuth, OutsideLimits, PostgresOptions, SourceFile,
};

use crate::config::{
    Anonymous, Authenticator, AuthorizerKind, CertificateAuthenticator, CertificateName, Config, HashKind,
    HttpAuthenticator, HttpAuthorizer, HttpEncoding, HttpMethod, JwtAuthenticator, Listener, NoMatch, OnFailure,
    PostgresAuthenticator, SaltPosition, TokenFrom,
};
use crate::data_dir::rules_file;
use crate::outcome::Stop;

/// Opens users, rules and those who are asked. A file that the configuration names must be there; the default names need
/// not.
pub(crate) fn open_auth(config: &Config) -> Result<Auth, Stop> {
    // The paths are resolved already, so that this directory is only where a relative one of a flag begins.
    Auth::open(&auth_config(config), Path::new("")).map_err(Stop::of_auth)
}

fn auth_config(config: &Config) -> AuthConfig {
    let file = |path: &Path, option: &str| SourceFile { path: path.into(), required: config.is_set(option) };
    AuthConfig {
        anonymous: anonymous(config.auth.anonymous),
        users_file: Some(file(config.auth.users_file.as_path(), "auth.users_file")),
        authenticators: config
            .authenticators
            .iter()
            .map(|(name, authenticator)| (name.clone(), authenticator_options(authenticator)))
            .collect(),
        chain: config.auth.chain.clone(),
        authorizers: config.authorizers.iter().map(|(name, options)| (name.clone(), authorizer(options))).collect(),
        listeners: config.listeners.iter().filter_map(|(name, tables)| listener_auth(name, &tables.options)).collect(),
        rules_file: Some(SourceFile { path: rules_file(config.root.data_dir.as_path()), required: false }),
        acl_file: Some(file(config.auth.acl_file.as_path(), "auth.acl_file")),
        no_match: match config.auth.no_match {
            NoMatch::Auto => auth::NoMatch::Auto,
            NoMatch::Allow => auth::NoMatch::Allow,
            NoMatch::Deny => auth::NoMatch::Deny,
        },
        limits: Limits::default(),
    }
}

/// What is different for a listener; `None` where nothing is.
fn listener_auth(name: &str, options: &Listener) -> Option<(String, ListenerAuth)> {
    let own = ListenerAuth {
        is_open: !options.authentication,
        anonymous: options.anonymous.map(anonymous),
        chain: Some(options.auth_chain.clone()).filter(|chain| !chain.is_empty()),
    };
    let differs = own.is_open || own.anonymous.is_some() || own.chain.is_some();
    differs.then(|| (name.to_owned(), own))
}

const fn anonymous(anonymous: Anonymous) -> auth::Anonymous {
    match anonymous {
        Anonymous::No => auth::Anonymous::No,
        Anonymous::Loopback => auth::Anonymous::Loopback,
        Anonymous::Yes => auth::Anonymous::Yes,
    }
}

fn authenticator_options(authenticator: &Authenticator) -> AuthenticatorOptions {
    let (on_failure, kind) = match authenticator {
        Authenticator::Jwt(options) => (options.on_failure, AuthenticatorKind::Jwt(Box::new(jwt(options)))),
        Authenticator::Http(options) => (options.on_failure, AuthenticatorKind::Http(Box::new(http(options)))),
        Authenticator::Postgres(options) => {
            (options.on_failure, AuthenticatorKind::Postgres(Box::new(postgres(options))))
        }
        // There is nobody who could fail.
        Authenticator::Certificate(options) => (OnFailure::Deny, AuthenticatorKind::Certificate(certificate(options))),
    };
    AuthenticatorOptions { on_failure: self::on_failure(on_failure), kind }
}

const fn on_failure(on_failure: OnFailure) -> auth::OnFailure {
    match on_failure {
        OnFailure::Deny => auth::OnFailure::Deny,
        OnFailure::Ignore => auth::OnFailure::Ignore,
    }
}

fn jwt(options: &JwtAuthenticator) -> JwtOptions {
    JwtOptions {
        from: match options.from {
            TokenFrom::Password => auth::TokenFrom::Password,
            TokenFrom::Username => auth::TokenFrom::Username,
        },
        keys: KeyOptions {
            secret: options.secret.given().map(auth::Secret::from),
            secret_is_base64: options.secret_base64,
            public_key_pem: given(&options.public_key_pem),
            jwks_url: given(&options.jwks_url),
            jwks_refresh_s: options.jwks_refresh_s,
            client: HttpClientOptions {
                headers: secrets(&options.headers),
                timeout_ms: options.timeout_ms,
                connect_timeout_ms: options.connect_timeout_ms,
                ca_pem: given(&options.ca_pem),
            },
            algorithms: options.algorithms.clone(),
        },
        claims: ClaimOptions {
            verify: options.verify_claims.clone(),
            required: options.required_claims.clone(),
            leeway_s: options.leeway_s,
            username: options.username_claim.clone(),
            roles: options.roles_claim.clone(),
            acl: options.acl_claim.clone(),
            ends_with_token: options.disconnect_after_expire,
        },
    }
}

fn authorizer(options: &HttpAuthorizer) -> AuthorizerOptions {
    let AuthorizerKind::Http = options.kind;
    AuthorizerOptions {
        on_failure: on_failure(options.on_failure),
        http: HttpOptions {
            question: HttpQuestionOptions {
                method: method(options.method),
                url: options.url.clone(),
                body: options.body.clone(),
                encoding: encoding(options.encoding),
            },
            client: HttpClientOptions {
                headers: secrets(&options.headers),
                timeout_ms: options.timeout_ms,
                connect_timeout_ms: options.connect_timeout_ms,
                ca_pem: given(&options.ca_pem),
            },
            limits: OutsideLimits {
                concurrency_max: options.concurrency_max,
                queue_max: options.queue_max,
                cache_max: options.cache_max,
                cache_ttl_s: options.cache_ttl_s,
            },
        },
    }
}

const fn method(method: HttpMethod) -> auth::HttpMethod {
    match method {
        HttpMethod::Post => auth::HttpMethod::Post,
        HttpMethod::Get => auth::HttpMethod::Get,
    }
}

const fn encoding(encoding: HttpEncoding) -> auth::HttpEncoding {
    match encoding {
        HttpEncoding::Json => auth::HttpEncoding::Json,
        HttpEncoding::Form => auth::HttpEncoding::Form,
    }
}

fn http(options: &HttpAuthenticator) -> HttpOptions {
    HttpOptions {
        question: HttpQuestionOptions {
            method: method(options.method),
            url: options.url.clone(),
            body: options.body.clone(),
            encoding: encoding(options.encoding),
        },
        client: HttpClientOptions {
            headers: secrets(&options.headers),
            timeout_ms: options.timeout_ms,
            connect_timeout_ms: options.connect_timeout_ms,
            ca_pem: given(&options.ca_pem),
        },
        limits: OutsideLimits {
            concurrency_max: options.concurrency_max,
            queue_max: options.queue_max,
            cache_max: options.cache_max,
            cache_ttl_s: options.cache_ttl_s,
        },
    }
}

fn postgres(options: &PostgresAuthenticator) -> PostgresOptions {
    PostgresOptions {
        database: DatabaseOptions {
            url: options.url.clone(),
            password: options.password.given().map(auth::Secret::from),
            pool_size: options.pool_size,
            timeout_ms: options.timeout_ms,
            ca_pem: given(&options.ca_pem),
        },
        query: options.query.clone(),
        hash: HashFormat {
            kind: match options.password_hash {
                HashKind::Auto => auth::HashKind::Auto,
                HashKind::Plain => auth::HashKind::Plain,
                HashKind::Sha256 => auth::HashKind::Sha256,
                HashKind::Sha512 => auth::HashKind::Sha512,
                HashKind::Pbkdf2Sha1 => auth::HashKind::Pbkdf2Sha1,
                HashKind::Pbkdf2Sha256 => auth::HashKind::Pbkdf2Sha256,
                HashKind::Pbkdf2Sha512 => auth::HashKind::Pbkdf2Sha512,
            },
            salt_position: match options.salt_position {
                SaltPosition::Prefix => auth::SaltPosition::Prefix,
                SaltPosition::Suffix => auth::SaltPosition::Suffix,
                SaltPosition::Disable => auth::SaltPosition::None,
            },
            iterations: options.iterations,
        },
        limits: OutsideLimits {
            concurrency_max: options.concurrency_max,
            queue_max: options.queue_max,
            ..OutsideLimits::default()
        },
    }
}

fn certificate(options: &CertificateAuthenticator) -> CertificateOptions {
    CertificateOptions {
        username: match options.username {
            CertificateName::CommonName => auth::CertificateName::CommonName,
            CertificateName::Subject => auth::CertificateName::Subject,
            CertificateName::DnsName => auth::CertificateName::DnsName,
            CertificateName::Email => auth::CertificateName::Email,
            CertificateName::Uri => auth::CertificateName::Uri,
            CertificateName::Fingerprint => auth::CertificateName::Fingerprint,
        },
        username_must_match: options.username_must_match,
        client_id_must_match: options.client_id_must_match,
        roles: options.roles.iter().map(|role| role.as_str().into()).collect(),
    }
}

fn given(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

fn secrets(headers: &BTreeMap<String, String>) -> BTreeMap<String, auth::Secret> {
    headers.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect()
}
