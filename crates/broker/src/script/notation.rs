//! What a line of a script may be.
//!
//! ```text
//! # a comment; the first one says what holds, and cites the standard
//! config queue_len_max=2 max_qos=1     # settings: limits and listener
//! user pump-17 secret                  # a line of the users file
//! acl topic read weather/#             # a line of the ACL file
//! acl becomes topic read other/#       # the ACL file has only this line from now on
//! a opens from=192.0.2.7 version=3.1.1 # a connection; without this line it opens by itself, from 127.0.0.1
//! a > CONNECT clientid=a keepalive=10s # a packet from the client; MQTT 5 unless it says version=3.1.1
//! a > bytes 10 ff                      # bytes from the client
//! a > text GET / HTTP/1.1              # text from the client
//! a < CONNACK success                  # the next packet to the client; only what is named is compared
//! a < nothing                          # no packet waits
//! a closes                             # the client closes the network connection
//! a breaks                             # the network connection breaks
//! a closed                             # the broker has closed it
//! clock +14s                           # time passes
//! event client_connected clientid=a    # an event behind the last one that was named; what lies between is passed by
//! no event client_disconnected         # no such event behind the last one that was named
//! kick a                               # an operator ends the connection of a client
//! rule publishes topic=t payload=x     # a rule publishes
//! broker stops                         # the broker is told to stop
//! broker is killed                     # the broker is killed, and starts again a second later; wants `config durable`
//! sessions 1                           # so many sessions are there, with and without connection
//! ```

use std::time::Duration;

/// Words of a line: `name=value`, or a bare word.
pub(super) type Words = Vec<(String, Option<String>)>;

#[derive(Debug)]
pub(super) enum Line {
    Config(Words),
    User(String, String),
    Acl(String),
    AclBecomes(String),
    Opens(String, Words),
    Sends(String, String, Words),
    SendsBytes(String, Vec<u8>),
    Gets(String, String, Words),
    GetsNothing(String),
    Closes(String),
    Breaks(String),
    Closed(String),
    Clock(Duration),
    Event(String, Words),
    NoEvent(String, Words),
    Kick(String),
    RulePublishes(Words),
    BrokerStops,
    BrokerIsKilled,
    Sessions(usize),
}

impl Line {
    /// Whether it belongs before everything that happens.
    pub(super) fn is_setting(&self) -> bool {
        matches!(self, Line::Config(_) | Line::User(..) | Line::Acl(_))
    }
}

/// Reads a line; `None` where it says nothing.
pub(super) fn parse(line: &str) -> Result<Option<Line>, String> {
    let line = if line.starts_with('#') { "" } else { line.split("  #").next().unwrap_or("") };
    let line = line.trim();
    if line.is_empty() {
        return Ok(None);
    }
    let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
    let rest = rest.trim();
    Ok(Some(match first {
        "config" => Line::Config(words(rest)),
        "user" => {
            let (name, password) = rest.split_once(' ').ok_or("expected `user NAME PASSWORD`")?;
            Line::User(name.to_owned(), password.to_owned())
        }
        "acl" => match rest.strip_prefix("becomes ") {
            Some(line) => Line::AclBecomes(line.to_owned()),
            None => Line::Acl(rest.to_owned()),
        },
        "clock" => Line::Clock(duration(rest.strip_prefix('+').ok_or("expected `clock +TIME`")?)?),
        "event" => Line::Event(head(rest), words(tail(rest))),
        "no" => {
            let rest = rest.strip_prefix("event ").ok_or("expected `no event KIND`")?;
            Line::NoEvent(head(rest), words(tail(rest)))
        }
        "kick" => Line::Kick(rest.to_owned()),
        "sessions" => Line::Sessions(rest.parse().map_err(|_| "expected `sessions NUMBER`")?),
        "rule" => Line::RulePublishes(words(rest.strip_prefix("publishes").ok_or("expected `rule publishes`")?)),
        "broker" if rest == "stops" => Line::BrokerStops,
        "broker" if rest == "is killed" => Line::BrokerIsKilled,
        client => of_client(client, rest)?,
    }))
}

fn of_client(client: &str, rest: &str) -> Result<Line, String> {
    let client = client.to_owned();
    let what = tail(rest);
    Ok(match head(rest).as_str() {
        "opens" => Line::Opens(client, words(what)),
        "closes" => Line::Closes(client),
        "breaks" => Line::Breaks(client),
        "closed" => Line::Closed(client),
        ">" => match head(what).as_str() {
            "bytes" => Line::SendsBytes(client, hex(tail(what))?),
            "text" => Line::SendsBytes(client, format!("{}\r\n\r\n", tail(what)).into_bytes()),
            packet => Line::Sends(client, packet.to_owned(), words(tail(what))),
        },
        "<" => match head(what).as_str() {
            "nothing" => Line::GetsNothing(client),
            packet => Line::Gets(client, packet.to_owned(), words(tail(what))),
        },
        _ => return Err(format!("expected a line of a script, found `{client} {rest}`")),
    })
}

fn head(text: &str) -> String {
    text.split(' ').next().unwrap_or("").to_owned()
}

fn tail(text: &str) -> &str {
    text.split_once(' ').map_or("", |(_, rest)| rest.trim())
}

fn words(text: &str) -> Words {
    text.split_whitespace()
        .map(|word| match word.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (word.to_owned(), None),
        })
        .collect()
}

/// `14s`, `500ms`, `2h`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| format!("expected a time such as `14s`, found `{text}`"))?;
    match text.strip_prefix(digits).unwrap_or_default() {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        "h" => Ok(Duration::from_secs(number * 3600)),
        unit => Err(format!("expected `ms`, `s` or `h`, found `{unit}`")),
    }
}

fn hex(text: &str) -> Result<Vec<u8>, String> {
    text.split_whitespace()
        .map(|byte| u8::from_str_radix(byte, 16).map_err(|_| format!("expected a byte in hex, found `{byte}`")))
        .collect()
}
