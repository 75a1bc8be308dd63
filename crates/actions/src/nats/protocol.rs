//! The words of the NATS client protocol [docs.nats.io/reference/reference-protocols/nats-protocol].

use std::str::FromStr;

use bytes::{Buf as _, Bytes, BytesMut};

/// What a server says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ServerOp {
    /// What the server is and wants, as JSON.
    Info(serde_json::Value),
    /// A message for a subscription.
    Message {
        subject: String,
        /// The status of its header, where it has one: 503 where nobody listens.
        status: Option<u16>,
        payload: Bytes,
    },
    Ping,
    Pong,
    Okay,
    /// Something is refused, or the connection will be closed.
    Error(String),
}

/// The longest line and the longest payload that is read. What is meant for us is much shorter.
const BYTES_MAX: usize = 4 * 1_024 * 1_024;

/// Takes the next word of the server out of `buf`; `None` where it is not complete yet.
pub(super) fn next_op(buf: &mut BytesMut) -> Result<Option<ServerOp>, String> {
    let Some(end) = buf.windows(2).position(|pair| pair == b"\r\n") else {
        return too_long(buf.len()).map(|()| None);
    };
    let line = String::from_utf8_lossy(buf.get(..end).unwrap_or_default()).into_owned();
    let (word, rest) = line.split_once([' ', '\t']).unwrap_or((&line, ""));
    let op = match word.to_ascii_uppercase().as_str() {
        "INFO" => ServerOp::Info(serde_json::from_str(rest).map_err(|error| format!("INFO is no JSON: {error}"))?),
        "MSG" => return take_message(buf, end, rest, false),
        "HMSG" => return take_message(buf, end, rest, true),
        "PING" => ServerOp::Ping,
        "PONG" => ServerOp::Pong,
        "+OK" => ServerOp::Okay,
        "-ERR" => ServerOp::Error(rest.trim().trim_matches('\'').to_owned()),
        other => return Err(format!("the other side speaks no NATS: `{other}`")),
    };
    buf.advance(end + 2);
    Ok(Some(op))
}

/// `MSG subject sid [reply] bytes`, `HMSG subject sid [reply] header-bytes bytes`, and what follows.
fn take_message(buf: &mut BytesMut, end: usize, rest: &str, has_header: bool) -> Result<Option<ServerOp>, String> {
    let words: Vec<&str> = rest.split_ascii_whitespace().collect();
    let number = |from_end: usize| {
        let word = words.len().checked_sub(from_end).and_then(|at| words.get(at));
        word.and_then(|word| usize::from_str(word).ok()).ok_or_else(|| format!("expected a length in `{rest}`"))
    };
    let len = number(1)?;
    let header_len = if has_header { number(2)?.min(len) } else { 0 };
    too_long(len)?;
    let (begin, whole) = (end + 2, end + 2 + len + 2);
    if buf.len() < whole {
        return Ok(None);
    }
    let mut bytes = buf.split_to(whole).freeze();
    bytes.advance(begin);
    let header = bytes.split_to(header_len);
    bytes.truncate(len - header_len);
    let subject = words.first().copied().unwrap_or_default().to_owned();
    Ok(Some(ServerOp::Message { subject, status: status_of(&header), payload: bytes }))
}

/// The number in `NATS/1.0 503`.
fn status_of(header: &[u8]) -> Option<u16> {
    let line = header.split(|&byte| byte == b'\r').next()?;
    std::str::from_utf8(line).ok()?.split_ascii_whitespace().nth(1)?.parse().ok()
}

fn too_long(len: usize) -> Result<(), String> {
    if len > BYTES_MAX { Err(format!("expected at most {BYTES_MAX} bytes at once, found {len}")) } else { Ok(()) }
}

/// Appends a message: `HPUB subject reply header-bytes bytes`. `header` is empty or ends with an empty line.
pub(super) fn push_publish(out: &mut Vec<u8>, subject: &str, reply: Option<&str>, header: &str, payload: &[u8]) {
    let reply = reply.map(|reply| format!(" {reply}")).unwrap_or_default();
    let len = header.len() + payload.len();
    let line = if header.is_empty() {
        format!("PUB {subject}{reply} {len}\r\n")
    } else {
        format!("HPUB {subject}{reply} {} {len}\r\n", header.len())
    };
    out.extend_from_slice(line.as_bytes());
    out.extend_from_slice(header.as_bytes());
    out.extend_from_slice(payload);
    out.extend_from_slice(b"\r\n");
}

