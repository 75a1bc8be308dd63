//! The opening handshake of a WebSocket (RFC 6455, section 4.2), without I/O.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

/// Bytes of a request head: request line and headers.
pub(super) const HEAD_BYTES_MAX: usize = 8192;
const HEADERS_MAX: usize = 64;
/// What the key of the client is hashed with (section 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// The subprotocols of MQTT; the first is the one of the standards [MQTT-6.0.0-3], the others are older.
const SUBPROTOCOLS: [&str; 3] = ["mqtt", "mqttv3.1", "mqttv3.1.1"];

/// What becomes of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The head is not complete yet.
    Partial,
    /// The head has so many bytes, and is answered so.
    Accepted { head_len: usize, response: String },
    /// It is answered so, and the reason is told.
    Refused { response: String, words: String },
}

/// Answers what has come of a request so far.
pub(super) fn answer(head: &[u8], path: &str) -> Answer {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(head) {
        Ok(httparse::Status::Complete(head_len)) => match accept(&request, path) {
            Ok(response) => Answer::Accepted { head_len, response },
            Err((status, words)) => refused(status, words),
        },
        Ok(httparse::Status::Partial) if head.len() < HEAD_BYTES_MAX => Answer::Partial,
        Ok(httparse::Status::Partial) => {
            let words = format!("expected a request head of at most {HEAD_BYTES_MAX} bytes, found more");
            refused("431 Request Header Fields Too Large", words)
        }
        Err(error) => refused("400 Bad Request", format!("expected a WebSocket handshake, found no HTTP: {error}")),
    }
}

/// The response that opens the WebSocket; or a status, and what is wrong.
fn accept(request: &httparse::Request<'_, '_>, path: &str) -> Result<String, (&'static str, String)> {
    let asked = request.path.unwrap_or_default().split('?').next().unwrap_or_default();
    if asked != path {
        let words = format!("expected a WebSocket at `{path}`, found a request for `{}`", asked.escape_debug());
        return Err(("404 Not Found", words));
    }
    if request.method != Some("GET") || !has_word(request, "upgrade", "websocket") {
        return Err(("426 Upgrade Required", "expected a WebSocket handshake, found another HTTP request".to_owned()));
    }
    if !has_word(request, "connection", "upgrade") {
        return Err(("400 Bad Request", "expected `connection: upgrade` in the handshake, found none".to_owned()));
    }
    if !has_word(request, "sec-websocket-version", "13") {
        return Err(("426 Upgrade Required", "expected version 13 of the WebSocket protocol".to_owned()));
    }
    let key = values(request, "sec-websocket-key").next().unwrap_or_default();
    if STANDARD.decode(key).map_or(true, |key| key.len() != 16) {
        return Err(("400 Bad Request", "expected a `sec-websocket-key` of 16 bytes in the handshake".to_owned()));
    }
    let subprotocol = SUBPROTOCOLS.iter().find(|name| has_word(request, "sec-websocket-protocol", name));
    let Some(subprotocol) = subprotocol else {
        let offered = values(request, "sec-websocket-protocol").collect::<Vec<_>>().join(", ");
        let found = if offered.is_empty() { "none".to_owned() } else { format!("`{}`", offered.escape_debug()) };
        return Err(("400 Bad Request", format!("expected the WebSocket subprotocol `mqtt`, found {found}")));
    };
    let hash = STANDARD.encode(Sha1::digest(format!("{key}{GUID}")));
    Ok(format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-accept: {hash}\r\nsec-websocket-protocol: {subprotocol}\r\n\r\n"
    ))
}

fn refused(status: &str, words: String) -> Answer {
    let response = format!(
        "HTTP/1.1 {status}\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nconnection: close\r\n\
         content-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\n\r\n{words}\n",
        words.len() + 1
    );
    Answer::Refused { response, words }
}

/// The values of a header that may stand several times.
fn values<'a>(request: &'a httparse::Request<'_, '_>, name: &'a str) -> impl Iterator<Item = &'a str> {
    request
        .headers
        .iter()
        .filter(move |header| header.name.eq_ignore_ascii_case(name))
        .filter_map(|header| std::str::from_utf8(header.value).ok())
        .map(str::trim)
}

/// Whether a header that is a list has this word.
fn has_word(request: &httparse::Request<'_, '_>, name: &str, word: &str) -> bool {
    values(request, name).flat_map(|value| value.split(',')).any(|found| found.trim().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

    fn request(line: &str, headers: &str) -> String {
        format!("{line}\r\nHost: a\r\n{headers}\r\n")
    }

    // proves 5: [MQTT-6.0.0-4]
    // proves 3.1.1: [MQTT-6.0.0-4]
    #[test]
    fn the_handshake_of_the_standard_is_accepted() {
        let head = request(
            "GET /mqtt?x=1 HTTP/1.1",
            &format!(
                "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                 Sec-WebSocket-Protocol: mqttv3.1, mqtt\r\n{KEY}"
            ),
        );
        let with_frame = format!("{head}\u{2}");
        let Answer::Accepted { head_len, response } = answer(with_frame.as_bytes(), "/mqtt") else {
            panic!("the handshake is refused")
        };
        assert_eq!(head_len, head.len());
        // The example of RFC 6455, section 1.3.
        assert!(response.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{response}");
        assert!(response.contains("sec-websocket-protocol: mqtt\r\n"), "{response}");
        let without_end = head.trim_end();
        assert_eq!(answer(without_end.as_bytes(), "/mqtt"), Answer::Partial);
    }

    #[test]
    fn what_is_missing_is_told() {
        let upgrade = format!("upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n{KEY}");
        let line = "GET /mqtt HTTP/1.1";
        let other_protocol = format!("{upgrade}sec-websocket-protocol: chat\r\n");
        for (head, status, message) in [
            (request("GET / HTTP/1.1", &upgrade), "404", "at `/mqtt`, found a request for `/`"),
            (request(line, ""), "426", "another HTTP request"),
            (request("POST /mqtt HTTP/1.1", &upgrade), "426", "another HTTP request"),
            (request(line, &upgrade.replace("connection", "x")), "400", "`connection: upgrade`"),
            (request(line, &upgrade.replace("13", "8")), "426", "version 13"),
            (request(line, &upgrade.replace("dGhl", "dG")), "400", "16 bytes"),
            (request(line, &upgrade), "400", "subprotocol `mqtt`, found none"),
            (request(line, &other_protocol), "400", "found `chat`"),
            (request(line, &format!("x: {}\r\n", "y".repeat(9000))), "426", "another HTTP request"),
            (format!("GET /{}", "y".repeat(9000)), "431", "at most 8192 bytes"),
            ("\u{10}\u{c}\0\u{4}MQTT".to_owned(), "400", "found no HTTP"),
        ] {
            let Answer::Refused { response, words } = answer(head.as_bytes(), "/mqtt") else {
                panic!("{head} is not refused")
            };
            assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{response}");
            assert!(words.contains(message) && response.ends_with(&format!("{words}\n")), "{response}");
        }
    }
}
