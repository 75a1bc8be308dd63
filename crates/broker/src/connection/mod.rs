//! The life of a network connection, without the network: bytes and the time come in, bytes and a [`Turn`] come out.
//!
//! A connection begins as a stranger, sends CONNECT (`admission.rs`), has a session (here), and ends (`finish.rs`).
//! `socket.rs` is the task that moves the bytes.

mod admission;
mod asking;
mod connack;
pub(crate) mod exchange;
pub(crate) mod facts;
mod finish;
mod held_back;
pub(crate) mod socket;

use std::sync::Arc;
use std::task::Waker;

use bytes::BytesMut;
use events::{DeliveryDropReason, DisconnectReason, Timestamp};
use mqtt::{Connect, Packet, Publish, QoS, ReasonCode, Version};

use crate::clock::Now;
use crate::config::BrokerConfig;
use crate::durable::{Notes, Store, Taking};
use crate::ending::Ending;
use crate::hub::{Hub, Published, Publisher, Wakers};
use crate::message::Queued;
use crate::rate::Meter;
use crate::registry::{Core, Held, Slot};
use crate::router::Subscriber;
use crate::session::inbox::{Order, WakeFor};
use crate::session::{Effects, Link, OUT_BYTES, Session, Step, Terms, say_goodbye};
use crate::stats::add;
use crate::telling::{Announcement, Origin};
use asking::{Admission, Asking};
use exchange::Method;
use facts::{Client, Peer, Traffic};

/// Messages taken out of an inbox under one lock.
const TAKEN_AT_ONCE: usize = 64;

/// A connection.
pub(crate) struct Connection {
    hub: Arc<Hub>,
    peer: Arc<Peer>,
    phase: Phase,
    /// Where it may not publish as much as it likes.
    meter: Option<Box<Meter>>,
    /// A packet that waits until it is known whether it may be handled.
    asking: Option<Box<Asking>>,
}

enum Phase {
    /// CONNECT is not accepted yet.
    Stranger(Box<Stranger>),
    /// It has a session, unless another connection has taken it over.
    Client(Arc<Slot>, Version),
    /// It has ended, and that was told.
    Over,
}

/// A connection whose CONNECT is not accepted yet.
#[derive(Default)]
struct Stranger {
    traffic: Traffic,
    /// The listener holds as many connections as it may without this one.
    is_surplus: bool,
    /// CONNECT, while it is decided about.
    connect: Option<Box<Connect>>,
    /// Whether the identifier in `connect` is one the broker has chosen.
    has_assigned_id: bool,
    /// The method of extended authentication, where CONNECT asks for one that is offered.
    method: Option<Box<Method>>,
    /// Who it is, once that is known.
    client: Option<Client>,
    /// It is let in when it is known whether it may leave its will.
    admission: Option<Box<Admission>>,
    /// The refusal, to be told when it is written.
    refusal: Option<Announcement>,
}

/// What a connection has to do next.
#[derive(Debug)]
pub(crate) enum Turn {
    /// Write what there is, then wait for more.
    Wait,
    /// Write what there is; there is more to do without waiting.
    Again,
    /// Ask [`Connection::take_will_question`] where there is one, else `auth` about [`Connection::credentials`]. Both may
    /// take a while.
    Authenticate,
    /// Write what there is, then call [`Connection::handle_end`].
    Over(Box<Ending>),
}

/// What a connection works with, one for all connections of a thread.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    pub(crate) fx: Effects,
    pub(crate) wakers: Wakers,
    taken: Vec<Queued>,
}

impl Connection {
    /// A connection that was just accepted. `is_surplus`: it is to be refused.
    pub(crate) fn new(hub: Arc<Hub>, peer: Arc<Peer>, is_surplus: bool) -> Connection {
        let stranger = Stranger { is_surplus, ..Stranger::default() };
        Connection { hub, peer, phase: Phase::Stranger(Box::new(stranger)), meter: None, asking: None }
    }

    /// Handles every whole packet in `buf` and leaves the rest there.
    pub(crate) fn handle_bytes(&mut self, now: Now, buf: &mut BytesMut, work: &mut Workspace) -> Turn {
        match &self.phase {
            Phase::Stranger(_) => self.handle_first_bytes(now, buf, work),
            Phase::Client(..) => self.converse(now, buf, work),
            Phase::Over => Turn::Over(Box::new(taken_over())),
        }
    }

