//! The end of a connection: what becomes of its will and its session, and the events that tell of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use bytestring::ByteString;
use events::{ConnId, DeliveryDropReason, DiscardCause, Kind, Stage};
use mqtt::{Publish, Will};

use super::facts::{Client, Peer};
use super::{Connection, Phase, taken_over};
use crate::clock::Now;
use crate::ending::Ending;
use crate::hub::{Hub, Wakers};
use crate::message::Queued;
use crate::registry::{Core, Held, Parked, Slot};
use crate::session::Link;
use crate::stats::add;
use crate::telling::{Course, Origin, SessionEnd};

/// What becomes of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It goes on, with or without a connection.
    Kept,
    /// It ends.
    Ends(SessionEnd),
}

impl Connection {
    /// The connection is over; to be called once, when what it had to say is written. Later calls do nothing.
    pub(crate) fn handle_end(&mut self, now: Now, ending: &Ending, wakers: &mut Wakers) {
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Stranger(stranger) => {
                stranger.traffic.count_rest(&self.hub);
                if let (Some(refusal), Some(client)) = (&stranger.refusal, &stranger.client) {
                    add(&self.hub.counters.connects_refused, 1);
                    self.hub.reasons.count_refusal(refusal.reason);
                    self.hub.tell_connack(now, (&self.peer, client), refusal, None);
                }
                let stage = if stranger.client.is_some() { Stage::Connect } else { Stage::Accepted };
                let client = stranger.client.as_ref();
                let course =
                    Course { peer: &self.peer, client, stage, traffic: &stranger.traffic, taken_over_by: None };
                self.hub.tell_disconnected(now, course, ending, None);
            }
            Phase::Client(slot, _) => self.leave(now, &slot, ending, wakers),
            Phase::Over => {}
        }
    }

    /// Gives the session back.
    fn leave(&self, now: Now, slot: &Arc<Slot>, ending: &Ending, wakers: &mut Wakers) {
        let hub = &*self.hub;
        let mut held = slot.hold();
        if !self.has_session(&held) {
            return;
        }
        held.announce(now, hub);
        let Some(link) = held.link.take() else { return };
        link.traffic.count_rest(hub);
        slot.is_online.store(false, Ordering::Relaxed);
        hub.registry.online_count.fetch_sub(1, Ordering::Relaxed);
        let fate = hub.fate_without_connection(&held);
        if let Fate::Ends(end) = fate {
            hub.end_session(now, &mut held, (&link.peer, &link.client), end);
        }
        let delayed = hub.publish_will(now, &link, (ending, fate), wakers);
        let course = Course {
            peer: &link.peer,
            client: Some(&link.client),
            stage: Stage::Session,
            traffic: &link.traffic,
            taken_over_by: None,
        };
        hub.tell_disconnected(now, course, ending, Some(&mut held.count));
        hub.watch_ended(now, &slot.client_id, ending);
        match fate {
            Fate::Ends(_) => {
                held.is_dead = true;
                let count = held.count;
                drop(held);
                hub.registry.remove(slot, count);
            }
            Fate::Kept => hub.park(now, &mut held, *link, delayed),
        }
    }
}

impl Hub {
    /// Ends the connection that has the session, on behalf of its task, because the connection `by` takes over.
    pub(super) fn take_over(&self, now: Now, held: &mut Held<'_>, (by, fate): (ConnId, Fate), wakers: &mut Wakers) {
        held.announce(now, self);
        let Some(link) = held.link.take() else { return };
        link.traffic.count_rest(self);
        self.registry.online_count.fetch_sub(1, Ordering::Relaxed);
        match fate {
            Fate::Ends(end) => self.end_session(now, held, (&link.peer, &link.client), end),
            Fate::Kept => {
                if let Core { session: Some(session), count, .. } = &mut **held {
                    self.tell_taken_over(now, (&link.peer, &link.client), (session, by), count);
                }
            }
        }
        let ending = taken_over();
        // A delayed will is void when the session goes on in time [MQTT-3.1.3-9], and due when it does not.
        self.publish_will(now, &link, (&ending, fate), wakers);
        let course = Course {
            peer: &link.peer,
            client: Some(&link.client),
            stage: Stage::Session,
            traffic: &link.traffic,
            taken_over_by: Some(by),
        };
        self.tell_disconnected(now, course, &ending, Some(&mut held.count));
        self.watch_ended(now, &link.client.client_id, &ending);
    }

