//! How much may come in a time: token buckets. `now` is handed in; nothing here waits, refuses or counts.
//!
//! `accounts.rs` keeps the buckets of clients and addresses, `meter.rs` is what a connection draws on.

mod accounts;
mod meter;

use std::fmt;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::Now;

pub(crate) use accounts::Accounts;
pub(crate) use meter::{Meter, Share};

const NS_PER_MS: u64 = 1_000_000;

/// So many in a period: all of them at once after silence, and then evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    count: NonZeroU32,
    period_ms: NonZeroU32,
}

impl Rate {
    /// `count` in `period_ms`; `None`, which is no limit, where one of them is 0.
    pub fn new(count: u32, period_ms: u32) -> Option<Rate> {
        Some(Rate { count: NonZeroU32::new(count)?, period_ms: NonZeroU32::new(period_ms)? })
    }

    /// `count` in a second; `None`, which is no limit, where it is 0.
    pub fn per_second(count: u32) -> Option<Rate> {
        Rate::new(count, 1000)
    }

    /// How many.
    pub const fn count(self) -> u32 {
        self.count.get()
    }

    /// In which time.
    pub const fn period_ms(self) -> u32 {
        self.period_ms.get()
    }

    /// As people write it: `100/s`, `3/10s`.
    pub fn notation(self) -> String {
        match self.period_ms() {
            1000 => format!("{}/s", self.count),
            period_ms if period_ms % 1000 == 0 => format!("{}/{}s", self.count, period_ms / 1000),
            period_ms => format!("{}/{period_ms}ms", self.count),
        }
    }

    fn period_ns(self) -> u64 {
        u64::from(self.period_ms.get()) * NS_PER_MS
    }

    /// How long it takes until as much has come back.
    fn cost_ns(self, amount: u64) -> u64 {
        let cost_ns = (u128::from(amount) * u128::from(self.period_ns())).div_ceil(u128::from(self.count.get()));
        u64::try_from(cost_ns).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.count, self.period_ms()) {
            (count, 1000) => write!(f, "{count} in a second"),
            (count, period_ms) if period_ms % 1000 == 0 => write!(f, "{count} in {} s", period_ms / 1000),
            (count, period_ms) => write!(f, "{count} in {period_ms} ms"),
        }
    }
}

/// What may come from the clients of a listener, from a client or from an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// CONNECTs. One more is refused with `connection_rate_exceeded`.
    pub connects: Option<Rate>,
    /// PUBLISHes. Whoever sends more is not read from until there is room again; counted in
    /// [`crate::Stats::reads_paused`].
    pub messages: Option<Rate>,
    /// Bytes of PUBLISHes; as `messages`.
    pub bytes: Option<Rate>,
}

impl Rates {
    /// Whether nothing is limited.
    pub(crate) const fn is_none(&self) -> bool {
        self.connects.is_none() && !self.limits_messages()
    }

    /// Whether messages are limited, by number or size.
    pub(crate) const fn limits_messages(&self) -> bool {
        self.messages.is_some() || self.bytes.is_some()
    }
}

/// A bucket of tokens that fills evenly, kept as the one number that matters: the moment when it will be full.
#[derive(Debug, Default)]
struct Bucket {
    full_at_ns: AtomicU64,
}

impl Bucket {
    /// Takes one token where there is one; whether there was. What is refused costs nothing.
    fn try_take(&self, now: Now, rate: Rate) -> bool {
        let now_ns = now.mono_ms.saturating_mul(NS_PER_MS);
        let taken = self.full_at_ns.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at_ns| {
            let after_ns = full_at_ns.max(now_ns).saturating_add(rate.cost_ns(1));
            (after_ns - now_ns <= rate.period_ns()).then_some(after_ns)
        });
        taken.is_ok()
    }

    /// Takes `amount` tokens, also where there are fewer; gives the time on the monotonic clock when the debt is over.
    fn charge(&self, now: Now, rate: Rate, amount: u64) -> Option<u64> {
        let now_ns = now.mono_ms.saturating_mul(NS_PER_MS);
        let after = |full_at_ns: u64| full_at_ns.max(now_ns).saturating_add(rate.cost_ns(amount));
        let charged = self.full_at_ns.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |before| Some(after(before)));
        let (Ok(before_ns) | Err(before_ns)) = charged;
        let debt_ns = after(before_ns).saturating_sub(now_ns.saturating_add(rate.period_ns()));
        (debt_ns > 0).then(|| now.mono_ms.saturating_add(debt_ns.div_ceil(NS_PER_MS)))
    }
}

/// The buckets of a listener, a client or an address.
#[derive(Debug, Default)]
pub(crate) struct Account {
    connects: Bucket,
    messages: Bucket,
    bytes: Bucket,
}

impl Account {
    /// Takes a CONNECT; the rate where there were too many.
    pub(crate) fn take_connect(&self, now: Now, rates: &Rates) -> Result<(), Rate> {
        match rates.connects {
            Some(rate) if !self.connects.try_take(now, rate) => Err(rate),
            Some(_) | None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(mono_ms: u64) -> Now {
        Now { mono_ms, ..Now::default() }
    }

    #[test]
    fn so_many_at_once_and_then_evenly() {
        let (bucket, rate) = (Bucket::default(), Rate::new(10, 60_000).unwrap());
        assert_eq!((0..100).filter(|_| bucket.try_take(at(5_000), rate)).count(), 10);
        assert!(!bucket.try_take(at(10_999), rate), "the next one comes back after six seconds");
        assert!(bucket.try_take(at(11_000), rate) && !bucket.try_take(at(11_000), rate));
        assert_eq!((0..100).filter(|_| bucket.try_take(at(500_000), rate)).count(), 10, "silence does not add up");
    }

    #[test]
    fn a_debt_is_over_when_as_much_has_come_back() {
        let (bucket, rate) = (Bucket::default(), Rate::per_second(1000).unwrap());
        assert_eq!(bucket.charge(at(0), rate, 1000), None);
        assert_eq!(bucket.charge(at(0), rate, 5000), Some(5000));
        assert_eq!(bucket.charge(at(5000), rate, 1), Some(5001));
        assert_eq!(bucket.charge(at(6001), rate, 1000), None);
    }

    #[test]
    fn over_a_long_time_the_rate_holds_whatever_the_sizes() {
        let (bucket, rate) = (Bucket::default(), Rate::per_second(7).unwrap());
        let (mut now_ms, mut taken) = (0, 0);
        while now_ms < 100_000 {
            let amount = 1 + now_ms % 5;
            taken += amount;
            now_ms = bucket.charge(at(now_ms), rate, amount).unwrap_or(now_ms);
        }
        assert!((700..=715).contains(&taken), "{taken}");
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let (bucket, rate) = (Bucket::default(), Rate::new(1, u32::MAX).unwrap());
        assert!(bucket.charge(at(u64::MAX), rate, u64::MAX).is_none());
        assert!(!bucket.try_take(at(0), rate));
    }
}