    /// Takes what waits in the inbox, as much as fits one write. `waker` is woken when there is more.
    pub(crate) fn handle_inbox(&mut self, now: Now, work: &mut Workspace, waker: Option<&Waker>) -> Turn {
        let Phase::Client(slot, version) = &self.phase else { return Turn::Wait };
        let mut held = slot.hold();
        if !self.has_session(&held) {
            return self.give_way(*version, &mut work.fx);
        }
        loop {
            let turn = self.deliver(now, &mut held, work);
            if let Turn::Again = turn {
                return turn;
            }
            let mut inbox = slot.inbox.lock();
            // Looked at under the same lock as the waker is left: a message that comes now finds the waker.
            let room = held.window_room();
            if inbox.has_message(room > 0) {
                continue;
            }
            let wake_for = if inbox.is_empty() { WakeFor::Messages } else { WakeFor::Orders };
            let order = match waker {
                Some(waker) => inbox.next_order(waker, wake_for),
                None => inbox.take_order(),
            };
            drop(inbox);
            return order.map_or(Turn::Wait, |order| self.obey(order, &mut held, &mut work.fx));
        }
    }

    /// Looks for orders only, while the client does not take what is written already.
    pub(crate) fn handle_orders(&mut self, work: &mut Workspace, waker: &Waker) -> Turn {
        let Phase::Client(slot, version) = &self.phase else { return Turn::Wait };
        let mut held = slot.hold();
        if !self.has_session(&held) {
            return self.give_way(*version, &mut work.fx);
        }
        let order = slot.inbox.lock().next_order(waker, WakeFor::Orders);
        order.map_or(Turn::Wait, |order| self.obey(order, &mut held, &mut work.fx))
    }

    /// Handles that time has passed.
    pub(crate) fn handle_time(&mut self, now: Now, work: &mut Workspace) -> Turn {
        if self.deadline_mono_ms(now).is_none_or(|at_ms| now.mono_ms < at_ms) {
            return Turn::Wait;
        }
        match &self.phase {
            Phase::Stranger(_) => Turn::Over(Box::new(
                Ending::in_silence(DisconnectReason::ConnectTimeout)
                    .because(format!("expected CONNECT within {} ms", self.peer.listener.config.connect_timeout_ms)),
            )),
            Phase::Client(slot, version) => {
                let mut held = slot.hold();
                if !self.has_session(&held) {
                    return self.give_way(*version, &mut work.fx);
                }
                let Some(link) = &held.link else { return Turn::Wait };
                let ending = link.timely_end(now);
                self.over(ending, &mut held, &mut work.fx)
            }
            Phase::Over => Turn::Wait,
        }
    }

    /// When [`Connection::handle_time`] is due. It moves when packets come, and never to an earlier time.
    pub(crate) fn deadline_mono_ms(&self, now: Now) -> Option<u64> {
        match &self.phase {
            Phase::Stranger(_) => {
                Some(self.peer.accepted.mono_ms + u64::from(self.peer.listener.config.connect_timeout_ms))
            }
            Phase::Client(slot, _) => {
                let held = slot.hold();
                let link = held.link.as_ref().filter(|_| self.has_session(&held))?;
                // What waits for an answer is no silence of the client's.
                let unread_until_ms = if self.is_asking() { now.mono_ms } else { self.unread_until_mono_ms() };
                let resumes_ms = (unread_until_ms > now.mono_ms).then_some(unread_until_ms);
                link.ends_mono_ms(unread_until_ms).into_iter().chain(resumes_ms).min()
            }
            Phase::Over => None,
        }
    }

    /// Whether nothing may be read for now: more was published than may be, and [`Connection::handle_time`] is due when it
    /// may; or a packet waits for an answer.
    pub(crate) fn is_paused(&self, now: Now) -> bool {
        self.is_asking() || self.is_metered(now)
    }

    fn is_metered(&self, now: Now) -> bool {
        self.meter.as_ref().is_some_and(|meter| meter.is_paused(now))
    }

    fn unread_until_mono_ms(&self) -> u64 {
        self.meter.as_ref().map_or(0, |meter| meter.paused_until_mono_ms())
    }

    /// Tells of the CONNACK, which is written now.
    pub(crate) fn handle_written(&mut self, now: Now) {
        if let Phase::Client(slot, _) = &self.phase {
            let mut held = slot.hold();
            if held.announcement.is_some() && self.has_session(&held) {
                held.announce(now, &self.hub);
            }
        }
    }

    /// Whether CONNECT was accepted.
    pub(crate) fn is_admitted(&self) -> bool {
        matches!(self.phase, Phase::Client(..))
    }

