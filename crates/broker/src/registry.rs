//! Which client has which session.
//!
//! Lock order: a shard alone; or the core of one slot, then (leaf locks, one at a time) router, retained store, inboxes,
//! deadlines, flood, bus, journal and what a former process has left; the gates of `durable` go before inboxes and the
//! retained store. A shard is never locked while a core is.

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytestring::ByteString;
use foldhash::fast::RandomState;
use mqtt::Will;
use parking_lot::{Mutex, MutexGuard};

use crate::clock::Now;
use crate::connection::facts::{Client, Peer};
use crate::deadlines::DeadlineId;
use crate::router::SubscriberKey;
use crate::session::inbox::Inbox;
use crate::session::{Link, Session};
use crate::telling::Announcement;

const SHARDS_COUNT: usize = 64;

/// The place of one client: its session, and the connection that has it now.
///
/// It lasts as long as a session does, over takeovers and new sessions, so that whatever happens to one client happens
/// under one lock and in one order.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) client_id: ByteString,
    /// Whether a connection is there; read without a lock to choose members of shared groups.
    pub(crate) is_online: AtomicBool,
    /// Whether the session outlives this process: messages for it are noted in the journal first.
    is_durable: AtomicBool,
    /// What waits for the session. A leaf lock: publishers hold it for a moment.
    pub(crate) inbox: Mutex<Inbox>,
    pub(crate) core: Mutex<Core>,
}

/// What the slot's connection, a takeover, or the end of the session changes.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) session: Option<Session>,
    /// The connection that has the session; its `conn_id` is the epoch of the session.
    pub(crate) link: Option<Box<Link>>,
    /// What the events of an accepted CONNECT need, until they are told.
    pub(crate) announcement: Option<Box<Announcement>>,
    /// The last connection, when there is none: events at the end of the session name it.
    pub(crate) last: Option<(Arc<Peer>, Arc<Client>)>,
    pub(crate) count: ClientCount,
    pub(crate) parked: Option<Box<Parked>>,
    /// Out of the registry: whoever still holds the slot must look the client up again.
    pub(crate) is_dead: bool,
}

/// What is to happen to a session without a connection.
#[derive(Debug)]
pub(crate) struct Parked {
    pub(crate) deadline: Option<DeadlineId>,
    /// When it ends; `None` for never.
    pub(crate) ends_mono_ms: Option<u64>,
    /// The will, when it is still to be published.
    pub(crate) will: Option<(u64, Will)>,
}

impl Parked {
    /// When a session ends that outlives its connection for so long; `None` for never.
    pub(crate) fn ends_after(now: Now, expiry_interval_s: u32) -> Option<u64> {
        (expiry_interval_s != u32::MAX).then(|| now.mono_ms + u64::from(expiry_interval_s) * 1000)
    }
}

/// Numbers the lifecycle events of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientCount {
    pub(crate) last_seq: u64,
    pub(crate) epoch: u64,
}

/// A slot whose core is locked: whatever happens to one client happens while it is held.
#[derive(Debug)]
pub(crate) struct Held<'a> {
    pub(crate) slot: &'a Arc<Slot>,
    core: MutexGuard<'a, Core>,
}

impl Deref for Held<'_> {
    type Target = Core;

    fn deref(&self) -> &Core {
        &self.core
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut Core {
        &mut self.core
    }
}

impl Slot {
    /// Locks the core.
    pub(crate) fn hold(self: &Arc<Slot>) -> Held<'_> {
        Held { slot: self, core: self.core.lock() }
    }

    /// Whether messages for the session are noted in the journal.
    pub(crate) fn is_durable(&self) -> bool {
        self.is_durable.load(Ordering::Relaxed)
    }

    /// To be called under the lock of the core.
    pub(crate) fn set_durable(&self, is_durable: bool) {
        self.is_durable.store(is_durable, Ordering::Relaxed);
    }

    fn new(client_id: ByteString, count: ClientCount) -> Slot {
        Slot {
            client_id,
            is_online: AtomicBool::new(false),
            is_durable: AtomicBool::new(false),
            inbox: Mutex::new(Inbox::new(SubscriberKey(0))),
            core: Mutex::new(Core {
                session: None,
                link: None,
                announcement: None,
                last: None,
                count,
                parked: None,
                is_dead: false,
            }),
        }
    }
}

/// All slots, by client identifier.
#[derive(Debug)]
pub(crate) struct Registry {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    pub(crate) online_count: AtomicUsize,
    pub(crate) offline_count: AtomicUsize,
}

#[derive(Debug)]
struct Shard {
    slots: HashMap<ByteString, Arc<Slot>, RandomState>,
    departed: Departed,
}

impl Registry {
    /// An empty registry that remembers at least `departed_max` clients that are gone. `epoch` is the first
    /// `client_epoch`.
    pub(crate) fn new(departed_max: usize, epoch: u64) -> Registry {
        let shard = || {
            Mutex::new(Shard {
                slots: HashMap::default(),
                departed: Departed::new(departed_max.div_ceil(SHARDS_COUNT), epoch),
            })
        };
        Registry {
            shards: (0..SHARDS_COUNT).map(|_| shard()).collect(),
            hasher: RandomState::default(),
            online_count: AtomicUsize::new(0),
            offline_count: AtomicUsize::new(0),
        }
    }

