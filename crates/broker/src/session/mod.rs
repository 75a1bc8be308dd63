//! A session: what the broker owes a client and the client owes the broker.
//!
//! A state machine without I/O: packets, messages and the time come in, bytes to be sent and [`Step`]s for others to
//! take come out in [`Effects`]. [`Session`] is what outlives a connection, [`Link`] what ends with it.
//!
//! Read `mod.rs` first, then `inbound.rs` (messages from the client) and `outbound.rs` (messages to it).

mod aliases;
pub(crate) mod inbound;
pub(crate) mod inbox;
pub(crate) mod outbound;
mod subscriptions;
mod window;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use auth::{Auth, Identity, Permissions, Readable};
use bytes::{Bytes, BytesMut};
use bytestring::ByteString;
use events::{DeliveryDropReason, DisconnectReason, DropReason, EventId, Kind, PermissionAction, Timestamp};
use foldhash::fast::RandomState;
use mqtt::{Ack, Disconnect, Filter, Packet, PacketId, Properties, Publish, ReasonCode, Version, Will};

use crate::bus::Kinds;
use crate::clock::Now;
use crate::config::{Limits, ListenerConfig, ProtocolConfig};
use crate::connection::exchange::Method;
use crate::connection::facts::{Client, Peer, Traffic};
use crate::durable::{Change, Notes};
use crate::ending::Ending;
use crate::message::Queued;
use crate::mountpoint::Mount;
use crate::router::{Granted, SubscriberKey};
use crate::telling::Check;
use aliases::{IncomingAliases, OutgoingAliases};
use window::Window;

/// Bytes gathered for one write; what is waiting beyond that has to wait for the next.
pub(crate) const OUT_BYTES: usize = 64 << 10;

/// The most bytes around a reason string: fixed header 4, identifier 2, code 1, property length 3, property 3.
const AROUND_REASON_BYTES: usize = 13;

/// What a session goes by: the time, the settings of the broker and of the listener it is connected through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms<'a> {
    pub(crate) now: Now,
    pub(crate) limits: &'a Limits,
    pub(crate) listener: &'a ListenerConfig,
    pub(crate) protocol: &'a ProtocolConfig,
}

/// What outlives a connection.
#[derive(Debug)]
pub(crate) struct Session {
    /// Tells this session from an earlier one of the same client.
    pub(crate) key: SubscriberKey,
    /// Seconds it outlives its connection; `u32::MAX` is for ever.
    pub(crate) expiry_interval_s: u32,
    pub(crate) created_at: Timestamp,
    /// Whether what happens to it is noted in the journal.
    pub(crate) is_durable: bool,
    /// Whether the journal knows of it: it is durable, or its connection has a will.
    pub(crate) is_noted: bool,
    subscriptions: HashMap<ByteString, Subscription, RandomState>,
    window: Window,
    awaiting_release: Unreleased,
}

/// Messages of QoS 2 that came and were not released yet [MQTT-4.3.3-10]. With each, the event that rules must have on
/// disk before the message is answered, where there is one: when it comes again, its answer may have promised that or not.
pub(crate) type Unreleased = HashMap<PacketId, Option<EventId>, RandomState>;

/// A subscription of the session.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    pub(crate) filter: Filter,
    pub(crate) granted: Granted,
}

