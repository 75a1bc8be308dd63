//! Packets that promise what is not durable yet, and everything that comes behind them.

use std::collections::VecDeque;
use std::task::Context;

use bytes::BytesMut;

use crate::awaited::Awaited;
use crate::durable::{Mark, Store};

/// Bytes for the client that wait for the disk, in order.
#[derive(Debug, Default)]
pub(super) struct HeldBack {
    bytes: BytesMut,
    /// A part never goes before the one in front of it.
    parts: VecDeque<Part>,
    /// The store knows whom to wake for the first part.
    is_awaited: bool,
}

/// Bytes that wait for the same.
#[derive(Debug)]
struct Part {
    mark: Mark,
    /// What has not happened yet, the latest first.
    awaited: Vec<Awaited>,
    len: usize,
}

impl HeldBack {
    /// Holds `bytes` back until `mark` is reached and everything in `awaited` has happened.
    pub(super) fn hold(&mut self, (mark, mut awaited): (Mark, Vec<Awaited>), bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        match self.parts.back_mut() {
            Some(last) if awaited.is_empty() && last.mark.and(mark) == last.mark => last.len += bytes.len(),
            Some(_) | None => {
                awaited.reverse();
                self.parts.push_back(Part { mark, awaited, len: bytes.len() });
            }
        }
    }

    /// Moves what may be said to `out`. The task of `cx` is woken when there is more.
    pub(super) fn release(&mut self, store: Option<&Store>, cx: &mut Context<'_>, out: &mut BytesMut) {
        while let Some(part) = self.parts.front_mut() {
            while let Some(awaited) = part.awaited.last_mut() {
                if awaited.poll(cx).is_pending() {
                    return;
                }
                part.awaited.pop();
            }
            let waker = (!self.is_awaited).then_some(cx.waker());
            if store.is_some_and(|store| !store.poll_reached(part.mark, waker)) {
                self.is_awaited = true;
                return;
            }
            self.is_awaited = false;
            out.extend_from_slice(&self.bytes.split_to(part.len));
            self.parts.pop_front();
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

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::sync::oneshot;

    use super::*;

    fn awaited() -> (oneshot::Sender<()>, Vec<Awaited>) {
        let (sender, receiver) = oneshot::channel::<()>();
        (sender, vec![Awaited::new(Box::pin(async { receiver.await.unwrap() }))])
    }

    fn released(held: &mut HeldBack) -> String {
        let mut out = BytesMut::new();
        held.release(None, &mut Context::from_waker(Waker::noop()), &mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn what_comes_behind_an_answer_waits_with_it() {
        let mut held = HeldBack::default();
        let (first, first_awaited) = awaited();
        let (second, second_awaited) = awaited();
        held.hold((Mark::default(), first_awaited), b"a");
        held.hold((Mark::default(), Vec::new()), b"b");
        held.hold((Mark::default(), second_awaited), b"c");
        assert_eq!((released(&mut held), held.len()), (String::new(), 3));
        second.send(()).unwrap();
        assert_eq!(released(&mut held), "", "the first is not there yet");
        first.send(()).unwrap();
        assert_eq!((released(&mut held).as_str(), held.is_empty()), ("abc", true));
    }

    #[test]
    fn an_answer_to_many_waits_for_all_of_them() {
        let mut held = HeldBack::default();
        let ((first, mut both), (second, more)) = (awaited(), awaited());
        both.extend(more);
        held.hold((Mark::default(), both), b"ab");
        first.send(()).unwrap();
        assert_eq!(released(&mut held), "");
        second.send(()).unwrap();
        assert_eq!(released(&mut held), "ab");
    }
}
