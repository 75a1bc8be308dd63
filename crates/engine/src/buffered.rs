//! What is waited for until the outputs of an event are on disk: by a publisher where a rule says `require = "buffered"`,
//! and by whoever acknowledges the messages of a source.

use std::future::pending;
use std::pin::Pin;

use tokio::sync::watch;

use crate::disk::{Mark, Reached, reached};
use crate::worker::Worker;

/// Ready when the outputs of an event are on disk. Never, where a buffer ends before that.
pub type Buffered = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Ready when the outputs of an event are on disk, with true; with false, where a buffer ends before that.
pub type Kept = Pin<Box<dyn Future<Output = bool> + Send>>;

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
        let kept = self.into_kept()?;
        Some(Box::pin(async move {
            if !kept.await {
                pending::<()>().await;
            }
        }))
    }

    /// The same, which also tells of a buffer that has ended.
    pub(crate) fn into_kept(self) -> Option<Kept> {
        if self.0.is_empty() {
            return None;
        }
        Some(Box::pin(async move {
            for (progress, mark) in self.0 {
                if !reached(progress, mark).await {
                    return false;
                }
            }
            true
        }))
    }
}