/// What ends with the connection.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) peer: Arc<Peer>,
    pub(crate) client: Arc<Client>,
    pub(crate) version: Version,
    pub(crate) permissions: Arc<Permissions>,
    pub(crate) identity: Box<Identity>,
    /// The ACL that `permissions` were read from.
    pub(crate) acl_version: u64,
    /// Whether some subscription is wider than what the client may read.
    checks_reads: bool,
    /// Messages of QoS 1 and 2 that may be on their way to the client at a time.
    window_max: usize,
    /// The client's Maximum Packet Size.
    packet_bytes_max: usize,
    /// How long a message may have waited; 0 for any time.
    queue_age_max_s: u32,
    /// Silence after which the connection ends, one and a half times the keep-alive [MQTT-3.1.2-22]; 0 for never.
    silence_max_ms: u64,
    /// The method of extended authentication, where the client has one.
    pub(crate) method: Option<Box<Method>>,
    /// When the connection ends because who let the client in did so until then.
    pub(crate) expires_mono_ms: Option<u64>,
    pub(crate) will: Option<Box<Will>>,
    /// The prefix of its topics, where it has one.
    mount: Option<Mount>,
    pub(crate) incoming_aliases: IncomingAliases,
    /// Where the client takes aliases.
    outgoing_aliases: Option<Box<OutgoingAliases>>,
    /// What CONNECT asked for, before our limit: DISCONNECT may not make more of nothing.
    asked_expiry_interval_s: u32,
    /// Whether the client asked for a new session.
    pub(crate) clean_start: bool,
    /// Whether the client wants reason strings [MQTT-3.1.2-29].
    wants_problem_information: bool,
    pub(crate) traffic: Traffic,
}

/// What a session wants done, in order. One buffer serves many turns.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    /// Packets for the client.
    pub(crate) out: BytesMut,
    /// Packets in `out` that were not counted yet.
    pub(crate) packets_count: u64,
    /// Bytes of `out` that were counted already.
    counted_len: usize,
    /// What others have to hear of.
    pub(crate) steps: Vec<Step>,
    /// What has changed of what survives a restart, and what the packets in `out` wait for.
    pub(crate) notes: Notes,
    /// The events that somebody wants: steps that only serve another event are left out.
    pub(crate) wanted: Kinds,
}

/// Something a session cannot do on its own.
#[derive(Debug)]
pub(crate) enum Step {
    /// A message was accepted.
    Publish(Publish),
    /// A message came again that was accepted before; its answer waits for what the first one waits for. With the event
    /// that rules must have on disk, where there is one.
    Repeat(Publish, Option<EventId>),
    /// A message was not accepted.
    Drop(Publish, DropReason),
    /// A subscription was made or replaced.
    Subscribe(Box<Subscribe>),
    /// A subscription ended.
    Unsubscribe(Subscription, Properties),
    /// The client proves itself once more.
    Authenticate(mqtt::Auth),
    /// The connection is over.
    End(Box<Ending>),
    /// A message is in the bytes to be sent, again where `dup`.
    Delivered(Queued, bool),
    /// A message is not sent.
    Undelivered(Queued, DeliveryDropReason),
    /// The client has acknowledged a message, with these properties.
    Acknowledged(Queued, Properties),
    /// The ACL was asked.
    Checked(Check),
    /// The client has sent PINGREQ.
    Pinged,
}

/// A new subscription, and what it brings at once.
#[derive(Debug)]
pub(crate) struct Subscribe {
    pub(crate) subscription: Subscription,
    /// Whether retained messages are sent [MQTT-3.3.1-9] to [MQTT-3.3.1-11].
    pub(crate) sends_retained: bool,
    /// The properties of the SUBSCRIBE.
    pub(crate) properties: Properties,
}

impl Effects {
    /// Writes a packet.
    pub(crate) fn send(&mut self, packet: &Packet, version: Version) {
        // What cannot be written is a text beyond 65,535 bytes, and every text of ours came in a packet or is short.
        if mqtt::encode(packet, version, &mut self.out).is_ok() {
            self.packets_count += 1;
        }
    }

    /// Bytes and packets that came into `out` since the last call.
    pub(crate) fn take_counts(&mut self) -> (u64, u64) {
        let bytes_len = self.out.len().saturating_sub(self.counted_len);
        self.counted_len = self.out.len();
        (u64::try_from(bytes_len).unwrap_or(u64::MAX), std::mem::take(&mut self.packets_count))
    }

