//! A broker, its clients and a clock, in one thread.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use auth::{Auth, AuthConfig, HashCost, SourceFile, UsersFile};
use bytes::BytesMut;
use bytestring::ByteString;
use events::{Event, Initiator, Kind, Past, Value};
use mqtt::{Packet, QoS, Sender, Version};
use parking_lot::Mutex;

use super::notation::{Line, Words};
use super::packets;
use crate::bus::{BusItem, BusReceiver, Kinds};
use crate::clock::Now;
use crate::config::{BrokerConfig, DeniedSubscribe, ListenerConfig, Pattern, Redirect};
use crate::connection::facts::Peer;
use crate::connection::{Connection, Turn, Workspace};
use crate::durable::Recovered;
use crate::ending::Ending;
use crate::hub::{Hub, Observer, Wakers};
use crate::listener::Listener;
use crate::message::Publication;
use crate::rate::Rate;
use crate::session::inbox::Order;
use crate::telling::Origin;

/// Sees every message.
#[derive(Default)]
struct Witness(Mutex<Vec<Event>>);

impl Observer for Witness {
    fn wants_publish(&self, _topic: &str) -> bool {
        true
    }

    fn published(&self, event: &Event, _hops: u8) -> Option<crate::awaited::Awaited> {
        self.0.lock().push(event.clone());
        None
    }
}

/// A client of a script.
struct Client {
    connection: Connection,
    version: Version,
    /// Bytes to the broker that are no whole packet yet.
    to_broker: BytesMut,
    /// Bytes to the client that no line has looked at yet.
    to_client: BytesMut,
    is_closed: bool,
}

pub(super) struct World {
    pub(super) hub: Arc<Hub>,
    pub(super) now: Now,
    listener: Arc<Listener>,
    witness: Arc<Witness>,
    clients: BTreeMap<String, Client>,
    receiver: BusReceiver,
    /// Events that clients subscribe to.
    feed: BusReceiver,
    history: Vec<Event>,
    /// The event behind the last one that a line named.
    cursor: usize,
    work: Workspace,
    runtime: tokio::runtime::Runtime,
    is_durable: bool,
    files: tempfile::TempDir,
}

