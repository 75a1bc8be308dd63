//! The parts of a record: those of `journal`, and such as may be missing.

pub(super) use journal::parts::{put_bytes, put_number};

/// Takes the parts of a record off its front; `None` where the rest does not begin with such a part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decoder<'a> {
    rest: &'a [u8],
}

/// A number that may be missing.
pub(super) fn put_option(out: &mut Vec<u8>, number: Option<u64>) {
    out.push(u8::from(number.is_some()));
    if let Some(number) = number {
        put_number(out, number);
    }
}

/// Text that may be missing.
pub(super) fn put_text_option(out: &mut Vec<u8>, text: Option<&str>) {
    out.push(u8::from(text.is_some()));
    if let Some(text) = text {
        put_bytes(out, text.as_bytes());
    }
}

impl<'a> Decoder<'a> {
    pub(super) const fn new(record: &'a [u8]) -> Decoder<'a> {
        Decoder { rest: record }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    /// A byte that is 0 or 1.
    pub(super) fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            2.. => None,
        }
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let (number, len) = journal::parts::number_of(self.rest)?;
        self.rest = self.rest.get(len..)?;
        Some(number)
    }

    pub(super) fn number_as<T: TryFrom<u64>>(&mut self) -> Option<T> {
        self.number()?.try_into().ok()
    }

    #[expect(clippy::option_option, reason = "the outer one is a record that cannot be read")]
    pub(super) fn option(&mut self) -> Option<Option<u64>> {
        if self.flag()? { self.number().map(Some) } else { Some(None) }
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = self.number_as()?;
        let (bytes, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(bytes)
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    #[expect(clippy::option_option, reason = "the outer one is a record that cannot be read")]
    pub(super) fn text_option(&mut self) -> Option<Option<&'a str>> {
        if self.flag()? { self.text().map(Some) } else { Some(None) }
    }
}