    /// Forgets what was written.
    pub(crate) fn clear_out(&mut self) {
        self.out.clear();
        self.counted_len = 0;
    }

    /// Adds a step that only serves events of this kind.
    fn tell(&mut self, kind: Kind, step: impl FnOnce() -> Step) {
        if self.wanted.contains(kind) {
            self.steps.push(step());
        }
    }

    /// Tells of a question to the ACL.
    fn tell_checked(&mut self, topic: &str, action: PermissionAction, is_allowed: bool, source: &str) {
        self.tell(Kind::ClientCheckAuthzComplete, || {
            Step::Checked(Check { topic: topic.into(), action, is_allowed, source: source.into() })
        });
    }

    fn end(&mut self, ending: Ending) {
        self.steps.push(Step::End(Box::new(ending)));
    }
}

impl Session {
    /// A session that nothing has happened in.
    pub(crate) fn new(key: SubscriberKey, expiry_interval_s: u32, now: Now) -> Session {
        Session {
            key,
            expiry_interval_s,
            created_at: now.wall,
            is_durable: false,
            is_noted: false,
            subscriptions: HashMap::default(),
            window: Window::default(),
            awaiting_release: Unreleased::default(),
        }
    }

    /// Handles a packet of the client.
    pub(crate) fn handle_packet(&mut self, packet: Packet, link: &mut Link, terms: Terms<'_>, fx: &mut Effects) {
        match packet {
            Packet::Publish(publish) => self.handle_publish(publish, link, terms, fx),
            Packet::Puback(ack) => self.handle_puback(&ack, fx),
            Packet::Pubrec(ack) => self.handle_pubrec(&ack, link, fx),
            Packet::Pubrel(ack) => self.handle_pubrel(&ack, link, fx),
            Packet::Pubcomp(ack) => self.handle_pubcomp(&ack, fx),
            Packet::Subscribe(subscribe) => self.handle_subscribe(&subscribe, link, terms, fx),
            Packet::Unsubscribe(unsubscribe) => self.handle_unsubscribe(&unsubscribe, link, fx),
            Packet::Pingreq => {
                fx.send(&Packet::Pingresp, link.version);
                fx.tell(Kind::ClientPing, || Step::Pinged);
            }
            Packet::Disconnect(disconnect) => self.handle_disconnect(disconnect, link, terms, fx),
            Packet::Auth(auth) => fx.steps.push(Step::Authenticate(auth)),
            Packet::Connect(_) | Packet::Connack(_) | Packet::Suback(_) | Packet::Unsuback(_) | Packet::Pingresp => {
                // The decoder refuses these from a client; whatever gets here is as wrong.
                fx.end(Ending::by_broker(DisconnectReason::ProtocolError, ReasonCode::ProtocolError));
            }
        }
        self.send_again(terms.now, link, fx);
    }

    /// Handles DISCONNECT.
    fn handle_disconnect(&mut self, disconnect: Disconnect, link: &Link, terms: Terms<'_>, fx: &mut Effects) {
        let Disconnect { reason_code, properties } = disconnect;
        if let Some(interval_s) = properties.session_expiry_interval_s() {
            // [MQTT-3.14.2-2] and the rule above it: a session that was to end with its connection does so.
            if link.asked_expiry_interval_s == 0 && interval_s != 0 {
                return fx.end(
                    Ending::by_broker(DisconnectReason::ProtocolError, ReasonCode::ProtocolError)
                        .because("expected no session expiry interval in DISCONNECT after 0 in CONNECT, found one"),
                );
            }
            self.expiry_interval_s = interval_s.min(terms.limits.session_expiry_max_s);
        }
        fx.end(Ending::by_client(reason_code, properties));
    }

    /// A new connection has the session: what was on its way is to be sent again.
    pub(crate) fn handle_resumed(&mut self, link: &mut Link) {
        link.checks_reads = self.is_wider_than(link);
        self.window.rewind();
    }

