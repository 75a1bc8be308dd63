//! `jq` in rules: programs that may loop for ever or take all memory run in child processes, which are killed.
//!
//! A child is this binary again (`signalbox jq-worker`, hidden in the help). It begins with a limit on its memory, has
//! no environment and no file but the socket to us, and answers one call after the other. One that is late or has died
//! fails the call at hand and nothing else; the next call gets another child.

mod frame;
mod pool;
mod worker;

use sql::Jq;

use crate::config;
use pool::Pool;
pub(crate) use worker::run as run_worker;

/// What answers the calls of rules; `None` where it is switched off. No process is started before the first call.
pub(crate) fn of_config(options: &config::Jq) -> Option<Jq> {
    options.enabled.then(|| jq(options))
}

/// What answers the calls of `rules eval`, which is a tool of the operator: it is on.
pub(crate) fn of_tool() -> Jq {
    jq(&config::Jq { enabled: true, timeout_ms: 10_000, memory_mib: 64, processes: 1 })
}

fn jq(options: &config::Jq) -> Jq {
    let pool = Pool::new(options.clone());
    Jq::new(move |call| off_the_workers(|| pool.run(call)))
}

/// Waits without holding up the other tasks of this thread.
fn off_the_workers<T>(wait: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current() {
        Ok(handle) if handle.runtime_flavor() == RuntimeFlavor::MultiThread => tokio::task::block_in_place(wait),
        Ok(_) | Err(_) => wait(),
    }
}