    /// Looks whether a client comes and goes too often, where that is asked for.
    fn watch_ended(&self, now: Now, client_id: &ByteString, ending: &Ending) {
        if let Some(watch) = &self.flapping {
            watch.handle_ended(now, client_id, ending.reason);
        }
    }

    /// Takes a session out of its rest; says whether there was one.
    pub(super) fn unpark(&self, now: Now, held: &mut Held<'_>, fate: Fate, wakers: &mut Wakers) -> bool {
        let Some(parked) = held.parked.take() else { return false };
        let last = held.last.take();
        if let Some(id) = parked.deadline {
            self.deadlines.lock().cancel(id);
        }
        if let (Fate::Ends(end), Some((peer, client))) = (fate, last) {
            self.end_session(now, held, (&peer, &client), end);
            if let Some((_, will)) = parked.will {
                self.publish_of(now, &will, (&peer, &client), wakers);
            }
        }
        true
    }

    /// Handles the next deadline that is due; whether there was one.
    pub(crate) fn handle_next_deadline(&self, now: Now, wakers: &mut Wakers) -> bool {
        let due = self.deadlines.lock().take_due(now.mono_ms);
        if let Some(slot) = due.as_ref().and_then(Weak::upgrade) {
            self.handle_deadline(now, &slot, wakers);
        }
        due.is_some()
    }

    /// A deadline of a session without a connection has come.
    fn handle_deadline(&self, now: Now, slot: &Arc<Slot>, wakers: &mut Wakers) {
        let mut held = slot.hold();
        let (Some(mut parked), Some(last)) = (held.parked.take(), held.last.take()) else { return };
        let (peer, client) = (&last.0, &last.1);
        let ends = parked.ends_mono_ms.is_some_and(|at_ms| at_ms <= now.mono_ms);
        if ends {
            self.end_session(now, &mut held, (peer, client), SessionEnd::Expired);
        }
        if let Some((_, will)) = parked.will.take_if(|(at_ms, _)| ends || *at_ms <= now.mono_ms) {
            self.publish_of(now, &will, (peer, client), wakers);
            if !ends {
                self.keep_parked(now, (peer, client), &held, &parked);
            }
        }
        if ends {
            held.is_dead = true;
            let count = held.count;
            drop(held);
            self.registry.offline_count.fetch_sub(1, Ordering::Relaxed);
            self.registry.remove(slot, count);
        } else {
            held.last = Some(last);
            self.rest(&mut held, parked);
        }
    }

    /// Ends the session: its subscriptions, and what waits for it.
    pub(crate) fn end_session(&self, now: Now, held: &mut Held<'_>, who: (&Peer, &Client), end: SessionEnd) {
        let slot = held.slot;
        let Some(mut session) = held.session.take() else { return };
        let queued_len = slot.inbox.lock().len();
        self.tell_session_ended(now, who, (&session, queued_len, end), &mut held.count);
        if self.bus.wants(Kind::DeliveryDropped) {
            let waiting: Vec<Queued> = slot.inbox.lock().waiting().cloned().collect();
            for queued in session.unacknowledged().chain(&waiting) {
                self.tell_delivery_dropped(now, slot, queued, DeliveryDropReason::SessionEnd);
            }
        }
        for subscription in session.take_subscriptions() {
            self.remove_subscription(&subscription.filter, session.key);
            self.tell_unsubscribed(now, who, (&subscription, None), &mut held.count);
        }
        self.keep_ended(slot, &session);
        slot.inbox.lock().reset(self.next_session_key(), &self.queued_bytes);
        add(&self.counters.sessions_ended, 1);
    }

