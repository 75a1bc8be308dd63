//! Runs a script against the binary. Beside what `notation.rs` says, a line may be:
//!
//! ```text
//! toml max_connections = 1         # a line of signalbox.toml
//! certificates                     # there are server.pem, server.key and ca.pem
//! $ bans add --client a            # a command, which has to succeed
//! a opens at=secure                # a connection to the listener of that name
//! a > CONNECT password=TOKEN(+1s)  # a token of user `ann`, signed with the key `script`, that expires then
//! a < CONNACK banned code=8a       # `code` is the byte on the wire
//! a ends                           # the broker hangs up, whatever it says before: the word of another protocol
//! log new clients are refused      # waits until the log says that
//! ```
//!
//! A broker is told to stop by SIGTERM, and killed by SIGKILL and started again in the same directory. What a script says of
//! events is looked up when it is over.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use jsonwebtoken::{EncodingKey, Header};
use mqtt::Packet;
use serde_json::{Value, json};

use crate::notation::{self, Line, Words};
use crate::packets;
use crate::support::client::Client;
use crate::support::pki::{Authority, Purpose};
use crate::support::server::{Home, Server};
use crate::support::told::Told;

/// What signs the tokens.
const TOKEN_KEY: &str = "script";

/// A broker, its clients, and what its history is to have in the end.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) home: Home,
    config: String,
    acl: String,
    pub(crate) server: Option<Server>,
    is_stopping: bool,
    clients: BTreeMap<String, Client>,
    expected: Vec<(usize, bool, String, Words)>,
}

/// Runs a script; says where it does not hold.
pub(crate) fn run(path: &Path) -> Result<(), String> {
    let mut world = World::new();
    let ran = world.play(&std::fs::read_to_string(path).unwrap()).and_then(|()| world.check_history());
    ran.map_err(|(number, message)| format!("{}:{number}: {message}", path.display()))
}

impl World {
    pub(crate) fn new() -> World {
        World {
            home: Home::new(),
            config: String::new(),
            acl: String::new(),
            server: None,
            is_stopping: false,
            clients: BTreeMap::new(),
            expected: Vec::new(),
        }
    }

    /// Takes the lines of a script; says which one does not hold.
    pub(crate) fn play(&mut self, text: &str) -> Result<(), (usize, String)> {
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.starts_with('#')) {
            self.take(number, line).map_err(|message| (number, message))?;
        }
        Ok(())
    }

    fn take(&mut self, number: usize, line: &str) -> Result<(), String> {
        if let Some(option) = line.strip_prefix("toml ") {
            self.config.extend([option, "\n"]);
        } else if line == "certificates" {
            let authority = Authority::new("Script CA");
            authority.write(&self.home, "ca.pem");
            authority.sign(&self.home, "server", (Purpose::Server, 1));
        } else if let Some(arguments) = line.strip_prefix("$ ") {
            let arguments: Vec<&str> = arguments.split_whitespace().collect();
            let said = self.home.run(&arguments);
            if said.code != Some(0) {
                return Err(format!("expected the command to succeed, found: {}", said.stderr));
            }
        } else if let Some(name) = line.strip_suffix(" ends") {
            self.client(name).wait_for_end_of_anything()?;
        } else if let Some(words) = line.strip_prefix("log ") {
            self.server().wait_for_log(words);
        } else if let Some(line) = notation::parse(&with_tokens(line)?)? {
            self.take_line(number, line)?;
        }
        Ok(())
    }

    fn take_line(&mut self, number: usize, line: Line) -> Result<(), String> {
        match line {
            Line::User(name, password) => {
                let said = self.home.run_with_input(&["users", "add", &name, "--password-stdin"], &password);
                assert_eq!(said.code, Some(0), "{}", said.stderr);
            }
            Line::Acl(line) => self.acl.extend([&*line, "\n"]),
            Line::Opens(name, words) => self.open(&name, &words)?,
            Line::Sends(name, kind, words) => {
                let packet = packets::packet(&kind, &words)?;
                if let Packet::Connect(connect) = &packet {
                    self.client(&name).version = connect.version;
                }
                let client = self.client(&name);
                let mut bytes = bytes::BytesMut::new();
                mqtt::encode(&packet, client.version, &mut bytes).map_err(|error| error.to_string())?;
                client.send(&bytes);
            }
            Line::SendsBytes(name, bytes) => self.client(&name).send(&bytes),
            Line::Gets(name, kind, words) => check_packet(self.client(&name).next_packet()?, &kind, &words)?,
            Line::Closes(name) => self.clients.remove(&name).ok_or("expected a client that is there")?.close(),
            Line::Closed(name) => self.client(&name).wait_for_end()?,
            Line::Event(kind, words) => self.expected.push((number, true, kind, words)),
            Line::NoEvent(kind, words) => self.expected.push((number, false, kind, words)),
            Line::BrokerStops => self.stop(),
            Line::BrokerIsKilled => {
                let server = self.server.take().ok_or("expected a broker that runs")?;
                server.signal("KILL");
                server.wait();
                self.clients.clear();
            }
            Line::Config(_)
            | Line::AclBecomes(_)
            | Line::GetsNothing(_)
            | Line::Breaks(_)
            | Line::Clock(_)
            | Line::Kick(_)
            | Line::RulePublishes(_)
            | Line::Sessions(_) => return Err(format!("expected a line for sockets, found {line:?}")),
        }
        Ok(())
    }

    /// The broker, which is started when it is needed first, and again when it was killed.
    pub(crate) fn server(&mut self) -> &mut Server {
        self.server.get_or_insert_with(|| {
            self.home.write("signalbox.toml", &self.config);
            if !self.acl.is_empty() {
                self.home.write("acl", &self.acl);
            }
            self.home.serve()
        })
    }

    fn open(&mut self, name: &str, words: &Words) -> Result<(), String> {
        let text = |name: &str| words.iter().find(|(word, _)| word == name).and_then(|(_, value)| value.as_deref());
        let version = packets::version(text("version"))?;
        let server = self.server();
        let address = text("at").map_or(server.mqtt, |listener| server.listener(listener));
        self.clients.insert(name.to_owned(), Client::open(address, version));
        Ok(())
    }

    pub(crate) fn client(&mut self, name: &str) -> &mut Client {
        if !self.clients.contains_key(name) {
            self.open(name, &Words::new()).expect("nothing is said of it that could be wrong");
        }
        self.clients.get_mut(name).unwrap()
    }

    /// Stops the broker and looks for the events in its history. Each line has one of its own; the order between
    /// connections is nobody's.
    fn check_history(mut self) -> Result<(), (usize, String)> {
        self.stop();
        let told = Told::left_by(self.server.take().expect("it was started"), &self.home);
        told.assert_numbered();
        let mut rest = told.0;
        for (number, is_wanted, kind, words) in &self.expected {
            let found = rest.iter().position(|event| matches(event, kind, words)).map(|at| rest.remove(at));
            match found {
                None if *is_wanted => {
                    return Err((*number, format!("expected such an event, found only these: {rest:#?}")));
                }
                Some(event) if !is_wanted => return Err((*number, format!("expected no such event, found {event}"))),
                Some(_) | None => {}
            }
        }
        Ok(())
    }

    /// Tells the broker to stop, once.
    fn stop(&mut self) {
        if !std::mem::replace(&mut self.is_stopping, true) {
            self.server().signal("TERM");
        }
    }
}

