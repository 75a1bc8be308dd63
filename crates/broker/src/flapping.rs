//! Finds clients that come and go all the time.

use std::collections::HashMap;

use bytestring::ByteString;
use events::DisconnectReason;
use foldhash::quality::RandomState;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::clock::Now;

/// Clients that are watched at a time, twice. When there are more, those that have been quiet longest are forgotten.
const WATCHED_MAX: usize = 100_000;

/// When a client comes and goes too often, and for how long it is banned then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlappingConfig {
    /// Connections of one client that may end within the window.
    pub max_count: u32,
    /// The window in seconds; it begins with the first end.
    pub window_s: u32,
    /// How long a client with more is banned, in seconds.
    pub ban_s: u32,
}

/// Bans that wait to be made. One more is left out: the client goes on to come and go, and is found again.
const FOUND_MAX: usize = 1_000;

/// Watches all clients, and hands on those that come and go too often.
#[derive(Debug)]
pub(crate) struct FlappingWatch {
    pub(crate) config: FlappingConfig,
    flapping: Mutex<Flapping>,
    found: mpsc::Sender<ByteString>,
    receiver: Mutex<Option<mpsc::Receiver<ByteString>>>,
}

impl FlappingWatch {
    /// Watches nobody yet.
    pub(crate) fn new(config: FlappingConfig) -> FlappingWatch {
        let (found, receiver) = mpsc::channel(FOUND_MAX);
        let flapping = Mutex::new(Flapping::new(config));
        FlappingWatch { config, flapping, found, receiver: Mutex::new(Some(receiver)) }
    }

    /// Takes the end of a connection that was accepted. One that the broker has ended for its own reasons does not count.
    pub(crate) fn handle_ended(&self, now: Now, client_id: &ByteString, reason: DisconnectReason) {
        let ours = [DisconnectReason::Kicked, DisconnectReason::Banned, DisconnectReason::GoAway];
        if !ours.contains(&reason) && self.flapping.lock().handle_ended(now, client_id) {
            let is_left_out = self.found.try_send(client_id.clone()).is_err();
            tracing::warn!(%client_id, is_left_out, "a client comes and goes too often");
        }
    }

    /// The clients that are to be banned, for whoever bans them.
    pub(crate) fn take_receiver(&self) -> Option<mpsc::Receiver<ByteString>> {
        self.receiver.lock().take()
    }
}

/// The clients whose connections have ended lately, in two generations of one window each.
#[derive(Debug)]
pub(crate) struct Flapping {
    config: FlappingConfig,
    young: HashMap<ByteString, Window, RandomState>,
    old: HashMap<ByteString, Window, RandomState>,
    young_since_ms: u64,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    began_ms: u64,
    count: u32,
}

impl Flapping {
    /// Watches nobody yet.
    pub(crate) fn new(config: FlappingConfig) -> Flapping {
        Flapping { config, young: HashMap::default(), old: HashMap::default(), young_since_ms: 0 }
    }

    /// Takes the end of a connection; whether its client has come and gone too often. Then it is counted anew.
    pub(crate) fn handle_ended(&mut self, now: Now, client_id: &ByteString) -> bool {
        let window_ms = u64::from(self.config.window_s) * 1000;
        if self.young.len() >= WATCHED_MAX || now.mono_ms >= self.young_since_ms.saturating_add(window_ms) {
            self.old = std::mem::take(&mut self.young);
            self.young_since_ms = now.mono_ms;
        }
        let known = self.young.remove(client_id).or_else(|| self.old.remove(client_id));
        let mut window = known
            .filter(|window| now.mono_ms < window.began_ms.saturating_add(window_ms))
            .unwrap_or(Window { began_ms: now.mono_ms, count: 0 });
        window.count += 1;
        if window.count > self.config.max_count {
            return true;
        }
        self.young.insert(client_id.clone(), window);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(mono_ms: u64) -> Now {
        Now { mono_ms, ..Now::default() }
    }

    fn flapping() -> Flapping {
        Flapping::new(FlappingConfig { max_count: 3, window_s: 10, ban_s: 60 })
    }

    #[test]
    fn one_more_within_the_window_is_too_many() {
        let (mut flapping, client) = (flapping(), ByteString::from_static("a"));
        let found: Vec<bool> =
            [0, 4_000, 9_000, 9_999, 9_999].iter().map(|ms| flapping.handle_ended(at(*ms), &client)).collect();
        assert_eq!(found, [false, false, false, true, false]);
    }

    #[test]
    fn who_comes_and_goes_slowly_is_left_alone() {
        let (mut flapping, client) = (flapping(), ByteString::from_static("a"));
        assert!((0..1000).all(|n| !flapping.handle_ended(at(n * 3_400), &client)));
    }

    #[test]
    fn many_clients_do_not_take_more_memory_than_they_may() {
        let mut flapping = flapping();
        for n in 0..300_000 {
            assert!(!flapping.handle_ended(at(5), &format!("client-{n}").into()));
        }
        assert!(flapping.young.len() + flapping.old.len() <= 2 * WATCHED_MAX);
    }
}
