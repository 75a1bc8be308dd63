//! The time as the engine is told it.

use std::sync::Arc;

use events::Timestamp;

/// Tells the time. The binary hands in the system's clock, tests one of their own.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;
