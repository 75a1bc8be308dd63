//! The clock of the load generator: the one place of it that reads time.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

#[expect(clippy::disallowed_methods, reason = "a load generator measures time")]
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Nanoseconds since the first call in this process.
#[expect(clippy::disallowed_methods, reason = "a load generator measures time")]
pub(crate) fn now_ns() -> u64 {
    let start = *START;
    u64::try_from(Instant::now().duration_since(start).as_nanos()).unwrap_or(u64::MAX)
}

/// Waits before a process outside is asked again.
#[expect(clippy::disallowed_methods, reason = "another program cannot tell when it listens")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}