    /// The limits for what is decoded next.
    pub(crate) fn decode_limits(&self) -> mqtt::Limits {
        let config = &self.peer.listener.config;
        let packet_bytes_max = match self.phase {
            Phase::Stranger(_) => config.connect_bytes_max.min(config.packet_bytes_max),
            Phase::Client(..) | Phase::Over => config.packet_bytes_max,
        };
        mqtt::Limits { packet_bytes_max, ..mqtt::Limits::default() }
    }

    /// Packets of a client that has a session.
    fn converse(&mut self, now: Now, buf: &mut BytesMut, work: &mut Workspace) -> Turn {
        let Phase::Client(slot, version) = &self.phase else { return Turn::Wait };
        let mut held = slot.hold();
        if !self.has_session(&held) {
            return self.give_way(*version, &mut work.fx);
        }
        held.announce(now, &self.hub);
        let limits = self.decode_limits();
        let (offered_len, packets_before) = (buf.len(), held.packets_received());
        let mut ending = None;
        held.refresh_permissions(&self.hub);
        work.fx.wanted = self.hub.bus.wanted();
        let mut is_paused = self.is_metered(now);
        let mut waited = self.asking.take().map(|asking| asking.packet);
        while ending.is_none() && (waited.is_some() || !is_paused) {
            let before_len = buf.len();
            let has_waited = waited.is_some();
            match waited.take().map_or_else(|| mqtt::decode(buf, Some(*version), &limits), |packet| Ok(Some(packet))) {
                Ok(Some(packet)) => {
                    let Core { session: Some(session), link: Some(link), .. } = &mut *held else { break };
                    if !has_waited {
                        if let (Some(meter), Packet::Publish(_)) = (&mut self.meter, &packet) {
                            is_paused = meter.charge(now, before_len - buf.len());
                        }
                        link.traffic.packets_received += 1;
                        link.traffic.last_packet = Some(now);
                    }
                    let BrokerConfig { limits, protocol, .. } = &self.hub.config;
                    if let Some(question) = link.question((&packet, has_waited), limits.subscribe_filters_max) {
                        self.asking = Some(Asking::new(&packet, *version, question));
                        break;
                    }
                    let terms = Terms { now, limits, listener: &self.peer.listener.config, protocol };
                    session.handle_packet(packet, link, terms, &mut work.fx);
                    ending = self.hub.carry_out(now, &mut held, work);
                }
                Ok(None) => break,
                Err(error) => {
                    buf.clear();
                    ending = Some(Ending::undecodable(&error));
                }
            }
        }
        work.fx.notes.flush(self.hub.store.get());
        held.count_received((offered_len, buf.len()), packets_before, &self.hub);
        add(&self.hub.counters.reads_paused, u64::from(is_paused));
        match ending {
            Some(ending) => self.over(ending, &mut held, &mut work.fx),
            None => {
                held.count_sent(&mut work.fx, &self.hub);
                Turn::Wait
            }
        }
    }

    /// Writes messages from the inbox.
    fn deliver(&self, now: Now, held: &mut Held<'_>, work: &mut Workspace) -> Turn {
        let slot = held.slot;
        let mut turn = Turn::Wait;
        held.refresh_permissions(&self.hub);
        let Core { session: Some(session), link: Some(link), .. } = &mut **held else { return turn };
        work.fx.wanted = self.hub.bus.wanted();
        loop {
            session.send_again(now, link, &mut work.fx);
            if work.fx.out.len() >= OUT_BYTES {
                turn = Turn::Again;
                break;
            }
            let mut room = session.window_room(link);
            let mut taken_bytes = 0;
            let mut inbox = slot.inbox.lock();
            inbox.release(session.take_released_bytes());
            while work.taken.len() < TAKEN_AT_ONCE
                && taken_bytes < OUT_BYTES
                && let Some(queued) = inbox.take_next(room > 0)
            {
                room -= usize::from(queued.qos != QoS::AtMostOnce);
                taken_bytes += queued.cost();
                work.taken.push(queued);
            }
            inbox.settle(&self.hub.queued_bytes);
            drop(inbox);
            if work.taken.is_empty() {
                break;
            }
            for queued in work.taken.drain(..) {
                session.handle_delivery(now, queued, link, &mut work.fx);
            }
        }
        if !work.fx.steps.is_empty() {
            // Only what others hear of: a delivery ends no connection.
            self.hub.carry_out(now, held, work);
        }
        work.fx.notes.flush(self.hub.store.get());
        held.count_sent(&mut work.fx, &self.hub);
        turn
    }

