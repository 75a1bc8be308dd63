//! What the system asks of the process: stop, or read the files again.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals the process listens to.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Stop in order.
    Stop,
    /// Read rules, users and ACL again.
    Reload,
}

impl Signals {
    /// Begins to listen.
    pub(crate) fn new() -> io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The next thing that is asked.
    pub(crate) async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.hangup.recv() => Asked::Reload,
        }
    }

    /// Ends when it is asked to stop, whatever else is asked before.
    pub(crate) async fn stop_again(&mut self) {
        while self.next().await != Asked::Stop {}
    }
}
