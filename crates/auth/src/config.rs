//! What an operator can choose, and the limits on what peers can make grow.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use crate::authenticator::OnFailure;
use crate::authenticator::certificate::CertificateOptions;
use crate::authenticator::http::HttpOptions;
use crate::authenticator::jwt::JwtOptions;
use crate::authenticator::postgres::PostgresOptions;
use crate::authorizer::AuthorizerOptions;

/// What [`Auth`](crate::Auth) is opened with.
#[derive(Clone, Debug)]
pub struct AuthConfig {
    /// Who gets in without a password.
    pub anonymous: Anonymous,
    /// The users; `None` where nobody has a password.
    pub users_file: Option<SourceFile>,
    /// Those who are asked about clients, by their names, beside `users`.
    pub authenticators: Vec<(String, AuthenticatorOptions)>,
    /// Who is asked in which order; where it is empty, `users` and then the others as they stand.
    pub chain: Vec<String>,
    /// What is different for the clients of a listener, by its name.
    pub listeners: BTreeMap<String, ListenerAuth>,
    /// Services that are asked what clients may do where no rule says it, by their names, in their order.
    pub authorizers: Vec<(String, AuthorizerOptions)>,
    /// Rules that are made by command, while the broker runs; `None` where there is no place for them.
    pub rules_file: Option<SourceFile>,
    /// What clients may publish and read; `None` where no file says it.
    pub acl_file: Option<SourceFile>,
    /// What holds where no source of rules has one.
    pub no_match: NoMatch,
    /// Limits on what peers can make grow.
    pub limits: Limits,
}

impl Default for AuthConfig {
    fn default() -> AuthConfig {
        AuthConfig {
            anonymous: Anonymous::Loopback,
            users_file: Some(SourceFile { path: "users".into(), required: false }),
            authenticators: Vec::new(),
            chain: Vec::new(),
            authorizers: Vec::new(),
            listeners: BTreeMap::new(),
            rules_file: None,
            acl_file: Some(SourceFile { path: "acl".into(), required: false }),
            no_match: NoMatch::Auto,
            limits: Limits::default(),
        }
    }
}

/// What is different for the clients of a listener.
#[derive(Clone, Debug, Default)]
pub struct ListenerAuth {
    /// Whether nobody is asked, and everybody gets in under the name that CONNECT gives.
    pub is_open: bool,
    /// Who gets in without a password.
    pub anonymous: Option<Anonymous>,
    /// Who is asked in which order.
    pub chain: Option<Vec<String>>,
}

/// An authenticator beside the users file.
#[derive(Clone, Debug)]
pub struct AuthenticatorOptions {
    /// What becomes of a client when it cannot tell.
    pub on_failure: OnFailure,
    /// Its kind, and the options of that.
    pub kind: AuthenticatorKind,
}

/// The kinds of authenticators, and their options.
#[derive(Clone, Debug)]
pub enum AuthenticatorKind {
    /// Tokens.
    Jwt(Box<JwtOptions>),
    /// A service that is asked over HTTP.
    Http(Box<HttpOptions>),
    /// Users in a PostgreSQL database.
    Postgres(Box<PostgresOptions>),
    /// Certificates that clients show.
    Certificate(CertificateOptions),
}

/// What holds where no source of rules has one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NoMatch {
    /// Closed for a client with rules of its own and where there is an ACL file or a service that is asked; else open.
    /// Rules that are made by command do not close anything that they do not name.
    #[default]
    Auto,
    /// Open.
    Allow,
    /// Closed.
    Deny,
}

/// A file that is read at the start and again whenever it has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Where it is; a relative path starts at the directory given to [`Auth::open`](crate::Auth::open).
    pub path: PathBuf,
    /// Whether its absence is a mistake. An operator who names a file wants it read, so a misspelt ACL file must not
    /// open the broker to everyone; the default names need not be there.
    pub required: bool,
}

/// Who gets in without a password. A password that is given is always checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Anonymous {
    /// Nobody.
    No,
    /// Clients of this machine, whatever their user name.
    #[default]
    Loopback,
    /// Everybody.
    Yes,
}

impl FromStr for Anonymous {
    type Err = String;

    fn from_str(text: &str) -> Result<Anonymous, String> {
        match text {
            "no" => Ok(Anonymous::No),
            "loopback" => Ok(Anonymous::Loopback),
            "yes" => Ok(Anonymous::Yes),
            found => Err(format!("expected `no`, `loopback` or `yes`, found `{found}`")),
        }
    }
}

/// What a password hash costs (argon2id).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashCost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over that memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

/// The first of the parameter sets that OWASP's Password Storage Cheat Sheet names for argon2id with little memory.
impl Default for HashCost {
    fn default() -> HashCost {
        HashCost::DEFAULT
    }
}

impl HashCost {
    /// What a new hash costs.
    pub const DEFAULT: HashCost = HashCost { memory_kib: 19 * 1024, passes: 2, lanes: 1 };
}

/// Limits on what peers can make grow, and what happens when one is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Passwords hashed at the same time. Each takes the memory of its hash, 19 MiB unless the users file says
    /// otherwise, and a core; further ones queue.
    pub hashing_parallel_max: usize,
    /// Passwords that wait to be hashed, as many as of argon2id; of PBKDF2 with 30 iterations or fewer a thousand count
    /// as one. A client beyond it is answered `server_busy`. Clients from an address with
    /// [`failures_until_suspect`](Limits::failures_until_suspect) wrong passwords get a quarter of it, and one hash at
    /// a time, so that guessing leaves room for the others.
    pub hashing_queue_max: usize,
    /// Verified credentials that are remembered, 100 bytes each. Beyond it the least recently used half is forgotten,
    /// and hashed again when they come back.
    pub verified_max: usize,
    /// How long verified credentials are remembered without being used, in s.
    pub verified_ttl_s: u64,
    /// Wrong credentials that are remembered, with the address they came from, 100 bytes each. They are refused again
    /// without hashing, as a device that retries a wrong password for ever would cost a core. Beyond it the older half
    /// is forgotten.
    pub refused_max: usize,
    /// How long wrong credentials are remembered, in s.
    pub refused_ttl_s: u64,
    /// Addresses that are remembered for wrong passwords. Beyond it the older half is forgotten.
    pub suspects_max: usize,
    /// How long an address is remembered after its last wrong password, in s.
    pub suspect_ttl_s: u64,
    /// Hashed wrong passwords from one address (IPv6: one /64) that make it suspect.
    pub failures_until_suspect: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        // Half of the cores: a storm of passwords leaves the other half to the clients that are connected.
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Limits {
            hashing_parallel_max: (cores / 2).max(1),
            hashing_queue_max: 256,
            verified_max: 200_000,
            verified_ttl_s: 24 * 3600,
            refused_max: 20_000,
            refused_ttl_s: 30,
            suspects_max: 20_000,
            suspect_ttl_s: 60,
            failures_until_suspect: 3,
        }
    }
}
