//! What the tests start, connect with and look through.

pub(crate) mod client;
#[expect(dead_code, reason = "shared with the tests of authenticators, which use more of it")]
#[path = "../../../../auth/tests/outside/support/http_server.rs"]
pub(crate) mod http_server;
#[expect(dead_code, reason = "shared with the tests of transports, which use more of it")]
#[path = "../../transports/support/pki.rs"]
pub(crate) mod pki;
#[expect(dead_code, reason = "shared with the tests of the main job, which use more of it")]
#[path = "../../e2e/support/server.rs"]
pub(crate) mod server;
#[expect(dead_code, reason = "shared with the tests of chaos, which use more of it")]
#[path = "../../chaos/support/told.rs"]
pub(crate) mod told;
#[expect(dead_code, reason = "shared with the tests of hostile peers, which use more of it")]
#[path = "../../hostile/support/witness.rs"]
pub(crate) mod witness;

use std::time::Duration;

/// How long a test waits for what has to happen. It only ends a test that would fail anyway, so it is long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
