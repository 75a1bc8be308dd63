//! What a publisher waits for where a rule says `require = "buffered"`.

use std::pin::Pin;

use tokio::sync::watch;

use crate::disk::{Mark, Reached, reached};
use crate::worker::Worker;

/// Ready when the outputs of an event are on disk. Never, where a buffer ends before that.
pub type Buffered = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The outputs of one event that somebody waits for.
#[derive(Debug, Default)]
pub(crate) struct Awaited(Vec<(watch::Receiver<Reached>, Mark)>);

impl Awaited {
    /// Adds an output of `worker`.
    pub(crate) fn add(&mut self, worker: &Worker, mark: Option<Mark>) {
        self.0.extend(worker.progress().zip(mark));
    }

    /// Ready when all are on disk; `None` where there is nothing to wait for.
    pub(crate) fn into_buffered(self) -> Option<Buffered> {
        if self.0.is_empty() {
            return None;
        }
        Some(Box::pin(async move {
            for (progress, mark) in self.0 {
                reached(progress, mark).await;
            }
        }))
    }
}
