//! The whole main job with the real binary and real other sides: MQTT clients of two makes, an HTTP server, PostgreSQL.

#![expect(clippy::unwrap_used, reason = "whatever is not there ends the test, and the place says what it was")]
#![expect(clippy::disallowed_methods, reason = "a test is an edge: it waits with deadlines and has tasks of its own")]

mod acl;
mod admin;
mod api;
mod bad_input;
mod bans;
mod buffers;
#[path = "../../../sql/tests/cases_of_the_language/mod.rs"]
mod cases_of_the_language;
mod changes;
mod commands;
mod connack;
mod dead_letters;
mod durability;
mod events;
mod from_emqx;
mod jq;
mod language;
mod limits;
mod listeners;
mod made_connectors;
mod made_rules;
#[path = "../../../actions/tests/support/mosquitto.rs"]
mod mosquitto;
mod outside;
#[expect(dead_code, reason = "shared with the fault test, which uses more of it")]
#[path = "../../../actions/tests/support/postgres.rs"]
mod postgres;
mod refusals;
mod reload;
mod rule_api;
mod rules;
mod sources;
mod stop;
mod support;