    /// The slot of a client, where it has one.
    pub(crate) fn get(&self, client_id: &str) -> Option<Arc<Slot>> {
        self.shard(client_id).lock().slots.get(client_id).cloned()
    }

    /// The slot of a client; a new one where it has none.
    pub(crate) fn get_or_insert(&self, client_id: &ByteString) -> Arc<Slot> {
        let mut shard = self.shard(client_id).lock();
        if let Some(slot) = shard.slots.get(client_id) {
            return Arc::clone(slot);
        }
        let count = shard.departed.take(client_id);
        let slot = Arc::new(Slot::new(client_id.clone(), count));
        shard.slots.insert(client_id.clone(), Arc::clone(&slot));
        slot
    }

    /// Takes a dead slot out, and remembers how far its events were counted.
    pub(crate) fn remove(&self, slot: &Arc<Slot>, count: ClientCount) {
        let mut shard = self.shard(&slot.client_id).lock();
        if shard.slots.get(&slot.client_id).is_some_and(|found| Arc::ptr_eq(found, slot)) {
            shard.slots.remove(&slot.client_id);
            shard.departed.put(slot.client_id.clone(), count);
        }
    }

    /// A client has left before this process began, and how far its events were counted.
    pub(crate) fn remember(&self, client_id: ByteString, count: ClientCount) {
        self.shard(&client_id).lock().departed.put(client_id, count);
    }

    /// Clients that are not known begin a higher epoch than `epoch`, however the clock stands.
    pub(crate) fn begin_epoch_after(&self, epoch: u64) {
        for shard in &self.shards {
            let departed = &mut shard.lock().departed;
            departed.epoch = departed.epoch.max(epoch.saturating_add(1));
        }
    }

    /// Every slot there is now.
    pub(crate) fn all(&self) -> Vec<Arc<Slot>> {
        self.shards.iter().flat_map(|shard| shard.lock().slots.values().cloned().collect::<Vec<_>>()).collect()
    }

    /// Every slot, a shard at a time: nobody waits for more than one of them.
    pub(crate) fn by_shard(&self) -> impl Iterator<Item = Vec<Arc<Slot>>> {
        self.shards.iter().map(|shard| shard.lock().slots.values().cloned().collect())
    }

    /// A session has got a connection.
    pub(crate) fn count_online(&self, was_offline: bool) {
        self.online_count.fetch_add(1, Ordering::Relaxed);
        if was_offline {
            self.offline_count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn shard(&self, client_id: &str) -> &Mutex<Shard> {
        use std::hash::BuildHasher;
        let hash = usize::try_from(self.hasher.hash_one(client_id) % 64).unwrap_or(0);
        &self.shards[hash % self.shards.len()]
    }
}

/// How far the events of clients were counted whose session is gone: two generations, of which the older is forgotten
/// when the younger is full.
#[derive(Debug)]
struct Departed {
    young: HashMap<ByteString, ClientCount, RandomState>,
    old: HashMap<ByteString, ClientCount, RandomState>,
    generation_max: usize,
    epoch: u64,
}

impl Departed {
    fn new(max: usize, epoch: u64) -> Departed {
        Departed { young: HashMap::default(), old: HashMap::default(), generation_max: max.max(1), epoch }
    }

    /// Where a client goes on; a new epoch where it is not known.
    fn take(&mut self, client_id: &ByteString) -> ClientCount {
        let known = self.young.remove(client_id).or_else(|| self.old.remove(client_id));
        known.unwrap_or(ClientCount { last_seq: 0, epoch: self.epoch })
    }

    fn put(&mut self, client_id: ByteString, count: ClientCount) {
        if self.young.len() >= self.generation_max {
            self.old = std::mem::take(&mut self.young);
            // Whoever was forgotten comes back with a higher epoch than it ever had.
            self.epoch = self.epoch.saturating_add(1);
        }
        self.young.insert(client_id, count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_was_forgotten_begins_a_new_epoch() {
        let mut departed = Departed::new(2, 7);
        let known = ClientCount { last_seq: 5, epoch: 7 };
        departed.put("a".into(), known);
        assert_eq!(departed.take(&"a".into()), known);
        for name in ["a", "b", "c", "d", "e"] {
            departed.put(name.into(), known);
        }
        let again = departed.take(&"a".into());
        assert_eq!(again.last_seq, 0);
        assert!(again.epoch > known.epoch);
        assert_eq!(departed.take(&"e".into()), known);
    }

    #[test]
    fn only_the_slot_itself_is_removed() {
        let registry = Registry::new(10, 1);
        let count = ClientCount { last_seq: 3, epoch: 1 };
        let first = registry.get_or_insert(&"a".into());
        registry.remove(&first, count);
        let second = registry.get_or_insert(&"a".into());
        assert_eq!(second.core.lock().count, count);
        registry.remove(&first, count);
        assert!(Arc::ptr_eq(&second, &registry.get("a").unwrap()));
    }
}