    /// Its subscriptions, in no order.
    pub(crate) fn subscriptions(&self) -> impl ExactSizeIterator<Item = &Subscription> {
        self.subscriptions.values()
    }

    /// Messages of QoS 1 and 2 that are on their way to the client.
    pub(crate) fn inflight_count(&self) -> usize {
        self.window.len()
    }

    /// Messages of QoS 2 from the client that are not released.
    pub(crate) fn awaiting_release_count(&self) -> usize {
        self.awaiting_release.len()
    }

    /// Messages of QoS 2 that came and were not released yet.
    pub(crate) fn awaiting_release(&self) -> impl Iterator<Item = (PacketId, Option<EventId>)> {
        self.awaiting_release.iter().map(|(packet_id, event)| (*packet_id, *event))
    }

    /// A message of QoS 2 is answered when rules have the outputs of `event` on disk.
    pub(crate) fn note_awaited(&mut self, packet_id: PacketId, event: EventId) {
        if let Some(awaited) = self.awaiting_release.get_mut(&packet_id) {
            *awaited = Some(event);
        }
    }

    /// Exchanges about messages to the client, in the order they began, with the message where it is not the client's.
    pub(crate) fn exchanges(&self) -> impl Iterator<Item = (PacketId, Option<&Queued>)> {
        self.window.exchanges()
    }

    /// Where the search for the next identifier begins.
    pub(crate) const fn next_packet_id(&self) -> PacketId {
        self.window.next()
    }

    /// Puts a subscription of before a restart back.
    pub(crate) fn restore_subscription(&mut self, subscription: Subscription) {
        self.subscriptions.insert(subscription.filter.as_byte_string().clone(), subscription);
    }

    /// Puts the identifiers of messages back that were not released before a restart.
    pub(crate) fn restore_awaiting_release(&mut self, unreleased: Unreleased) {
        self.awaiting_release = unreleased;
    }

    /// Puts exchanges of before a restart back, in the order they began; `next` is where the search for the next
    /// identifier begins.
    pub(crate) fn restore_exchanges(
        &mut self,
        exchanges: impl Iterator<Item = (PacketId, Option<Queued>)>,
        next: PacketId,
    ) {
        self.window = Window::restored(exchanges, next);
    }

    /// Takes every subscription out, at the end of the session.
    pub(crate) fn take_subscriptions(&mut self) -> impl Iterator<Item = Subscription> + use<> {
        std::mem::take(&mut self.subscriptions).into_values()
    }

    /// How many subscriptions it has.
    pub(crate) fn subscriptions_len(&self) -> usize {
        self.subscriptions.len()
    }

    /// How many exchanges of QoS 1 and 2 with the client are not over.
    pub(crate) fn inflight_len(&self) -> usize {
        self.window.len()
    }

    /// The messages that were sent and are not acknowledged.
    pub(crate) fn unacknowledged(&self) -> impl Iterator<Item = &Queued> {
        self.window.unacknowledged()
    }

    /// How many messages of QoS 1 and 2 may be sent now.
    pub(crate) fn window_room(&self, link: &Link) -> usize {
        self.window.room(link.window_max)
    }

    /// Bytes of messages of QoS 1 and 2, as they were queued, that are acknowledged or given up since the last call.
    pub(crate) fn take_released_bytes(&mut self) -> usize {
        self.window.take_released_bytes()
    }

    /// Notes a change that no packet speaks of, where the session survives.
    fn note(&self, change: &Change<'_>, fx: &mut Effects) {
        if self.is_durable {
            fx.notes.note(change);
        }
    }

    /// Notes a change, where the session survives, that a packet of this turn promises.
    fn promise(&self, change: &Change<'_>, fx: &mut Effects) {
        if self.is_durable {
            fx.notes.promise(change);
        }
    }

