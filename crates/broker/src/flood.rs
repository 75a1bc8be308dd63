//! Keeps those who never authenticate from flooding the event history.
//!
//! Of the connections of one source address that are not accepted, so many refusals and so many endings in a second are
//! told one by one; the rest of that second as one event of each kind and reason that carries its number.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use events::Kind;
use foldhash::fast::RandomState;

use crate::clock::Now;

/// Accounts at a time, one for each address and kind of event; addresses beyond share one.
const ACCOUNTS_MAX: usize = 8192;
const SECOND_MS: u64 = 1000;

/// What becomes of an event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict<E> {
    /// It is told on its own.
    Tell(E),
    /// It is counted, and told with others when the second is over.
    Counted {
        /// Whether it is the first of them: from now on there is something to wait for.
        is_first: bool,
    },
}

/// Events by source address and kind, within the current second of each.
#[derive(Debug)]
pub(crate) struct Flood<E> {
    per_second_max: u32,
    accounts: HashMap<(IpAddr, Kind), Account<E>, RandomState>,
}

#[derive(Debug)]
struct Account<E> {
    second_began_ms: u64,
    told_count: u32,
    /// By reason, of which there are few: the last event that was not told, and how many there were.
    held_back: BTreeMap<&'static str, (E, u32)>,
}

impl<E> Flood<E> {
    /// Tells at most `per_second_max` events of a kind for each address and second.
    pub(crate) fn new(per_second_max: u32) -> Flood<E> {
        Flood { per_second_max, accounts: HashMap::default() }
    }

    /// Takes an event of this kind and reason that came from `source`.
    pub(crate) fn handle(
        &mut self,
        now: Now,
        ((source, kind), reason): ((IpAddr, Kind), &'static str),
        event: E,
    ) -> Verdict<E> {
        let account_of = if self.accounts.len() < ACCOUNTS_MAX || self.accounts.contains_key(&(source, kind)) {
            (source, kind)
        } else {
            (IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), kind)
        };
        let account = self.accounts.entry(account_of).or_insert(Account {
            second_began_ms: now.mono_ms,
            told_count: 0,
            held_back: BTreeMap::new(),
        });
        if account.held_back.is_empty() && now.mono_ms >= account.second_began_ms + SECOND_MS {
            account.second_began_ms = now.mono_ms;
            account.told_count = 0;
        }
        if account.told_count < self.per_second_max {
            account.told_count += 1;
            return Verdict::Tell(event);
        }
        let is_first = account.held_back.is_empty();
        let repeated = account.held_back.get(reason).map_or(0, |(_, repeated)| *repeated) + 1;
        account.held_back.insert(reason, (event, repeated));
        Verdict::Counted { is_first }
    }

    /// When [`Flood::take_due`] is to be called next; `None` while nothing is held.
    pub(crate) fn next_due_mono_ms(&self) -> Option<u64> {
        self.accounts.values().map(|account| account.second_began_ms + SECOND_MS).min()
    }

    /// What was held back in seconds that are over, each with its number; of one address in the order of the kinds, so
    /// that a refusal comes before the ending it led to. Forgets addresses that have been quiet.
    pub(crate) fn take_due(&mut self, now: Now) -> Vec<(E, u32)> {
        let mut due = Vec::new();
        self.accounts.retain(|source, account| {
            if now.mono_ms < account.second_began_ms + SECOND_MS {
                return true;
            }
            due.extend(std::mem::take(&mut account.held_back).into_values().map(|held_back| (*source, held_back)));
            false
        });
        due.sort_by_key(|(source, _)| *source);
        due.into_iter().map(|(_, held_back)| held_back).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const SOURCE: ((IpAddr, Kind), &str) = of(Ipv4Addr::LOCALHOST);

    const fn of(address: Ipv4Addr) -> ((IpAddr, Kind), &'static str) {
        ((IpAddr::V4(address), Kind::ClientDisconnected), "not_mqtt")
    }

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
        for n in 0..8192u32 {
            assert_eq!(flood.handle(at(0), of(Ipv4Addr::from(n + 1)), n), Verdict::Tell(n));
        }
        assert_eq!(flood.handle(at(0), of(Ipv4Addr::from(9_999_999)), 1), Verdict::Tell(1));
        assert_eq!(flood.handle(at(0), of(Ipv4Addr::from(9_999_998)), 2), Verdict::Counted { is_first: true });
    }

    #[test]
    fn every_reason_has_its_own_number() {
        let mut flood = Flood::new(1);
        let source = SOURCE.0;
        assert_eq!(flood.handle(at(0), (source, "not_mqtt"), 'a'), Verdict::Tell('a'));
        for (reason, event) in [("not_mqtt", 'b'), ("connect_timeout", 'c'), ("not_mqtt", 'd')] {
            assert_eq!(flood.handle(at(1), (source, reason), event), Verdict::Counted { is_first: event == 'b' });
        }
        assert_eq!(flood.take_due(at(1000)), [('c', 1), ('d', 2)]);
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
