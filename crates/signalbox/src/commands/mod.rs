//! The commands, one file each.

mod acl;
mod actions;
mod api;
mod audit;
mod bans;
mod clients;
mod completions;
mod config;
mod connectors;
mod dead_letters;
mod events;
mod keys;
mod listeners;
mod password;
mod remote;
mod rules;
mod rules_eval;
mod rules_explain;
mod rules_from_emqx;
mod rules_plan;
mod rules_test;
mod topics;
mod users;
mod version;

pub(crate) use audit::open as open_audit;
pub(crate) use rules_eval::Evaluator;

use crate::cli::Command;
use crate::outcome::Outcome;
use crate::{jq, serve};

/// Runs a command.
pub(crate) fn run(command: Command) -> Outcome {
    match command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Rules(command) => rules::run(command),
        Command::Connectors(command) => connectors::run(command),
        Command::Actions(command) => actions::run(command),
        Command::Audit(command) => audit::run(&command),
        Command::Users(command) => users::run(command),
        Command::Keys(command) => keys::run(command),
        Command::Config(command) => config::run(command),
        Command::Events(command) => events::run(command),
        Command::DeadLetters(command) => dead_letters::run(command),
        Command::Bans(command) => bans::run(command),
        Command::Clients(command) => clients::run(command),
        Command::Acl(command) => acl::run(command),
        Command::Listeners(command) => listeners::run(&command),
        Command::Topics(command) => topics::run(command),
        Command::Retained(command) => topics::run_retained(command),
        Command::Publish(command) => topics::publish(&command),
        Command::Bench(bench) => Ok(bench.run()?),
        Command::Completions { shell } => completions::run(shell),
        Command::Version(output) => version::run(output),
        Command::JqWorker { memory_bytes } => jq::run_worker(memory_bytes),
    }
}
