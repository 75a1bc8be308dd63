//! The part of a buffer that is kept elsewhere: the newer outputs of a long queue, of which only the number is known here.
//! They come back in order when what is here runs out.

use super::item::Item;
use super::{Buffer, count};
use crate::disk::Left;
use crate::output::Output;

/// What is queued behind the outputs that are here, and is given back with [`Buffer::warm`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cold {
    pub(super) len: u64,
    /// As [`Output::bytes`] counts them; about, where they were never here.
    pub(super) bytes: usize,
}

/// How much is held here of what was never offered, where the rest can be kept elsewhere.
pub(super) const WARM_MAX: Amount = Amount { len: 20_000, bytes: 16 << 20 };

/// How much is held here behind outputs that wait to be tried again, where the rest can be kept elsewhere. Beyond it the
/// outputs of other keys pass those no more.
pub(super) const PARKED_MAX: Amount = Amount { len: 100_000, bytes: 64 << 20 };

/// A number of outputs, or their bytes, whichever is reached first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amount {
    pub(crate) len: usize,
    pub(crate) bytes: usize,
}

impl Buffer {
    /// Takes over what a former buffer has left, of which a part may be elsewhere; so may be what comes.
    pub(crate) fn restore(&mut self, left: Left) {
        let Left { queued, cold: (len, bytes), settled, next_number } = left;
        (self.ledger, self.drops) = settled;
        self.cold = Some(Cold { len, bytes });
        self.held_bytes = bytes;
        self.ledger.queued = len + count(queued.len());
        self.ledger.in_ = self.ledger.settled() + self.ledger.queued;
        self.next_number = next_number;
        for (number, output) in queued {
            let item = Item::new(number, self.options.order.key_of(&output, number), output);
            self.held_bytes += item.bytes;
            self.push_fresh(item);
        }
    }

    /// Whether what comes now is not held here: there is enough, or older ones are elsewhere already.
    pub(super) fn is_warm_enough(&self) -> bool {
        let is_behind_others = self.cold.is_some_and(|cold| cold.len > 0);
        is_behind_others || self.fresh.len() >= self.warm_max.len || self.fresh_bytes >= self.warm_max.bytes
    }

    /// Whether it wants back some of what is elsewhere.
    pub(crate) fn wants_warming(&self) -> bool {
        let Amount { len, bytes } = self.warm_max;
        let is_low = self.fresh.len() < len.div_ceil(2) && self.fresh_bytes < bytes.div_ceil(2);
        is_low && !self.is_closed && self.cold.is_some_and(|cold| cold.len > 0)
    }

    /// Takes back the oldest of what is elsewhere, in order, and counts those that are not there any more.
    pub(crate) fn warm(&mut self, outputs: Vec<(u64, Output)>, lost: u64) {
        let Some(mut cold) = self.cold else { return };
        cold.len = cold.len.saturating_sub(lost);
        self.ledger.queued -= lost;
        self.ledger.dropped += lost;
        self.drops.damaged += lost;
        let mut bytes = 0;
        for (number, output) in outputs {
            let item = Item::new(number, self.options.order.key_of(&output, number), output);
            bytes += item.bytes;
            cold.len = cold.len.saturating_sub(1);
            self.push_fresh(item);
        }
        // What was only estimated is put right, at the latest when nothing is left elsewhere.
        let left = if cold.len == 0 { 0 } else { cold.bytes.saturating_sub(bytes) };
        self.held_bytes = self.held_bytes - cold.bytes + left + bytes;
        cold.bytes = left;
        self.cold = Some(cold);
    }

    /// Holds less here than it would.
    #[cfg(test)]
    pub(crate) fn hold_at_most(&mut self, warm_max: Amount, parked_max: Amount) {
        (self.warm_max, self.parked_max) = (warm_max, parked_max);
    }

    /// How many outputs are here and not in flight.
    #[cfg(test)]
    pub(crate) fn here(&self) -> usize {
        self.fresh.len() + self.lanes.len()
    }

    pub(super) fn push_fresh(&mut self, item: Item) {
        self.fresh_bytes += item.bytes;
        self.fresh.push_back(item);
    }

    pub(super) fn pop_fresh(&mut self) -> Option<Item> {
        let item = self.fresh.pop_front()?;
        self.fresh_bytes -= item.bytes;
        Some(item)
    }
}
