//! Users and rights as the configuration names them.

use auth::{Auth, AuthConfig, Limits, SourceFile};

use crate::config::{Anonymous, Config};
use crate::outcome::Stop;

/// Opens users and ACL. A file that the configuration names must be there; the default names need not.
pub(crate) fn open_auth(config: &Config) -> Result<Auth, Stop> {
    let file = |path: &std::path::Path, option: &str| SourceFile { path: path.into(), required: config.is_set(option) };
    let auth = AuthConfig {
        anonymous: match config.auth.anonymous {
            Anonymous::No => auth::Anonymous::No,
            Anonymous::Loopback => auth::Anonymous::Loopback,
            Anonymous::Yes => auth::Anonymous::Yes,
        },
        users_file: Some(file(config.auth.users_file.as_path(), "auth.users_file")),
        acl_file: Some(file(config.auth.acl_file.as_path(), "auth.acl_file")),
        limits: Limits::default(),
    };
    // The paths are resolved already, so that this directory is only where a relative one of a flag begins.
    Auth::open(&auth, std::path::Path::new("")).map_err(Stop::of_auth)
}
