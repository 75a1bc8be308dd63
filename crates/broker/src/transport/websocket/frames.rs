//! WebSocket frames (RFC 6455, section 5), without I/O.
//!
//! MQTT is a stream of bytes, whatever frames it comes in [MQTT-6.0.0-4], so that no message is ever put together here:
//! frames are unmasked where they lie and their payloads moved together.

use bytes::BufMut;

/// Bytes of the longest header of a frame of a client: two, a length of eight, a mask of four.
const HEADER_BYTES_MAX: usize = 14;
/// Bytes of the payload of a control frame (section 5.5).
const CONTROL_BYTES_MAX: usize = 125;

const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;

/// Codes of close frames (section 7.4.1).
pub(super) const NORMAL: u16 = 1000;
const PROTOCOL_ERROR: u16 = 1002;
const UNSUPPORTED_DATA: u16 = 1003;

/// What a client did against the rules, and the code of the close frame that answers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Violation {
    pub(super) code: u16,
    pub(super) words: &'static str,
}

/// What a client wants beside sending bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Control {
    /// An answer with this payload.
    Ping(Vec<u8>),
    /// The end, with this code where it gave one.
    Close(Option<u16>),
}

/// Takes the frames of a client apart.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    header: [u8; HEADER_BYTES_MAX],
    header_len: usize,
    /// The frame whose payload is being read.
    frame: Option<Frame>,
    /// Whether the last data frame was not the last of its message.
    is_in_message: bool,
    /// The payload of a control frame, as far as it has come.
    control: Vec<u8>,
    /// Whether a close frame has come: nothing counts behind it.
    is_closed: bool,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    opcode: u8,
    mask: [u8; 4],
    left: u64,
}

impl Incoming {
    /// Takes bytes from the network. What is payload of data frames is moved to the front of `bytes`, unmasked; gives
    /// its length. Everything behind a close frame is left away.
    pub(super) fn take(&mut self, bytes: &mut [u8], controls: &mut Vec<Control>) -> Result<usize, Violation> {
        let (mut from, mut to) = (0, 0);
        while from < bytes.len() && !self.is_closed {
            let Some(frame) = &mut self.frame else {
                self.header[self.header_len] = bytes[from];
                self.header_len += 1;
                from += 1;
                if self.header_len == wanted_len(&self.header, self.header_len) {
                    self.begin_frame()?;
                }
                self.end_frame(controls);
                continue;
            };
            let here = usize::try_from(frame.left).unwrap_or(usize::MAX).min(bytes.len() - from);
            unmask(&mut bytes[from..from + here], &mut frame.mask);
            frame.left -= u64::try_from(here).unwrap_or(u64::MAX);
            if is_control(frame.opcode) {
                self.control.extend_from_slice(&bytes[from..from + here]);
            } else {
                bytes.copy_within(from..from + here, to);
                to += here;
            }
            from += here;
            self.end_frame(controls);
        }
        Ok(to)
    }

    /// Checks a whole header.
    fn begin_frame(&mut self) -> Result<(), Violation> {
        let wrong = |words| Err(Violation { code: PROTOCOL_ERROR, words });
        let header = self.header.get(..self.header_len).unwrap_or_default();
        let [first, second, ..] = *header else { return Ok(()) };
        let (is_last, opcode) = (first & 0x80 != 0, first & 0x0F);
        let len = match second & 0x7F {
            126 => u64::from(u16::from_be_bytes([header[2], header[3]])),
            127 => header[2..10].iter().fold(0, |len, byte| len << 8 | u64::from(*byte)),
            len => u64::from(len),
        };
        if first & 0x70 != 0 {
            return wrong("expected no reserved bits in a frame, as no extension was agreed on");
        }
        if second & 0x80 == 0 {
            return wrong("expected a masked frame, as clients must send them");
        }
        if is_control(opcode) && (!is_last || len > 125) {
            return wrong("expected a control frame of at most 125 bytes in one piece");
        }
        match opcode {
            CONTINUATION if !self.is_in_message => return wrong("expected a new message, found its continuation"),
            BINARY if self.is_in_message => return wrong("expected the rest of a message, found a new one"),
            CONTINUATION | BINARY => self.is_in_message = !is_last,
            TEXT => {
                // [MQTT-6.0.0-1]
                let words = "expected binary frames, found a text frame";
                return Err(Violation { code: UNSUPPORTED_DATA, words });
            }
            CLOSE | PING | PONG => {}
            _ => return wrong("expected a frame of a kind that RFC 6455 knows"),
        }
        let mask = header.last_chunk().copied().unwrap_or_default();
        self.frame = Some(Frame { opcode, mask, left: len });
        self.header_len = 0;
        Ok(())
    }

    /// Takes note of a frame whose payload is complete.
    fn end_frame(&mut self, controls: &mut Vec<Control>) {
        let Some(Frame { opcode, left: 0, .. }) = self.frame else { return };
        self.frame = None;
        match opcode {
            PING => controls.push(Control::Ping(std::mem::take(&mut self.control))),
            CLOSE => {
                let code = self.control.first_chunk().map(|code| u16::from_be_bytes(*code));
                controls.push(Control::Close(code));
                self.is_closed = true;
            }
            _ => self.control.clear(),
        }
    }
}

const fn is_control(opcode: u8) -> bool {
    opcode & 0x8 != 0
}

