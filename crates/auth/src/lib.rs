//! Who may connect, publish and subscribe.
//!
//! In: files of users and rules, services that know about clients, and what a client says about itself. Out: a
//! [`Decision`] about its connection, its [`Permissions`] for topics; for the HTTP interface, whether an API key is known
//! and what it may do.
//!
//! Never: MQTT bytes, sessions, rules over events.
//!
//! Read `chain.rs` first: it is where credentials become a decision. `auth.rs` is the handle around it. Each kind of
//! authenticator is a file in `authenticator/`, each way to store a password one in `password/`, and `acl/` says what a
//! client may do.

mod acl;
mod audit;
mod auth;
mod authenticator;
mod authorizer;
mod bans;
mod certificate;
mod chain;
mod clock;
mod config;
mod error;
mod exchange;
mod file;
mod gate;
mod http_client;
mod http_question;
mod identity;
mod import;
mod keys;
mod lines;
mod memory;
mod network;
mod password;
mod passwords;
mod recent;
mod scram;
mod secret;
mod seen;
mod stored_rules;
mod template;
mod users;
mod watched;

pub use acl::{Acl, Action, Check, Effect, Permissions, Publishing, Readable, Rule};
pub use audit::{Audit, AuditEntry, AuditFrom, AuditLimits};
pub use auth::Auth;
pub use authenticator::certificate::{CertificateName, CertificateOptions};
pub use authenticator::http::HttpOptions;
pub use authenticator::jwt::{ClaimOptions, JwtOptions, KeyOptions, TokenFrom};
pub use authenticator::outside::OutsideLimits;
pub use authenticator::postgres::{DatabaseOptions, PostgresOptions};
pub use authenticator::{OnFailure, SourceStats};
pub use authorizer::{AuthorizerOptions, Connected, Question};
pub use bans::{Ban, BanBy, Bans, BansFile};
pub use certificate::PeerCertificate;
pub use config::{
    Anonymous, AuthConfig, AuthenticatorKind, AuthenticatorOptions, HashCost, Limits, ListenerAuth, NoMatch, SourceFile,
};
pub use error::{AuthError, Fault};
pub use exchange::Exchange;
pub use http_client::HttpClientOptions;
pub use http_question::{HttpEncoding, HttpMethod, HttpQuestionOptions};
pub use identity::{Attributes, Credentials, Decision, Identity, Verdict};
pub use import::ImportedUser;
pub use keys::{ApiKey, KeyRefused, Keys, KeysFile, NewKey, Role};
pub use network::{Network, host_network};
pub use password::{HashFormat, HashKind, SaltPosition, generated_password};
pub use secret::{HIDDEN, Secret, without_secret};
pub use seen::SeenCertificates;
pub use stored_rules::{RulesFile, StoredRule, Target, Whom};
pub use users::{StoreAs, Users, UsersFile};
