//! Signalbox: an MQTT broker that tells what happens to its clients, and rules that carry it where one wants it.
//!
//! In: the command line, the environment and `signalbox.toml`. Out: a running broker, or the answer of a command, and an
//! exit code.
//!
//! Never: a decision about packets, rules or rights; those are the other crates'. Here they are wired to each other.
//!
//! Read `serve/mod.rs` first: it is the one place where everything is put together and taken apart.

mod bench;
mod cli;
mod clock;
mod commands;
mod config;
mod context;
mod data_dir;
mod duration;
mod emqx;
mod input;
mod jq;
mod outcome;
mod rights;
mod rule_files;
mod serve;
mod serving;
mod system;
mod terminal;

use std::process::ExitCode;

use clap::Parser as _;

/// Connections allocate and free on other threads all the time, which mimalloc is made for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match commands::run(cli::Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => {
            if let Some(message) = stop.message() {
                terminal::complain(&message);
            }
            stop.exit_code()
        }
    }
}
