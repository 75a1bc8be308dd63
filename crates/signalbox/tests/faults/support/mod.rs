//! What the test starts, and looks through.

#[expect(dead_code, reason = "shared with the tests of actions, which use more of it")]
#[path = "../../../../actions/tests/support/postgres.rs"]
pub(crate) mod postgres;
#[expect(dead_code, reason = "shared with the tests of the main job, which use more of it")]
#[path = "../../e2e/support/server.rs"]
pub(crate) mod server;
#[expect(dead_code, reason = "shared with the tests of chaos, which use more of it")]
#[path = "../../chaos/support/told.rs"]
pub(crate) mod told;

use std::time::Duration;

/// How long the test waits for what has to happen. It only ends a test that would fail anyway, so it is long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);
