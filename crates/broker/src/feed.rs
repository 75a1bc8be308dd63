//! Events for clients that subscribe to them: `$events/...` where the ACL lets them, and who comes and goes below `$SYS/`.
//!
//! A subscriber of the bus like the rules and the history; it wants only what some client subscribes to, so that nobody
//! pays for what nobody reads.

use std::fmt;

use bytes::Bytes;
use bytestring::ByteString;
use events::{Event, EventType, Kind, Map, Value};
use mqtt::{Properties, Publish, QoS};
use parking_lot::Mutex;

use crate::bus::{Bus, BusItem, BusReceiver, Kinds, Switch};
use crate::clock::Now;
use crate::hub::{Hub, Wakers};
use crate::sys::SYS;

/// Events that wait to be handed to clients.
const WAITING_MAX: usize = 10_000;
/// What topics of events begin with.
const EVENTS: &str = "$events/";

/// Which events clients subscribe to.
pub(crate) struct Feed {
    /// Subscriptions that bring each kind.
    counts: Mutex<[usize; Kind::ALL.len()]>,
    switch: Switch,
    /// Until the task that reads it takes it.
    receiver: Mutex<Option<BusReceiver>>,
}

impl Feed {
    /// A feed that nobody subscribes to.
    pub(crate) fn new(bus: &std::sync::Arc<Bus>) -> Feed {
        let receiver = bus.subscribe("clients", Kinds::NONE, WAITING_MAX);
        Feed { counts: Mutex::default(), switch: receiver.switch(), receiver: Mutex::new(Some(receiver)) }
    }

    /// The end of the bus that the events for clients come from; there is one.
    pub(crate) fn take_receiver(&self) -> Option<BusReceiver> {
        self.receiver.lock().take()
    }

    /// A client subscribes to `filter` from now on.
    pub(crate) fn handle_subscribed(&self, filter: &str) {
        self.count(filter, |count| count.saturating_add(1));
    }

    /// A client no longer subscribes to `filter`.
    pub(crate) fn handle_unsubscribed(&self, filter: &str) {
        self.count(filter, |count| count.saturating_sub(1));
    }

    fn count(&self, filter: &str, change: impl Fn(usize) -> usize) {
        if !filter.starts_with('$') {
            return;
        }
        let kinds = kinds_of(filter);
        let mut counts = self.counts.lock();
        for kind in Kind::ALL.iter().filter(|kind| kinds.contains(**kind)) {
            counts[*kind as usize] = change(counts[*kind as usize]);
        }
        let wanted = Kind::ALL.iter().copied().filter(|kind| counts[*kind as usize] > 0).collect();
        self.switch.set_kinds(wanted);
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("counts", &self.counts).finish_non_exhaustive()
    }
}

/// Whether a filter is one of events.
pub(crate) fn is_of_events(filter: &str) -> bool {
    filter.starts_with(EVENTS)
}

/// The events whose topics match a filter, or that make a message below `$SYS/`.
pub(crate) fn kinds_of(filter: &str) -> Kinds {
    if filter.starts_with(SYS) {
        return [Kind::ClientConnected, Kind::ClientDisconnected].into_iter().collect();
    }
    let is_named = |event: &&EventType| {
        [event.topic, event.slash_topic].into_iter().flatten().any(|topic| mqtt::filter::matches(filter, topic))
    };
    EventType::all().filter(is_named).map(|event| event.kind).collect()
}

/// What a filter below `$events/` was meant for, where no event has that topic.
pub(crate) fn meant_events(filter: &str) -> &'static str {
    let name_of = |topic: &'static str| topic.strip_prefix(EVENTS);
    let names = || EventType::all().flat_map(|event| [event.topic, event.slash_topic]).flatten().filter_map(name_of);
    let nearest = events::closest(filter.strip_prefix(EVENTS).unwrap_or(filter), names());
    let topics = || EventType::all().flat_map(|event| [event.topic, event.slash_topic]).flatten();
    topics().find(|topic| topic.strip_prefix(EVENTS) == nearest).unwrap_or("$events/#")
}

impl Hub {
    /// Hands what has happened to the clients that subscribe to it.
    pub(crate) fn publish_events(&self, now: Now, items: &[BusItem], wakers: &mut Wakers) {
        for item in items {
            match item {
                BusItem::Event(event) => self.publish_event(now, event, wakers),
                BusItem::Gap(gap) => {
                    tracing::warn!(count = gap.count, "clients that subscribe to events do not get some of them");
                }
            }
        }
    }

