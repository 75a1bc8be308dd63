//! `$SYS/`: the broker in numbers, as messages, under the topics of EMQX and of Mosquitto.
//!
//! Nothing is stored: whoever subscribes gets the values of that moment as if they were retained, and while somebody
//! subscribes they are sent again at an interval.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use mqtt::QoS;

use crate::clock::Now;
use crate::feed::message;
use crate::hub::{Hub, Wakers};
use crate::message::{Message, Queued};
use crate::registry::Slot;
use crate::session::{Subscribe, Subscription};
use crate::telling::Origin;

/// What topics of the broker's own numbers begin with.
pub(crate) const SYS: &str = "$SYS/";

impl Hub {
    /// Sends all values to the clients that subscribe to them.
    pub(crate) fn publish_sys(&self, now: Now, wakers: &mut Wakers) {
        if self.sys_subscriptions_count.load(Ordering::Relaxed) == 0 {
            return;
        }
        for (topic, value) in self.sys_values(now) {
            let publish = message(topic.into(), Bytes::from(value));
            self.publish_own(now, &publish, &mut Vec::new(), wakers);
        }
    }

    /// The values of this moment for a new subscription, as retained messages behind the `waiting_len` that wait.
    pub(crate) fn send_sys(&self, now: Now, slot: &Slot, (subscribe, waiting_len): (&Subscribe, usize)) {
        let Subscription { filter, granted } = &subscribe.subscription;
        if !filter.topic_filter().starts_with(SYS) || !self.config.sys.is_on() {
            return;
        }
        let origin = Origin { client_id: &self.config.node, username: None, peer: None, hops: 0, id: None };
        let matching = self.sys_values(now).into_iter().filter(|(topic, _)| filter.matches(topic));
        let queued = matching.map(|(topic, value)| {
            let publish = message(topic.into(), Bytes::from(value));
            let message = Message::new(&publish, origin, now);
            let mut queued = Queued::new(std::sync::Arc::new(message), granted.qos.min(QoS::AtLeastOnce));
            queued.retain = true;
            queued.subscription_ids = granted.subscription_id.as_slice().into();
            queued
        });
        let (found, limits) = (queued.collect(), &self.config.limits);
        // What does not fit comes again.
        drop(slot.inbox.lock().put_retained(found, waiting_len, limits, &self.queued_bytes));
    }

    fn sys_values(&self, now: Now) -> Vec<(String, String)> {
        let stats = self.stats(0);
        let uptime_s = now.mono_ms.saturating_sub(self.started.mono_ms) / 1000;
        let version = env!("CARGO_PKG_VERSION");
        let sessions = stats.sessions_online + stats.sessions_offline;
        let dropped = stats.messages_dropped + stats.deliveries_dropped;
        let own = format!("{SYS}brokers/{}", self.config.node);
        let of_node = [
            ("version", version.to_owned()),
            ("uptime", uptime_s.to_string()),
            ("stats/connections/count", stats.sessions_online.to_string()),
            ("stats/sessions/count", sessions.to_string()),
            ("stats/subscriptions/count", stats.subscriptions.to_string()),
            ("stats/retained/count", stats.retained_messages.to_string()),
            ("metrics/bytes/received", stats.bytes_received.to_string()),
            ("metrics/bytes/sent", stats.bytes_sent.to_string()),
            ("metrics/packets/received", stats.packets_received.to_string()),
            ("metrics/packets/sent", stats.packets_sent.to_string()),
            ("metrics/messages/received", stats.messages_published.to_string()),
            ("metrics/messages/sent", stats.messages_routed.to_string()),
            ("metrics/messages/dropped", dropped.to_string()),
        ];
        let of_mosquitto = [
            ("version", format!("signalbox version {version}")),
            ("uptime", format!("{uptime_s} seconds")),
            ("clients/total", sessions.to_string()),
            ("clients/connected", stats.sessions_online.to_string()),
            ("clients/active", stats.sessions_online.to_string()),
            ("clients/disconnected", stats.sessions_offline.to_string()),
            ("clients/inactive", stats.sessions_offline.to_string()),
            ("messages/received", stats.packets_received.to_string()),
            ("messages/sent", stats.packets_sent.to_string()),
            ("publish/messages/received", stats.messages_published.to_string()),
            ("publish/messages/sent", stats.messages_routed.to_string()),
            ("publish/messages/dropped", dropped.to_string()),
            ("bytes/received", stats.bytes_received.to_string()),
            ("bytes/sent", stats.bytes_sent.to_string()),
            ("subscriptions/count", stats.subscriptions.to_string()),
            ("shared_subscriptions/count", self.router.stats().shared_count.to_string()),
            ("retained messages/count", stats.retained_messages.to_string()),
            ("store/messages/bytes", stats.queued_bytes.to_string()),
        ];
        let brokers = [(format!("{SYS}brokers"), self.config.node.to_string())];
        let node = of_node.into_iter().map(|(name, value)| (format!("{own}/{name}"), value));
        let mosquitto = of_mosquitto.into_iter().map(|(name, value)| (format!("{SYS}broker/{name}"), value));
        brokers.into_iter().chain(node).chain(mosquitto).collect()
    }
}