    fn obey(&self, order: Order, core: &mut Core, fx: &mut Effects) -> Turn {
        let ending = match order {
            Order::Ban => self.banned(core),
            Order::Kick => Ending::by_broker(DisconnectReason::Kicked, ReasonCode::AdministrativeAction),
            Order::GoAway => Ending::by_broker(DisconnectReason::GoAway, ReasonCode::ServerShuttingDown),
        };
        self.over(ending, core, fx)
    }

    /// The end of a client that is banned while it is connected.
    fn banned(&self, core: &Core) -> Ending {
        let ending = Ending::by_broker(DisconnectReason::Banned, ReasonCode::AdministrativeAction);
        let Some(client) = core.link.as_ref().map(|link| &link.client) else { return ending };
        let who = (&*client.client_id, client.username.as_deref());
        // Whichever ban it is: it was in force when the order was given.
        let ban = self.hub.config.bans.find(who, self.peer.peername.ip(), Timestamp(0));
        ban.map_or(ending.clone(), |ban| ending.because(ban.in_words()))
    }

    /// Says goodbye where the broker ends the connection.
    fn over(&self, ending: Ending, core: &mut Core, fx: &mut Effects) -> Turn {
        if let Some(link) = &core.link {
            link.say_goodbye(&ending, fx);
        }
        core.count_sent(fx, &self.hub);
        Turn::Over(Box::new(ending))
    }

    /// Another connection has the session: its events are told already, and only the client is told here.
    fn give_way(&self, version: Version, fx: &mut Effects) -> Turn {
        let ending = taken_over();
        say_goodbye(&ending, version, 0, fx);
        fx.packets_count = 0;
        Turn::Over(Box::new(ending))
    }

    /// Whether no other connection has taken the session over.
    fn has_session(&self, core: &Core) -> bool {
        core.link.as_ref().is_some_and(|link| link.peer.conn_id == self.peer.conn_id)
    }
}

/// The exchange of QoS 2 that a message begins, where it has to survive.
fn taking(session: &Session, publish: &Publish) -> Option<Taking> {
    let packet_id = publish.packet_id.filter(|_| publish.qos == QoS::ExactlyOnce && session.is_durable)?;
    Some(Taking { key: session.key, packet_id, event: None })
}

fn taken_over() -> Ending {
    Ending::by_broker(DisconnectReason::Takeovered, ReasonCode::SessionTakenOver)
}

impl Hub {
    /// Takes the steps that a packet has led to.
    fn carry_out(&self, now: Now, held: &mut Held<'_>, work: &mut Workspace) -> Option<Ending> {
        let slot = held.slot;
        let Core { session: Some(session), link: Some(link), count, .. } = &mut **held else { return None };
        let Workspace { fx, wakers, .. } = work;
        let key = session.key;
        let origin = Origin {
            client_id: &link.client.client_id,
            username: link.client.username.as_ref(),
            peer: Some(&link.peer),
            hops: 0,
            id: None,
        };
        let who = (&*link.peer, &*link.client);
        let mut steps = std::mem::take(&mut fx.steps);
        let (mut ending, mut proof) = (None, None);
        for step in steps.drain(..) {
            match step {
                Step::Publish(publish) => {
                    let published = self.take_in(now, &publish, (session, origin), (&mut fx.notes, wakers));
                    link.acknowledge(&publish, published.matched_count > 0, fx);
                }
                Step::Repeat(publish, event) => {
                    let awaited = event.and_then(|event| self.tell_repeated(now, (&publish, event), origin));
                    let taken = self.store.get().filter(|_| session.is_durable).map(Store::mark);
                    fx.notes.wait_for(taken.unwrap_or_default(), awaited);
                }
                Step::Drop(publish, reason) => self.tell_dropped(now, (None, &publish), reason, origin),
                Step::Subscribe(subscribe) => {
                    let subscription = &subscribe.subscription;
                    let subscriber = Subscriber { key, target: Arc::clone(slot), granted: subscription.granted };
                    let waiting_len = if subscribe.sends_retained { slot.inbox.lock().len() } else { 0 };
                    self.add_subscription(&subscription.filter, subscriber);
                    self.tell_subscribed(now, who, &subscribe, count);
                    if subscribe.sends_retained {
                        self.send_retained(now, (slot, key), (&subscribe, waiting_len));
                        self.send_sys(now, slot, (&subscribe, waiting_len));
                    }
                }
                Step::Unsubscribe(subscription, properties) => {
                    self.remove_subscription(&subscription.filter, key);
                    self.tell_unsubscribed(now, who, (&subscription, Some(&properties)), count);
                }
                Step::Delivered(queued, dup) => self.tell_delivered(now, who, &queued, dup),
                Step::Undelivered(queued, reason) => {
                    self.count_undelivered(reason);
                    self.tell_delivery_dropped(now, slot, &queued, reason);
                }
                Step::Acknowledged(queued, properties) => self.tell_acked(now, who, &queued, &properties),
                Step::Checked(check) => self.tell_authz(now, who, check),
                Step::Pinged => self.tell_ping(now, who),
                Step::Authenticate(packet) => proof = Some(packet),
                Step::End(end) => {
                    ending = Some(*end);
                    break;
                }
            }
        }
        fx.steps = steps;
        if let (Some(packet), None) = (proof, &ending) {
            ending = link.handle_auth(self, &packet, fx).err();
        }
        ending
    }

