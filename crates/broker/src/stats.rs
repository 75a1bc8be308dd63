//! What the broker counts.

use std::sync::atomic::{AtomicU64, Ordering};

use events::{ConnackReason, DisconnectReason};

/// The broker in numbers, at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Network connections, of strangers too.
    pub connections: u64,
    /// Sessions with a connection.
    pub sessions_online: u64,
    /// Sessions without one.
    pub sessions_offline: u64,
    /// Subscriptions of all sessions.
    pub subscriptions: u64,
    /// Retained messages.
    pub retained_messages: u64,
    /// Bytes of retained messages.
    pub retained_bytes: u64,
    /// Bytes of the messages that wait for sessions.
    pub queued_bytes: u64,
    /// Bytes of memory the process takes.
    pub memory_bytes: u64,
    /// Network connections accepted since the start.
    pub connections_accepted: u64,
    /// Connections closed at once because too many waited for their refusal.
    pub connections_shed: u64,
    /// CONNECTs that were accepted.
    pub connects_accepted: u64,
    /// CONNECTs that were refused.
    pub connects_refused: u64,
    /// CONNECTs that were refused because the process took more memory than it may.
    pub connects_refused_memory: u64,
    /// Connections that ended.
    pub disconnects: u64,
    /// Connections that ended without having been accepted.
    pub disconnects_unauthenticated: u64,
    /// Sessions that ended.
    pub sessions_ended: u64,
    /// How often a client was not read from for a while because it, its address or its listener sent more than may be
    /// published.
    pub reads_paused: u64,
    /// Bytes from clients.
    pub bytes_received: u64,
    /// Bytes to clients.
    pub bytes_sent: u64,
    /// Packets from clients.
    pub packets_received: u64,
    /// Packets to clients.
    pub packets_sent: u64,
    /// Messages accepted from clients, wills and rules.
    pub messages_published: u64,
    /// Messages handed to sessions.
    pub messages_routed: u64,
    /// Messages that reached nobody.
    pub messages_dropped: u64,
    /// Messages not retained because the store was full.
    pub retained_refused: u64,
    /// Messages dropped for one receiver whose queue was full.
    pub deliveries_dropped: u64,
    /// Messages of QoS 0 for a session without a connection.
    pub deliveries_offline: u64,
    /// Messages whose time was over before they could be sent.
    pub deliveries_expired: u64,
    /// Messages larger than their receiver takes.
    pub deliveries_too_large: u64,
    /// Messages their receiver may not read.
    pub deliveries_not_authorized: u64,
}

macro_rules! counters {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// Counters that only rise, shared by all connections.
        #[derive(Debug, Default)]
        pub(crate) struct Counters { $($(#[doc = $doc])* pub(crate) $name: AtomicU64,)* }

        impl Counters {
            /// Their values beside what `stats` says already.
            pub(crate) fn fill(&self, stats: Stats) -> Stats {
                Stats { $($name: self.$name.load(Ordering::Relaxed),)* ..stats }
            }
        }
    };
}

counters! {
    connections_accepted,
    connections_shed,
    connects_accepted,
    connects_refused,
    connects_refused_memory,
    disconnects,
    disconnects_unauthenticated,
    sessions_ended,
    reads_paused,
    bytes_received,
    bytes_sent,
    packets_received,
    packets_sent,
    messages_published,
    messages_routed,
    messages_dropped,
    retained_refused,
    deliveries_dropped,
    deliveries_offline,
    deliveries_expired,
    deliveries_too_large,
    deliveries_not_authorized,
}

/// How often each reason was given. Reasons that never were are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReasonCounts {
    /// Of refused CONNECTs.
    pub refusals: Vec<(ConnackReason, u64)>,
    /// Of connections that ended.
    pub disconnects: Vec<(DisconnectReason, u64)>,
}

/// Counters of reasons, as they stand in their tables.
#[derive(Debug)]
pub(crate) struct ReasonCounters {
    refusals: [AtomicU64; ConnackReason::ALL.len()],
    disconnects: [AtomicU64; DisconnectReason::ALL.len()],
}

impl Default for ReasonCounters {
    fn default() -> ReasonCounters {
        let zero = || AtomicU64::new(0);
        ReasonCounters { refusals: std::array::from_fn(|_| zero()), disconnects: std::array::from_fn(|_| zero()) }
    }
}

impl ReasonCounters {
    /// Counts a refused CONNECT.
    pub(crate) fn count_refusal(&self, reason: ConnackReason) {
        add(&self.refusals[reason as usize], 1);
    }

    /// Counts a connection that ended.
    pub(crate) fn count_disconnect(&self, reason: DisconnectReason) {
        add(&self.disconnects[reason as usize], 1);
    }

    /// What was counted so far.
    pub(crate) fn counts(&self) -> ReasonCounts {
        ReasonCounts {
            refusals: given(ConnackReason::ALL, &self.refusals),
            disconnects: given(DisconnectReason::ALL, &self.disconnects),
        }
    }
}

fn given<R: Copy>(reasons: &[R], counters: &[AtomicU64]) -> Vec<(R, u64)> {
    let counts = counters.iter().map(|counter| counter.load(Ordering::Relaxed));
    reasons.iter().copied().zip(counts).filter(|(_, count)| *count > 0).collect()
}

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, count: u64) {
    if count > 0 {
        counter.fetch_add(count, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_counted_at_its_place() {
        let counters = ReasonCounters::default();
        for reason in DisconnectReason::ALL {
            counters.count_disconnect(*reason);
        }
        counters.count_disconnect(DisconnectReason::NotMqtt);
        counters.count_refusal(ConnackReason::ServerBusy);
        let counts = counters.counts();
        assert_eq!(counts.refusals, [(ConnackReason::ServerBusy, 1)]);
        assert!(
            counts
                .disconnects
                .iter()
                .all(|(reason, count)| *count == 1 + u64::from(*reason == DisconnectReason::NotMqtt))
        );
        assert_eq!(counts.disconnects.len(), DisconnectReason::ALL.len());
    }
}
