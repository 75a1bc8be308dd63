//! Packets that promise what is not durable yet, and everything that comes behind them.

use std::collections::VecDeque;
use std::task::Waker;

use bytes::BytesMut;

use crate::durable::{Mark, Store};

/// Bytes for the client that wait for the disk, in order.
#[derive(Debug, Default)]
pub(super) struct HeldBack {
    bytes: BytesMut,
    /// What each part waits for, and its length. A part never goes before the one in front of it.
    parts: VecDeque<(Mark, usize)>,
    /// The store knows whom to wake for the first part.
    is_awaited: bool,
}

impl HeldBack {
    /// Holds `bytes` back until `mark` is reached.
    pub(super) fn hold(&mut self, mark: Mark, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        match self.parts.back_mut() {
            Some((last, len)) if last.and(mark) == *last => *len += bytes.len(),
            Some(_) | None => self.parts.push_back((mark, bytes.len())),
        }
    }

    /// Moves what may be said to `out`. `waker` is woken when there is more.
    pub(super) fn release(&mut self, store: &Store, waker: &Waker, out: &mut BytesMut) {
        while let Some((mark, len)) = self.parts.front().copied() {
            let waker = (!self.is_awaited).then_some(waker);
            if !store.poll_reached(mark, waker) {
                self.is_awaited = true;
                return;
            }
            self.is_awaited = false;
            self.parts.pop_front();
            out.extend_from_slice(&self.bytes.split_to(len));
        }
    }

    /// Whether nothing is held back.
    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// How much is held back.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }
}