impl World {
    pub(super) fn new<'a>(settings: impl Iterator<Item = &'a Line>) -> World {
        let files = tempfile::tempdir().unwrap();
        let mut broker = BrokerConfig::default();
        let mut listener = ListenerConfig::new(SocketAddr::from(([127, 0, 0, 1], 1883)));
        let (mut acl, mut has_users, mut is_durable) = (String::new(), false, false);
        let mut config = AuthConfig::default();
        for setting in settings {
            match setting {
                Line::Config(words) => {
                    is_durable |= words.iter().any(|(name, _)| name == "durable");
                    configure(words, (&mut broker, &mut listener), &mut config);
                }
                Line::User(name, password) => {
                    let cost = HashCost { memory_kib: 8, passes: 1, lanes: 1 };
                    let mut users = UsersFile::open(&files.path().join("users")).unwrap();
                    users.add(name, password.as_bytes(), &[], &cost).unwrap();
                    users.save().unwrap();
                    has_users = true;
                }
                Line::Acl(line) => {
                    acl.push_str(line);
                    acl.push('\n');
                }
                Line::AclBecomes(_)
                | Line::Opens(..)
                | Line::Sends(..)
                | Line::SendsBytes(..)
                | Line::Gets(..)
                | Line::GetsNothing(_)
                | Line::Closes(_)
                | Line::Breaks(_)
                | Line::Closed(_)
                | Line::Clock(_)
                | Line::Event(..)
                | Line::NoEvent(..)
                | Line::Kick(_)
                | Line::RulePublishes(_)
                | Line::BrokerStops
                | Line::BrokerIsKilled
                | Line::Sessions(_) => unreachable!("{setting:?} is no setting"),
            }
        }
        let file = |name: &str| Some(SourceFile { path: name.into(), required: true });
        config.users_file = has_users.then(|| file("users")).flatten();
        config.acl_file = (!acl.is_empty()).then(|| file("acl")).flatten();
        std::fs::write(files.path().join("acl"), acl).unwrap();
        let auth = Auth::open(&config, files.path()).unwrap();
        let now = Now { mono_ms: 1_000_000, wall: events::Timestamp::SAMPLE };
        let witness = Arc::new(Witness::default());
        let hub = Arc::new(Hub::new(broker, auth, Arc::<Witness>::clone(&witness), now));
        if is_durable {
            hub.recover(now, &files.path().join("sessions")).unwrap();
        }
        let receiver = hub.bus.subscribe("script", Kinds::all(), 1_000_000);
        let feed = hub.feed.take_receiver().unwrap();
        World {
            hub,
            now,
            listener: Arc::new(Listener::new("default".into(), listener)),
            witness,
            clients: BTreeMap::new(),
            receiver,
            feed,
            history: Vec::new(),
            cursor: 0,
            work: Workspace::default(),
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
            is_durable,
            files,
        }
    }

    /// Every event so far, in order.
    pub(super) fn history(&self) -> &[Event] {
        &self.history
    }

    pub(super) fn take(&mut self, line: &Line) -> Result<(), String> {
        match line {
            Line::Config(_) | Line::User(..) | Line::Acl(_) => {
                return Err("expected settings before anything else".into());
            }
            Line::AclBecomes(line) => {
                std::fs::write(self.files.path().join("acl"), line).unwrap();
                self.hub.auth.reload().map_err(|error| error.to_string())?;
            }
            Line::Opens(name, words) => self.open(name, words)?,
            Line::Sends(name, kind, words) => self.send(name, &packets::packet(kind, words)?)?,
            Line::SendsBytes(name, bytes) => self.send_bytes(name, bytes),
            Line::Gets(name, kind, words) => self.check_packet(name, kind, words)?,
            Line::GetsNothing(name) => {
                let client = self.client(name);
                if let Some(packet) = client.next_packet()? {
                    return Err(format!("expected nothing, found {packet:?}"));
                }
            }
            Line::Closes(name) => self.end(name, &Ending::tcp_closed(Initiator::Client, None)),
            Line::Breaks(name) => self.end(name, &Ending::tcp_closed(Initiator::Network, Some("broken pipe".into()))),
            Line::Closed(name) => {
                if !self.client(name).is_closed {
                    return Err(format!("expected `{name}` to be closed, found it open"));
                }
            }
            Line::Clock(by) => self.advance(*by),
            Line::Event(kind, words) => self.find_event(kind, words)?,
            Line::NoEvent(kind, words) => {
                let kind = kind_named(kind)?;
                if let Some(event) = self.history[self.cursor..].iter().find(|event| matches(event, kind, words)) {
                    return Err(format!("expected no such event, found {}", event.to_json()));
                }
            }
            Line::Kick(client_id) => self.order(client_id, Order::Kick)?,
            Line::RulePublishes(words) => self.rule_publishes(words),
            Line::BrokerStops => self.stop(),
            Line::BrokerIsKilled => {
                self.kill();
                self.handle_time();
            }
            Line::Sessions(expected) => {
                let registry = &self.hub.registry;
                let counts = [&registry.online_count, &registry.offline_count];
                let found: usize = counts.map(|count| count.load(std::sync::atomic::Ordering::Relaxed)).iter().sum();
                if found != *expected || registry.all().len() != found {
                    return Err(format!("expected {expected} sessions, found {found} in {}", registry.all().len()));
                }
            }
        }
        self.settle();
        Ok(())
    }

    /// What must hold when a script is over: nothing was sent that no line looked at, and the numbers add up.
    pub(super) fn check_end(&mut self) -> Result<(), String> {
        for (name, client) in &mut self.clients {
            if let Some(packet) = client.next_packet()? {
                return Err(format!("expected nothing more for `{name}`, found {packet:?}"));
            }
        }
        self.check_numbers()
    }

    /// `seq` rises by one, and `client_seq` for each client within an epoch.
    pub(super) fn check_numbers(&self) -> Result<(), String> {
        let mut last_seq = 0;
        let mut of_clients: BTreeMap<(String, u64), u64> = BTreeMap::new();
        for event in &self.history {
            if let Some(seq) = event.head.seq {
                if seq != last_seq + 1 {
                    return Err(format!("expected seq {}, found {}", last_seq + 1, event.to_json()));
                }
                last_seq = seq;
            }
            if let (Some(number), Some(epoch)) = (event.head.client_seq, event.head.client_epoch) {
                let last = of_clients.entry((field(event, "clientid").unwrap_or_default(), epoch)).or_default();
                if number != *last + 1 {
                    return Err(format!("expected client_seq {}, found {}", *last + 1, event.to_json()));
                }
                *last = number;
            }
        }
        Ok(())
    }

    pub(super) fn open(&mut self, name: &str, words: &Words) -> Result<(), String> {
        let text = |name: &str| words.iter().find(|(word, _)| word == name).and_then(|(_, value)| value.as_deref());
        let host = text("from").unwrap_or("127.0.0.1").parse().map_err(|_| "expected an address")?;
        let before = self.listener.connections_count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let peer = Arc::new(Peer {
            conn_id: self.hub.next_conn_id(),
            peername: SocketAddr::new(host, 50_000),
            sockname: SocketAddr::from(([127, 0, 0, 1], 1883)),
            listener: Arc::clone(&self.listener),
            accepted: self.now,
            tls: None,
        });
        let connection = Connection::new(Arc::clone(&self.hub), peer, before >= self.listener.config.max_connections);
        let client = Client {
            connection,
            version: packets::version(text("version"))?,
            to_broker: BytesMut::new(),
            to_client: BytesMut::new(),
            is_closed: false,
        };
        self.clients.insert(name.to_owned(), client);
        Ok(())
    }

    pub(super) fn send(&mut self, name: &str, packet: &Packet) -> Result<(), String> {
        if let Packet::Connect(connect) = packet {
            if self.clients.get(name).is_none_or(|client| client.is_closed) {
                self.open(name, &Vec::new())?;
            }
            let client = self.client(name);
            if !client.connection.is_admitted() {
                client.version = connect.version;
            }
        }
        let mut bytes = BytesMut::new();
        let version = self.client(name).version;
        mqtt::encode(packet, version, &mut bytes).map_err(|error| error.to_string())?;
        self.send_bytes(name, &bytes);
        Ok(())
    }

    pub(super) fn send_bytes(&mut self, name: &str, bytes: &[u8]) {
        let client = self.client(name);
        client.to_broker.extend_from_slice(bytes);
        self.read(name);
        self.settle();
    }

    /// The network connection ends.
    pub(super) fn end(&mut self, name: &str, ending: &Ending) {
        let now = self.now;
        let client = self.client(name);
        if client.is_closed {
            return;
        }
        client.is_closed = true;
        client.connection.handle_end(now, ending, &mut Wakers::new());
        self.listener.connections_count.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
        self.settle();
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.clients.iter().filter(|(_, client)| !client.is_closed).map(|(name, _)| name.clone()).collect()
    }

    /// Lets time pass in steps, so that everything happens when it is due.
    pub(super) fn advance(&mut self, by: Duration) {
        let end_ms = self.now.mono_ms + u64::try_from(by.as_millis()).unwrap();
        loop {
            let of_clients = self
                .clients
                .values()
                .filter(|client| !client.is_closed)
                .filter_map(|c| c.connection.deadline_mono_ms(self.now));
            let of_hub = self.hub.deadlines.lock().next_mono_ms();
            let next_ms = of_clients.chain(of_hub).chain([end_ms]).min().unwrap().max(self.now.mono_ms);
            let step_ms = next_ms.min(end_ms) - self.now.mono_ms;
            self.now.mono_ms += step_ms;
            self.now.wall.0 += i64::try_from(step_ms).unwrap();
            self.handle_time();
            if self.now.mono_ms >= end_ms {
                return;
            }
        }
    }

    pub(super) fn order(&mut self, client_id: &str, order: Order) -> Result<(), String> {
        let slot =
            self.hub.registry.get(client_id).ok_or_else(|| format!("expected a client `{client_id}`, found none"))?;
        let mut inbox = slot.inbox.lock();
        if inbox.is_online() {
            drop(inbox.give_order(order));
        }
        Ok(())
    }

    /// Carries everything to where it goes, until nothing moves.
    pub(super) fn settle(&mut self) {
        let mut moved = true;
        while moved {
            let items = self.feed.try_recv_batch();
            moved = !items.is_empty();
            self.hub.publish_events(self.now, &items, &mut Wakers::new());
            for name in self.names() {
                let client = self.clients.get_mut(&name).unwrap();
                let before = client.to_client.len();
                let turn = client.connection.handle_inbox(self.now, &mut self.work, None);
                client.receive(&mut self.work);
                moved |= client.to_client.len() != before;
                if let Turn::Over(ending) = turn {
                    moved = true;
                    self.close(&name, &ending);
                }
            }
        }
        self.hub.tell_held_back(self.now);
        let mut published = std::mem::take(&mut *self.witness.0.lock()).into_iter().peekable();
        for item in self.receiver.try_recv_batch() {
            let BusItem::Event(event) = item else { panic!("a gap in a queue that is large enough: {item:?}") };
            // Identifiers rise, so they say what came before what on the two ways.
            while let Some(earlier) = published.next_if(|of| of.head.event_id < event.head.event_id) {
                self.history.push(earlier);
            }
            self.history.push((*event).clone());
        }
        self.history.extend(published);
    }

    fn read(&mut self, name: &str) {
        loop {
            let client = self.clients.get_mut(name).unwrap();
            if client.is_closed || client.connection.is_paused(self.now) {
                return;
            }
            let mut turn = client.connection.handle_bytes(self.now, &mut client.to_broker, &mut self.work);
            if let Turn::Authenticate = turn {
                let auth = self.hub.auth.clone();
                let decision = self.runtime.block_on(auth.check(&client.connection.credentials().unwrap()));
                turn = client.connection.handle_decision(self.now, decision, &mut self.work);
            }
            client.receive(&mut self.work);
            match turn {
                Turn::Again => client.connection.handle_written(self.now),
                Turn::Wait | Turn::Authenticate => return,
                Turn::Over(ending) => return self.close(name, &ending),
            }
        }
    }

    fn close(&mut self, name: &str, ending: &Ending) {
        let client = self.clients.get_mut(name).unwrap();
        client.is_closed = true;
        client.connection.handle_end(self.now, ending, &mut Wakers::new());
        self.listener.connections_count.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
    }

    fn handle_time(&mut self) {
        self.hub.drop_aged(self.now);
        for name in self.names() {
            let client = self.clients.get_mut(&name).unwrap();
            let turn = client.connection.handle_time(self.now, &mut self.work);
            client.receive(&mut self.work);
            match turn {
                Turn::Over(ending) => self.close(&name, &ending),
                Turn::Wait | Turn::Again | Turn::Authenticate => self.read(&name),
            }
        }
        while self.hub.handle_next_deadline(self.now, &mut Wakers::new()) {}
        self.settle();
    }

    fn rule_publishes(&mut self, words: &Words) {
        let text = |name: &str| words.iter().find(|(word, _)| word == name).and_then(|(_, value)| value.clone());
        let mut publication = Publication::new("rule-1", text("topic").unwrap(), text("payload").unwrap_or_default());
        if let Some(qos) = text("qos") {
            publication.qos = QoS::try_from(qos.parse::<u8>().unwrap()).unwrap();
        }
        let client_id = ByteString::from_static("rule-1");
        let origin = Origin { client_id: &client_id, username: None, peer: None, hops: 1, id: None };
        self.hub.publish(self.now, &publication.to_publish(), (None, origin), &mut Wakers::new());
    }

    fn stop(&mut self) {
        self.hub.is_stopping.store(true, std::sync::atomic::Ordering::Relaxed);
        for slot in self.hub.registry.all() {
            let mut inbox = slot.inbox.lock();
            if inbox.is_online() {
                drop(inbox.give_order(Order::GoAway));
            }
        }
        self.settle();
        self.hub.publish_delayed_wills(self.now, &mut Wakers::new());
    }

    /// Ends everything without a word, when what was noted is on disk, and begins again a second later.
    pub(super) fn kill(&mut self) {
        self.go_down();
        self.come_back();
        self.close_past();
    }

    /// Where what survives is kept.
    pub(super) fn sessions_dir(&self) -> PathBuf {
        self.files.path().join("sessions")
    }

    /// Takes up what is left.
    pub(super) fn come_back(&mut self) -> Recovered {
        self.hub.remember(&self.past());
        let recovered = if self.is_durable {
            self.hub.recover(self.now, &self.sessions_dir()).unwrap()
        } else {
            Recovered::default()
        };
        self.settle();
        recovered
    }

    /// Tells what was not told before the end.
    pub(super) fn close_past(&mut self) {
        while self.hub.close_past(self.now, 1, &mut Wakers::new()) {
            self.settle();
        }
        self.settle();
    }

    /// Whoever keeps events has got only the first `lifecycle_len` of those of clients' lives.
    pub(super) fn forget_events_after(&mut self, lifecycle_len: usize) {
        self.history.retain(|event| event.head.seq.is_some());
        self.history.truncate(lifecycle_len);
    }

    /// What the events so far have begun and not ended.
    pub(super) fn past(&self) -> Past {
        let mut past = Past::default();
        past.ran_until = self.history.last().map(|event| event.head.timestamp).unwrap_or_default();
        self.history.iter().for_each(|event| past.take(event.kind().event_type().name, &event.to_json()));
        past
    }

    /// Ends everything without a word, when what was noted is on disk.
    pub(super) fn go_down(&mut self) {
        self.settle();
        self.clients.clear();
        let last_seq = self.history.iter().filter_map(|event| event.head.seq).max().unwrap_or(0);
        let config = BrokerConfig { last_seq, ..self.hub.config.clone() };
        if let Some(store) = self.hub.store.get() {
            store.sync().unwrap();
        }
        self.now.mono_ms += 1000;
        self.now.wall.0 += 1000;
        let (auth, witness) = (self.hub.auth.clone(), Arc::<Witness>::clone(&self.witness));
        self.hub = Arc::new(Hub::new(config, auth, witness, self.now));
        self.receiver = self.hub.bus.subscribe("script", Kinds::all(), 1_000_000);
        self.feed = self.hub.feed.take_receiver().unwrap();
        self.listener.connections_count.store(0, std::sync::atomic::Ordering::Relaxed);
    }

    fn client(&mut self, name: &str) -> &mut Client {
        if !self.clients.contains_key(name) {
            self.open(name, &Vec::new()).unwrap();
        }
        self.clients.get_mut(name).unwrap()
    }

    fn check_packet(&mut self, name: &str, kind: &str, words: &Words) -> Result<(), String> {
        let Some(packet) = self.client(name).next_packet()? else {
            return Err(format!("expected {kind}, found nothing"));
        };
        if packet.packet_type().name() != kind {
            return Err(format!("expected {kind}, found {packet:?}"));
        }
        let fields = packets::fields(&packet);
        for (word, value) in words {
            let (name, expected) = match value {
                Some(value) => (word.as_str(), value.as_str()),
                None => ("reason", word.as_str()),
            };
            let found: Vec<&str> =
                fields.iter().filter(|(field, _)| field == name).map(|(_, text)| text.as_str()).collect();
            let found = if found.is_empty() { "absent".to_owned() } else { found.join(",") };
            // Words of a script have no blanks, so one in what was sent is written `_`.
            if found.replace(' ', "_") != expected && !(expected == "present" && found != "absent") {
                return Err(format!("expected `{name}` to be `{expected}`, found `{found}` in {packet:?}"));
            }
        }
        Ok(())
    }

    fn find_event(&mut self, kind: &str, words: &Words) -> Result<(), String> {
        let kind = kind_named(kind)?;
        let rest = &self.history[self.cursor..];
        match rest.iter().position(|event| matches(event, kind, words)) {
            Some(at) => {
                self.cursor += at + 1;
                Ok(())
            }
            None => {
                let found: Vec<String> = rest.iter().map(Event::to_json).collect();
                Err(format!("expected such an event, found only these:\n  {}", found.join("\n  ")))
            }
        }
    }
}

