//! What the tests start and connect with.

pub(crate) mod api;
pub(crate) mod client;
pub(crate) mod receiver;
pub(crate) mod server;

use std::time::Duration;

/// How long a test waits for what has to happen. It only ends a test that would fail anyway, so it is long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The rule of the README: every CONNACK to a topic.
pub(crate) const CONNACK_RULE: &str = r#"/*---
[[actions]]
republish = { topic = "client_connack" }
---*/
SELECT clientid, username, reason_code, timestamp FROM "$events/client_connack"
"#;
