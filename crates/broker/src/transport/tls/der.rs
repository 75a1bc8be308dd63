//! Values of the distinguished encoding rules (ITU-T X.690, section 10), as far as certificates need them.

/// The tags that certificates have (X.690, section 8.1.2; universal ones in X.680, section 8).
pub(super) const INTEGER: u8 = 0x02;
pub(super) const OID: u8 = 0x06;
pub(super) const UTF8_STRING: u8 = 0x0C;
pub(super) const PRINTABLE_STRING: u8 = 0x13;
pub(super) const IA5_STRING: u8 = 0x16;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// A tag and what stands in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
}

/// Elements one behind the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    /// The content of the next element, which has this tag; where it has another one, nothing is read.
    pub(super) fn read(&mut self, tag: u8) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let element = ahead.next().filter(|element| element.tag == tag)?;
        *self = ahead;
        Some(element.content)
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Element<'a>;

    /// The next element; `None` at the end and where there is none.
    fn next(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (len, rest) = match first {
            0..=0x7F => (usize::from(first), rest),
            // At most four bytes of length: no certificate is longer.
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
                (digits.iter().fold(0, |len, digit| len << 8 | usize::from(*digit)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(len)?;
        self.0 = rest;
        Some(Element { tag, content })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_read_and_what_is_cut_off_is_none() {
        let long = [&[SEQUENCE, 0x82, 0x01, 0x00][..], &[7; 256]].concat();
        let mut reader = Reader(&long);
        assert_eq!(reader.read(INTEGER), None);
        assert_eq!(reader.read(SEQUENCE).map(<[u8]>::len), Some(256));
        assert_eq!(reader.read(SEQUENCE), None);
        for len in 0..long.len() {
            assert_eq!(Reader(&long[..len]).next(), None, "{len} bytes");
        }
        // An endless length (section 8.1.3.6) and one of five bytes.
        assert_eq!(Reader(&[SEQUENCE, 0x80, 0, 0]).next(), None);
        assert_eq!(Reader(&[SEQUENCE, 0x85, 0, 0, 0, 0, 0]).next(), None);
    }
}
