//! What services outside have in common: so many questions at a time, a queue, answers that are remembered.

use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::clock::Clock;
use crate::memory::Digest;
use crate::recent::Recent;

/// How much a service is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutsideLimits {
    /// Questions under way at a time; further ones wait.
    pub concurrency_max: usize,
    /// Questions that wait. A client beyond it is answered `server_busy`.
    pub queue_max: usize,
    /// Answers that are remembered. Beyond it the older half is forgotten.
    pub cache_max: usize,
    /// How long answers are remembered, in s; 0 for not at all.
    pub cache_ttl_s: u32,
}

impl Default for OutsideLimits {
    fn default() -> OutsideLimits {
        OutsideLimits { concurrency_max: 32, queue_max: 1_000, cache_max: 10_000, cache_ttl_s: 0 }
    }
}

/// The way to a service outside.
#[derive(Debug)]
pub(crate) struct Outside<T> {
    permits: Semaphore,
    waiting_count: AtomicUsize,
    waiting_max: usize,
    remembered: Option<Mutex<Recent<Digest, T>>>,
    clock: Clock,
}

/// Too many wait already.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooMany;

impl<T: Clone> Outside<T> {
    pub(crate) fn new(limits: &OutsideLimits, clock: Clock) -> Outside<T> {
        let ttl_s = u64::from(limits.cache_ttl_s);
        Outside {
            permits: Semaphore::new(limits.concurrency_max.clamp(1, Semaphore::MAX_PERMITS)),
            waiting_count: AtomicUsize::new(0),
            waiting_max: limits.queue_max,
            remembered: (ttl_s > 0).then(|| Mutex::new(Recent::new(limits.cache_max, ttl_s))),
            clock,
        }
    }

    /// Whether anything is remembered at all: only then a question needs a digest.
    pub(crate) const fn remembers(&self) -> bool {
        self.remembered.is_some()
    }

    /// What is remembered of a question.
    pub(crate) fn recall(&self, question: &Digest) -> Option<T> {
        self.remembered.as_ref()?.lock().get(question, self.clock.now_ms())
    }

    /// Remembers an answer.
    pub(crate) fn remember(&self, question: Digest, answer: T) {
        if let Some(remembered) = &self.remembered {
            remembered.lock().insert(question, answer, self.clock.now_ms());
        }
    }

    /// Forgets every answer.
    pub(crate) fn forget(&self) {
        if let Some(remembered) = &self.remembered {
            remembered.lock().clear();
        }
    }

    /// Asks when it is its turn.
    pub(crate) async fn in_turn<A>(&self, ask: impl Future<Output = A>) -> Result<A, TooMany> {
        let permit = match self.permits.try_acquire() {
            Ok(permit) => permit,
            Err(_) => {
                let _place = Place::take(&self.waiting_count, self.waiting_max).ok_or(TooMany)?;
                self.permits.acquire().await.expect("the semaphore is never closed")
            }
        };
        let answer = ask.await;
        drop(permit);
        Ok(answer)
    }
}

/// A place among those that wait, given back when dropped.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(count: &'a AtomicUsize, max: usize) -> Option<Place<'a>> {
        let place = Place(count);
        (count.fetch_add(1, Ordering::Relaxed) < max).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    #[test]
    fn beyond_the_queue_one_is_told_that_we_are_busy() {
        let limits = OutsideLimits { concurrency_max: 1, queue_max: 1, ..OutsideLimits::default() };
        let outside = Outside::<()>::new(&limits, Clock::new());
        let mut cx = Context::from_waker(Waker::noop());
        let mut first = Box::pin(outside.in_turn(std::future::pending::<()>()));
        assert!(first.as_mut().poll(&mut cx).is_pending());
        let mut second = Box::pin(outside.in_turn(std::future::ready(2)));
        assert!(second.as_mut().poll(&mut cx).is_pending());
        let third = pin!(outside.in_turn(std::future::ready(3)));
        assert_eq!(third.poll(&mut cx), Poll::Ready(Err(TooMany)));
        drop(first);
        assert_eq!(second.as_mut().poll(&mut cx), Poll::Ready(Ok(2)));
        drop(second);
        let fourth = pin!(outside.in_turn(std::future::ready(4)));
        assert_eq!(fourth.poll(&mut cx), Poll::Ready(Ok(4)), "its place is free again");
    }

    #[test]
    fn answers_are_remembered_where_that_is_asked_for() {
        let outside =
            |cache_ttl_s| Outside::new(&OutsideLimits { cache_ttl_s, ..OutsideLimits::default() }, Clock::new());
        let (forgetful, keen) = (outside(0), outside(60));
        for outside in [&forgetful, &keen] {
            outside.remember([1; 32], 7);
        }
        assert_eq!((forgetful.recall(&[1; 32]), keen.recall(&[1; 32]), keen.recall(&[2; 32])), (None, Some(7), None));
    }
}