/// Compares a packet with what a line says of it.
fn check_packet((packet, bytes): (Packet, Vec<u8>), kind: &str, words: &Words) -> Result<(), String> {
    if packet.packet_type().name() != kind {
        return Err(format!("expected {kind}, found {packet:?}"));
    }
    let mut fields = packets::fields(&packet);
    // Behind the fixed header CONNACK has its flags, and then its code; DISCONNECT has its code at once, or none for 0.
    let at = if kind == "CONNACK" { 3 } else { 2 };
    fields.push(("code".to_owned(), format!("{:02x}", bytes.get(at).copied().unwrap_or(0))));
    for (word, value) in words {
        let (name, expected) = value.as_ref().map_or(("reason", word), |value| (word.as_str(), value));
        let found: Vec<_> = fields.iter().filter(|(field, _)| field == name).map(|(_, text)| &**text).collect();
        let found = (!found.is_empty()).then(|| found.join(",").replace(' ', "_"));
        if found.as_ref() != Some(expected) {
            return Err(format!("expected `{name}` to be `{expected}`, found {found:?} in {packet:?}"));
        }
    }
    Ok(())
}

fn matches(event: &Value, kind: &str, words: &Words) -> bool {
    let is = |name: &str, expected: &str| {
        let found = match &event[name] {
            Value::Null => "NULL".to_owned(),
            Value::String(text) => text.replace(' ', "_"),
            value @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => value.to_string(),
        };
        found == expected || (expected == "present" && found != "NULL")
    };
    event["event"].as_str().is_some_and(|name| name.replace('.', "_") == kind)
        && words.iter().all(|(name, value)| is(name, value.as_deref().unwrap_or("true")))
}

/// The line with the tokens it asks for.
fn with_tokens(line: &str) -> Result<String, String> {
    let Some((before, rest)) = line.split_once("TOKEN(+") else { return Ok(line.to_owned()) };
    let (life, behind) = rest.split_once(')').ok_or("expected `TOKEN(+TIME)`")?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let expires = now + notation::duration(life)?;
    Ok(format!("{before}{}{behind}", token(expires)))
}

fn token(expires: Duration) -> String {
    let claims = json!({ "sub": "ann", "exp": expires.as_secs_f64() });
    jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(TOKEN_KEY.as_bytes())).unwrap()
}