impl Client {
    fn receive(&mut self, work: &mut Workspace) {
        self.to_client.extend_from_slice(&work.fx.out);
        work.fx.clear_out();
        work.wakers.clear();
    }

    fn next_packet(&mut self) -> Result<Option<Packet>, String> {
        let limits = mqtt::Limits { sender: Sender::Server, ..mqtt::Limits::default() };
        mqtt::decode(&mut self.to_client, Some(self.version), &limits)
            .map_err(|error| format!("expected packets from the broker, found other bytes: {error}"))
    }
}

impl World {
    /// Takes every packet that waits for a client.
    pub(super) fn drain(&mut self, name: &str) -> Vec<Packet> {
        let client = self.client(name);
        std::iter::from_fn(|| client.next_packet().unwrap()).collect()
    }
}

fn kind_named(name: &str) -> Result<Kind, String> {
    let found = Kind::ALL.iter().find(|kind| kind.event_type().name.replace('.', "_") == name);
    found.copied().ok_or_else(|| format!("expected an event, found `{name}`"))
}

fn matches(event: &Event, kind: Kind, words: &Words) -> bool {
    event.kind() == kind
        && words.iter().all(|(name, expected)| {
            let found = field(event, name);
            assert!(found.is_some(), "no field `{name}` in {kind:?}");
            found.as_deref().map(|text| text.replace(' ', "_")) == *expected
                || (expected.as_deref() == Some("present") && found.as_deref() != Some("NULL"))
        })
}

