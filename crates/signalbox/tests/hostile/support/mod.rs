//! What the tests start, attack with and look through.

pub(crate) mod attacker;
pub(crate) mod packets;
pub(crate) mod process;
#[expect(dead_code, reason = "shared with the tests of the main job, which use more of it")]
#[path = "../../e2e/support/server.rs"]
pub(crate) mod server;
pub(crate) mod witness;

use std::time::Duration;

/// How long a test waits for what has to happen. It only ends a test that would fail anyway, so it is long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A configuration whose only listener has these options.
pub(crate) fn listener(options: &str) -> String {
    format!("[listeners.default]\n{options}\n")
}
