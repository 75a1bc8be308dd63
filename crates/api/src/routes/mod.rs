//! One resource, one file.

pub(crate) mod actions;
pub(crate) mod banned;
pub(crate) mod clients;
pub(crate) mod connectors;
pub(crate) mod dead_letters;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod listeners;
pub(crate) mod metrics;
pub(crate) mod page;
pub(crate) mod publish;
pub(crate) mod retained;
pub(crate) mod rule_changes;
pub(crate) mod rule_events;
pub(crate) mod rule_test;
pub(crate) mod rules;
pub(crate) mod subscriptions;
pub(crate) mod time;