    /// Publishes a message of a client; what is answered waits for what has to be on disk before.
    fn take_in(
        &self,
        now: Now,
        publish: &Publish,
        (session, origin): (&mut Session, Origin<'_>),
        (notes, wakers): (&mut Notes, &mut Wakers),
    ) -> Published {
        let taking = taking(session, publish);
        if taking.is_some() {
            // An identifier that is used again was released before, in the journal too.
            notes.flush(self.store.get());
        }
        let publisher = Some(Publisher { key: session.key, taking });
        let (published, awaited) = self.publish(now, publish, (publisher, origin), wakers);
        if publish.qos != QoS::AtMostOnce {
            if let (Some((event, _)), Some(packet_id)) = (&awaited, publish.packet_id) {
                session.note_awaited(packet_id, *event);
            }
            notes.wait_for(published.mark, awaited.map(|(_, awaited)| awaited));
        }
        published
    }

    fn count_undelivered(&self, reason: DeliveryDropReason) {
        let counters = &self.counters;
        let counter = match reason {
            DeliveryDropReason::Expired => &counters.deliveries_expired,
            DeliveryDropReason::TooLarge => &counters.deliveries_too_large,
            DeliveryDropReason::NotAuthorized => &counters.deliveries_not_authorized,
            DeliveryDropReason::Qos0Msg => &counters.deliveries_offline,
            DeliveryDropReason::QueueFull | DeliveryDropReason::NoLocal | DeliveryDropReason::SessionEnd => {
                &counters.deliveries_dropped
            }
        };
        add(counter, 1);
    }
}

impl Core {
    /// Tells how CONNECT was answered, if that was not told yet.
    fn announce(&mut self, now: Now, hub: &Hub) {
        let (Some(announcement), Some(link)) = (self.announcement.take(), &self.link) else { return };
        hub.tell_connack(now, (&link.peer, &link.client), &announcement, Some(&mut self.count));
    }

    fn refresh_permissions(&mut self, hub: &Hub) {
        if let (Some(session), Some(link)) = (&self.session, &mut self.link) {
            link.refresh_permissions(session, &hub.auth);
        }
    }

    fn packets_received(&self) -> u64 {
        self.link.as_ref().map_or(0, |link| link.traffic.packets_received)
    }

    /// Counts what came, of which `left_len` bytes are the beginning of a packet.
    fn count_received(&mut self, (offered_len, left_len): (usize, usize), packets_before: u64, hub: &Hub) {
        let Some(link) = &mut self.link else { return };
        link.traffic.count_bytes(offered_len - left_len, left_len, hub);
        add(&hub.counters.packets_received, link.traffic.packets_received - packets_before);
    }

    fn window_room(&self) -> usize {
        match (&self.session, &self.link) {
            (Some(session), Some(link)) => session.window_room(link),
            (Some(_) | None, Some(_) | None) => 0,
        }
    }

    /// Counts what has come into `fx.out` since it was counted last.
    fn count_sent(&mut self, fx: &mut Effects, hub: &Hub) {
        let (bytes, packets) = fx.take_counts();
        if let Some(Link { traffic, .. }) = self.link.as_deref_mut() {
            traffic.bytes_sent += bytes;
            traffic.packets_sent += packets;
        }
        add(&hub.counters.bytes_sent, bytes);
        add(&hub.counters.packets_sent, packets);
    }
}