    /// Whether a session is kept when its connection ends.
    fn fate_without_connection(&self, core: &Core) -> Fate {
        let ends = core.session.as_ref().is_none_or(|session| session.expiry_interval_s == 0);
        let full = self.registry.offline_count.load(Ordering::Relaxed) >= self.config.limits.offline_sessions_max;
        if ends {
            Fate::Ends(SessionEnd::Expired)
        } else if full {
            Fate::Ends(SessionEnd::Discarded(DiscardCause::Limit, None))
        } else {
            Fate::Kept
        }
    }

    /// Publishes the will, or gives it back where it is delayed [MQTT-3.1.3-9].
    fn publish_will(
        &self,
        now: Now,
        link: &Link,
        (ending, fate): (&Ending, Fate),
        wakers: &mut Wakers,
    ) -> Option<(u64, Will)> {
        let will = link.will.as_deref().filter(|_| !ending.voids_will())?;
        let delay_s = will.properties.will_delay_interval_s().unwrap_or(0);
        if delay_s > 0 && fate == Fate::Kept {
            return Some((now.mono_ms + u64::from(delay_s) * 1000, will.clone()));
        }
        self.publish_of(now, will, (&link.peer, &link.client), wakers);
        None
    }

    pub(crate) fn publish_of(&self, now: Now, will: &Will, (peer, client): (&Peer, &Client), wakers: &mut Wakers) {
        let publish = Publish {
            dup: false,
            qos: will.qos,
            retain: will.retain,
            topic: will.topic.clone(),
            packet_id: None,
            properties: will.properties.without(&[mqtt::PropertyId::WillDelayInterval]),
            payload: will.payload.clone(),
        };
        let origin = Origin {
            client_id: &client.client_id,
            username: client.username.as_ref(),
            peer: Some(peer),
            hops: 0,
            id: None,
        };
        // An observer that panics must not keep the end of a connection or session from being told.
        let publishing = catch_unwind(AssertUnwindSafe(|| self.publish(now, &publish, (None, origin), wakers)));
        if publishing.is_err() {
            tracing::error!(
                client_id = &*client.client_id,
                "a will was lost to a bug; the panic was reported before this line"
            );
        }
    }

    /// Publishes the wills that are still delayed, where their sessions end with the broker.
    pub(crate) fn publish_delayed_wills(&self, now: Now, wakers: &mut Wakers) {
        if self.store.get().is_some() {
            return;
        }
        for slot in self.registry.all() {
            let mut held = slot.hold();
            let will = held.parked.as_mut().and_then(|parked| parked.will.take());
            if let (Some((_, will)), Some(last)) = (will, &held.last) {
                self.publish_of(now, &will, (&last.0, &last.1), wakers);
            }
        }
    }

    /// Lays the session to rest until its client comes back or its time is over.
    fn park(&self, now: Now, held: &mut Held<'_>, link: Link, will: Option<(u64, Will)>) {
        let slot = held.slot;
        slot.inbox.lock().detach();
        let interval_s = held.session.as_ref().map_or(0, |session| session.expiry_interval_s);
        let parked = Parked { deadline: None, ends_mono_ms: Parked::ends_after(now, interval_s), will };
        self.keep_parked(now, (&link.peer, &link.client), held, &parked);
        held.last = Some((link.peer, link.client));
        self.rest(held, Box::new(parked));
        self.registry.offline_count.fetch_add(1, Ordering::Relaxed);
    }

    /// Lets a session rest until its next deadline.
    pub(crate) fn rest(&self, held: &mut Held<'_>, mut parked: Box<Parked>) {
        parked.deadline = self.set_deadline(held.slot, &parked);
        held.parked = Some(parked);
    }

    fn set_deadline(&self, slot: &Arc<Slot>, parked: &Parked) -> Option<crate::deadlines::DeadlineId> {
        let will_at = parked.will.as_ref().map(|(at_ms, _)| *at_ms);
        let at_ms = parked.ends_mono_ms.into_iter().chain(will_at).min()?;
        let (id, is_next) = self.deadlines.lock().add(at_ms, Arc::downgrade(slot));
        if is_next {
            self.housekeeping.notify_one();
        }
        Some(id)
    }
}
