//! What has to happen outside the broker before a publisher is told that its message was taken.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Something that a publisher waits for, such as a rule that must have its outputs on disk.
pub struct Awaited(Pin<Box<dyn Future<Output = ()> + Send>>);

impl Awaited {
    /// Waits until `future` is ready. Where the connection ends before, it is dropped.
    pub fn new(future: Pin<Box<dyn Future<Output = ()> + Send>>) -> Awaited {
        Awaited(future)
    }

    /// Whether it has happened. Not to be asked again then.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for Awaited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Awaited")
    }
}