    /// Hands out what has happened before anybody reads the feed.
    pub(crate) fn publish_waiting_events(&self, now: Now, wakers: &mut Wakers) {
        let items = self.feed.receiver.lock().as_mut().map(BusReceiver::try_recv_batch);
        self.publish_events(now, &items.unwrap_or_default(), wakers);
    }

    fn publish_event(&self, now: Now, event: &Event, wakers: &mut Wakers) {
        let of = event.kind().event_type();
        let payload = Bytes::from(event.to_json());
        // A client is handed an event once, under the name with underscores where it subscribes to both.
        let mut reached = Vec::new();
        for topic in [of.topic, of.slash_topic].into_iter().flatten() {
            self.publish_own(now, &message(topic.into(), payload.clone()), &mut reached, wakers);
        }
        let what = if event.kind() == Kind::ClientConnected {
            "connected"
        } else if event.kind() == Kind::ClientDisconnected {
            "disconnected"
        } else {
            return;
        };
        if let Some(presence) = presence(event) {
            let (node, client) = (&self.config.node, level(&presence.0));
            let topic = format!("{SYS}brokers/{node}/clients/{client}/{what}").into();
            self.publish_own(now, &message(topic, presence.1.into()), &mut Vec::new(), wakers);
        }
    }
}

/// A message of the broker itself.
pub(crate) fn message(topic: ByteString, payload: Bytes) -> Publish {
    Publish {
        dup: false,
        qos: QoS::AtLeastOnce,
        retain: false,
        topic,
        packet_id: None,
        properties: Properties::new(),
        payload,
    }
}

/// The client and the JSON text that EMQX publishes when it comes or goes; nothing of a connection that was not accepted.
fn presence(event: &Event) -> Option<(String, String)> {
    const FIELDS: [&str; 12] = [
        "clientid",
        "username",
        "proto_name",
        "proto_ver",
        "keepalive",
        "clean_start",
        "expiry_interval",
        "receive_maximum",
        "connected_at",
        "reason",
        "disconnected_at",
        "client_attrs",
    ];
    let of = event.kind().event_type();
    let field = |name: &str| of.field(name).map(|(id, _)| event.field(id));
    let client = field("clientid")?.as_text()?.to_string();
    if field("connected_at")? == Value::Null {
        return None;
    }
    let mut map = Map::new();
    for name in FIELDS {
        if let Some(value) = field(name) {
            map.insert(ByteString::from_static(name), value);
        }
    }
    if let Some(Value::Text(peername)) = field("peername")
        && let Some((host, _)) = peername.rsplit_once(':')
    {
        map.insert(ByteString::from_static("ipaddress"), Value::from(host));
    }
    map.insert(ByteString::from_static("ts"), Value::Int(event.head.timestamp.0));
    Some((client, Value::from(map).to_json()))
}

/// A client identifier as one level of a topic name.
fn level(client_id: &str) -> String {
    client_id.replace('%', "%25").replace('/', "%2F").replace('+', "%2B").replace('#', "%23")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_for_events_is_told_what_was_meant() {
        let cases = [
            ("$events/client_conected", "$events/client_connected"),
            ("$events/client/disconected", "$events/client/disconnected"),
            ("$events/weather", "$events/#"),
        ];
        for (filter, meant) in cases {
            assert_eq!(meant_events(filter), meant, "{filter}");
            assert_eq!(kinds_of(filter), Kinds::NONE);
        }
    }

    #[test]
    fn a_filter_brings_the_events_it_matches_in_either_spelling() {
        let one: Kinds = [Kind::ClientConnack].into_iter().collect();
        assert_eq!(kinds_of("$events/client_connack"), one);
        assert_eq!(kinds_of("$events/client/connack"), one);
        assert_eq!(kinds_of("$events/#"), Kinds::all());
        assert!(kinds_of("$events/session/+").contains(Kind::SessionCreated));
        assert_eq!(kinds_of("$other/#"), Kinds::NONE);
    }

    #[test]
    fn what_no_client_subscribes_to_is_not_wanted() {
        let bus = std::sync::Arc::new(Bus::new(0));
        let feed = Feed::new(&bus);
        feed.handle_subscribed("$events/client_connack");
        feed.handle_subscribed("$events/client/+");
        feed.handle_unsubscribed("$events/client/+");
        assert!(bus.wants(Kind::ClientConnack) && !bus.wants(Kind::ClientConnected));
        feed.handle_unsubscribed("$events/client_connack");
        assert_eq!(bus.wanted(), Kinds::NONE);
    }

    #[test]
    fn a_client_identifier_is_one_level() {
        assert_eq!(level("a/b+#%"), "a%2Fb%2B%23%25");
    }
}
