//! The changes of one turn of a connection, gathered to be one record.

use super::{Change, Mark, Store};
use crate::awaited::Awaited;

/// Changes that are not appended yet, and what has to be durable before the turn's packets may be sent.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    changes: Vec<u8>,
    /// Whether some packet of the turn promises what is noted here.
    is_promised: bool,
    mark: Mark,
    /// What others than the store have to do before.
    awaited: Vec<Awaited>,
}

impl Notes {
    /// Notes a change that no packet speaks of.
    pub(crate) fn note(&mut self, change: &Change<'_>) {
        change.put(&mut self.changes);
    }

    /// Notes a change that a packet of this turn promises: it is sent when the change is durable.
    pub(crate) fn promise(&mut self, change: &Change<'_>) {
        change.put(&mut self.changes);
        self.is_promised = true;
    }

    /// The packets of this turn wait for `mark` and `awaited`, too.
    pub(crate) fn wait_for(&mut self, mark: Mark, awaited: Option<Awaited>) {
        self.mark = self.mark.and(mark);
        self.awaited.extend(awaited);
    }

    /// Appends what was noted. To be called under the lock of the session that the changes are of.
    pub(crate) fn flush(&mut self, store: Option<&Store>) {
        if self.changes.is_empty() {
            return;
        }
        if let Some(store) = store {
            let mark = store.append(&self.changes);
            if self.is_promised {
                self.mark = self.mark.and(mark);
            }
        }
        self.changes.clear();
        self.is_promised = false;
    }

    /// Forgets everything; whether there was something that is in memory and not in the journal.
    pub(crate) fn discard(&mut self) -> bool {
        let has_changes = !self.changes.is_empty();
        *self = Notes::default();
        has_changes
    }

    /// What the packets of this turn wait for.
    pub(crate) fn take_conditions(&mut self) -> (Mark, Vec<Awaited>) {
        (std::mem::take(&mut self.mark), std::mem::take(&mut self.awaited))
    }
}
