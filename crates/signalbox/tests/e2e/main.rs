//! The whole main job with the real binary and real other sides: MQTT clients of two makes, an HTTP server, PostgreSQL.

mod commands;
mod connack;
mod outside;
mod refusals;
mod reload;
mod stop;
mod support;
