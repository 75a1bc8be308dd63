//! Keeps those who never authenticate from flooding the event history.
//!
//! Of the connections of one source address that end without having been accepted, so many in a second are told one by
//! one; the rest of that second as one event that carries its number.

use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::RandomState;

use crate::clock::Now;

/// Addresses that are told apart at a time; those beyond share one account.
const ADDRESSES_MAX: usize = 4096;
const SECOND_MS: u64 = 1000;

/// What becomes of an event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict<E> {
    /// It is told on its own.
    Tell(E),
    /// It is counted, and told with others when the second is over.
    Counted,
}

/// Events by source address, within the current second of each.
#[derive(Debug)]
pub(crate) struct Flood<E> {
    per_second_max: u32,
    accounts: HashMap<IpAddr, Account<E>, RandomState>,
}

#[derive(Debug)]
struct Account<E> {
    second_began_ms: u64,
    told_count: u32,
    /// The last event that was not told, and how many there were.
    held_back: Option<(E, u32)>,
}

impl<E> Flood<E> {
    /// Tells at most `per_second_max` events for each address and second.
    pub(crate) fn new(per_second_max: u32) -> Flood<E> {
        Flood { per_second_max, accounts: HashMap::default() }
    }

    /// Takes an event that came from `source`.
    pub(crate) fn handle(&mut self, now: Now, source: IpAddr, event: E) -> Verdict<E> {
        let account_of = if self.accounts.len() < ADDRESSES_MAX || self.accounts.contains_key(&source) {
            source
        } else {
            IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED)
        };
        let account = self.accounts.entry(account_of).or_insert(Account {
            second_began_ms: now.mono_ms,
            told_count: 0,
            held_back: None,
        });
        if account.held_back.is_none() && now.mono_ms >= account.second_began_ms + SECOND_MS {
            account.second_began_ms = now.mono_ms;
            account.told_count = 0;
        }
        if account.told_count < self.per_second_max {
            account.told_count += 1;
            return Verdict::Tell(event);
        }
        let repeated = account.held_back.as_ref().map_or(0, |(_, repeated)| *repeated) + 1;
        account.held_back = Some((event, repeated));
        Verdict::Counted
    }

    /// When [`Flood::take_due`] is to be called next; `None` while nothing is held.
    pub(crate) fn next_due_mono_ms(&self) -> Option<u64> {
        self.accounts.values().map(|account| account.second_began_ms + SECOND_MS).min()
    }

    /// What was held back in seconds that are over, each with its number. Forgets addresses that have been quiet.
    pub(crate) fn take_due(&mut self, now: Now) -> Vec<(E, u32)> {
        let mut due = Vec::new();
        self.accounts.retain(|_, account| {
            if now.mono_ms < account.second_began_ms + SECOND_MS {
                return true;
            }
            due.extend(account.held_back.take());
            false
        });
        due
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn at(mono_ms: u64) -> Now {
        Now { mono_ms, ..Now::default() }
    }

    #[test]
    fn the_hundred_and_first_is_counted_and_told_when_the_second_is_over() {
        let mut flood = Flood::new(100);
        let told = (0..1000).filter(|n| flood.handle(at(5), SOURCE, *n) == Verdict::Tell(*n)).count();
        assert_eq!(told, 100);
        assert_eq!(flood.next_due_mono_ms(), Some(1005));
        assert_eq!(flood.take_due(at(1004)), []);
        assert_eq!(flood.take_due(at(1005)), [(999, 900)]);
        assert_eq!(flood.next_due_mono_ms(), None);
    }

    #[test]
    fn addresses_do_not_pay_for_each_other_until_there_are_too_many() {
        let mut flood = Flood::new(1);
        for n in 0..4096u32 {
            assert_eq!(flood.handle(at(0), IpAddr::V4(Ipv4Addr::from(n + 1)), n), Verdict::Tell(n));
        }
        assert_eq!(flood.handle(at(0), IpAddr::V4(Ipv4Addr::from(9_999_999)), 1), Verdict::Tell(1));
        assert_eq!(flood.handle(at(0), IpAddr::V4(Ipv4Addr::from(9_999_998)), 2), Verdict::Counted);
    }

    #[test]
    fn nothing_is_lost_however_seconds_fall() {
        let mut flood = Flood::new(3);
        let mut told = 0;
        for n in 0..500u64 {
            if flood.handle(at(n * 37), SOURCE, n) == Verdict::Tell(n) {
                told += 1;
            }
            told += flood.take_due(at(n * 37)).iter().map(|(_, repeated)| *repeated).sum::<u32>();
        }
        told += flood.take_due(at(1_000_000)).iter().map(|(_, repeated)| *repeated).sum::<u32>();
        assert_eq!(told, 500);
    }
}
