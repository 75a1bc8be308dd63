//! How long, how much, and from which seed.

use std::fmt;
use std::time::Duration;

/// What the environment asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// How long things are killed.
    pub(crate) duration: Duration,
    /// Messages and events a second.
    pub(crate) per_s: u64,
    /// How many clients publish; as many come and go.
    pub(crate) clients: u64,
    /// What all that is random begins from.
    pub(crate) seed: u64,
}

impl Plan {
    /// The short form, unless the environment says otherwise.
    pub(crate) fn from_environment() -> Plan {
        Plan {
            duration: Duration::from_secs(number("CHAOS_SECONDS", 60)),
            per_s: number("CHAOS_RATE", 500).max(40),
            clients: number("CHAOS_CLIENTS", 10).max(2),
            seed: number("CHAOS_SEED", fastrand::u64(..1_000_000)),
        }
    }

    /// A visit makes two events: a tenth of everything is events.
    pub(crate) const fn visits_per_s(&self) -> u64 {
        self.per_s / 20
    }

    pub(crate) const fn messages_per_s(&self) -> u64 {
        self.per_s - 2 * self.visits_per_s()
    }

    /// How long everything is left alone between two strikes, at least and at most.
    pub(crate) fn quiet(&self) -> (Duration, Duration) {
        if self.duration > Duration::from_secs(120) {
            (Duration::from_secs(1), Duration::from_secs(8))
        } else {
            (Duration::from_millis(500), Duration::from_secs(3))
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { duration, per_s, clients, seed } = self;
        let seconds = duration.as_secs();
        write!(f, "{seconds} s, {per_s} messages and events a second of {clients} publishers and {clients} visitors")?;
        write!(f, "; CHAOS_SEED={seed}")
    }
}

fn number(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("`{name}`: expected a number, found `{text}`")),
        Err(_) => otherwise,
    }
}
