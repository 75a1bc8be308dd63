//! Writing down anew what there is, so that what stood before can go.

use std::sync::Arc;

use super::keep::{head_of, rest_of};
use super::store::Rewriting;
use super::{Change, Mark, Rest, Store};
use crate::clock::Now;
use crate::hub::Hub;
use crate::message::{Message, Queued};
use crate::registry::{Core, Held};
use crate::session::Session;

/// Retained messages that are written under one lock.
const RETAINED_AT_ONCE: usize = 256;

impl Hub {
    /// Writes down anew what survives, while everything goes on, and releases what stood before. Takes as long as the
    /// disk does.
    pub(crate) fn rewrite(&self, now: Now) {
        let Some(store) = self.store.get() else { return };
        let before_bytes = store.bytes();
        let mut rewriting = store.begin_rewrite();
        let mut record = Vec::new();
        for slot in self.registry.all() {
            let mark = {
                let held = slot.hold();
                rewrite_session(now, &held, store, (&mut record, &mut rewriting))
            };
            store.pace(mark);
        }
        for messages in self.retained.all().chunks(RETAINED_AT_ONCE) {
            let mark = self.rewrite_retained(messages, store, (&mut record, &mut rewriting));
            store.pace(mark);
        }
        if store.end_rewrite(&rewriting) {
            tracing::info!(
                before_bytes,
                bytes = store.bytes(),
                "sessions and retained messages were written down anew"
            );
        }
    }

    /// Messages of topics that have another one by now are left to the record of that.
    fn rewrite_retained(
        &self,
        messages: &[Arc<Message>],
        store: &Store,
        (record, rewriting): (&mut Vec<u8>, &mut Rewriting),
    ) -> Mark {
        let _order = store.retained.lock();
        record.clear();
        let is_kept = |message: &&Arc<Message>| {
            self.retained.get(message.topic()).is_some_and(|kept| Arc::ptr_eq(&kept, message))
        };
        let kept: Vec<&Arc<Message>> = messages.iter().filter(is_kept).collect();
        for message in &kept {
            let number = store.put_message(message, record);
            Change::Retained(number).put(record);
        }
        let mark = store.append_rewritten(record, rewriting);
        kept.iter().for_each(|message| Store::note_written(message, mark));
        mark
    }
}

fn rewrite_session(
    now: Now,
    held: &Held<'_>,
    store: &Store,
    (record, rewriting): (&mut Vec<u8>, &mut Rewriting),
) -> Mark {
    let Core { session: Some(session), link, last, parked, .. } = &**held else { return Mark::default() };
    record.clear();
    let head = match (link, last, parked) {
        (Some(link), _, _) => head_of((&link.peer, &link.client), session, (link.will.as_deref(), Rest::Online)),
        (None, Some((peer, client)), Some(parked)) => head_of((peer, client), session, rest_of(now, parked)),
        (None, Some(_) | None, Some(_) | None) => return Mark::default(),
    };
    if !session.is_noted {
        return Mark::default();
    }
    head.put(record);
    if !session.is_durable {
        return store.append_rewritten(record, rewriting);
    }
    put_holdings(session, store, record);
    let inbox = held.slot.inbox.lock();
    let mut waiting: Vec<Queued> = inbox.waiting().filter(|queued| queued.number != 0).cloned().collect();
    waiting.iter_mut().for_each(|queued| store.put_queued(session.key, queued, record));
    let mark = store.append_rewritten(record, rewriting);
    drop(inbox);
    let sent = session.exchanges().filter_map(|(_, queued)| queued);
    waiting.iter().chain(sent).for_each(|queued| Store::note_written(&queued.message, mark));
    mark
}

/// What a session holds, but for what waits in its inbox.
fn put_holdings(session: &Session, store: &Store, record: &mut Vec<u8>) {
    let key = session.key;
    Change::Reset { key, next: session.next_packet_id() }.put(record);
    for subscription in session.subscriptions() {
        Change::Subscribed { key, filter: subscription.filter.as_str(), granted: subscription.granted }.put(record);
    }
    for (packet_id, event) in session.awaiting_release() {
        Change::Taken { key, packet_id, event }.put(record);
    }
    for (packet_id, queued) in session.exchanges() {
        match queued {
            Some(queued) if queued.number != 0 => {
                let mut queued = queued.clone();
                store.put_queued(key, &mut queued, record);
                Change::Sent { key, number: queued.number, packet_id }.put(record);
            }
            // A value of `$SYS/` at the time of its subscription, which does not survive.
            Some(_) => {}
            None => Change::Received { key, packet_id }.put(record),
        }
    }
}
