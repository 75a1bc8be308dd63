//! Who may hash a password now, who waits, and who is told that the broker is busy.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::config::Limits;
use crate::memory::Digest;
use crate::password::Cost;

/// The way to the threads that hash.
///
/// Two lanes: an address that sent wrong passwords lately waits in a shorter queue, and one such client at a time joins
/// the other queue. So guessing takes one hash in turn with those of everybody else, and never their places.
#[derive(Debug)]
pub(crate) struct Gate {
    hashing: Arc<Semaphore>,
    suspect_hashing: Arc<Semaphore>,
    queue: Queue,
    suspect_queue: Queue,
    flights: Arc<Flights>,
}

/// The right to hash one password; ends when it is dropped. It goes with the hash to its thread, so a client that went
/// away does not let a further hash in.
#[derive(Debug)]
pub(crate) struct Ticket {
    _permit: OwnedSemaphorePermit,
    _suspect: Option<OwnedSemaphorePermit>,
}

/// Too many passwords wait already.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Busy;

impl Gate {
    pub(crate) fn new(limits: &Limits) -> Gate {
        Gate {
            hashing: Arc::new(Semaphore::new(limits.hashing_parallel_max.clamp(1, Semaphore::MAX_PERMITS))),
            suspect_hashing: Arc::new(Semaphore::new(1)),
            queue: Queue::new(limits.hashing_queue_max),
            suspect_queue: Queue::new((limits.hashing_queue_max / 4).max(1)),
            flights: Arc::default(),
        }
    }

    /// Waits for a place among those that hash, with a hash of that cost.
    pub(crate) async fn enter(&self, suspect: bool, cost: Cost) -> Result<Ticket, Busy> {
        let suspect = if suspect {
            let _place = self.suspect_queue.join(cost)?;
            Some(acquire(&self.suspect_hashing).await)
        } else {
            None
        };
        // At most one suspect client comes here at a time, so it needs no place in the queue and takes none away.
        let _place = if suspect.is_none() { Some(self.queue.join(cost)?) } else { None };
        Ok(Ticket { _permit: acquire(&self.hashing).await, _suspect: suspect })
    }

    /// The first with these credentials hashes them; those that come meanwhile, as a fleet that shares a password does
    /// after a restart, get its answer.
    pub(crate) fn board(&self, digest: Digest) -> Boarding {
        let mut flights = self.flights.0.lock();
        if let Some(answer) = flights.get(&digest) {
            return Boarding::Follow(answer.clone());
        }
        let (answer, follow) = watch::channel(None);
        flights.insert(digest, follow);
        Boarding::Lead(Flight { digest, answer, flights: self.flights.clone() })
    }
}

async fn acquire(semaphore: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    semaphore.clone().acquire_owned().await.expect("the semaphores are never closed")
}

/// What a hash that is made to be slow takes of a queue.
const WHOLE_PLACE: usize = 1000;
/// Iterations of PBKDF2 that take about as long.
const ITERATIONS_OF_A_PLACE: usize = 30_000;

/// Those who wait. What is bounded is how long they do: a quick hash takes a small part of a place, so that a fleet with
/// such passwords may come all at once.
#[derive(Debug)]
struct Queue {
    len: Arc<AtomicUsize>,
    len_max: usize,
}

impl Queue {
    fn new(places: usize) -> Queue {
        Queue { len: Arc::default(), len_max: places.saturating_mul(WHOLE_PLACE) }
    }

    fn join(&self, cost: Cost) -> Result<Place, Busy> {
        let len = part_of_a_place(cost);
        let place = Place { queue: self.len.clone(), len };
        if self.len.fetch_add(len, Ordering::Relaxed) + len <= self.len_max { Ok(place) } else { Err(Busy) }
    }
}

fn part_of_a_place(cost: Cost) -> usize {
    match cost {
        Cost::Digest => 1,
        Cost::Derived(_, iterations) => {
            let iterations = usize::try_from(iterations).unwrap_or(usize::MAX);
            (iterations.saturating_mul(WHOLE_PLACE) / ITERATIONS_OF_A_PLACE).clamp(1, WHOLE_PLACE)
        }
        Cost::Bcrypt(_) | Cost::Argon2id { .. } => WHOLE_PLACE,
    }
}

/// A place in a queue, given back when dropped.
#[derive(Debug)]
struct Place {
    queue: Arc<AtomicUsize>,
    len: usize,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.queue.fetch_sub(self.len, Ordering::Relaxed);
    }
}

/// The credentials that are being hashed; one entry for each place in the queues.
#[derive(Debug, Default)]
struct Flights(Mutex<HashMap<Digest, watch::Receiver<Option<bool>>, foldhash::quality::RandomState>>);

