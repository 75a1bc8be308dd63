//! Whether a password is the stored one: remembered, or hashed on a thread of its own, so many at a time.

use std::net::IpAddr;
use std::sync::Arc;

use events::ConnackReason;

use crate::clock::Clock;
use crate::config::Limits;
use crate::gate::{Boarding, Busy, Flight, Gate};
use crate::memory::{Digest, Known, Memory};
use crate::password::{cost, verify};

/// Compares passwords. Cloning it shares it.
#[derive(Clone, Debug)]
pub(crate) struct Passwords(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    memory: Memory,
    gate: Gate,
    clock: Clock,
}

/// Whether `password` of `username` is the one that is `stored`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    pub(crate) username: &'a str,
    pub(crate) password: &'a [u8],
    pub(crate) stored: &'a str,
    pub(crate) peer: IpAddr,
}

impl Passwords {
    pub(crate) fn new(limits: &Limits, clock: Clock) -> Passwords {
        Passwords(Arc::new(Inner { memory: Memory::new(limits), gate: Gate::new(limits), clock }))
    }

    /// What is known without a costly hash; takes about a microsecond.
    pub(crate) fn look(&self, question: &Question<'_>) -> Known {
        let Question { password, stored, peer, .. } = question;
        if is_cheap(stored) {
            return if verify(stored, password) { Known::Right } else { Known::Wrong };
        }
        self.0.memory.look(self.digest(question), *peer, self.0.clock.now_ms())
    }

    /// Whether it is right, with a hash where one is needed; `Err` where too many wait for theirs. Dropping the future
    /// leaves the queue.
    pub(crate) async fn verify(&self, question: &Question<'_>) -> Result<bool, ConnackReason> {
        let digest = self.digest(question);
        loop {
            match self.look(question) {
                Known::Right => return Ok(true),
                Known::Wrong => return Ok(false),
                Known::Unknown => {}
            }
            match self.0.gate.board(digest) {
                Boarding::Lead(flight) => return self.hash(question, digest, flight).await,
                // Where the one in front was cut off there is no answer: ask anew.
                Boarding::Follow(mut answer) => {
                    if let Ok(right) = answer.wait_for(Option::is_some).await.map(|right| *right)
                        && let Some(right) = right
                    {
                        return Ok(right);
                    }
                }
            }
        }
    }

    async fn hash(&self, question: &Question<'_>, digest: Digest, flight: Flight) -> Result<bool, ConnackReason> {
        let peer = question.peer;
        let suspect = self.0.memory.is_suspect(peer, self.0.clock.now_ms());
        let ticket = match self.0.gate.enter(suspect, cost(question.stored)).await {
            Ok(ticket) => ticket,
            Err(Busy) => {
                tracing::debug!(%peer, suspect, "too many passwords wait to be hashed");
                return Err(ConnackReason::ServerBusy);
            }
        };
        let (passwords, stored, password) = (self.clone(), question.stored.to_owned(), question.password.to_vec());
        // Ticket and flight go along: where the client goes away meanwhile, the bound holds and the work is not lost.
        let hashed = tokio::task::spawn_blocking(move || {
            let right = verify(&stored, &password);
            passwords.0.memory.handle_verified(digest, peer, right, passwords.0.clock.now_ms());
            flight.land(right);
            drop(ticket);
            right
        });
        hashed.await.map_err(|_| ConnackReason::ServerUnavailable)
    }

    fn digest(&self, question: &Question<'_>) -> Digest {
        self.0.memory.digest(question.username, question.password, question.stored)
    }

    /// What inputs of any kind are remembered under.
    pub(crate) fn digest_of(&self, what: &str, input: &str) -> Digest {
        self.0.memory.digest(what, input.as_bytes(), "")
    }
}

/// Whether comparing costs no more than remembering.
fn is_cheap(stored: &str) -> bool {
    ["$sha256$", "$sha512$", "$6$"].iter().any(|scheme| stored.starts_with(scheme))
}
