//! Who may connect, publish and subscribe.
//!
//! In: a users file, an ACL file, and what a client says about itself. Out: a [`Decision`] about its connection, its
//! [`Permissions`] for topics; for the HTTP interface, whether an API key is known and what it may do.
//!
//! Never: MQTT bytes, sessions, rules.
//!
//! Read `decide.rs` first: it is where credentials become a decision. `auth.rs` is the handle around it, with the
//! clock, the files and the threads that hash.

mod acl;
mod auth;
mod certificate;
mod config;
mod decide;
mod error;
mod file;
mod gate;
mod identity;
mod keys;
mod lines;
mod memory;
mod password;
mod recent;
mod seen;
mod users;

pub use acl::{Acl, Permissions, Readable};
pub use auth::Auth;
pub use certificate::PeerCertificate;
pub use config::{Anonymous, AuthConfig, HashCost, Limits, SourceFile};
pub use error::{AuthError, Fault};
pub use identity::{Credentials, Decision, Identity};
pub use keys::{ApiKey, Keys, KeysFile, NewKey, Role};
pub use seen::SeenCertificates;
pub use users::{Users, UsersFile};