    /// Whether some subscription may bring what the client may not read.
    fn is_wider_than(&self, link: &Link) -> bool {
        let is_cut = |subscription: &Subscription| {
            let filter = match &link.mount {
                Some(mount) => mount.unmounted_filter(&subscription.filter),
                None => Cow::Borrowed(&subscription.filter),
            };
            link.permissions.keep_subscription(&filter);
            let (readable, _) = link.permissions.readable(&filter, subscription.granted.qos.into());
            readable != Readable::All
        };
        // Every one is looked at where services are asked: it is to stand.
        self.subscriptions.values().filter(|subscription| is_cut(subscription)).count() > 0
    }
}

impl Link {
    /// The connection that `connect` has opened.
    pub(crate) fn new(
        (peer, client): (Arc<Peer>, Arc<Client>),
        connect: &mqtt::Connect,
        (permissions, identity): (Arc<Permissions>, Identity),
        limits: &Limits,
    ) -> Link {
        let properties = &connect.properties;
        let window_max =
            properties.receive_maximum().map_or(limits.inflight_max, |max| max.get().min(limits.inflight_max));
        Link {
            peer,
            client,
            version: connect.version,
            permissions,
            identity: Box::new(identity),
            acl_version: 0,
            checks_reads: false,
            window_max: usize::from(window_max.max(1)),
            packet_bytes_max: properties
                .maximum_packet_size_bytes()
                .map_or(usize::MAX, |max| usize::try_from(max).unwrap_or(usize::MAX)),
            queue_age_max_s: limits.queue_age_max_s,
            silence_max_ms: u64::from(granted_keepalive_s(connect, limits)) * 1500,
            method: None,
            expires_mono_ms: None,
            will: connect.will.as_ref().map(|will| Box::new(copied_will(will))),
            mount: None,
            incoming_aliases: IncomingAliases::default(),
            outgoing_aliases: OutgoingAliases::new(
                properties.topic_alias_maximum().unwrap_or(0).min(limits.outgoing_topic_aliases_max),
            ),
            asked_expiry_interval_s: properties.session_expiry_interval_s().unwrap_or(0),
            clean_start: connect.clean_start,
            wants_problem_information: properties.request_problem_information().unwrap_or(true),
            traffic: Traffic::default(),
        }
    }

    /// The keep-alive in force, 0 for none.
    pub(crate) fn keepalive_s(&self) -> u16 {
        u16::try_from(self.silence_max_ms / 1500).unwrap_or(u16::MAX)
    }

    /// Puts the client at the place of its topics.
    pub(crate) fn mount_at(&mut self, mount: Mount) {
        if let Some(will) = &mut self.will
            && let Some(mounted) = mount.mounted(&will.topic)
        {
            will.topic = mounted;
        }
        self.mount = Some(mount);
    }

    /// When the connection ends unless something comes; `None` for never. What comes is not read before
    /// `unread_until_mono_ms`, so that silence cannot be told from then on back.
    pub(crate) fn ends_mono_ms(&self, unread_until_mono_ms: u64) -> Option<u64> {
        let last = self.traffic.last_packet.unwrap_or(self.peer.accepted);
        let heard_mono_ms = last.mono_ms.max(unread_until_mono_ms);
        let silence_ends = (self.silence_max_ms > 0).then(|| heard_mono_ms + self.silence_max_ms);
        silence_ends.into_iter().chain(self.expires_mono_ms).min()
    }

    /// Why the connection ends when it is time to.
    pub(crate) fn timely_end(&self, now: Now) -> Ending {
        if self.expires_mono_ms.is_some_and(|at_ms| at_ms <= now.mono_ms) {
            // MQTT has no code of its own for this; 0x87 is what a client gets that is not let in any more.
            Ending::by_broker(DisconnectReason::AuthenticationExpired, ReasonCode::NotAuthorized)
        } else {
            Ending::by_broker(DisconnectReason::KeepaliveTimeout, ReasonCode::KeepaliveTimeout)
        }
    }