/// Who hashes.
#[derive(Debug)]
pub(crate) enum Boarding {
    /// This one; others follow.
    Lead(Flight),
    /// Somebody else; the answer will be here, or the channel closes because that one was cut off.
    Follow(watch::Receiver<Option<bool>>),
}

/// The promise to answer those that follow.
#[derive(Debug)]
pub(crate) struct Flight {
    digest: Digest,
    answer: watch::Sender<Option<bool>>,
    flights: Arc<Flights>,
}

impl Flight {
    pub(crate) fn land(self, right: bool) {
        self.answer.send_replace(Some(right));
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.flights.0.lock().remove(&self.digest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use crate::password::Algorithm;

    const SLOW: Cost = Cost::Bcrypt(10);

    fn gate(hashing_parallel_max: usize, hashing_queue_max: usize) -> Gate {
        Gate::new(&Limits { hashing_parallel_max, hashing_queue_max, ..Limits::default() })
    }

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn ready<F: Future>(future: F) -> F::Output {
        match poll(pin!(future)) {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("expected a place, found a queue"),
        }
    }

    #[test]
    fn beyond_the_queue_one_is_told_that_we_are_busy() {
        let gate = gate(1, 2);
        let ticket = ready(gate.enter(false, SLOW)).unwrap();
        let (mut first, mut second) = (pin!(gate.enter(false, SLOW)), pin!(gate.enter(false, SLOW)));
        assert!(poll(first.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
        assert_eq!(ready(gate.enter(false, SLOW)).unwrap_err(), Busy);
        drop(ticket);
        let Poll::Ready(Ok(_ticket)) = poll(first.as_mut()) else { panic!("expected the first in the queue to go on") };
        assert!(poll(pin!(gate.enter(false, SLOW))).is_pending(), "its place in the queue is free again");
    }

    #[test]
    fn quick_hashes_take_little_of_the_queue() {
        let gate = gate(1, 2);
        let _ticket = ready(gate.enter(false, SLOW)).unwrap();
        // As `mosquitto_passwd` makes them.
        let quick = Cost::Derived(Algorithm::Sha512, 101);
        let mut waiting: Vec<_> = (0..600).map(|_| Box::pin(gate.enter(false, quick))).collect();
        assert!(waiting.iter_mut().all(|one| poll(one.as_mut()).is_pending()));
        assert!(poll(pin!(gate.enter(false, SLOW))).is_ready(), "less than a whole place is left");
        assert!(part_of_a_place(Cost::Derived(Algorithm::Sha512, u32::MAX)) == WHOLE_PLACE);
    }

    #[test]
    fn one_who_leaves_the_queue_gives_its_place_back() {
        let gate = gate(1, 1);
        let _ticket = ready(gate.enter(false, SLOW)).unwrap();
        for _ in 0..3 {
            assert!(poll(pin!(gate.enter(false, SLOW))).is_pending());
        }
    }

    #[test]
    fn suspects_wait_for_each_other_and_not_in_the_way() {
        let gate = gate(2, 4);
        let _suspect = ready(gate.enter(true, SLOW)).unwrap();
        let mut waiting = pin!(gate.enter(true, SLOW));
        assert!(poll(waiting.as_mut()).is_pending(), "one suspect at a time, though a thread is free");
        assert_eq!(ready(gate.enter(true, SLOW)).unwrap_err(), Busy, "their queue has a quarter of the places");
        let _other = ready(gate.enter(false, SLOW)).unwrap();
    }

    #[test]
    fn those_who_come_meanwhile_follow_until_the_answer() {
        let gate = gate(1, 1);
        let Boarding::Lead(flight) = gate.board([1; 32]) else { panic!("expected to lead") };
        let Boarding::Follow(follower) = gate.board([1; 32]) else { panic!("expected to follow") };
        assert!(matches!(gate.board([2; 32]), Boarding::Lead(_)));
        flight.land(true);
        assert_eq!(*follower.borrow(), Some(true));
        assert!(matches!(gate.board([1; 32]), Boarding::Lead(_)), "the flight is over");
    }

    #[test]
    fn followers_of_one_who_was_cut_off_learn_it() {
        let gate = gate(1, 1);
        let Boarding::Lead(flight) = gate.board([1; 32]) else { panic!("expected to lead") };
        let Boarding::Follow(mut follower) = gate.board([1; 32]) else { panic!("expected to follow") };
        drop(flight);
        assert!(ready(follower.wait_for(Option::is_some)).is_err());
        assert!(matches!(gate.board([1; 32]), Boarding::Lead(_)));
    }
}
