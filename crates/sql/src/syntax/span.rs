//! A place in the text of a rule.

use std::ops::Range;

/// From a byte to a byte. 32 bits each: texts are at most [`super::lexer::TEXT_BYTES_MAX`] long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Span {
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Span { start: place(start), end: place(end) }
    }

    pub(crate) fn start(self) -> usize {
        self.range().start
    }

    pub(crate) fn end(self) -> usize {
        self.range().end
    }

    pub(crate) fn range(self) -> Range<usize> {
        let place = |at: u32| usize::try_from(at).expect("usize has at least 32 bits on every target we build for");
        place(self.start)..place(self.end)
    }

    /// From the beginning of this to the end of `last`.
    pub(crate) fn to(self, last: Span) -> Span {
        Span { start: self.start, end: last.end.max(self.start) }
    }
}