    /// Writes a packet, unless it is larger than the client takes: then it is as if it had been sent [MQTT-3.1.2-24],
    /// [MQTT-3.1.2-25].
    pub(crate) fn send(&self, packet: &Packet, fx: &mut Effects) {
        if self.packet_bytes_max == usize::MAX || mqtt::encoded_len(packet, self.version) <= self.packet_bytes_max {
            fx.send(packet, self.version);
        }
    }

    /// Tells the client why its connection ends, where its version has words for that [MQTT-3.14.0-1].
    pub(crate) fn say_goodbye(&self, ending: &Ending, fx: &mut Effects) {
        let detail_bytes_max = if self.wants_problem_information { self.packet_bytes_max } else { 0 };
        say_goodbye(ending, self.version, detail_bytes_max, fx);
    }

    /// Reads the ACL again where it has changed.
    pub(crate) fn refresh_permissions(&mut self, session: &Session, auth: &Auth) {
        let acl_version = auth.acl_version();
        if acl_version != self.acl_version {
            self.acl_version = acl_version;
            self.permissions = auth.permissions(&self.identity, &self.peer.connected());
            self.checks_reads = session.is_wider_than(self);
        }
    }

    /// An acknowledgement with a reason in words, where the client can read them.
    fn ack(&self, packet_id: PacketId, code: ReasonCode, reason: &str) -> Ack {
        let mut ack = Ack::with_reason(packet_id, code);
        if self.version.is_v5() && self.wants_problem_information && !reason.is_empty() {
            ack.properties = with_reason_string(Properties::builder(), reason, self.packet_bytes_max).build();
        }
        ack
    }
}

/// Tells a client why its connection ends [MQTT-3.14.0-1], in words where the packet has at most `detail_bytes_max`
/// bytes with them.
pub(crate) fn say_goodbye(ending: &Ending, version: Version, detail_bytes_max: usize, fx: &mut Effects) {
    let (true, Some(code)) = (version.is_v5(), ending.code) else { return };
    if !code.is_allowed_in(mqtt::PacketType::Disconnect) {
        return;
    }
    let mut disconnect = Disconnect::new(code);
    if let Some(detail) = &ending.detail {
        disconnect.properties = with_reason_string(Properties::builder(), detail, detail_bytes_max).build();
    }
    fx.send(&Packet::Disconnect(disconnect), version);
}

/// The keep-alive in force: what CONNECT asked for, or what an MQTT 5 client is told instead [MQTT-3.1.2-21].
pub(crate) fn granted_keepalive_s(connect: &mqtt::Connect, limits: &Limits) -> u16 {
    let asked_s = connect.keepalive_s;
    let max_s = limits.keepalive_max_s;
    if connect.version.is_v5() && max_s > 0 && (asked_s == 0 || asked_s > max_s) { max_s } else { asked_s }
}

/// Adds a reason string. One that is too long for the wire is left out, and one with which the packet may have more than
/// `packet_bytes_max` bytes, if there is nothing else in it [MQTT-3.2.2-19], [MQTT-3.4.2-2], [MQTT-3.14.2-3].
pub(crate) fn with_reason_string(
    builder: mqtt::PropertiesBuilder,
    text: &str,
    packet_bytes_max: usize,
) -> mqtt::PropertiesBuilder {
    if text.len() + AROUND_REASON_BYTES > packet_bytes_max {
        return builder;
    }
    let unchanged = builder.clone();
    builder.reason_string(text).unwrap_or(unchanged)
}

/// A copy: the will is a slice of CONNECT, and lives as long as the connection.
fn copied_will(will: &Will) -> Will {
    Will {
        topic: ByteString::from(will.topic.as_ref() as &str),
        payload: Bytes::copy_from_slice(&will.payload),
        properties: will.properties.to_builder().build(),
        qos: will.qos,
        retain: will.retain,
    }
}
