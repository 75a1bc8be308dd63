//! The event history