fn field(event: &Event, name: &str) -> Option<String> {
    let (id, _) = event.kind().event_type().field(name)?;
    Some(match event.field(id) {
        Value::Null => "NULL".to_owned(),
        Value::Text(text) => text.to_string(),
        value @ (Value::Bool(_)
        | Value::Int(_)
        | Value::BigInt(_)
        | Value::Float(_)
        | Value::Bytes(_)
        | Value::List(_)
        | Value::Map(_)) => value.to_json(),
    })
}

fn configure(words: &Words, (broker, listener): (&mut BrokerConfig, &mut ListenerConfig), auth: &mut AuthConfig) {
    let BrokerConfig { limits, client_id, protocol, sys, .. } = broker;
    for (name, value) in words {
        let text = value.as_deref().unwrap_or_default();
        let number =
            || text.parse::<u32>().unwrap_or_else(|_| panic!("expected a number for `{name}`, found `{text}`"));
        let size = || usize::try_from(number()).unwrap();
        let short = || u16::try_from(number()).unwrap();
        match name.as_str() {
            // Known already: it needs a place.
            "durable" => {}
            "client_id.max_len" => client_id.max_len = size(),
            "client_id.pattern" => client_id.pattern = Some(Pattern::parse(text).unwrap()),
            "response_information" => protocol.response_information = text.into(),
            "denied_subscribe" => protocol.denied_subscribe = DeniedSubscribe::UnspecifiedError,
            "check_payload_format" => protocol.check_payload_format = text == "true",
            "subscribe_filters_max" => limits.subscribe_filters_max = size(),
            "outgoing_topic_aliases_max" => limits.outgoing_topic_aliases_max = short(),
            "sys_interval_s" => sys.interval_s = number(),
            "mountpoint" => listener.mountpoint = Some(text.parse().unwrap()),
            "tell_refusals" => listener.tell_refusals = text == "true",
            "subscriptions_max" => limits.subscriptions_max = size(),
            "topic_levels_max" => limits.topic_levels_max = size(),
            "inflight_max" => limits.inflight_max = short(),
            "queue_len_max" => limits.queue_len_max = size(),
            "queue_age_max_s" => limits.queue_age_max_s = number(),
            "queue_bytes_max" => limits.queue_bytes_max = size(),
            "queued_bytes_total_max" => limits.queued_bytes_total_max = size(),
            "receive_maximum" => limits.receive_maximum = short(),
            "topic_alias_maximum" => limits.topic_alias_maximum = short(),
            "session_expiry_max" => limits.session_expiry_max_s = number(),
            "keepalive_max" => limits.keepalive_max_s = short(),
            "offline_sessions_max" => limits.offline_sessions_max = size(),
            "retained_messages_max" => limits.retained_messages_max = size(),
            "unauthenticated_events_per_s" => limits.unauthenticated_events_per_s = number(),
            "max_connections" => listener.max_connections = size(),
            "packet_bytes_max" => listener.packet_bytes_max = number(),
            "connect_bytes_max" => listener.connect_bytes_max = number(),
            "connect_timeout_ms" => listener.connect_timeout_ms = number(),
            "connect_rate_max" => listener.rates.connects = Rate::per_second(number()),
            "message_rate_max" => listener.rates.messages = Rate::per_second(number()),
            "client.connect_rate_max" => limits.client_rates.connects = Rate::per_second(number()),
            "client.message_rate_max" => limits.client_rates.messages = Rate::per_second(number()),
            "client.byte_rate_max" => limits.client_rates.bytes = Rate::per_second(number()),
            "address.connect_rate_max" => limits.address_rates.connects = Rate::per_second(number()),
            "address.message_rate_max" => limits.address_rates.messages = Rate::per_second(number()),
            "max_qos" => listener.max_qos = QoS::try_from(u8::try_from(number()).unwrap()).unwrap(),
            "retain_available" => listener.retain_available = text == "true",
            "redirect" => listener.redirect = Some(Redirect { server: text.into(), permanent: false }),
            "redirect_permanent" => listener.redirect = Some(Redirect { server: text.into(), permanent: true }),
            "anonymous" => auth.anonymous = text.parse().unwrap(),
            "jwt_secret" => {
                let keys = auth::KeyOptions { secret: Some(text.to_owned().into()), ..auth::KeyOptions::default() };
                let options = auth::JwtOptions { keys, ..auth::JwtOptions::default() };
                let kind = auth::AuthenticatorKind::Jwt(Box::new(options));
                let options = auth::AuthenticatorOptions { on_failure: auth::OnFailure::Deny, kind };
                auth.authenticators.push(("token".to_owned(), options));
            }
            "hashing_queue_max" => auth.limits.hashing_queue_max = size(),
            _ => panic!("expected a setting, found `{name}`"),
        }
    }
}
