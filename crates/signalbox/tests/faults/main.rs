//! The fault test: PostgreSQL, an HTTP receiver and the broker are killed and started again at random, alone and together,
//! while clients publish and come and go. At the end everything that was promised has arrived, once and in order.
//!
//! It is a program instead of test functions, because the receiver has to be a process that can be killed. It says every
//! few seconds how far it is, ends with a table, and with status 1 where anything is missing. The short form always runs;
//! `make chaos` is the long one. `CHAOS_SECONDS=600 CHAOS_RATE=2000 CHAOS_CLIENTS=20 CHAOS_SEED=7` change either.

#![expect(clippy::unwrap_used, reason = "whatever is not there ends the test, and the place says what it was")]
#![expect(clippy::disallowed_methods, reason = "a test is an edge: it waits with deadlines and has tasks of its own")]

mod arrivals;
mod broker;
mod load;
mod plan;
mod publisher;
mod receiver;
mod strikes;
mod support;
mod verdict;
mod visitor;
mod wire;

use std::io::Write as _;
use std::process::ExitCode;

/// The name under which it is listed and chosen like a test function.
const NAME: &str = "what_was_promised_arrives_although_everything_is_killed";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [role, address, file] = &arguments[..]
        && role == receiver::ROLE
    {
        receiver::serve(address, file);
        return ExitCode::SUCCESS;
    }
    let says = |flag: &str| arguments.iter().any(|argument| argument == flag);
    if says("--list") {
        if !says("--ignored") {
            say(&format!("{NAME}: test"));
        }
        return ExitCode::SUCCESS;
    }
    let mut filters = arguments.iter().filter(|argument| !argument.starts_with('-')).peekable();
    if filters.peek().is_some() && !filters.any(|filter| NAME.contains(filter.as_str())) {
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    match runtime.block_on(run(plan::Plan::from_environment())) {
        problems if problems.is_empty() => ExitCode::SUCCESS,
        problems => {
            problems.iter().for_each(|problem| say(&format!("FAILED: {problem}")));
            ExitCode::FAILURE
        }
    }
}

/// Runs the plan to its end, and gives what is wrong then.
async fn run(plan: plan::Plan) -> Vec<String> {
    say(&plan.to_string());
    let mut stage = strikes::Stage::set(&plan).await;
    let load = load::Load::begin(&plan, stage.broker.mqtt);
    stage.strike(&plan, &load).await;
    let clients = load.finish(&mut stage).await;
    stage.wait_until_delivered().await;
    verdict::judge(stage, &clients)
}

/// A line for whoever waits.
fn say(line: &str) {
    // Where nobody listens any more, the status tells.
    drop(writeln!(std::io::stdout(), "{line}"));
}