/// Bytes of the header that begins so.
fn wanted_len(header: &[u8], len: usize) -> usize {
    let Some(second) = header.get(1).filter(|_| len >= 2) else { return 2 };
    let length_bytes = match second & 0x7F {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let mask_bytes = if second & 0x80 == 0 { 0 } else { 4 };
    2 + length_bytes + mask_bytes
}

/// Unmasks a part of a payload, and turns the mask to where the next part goes on.
fn unmask(bytes: &mut [u8], mask: &mut [u8; 4]) {
    let mut chunks = bytes.chunks_exact_mut(4);
    for chunk in &mut chunks {
        chunk.iter_mut().zip(*mask).for_each(|(byte, mask)| *byte ^= mask);
    }
    let rest = chunks.into_remainder();
    rest.iter_mut().zip(*mask).for_each(|(byte, mask)| *byte ^= mask);
    mask.rotate_left(rest.len());
}

/// Writes a data frame.
pub(super) fn put_binary(payload: &[u8], out: &mut impl BufMut) {
    put_frame(BINARY, payload, out);
}

/// Writes the answer to a ping.
pub(super) fn put_pong(payload: &[u8], out: &mut impl BufMut) {
    put_frame(PONG, payload, out);
}

/// Writes a close frame.
pub(super) fn put_close(code: u16, words: &str, out: &mut impl BufMut) {
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend_from_slice(words.as_bytes());
    payload.truncate(CONTROL_BYTES_MAX);
    put_frame(CLOSE, &payload, out);
}

fn put_frame(opcode: u8, payload: &[u8], out: &mut impl BufMut) {
    out.put_u8(0x80 | opcode);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(len), _) if len < 126 => out.put_u8(len),
        (_, Ok(len)) => {
            out.put_u8(126);
            out.put_u16(len);
        }
        (_, Err(_)) => {
            out.put_u8(127);
            out.put_u64(u64::try_from(payload.len()).unwrap_or(u64::MAX));
        }
    }
    out.put_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASK: [u8; 4] = [0xA1, 0x05, 0xFF, 0x10];

    /// A frame as a client sends it.
    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        put_frame(0, payload, &mut frame);
        frame[0] = first;
        frame[1] |= 0x80;
        let header_len = frame.len() - payload.len();
        frame.truncate(header_len);
        frame.extend(MASK);
        frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame
    }

    /// What comes out of `bytes` when they come in pieces of `len`.
    fn taken(bytes: &[u8], len: usize) -> Result<(Vec<u8>, Vec<Control>), Violation> {
        let (mut incoming, mut data, mut controls) = (Incoming::default(), Vec::new(), Vec::new());
        for piece in bytes.chunks(len) {
            let mut piece = piece.to_vec();
            let data_len = incoming.take(&mut piece, &mut controls)?;
            data.extend_from_slice(&piece[..data_len]);
        }
        Ok((data, controls))
    }

    // proves 5: [MQTT-6.0.0-2]
    // proves 3.1.1: [MQTT-6.0.0-2]
    #[test]
    fn the_stream_is_the_same_however_it_is_cut() {
        let long = (0..70_000u32).map(|n| u8::try_from(n % 251).unwrap()).collect::<Vec<u8>>();
        let bytes = [
            masked(0x82, b"one packet, "),
            masked(0x02, b"two "),
            masked(0x89, b"are you there"),
            masked(0x00, b"in "),
            masked(0x82 & 0x80, b"pieces"),
            masked(0x82, b""),
            masked(0x8A, b"unasked"),
            masked(0x82, &long[..300]),
            masked(0x82, &long),
            masked(0x88, &[0x03, 0xE8, b'b', b'y', b'e']),
            masked(0x82, b"too late"),
        ]
        .concat();
        let expected = [b"one packet, two in pieces".as_slice(), &long[..300], &long].concat();
        let controls = vec![Control::Ping(b"are you there".to_vec()), Control::Close(Some(1000))];
        for len in [1, 2, 3, 7, 64, 1000, 65_536, bytes.len()] {
            let (data, told) = taken(&bytes, len).unwrap();
            assert!(data.starts_with(&expected), "in pieces of {len}");
            assert_eq!(told, controls, "in pieces of {len}");
        }
    }

    // proves 5: [MQTT-6.0.0-1]
    // proves 3.1.1: [MQTT-6.0.0-1]
    #[test]
    fn what_breaks_a_rule_is_told_with_its_close_code() {
        for (bytes, code, words) in [
            (masked(0x81, b"text"), 1003, "text frame"),
            (b"\x82\x01x".to_vec(), 1002, "masked"),
            (masked(0xC2, b"x"), 1002, "reserved bits"),
            (masked(0x80, b"x"), 1002, "found its continuation"),
            ([masked(0x02, b"x"), masked(0x82, b"x")].concat(), 1002, "rest of a message"),
            (masked(0x09, b"x"), 1002, "in one piece"),
            (masked(0x89, &[0; 126]), 1002, "at most 125"),
            (masked(0x83, b"x"), 1002, "RFC 6455 knows"),
        ] {
            let violation = taken(&bytes, 1).unwrap_err();
            assert_eq!(violation.code, code, "{bytes:?}");
            assert!(violation.words.contains(words), "{violation:?}");
        }
    }

    #[test]
    fn frames_to_the_client_have_the_shortest_length() {
        for (len, header) in [
            (0, &b"\x82\x00"[..]),
            (125, b"\x82\x7d"),
            (126, b"\x82\x7e\x00\x7e"),
            (65_535, b"\x82\x7e\xff\xff"),
            (65_536, b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
        ] {
            let mut out = Vec::new();
            put_binary(&vec![7; len], &mut out);
            assert!(out.starts_with(header), "{len}");
            assert_eq!(out.len(), header.len() + len);
        }
        let mut out = Vec::new();
        put_close(1003, "no text", &mut out);
        assert_eq!(out, b"\x88\x09\x03\xebno text");
    }
}
