//! A listener as its connections know it.

use std::sync::atomic::AtomicUsize;

use bytestring::ByteString;
use parking_lot::Mutex;

use crate::clock::Now;
use crate::config::ListenerConfig;

/// A named listener: its settings, and how much goes on there.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) name: ByteString,
    pub(crate) config: ListenerConfig,
    /// Connections at the moment, those beyond the limit among them.
    pub(crate) connections_count: AtomicUsize,
    rate: Mutex<Rate>,
}

#[derive(Debug, Default)]
struct Rate {
    second_began_ms: u64,
    count: u32,
}

impl Listener {
    /// A listener without connections.
    pub(crate) fn new(name: ByteString, config: ListenerConfig) -> Listener {
        Listener { name, config, connections_count: AtomicUsize::new(0), rate: Mutex::default() }
    }

    /// Counts a CONNECT; whether it is within the rate.
    pub(crate) fn takes_connect(&self, now: Now) -> bool {
        let max = self.config.connect_rate_max;
        if max == 0 {
            return true;
        }
        let mut rate = self.rate.lock();
        if now.mono_ms >= rate.second_began_ms + 1000 {
            *rate = Rate { second_began_ms: now.mono_ms, count: 0 };
        }
        rate.count = rate.count.saturating_add(1);
        rate.count <= max
    }
}