/// The header of a message: `NATS/1.0`, a line for each, an empty line. Nothing where there are none.
pub(super) fn header_of<'a>(lines: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut header = String::new();
    for (name, value) in lines {
        if header.is_empty() {
            header.push_str("NATS/1.0\r\n");
        }
        header.extend([name, ": ", value, "\r\n"]);
    }
    if !header.is_empty() {
        header.push_str("\r\n");
    }
    header
}

/// Whether a message can have this subject: tokens between points, none of them empty, no wildcards, no blanks.
pub(super) fn check_subject(subject: &str) -> Result<(), String> {
    let is_wrong = |token: &str| {
        token.is_empty() || token == "*" || token == ">" || token.contains(|c: char| c <= ' ' || c == '\u{7f}')
    };
    match subject.split('.').find(|token| is_wrong(token)) {
        None => Ok(()),
        Some("") => Err(format!("subject: expected no empty token, found `{}`", subject.escape_default())),
        Some(_) => Err(format!("subject: expected neither blanks nor wildcards, found `{}`", subject.escape_default())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_read_as_it_comes() {
        let said = "INFO {\"a\":1}\r\nPING\r\n-ERR 'Unknown Protocol'\r\nMSG i.7 1 5\r\n{\"a\"}\r\n\
                    HMSG i.8 1 reply 16 18\r\nNATS/1.0 503\r\n\r\nab\r\n+OK\r\n";
        let message = |subject: &str, status, payload: &'static [u8]| ServerOp::Message {
            subject: subject.to_owned(),
            status,
            payload: Bytes::from_static(payload),
        };
        let expected = [
            ServerOp::Info(serde_json::json!({ "a": 1 })),
            ServerOp::Ping,
            ServerOp::Error("Unknown Protocol".to_owned()),
            message("i.7", None, b"{\"a\"}"),
            message("i.8", Some(503), b"ab"),
            ServerOp::Okay,
        ];
        // Whole, and byte by byte.
        for step in [said.len(), 1] {
            let (mut buf, mut read) = (BytesMut::new(), Vec::new());
            for bytes in said.as_bytes().chunks(step) {
                buf.extend_from_slice(bytes);
                while let Some(op) = next_op(&mut buf).unwrap() {
                    read.push(op);
                }
            }
            assert_eq!(read, expected);
        }
    }

    #[test]
    fn what_is_no_nats_is_an_error() {
        for (said, error) in [
            ("HTTP/1.1 400 Bad Request\r\n", "the other side speaks no NATS: `HTTP/1.1`"),
            ("MSG a 1 x\r\n", "expected a length in `a 1 x`"),
            ("MSG a 1 999999999\r\n", "expected at most 4194304 bytes at once, found 999999999"),
        ] {
            assert_eq!(next_op(&mut BytesMut::from(said)), Err(error.to_owned()));
        }
    }

    #[test]
    fn a_message_says_how_long_its_parts_are() {
        let mut out = Vec::new();
        let header = header_of([("Nats-Msg-Id", "7")]);
        push_publish(&mut out, "a.b", Some("i.0"), &header, b"xyz");
        push_publish(&mut out, "a", None, "", b"");
        let expected = "HPUB a.b i.0 28 31\r\nNATS/1.0\r\nNats-Msg-Id: 7\r\n\r\nxyz\r\nPUB a 0\r\n\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        assert_eq!(header_of([]), "");
    }

    #[test]
    fn a_subject_is_tokens_between_points() {
        assert_eq!(check_subject("plant.7.a>b"), Ok(()));
        for subject in ["", "a..b", ".a", "a.", "a b", "a.*", ">", "a\r\nPUB x 0"] {
            assert!(check_subject(subject).unwrap_err().starts_with("subject: expected n"), "{subject}");
        }
    }
}
