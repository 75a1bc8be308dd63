//! What a connection draws on with every PUBLISH.

use std::sync::Arc;

use super::{Account, Rates};
use crate::clock::Now;

/// A connection's part in an account.
#[derive(Debug)]
pub(crate) struct Share {
    pub(crate) rates: Rates,
    pub(crate) account: Arc<Account>,
}

/// The shares of a connection, and until when it is not read from. A connection without limits has none.
#[derive(Debug)]
pub(crate) struct Meter {
    shares: Box<[Share]>,
    paused_until_mono_ms: u64,
}

impl Meter {
    /// A meter over those `shares` that limit messages; none where no one does.
    pub(crate) fn new(shares: impl Iterator<Item = Share>) -> Option<Box<Meter>> {
        let shares: Box<[Share]> = shares.filter(|share| share.rates.limits_messages()).collect();
        (!shares.is_empty()).then(|| Box::new(Meter { shares, paused_until_mono_ms: 0 }))
    }

    /// Takes a PUBLISH of so many bytes; whether nothing more may be read for now.
    pub(crate) fn charge(&mut self, now: Now, bytes_len: usize) -> bool {
        let bytes = u64::try_from(bytes_len).unwrap_or(u64::MAX);
        for Share { rates, account } in &self.shares {
            let of_messages = rates.messages.and_then(|rate| account.messages.charge(now, rate, 1));
            let of_bytes = rates.bytes.and_then(|rate| account.bytes.charge(now, rate, bytes));
            let until_ms = of_messages.max(of_bytes).unwrap_or(0);
            self.paused_until_mono_ms = self.paused_until_mono_ms.max(until_ms);
        }
        self.is_paused(now)
    }

    /// Whether nothing may be read for now.
    pub(crate) fn is_paused(&self, now: Now) -> bool {
        self.paused_until_mono_ms > now.mono_ms
    }

    /// Until when nothing may be read; a time that has passed where something may.
    pub(crate) fn paused_until_mono_ms(&self) -> u64 {
        self.paused_until_mono_ms
    }
}
