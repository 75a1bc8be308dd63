//! What survives a kill and a power loss: sessions with what they subscribe to and what waits for them, exchanges of
//! QoS 1 and 2 both ways, retained messages, and wills.
//!
//! In: changes, as they happen. Out: how far they are durable, and at the next start everything that was.
//!
//! Never: anything but the will of sessions that end with their connection, and messages of QoS 0 that are not retained. A
//! broker that has nothing else writes nothing.
//!
//! The memory is the truth and the journal follows it. What one lock guards is noted under that lock, so that the order
//! of the records is the order of what has happened: a session's own changes under the lock of its slot, at the end of
//! every turn in one record; retained messages under [`Store::retained`]. A message is noted before any inbox has it,
//! with all its receivers in one record, so that it is never acknowledged in the journal before it is there; and with
//! the packet identifier under which a QoS 2 publisher has sent it, so that it is taken and handed on together or not at
//! all.
//!
//! The journal is kept short by writing down anew what there is ([`rewrite`]), one session after the other while
//! everything goes on, and then releasing what stood before. A session that is told anew begins with a `Reset`; its
//! queue is only added to, because a message that is noted and not in the inbox yet would be missed. So that none is
//! noted before the beginning and handed over behind it, publishers hold [`Store::gate`] shared in between.
//!
//! What a connection has to say about changes waits for them where its listener says `ack_after = "disk"`: see
//! [`Mark`] and `connection/held_back.rs`. When the disk takes nothing, the broker goes on in memory, such answers wait,
//! and everything is written down anew when the disk is back.
//!
//! Read `record.rs` first, then `store.rs`, `keep.rs`, `recover.rs`.

mod encoding;
mod keep;
mod notes;
mod record;
mod recover;
mod restore;
mod rewrite;
mod store;

pub(crate) use keep::{Kept, NowRetained, Taking};
pub(crate) use notes::Notes;
pub(crate) use record::{Change, Rest};
pub use recover::Recovered;
pub(crate) use store::{Mark, Store};
